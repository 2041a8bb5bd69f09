"""The optimiser's update and its learning rate, against their closed forms."""

import math

import numpy as np
import pytest
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.training.interrupts import StopRequest
from deltavae.training.optimizer import learning_rate_at
from deltavae.training.settings import TrainSettings
from tests.faults.small import Silent, drive, outcome, small_loop

COSINE = {"learning_rate_schedule": "cosine", "warmup_steps": 5}


def closed_form(step, rate=1e-3, steps=20, warmup=5):
    if step < warmup:
        return rate * step / warmup
    return rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def test_cosine_schedule_is_its_closed_form():
    settings = TrainSettings(steps=20, learning_rate=1e-3, **COSINE)
    found = [learning_rate_at(settings, step) for step in range(21)]
    np.testing.assert_allclose(found, [closed_form(step) for step in range(21)], atol=1e-9)
    assert found[0] == found[20] == 0.0
    assert found[5] == pytest.approx(1e-3)
    without = TrainSettings(steps=20, learning_rate=1e-3, learning_rate_schedule="cosine")
    assert learning_rate_at(without, 0) == pytest.approx(1e-3)
    assert learning_rate_at(TrainSettings(learning_rate=1e-3), 12_345) == 1e-3


def test_each_step_moves_by_the_rate_that_the_schedule_and_the_history_give(tmp_path):
    # under a gradient of 1, Adam's step is the learning rate itself
    loop = small_loop(tmp_path, steps_per_epoch=1, **COSINE)
    terms = loop.model._terms

    def linear(images, *rest):
        total = tf.add_n([tf.reduce_sum(v) for v in loop.model.trainable_variables])
        losses, of_objective = terms(images, *rest)
        return losses | {"loss": tf.repeat(total, images.shape[0])}, of_objective

    loop.model._terms = linear
    biases = [loop.model.decoder.get_weights()[-1]]
    while loop.should_continue():
        loop.epoch(StopRequest(), Silent())
        biases.append(loop.model.decoder.get_weights()[-1])
    wanted = np.array([closed_form(step) for step in range(20)])
    moved = -np.diff(biases, axis=0)
    np.testing.assert_allclose(moved, np.tile(wanted[:, None], moved.shape[1]), atol=1e-8)
    np.testing.assert_allclose([row["learning_rate"] for row in loop.history], wanted, atol=1e-9)


def test_adamw_by_hand_on_one_step(tmp_path):
    rate, decay = 1e-3, 0.5
    plain = small_loop(tmp_path / "plain", steps=1)
    decayed = small_loop(tmp_path / "decayed", steps=1, weight_decay=decay)
    before = [v.numpy() for v in plain.model.trainable_variables]
    drive(plain, StopRequest())
    drive(decayed, StopRequest())
    kernels = 0
    for first, without, found in zip(
        before, plain.model.trainable_variables, decayed.model.trainable_variables, strict=True
    ):
        # w - lr (m / (sqrt(v) + epsilon) + decay w), the last term for kernels alone
        is_kernel = without.name == "kernel"
        kernels += is_kernel
        shrink = rate * decay * first if is_kernel else 0.0
        np.testing.assert_allclose(found.numpy(), without.numpy() - shrink, rtol=0, atol=3e-8)
        if is_kernel:
            assert np.abs(found.numpy() - without.numpy()).max() > 1e-6
    assert kernels == 5  # two layers of each network and the posterior's


@pytest.mark.parametrize("together", [1, 3])
def test_a_resumed_schedule_equals_an_uninterrupted_one(tmp_path, together):
    settings = COSINE | {"weight_decay": 0.1, "steps_per_execution": together}
    whole = outcome(drive(small_loop(tmp_path / "whole", **settings), StopRequest()))
    stopped, stop = small_loop(tmp_path / "run", **settings), StopRequest()
    stopped.epoch(stop, Silent())
    stopped.epoch(stop, Silent())
    resumed = small_loop(tmp_path / "run", resume=True, **settings)
    assert resumed.step == 12
    assert outcome(drive(resumed, StopRequest())) == whole
    if together == 3:
        one_by_one = small_loop(tmp_path / "one", **(settings | {"steps_per_execution": 1}))
        assert outcome(drive(one_by_one, StopRequest())) == whole


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rate_schedule": "linear"},
        {"warmup_steps": 5},
        {"warmup_steps": -1, "learning_rate_schedule": "cosine"},
        {"warmup_steps": 20, "learning_rate_schedule": "cosine"},
        {"weight_decay": -0.1},
        {"weight_decay": math.inf},
        {"beta1": 2.0},
        {"beta2": 1.0},
        {"epsilon": -1.0},
        {"learning_rate": math.nan},
    ],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(UserError, match=f"train.{next(iter(wrong))}.*expected"):
        TrainSettings(steps=20, **wrong)
