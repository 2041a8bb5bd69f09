"""All chapters of a run's pictures, in the order of a page."""

from deltavae.plots.album import Chapter
from deltavae.plots.coded import carrier_chapter, latent_chapter
from deltavae.plots.decoded import reconstruction_chapter, traversal_chapter
from deltavae.plots.history import history_chapter
from deltavae.plots.material import Material


def chapters(material: Material) -> list[Chapter]:
    """Every chapter; what cannot be shown is said in `left_out`."""
    return [
        history_chapter(material),
        reconstruction_chapter(material),
        traversal_chapter(material),
        latent_chapter(material),
        carrier_chapter(material),
    ]
