"""`--resume` goes on with the same experiment, or says what differs."""

import json
import re

import pytest

from deltavae.config import configured, require_same_experiment
from deltavae.data import load
from deltavae.errors import UserError
from deltavae.io import write_json
from deltavae.run_dir import RunDir
from deltavae.training.interrupts import StopRequest
from deltavae.training.train import where_it_stands
from tests.faults.small import drive, small_loop

SMALL = [
    "model.encoder = @mlp_encoder",
    "model.decoder = @mlp_decoder",
    "mlp_encoder.units = (4,)",
    "mlp_decoder.units = (4,)",
    "dataset.name = 'turntable_azimuth'",
]


def operate(bindings):
    """The experiment's parts made, as the command makes them."""
    context = configured(["gin/base.gin"], [*SMALL, *bindings])
    experiment = context.__enter__()
    _ = experiment.settings, experiment.capacity, experiment.readout
    _ = experiment.tensorboard_every, experiment.dataset_name
    experiment.model((64, 64, 3))
    return context, experiment


@pytest.fixture
def run(tmp_path):
    run_dir = RunDir(tmp_path)
    run_dir.model.mkdir()
    context, experiment = operate([])
    run_dir.config.write_text(experiment.text())
    context.__exit__(None, None, None)
    write_json(run_dir.info, {"dataset_digest": load("turntable_azimuth").digest})
    return run_dir


def compare(run_dir, bindings, dataset="turntable_azimuth"):
    context, experiment = operate(bindings)
    try:
        return require_same_experiment(run_dir, experiment, load(dataset))
    finally:
        context.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("bindings", "old", "new"),
    [
        (["model.likelihood = 'bernoulli'"], "model.likelihood = 'normal'", "'bernoulli'"),
        (
            ["model.posterior = @VonMisesFisherPosterior()"],
            "model.posterior = @DiffusionPosterior()",
            "@VonMisesFisherPosterior()",
        ),
        (["DiffusionPosterior.mode = 'random_walk'"], "DiffusionPosterior.mode = 'exact'", "walk"),
        (
            ["DiffusionPosterior.manifold = @RealProjective()", "RealProjective.dim = 10"],
            "DiffusionPosterior.manifold = @Hypersphere()",
            "@RealProjective()",
        ),
        (["model.objective = @BetaObjective()"], "@CapacityObjective()", "@BetaObjective()"),
        (["CapacityObjective.beta = 4.0"], "CapacityObjective.beta = 10.0", "4.0"),
        (["capacity.stop = 20.0"], "capacity.stop = 15.0", "20.0"),
        (["mlp_encoder.units = (8,)"], "mlp_encoder.units = (4,)", "(8,)"),
        (["train.seed = 3"], "train.seed = 0", "3"),
        (["train.batch_size = 32"], "train.batch_size = 64", "32"),
        (["train.beta1 = 0.5"], "train.beta1 = 0.9", "0.5"),
        (["train.weight_decay = 0.1"], "train.weight_decay = 0.0", "0.1"),
        (["train.holdout = 0.1"], "train.holdout = 0.0", "0.1"),
    ],
)
def test_another_experiment_is_refused_with_both_values(run, bindings, old, new):
    said = f"another experiment; expected .*{re.escape(old)}.*received .*{re.escape(new)}"
    with pytest.raises(UserError, match=said):
        compare(run, bindings)


@pytest.mark.parametrize(
    "binding",
    [
        "train.steps = 7",
        "train.max_hours = 1.0",
        "train.steps_per_execution = 5",
        "train.learning_rate = 1e-05",
        "train.clip_norm = 1.0",
        "tensorboard.every = 0",
        "export.readout = 'embedding'",
    ],
)
def test_what_may_change_is_told(run, binding):
    (note,) = compare(run, [binding])
    assert binding in note
    assert "before" in note


def test_the_same_experiment_written_otherwise_is_the_same(run):
    assert compare(run, ["mlp_encoder.units = [4]", "CapacityObjective.beta = 10"]) == []


def test_other_images_are_refused_and_other_names_are_not(run):
    other = ["dataset.name = 'turntable'"]
    with pytest.raises(UserError, match=r"dataset = 'turntable_azimuth'.*dataset = 'turntable'"):
        compare(run, other, "turntable")
    assert len(compare(run, other)) == 1  # the same images under another name: told
    write_json(run.info, {"dataset_digest": "0" * 64})
    with pytest.raises(UserError, match="other images"):
        compare(run, [])


def test_a_saved_configuration_that_was_cut_short_is_one_line(run):
    text = run.config.read_text()
    cut = text.index("mlp_encoder.units = (") + len("mlp_encoder.units = (")
    run.config.write_text(text[:cut])
    with pytest.raises(UserError, match=r"config\.gin cannot be read; expected each bracket"):
        compare(run, [])


def test_a_run_without_a_digest_or_newer_parameters_goes_on(run):
    write_json(run.info, {})
    lines = run.config.read_text().splitlines()
    newer = ("weight_decay", "learning_rate_schedule", "warmup_steps")
    run.config.write_text("\n".join(line for line in lines if not any(n in line for n in newer)))
    (note,) = compare(run, [])
    assert "saved no digest" in note
    with pytest.raises(UserError, match=r"dataset.name = 'turntable_azimuth'"):
        compare(run, ["dataset.name = 'turntable'"], "turntable")
    with pytest.raises(UserError, match=r"train.weight_decay = 0.0.*train.weight_decay = 0.1"):
        compare(run, ["train.weight_decay = 0.1"])


def test_a_run_on_what_was_called_turntable_goes_on_with_its_mark(run):
    """Without a digest it is older than the turntable of today, which has other images."""
    write_json(run.info, {})
    text = run.config.read_text().replace("turntable_azimuth", "turntable")
    run.config.write_text(text)
    with pytest.raises(UserError, match="turntable_marked"):
        compare(run, ["dataset.name = 'turntable'"], "turntable")
    assert compare(run, ["dataset.name = 'turntable_marked'"], "turntable_marked")


def test_a_lowered_learning_rate_is_the_one_used(tmp_path):
    drive(small_loop(tmp_path, steps=6, learning_rate=1e-3), StopRequest())
    resumed = small_loop(tmp_path, resume=True, steps=12, learning_rate=1e-5)
    assert float(resumed.model.optimizer.learning_rate) == pytest.approx(1e-5)
    before = resumed.model.decoder.get_weights()[0]
    drive(resumed, StopRequest())
    moved = abs(resumed.model.decoder.get_weights()[0] - before).max()
    assert moved <= 6 * 1.2e-5  # 6 steps, each about the rate
    assert resumed.history[-1]["learning_rate"] == 1e-5


# 8 and 14 steps end in an epoch shorter than the 6 steps of the others
@pytest.mark.parametrize(("first", "then"), [(6, 12), (8, 16), (8, 10), (14, 28)])
def test_a_run_is_extended_to_the_step_whatever_the_length_of_its_last_epoch(
    tmp_path, first, then
):
    drive(small_loop(tmp_path, steps=first), StopRequest())
    extended = drive(small_loop(tmp_path, resume=True, steps=then), StopRequest())
    assert extended.step == extended.history[-1]["step"] == then
    # C ends where the ramp does: the last epoch of the longer run is beyond its 60%
    assert extended.history[-1]["capacity"] == 15.0
    again = small_loop(tmp_path, resume=True, steps=then)
    assert where_it_stands(again, again.settings).startswith("this run is finished: ")


def test_a_run_is_not_resumed_to_fewer_steps_than_it_has_made(tmp_path):
    """Its configuration would say 6 of a model that 12 steps have made."""
    drive(small_loop(tmp_path, steps=12), StopRequest())
    with pytest.raises(UserError, match=r"train\.steps >= 12.*received train\.steps = 6"):
        small_loop(tmp_path, resume=True, steps=6)
    assert small_loop(tmp_path, resume=True, steps=12).step == 12


def test_the_command_refuses_and_writes_nothing(trained_run, command):
    before = {p: p.read_bytes() for p in trained_run.rglob("*") if p.is_file()}
    bindings = "--gin_bindings=model.likelihood = 'bernoulli'"
    done = command("train", "--resume", bindings, f"--output_dir={trained_run}")
    assert done.returncode == 2, done.stderr
    line = done.stderr.splitlines()[-1]
    assert "expected model.likelihood = 'normal'" in line
    assert "received model.likelihood = 'bernoulli'" in line
    after = {p: p.read_bytes() for p in trained_run.rglob("*") if p.is_file()}
    assert {p for p in before | after if before.get(p) != after.get(p)} <= {trained_run / ".lock"}
    assert len(json.loads(RunDir(trained_run).info.read_text())["dataset_digest"]) == 64
