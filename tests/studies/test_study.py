"""A study as data: which runs it lists, under which ids, and what it refuses."""

import json
import subprocess
import sys

import pytest

from deltavae.errors import UserError
from deltavae.studies import Study
from deltavae.studies.grid import fixed, product, sweep, zip_grids


def test_product_takes_every_combination_and_zip_goes_side_by_side():
    dims, betas = sweep("d", [10, 20]), sweep("b", [1, 2.5, 10])
    assert product(dims, betas, fixed("l", 5)) == [
        {"d": d, "b": b, "l": 5} for d in (10, 20) for b in (1, 2.5, 10)
    ]
    assert zip_grids(dims, sweep("c", [4, 8])) == [{"d": 10, "c": 4}, {"d": 20, "c": 8}]
    assert product() == [{}]


@pytest.mark.parametrize(
    ("grid", "says"),
    [
        (lambda: sweep("d", []), "empty"),
        (lambda: sweep("d", "ab"), "at least one value"),
        (lambda: sweep("d", [1, 1]), "twice"),
        (lambda: zip_grids(sweep("d", [1, 2]), sweep("b", [1])), "one length"),
        (lambda: product(fixed("d", 1), fixed("d", 2)), "twice"),
    ],
)
def test_impossible_grids_are_refused(grid, says):
    with pytest.raises(UserError, match=says):
        grid()


def test_runs_are_all_combinations_with_distinct_ids(make_study):
    a_study = make_study(
        sweep={"Hypersphere.dim": [10, 20], "CapacityObjective.beta": [1, 2.5, 10]},
        variants={"walk": ["DiffusionPosterior.mode = 'random_walk'"], "exact": []},
        datasets=["turntable", "sprites"],
        seeds=[0, 1, 2],
    )
    runs = list(a_study.runs())
    assert len(runs) == 2 * 3 * 2 * 2 * 3 == len({run.id for run in runs})
    assert len({run.setting for run in runs}) == 12
    first = runs[0]
    assert first.setting == "walk dim=10 beta=1"
    assert first.bindings == (
        "DiffusionPosterior.mode = 'random_walk'",
        "Hypersphere.dim = 10",
        "CapacityObjective.beta = 1",
    )


def test_a_variant_may_have_a_sweep_of_its_own(make_study):
    a_study = make_study(
        sweep={"Hypersphere.dim": [10]},
        variants={"a": [], "b": ["model.posterior = @GaussianPosterior()"]},
        variant_sweep={"b": {"BetaObjective.beta": [1.0, 4.0]}},
        seeds=[0, 1],
    )
    runs = list(a_study.runs())
    assert len(a_study) == len(runs) == 6
    assert [run.setting for run in runs if run.seed == 0] == [
        "a dim=10",
        "b dim=10 beta=1.0",
        "b dim=10 beta=4.0",
    ]
    assert runs[2].variant == "b" and runs[2].bindings[-1] == "BetaObjective.beta = 4.0"
    assert a_study.restricted("3-5").runs().__next__().seed == 1


def test_principal_components_of_the_pixels_are_a_variant_of_their_own(make_study):
    a_study = make_study(
        pixels=10, variants={"a": []}, seeds=[0, 1], order=["variants", "seeds", "datasets"]
    )
    runs = list(a_study.runs())
    settings = [*["a dim=10", "a dim=20"] * 2, "PCA of pixels", "PCA of pixels"]
    assert [run.setting for run in runs] == settings
    assert len(a_study) == 6 == len({run.id for run in runs})
    assert [run.pixels for run in runs] == [0, 0, 0, 0, 10, 10]
    assert {run.id for run in make_study(pixels=5).runs()}.isdisjoint(run.id for run in runs[-2:])
    assert [run.id for run in make_study().runs()] == [
        run.id for run in make_study(pixels=5).runs() if not run.pixels
    ]


def test_a_reference_is_not_quoted_and_a_string_is(make_study):
    (run,) = make_study(zip={"a.b": ["@Sphere()"], "a.c": ["s"]}, sweep={}, seeds=[0]).runs()
    assert run.bindings == ("a.b = @Sphere()", "a.c = 's'")


def test_the_id_follows_the_content_of_files_and_not_their_names(make_study, tmp_path):
    def ids():
        return [run.id for run in make_study(gin_configs=[str(top)]).runs()]

    top, below = tmp_path / "top.gin", tmp_path / "below.gin"
    below.write_text("a.b = 1\n")
    top.write_text(f"include '{below}'\n")
    before = ids()
    assert ids() == before
    below.write_text("a.b = 2\n")
    assert not set(before) & set(ids())
    below.write_text("# a comment\n\na.b = 1  # and another")
    assert ids() == before
    below.write_text("a.b = '1  # no comment'\n")
    assert not set(before) & set(ids())
    below.write_text("a.b = 1\n")
    top = top.rename(tmp_path / "renamed.gin")
    assert ids() == before


def test_scoring_and_cores_do_not_change_the_id(make_study):
    ids = [run.id for run in make_study().runs()]
    other = make_study(metrics=["mig"], readouts=["ica"], cores=2)
    assert [run.id for run in other.runs()] == ids
    assert other.scoring.id != make_study().scoring.id


def test_json_gives_the_same_study_back(make_study):
    a_study = make_study(
        variants={"a": ["x.y = 1"], "b": []},
        variant_sweep={"a": {"x.z": [1, 2]}},
        baselines=["b"],
        pixels=10,
    )
    assert Study.from_json(json.loads(json.dumps(a_study.to_json()))) == a_study


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": []},
        {"seeds": [0, 0]},
        {"datasets": []},
        {"readouts": []},
        {"variants": {}},
        {"sweep": {"Hypersphere.dim": []}},
        {"zip": {"a.b": [1], "a.c": [1, 2]}},
        {"zip": {"Hypersphere.dim": [10]}},
        {"baselines": ["gaussian"]},
        {"variants": {"a": []}, "variant_sweep": {"b": {"x.y": [1]}}},
        {"variants": {"a": []}, "variant_sweep": {"a": {"Hypersphere.dim": [1]}}},
        {"variants": {"a": []}, "variant_sweep": {"a": {"train.seed": [1]}}},
        {"retries": -1},
        {"pixels": -1},
        {"variants": {"PCA of pixels": []}, "pixels": 10},
        {"name": ""},
    ],
)
def test_impossible_studies_are_refused(make_study, change):
    with pytest.raises(UserError):
        make_study(**change)


def test_the_same_setting_under_two_names_is_refused(make_study, tmp_path):
    """Both would have one id: two processes in one folder, or one run counted as two."""
    first, copy = tmp_path / "first.gin", tmp_path / "copy.gin"
    first.write_text("model.num_filters = 8\n")
    copy.write_text("model.num_filters = 8\n")
    variants = {"mine": [str(first)], "other": [str(copy)]}
    same = make_study(variants=variants, sweep={})
    with pytest.raises(UserError, match=r"are the same.*received 'mine' and 'other'"):
        list(same.runs())
    with pytest.raises(UserError, match="are the same"):
        list(same.restricted("0").runs())
    copy.write_text("model.num_filters = 16\n")
    assert len(list(same.runs())) == 4
    rows = make_study(zip={"a.b": [1, 2, 1], "a.c": [3, 4, 3]}, sweep={})
    with pytest.raises(UserError, match=r"are the same.*received 'b=1 c=3' and 'b=1 c=3'"):
        list(rows.runs())


@pytest.mark.parametrize(
    "changes",
    [
        {"variants": {"": [], "all": ["a.b = 1"]}, "sweep": {}},
        {"variants": {"": [], "b=1": ["a.c = 1"]}, "variant_sweep": {"": {"a.b": [1]}}},
        {"sweep": {"a.b": [1, "1"]}},
    ],
)
def test_two_settings_of_one_name_are_refused(make_study, changes):
    """They would be averaged as seeds of one setting."""
    with pytest.raises(UserError, match=r"have one name.*received '.*' twice"):
        list(make_study(**{"sweep": {}, **changes}).runs())


def test_a_missing_file_is_named(make_study):
    with pytest.raises(UserError, match=r"nowhere\.gin"):
        list(make_study(gin_configs=["nowhere.gin"]).runs())


def test_starts_without_tensorflow():
    code = "import sys, deltavae.studies; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
