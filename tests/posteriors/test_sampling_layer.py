"""The sampling layer: shapes, losses, saving."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.manifolds import SO3, FlatTorus, Hypersphere
from deltavae.posteriors import DiffusionSampling


@pytest.mark.parametrize("manifold", [Hypersphere(3), FlatTorus(2), SO3()], ids=repr)
def test_saved_layers_come_back(manifold, tmp_path):
    features = keras.Input([8])
    loc = keras.layers.Dense(manifold.ambient_dim)(features)
    log_t = keras.layers.Dense(1)(features)
    z = DiffusionSampling(manifold, mode="random_walk", num_steps=3, seed=4)([loc, log_t])
    model = keras.Model(features, z)
    x = tf.random.stateless_normal([6, 8], (0, 1))
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(model(x), again(x), atol=1e-6)
    layer = again.layers[-1]
    assert (layer.mode, layer.num_steps, layer.manifold) == ("random_walk", 3, manifold)
    sampled = again(x, training=True)
    np.testing.assert_allclose(manifold.project(sampled), sampled, atol=1e-6)
    assert float(tf.reduce_max(tf.abs(sampled - again(x, training=True)))) > 1e-3


def test_the_kl_joins_the_losses():
    layer = DiffusionSampling(Hypersphere(2), kl_weight=2.0)
    layer([tf.constant([[1.0, 0.0, 0.0]]), tf.math.log([[0.1]])])
    assert float(layer.losses[0]) == pytest.approx(2 * 2.04588, abs=1e-4)


def test_an_unknown_mode_is_refused_at_once():
    with pytest.raises(UserError, match="random_walk"):
        DiffusionSampling(Hypersphere(2), mode="fast")
