"""Selection without labels: the run with the largest criterion, its module, and the reason."""

import json
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from deltavae.cli import study_summary
from deltavae.cli.main import main
from deltavae.errors import UserError
from deltavae.io import read_json, write_json
from deltavae.studies import LocalEngine, StudyFolder, loader, run_study, scheduler
from deltavae.studies.folder import CODES
from deltavae.studies.results_table import read_table
from deltavae.studies.selection import (
    choose,
    export_selected,
    require_exportable,
    require_selectable,
)
from tests.studies.conftest import leave_result


def rows(**columns):
    count = len(next(iter(columns.values())))
    shared = {"setting": "all", "variant": "", "dataset": "turntable", "readout": "embedding"}
    return pd.DataFrame(
        [
            {**shared, "seed": i, "run": f"r{i}"} | {k: v[i] for k, v in columns.items()}
            for i in range(count)
        ]
    )


def test_the_largest_value_is_chosen_and_the_reason_says_so():
    chosen = choose(rows(elbo=[-12.0, -10.0, -11.0], udr=[0.5, 0.2, 0.3]), "elbo")
    assert (chosen.run, chosen.criterion, chosen.value) == ("r1", "elbo", -10.0)
    assert chosen.reason == "the largest elbo of 3 finished runs, -10; the others have at most -11"
    assert choose(rows(elbo=[-12.0, -10.0, -11.0], udr=[0.5, 0.2, 0.3]), "udr").run == "r0"


def test_held_out_images_decide_where_there_are_any():
    table = rows(elbo=[-10.0, -12.0], held_out_elbo=[-20.0, -13.0])
    assert choose(table, "elbo").run == "r1"


def test_runs_of_the_same_udr_are_told_apart_by_their_elbo():
    """Collapsed codes have a UDR of 0 in every run."""
    chosen = choose(rows(elbo=[-12.0, -10.0, -11.0], udr=[0.0, 0.0, 0.0]), "udr")
    assert (chosen.run, chosen.criterion) == ("r1", "udr")
    assert "3 runs have it, of which this one has the largest elbo" in chosen.reason
    assert choose(rows(elbo=[-1.0, -3.0, -2.0], udr=[0.1, 0.2, 0.2]), "udr").run == "r2"


def test_a_pca_of_the_pixels_is_never_chosen():
    """It has no ELBO, and no module to export."""
    assert choose(rows(elbo=[np.nan, -10.0, -11.0], udr=[0.9, 0.2, 0.3]), "udr").run == "r2"
    # often the first to end, when no run has an ELBO yet
    assert choose(rows(udr=[0.9, 0.9]), "udr") is None


def test_before_two_seeds_there_is_no_udr():
    assert choose(rows(elbo=[-1.0]), "udr").reason == "the only run that has finished"
    chosen = choose(rows(elbo=[-2.0, -1.0]), "udr")
    assert chosen.run == "r1" and "no UDR" in chosen.reason
    assert choose(rows(elbo=[-1.0])[:0], "elbo") is None


def test_the_module_of_the_most_alike_run_is_exported(make_study, tmp_path):
    """Runs 0 and 1 have the same codes, run 2 other ones: UDR takes 0 or 1, whatever the ELBO."""
    a_study, folder = make_study(seeds=[0, 1, 2], sweep={}), StudyFolder(tmp_path / "study")
    same, other = np.random.default_rng(0).normal(size=(2, 500, 3))
    for i, codes in enumerate([same, -same, other]):
        module = folder.path / "runs" / f"r{i}" / "representation" / "tfhub"
        module.mkdir(parents=True)
        (module / "weights").write_text(str(i))
        np.savez(module.parents[1] / CODES, embedding=codes)
    table = rows(elbo=[-9.0, -8.0, -1.0])
    chosen = export_selected(a_study, folder, table, "udr", tmp_path / "out")
    assert chosen.run in ("r0", "r1")
    assert (tmp_path / "out" / "tfhub" / "weights").read_text() == chosen.run[1:]
    assert read_json(tmp_path / "out" / "selection.json")["reason"] == chosen.reason
    export_selected(a_study, folder, table, "elbo", tmp_path / "out")
    assert (tmp_path / "out" / "tfhub" / "weights").read_text() == "2"


@pytest.fixture
def choosing(make_study, tmp_path, monkeypatch, capsys):
    """What `deltavae study` prints and exports of a study whose runs are all done."""

    def printed(criterion, exports, runs, **changes):
        a_study, folder = make_study(**changes), StudyFolder(tmp_path / "study")
        folder.open(a_study.to_json())
        for spec in a_study.runs():
            elbo, codes = runs(spec)
            leave_result(folder.path, a_study, spec)
            path = folder.run(spec)
            np.savez(path / CODES, **codes)
            (path / "representation").mkdir()
            (path / "representation" / "weights").write_text(spec.setting)
            row = {"setting": spec.setting, "variant": "", "dataset": spec.dataset}
            row |= {"seed": spec.seed, "run": spec.id, "elbo": elbo, "mig": 0.5}
            result = read_json(path / "result.json")
            result["rows"] = [row | {"readout": readout} for readout in codes]
            write_json(path / "result.json", result)
        monkeypatch.setattr(loader, "load_checked", lambda *_, **__: a_study)
        monkeypatch.setattr(study_summary, "summarise", lambda *_: 0)
        flags = ["--output_dir", str(folder.path), "--select", criterion]
        exported = tmp_path / "exported"
        flags += ["--export", str(exported)] if exports else []
        assert main(["study", "any.gin", *flags]) == 0
        return capsys.readouterr().out, (exported / "weights").read_text() if exports else None

    return printed


@pytest.mark.parametrize("exports", [True, False])
def test_udr_is_that_of_the_readout_which_the_study_names_first(choosing, exports):
    """Seeds of dim=10 agree in their embedding, those of dim=20 in their angles."""
    noise = np.random.default_rng(0)
    same = noise.normal(size=(500, 3))

    def runs(spec):
        other = noise.normal(size=(500, 3))
        embedding, angles = (same, other) if spec.setting == "dim=10" else (other, same)
        return -float(spec.seed), {"angles": angles, "embedding": embedding}

    said, exported = choosing("udr", exports, runs, readouts=["embedding", "angles"])
    # two seeds agree with each other alike, so the ELBO decides between them
    assert "(dim=10, seed 0): the largest udr of 4 finished runs" in said
    assert "2 runs have it" in said
    assert exported == ("dim=10" if exports else None)


@pytest.mark.parametrize("exports", [True, False])
def test_a_run_without_the_first_readout_may_be_chosen(choosing, exports):
    """Such as a sphere, which has no angles."""

    def runs(spec):
        codes = np.zeros((5, 2))
        if spec.setting == "dim=10":
            return -9.0, {"angles": codes, "embedding": codes}
        return -1.0, {"embedding": codes}

    said, exported = choosing("elbo", exports, runs, readouts=["angles", "embedding"], seeds=[0])
    assert "(dim=20, seed 0): the largest elbo of 2 finished runs, -1;" in said
    assert exported == ("dim=20" if exports else None)


def test_a_run_that_was_trained_again_is_exported_again(make_study, tmp_path):
    """Its id is the same, since that says what is trained and not what came out."""
    a_study, folder = make_study(sweep={}, seeds=[0]), StudyFolder(tmp_path / "study")
    module = folder.path / "runs" / "r0" / "representation" / "tfhub"
    module.mkdir(parents=True)
    out, table = tmp_path / "out", rows(elbo=[-1.0])

    def exported(weights):
        (module / "weights").write_text(weights)
        export_selected(a_study, folder, table, "elbo", out)
        return (out / "tfhub" / "weights").read_text()

    assert exported("first") == "first"
    before = out.stat().st_ino
    assert exported("first") == "first"
    assert out.stat().st_ino == before  # left alone
    assert exported("again") == "again"
    (module / "more").touch()
    export_selected(a_study, folder, table, "elbo", out)
    assert (out / "tfhub" / "more").exists()
    (module / "more").unlink()
    export_selected(a_study, folder, table, "elbo", out)
    assert not (out / "tfhub" / "more").exists()
    shutil.rmtree(module.parent)
    with pytest.raises(UserError, match=r"is missing; expected the folder .*r0/representation"):
        export_selected(a_study, folder, table, "elbo", out)
    assert (out / "tfhub" / "weights").read_text() == "again"


def test_what_cannot_be_selected_from_is_refused_before_training(make_study):
    with pytest.raises(UserError, match="two seeds"):
        require_selectable(make_study(seeds=[0]), "udr")
    with pytest.raises(UserError, match="one data set"):
        require_selectable(make_study(datasets=["turntable", "sprites"]), "elbo")
    assert main(["study", "gin/studies/quick.gin", "--export", "x"]) == 2


def test_a_time_budget_starts_no_run_that_would_not_end(make_study, tmp_path, stub):
    """The first run sleeps 1 s of a budget of 1.5 s: a second one would not end in time."""
    a_study = make_study(seeds=[0, 1, 2], sweep={})
    folder = StudyFolder(tmp_path / "study")
    run = stub(a_study)

    def slow(spec_file):
        return ["sh", "-c", 'sleep 1; exec "$@"', "sh", *run(spec_file)]

    seen = []
    state = run_study(
        a_study, folder, lambda: LocalEngine(cores=1), command=slow,
        progress=lambda s: seen.append(len(read_table(folder.stream))), hours=1.5 / 3600,
    )  # fmt: skip
    assert (state.done, state.not_started) == (1, 2)
    # the rows of an ended run are in the folder when progress is reported, for an export
    assert seen == [0, 1]
    # the same command later does the rest, since a budget is that of one call
    assert run_study(a_study, folder, lambda: LocalEngine(cores=1), command=run).done == 2
    assert json.loads(folder.study.read_text())["name"] == "small"


WAITS_FOR_THE_EXPORT = """
import json, os, pathlib, signal, sys, time
spec = json.loads(pathlib.Path(sys.argv[1]).read_text())
folder, exported = pathlib.Path(sys.argv[1]).parent, pathlib.Path(sys.argv[3])
seed = spec["run"]["seed"]
while seed == 1 and not (exported / "selection.json").exists():
    time.sleep(0.02)
if str(seed) == sys.argv[4]:  # as Ctrl-C would
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(60)
(folder / "representation").mkdir()
(folder / "representation" / "weights").write_text(str(seed))
row = {"setting": "all", "variant": "", "dataset": "turntable", "seed": seed,
       "readout": "embedding", "run": folder.name, "elbo": float(seed), "mig": 0.5}
result = {"version": spec["version"], "scoring": sys.argv[2], "rows": [row]}
(folder / "result.json").write_text(json.dumps(result))
"""


@pytest.fixture
def exporting(make_study, tmp_path, monkeypatch):
    """Exit status and export of `deltavae study` whose seed 1 ends only when 0 is exported."""
    a_study = make_study(seeds=[0, 1], sweep={})
    script, exported = tmp_path / "script.py", tmp_path / "exported"
    script.write_text(WAITS_FOR_THE_EXPORT)

    def run(interrupting=None):
        def command(spec_file):
            arguments = [str(script), str(spec_file), a_study.scoring.id, str(exported)]
            return [sys.executable, "-S", *arguments, str(interrupting)]

        monkeypatch.setattr(loader, "load_checked", lambda *_, **__: a_study)
        monkeypatch.setattr(scheduler, "worker_command", command)
        monkeypatch.setattr(study_summary, "summarise", lambda *_: 0)
        options = ["--select", "elbo", "--export", str(exported), "--cores", "1"]
        return main(["study", "any.gin", "--output_dir", str(tmp_path / "study"), *options])

    return run, exported


def test_the_best_of_the_finished_is_exported_while_others_still_train(exporting):
    """Seed 1 replaces seed 0: its ELBO is larger."""
    run, exported = exporting
    assert run() == 0
    assert (exported / "weights").read_text() == "1"
    assert read_json(exported / "selection.json")["candidates"] == 2


@pytest.mark.parametrize("interrupting", [0, 1])
def test_ctrl_c_names_the_export_where_there_is_one(exporting, capsys, interrupting):
    """Also beside an older export of the same name, which is of no run of this call."""
    run, exported = exporting
    if interrupting == 0:
        exported.mkdir()
        (exported / "selection.json").write_text("{}")
    assert run(interrupting) == 130
    message = f", and {exported} has the best of the runs that have ended"
    said = capsys.readouterr().err
    assert "stopped by SIGINT; the same command goes on where it was" in said
    assert (message in said) == (interrupting == 1)
    if interrupting == 1:
        assert (exported / "weights").read_text() == "0"


def test_an_export_replaces_nothing_but_an_export(make_study, tmp_path):
    """What lies in the named folder is the user's: it is found out before anything is trained."""
    mine = tmp_path / "thesis"
    mine.mkdir()
    require_exportable(mine)
    require_exportable(tmp_path / "new" / "below")
    (mine / "chapter.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"would replace .*thesis.*received chapter.tex"):
        require_exportable(mine)
    with pytest.raises(UserError, match="received a file"):
        require_exportable(mine / "chapter.tex")
    with pytest.raises(UserError, match="writable folder"):
        require_exportable(mine / "chapter.tex" / "below")
    with pytest.raises(UserError, match="mount point"):
        require_exportable(type(tmp_path)("/proc"))
    (mine / "selection.json").write_text("{}")
    require_exportable(mine)


def test_an_export_goes_through_a_link_and_leaves_it_one(make_study, tmp_path):
    a_study, folder = make_study(seeds=[0, 1], sweep={}), StudyFolder(tmp_path / "study")
    module = folder.path / "runs" / "r0" / "representation" / "tfhub"
    module.mkdir(parents=True)
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "out")
    export_selected(a_study, folder, rows(elbo=[-1.0]), "elbo", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "out" / "tfhub").is_dir()
