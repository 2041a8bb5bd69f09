"""What is printed while a run trains, without a terminal, on a clock of our own."""

import io
import json
from types import SimpleNamespace

import pytest
from rich.console import Console

from deltavae.training import progress
from deltavae.training.progress import ProgressBar
from deltavae.training.train import where_it_stands
from tests.faults.small import drive, small_loop

ROW = {"epoch": 0, "capacity": 1.0, "kl": 2.0, "reconstruction": 3.0}


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def train(clock, total, step_seconds, epoch_steps, until, first=0, compiling=40.0):
    """Lines of a run whose first step also compiles."""
    written = io.StringIO()
    bar = ProgressBar(total, first, Console(file=written, width=200))
    for step in range(first + 1, until + 1):
        clock.now += step_seconds + (compiling if step == first + 1 else 0)
        bar.update(step)
        if step % epoch_steps == 0:
            bar.epoch_done({**ROW, "step": step})
    return written.getvalue().splitlines()


def test_the_time_left_is_said_as_soon_as_it_is_measured(clock):
    """A bare `train` makes 300,000 steps: its first epoch alone may take minutes."""
    lines = train(clock, 300_000, 0.026, 10_000, 1000)
    # 5 s after the first step, which is 193 steps later: 299,806 x 0.026 s are 2 h 9.9 min
    assert lines == ["about 2 h 10 min left, 26 ms per step"]


def test_it_is_said_once_and_the_time_of_compiling_is_not_counted(clock):
    lines = train(clock, 2000, 0.1, 100, 400)
    assert lines[0] == "about 195 s left, 100 ms per step"
    assert lines[1].endswith("50 s, 190 s left") and "step 100/2,000" in lines[1]
    assert len(lines) == 3  # the ends of the tenths
    assert lines[2].endswith("80 s, 160 s left")


def test_a_short_epoch_says_it_itself(clock):
    lines = train(clock, 100_000, 0.1, 20, 200)
    assert len(lines) == 1 and lines[0].endswith("42 s, 2 h 47 min left")


def test_a_resumed_run_counts_its_own_steps(clock):
    lines = train(clock, 3000, 1.0, 1000, 2010, first=2000)
    assert lines == ["about 17 min left, 1,000 ms per step"]


def test_a_line_has_c_only_where_there_is_one_and_the_objectives_own_terms():
    def line(row, *reports):
        written = io.StringIO()
        bar = ProgressBar(10, 0, Console(file=written, width=40), reports)
        bar.epoch_done({"epoch": 0, "step": 10, "kl": 2.0, "reconstruction": 3.0, **row})
        return written.getvalue()

    assert "epoch 1  C 1.00  KL 2.00  -log p 3.0  " in line({"capacity": 1.0})
    own = line({"total_correlation": -0.1234}, "total_correlation")
    assert "epoch 1  KL 2.00  -log p 3.0  total correlation -0.123  " in own


SMALL = [
    f"--gin_bindings={binding}"
    for binding in (
        "dataset.name = 'turntable_azimuth'",
        "model.encoder = @mlp_encoder",
        "model.decoder = @mlp_decoder",
        "mlp_encoder.units = (4,)",
        "mlp_decoder.units = (4,)",
        "train.batch_size = 4",
        "train.steps = 4",
    )
]


def test_a_run_says_where_it_is_and_how_far_it_is(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exported = []  # stands for the export, which takes its time
    monkeypatch.setattr("deltavae.training.train.finish", lambda *_: exported.append(0))
    begun = command("train", *SMALL)
    where, what, *_, last = begun.stderr.splitlines()
    assert where == "training in scratch/shared/local, by gin/base.gin"
    assert what.startswith("turntable_azimuth: 24 images; ") and "4 steps of batch 4" in what
    assert "warning: C ends at 0 nats and not at 15" in begun.stderr  # of one epoch
    assert last == "run written to scratch/shared/local"
    path = tmp_path / "scratch/shared/local"
    resume = ("train", "--resume", f"--output_dir={path}")
    again = command(*resume)
    assert again.returncode == 0
    assert "this run is finished: 4 of 4 steps are made. Nothing is trained" in again.stderr
    assert '--gin_bindings "train.steps = 8" to --resume' in again.stderr
    further = command(*resume, "--gin_bindings=train.steps = 8")
    assert "resumed with train.steps = 8, before 4" in further.stderr
    assert "4 of 8 steps are made; training goes on" in further.stderr
    history = json.loads((path / "model/history.json").read_text())
    assert history[-1]["step"] == 8 and len(exported) == 3


def test_a_run_whose_time_is_over_says_so(tmp_path):
    hours = 1e-9
    drive(small_loop(tmp_path, steps=12, steps_per_epoch=6), SimpleNamespace(number=None))
    loop = small_loop(tmp_path, resume=True, steps=24, steps_per_epoch=6, max_hours=hours)
    assert where_it_stands(loop, loop.settings).startswith(
        "the time of this run is over: 12 of 24 steps are made. Nothing is trained"
    )
    assert "train.max_hours = 2e-09" in where_it_stands(loop, loop.settings)
