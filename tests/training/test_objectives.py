"""Every objective trains, stops, resumes, saves, loads and is guarded alike."""

import json
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from deltavae.data.pipeline import batches
from deltavae.errors import UserError
from deltavae.models import objectives
from deltavae.models.adam import FusedAdam
from deltavae.training.interrupts import StopRequest
from tests.conftest import ROOT
from tests.faults.small import Noise, Silent, drive, outcome, small_loop, small_model

SMALL = {"FactorVAEObjective": {"units": 8, "layers": 2}, "AnnealedVAEObjective": {"steps": 30}}
ALL = [n for n in objectives.__all__ if n.endswith("Objective") and n != "Objective"]


def make(name):
    return getattr(objectives, name)(**SMALL.get(name, {}))


def variables_of(model):
    network = model.objective.network
    return [*model.trainable_variables, *(network.variables if network else [])]


@pytest.mark.parametrize("name", ALL)
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, name):
    whole = drive(small_loop(tmp_path / "whole", objective=make(name)), StopRequest())
    stop = StopRequest()

    def when(step):
        if step == 9:
            stop.number = signal.SIGTERM

    drive(small_loop(tmp_path / "cut", objective=make(name)), stop, Silent(when))
    resumed = small_loop(tmp_path / "cut", resume=True, objective=make(name))
    assert resumed.step == 9
    assert outcome(drive(resumed, StopRequest())) == outcome(whole)
    for row in whole.history:
        assert all(np.isfinite(row[each]) for each in whole.model.objective.reports)
        assert ("capacity" in row) == (name in ("CapacityObjective", "AnnealedVAEObjective"))
    if name == "AnnealedVAEObjective":  # C of each epoch's last step
        expected = [25 * (row["step"] - 1) / 30 for row in whole.history]
        assert [row["capacity"] for row in whole.history] == pytest.approx(expected)


@pytest.mark.parametrize("name", ALL)
def test_fit_makes_the_steps_of_the_loop(tmp_path, name):
    loop = drive(small_loop(tmp_path, objective=make(name), steps=6), StopRequest())
    model = small_model(objective=make(name))
    model.compile(FusedAdam(1e-3, epsilon=1e-8))
    # C of the first epoch is 0, as in a new model
    model.fit(batches(Noise(), 4, seed=0, epoch=0, steps=6), verbose=0)
    for fitted, looped in zip(variables_of(model), variables_of(loop.model), strict=True):
        np.testing.assert_allclose(fitted, looped, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_saved_and_loaded_with_its_network(tmp_path, name):
    model = small_model(objective=make(name))
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(batches(Noise(), 4, seed=0, epoch=0, steps=2), verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert again.objective.get_config() == model.objective.get_config()
    images = Noise().images(range(8))
    seed = tf.constant([0, 0])
    for key, values in model.losses_per_image(images, seed, False).items():
        np.testing.assert_allclose(again.losses_per_image(images, seed, False)[key], values)
    if model.objective.optimizer is not None:
        for saved, loaded in zip(
            model.objective.optimizer.variables, again.objective.optimizer.variables, strict=True
        ):
            np.testing.assert_array_equal(saved, loaded)


def test_a_discriminator_without_sense_ends_the_training_by_name(tmp_path):
    loop = small_loop(tmp_path, objective=make("FactorVAEObjective"))
    loop.model.objective.network.layers[0].bias.assign(np.full(8, np.nan, np.float32))
    with pytest.raises(UserError, match="total_correlation went first"):
        drive(loop, StopRequest())


def test_the_model_and_the_discriminator_keep_to_their_own_weights():
    # an objective whose own step is left out leaves the discriminator as it was, and a model
    # that learns nothing leaves the discriminator learning
    model = small_model(objective=make("FactorVAEObjective"))
    model.compile(keras.optimizers.SGD(0.0))
    own = [v.numpy() for v in model.trainable_variables]
    discriminator = [v.numpy() for v in model.objective.network.trainable_variables]
    model.update(tf.constant(Noise().images(range(8))))
    assert all((a == b.numpy()).all() for a, b in zip(own, model.trainable_variables, strict=True))
    after = model.objective.network.trainable_variables
    assert all((a != b.numpy()).any() for a, b in zip(discriminator, after, strict=True))
    assert not {id(v) for v in after} & {id(v) for v in model.trainable_variables}


@pytest.mark.parametrize("name", ["FactorVAEObjective", "BetaTCVAEObjective", "DIPVAEObjective"])
def test_a_batch_of_one_is_refused_before_training(tmp_path, name):
    with pytest.raises(UserError, match=f"{name}.*received 1"):
        small_loop(tmp_path, objective=make(name), batch_size=1)
    model = small_model(objective=make(name))
    model.compile(keras.optimizers.Adam(1e-3))
    with pytest.raises(UserError, match=name):
        model.update(tf.constant(Noise().images([0])))


def test_a_batch_of_one_leaves_no_folder(tmp_path, command):
    done = command(
        "train",
        "--gin_config=gin/baselines/factor_vae.gin",
        "--gin_bindings=train.batch_size = 1",
        "--gin_bindings=FactorVAEObjective.units = 8",
        f"--output_dir={tmp_path}/run",
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: the batch is too small for FactorVAEObjective")
    assert not (tmp_path / "run").exists()


TWO_DEVICES = """
import json, sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from tests.faults.small import drive, small_loop
from tests.training.test_objectives import ALL, make
from deltavae.training.interrupts import StopRequest

# one strategy for all: a second one would number its collectives as the first did
strategy, rows = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), {}
for name in ALL:
    with strategy.scope():
        two = drive(small_loop(sys.argv[1] + name + "2", objective=make(name)), StopRequest())
    one = drive(small_loop(sys.argv[1] + name, objective=make(name)), StopRequest())
    rows[name] = [two.history, one.history]
print(json.dumps(rows))
"""


@pytest.mark.slow
def test_two_devices_train_as_one(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES, str(tmp_path / "run")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name, (two, one) in json.loads(done.stdout.splitlines()[-1]).items():
        for key in ("loss", "kl", "reconstruction", *make(name).reports):
            found, wanted = ([row[key] for row in rows] for rows in (two, one))
            assert found[0] == pytest.approx(wanted[0], rel=1e-4, abs=1e-4), (name, key)
            # steps amplify what sums in another order round differently
            assert found == pytest.approx(wanted, rel=2e-2, abs=2e-2), (name, key)
