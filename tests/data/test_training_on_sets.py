"""A few training steps on every public set, from files in its publisher's format."""

import math

import pytest

from deltavae.config import configured
from deltavae.data import load
from deltavae.data.pipeline import batches
from deltavae.data.public.base import PublicData
from deltavae.data.registry import DATASETS


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name, dataset in DATASETS.items() if issubclass(dataset, PublicData)]
)
def test_a_few_steps(name, public_root, small_sizes):
    data = load(name, public_root)
    with configured(["gin/base.gin"], [f'dataset.name = "{name}"']) as experiment:
        model = experiment.model(data.image_shape)
    model.compile(optimizer="adam")
    history = model.fit(batches(data, 16, 0, 0, 5), verbose=0, shuffle=False)
    assert math.isfinite(history.history["loss"][-1])
    assert model.representation(data.images([0, 1])).shape[0] == 2
