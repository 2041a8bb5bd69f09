"""The same studies on a real Ray, started on this machine."""

import os
import signal
import threading
import time

import pandas as pd
import pytest

from deltavae.errors import UserError
from deltavae.studies import LocalEngine, StudyFolder, run_study

pytestmark = pytest.mark.ray
pytest.importorskip("ray")


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[1])


def ray_engine(folder):
    from deltavae.studies.ray_engine import RayEngine

    return lambda: RayEngine(folder.path, cores=2)


def test_ray_and_local_give_the_same_table(make_study, tmp_path, stub):
    a_study = make_study(readouts=["embedding", "ica"], seeds=[0, 1, 2])
    local, ray = StudyFolder(tmp_path / "local"), StudyFolder(tmp_path / "ray")
    run_study(a_study, local, LocalEngine, command=stub(a_study))
    state = run_study(a_study, ray, ray_engine(ray), command=stub(a_study))
    assert (state.done, state.failed) == (6, 0)
    pd.testing.assert_frame_equal(pd.read_csv(ray.table), pd.read_csv(local.table))


def test_a_lost_worker_costs_the_study_nothing(make_study, tmp_path, stub):
    """The Ray worker is killed, not the run in it, and no retry is allowed for failures."""
    folder = StudyFolder(tmp_path / "study")
    a_study = make_study(retries=0, seeds=[0, 1, 2])
    folder.path.mkdir()
    folder.open(a_study.to_json())
    (folder.path / "hang").touch()

    def kill():
        while not (found := list(folder.path.glob("runs/*/starts"))):
            time.sleep(0.02)
        time.sleep(0.2)
        (folder.path / "hang").unlink()
        runs = {int(path.read_text()) for path in found}
        for worker in {parent_of(run) for run in runs}:
            os.kill(worker, signal.SIGKILL)
        for run in runs:  # what a real run does by itself: it watches its parent
            os.kill(run, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    state = run_study(a_study, folder, ray_engine(folder), command=stub(a_study))
    killer.join()
    assert (state.done, state.failed) == (6, 0)
    assert state.retried >= 1
    assert len(pd.read_csv(folder.table)) == 6


def test_a_cluster_that_is_not_there_is_an_error_at_once(tmp_path):
    from deltavae.studies.ray_engine import RayEngine

    start = time.monotonic()
    for address in ("ray://127.0.0.1:9", "127.0.0.1:9"):
        with pytest.raises(UserError, match="no Ray cluster answers"):
            RayEngine(tmp_path, address=address)
    assert time.monotonic() - start < 10


def test_a_run_that_fits_no_node_is_refused(tmp_path):
    from deltavae.studies.ray_engine import RayEngine

    with pytest.raises(UserError, match="no node of the cluster has room"):
        RayEngine(tmp_path, cores=1, gpus_per_job=0.5)
