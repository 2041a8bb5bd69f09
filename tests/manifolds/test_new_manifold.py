"""The example of docs/extending/new_latent_space.md joins everything that a space can join."""

import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from deltavae.manifolds import Hypersphere, Manifold, Product
from deltavae.models import networks
from deltavae.models.delta_vae import DeltaVAE
from deltavae.models.objectives import CapacityObjective
from deltavae.models.readouts import fit_readout
from deltavae.posteriors import DiffusionPosterior
from tests.manifolds import test_all

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/extending/new_latent_space.md"
_NAMES: dict = {}
exec(re.search(r"```python\n(.*?)```", PAGE.read_text(), re.S)[1], _NAMES)
CIRCLE = _NAMES["Circle"](2.0)


def test_the_example_leaves_nothing_abstract():
    assert isinstance(CIRCLE, Manifold)


@pytest.mark.parametrize(
    "theorem",
    [
        test_all.test_geodesics_stay_on_the_manifold_with_constant_speed,
        test_all.test_log_inverts_exp_and_measures_the_distance,
        test_all.test_uniform_points_average_to_the_volume,
        test_all.test_kernel_is_symmetric_and_solves_the_heat_equation,
        test_all.test_exact_samples_carry_the_exact_kl,
        test_all.test_short_walks_agree_with_normal_steps,
        test_all.test_configurations_rebuild,
    ],
)
def test_every_theorem_holds_on_it(theorem):
    theorem(CIRCLE)


def test_a_wrong_space_fails_the_theorems():
    """A circle whose KL forgets the radius."""

    class Wrong(type(CIRCLE)):
        def kl_exact(self, log_t):
            return self.unit.kl_exact(log_t)

    with pytest.raises(AssertionError):
        test_all.test_exact_samples_carry_the_exact_kl(Wrong(2.0))


@pytest.mark.parametrize("space", [CIRCLE, Product([CIRCLE, CIRCLE, Hypersphere(2)])], ids=str)
def test_posterior_readouts_and_paths_work_on_it(space, tmp_path):
    keras.utils.set_random_seed(0)
    shape = (64, 64, 1)
    times = "per_factor" if isinstance(space, Product) else "shared"
    posterior = DiffusionPosterior(space, times=times)
    model = DeltaVAE(
        networks.mlp_encoder(shape, units=(4,)),
        posterior,
        networks.mlp_decoder(shape, posterior.latent_dim, units=(4,)),
        CapacityObjective(),
    )
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    images = tf.random.stateless_uniform([40, *shape], (0, 1))
    terms = model.update(images)
    assert terms["kl_per_factor"].shape == (40, space.num_factors)
    assert np.all(np.isfinite(terms["loss"]))
    codes = model.embedding(images).numpy()
    for name, size in (("aligned", space.embedding_dim), ("principal", space.num_factors)):
        readout = fit_readout(name, codes, space)
        assert readout(codes).shape == (40, size) and len(readout.codes) == size
    model.readout = readout
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert again.posterior.manifold == space
    np.testing.assert_array_equal(again.representation(images), model.representation(images))
    point = model.parameters(images)["loc"][0].numpy()
    paths = space.closed_geodesics(point, np.eye(space.ambient_dim), 9)
    assert len(paths) >= 1
    for path in paths:
        np.testing.assert_allclose(path.points[0], point, atol=1e-6)
        np.testing.assert_allclose(space.project(path.points), path.points, atol=1e-6)
    axis = space.along_axis(point.astype(float), np.eye(space.ambient_dim)[0], 5)
    np.testing.assert_allclose(space.project(axis), axis, atol=1e-6)
