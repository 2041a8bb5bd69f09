"""The figure of a circle and a line: what is measured, and that every image is drawn."""

import dataclasses

import keras
import numpy as np
import pytest

from deltavae.errors import UserError
from deltavae.io import write_json
from deltavae.manifolds import Hypersphere
from deltavae.models.delta_vae import DeltaVAE
from deltavae.models.networks import mlp_decoder, mlp_encoder
from deltavae.models.objectives import CapacityObjective
from deltavae.posteriors import DiffusionPosterior, GaussianPosterior
from deltavae.report.figures.circle_and_line import (
    circle_and_line,
    orbit,
    torn_step,
)
from deltavae.training.saved_run import Run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Untrained models with one latent dimension, as runs on `turntable_azimuth`."""
    keras.utils.set_random_seed(0)
    shape, made = (64, 64, 3), []
    for posterior in (DiffusionPosterior(Hypersphere(1)), GaussianPosterior(1)):
        path = tmp_path_factory.mktemp("run")
        model = DeltaVAE(
            mlp_encoder(shape, units=(8,)),
            posterior,
            mlp_decoder(shape, posterior.latent_dim, units=(8,)),
            CapacityObjective(),
        )
        (path / "model").mkdir()
        model.save(path / "model" / "model.keras")
        write_json(path / "model" / "run.json", {"dataset": "turntable_azimuth"})
        made.append(Run(path))
    return made


def test_the_tear_is_the_largest_step_between_neighbours(runs):
    """Codes 0, 1, 2, 3, -1: the step from 3 to -1 is the whole range of 4."""
    codes = np.array([0.0, 1, 2, 3, -1])
    assert torn_step(dataclasses.replace(orbit(runs[1]), codes=codes)) == (3, 1.0)


def test_every_image_is_drawn_on_both_spaces(runs):
    picture = circle_and_line(*runs)
    left, right = picture.content.axes
    assert len(left.images) == len(right.images) == 24 + 12
    assert "the tear" in right.texts[0].get_text()
    # codes of the circle are decoded at equal angles, which begin at the first image's
    found = orbit(runs[0])
    np.testing.assert_allclose(np.diff(found.path), 2 * np.pi / 12)
    np.testing.assert_allclose(found.path[0], found.codes[0])


def test_the_runs_must_be_a_circle_and_a_line(runs):
    with pytest.raises(UserError, match="latent space S\\^1"):
        circle_and_line(runs[1], runs[0])
    with pytest.raises(UserError, match="latent space R\\^1"):
        circle_and_line(runs[0], runs[0])
