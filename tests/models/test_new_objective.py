"""The example of docs/extending/new_objective.md trains, stops, resumes, saves and loads."""

import pathlib
import re
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from deltavae.training.interrupts import StopRequest
from tests.faults.small import Noise, Silent, drive, outcome, small_loop

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/extending/new_objective.md"


@pytest.fixture(scope="module")
def objective():
    names = {}
    exec(re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[1], names)
    return names["SquaredKLObjective"]


def test_the_example_is_an_objective(objective, tmp_path):
    def loop(name, resume=False):
        return small_loop(tmp_path / name, resume, objective=objective(0.5), steps=12)

    whole, stop = drive(loop("whole"), StopRequest()), StopRequest()

    def when(step):
        if step == 7:
            stop.number = signal.SIGTERM

    drive(loop("cut"), stop, Silent(when))
    assert outcome(drive(loop("cut", resume=True), StopRequest())) == outcome(whole)

    images, seed = Noise().images(range(8)), tf.constant([0, 0])
    # moved to where the KL is well above 0
    whole.model.posterior.loc_head.bias.assign([3.0, 2.0])
    terms = whole.model.losses_per_image(images, seed, False)
    assert min(terms["kl"]) > 6
    penalty = terms["loss"] - terms["reconstruction"]
    np.testing.assert_allclose(penalty, 0.5 * terms["kl"] ** 2, rtol=1e-3)
    whole.model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(
        again.losses_per_image(images, seed, False)["loss"], terms["loss"]
    )
