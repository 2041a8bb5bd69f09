"""What TensorBoard shows of a run while it trains."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from deltavae.data import GroundTruthData
from deltavae.data.batches import map_batches
from deltavae.data.image_grid import grid, in_rows, pairs, to_rgb
from deltavae.errors import UserError
from deltavae.io import atomic_write
from deltavae.models.delta_vae import DeltaVAE
from deltavae.run_dir import RunDir

_SHOWN, _PROJECTED, _STRIP, _PATHS, _THUMBNAIL = 16, 1000, 11, 6, 32


class TensorBoardLog:
    """Writes events for TensorBoard between epochs, off the training step.

    Every epoch the terms of the objective, C and the learning rate; every `every` epochs, from
    the first on, reconstructions, paths around the latent space, and the points of 1,000
    images for the embedding projector. The projector's labels are the factors: they are looked
    at, not trained on. A run's configuration stands under Text.

    Args:
        run_dir: the events go to its `model/tensorboard`.
        every: epochs between two rounds of pictures; 0 writes nothing at all.
        config: the operative configuration.
    """

    def __init__(self, run_dir: RunDir, every: int = 10, config: str = "") -> None:
        if not isinstance(every, int) or every < 0:
            raise UserError(
                "tensorboard.every is impossible", expected="a whole number >= 0", received=every
            )
        self.folder = run_dir.tensorboard
        self.every = every
        self._config = config
        self._writer: tf.summary.SummaryWriter | None = None

    def epoch_done(self, model: DeltaVAE, data: GroundTruthData, row: Mapping[str, Any]) -> None:
        """Write an epoch's row of the history, and pictures if it is their turn."""
        if not self.every:
            return
        step = row["step"]
        with self._opened().as_default(step=step):
            for name, value in row.items():
                if name not in ("epoch", "step") and isinstance(value, int | float):
                    tf.summary.scalar(f"train/{name}", value)
            if row["epoch"] % self.every == 0:
                self._pictures(model, data)
        self._opened().flush()

    def _opened(self) -> Any:
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.folder))
            with self._writer.as_default(step=0):
                tf.summary.text("configuration", f"```\n{self._config}\n```")
        return self._writer

    def _pictures(self, model: DeltaVAE, data: GroundTruthData) -> None:
        chosen = np.random.RandomState(0).permutation(data.num_images)[:_PROJECTED]
        images = data.images(chosen)
        points = map_batches(lambda batch: model.parameters(batch)["loc"], images)
        made = np.asarray(model.decode(points[:_SHOWN]))
        tf.summary.image("reconstructions", grid(pairs(images[:_SHOWN], made, 8))[None])
        manifold = model.posterior.manifold
        axes = np.linalg.svd(points, full_matrices=False)[2][:_PATHS].astype(np.float64)
        paths = manifold.closed_geodesics(points[0], axes, _STRIP)[:_PATHS]
        if paths:
            along = np.concatenate([path.points for path in paths]).astype(np.float32)
            decoded = in_rows(np.asarray(model.decode(along)), _STRIP)
            tf.summary.image("paths", grid(decoded)[None])
        self._project(np.asarray(model.posterior.embed(points)), images, data, chosen)

    def _project(
        self, codes: np.ndarray, images: np.ndarray, data: GroundTruthData, chosen: np.ndarray
    ) -> None:
        """The files of the embedding projector: vectors, labels, thumbnails."""
        vectors = "\n".join("\t".join(f"{number:.5g}" for number in code) for code in codes)
        atomic_write(self.folder / "codes.tsv", vectors + "\n")
        names = list(data.factor_names)
        lines = ["\t".join(map(str, factors)) for factors in data.factors(chosen)]
        if len(names) > 1:  # a single column has no heading, by the projector's rules
            lines.insert(0, "\t".join(names))
        atomic_write(self.folder / "factors.tsv", "\n".join(lines) + "\n")
        columns = int(np.ceil(np.sqrt(len(images))))
        small = [
            np.asarray(Image.fromarray(image).resize((_THUMBNAIL, _THUMBNAIL)))
            for image in to_rgb(images)
        ]
        blank = [np.zeros_like(small[0])] * (columns**2 - len(small))
        sprite = np.stack(small + blank).reshape(columns, columns, _THUMBNAIL, _THUMBNAIL, 3)
        Image.fromarray(grid(sprite, gap=0)).save(self.folder / "sprite.png")
        atomic_write(self.folder / "projector_config.pbtxt", _PROJECTOR)


_PROJECTOR = f"""embeddings {{
  tensor_name: "codes"
  tensor_path: "codes.tsv"
  metadata_path: "factors.tsv"
  sprite {{
    image_path: "sprite.png"
    single_image_dim: {_THUMBNAIL}
    single_image_dim: {_THUMBNAIL}
  }}
}}
"""
