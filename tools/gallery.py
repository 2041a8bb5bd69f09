"""`python -m tools.gallery RUN`: the pictures of the documentation, from a real run.

`RUN` is a run on a data set with a periodic factor. `--beside S1 R1` names two runs on
`turntable_azimuth`, with latent spaces S^1 and R^1; `make demo` leaves all three.
"""

import argparse
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from deltavae.cli.startup import start_tensorflow

start_tensorflow()

import numpy as np
from rich.console import Console

from deltavae.errors import UserError
from deltavae.io import atomic_write
from deltavae.report import figure_files as encode
from deltavae.report.figures.circle_and_line import circle_and_line
from deltavae.report.figures.codes import latent_maps
from deltavae.report.figures.decoder import closed_paths, factor_orbits
from deltavae.report.figures.learning_curves import capacity_curve
from deltavae.training.saved_run import Run
from tools.kl_figure import kl_figure


def gallery(run: Run) -> Iterator[tuple[str, bytes]]:
    """Names of files and their bytes.

    The map and the orbit of the first factor on a circle, great circles at rest and in motion,
    the KL against the capacity; and, of no run, what the KL of the diffusion is.

    Raises:
        UserError: a part of the run is missing, or its set has no factor on a circle.
    """
    periodic = list(run.data.periodic)
    if not periodic:
        raise UserError("no circle to show", expected="a set with a periodic factor")
    wanted = {f"map-{periodic[0]}": "latent_circle", f"orbit-{periodic[0]}": "orbit"}
    for picture in (*latent_maps(run), *factor_orbits(run)):
        if picture.name in wanted:
            yield f"{wanted[picture.name]}.png", encode.png(picture.content)
    moving, still = closed_paths(run)
    yield "great_circles.webp", encode.animation_webp(np.asarray(moving.content))
    yield "great_circles.png", encode.png(still.content)
    yield "capacity.svg", encode.figure_svg(capacity_curve(run.history))
    yield "latent_distributions.png", encode.figure_png(kl_figure())


def main(arguments: list[str] | None = None) -> int:
    """Write the pictures and name them; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.gallery", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("run_dir", help="a folder that train.py wrote")
    parser.add_argument(
        "--beside",
        metavar=("S1", "R1"),
        nargs=2,
        help="two runs, with gin/circle.gin and gin/line.gin: circle_and_line.png",
    )
    parser.add_argument("--output_dir", default="docs/images", help="default: docs/images")
    chosen = parser.parse_args(arguments)
    console = Console(soft_wrap=True)
    try:
        pictures = gallery(Run(chosen.run_dir))
        if chosen.beside:
            hero = circle_and_line(*(Run(path) for path in chosen.beside))
            pictures = itertools.chain(
                [("circle_and_line.png", encode.png(hero.content))], pictures
            )
        for name, data in pictures:
            path = Path(chosen.output_dir) / name
            atomic_write(path, data)
            console.print(str(path), markup=False, highlight=False)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
