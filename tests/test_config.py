import pathlib

import pytest

from deltavae import gin_files
from deltavae.config import check, configured
from deltavae.errors import UserError
from deltavae.models.likelihoods import get_likelihood

BASE = ["gin/base.gin"]
FILES = sorted(
    str(p.relative_to(gin_files.folder()))
    for folder in ("challenge", "posteriors", "baselines", ".")
    for p in (gin_files.folder() / folder).glob("*.gin")
)


@pytest.mark.parametrize("file", FILES)
def test_each_gin_file_builds(file):
    with configured([*BASE, file]) as experiment:
        model = experiment.model((64, 64, 1))
        _ = experiment.settings, experiment.capacity, experiment.readout, experiment.dataset_name
    assert model.reconstruct(model.sample(2)).shape == (2, 64, 64, 1)


@pytest.mark.parametrize("dim", [10, 20])
@pytest.mark.parametrize("beta", ["1", "2.5", "10"])
def test_the_six_settings_of_table_1(dim, beta):
    with configured([f"gin/challenge/d{dim}_beta{beta}.gin"]) as experiment:
        model, settings, ramp = (
            experiment.model((64, 64, 3)),
            experiment.settings,
            experiment.capacity,
        )
        assert experiment.readout == "embedding"
    assert model.posterior.manifold.dim == dim
    assert model.objective.beta == float(beta)
    assert (model.posterior.sampling.mode, model.posterior.sampling.kl_form) == (
        "algorithm1",
        "asymptotic",
    )
    assert model.posterior.sampling.num_steps == 5
    assert (ramp.start, ramp.stop) == (0, 15)
    assert (settings.steps, settings.batch_size, settings.learning_rate) == (300_000, 64, 1e-4)


# Locatello et al., arXiv 1811.12359, tables 1 and 2
@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("beta_vae", {"beta": 4.0}),
        ("annealed_vae", {"gamma": 1000.0, "c_max": 25.0, "steps": 100_000}),
        ("factor_vae", {"gamma": 30.0, "units": 1000, "layers": 6}),
        ("dip_vae_i", {"lambda_od": 5.0, "lambda_d_factor": 10.0, "kind": "i"}),
        ("dip_vae_ii", {"lambda_od": 5.0, "lambda_d_factor": 1.0, "kind": "ii"}),
        ("beta_tcvae", {"beta": 4.0}),
    ],
)
def test_the_baselines_are_the_standard_study_s(name, weights):
    with configured([f"gin/baselines/{name}.gin"]) as experiment:
        model, settings = experiment.model((64, 64, 1)), experiment.settings
        assert experiment.readout == "embedding"
    assert model.objective.get_config() == weights
    assert (model.likelihood.name, model.posterior.head) == ("bernoulli", "log_variance")
    assert (model.posterior.latent_dim, model.encoder.count_params()) == (10, 304_064)
    assert (settings.steps, settings.batch_size, settings.learning_rate) == (300_000, 64, 1e-4)
    assert (settings.beta1, settings.beta2, settings.epsilon) == (0.9, 0.999, 1e-8)
    optimizer = model.objective.optimizer
    assert (optimizer is not None) == (name == "factor_vae")
    if optimizer is not None:
        assert (float(optimizer.learning_rate), optimizer.beta_1, optimizer.beta_2) == (
            pytest.approx(1e-4),
            0.5,
            0.9,
        )
        sizes = [layer.units for layer in model.objective.network.layers if "dense" in layer.name]
        assert sizes == [1000] * 6


@pytest.mark.parametrize(
    ("binding", "near"),
    [
        ("train.step = 3", "steps"),
        ("trian.steps = 3", "train"),
        ("Hypersfere.dim = 3", "Hypersphere"),
        ("model.objective = @CapacityObjektive()", "CapacityObjective"),
        ("DiffusionPosterior.mod = 'exact'", "mode"),
        ("DiffusionPosterior.mode = 'exakt'", "exact"),
        ("model.likelihood = 'gauss'", "normal"),
        ("export.readout = 'alined'", "aligned"),
        ("train.steps", "="),
    ],
)
def test_a_typo_names_what_exists(binding, near):
    with pytest.raises(UserError, match=near), configured(BASE, [binding]) as experiment:
        _ = experiment.settings, experiment.readout
        experiment.model((64, 64, 1))


@pytest.mark.parametrize(
    ("binding", "expected"),
    [
        ("train.learning_rate = float('nan')", "a number, text in quotes"),
        ("train.seed = 2**40", "lines like train.steps = 1000"),
        ("train.steps = ", "lines like train.steps = 1000"),
        ("=", "lines like train.steps = 1000"),
        ("train.steps = [1,", "each bracket and quote to be closed"),
        ("dataset.name = '''x", "each bracket and quote to be closed"),
    ],
)
def test_a_line_that_cannot_be_read_is_shown(binding, expected):
    with pytest.raises(UserError) as refused, configured(BASE, [binding]):
        pass
    message = refused.value.message
    assert (
        message.count("cannot be read") == 1
        and expected in message
        and binding.strip() in message
        and "object at" not in message
    )


def test_readouts_of_active_factors_are_checked_by_the_capacity_of_the_objective():
    """AnnealedVAE has its own, c_max, and does not look at capacity.stop."""
    files = ["gin/base.gin", "gin/baselines/annealed_vae.gin"]
    own = ["export.readout = 'principal_active'", "AnnealedVAEObjective.steps = 1000"]
    check(files, [*own, "AnnealedVAEObjective.c_max = 25.0", "capacity.stop = 0.2"])
    with pytest.raises(UserError, match="active"):
        check(files, [*own, "AnnealedVAEObjective.c_max = 0.3", "capacity.stop = 25.0"])


def test_a_file_that_is_missing_where_it_is_included_is_one_line(tmp_path, caplog):
    (tmp_path / "top.gin").write_text("include 'gin/bass.gin'\n")
    with pytest.raises(UserError, match=r"gin/base\.gin"), configured([str(tmp_path / "top.gin")]):
        pass
    assert not caplog.records


@pytest.mark.parametrize(
    ("files", "bindings"),
    [
        (["gin/challenge/d10_beta10.gin"], []),
        ([], ['include "gin/challenge/d10_beta10.gin"', "train.seed = 3"]),
        (["own.gin"], []),
    ],
)
def test_included_files_are_found_from_any_folder_and_in_silence(
    tmp_path, monkeypatch, caplog, capfd, files, bindings
):
    (tmp_path / "own.gin").write_text(
        "train.steps = 7\ninclude 'gin/challenge/d10_beta10.gin'  # its steps win\n"
        "DiffusionPosterior.mode = 'exact'\n"
    )
    monkeypatch.chdir(tmp_path)
    with configured(files, bindings) as experiment:
        assert experiment.settings.steps == 300_000
        assert experiment.settings.seed == (3 if bindings else 0)
        posterior = experiment.model((64, 64, 1)).posterior
        assert posterior.manifold.dim == 10
        assert posterior.sampling.mode == ("exact" if "own.gin" in files else "algorithm1")
    assert not caplog.records and capfd.readouterr() == ("", "")


def test_files_that_include_each_other_are_refused(tmp_path):
    first, second = (tmp_path / name for name in ("a.gin", "b.gin"))
    first.write_text(f"include {str(second)!r}\n")
    second.write_text(f"include {str(first)!r}\n")
    for files, bindings in [([str(first)], []), ([], [f"include {str(first)!r}"])]:
        with pytest.raises(UserError, match="includes itself"), configured(files, bindings):
            pass


def test_a_parameter_of_what_has_none_is_one_line():
    with (
        pytest.raises(UserError, match="SO3 has no such parameter; expected none; received 'dim'"),
        configured(["gin/base.gin"], ["SO3.dim = 3"]),
    ):
        pass


def test_a_name_that_is_no_string_is_refused_as_an_unknown_one():
    with pytest.raises(UserError, match="expected one of normal, bernoulli; received 3"):
        get_likelihood(3)


def test_a_missing_file_names_near_ones():
    with (
        pytest.raises(UserError, match=r"d10_beta1\.gin"),
        configured(["gin/challenge/d10_b1.gin"]),
    ):
        pass


def test_nothing_leaks_out_of_the_block():
    with pytest.raises(ZeroDivisionError), configured(BASE, ["train.steps = 7"]):
        raise ZeroDivisionError
    with configured([]) as experiment:
        assert experiment.settings.steps == 300_000


def test_the_operative_configuration_rebuilds_the_experiment(tmp_path):
    with configured(["gin/trial.gin"], ["Hypersphere.dim = 4"]) as experiment:
        settings = experiment.settings
        experiment.model((64, 64, 1))
        text = experiment.text()
    saved = pathlib.Path(tmp_path / "config.gin")
    saved.write_text(text)
    with configured([str(saved)]) as experiment:
        assert experiment.settings == settings
        assert experiment.model((64, 64, 1)).posterior.manifold.dim == 4


def test_mixed_precision_without_a_gpu_is_refused(monkeypatch):
    bindings = ["model.mixed_precision = True"]
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [])
    with pytest.raises(UserError, match="no GPU"), configured(BASE, bindings) as experiment:
        experiment.model((64, 64, 1))
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [kind])
    with configured(BASE, bindings) as experiment:
        model = experiment.model((64, 64, 1))
    assert model.encoder.compute_dtype == model.decoder.compute_dtype == "bfloat16"
    assert model.posterior.compute_dtype == "float32"
