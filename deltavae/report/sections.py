"""All chapters of a run's pictures, in the order of a page."""

from deltavae.report.figures.codes import carrier_chapter, latent_chapter
from deltavae.report.figures.decoder import reconstruction_chapter, traversal_chapter
from deltavae.report.figures.history import history_chapter
from deltavae.report.run_artifacts import Material
from deltavae.report.section import Chapter


def chapters(material: Material) -> list[Chapter]:
    """Every chapter; what cannot be shown is said in `left_out`."""
    return [
        history_chapter(material),
        reconstruction_chapter(material),
        traversal_chapter(material),
        latent_chapter(material),
        carrier_chapter(material),
    ]
