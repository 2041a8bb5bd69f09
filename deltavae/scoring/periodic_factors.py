"""What the challenge's scores can't see: linear probes and D_LSBD for the periodic factors."""

from __future__ import annotations

import numpy as np

from deltavae.data import GroundTruthData
from deltavae.scoring.draws import IndexedData
from deltavae.scoring.lsbd import d_lsbd, orbit_images, turning_factors
from deltavae.scoring.probes import probe_factors

MAX_PROBED = 5000


class PeriodicScores:
    """The scores of the periodic factors, on images chosen before anything is encoded.

    Args:
        index: what the codes belong to; without periodic factors there are no scores.
        data: the images, for the baseline; None leaves the baseline out.
        seed: of the choice of images and of the probes' splits.
    """

    def __init__(self, index: IndexedData, data: GroundTruthData | None, seed: int) -> None:
        self._index, self._data, self._seed = index, data, seed
        none = np.zeros(0, np.int64)
        order = np.random.RandomState(seed).permutation(index.num_images)
        self._probed = np.sort(order[:MAX_PROBED]) if index.angles else none
        self._orbits = orbit_images(index, seed) if turning_factors(index) else none

    @property
    def images(self) -> np.ndarray:
        """Numbers of the images whose codes `score` needs, ascending."""
        return np.union1d(self._probed, self._orbits.ravel())

    def score(
        self, codes: np.ndarray, with_pixels: bool = True
    ) -> dict[str, dict[str, float | str]]:
        """By factor: what `probes.probe_factors` finds, and `d_lsbd` where it is defined.

        Args:
            codes: float (num_images, k).
            with_pixels: whether the probe of a PCA of the pixels stands beside.
        """
        data, probed = self._data if with_pixels else None, self._probed
        if not self._index.angles:
            return {}

        def pixels() -> np.ndarray:
            assert data is not None
            return data.images(probed).reshape(len(probed), -1).astype(np.float32)

        found = probe_factors(
            codes[probed],
            self._index.factors(probed),
            list(self._index.names),
            self._index.factors_num_values,
            self._index.angles,
            self._index.symmetries,
            seed=self._seed,
            pixels=None if data is None else pixels,
        )
        turning = turning_factors(self._index)
        if turning and codes.shape[1] > 1:
            turns = [self._index.symmetries[name] * self._index.angles[name] for name in turning]
            for name, value in zip(turning, d_lsbd(codes[self._orbits], turns), strict=True):
                found[name]["d_lsbd"] = value
        return found
