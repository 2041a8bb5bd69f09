"""Faults within one process: stops, broken files, clocks, budgets, numbers without sense."""

import hashlib
import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from deltavae.data.pipeline import batches
from deltavae.errors import UserError
from deltavae.manifolds import FlatTorus
from deltavae.models.adam import FusedAdam
from deltavae.posteriors import (
    DiffusionPosterior,
    GaussianPosterior,
    PowerSphericalPosterior,
    ProductPosterior,
)
from deltavae.run_dir import RunDir
from deltavae.training.budget import epochs_in_time
from deltavae.training.capacity_schedule import Capacity
from deltavae.training.compiled_step import CompiledStep
from deltavae.training.interrupts import Interrupted, StopRequest
from deltavae.training.train import finish
from tests.faults.small import Noise, Silent, drive, outcome, small_loop, small_model


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return outcome(drive(small_loop(tmp_path_factory.mktemp("whole")), StopRequest()))


def stop_at(stop, wanted):
    def when(step):
        if step == wanted:
            stop.number = signal.SIGTERM

    return Silent(when)


# within an epoch, at the end of one, within the short last one
@pytest.mark.parametrize("moment", [9, 12, 19])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, whole, moment):
    stop = StopRequest()
    stopped = drive(small_loop(tmp_path), stop, stop_at(stop, moment))
    assert stopped.step == moment
    resumed = small_loop(tmp_path, resume=True)
    assert resumed.step == moment
    assert outcome(drive(resumed, StopRequest())) == whole


def mixed():
    circles = DiffusionPosterior(FlatTorus(2), times="per_factor")
    return ProductPosterior([circles, GaussianPosterior(2)])


def test_two_circles_and_a_plane_resume_as_if_never_stopped(tmp_path):
    def loop(name, resume=False):
        return small_loop(tmp_path / name, resume, model=small_model(posterior=mixed))

    whole, stop = outcome(drive(loop("a"), StopRequest())), StopRequest()
    drive(loop("b"), stop, stop_at(stop, 9))
    resumed = loop("b", resume=True)
    assert resumed.step == 9
    assert outcome(drive(resumed, StopRequest())) == whole
    assert all(len(row["kl_per_factor"]) == 4 for row in whole[0])


def test_a_checkpoint_from_before_there_was_a_kl_per_factor_resumes(tmp_path, whole):
    """It has no sums of it: the epoch's mean is then that of the steps after it."""
    stop = StopRequest()
    drive(small_loop(tmp_path), stop, stop_at(stop, 9))
    folder = small_loop(tmp_path, resume=True).checkpoints.all()[-1]
    content = json.loads((folder / "state.json").read_text())
    del content["state"]["kl_factor_sums"]
    text = json.dumps(content)
    (folder / "state.json").write_text(text)
    (folder / "state.sha256").write_text(hashlib.sha256(text.encode()).hexdigest())
    rows, _ = outcome(drive(small_loop(tmp_path, resume=True), StopRequest()))
    for row, expected in zip(rows, whole[0], strict=True):
        each = row.pop("kl_per_factor")
        assert row == {k: v for k, v in expected.items() if k != "kl_per_factor"}
        assert len(each) == 2 and sum(each) == pytest.approx(row["kl"], abs=0.01)


def test_history_averages_are_those_of_the_steps(whole):
    model = small_model()
    model.compile(FusedAdam(1e-3, epsilon=1e-8))
    losses, kls = [], []
    for images in batches(Noise(), 4, seed=0, epoch=0, steps=6):
        terms = model.update(images)
        losses.append(tf.reduce_mean(terms["loss"]))
        kls.append(tf.reduce_mean(terms["kl_per_factor"], axis=0))
    rows, _ = whole
    assert rows[0]["loss"] == pytest.approx(np.mean(losses), rel=1e-6)
    assert rows[0]["kl_per_factor"] == pytest.approx(np.mean(kls, axis=0), rel=1e-6)
    for row in rows:
        assert len(row["kl_per_factor"]) == 2  # the two axes of R^2
        assert sum(row["kl_per_factor"]) == pytest.approx(row["kl"], rel=1e-5)
    assert [row["step"] for row in rows] == [6, 12, 18, 20]


def test_broken_newest_checkpoint_costs_one_epoch(tmp_path, whole):
    drive(small_loop(tmp_path), StopRequest())
    newest = sorted((tmp_path / "model/checkpoints").glob("epoch-*"))[-1] / "variables.npz"
    newest.write_bytes(newest.read_bytes()[:-7])
    resumed = small_loop(tmp_path, resume=True)
    assert resumed.step == 18
    assert resumed.last == newest.parent.parent / "epoch-000003"  # named where it diverges
    assert outcome(drive(resumed, StopRequest())) == whole


def test_what_a_killed_writer_left_is_removed(tmp_path):
    for name in ("model/checkpoints/.epoch-000001.abcdefgh", ".representation.12345678"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "variables.npz").write_text("half")
    assert small_loop(tmp_path, resume=True).step == 0
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "checkpoints"]


def test_a_model_whose_saving_is_interrupted_leaves_the_one_before(tmp_path, monkeypatch):
    run, model = RunDir(tmp_path), small_model()
    run.model.mkdir()
    run.keras_model.write_text("old")

    def interrupted(path):
        Path(path).write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        finish(model, Noise(), run, "embedding", seed=0)
    assert [path.name for path in run.model.iterdir()] == ["model.keras"]
    assert run.keras_model.read_text() == "old"


def test_clock_going_backwards(tmp_path, whole, monkeypatch):
    hours = iter(range(10**6))
    monkeypatch.setattr(time, "time", lambda: 1e9 - 3600 * next(hours))
    assert outcome(drive(small_loop(tmp_path, max_hours=1.0), StopRequest())) == whole


@pytest.mark.parametrize(
    ("name", "value"), [("log_scale", 1e8), ("kl", float("nan")), ("reconstruction", float("inf"))]
)
def test_divergence_names_the_term_that_went_first(tmp_path, name, value):
    loop = small_loop(tmp_path)
    assert loop.epoch(StopRequest(), Silent())["step"] == 6
    terms = loop.model._terms

    def broken(images, seed, training, step):
        found, others = terms(images, seed, training, step)
        late = loop.model.optimizer.iterations >= 8
        found[name] = tf.where(late, value, found[name])
        found["loss"] = tf.where(late, float("nan"), found["loss"])
        return found, others

    loop.model._terms = broken
    # a fresh trace of the step, with the term broken in it
    loop.compiled_step = CompiledStep(loop.model)
    loop.variables[-2:] = loop.compiled_step.variables
    with pytest.raises(UserError, match=f"step 9: {name} went first") as caught:
        loop.epoch(StopRequest(), Silent())
    assert "epoch-000001" in str(caught.value)
    assert [p.name for p in loop.checkpoints.all()] == ["epoch-000001"]
    assert small_loop(tmp_path, resume=True).step == 6


def test_xla_is_refused_where_it_cannot_draw(tmp_path):
    def mixed():
        return ProductPosterior([GaussianPosterior(2), PowerSphericalPosterior(3)])

    with pytest.raises(UserError, match=r"train\.jit_compile does not work.*ProductPosterior"):
        small_loop(tmp_path, model=small_model(posterior=mixed), jit_compile=True)
    assert not list(tmp_path.iterdir())


def test_clipped_gradients_move_the_weights_less(tmp_path):
    def moved(clip):
        loop = small_loop(tmp_path / str(clip), clip_norm=clip, steps=1)
        before = loop.model.decoder.get_weights()
        drive(loop, StopRequest())
        return max(
            np.abs(b - a).max()
            for a, b in zip(before, loop.model.decoder.get_weights(), strict=True)
        )

    # Adam's first step is lr g / (|g| + 1e-8): the rate itself, unless |g| is far below 1e-8
    assert moved(None) == pytest.approx(1e-3, rel=0.01)
    assert moved(1e-11) < 1.1e-6


def test_budget_ends_the_run_and_restates_the_ramp():
    # 1 hour leaves 55 minutes; after 10 epochs of 30 s, 50 minutes are left for 100 more
    assert epochs_in_time(1000, [30.0] * 10, 1.0) == 110
    assert epochs_in_time(60, [30.0] * 10, 1.0) == 60
    assert epochs_in_time(1000, [30.0] * 10, None) == 1000
    assert epochs_in_time(1000, [3600.0], 1.0) == 1
    # the ramp ended after half of the run, and does so still
    ramp = Capacity(0.0, 10.0, num_epochs=500).restated(1000, 100)
    assert [ramp.at(e, 100) for e in (0, 25, 50, 99)] == [0.0, 5.0, 10.0, 10.0]


def test_budget_of_no_time_still_makes_a_whole_checkpoint(tmp_path):
    loop = small_loop(tmp_path, steps=10**6, steps_per_epoch=10**6, max_hours=1e-4)
    begun = time.monotonic()
    drive(loop, StopRequest())
    assert time.monotonic() - begun < 30
    assert 0 < loop.step < 10**6
    assert small_loop(tmp_path, resume=True, steps=10**6).step == loop.step


def test_signals_wait_only_where_they_are_asked_to():
    with StopRequest().installed() as stop:
        with stop.deferred():
            signal.raise_signal(signal.SIGTERM)
            assert stop.number == signal.SIGTERM
            with pytest.raises(Interrupted) as caught:
                signal.raise_signal(signal.SIGINT)
        assert caught.value.status == 130
    with StopRequest().installed(), pytest.raises(Interrupted) as caught:
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.status == 143
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
