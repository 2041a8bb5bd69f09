"""run.sh with a stand-in for Python that notes its calls, and what the image is made of."""

import importlib.metadata
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = pathlib.Path(__file__).resolve().parents[2]
GRADING = {
    "AICROWD_IS_GRADING": "",
    "AICROWD_OUTPUT_PATH": "/shared",
    "AICROWD_EVALUATION_NAME": "entry",
    "AICROWD_DATASET_NAME": "mpi3d_toy",
    "DISENTANGLEMENT_LIB_DATA": "/data",
}


@pytest.fixture
def entry_point(tmp_path):
    """Calls a copy of run.sh; gives its status, its calls of Python and its standard error."""
    shutil.copy2(ROOT / "run.sh", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$*" >> calls\n'
        '[ "$1" != train.py ] || exit "${TRAIN_STATUS:-0}"\n'
        '[ "$3" != study ] || exit "${STUDY_STATUS:-0}"\n'
    )
    python.chmod(0o755)

    def call(*arguments, **environment):
        clean = {
            k: v
            for k, v in os.environ.items()
            if k not in GRADING and not k.startswith("DELTAVAE_")
        }
        done = subprocess.run(
            [tmp_path / "run.sh", *arguments],
            env=clean | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, (tmp_path / "calls").read_text().splitlines(), done.stderr

    return call


def test_trains_submits_and_scores_with_the_defaults_it_names(entry_point):
    status, calls, said = entry_point()
    assert status == 0
    assert calls == [
        "train.py --gin_config gin/challenge/d10_beta10.gin --dataset cars3d",
        "-m deltavae submission event submit",
        "evaluate.py --noreport --run_dir ./scratch/shared/local",
    ]
    for name in set(GRADING) - {"AICROWD_IS_GRADING"}:
        assert f"{name} is not set; taking" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--output_dir", "there"],
        ["--output_dir=there"],
        ["--output_dir=elsewhere", "--gin_bindings", "train.steps = 5", "--output_dir", "there"],
    ],
)
def test_scores_what_it_trained(entry_point, arguments):
    _, calls, _ = entry_point(*arguments)
    assert calls[0].endswith(" ".join(arguments))
    assert calls[-1] == "evaluate.py --noreport --run_dir there"


def test_on_the_grader_resumes_and_scores_nothing(entry_point):
    status, calls, said = entry_point(**GRADING)
    assert status == 0 and said == ""
    assert calls == [
        "train.py --gin_config gin/challenge/d10_beta10.gin --dataset mpi3d_toy --resume",
        "-m deltavae submission event submit",
    ]


def test_on_the_grader_a_missing_dataset_is_left_to_training_to_report(entry_point):
    variables = GRADING | {"AICROWD_DATASET_NAME": ""}
    _, calls, _ = entry_point(**variables)
    assert calls[0] == "train.py --gin_config gin/challenge/d10_beta10.gin --resume"


@pytest.mark.parametrize("status", [1, 2, 137, 143])
def test_a_failed_training_is_neither_submitted_nor_scored(entry_point, status):
    found, calls, _ = entry_point(TRAIN_STATUS=str(status))
    assert found == status
    # killed, it could not tell the platform itself
    event = f"-m deltavae submission event error training ended with status {status}"
    assert calls[1:] == ([event] if status == 137 else [])


STUDY = {"DELTAVAE_STUDY": "gin/studies/submission.gin"}


def test_a_study_is_trained_chosen_from_and_submitted_on_the_grader(entry_point):
    status, calls, _ = entry_point("--cores", "2", **GRADING, **STUDY)
    assert status == 0
    assert calls == [
        "-m deltavae submission event start",
        "-m deltavae study gin/studies/submission.gin --output_dir /shared/entry/study "
        "--gin_bindings study.datasets = ['mpi3d_toy'] --select udr "
        "--export /shared/entry/representation --max_hours 6.5 --cores 2",
        "-m deltavae submission event submit",
    ]


def test_a_study_is_scored_from_the_folder_around_its_export(entry_point):
    """Where scores are replaced when another run is chosen the next time."""
    _, calls, _ = entry_point(**STUDY)
    run = "./scratch/shared/local"
    assert f"--export {run}/representation" in calls[1]
    scored = f"evaluate.py --noreport --representation {run}/representation --output_dir {run}"
    assert calls[-1] == scored


@pytest.mark.parametrize(
    ("status", "exported", "expected"),
    [(137, True, 0), (1, True, 0), (143, False, 143), (2, True, 2)],
)
def test_a_study_that_is_ended_submits_what_it_has_exported(
    entry_point, tmp_path, status, exported, expected
):
    """Killed or with failed runs, the best of the finished is there; a user's mistake is none."""
    record = tmp_path / "out" / "entry" / "representation" / "selection.json"
    if exported:
        record.parent.mkdir(parents=True)
        record.touch()
    grading = GRADING | {"AICROWD_OUTPUT_PATH": str(tmp_path / "out")}
    found, calls, _ = entry_point(**grading, **STUDY, STUDY_STATUS=str(status))
    assert found == expected
    event = f"error the study ended with status {status}" if expected else "submit"
    assert calls[-1] == f"-m deltavae submission event {event}"


# not needed at run time: TensorFlow's compiler, TensorBoard's server, packaging tools
NOT_AT_RUN_TIME = {"libclang", "tensorboard-data-server", "setuptools", "wheel"}


def needed(names):
    """Canonical names of those distributions and all that they require here at run time."""
    found, waiting = set(), [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found | NOT_AT_RUN_TIME:
            continue
        found.add(name)
        for line in importlib.metadata.requires(name) or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(requirement.name))
    return found


def test_the_image_holds_all_that_the_package_needs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    left_out = re.search(r"sed -E -e '/\^\(#\|(.*?)\)/d'", (ROOT / "Dockerfile").read_text())[1]
    pins = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    kept = {canonicalize_name(pin) for pin in pins if not re.match(left_out, pin)}
    wanted = needed(Requirement(each).name for each in project["dependencies"])
    assert wanted <= kept


def test_the_image_holds_the_whole_package():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*" and {"!deltavae", "!gin", "!run.sh"} <= set(rules)
    assert [rule for rule in rules[1:] if not rule.startswith("!")] == ["**/__pycache__"]
    for rule in rules:
        assert not rule.startswith("!") or (ROOT / rule[1:]).exists()


def test_events_start_without_tensorflow_and_quickly():
    code = (
        "import sys; from deltavae.cli.main import main; "
        "status = main(['submission', 'event', 'error', 'a message']); "
        "sys.exit(status or 'tensorflow' in sys.modules)"
    )
    clean = {k: v for k, v in os.environ.items() if "_IS_GRADING" not in k}
    assert subprocess.run([sys.executable, "-c", code], env=clean, check=False).returncode == 0
