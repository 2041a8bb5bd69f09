"""The fused Adam against the published algorithm."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deltavae.models.adam import FusedAdam


def algorithm_1(weights, gradients, rate, beta1, beta2, epsilon):
    """Kingma and Ba, Adam (arXiv 1412.6980), in the order of the end of section 2."""
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for t, gradient in enumerate(gradients, 1):
        first = beta1 * first + (1 - beta1) * gradient
        second = beta2 * second + (1 - beta2) * gradient**2
        step = rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
        weights = weights - step * first / (np.sqrt(second) + epsilon)
    return weights, first, second


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9)])
def test_steps_are_those_of_the_published_algorithm(betas, jit_compile):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=(3, 5)), rng.normal(size=(20, 3, 5))
    gradients[:, 0] *= 1e-7  # where epsilon counts
    variable = keras.Variable(start.astype(np.float32))
    optimizer = FusedAdam(1e-2, *betas, epsilon=1e-8)
    optimizer.build([variable])

    @tf.function(jit_compile=jit_compile)
    def step(gradient):
        optimizer.apply_gradients([(gradient, variable)])

    for gradient in gradients:
        step(tf.constant(gradient, tf.float32))
    weights, first, second = algorithm_1(start, gradients, 1e-2, *betas, 1e-8)
    np.testing.assert_allclose(variable.numpy(), weights, rtol=1e-5, atol=1e-6)
    *_, m, v = (state.numpy() for state in optimizer.variables)
    np.testing.assert_allclose(m, first, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(v, second, rtol=1e-4)


def test_its_state_is_laid_out_as_that_of_keras():
    """So that checkpoints made with Keras' Adam go on with it."""
    variables = [keras.Variable(np.zeros(shape, np.float32)) for shape in ((2, 3), (3,))]
    ours, theirs = FusedAdam(1e-3), keras.optimizers.Adam(1e-3)
    ours.build(variables)
    theirs.build(variables)
    paths = [[v.path.split("/", 1)[1] for v in each.variables] for each in (ours, theirs)]
    assert paths[0] == paths[1]


def test_a_compiled_model_is_loaded_with_it(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(FusedAdam(3e-4, 0.5), "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras").optimizer
    assert isinstance(again, FusedAdam)
    for ours, theirs in zip(again.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_amsgrad_is_refused():
    with pytest.raises(NotImplementedError, match="AMSGrad"):
        FusedAdam(1e-3, amsgrad=True)
