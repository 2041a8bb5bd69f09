"""A good submission passes every check; each broken one fails at what is broken."""

import json
import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from deltavae.aicrowd.check import check_submission
from deltavae.export.hub_module import INPUT, SIGNATURE, write_module

ROOT = pathlib.Path(__file__).resolve().parents[2]


def git(folder, *arguments):
    identity = ["-c", "user.name=tester", "-c", "user.email=tester@localhost"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True)


def unit_codes(images):
    sums = tf.reduce_mean(images, axis=(1, 2)) + 1e-3
    return sums / tf.sqrt(tf.reduce_sum(sums**2, axis=-1, keepdims=True))


def write_run(run, function=unit_codes, norm=1.0):
    representation = run / "representation"
    shutil.rmtree(representation, ignore_errors=True)
    (representation / "results" / "gin").mkdir(parents=True)
    (representation / "results" / "gin" / "postprocess.gin").write_text(
        "dataset.name = 'cars3d'\n"
    )
    (representation / "about.json").write_text(json.dumps({"readout": "aligned", "norm": norm}))
    write_module(function, (64, 64, 3), representation / "tfhub")


@pytest.fixture()
def submission(tmp_path):
    root, run = tmp_path / "root", tmp_path / "run"
    root.mkdir()
    for name in ("aicrowd.json", "run.sh", "Dockerfile"):
        shutil.copy2(ROOT / name, root / name)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "all")
    write_run(run)
    return root, run


def failed(root, run):
    return {f.subject: f.found for f in check_submission(root, run) if not f.ok}


def test_a_good_one_passes(submission, command):
    root, run = submission
    assert failed(root, run) == {}
    done = command("submission", "check", str(root), "--run_dir", str(run))
    assert done.returncode == 0, done.stdout
    assert "git tag -a submission-v1" in done.stdout


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def commit(root):
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "more")


@pytest.mark.parametrize(
    ("name", "old", "new", "subject", "message"),
    [
        ("aicrowd.json", '"gpu": false', '"gpu": "no"', "aicrowd.json", "gpu must be true or"),
        ("aicrowd.json", "-2019-", "-2020-", "aicrowd.json", "challenge_id must be"),
        ("run.sh", "./scratch/dataset", "/home/me/sets", "run.sh", "/home/me/sets"),
        ("Dockerfile", "USER aicrowd", "USER root", "Dockerfile", "its user is root"),
        ("Dockerfile", "--uid 1001 aicrowd", "--uid 1001 other", "Dockerfile", "no user aicrowd"),
    ],
)
def test_files(submission, name, old, new, subject, message):
    root, run = submission
    edit(root / name, old, new)
    commit(root)
    found = failed(root, run)
    assert list(found) == [subject] and message in found[subject]


def test_an_entry_point_that_cannot_be_run(submission):
    root, run = submission
    (root / "run.sh").chmod(0o644)
    commit(root)
    assert failed(root, run) == {"run.sh": "not executable: chmod +x run.sh"}


def test_data_in_git_and_a_change_that_is_not_committed(submission):
    root, run = submission
    np.savez(root / "dsprites.npz", np.zeros(3))
    commit(root)
    (root / "later.txt").write_text("x")
    found = failed(root, run)
    assert "dsprites.npz" in found["data"] and "later.txt" in found["repository"]


def test_without_git(submission, monkeypatch):
    root, run = submission
    monkeypatch.setenv("PATH", str(root))
    assert "git is not installed" in failed(root, run)["repository"]


def test_names_and_files_that_are_not_in_utf_8(submission):
    root, run = submission
    for name in ("run.sh", "Dockerfile"):
        with (root / name).open("ab") as file:
            file.write("# Größe\n".encode("latin-1"))
    (pathlib.Path(os.fsdecode(os.fsencode(root) + b"/gr\xf6sse.npz"))).write_bytes(bytes(9))
    commit(root)
    assert list(failed(root, run)) == ["data"]


def test_without_results(submission):
    root, run = submission
    shutil.rmtree(run / "representation" / "results")
    assert set(failed(root, run)) == {"results"}


def test_without_a_module(submission):
    root, run = submission
    shutil.rmtree(run / "representation" / "tfhub")
    assert "./run.sh makes it" in failed(root, run)["module"]


@pytest.mark.parametrize("size", [0, 300])
def test_a_damaged_module_is_a_finding(submission, size):
    root, run = submission
    os.truncate(run / "representation" / "tfhub" / "saved_model.pb", size)
    assert "saved_model.pb is damaged; ./run.sh makes it" in failed(root, run)["module"]


def test_a_damaged_description_is_a_finding(submission):
    root, run = submission
    (run / "representation" / "about.json").write_text("{")
    assert "about.json" in failed(root, run)["norm"]


def test_a_number_of_channels_that_the_module_does_not_say(submission):
    root, run = submission
    path = run / "representation" / "tfhub" / "saved_model.pb"
    saved = SavedModel.FromString(path.read_bytes())
    images = saved.meta_graphs[0].signature_def[SIGNATURE].inputs[INPUT]
    images.tensor_shape.dim[3].size = -1
    path.write_bytes(saved.SerializeToString())
    assert "[-1, 64, 64, -1], not (any, 64, 64, channels)" in failed(root, run)["signature"]


def test_without_the_marker(submission):
    root, run = submission
    (run / "representation" / "tfhub" / "tfhub_module.pb").unlink()
    assert "08 03" in failed(root, run)["module"]


def test_a_native_module(submission):
    root, run = submission
    hub = run / "representation" / "tfhub"
    module = tf.Module()
    spec = tf.TensorSpec((None, 64, 64, 3), tf.float32, name="images")
    function = tf.function(lambda images: {"default": unit_codes(images)})
    signature = function.get_concrete_function(spec)
    tf.saved_model.save(module, str(hub), signatures={"representation": signature})
    assert "TensorFlow 1.13 refuses it" in failed(root, run)["module"]


@pytest.mark.parametrize(
    ("function", "subject", "message"),
    [
        (lambda x: unit_codes(x) * 2.0, "norm", "promises 1.0000; norms 2.0000"),
        (lambda x: unit_codes(x) * 0.0 + 0.577350269, "codes", "constant"),
        (lambda x: tf.math.log(-unit_codes(x)), "codes", "96 of 96 not finite"),
        (lambda x: unit_codes(x) + tf.random.uniform((3,)), "codes", "other codes"),
    ],
)
def test_codes(submission, function, subject, message):
    root, run = submission
    write_run(run, function)
    assert message in failed(root, run)[subject]
