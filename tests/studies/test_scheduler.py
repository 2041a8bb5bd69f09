"""Each run is done exactly once, whatever ends in the middle."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from deltavae.errors import UserError
from deltavae.io import locked
from deltavae.studies import LocalEngine, StudyFolder, run_study
from deltavae.studies.engine import Job, thread_environment
from deltavae.studies.scheduler import describe, failures

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path):
    return StudyFolder(tmp_path / "study")


def starts(folder, spec):
    return len((folder.run(spec) / "starts").read_text().split())


def test_every_run_is_done_once_and_the_table_has_them(make_study, folder, stub):
    a_study = make_study(readouts=["embedding", "ica"])
    first = run_study(a_study, folder, LocalEngine, command=stub(a_study))
    assert (first.total, first.done, first.skipped, first.failed) == (4, 4, 0, 0)
    table = pd.read_csv(folder.table)
    assert len(table) == 8
    assert table.groupby("seed")["mig"].mean().to_dict() == {0: 0, 1: 10}
    again = run_study(a_study, folder, no_engine, command=stub(a_study))
    assert (again.done, again.skipped) == (0, 4)
    assert all(starts(folder, spec) == 1 for spec in a_study.runs())
    pd.testing.assert_frame_equal(pd.read_csv(folder.table), table)
    states = [json.loads(line)["state"] for line in describe(a_study, folder).splitlines()]
    assert states == ["done"] * 4


def no_engine():
    raise AssertionError("nothing is left to run")


def test_a_study_grows_by_what_is_new_and_scores_again_where_the_scoring_changes(
    make_study, folder, stub
):
    small, large = make_study(), make_study(seeds=[0, 1, 2])
    run_study(small, folder, LocalEngine, command=stub(small))
    grown = run_study(large, folder, LocalEngine, command=stub(large))
    assert (grown.done, grown.skipped) == (2, 4)
    other = make_study(readouts=["ica"])
    assert run_study(other, folder, LocalEngine, command=stub(other)).done == 4
    assert set(pd.read_csv(folder.table)["readout"]) == {"ica"}


def test_a_failure_is_retried_and_then_reported_with_its_log(make_study, folder, stub):
    folder.path.mkdir()
    a_study = make_study(retries=2)
    folder.open(a_study.to_json())
    (folder.path / "fail-0").write_text("2")
    (folder.path / "fail-1").write_text("3")
    state = run_study(a_study, folder, LocalEngine, command=stub(a_study))
    assert (state.done, state.failed, state.retried) == (2, 2, 8)
    assert all(starts(folder, spec) == 3 for spec in a_study.runs())
    given_up = failures(a_study, folder)
    assert [each["seed"] for each in given_up] == [1, 1]
    assert all("no such luck" in each["log"] and each["times"] == 3 for each in given_up)
    assert run_study(a_study, folder, LocalEngine, command=stub(a_study)).done == 2
    assert failures(a_study, folder) == []


def test_what_only_the_user_can_mend_is_not_retried(make_study, folder, stub):
    a_study = make_study(retries=2, seeds=[0])
    folder.path.mkdir()
    folder.open(a_study.to_json())
    (folder.path / "fail-0").write_text("9")
    (folder.path / "status").write_text("2")
    state = run_study(a_study, folder, LocalEngine, command=stub(a_study))
    assert (state.failed, state.retried) == (2, 0)


def test_a_killed_process_is_started_again(make_study, folder, stub):
    a_study = make_study(seeds=[3], sweep={})
    (spec,) = a_study.runs()
    folder.path.mkdir()
    folder.open(a_study.to_json())
    (folder.path / "hang").touch()

    def kill():
        started = folder.run(spec) / "starts"
        while not started.exists() or not started.read_text():
            time.sleep(0.01)
        (folder.path / "hang").unlink()
        time.sleep(0.2)
        os.kill(int(started.read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    state = run_study(a_study, folder, LocalEngine, command=stub(a_study))
    killer.join()
    assert (state.done, state.retried, starts(folder, spec)) == (1, 1, 2)


def test_closing_the_engine_ends_what_runs(tmp_path):
    engine = LocalEngine(cores=2)
    note = tmp_path / "pid"
    script = f"echo $$ > {note}; sleep 60"
    engine.submit(Job("a", ("sh", "-c", script), str(tmp_path / "log")))
    while not note.exists() or not note.read_text():
        time.sleep(0.01)
    engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_cores_are_divided_and_threads_limited(tmp_path):
    engine = LocalEngine(cores_per_job=2, cores=5)
    assert engine.capacity == 4  # two at once, two more that wait
    for key in "abcd":
        argv = ("sh", "-c", f"sleep 0.1; echo $OMP_NUM_THREADS > {tmp_path / key}")
        engine.submit(Job(key, argv, str(tmp_path / "log"), cores=2))
    start = time.monotonic()
    assert {engine.next().key for _ in range(4)} == set("abcd")
    assert time.monotonic() - start > 0.15  # two rounds
    engine.close()
    assert {(tmp_path / key).read_text() for key in "abcd"} == {"2\n"}
    assert set(thread_environment(3).values()) == {"3"}
    with pytest.raises(UserError, match="more cores"):
        LocalEngine(cores_per_job=9, cores=2)


def test_where_ray_is_missing_the_advice_installs_what_the_extra_asks_for(tmp_path, monkeypatch):
    from deltavae.studies.ray_engine import RayEngine

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (wanted,) = project["optional-dependencies"]["ray"]
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match="Ray is not installed") as refused:
        RayEngine(tmp_path)
    assert f"pip install '{wanted.partition('>')[0]}'" in refused.value.message


def test_a_folder_in_use_is_refused(make_study, folder, stub):
    a_study = make_study()
    code = (
        "import sys, time; from pathlib import Path; from deltavae.io import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(folder.path)], stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match=f"another process writes to .* process {holder.pid} "):
            run_study(a_study, folder, no_engine, command=stub(a_study))
    finally:
        holder.kill()
        holder.communicate()
    with locked(folder.path):
        pass  # the lock went with its process


def test_another_study_or_version_or_a_foreign_folder_is_refused(make_study, folder, stub):
    a_study = make_study()
    run_study(a_study, folder, LocalEngine, command=stub(a_study))
    other = make_study(name="other")
    with pytest.raises(UserError, match="another study"):
        run_study(other, folder, no_engine, command=stub(other))
    result = folder.run(next(a_study.runs())) / "result.json"
    result.write_text(json.dumps({**json.loads(result.read_text()), "version": "0.0.1"}))
    with pytest.raises(UserError, match=r"another version.*0\.0\.1"):
        run_study(a_study, folder, no_engine, command=stub(a_study))
    foreign = StudyFolder(folder.path.parent)
    with pytest.raises(UserError, match="holds no study"):
        run_study(a_study, foreign, no_engine, command=stub(a_study))


def test_runs_on_other_images_of_the_same_name_are_not_added(make_study, folder, stub):
    a_study = replace(make_study(), digests={"turntable": "a" * 64})
    run_study(a_study, folder, LocalEngine, command=stub(a_study))
    run_study(a_study, folder, no_engine, command=stub(a_study))
    grown = replace(make_study(datasets=["turntable", "new"], seeds=[0]), digests={"new": "c"})
    run_study(grown, folder, LocalEngine, command=stub(grown))
    changed = replace(a_study, digests={"turntable": "b" * 64})
    with pytest.raises(UserError, match=r"turntable is not what it was.*aaa.*bbb"):
        run_study(changed, folder, no_engine, command=stub(changed))
