"""A run that diverges ends in one line that names the step, the term and the last good state."""

import pytest

from deltavae import gin_files
from deltavae.config import configured
from deltavae.errors import UserError
from deltavae.training.interrupts import StopRequest
from tests.conftest import run_script
from tests.faults.small import Silent, drive, small_loop

POSTERIORS = sorted(path.name for path in (gin_files.folder() / "posteriors").glob("*.gin"))
NETWORKS = [
    "model.encoder = @mlp_encoder",
    "model.decoder = @mlp_decoder",
    "mlp_encoder.units = (8,)",
    "mlp_decoder.units = (8,)",
]


def made(file, bindings=()):
    with configured(["gin/base.gin", f"gin/posteriors/{file}"], [*NETWORKS, *bindings]) as chosen:
        return chosen.model((64, 64, 1))


@pytest.mark.parametrize("rate", [1e3, pytest.param(1e30, marks=pytest.mark.slow)])
@pytest.mark.parametrize("file", POSTERIORS)
def test_every_posterior_says_that_it_diverged(tmp_path, file, rate):
    loop = small_loop(tmp_path, model=made(file))
    loop.epoch(StopRequest(), Silent())
    # the guard looks at the end of the epoch: five more steps run on what this one leaves
    loop.model.optimizer.learning_rate = rate
    with pytest.raises(UserError) as caught:
        drive(loop, StopRequest())
    assert "training diverged at step" in caught.value.message
    assert "went first" in caught.value.message
    last = tmp_path / "model/checkpoints/epoch-000001"
    assert f"The last good state is {last}" in caught.value.message


@pytest.mark.slow
def test_through_the_command(tmp_path):
    done = run_script(
        "train.py",
        "--gin_config=gin/base.gin",
        "--gin_config=gin/posteriors/diffusion_so3.gin",
        "--gin_bindings=train.learning_rate = 3000.0",
        "--gin_bindings=train.steps = 20",
        "--gin_bindings=train.batch_size = 8",
        *(f"--gin_bindings={binding}" for binding in NETWORKS),
        f"--output_dir={tmp_path}/run",
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: training diverged at step")
