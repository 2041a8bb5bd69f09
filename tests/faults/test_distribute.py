"""Several devices and several workers give the run of one device, to rounding."""

import json
import socket
import subprocess
import sys

import pytest
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.run_dir import RunDir
from deltavae.training.capacity_schedule import Capacity
from deltavae.training.loop import Loop
from deltavae.training.settings import TrainSettings
from deltavae.training.strategy import make_strategy, workers_watched
from deltavae.training.train import train
from tests.conftest import ROOT
from tests.faults.process import start, wait_for
from tests.faults.small import Noise, small_model

TWO_DEVICES = """
import json, sys
import tensorflow as tf
from tests.faults.small import drive, small_loop
from deltavae.training.interrupts import StopRequest

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    two = drive(small_loop(sys.argv[1]), StopRequest()).history
one = drive(small_loop(sys.argv[2]), StopRequest()).history
print(json.dumps([two, one]))
"""


def compare(several, one):
    for name in ("loss", "reconstruction", "kl", "log_scale"):
        found, wanted = ([row[name] for row in rows] for rows in (several, one))
        assert found[0] == pytest.approx(wanted[0], rel=1e-5, abs=1e-6), name
        # steps amplify what sums in another order round differently
        assert found == pytest.approx(wanted, rel=1e-2, abs=1e-2), name


def test_two_devices_train_as_one(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES, str(tmp_path / "two"), str(tmp_path / "one")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    compare(*json.loads(done.stdout.splitlines()[-1]))


def test_workers_need_their_addresses(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{}")
    with pytest.raises(UserError, match="TF_CONFIG"):
        make_strategy("multi_worker")
    with pytest.raises(UserError, match="mirrored"):
        make_strategy("mirror")


@pytest.mark.parametrize("kind", [tf.errors.InternalError, tf.errors.UnavailableError])
def test_a_failing_device_of_one_machine_is_no_lost_worker(tmp_path, monkeypatch, kind):
    error = kind(None, None, "CUDA_ERROR_ECC_UNCORRECTABLE")

    def fail(*_):
        raise error

    monkeypatch.setattr(Loop, "epoch", fail)
    with pytest.raises(kind, match="ECC"):
        train(small_model(), Noise(), TrainSettings(steps=4), Capacity(), RunDir(tmp_path))
    several = object.__new__(tf.distribute.MultiWorkerMirroredStrategy)
    lost = pytest.raises(UserError, match="worker of the group was lost")
    with lost, workers_watched(several, "Resume."):
        fail()


def two_workers(path, *arguments):
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in (one, two)]
    cluster = {"worker": addresses}
    return [
        start(
            path,
            "--strategy=multi_worker",
            *arguments,
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": i}}),
        )
        for i in range(2)
    ]


def history(path):
    return json.loads((path / "model/history.json").read_text())


@pytest.mark.slow
def test_two_workers_one_killed_and_resumed(tmp_path):
    alone, together = tmp_path / "alone", tmp_path / "together"
    reference = start(alone)
    assert reference.wait() == 0, reference.stderr.read()
    first, second = two_workers(together)
    wait_for(together / "model/checkpoints/epoch-000001", first)
    second.kill()
    second.wait()
    _, told = first.communicate()
    assert first.returncode == 2, told
    assert "a worker of the group was lost" in told
    assert "--resume" in told
    for process in two_workers(together, "--resume"):
        _, told = process.communicate()
        assert process.returncode == 0, told
    assert [row["step"] for row in history(together)] == [10, 20, 30, 40, 50, 60]
    compare(history(together), history(alone))
