"""The standard study has the runs of disentanglement_lib's own, in its order."""

import dataclasses
import itertools

import gin
import pytest
from disentanglement_lib.config.unsupervised_study_v1 import sweep

from deltavae.config import configured
from deltavae.errors import UserError
from deltavae.studies.loader import load_study
from deltavae.studies.study import Study

FILE = "gin/studies/unsupervised_study_v1.gin"
# model.name there -> the objective here, and its arguments by their names there
MODELS = {
    "beta_vae": ("BetaObjective", {"beta": "vae.beta"}),
    "annealed_vae": (
        "AnnealedVAEObjective",
        {
            "c_max": "annealed_vae.c_max",
            "gamma": "annealed_vae.gamma",
            "steps": "annealed_vae.iteration_threshold",
        },
    ),
    "factor_vae": ("FactorVAEObjective", {"gamma": "factor_vae.gamma"}),
    **{
        f"dip_vae_{kind}": (
            "DIPVAEObjective",
            {
                "lambda_od": "dip_vae.lambda_od",
                "lambda_d_factor": "dip_vae.lambda_d_factor",
                "kind": "dip_vae.dip_type",
            },
        )
        for kind in ("i", "ii")
    },
    "beta_tc_vae": ("BetaTCVAEObjective", {"beta": "beta_tc_vae.beta"}),
}


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study(FILE)


def objective_of(run):
    """The objective that a run's configuration binds, with the arguments bound for it."""
    with configured(run.gin_configs, run.bindings):
        name = gin.query_parameter("model.objective").selector
        wanted = {arguments for each, arguments in map(_arguments, MODELS) if each == name}
        (arguments,) = wanted
        return name, {key: gin.query_parameter(f"{name}.{key}") for key in arguments}


def _arguments(model):
    name, arguments = MODELS[model]
    return name, tuple(arguments)


def test_each_number_is_the_same_run_there_and_here(study):
    theirs = sweep.get_config()
    assert len(theirs) == len(study) == 12_600
    read = {}
    for run, other in itertools.zip_longest(study.runs(), theirs):
        assert (run.dataset, run.seed) == (other["dataset.name"], other["model.random_seed"])
        assert other["encoder.encoder_fn"] == "@conv_encoder"
        key = (run.gin_configs, run.bindings)
        if key not in read:
            read[key] = objective_of(run)
        name, arguments = MODELS[other["model.name"]]
        assert read[key] == (name, {ours: other[there] for ours, there in arguments.items()})
    assert len(read) == 36


def test_numbers_select_runs(study):
    everything = list(study.runs())
    some = study.restricted("40-59")
    assert list(some.runs()) == everything[40:60]
    assert list(study.restricted("12599").runs()) == everything[-1:]
    assert dataclasses.replace(some, only=None) == study


@pytest.mark.parametrize(
    ("only", "wrong"),
    [
        ("12600", "beyond the last, 12599"),
        ("12590-12700", "beyond the last, 12599"),
        ("59-40", "ends before it begins"),
        ("-3", "names no runs"),
        ("0-12600", "beyond the last, 12599"),
        ("all", "names no runs"),
        ("", "names no runs"),
    ],
)
def test_numbers_outside_the_study_are_refused(study, only, wrong):
    with pytest.raises(UserError, match=f"{wrong}.*numbers from 0 to 12599"):
        study.restricted(only)


def test_the_command_lists_runs_by_number_without_their_data(tmp_path, command):
    done = command(
        *("study", FILE, "--list", "--only", "4150-4151"),
        *("--output_dir", str(tmp_path / "study"), "--data_dir", str(tmp_path)),
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert done.stderr == "2 runs\n"
    # 4150 = 2 x 1800 + 550: the third dataset, the twelfth setting
    assert '"number": 4150' in first and '"dataset": "noisy_dsprites"' in first
    assert '"setting": "factor_vae 100", ' in first and '"seed": 0' in first
    assert '"number": 4151' in second and '"seed": 1' in second
