"""`python -m deltavae.plots RUN_DIR`: the pictures of a run as files."""

import argparse
import sys
from pathlib import Path

from deltavae.quiet import start_tensorflow

start_tensorflow()

from matplotlib.figure import Figure
from rich.console import Console

from deltavae.errors import UserError
from deltavae.plots import encode
from deltavae.plots.album import Picture
from deltavae.plots.chapters import chapters
from deltavae.plots.material import gather
from deltavae.run_dir import atomic_write


def main(arguments: list[str] | None = None) -> int:
    """Write every picture and say what was left out; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deltavae.plots", description=__doc__)
    parser.add_argument("run_dir", help="a folder that train.py wrote")
    parser.add_argument("--output_dir", help="where to; default: RUN_DIR/plots")
    parser.add_argument("--data_dir", help="where the data sets lie")
    chosen = parser.parse_args(arguments)
    console = Console(soft_wrap=True)
    try:
        material = gather(chosen.run_dir, chosen.data_dir)
        folder = Path(chosen.output_dir or material.dir.path / "plots")
        for chapter in chapters(material):
            for picture in chapter.pictures:
                for path in write(picture, folder):
                    console.print(str(path), markup=False, highlight=False)
            for what, why in chapter.left_out:
                console.print(f"left out: {what}: {why}", markup=False, highlight=False)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


def write(picture: Picture, folder: Path) -> list[Path]:
    """Write a picture as PNG, and SVG where it is made of lines; animations as WebP and GIF."""
    content = picture.content
    if isinstance(content, Figure):
        files = {".png": encode.figure_png(content)}
        if picture.vector:
            files[".svg"] = encode.figure_svg(content)
    elif content.ndim == 3:
        files = {".png": encode.image_png(content)}
    else:
        files = {
            ".webp": encode.animation_webp(content),
            ".gif": encode.animation_gif(content),
        }
    paths = []
    for suffix, data in files.items():
        path = folder / f"{picture.name}{suffix}"
        atomic_write(path, data)
        paths.append(path)
    return paths


if __name__ == "__main__":
    sys.exit(main())
