"""Training through the command, as a user runs it."""

import numpy as np
import pytest

import deltavae


def test_a_run_read_back(trained_run):
    run = deltavae.load_run(trained_run)
    assert run.info["dataset"] == run.data.name == "turntable"
    assert [row["step"] for row in run.history] == [20, 40, 60]
    assert [row["capacity"] for row in run.history] == [0.0, 7.5, 15.0]
    assert "DiffusionPosterior.mode = " in run.config
    codes = run.model.representation(run.data.images([0, 1, 2])).numpy()
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dataset=cars"], "turntable"),
        (["--gin_config=gin/challenge/d10_b1.gin"], "d10_beta1.gin"),
        (["--gin_bindings=train.step = 3"], "steps"),
        (["--resume", "--overwrite"], "exclude"),
        (["--resume"], "no run to resume"),
        (["--stpes=4"], "stpes"),
        (["40"], "unknown argument 40"),
        (["--gin_bindings=train.seed = -1"], "train.seed"),
        (["--gin_bindings=export.readout = 'angles'"], "needs a latent space with circles"),
        (["--gin_bindings=Hypersphere.dim = 5000"], "at most 200"),
        (["--dataset=cars3d"], "DISENTANGLEMENT_LIB_DATA"),
    ],
)
def test_mistakes_end_in_one_line_and_status_2(tmp_path, command, arguments, said):
    path = tmp_path / "run"
    done = command("train", *arguments, f"--output_dir={path}", f"--data_dir={tmp_path}")
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
    assert not path.exists()


def test_a_run_is_not_replaced_unasked(trained_run, command):
    done = command("train", "--gin_config=gin/trial.gin", f"--output_dir={trained_run}")
    assert done.returncode == 2
    assert "--overwrite" in done.stderr


def test_unwritable_output_is_found_before_training(tmp_path, command):
    (tmp_path / "file").write_text("")
    done = command("train", f"--output_dir={tmp_path}/file/run")
    assert done.returncode == 2
    assert "writable folder" in done.stderr
