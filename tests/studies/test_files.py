"""The study files that are shipped, and what a study file may get wrong."""

import importlib
import os
from types import SimpleNamespace

import pytest

from deltavae import data, gin_files
from deltavae.errors import UserError
from deltavae.studies import loader

STUDIES = sorted((gin_files.folder() / "studies").glob("*.gin"))


@pytest.fixture
def any_data(monkeypatch):
    """Public data sets are not here."""
    # it binds the loader that is there when it is first imported, for all tests
    importlib.import_module("deltavae.config")
    monkeypatch.setattr(
        data,
        "load",
        lambda name: SimpleNamespace(
            is_grid=name != "gaps",
            is_stochastic="noisy" in name,
            warnings=(),
            digest=name,
            num_images=64_000,
        ),
    )


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_shipped_study_names_only_what_exists(path, any_data):
    a_study = loader.load_study(str(path))
    assert a_study.name == path.stem
    assert set(a_study.datasets) <= set(data.names())
    loader.check_names(a_study)


def test_table_1_is_six_settings():
    a_study = loader.load_study("gin/studies/table1.gin")
    assert len({run.setting for run in a_study.runs()}) == 6
    digests = {run.contents for run in a_study.runs()}
    assert len(digests) == 6


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("study.bindings = ['Hypersphere.dimension = 3']", "dimension"),
        ("study.sweep = {'Hypersphere.dim': [10, -1]}", "-1"),
        ("study.sweep = {'Hypersphere.dim': []}", "empty"),
        ("study.seedz = [0]", "seeds"),
        ("study.gin_configs = ['gin/bass.gin']", "bass"),
        ("study.datasets = ['turntabel']", "turntable"),
        ("study.seeds = [0, -1]", "seed of the study.*received -1"),
        ("study.protocol = 'paper'", "unknown protocol"),
        ("study.settings = 'slow'", "unknown settings"),
        ("study.readouts = ['angles']", "no readout of the study fits"),
        ("study.bindings = ['train.seed = 5']", "expected study.seeds"),
        ("study.sweep = {'train.seed': [1, 2]}", "expected study.seeds"),
        ("study.variants = {'a': ['dataset.name = \"sprites\"']}", "expected study.datasets"),
        ("study.zip = {'dataset.name': ['sprites', 'turntable']}", "expected study.datasets"),
    ],
)
def test_a_wrong_study_is_refused_before_anything_starts(tmp_path, line, says):
    path = tmp_path / "wrong.gin"
    path.write_text(
        f"study.gin_configs = ['gin/base.gin']\nstudy.datasets = ['sprites']\n{line}\n"
    )
    with pytest.raises(UserError, match=says):
        loader.check_names(loader.load_study(str(path)))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        # 8 runs that are the same but for their names
        ("study.sweep = {'beta': [1.0, 4.0]}", r"beta has no effect.*CapacityObjective\.beta"),
        ("study.bindings = ['seed = 3']", r"seed has no effect.*train\.seed"),
        (
            "study.sweep = {'BetaObjective.beta': [1.0, 4.0]}",
            r"BetaObjective\.beta has no effect.*CapacityObjective\.beta",
        ),
        ("study.bindings = ['GaussianPosterior.dim = 3']", r"GaussianPosterior\.dim has no eff"),
        (
            "study.variants = {'a': [], 'b': ['PowerSphericalPosterior.dim = 3']}",
            r"variant 'b': PowerSphericalPosterior\.dim has no effect.*Hypersphere\.dim",
        ),
        (
            "study.variants = {'S': [], 'R': ['model.posterior = @GaussianPosterior()']}\n"
            "study.sweep = {'Hypersphere.dim': [3, 4]}",
            r"differ only in Hypersphere\.dim.*'R dim=3' and 'R dim=4'.*variant_sweep",
        ),
        (
            "study.variants = {'S': [], 'R': ['model.posterior = @GaussianPosterior()']}\n"
            "study.variant_sweep = {'R': {'Hypersphere.dim': [3]}}",
            r"variant 'R': Hypersphere\.dim has no effect",
        ),
        ("study.sweep = {'DiffusionPosterior.num_steps': [5, 9]}", "num_steps has no effect"),
    ],
)
def test_what_has_no_effect_is_refused_before_anything_starts(tmp_path, any_data, line, says):
    path = tmp_path / "wrong.gin"
    path.write_text(f"study.gin_configs = ['gin/base.gin']\n{line}\n")
    a_study = loader.load_study(str(path))
    with pytest.raises(UserError, match=says):
        loader.check_names(a_study)
    with pytest.raises(UserError, match=says):
        loader.check_names(a_study.restricted("0"))


def test_what_variants_share_need_not_have_an_effect_in_each(tmp_path, any_data):
    path, file = tmp_path / "own.gin", tmp_path / "flat.gin"
    file.write_text("model.posterior = @GaussianPosterior()\nVonMisesFisherPosterior.dim = 3\n")
    path.write_text(
        "study.gin_configs = ['gin/base.gin']\n"
        f"study.variants = {{'S': [], 'R': [{str(file)!r}]}}\n"
        "study.bindings = ['FlatTorus.num_circles = 2', 'capacity.stop = %c']\n"
        "study.zip = {'Hypersphere.dim': [2, 5], 'GaussianPosterior.dim': [2, 5]}\n"
        "study.sweep = {'c': [5.0, 10.0]}\n"
    )
    a_study = loader.load_study(str(path))
    with pytest.raises(UserError, match="FlatTorus"):
        loader.check_names(a_study)
    path.write_text(path.read_text().replace("'FlatTorus.num_circles = 2', ", ""))
    loader.check_names(loader.load_study(str(path)))


def test_settings_whose_c_is_not_reached_are_named(tmp_path, any_data):
    path = tmp_path / "own.gin"
    path.write_text(
        "study.gin_configs = ['gin/base.gin']\nstudy.sweep = {'train.steps': [1000, 5000]}\n"
    )
    (warning,), _ = loader.check_names(loader.load_study(str(path)))
    assert warning.startswith("steps=1000: C ends at 0 nats and not at 15")


def test_a_binding_beside_a_study_file_is_of_the_study(tmp_path):
    with pytest.raises(UserError, match=r"train\.steps has no effect"):
        loader.load_study("gin/studies/quick.gin", ["train.steps = 5"])


def test_a_file_of_one_run_is_no_study():
    with pytest.raises(
        UserError, match=r"beta_vae\.gin binds no study\.\*; expected .*quick"
    ) as no:
        loader.load_study("gin/baselines/beta_vae.gin", ["study.seeds = [0]"])
    assert "`deltavae train --gin_config gin/baselines/beta_vae.gin`" in no.value.message


def test_pixels_that_are_drawn_anew_are_refused(tmp_path, any_data):
    path = tmp_path / "wrong.gin"
    path.write_text(
        "study.gin_configs = ['gin/base.gin']\nstudy.datasets = ['noisy_dsprites']\n"
        "study.pixels = 10\n"
    )
    with pytest.raises(UserError, match="noisy_dsprites, whose images are drawn anew"):
        loader.check_names(loader.load_study(str(path)))


@pytest.mark.slow
def test_a_refusal_comes_through_the_fresh_process(tmp_path):
    path = tmp_path / "wrong.gin"
    path.write_text("study.seedz = [0]\n")
    with pytest.raises(UserError, match="seedz"):
        loader.load_checked(os.fspath(path))


def test_what_a_dataset_cannot_give_is_found_before_anything_is_trained(tmp_path, any_data):
    path = tmp_path / "own.gin"
    lines = "study.gin_configs = ['gin/base.gin']\nstudy.datasets = ['sprites', 'gaps']\n"
    path.write_text(lines)
    a_study = loader.load_study(str(path))
    (warning,), _ = loader.check_names(a_study)
    assert "left out: factor_vae_metric" in warning and "gaps" in warning
    assert a_study.scoring.asked is None
    path.write_text(lines + "study.metrics = ['mig', 'beta_vae']\n")
    with pytest.raises(UserError, match="beta_vae cannot be computed on gaps"):
        loader.check_names(loader.load_study(str(path)))
