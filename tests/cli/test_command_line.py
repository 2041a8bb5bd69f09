"""The command line as a whole: help, spellings of flags, statuses; nothing here trains."""

import errno
import logging
import os
import pathlib
import re
import resource
import shlex
import signal
import subprocess
import sys

import absl.logging
import numpy as np
import pytest

from deltavae.cli import data, evaluate, report, study, submission, train
from deltavae.cli.exit_status import exit_status
from deltavae.cli.main import COMMANDS
from deltavae.errors import UserError
from deltavae.run_dir import folder_to_train_in

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = {
    "train": train,
    "evaluate": evaluate,
    "study": study,
    "report": report,
    "data": data,
    "submission": submission,
}


def test_every_command_is_tried_here():
    assert set(MODULES) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_screen_and_ends_with_two_examples_that_parse(command, name):
    done = command(name, "--help")
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.rstrip().splitlines()
    assert len(lines) <= 40 and max(map(len, lines)) <= 100
    assert lines[-3] == "examples:"
    for line in lines[-2:]:
        words = shlex.split(line)
        start = words.index(name) + 1
        assert MODULES[name].parser("x").parse(words[start:])


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--gpus_per_run", "1"], "--gpus_per_run is for Ray"),
        (["--cores", "2", "--address", "auto"], "--cores is for this machine's runs"),
        (["--export", "best"], "--export needs a choice"),
    ],
)
def test_flags_of_a_study_that_would_do_nothing_are_refused(command, flags, says):
    done = command("study", "gin/studies/quick.gin", *flags)
    assert done.returncode == 2 and says in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["data", "download", "cars3d", "--output_dir", "d"], "--data_dir names the folder"),
        (["data", "list", "--output_dir", "d"], "received --output_dir d"),
        (["submission", "event", "submit", "--run_dir", "x"], "received --run_dir x"),
    ],
)
def test_a_flag_that_the_action_would_not_use_is_refused(command, monkeypatch, arguments, says):
    acted = []
    monkeypatch.setattr(data, "download", lambda *given: acted.append(given))
    monkeypatch.setattr(data, "list_datasets", lambda *given: acted.append(given))
    monkeypatch.setattr(submission.Events, "submit", lambda events: acted.append(events))
    done = command(*arguments)
    assert done.returncode == 2 and says in done.stderr and not acted


def test_the_list_of_commands(command):
    done = command("--help")
    assert done.returncode == 0
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    assert len(done.stdout.splitlines()) <= 40
    for wrong in ([], ["trian"], ["sweeps", "gin/studies/quick.gin"]):
        refused = command(*wrong)
        assert refused.returncode == 2 and refused.stderr.count("\n") == 1
        assert all(name in refused.stderr for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("wrong", ["--no-such-flag", "--data_dirr=x", "--verbosity=loud"])
def test_a_wrong_flag_is_one_line_and_status_2(command, name, wrong):
    done = command(name, *{"study": ["x.gin"], "data": ["list"]}.get(name, []), wrong)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert wrong.split("=")[0] in done.stderr and "--help" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--output_dir="],
        ["train", "--dataset", ""],
        ["evaluate", "--run_dir", ""],
        ["evaluate", "--compare", ""],
        ["evaluate", "--compare=a", ""],
        ["data", "show", "turntable_hues", "--output_dir="],
        ["submission", "check", "--run_dir", ""],
        ["report", ""],
        ["data", "list", "--data_dir="],
    ],
)
def test_no_default_stands_in_for_an_empty_value(command, arguments):
    done = command(*arguments)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "is empty" in done.stderr


def test_a_misspelt_flag_names_the_nearest(command):
    assert "Did you mean --gin_bindings?" in command("train", "--gin_binding=x").stderr


@pytest.mark.parametrize(
    ("arguments", "wrong", "meant", "also"),
    [
        ([], "trian", "train", "evaluate, study, report"),
        ([], "Evaluate", "evaluate", "submission"),
        (["data"], "shwo", "show", "list, show, download"),
        (["submission"], "evnet", "event", "check, event"),
        (["evaluate", "--codes", "codes.npz", "--protocol"], "curent", "current", "both"),
        (["evaluate", "--codes", "codes.npz", "--metrics"], "migg", "mig", "factor_vae"),
        (["evaluate", "--codes", "codes.npz", "--metrics"], "MIG", "mig", "factor_vae"),
        (["evaluate", "--codes", "codes.npz", "--metrics"], "all,migg", "mig", "or all"),
        (["evaluate", "--codes", "codes.npz", "--readouts"], "alined", "aligned", "ica"),
        (["evaluate", "--codes", "codes.npz", "--dataset"], "turntabel", "turntable", "cars3d"),
        (["data", "show"], "dsprites", "dsprites_full or dsprites_noshape", "smallnorb"),
        (["data", "download"], "shape3d", "shapes3d", "cars3d"),
    ],
)
def test_a_misspelt_name_is_one_line_with_the_name_that_was_meant(
    command, tmp_path, monkeypatch, arguments, wrong, meant, also
):
    monkeypatch.chdir(tmp_path)
    np.savez("codes.npz", codes=np.eye(4))
    done = command(*arguments, wrong)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: unknown ") and repr(wrong.split(",")[-1]) in done.stderr
    assert f". Did you mean {meant}?" in done.stderr and also in done.stderr


def test_values_are_given_with_a_space_or_an_equals_sign():
    parse = train.parser("x").parse
    spaced = ["--gin_config", "a.gin", "--gin_config", "b.gin", "--output_dir", "o", "--resume"]
    joined = ["--gin_config=a.gin", "--gin_config=b.gin", "--output_dir=o", "--resume=true"]
    assert parse(spaced) == parse(joined)
    assert parse(spaced).gin_config == ["a.gin", "b.gin"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], True),
        (["--report"], True),
        (["--noreport"], False),
        (["--report=false"], False),
        (["--report=0"], False),
        (["--noreport", "--report=True"], True),
        (["--report", "--run_dir", "x", "--noreport"], False),
    ],
)
def test_booleans(arguments, expected):
    options = evaluate.parser("x").parse(arguments)
    assert options.report is expected and options.more == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--compare", "a", "b", "c"],
        ["--compare=a,b,c"],
        ["--compare=a", "b", "c"],
        ["--compare", "a,b", "c", "--udr"],
        ["--compare=a", "--udr", "b", "c"],
        ["--compare", "a", "b", "c", "-v", "debug", "--data_dir", "d"],  # of every command
    ],
)
def test_compare_takes_the_runs_that_follow(command, monkeypatch, arguments):
    compared = []
    monkeypatch.setattr(
        "deltavae.scoring.comparison.compare", lambda runs, *_, readouts=(): compared.append(runs)
    )
    monkeypatch.setattr(evaluate, "_udr", lambda runs: None)
    assert command("evaluate", *arguments).returncode == 0
    assert compared[0] == ["a", "b", "c"]


def test_compare_means_the_same_to_report(command, monkeypatch, tmp_path):
    compared = []
    monkeypatch.setattr(
        "deltavae.report.write_comparison", lambda *given: compared.append(given) or given[1]
    )
    done = command("report", "--compare", "a", "b", f"--output_dir={tmp_path}")
    assert done.returncode == 0 and compared == [(["a", "b"], tmp_path / "comparison.html")]
    assert done.stdout.strip() == str(tmp_path / "comparison.html")


def test_lists_are_written_with_commas():
    parse = evaluate.parser("x").parse
    assert parse(["--metrics", "mig, dci"]).metrics == parse(["--metrics=mig,dci"]).metrics
    assert parse(["--metrics=mig,dci"]).metrics == ["mig", "dci"]


def test_a_number_may_be_negative(command):
    done = command("evaluate", "--codes=x.npz", "--seed", "-1")
    assert done.returncode == 2 and "seed" in done.stderr and "received -1" in done.stderr


def test_data_dir_is_where_data_sets_are_looked_for(command, tmp_path, monkeypatch):
    monkeypatch.setenv("DISENTANGLEMENT_LIB_DATA", "before")
    done = command("data", "list", "--data_dir", str(tmp_path))
    assert done.returncode == 0 and str(tmp_path) in done.stdout.replace("\n", "")
    assert os.environ["DISENTANGLEMENT_LIB_DATA"] == "before"


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_inside():
    try:
        full()
    except OSError:
        raise RuntimeError("the writer of the archive failed") from None


@pytest.mark.parametrize("raises", [full, full_inside])
def test_a_full_disk_is_one_line(capsys, raises):
    assert exit_status(raises) == 2
    assert capsys.readouterr().err.startswith("error: the disk is full")


@pytest.mark.parametrize(
    "arguments",
    [["report", "{run}", "--output_dir={run}/file"], ["report", "{run}", "--output_dir=/proc/x"]],
)
def test_a_folder_that_cannot_be_written_is_one_line(command, tmp_path, arguments):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "history.json").write_text("[]")
    (tmp_path / "file").write_text("")
    done = command(*(each.format(run=tmp_path) for each in arguments))
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: cannot write the output; expected a writable")


def test_a_file_that_cannot_be_used_is_one_line(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    for use in (lambda: (tmp_path / "file" / "below").mkdir(), tmp_path.read_text):
        assert exit_status(use) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"error: {tmp_path}") and said.count("\n") == 1
    with pytest.raises(FileNotFoundError):  # a name that nobody looked for is a defect
        exit_status((tmp_path / "none").read_text)


@pytest.mark.parametrize(
    ("called", "named"),
    [
        ("/usr/bin/deltavae", "deltavae train"),
        ("/lib/deltavae/__main__.py", "python -m deltavae train"),
        ("train.py", "train.py"),
        ("/lib/pytest/__main__.py", "train.py"),
    ],
)
def test_messages_name_a_command_as_the_user_calls_it(monkeypatch, tmp_path, called, named):
    monkeypatch.setattr(sys, "argv", [called])
    with pytest.raises(UserError, match=rf"one that {re.escape(named)} began in"):
        folder_to_train_in(tmp_path, resume=True, overwrite=False, configured=False)


def test_a_message_of_several_lines_is_one(capsys):
    def command():
        raise UserError("cannot read\n  the file", received="a\nb")

    assert exit_status(command) == 2
    assert capsys.readouterr().err == "error: cannot read the file; received a b\n"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_command_tidily(capsys, number, status):
    left, before = [], signal.getsignal(number)

    def command():
        try:
            os.kill(os.getpid(), number)
            signal.pause()
        finally:
            left.append("tidied")

    assert exit_status(command) == status
    assert left == ["tidied"] and signal.getsignal(number) is before
    assert capsys.readouterr().err.count("\n") == 1


def test_a_defect_is_no_mistake_of_the_user():
    with pytest.raises(ZeroDivisionError):
        exit_status(lambda: 1 // 0)


def seconds_of_processor(*arguments):
    """Status, and processor time: unlike the clock's, other work does not change it much."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
def test_the_scripts_answer_at_once(script):
    done, seconds = seconds_of_processor(script, "--help")
    assert done.returncode == 0 and f"usage: python {script}" in done.stdout
    assert seconds < 0.3
    done, seconds = seconds_of_processor(script, "--no-such-flag")
    assert done.returncode == 2 and done.stderr.startswith("error: unknown flag")
    assert seconds < 0.3


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_answers_a_wrong_flag_at_once(name):
    done, seconds = seconds_of_processor("-m", "deltavae", name, "--no-such-flag")
    assert done.returncode == 2
    assert seconds < 0.3


STARTED = """
import gc, sys
from deltavae.cli.startup import quick_imports, start_tensorflow
start_tensorflow()
assert "keras" in sys.modules and gc.isenabled()
with quick_imports():
    import tensorflow_probability
assert gc.isenabled()
print(*sorted({"matplotlib", "pandas", "sklearn"} & set(sys.modules)))
import matplotlib.pyplot, pandas, sklearn.base
"""


def test_tensorflow_and_its_probability_start_without_what_only_keras_would_use():
    # and what uses them afterwards gets them
    done = subprocess.run(
        [sys.executable, "-c", STARTED], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_warnings_of_libraries_look_like_those_of_commands():
    """In a process of its own: pytest catches what is logged."""
    code = (
        "from deltavae.cli.startup import hush; hush(); "
        "from absl import logging; logging.warning('%r is odd', 3); logging.info('hidden')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "warning: 3 is odd\n" and not done.stdout


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        ([], logging.ERROR),
        (["-v", "error"], logging.ERROR),
        (["-v", "info"], logging.INFO),
        (["--verbosity=debug"], logging.DEBUG),
    ],
)
def test_tensorflow_says_what_the_verbosity_asks_for(command, monkeypatch, tmp_path, flags, level):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    logger, verbosity = logging.getLogger("tensorflow"), absl.logging.get_verbosity()
    before = logger.level
    try:
        assert command("report", str(tmp_path), *flags).returncode == 2  # it holds no run
        assert logger.level == level
    finally:
        logger.setLevel(before)
        absl.logging.set_verbosity(verbosity)
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "2"
