import pathlib
import re

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
    ("lines", "says"),
    [
        (["steps = 1000"], r"steps has no effect.*train\.steps"),
        (["seed=3"], r"seed has no effect.*train\.seed"),
        (["train = 3"], r"train has no effect.*train\."),
        (["own/steps = 3", "train.steps = %steps", "steps = 7"], "own/steps has no effect"),
    ],
)
def test_a_line_that_gin_takes_for_an_unused_macro_is_refused(tmp_path, lines, says):
    (tmp_path / "own.gin").write_text("\n".join(["include 'gin/base.gin'", *lines]))
    for files, bindings in [(BASE, lines), ([str(tmp_path / "own.gin")], [])]:
        with pytest.raises(UserError, match=says), configured(files, bindings):
            pass


def test_a_macro_that_is_used_somewhere_is_none(tmp_path):
    (tmp_path / "own.gin").write_text("n = 7\ntrain.steps = %n\ntrain.batch_size = %n\n")
    with configured([*BASE, str(tmp_path / "own.gin")], ["train.steps = 3"]) as experiment:
        assert (experiment.settings.steps, experiment.settings.batch_size) == (3, 7)
        saved = tmp_path / "config.gin"
        saved.write_text(experiment.text())
    # used by what is overridden only: as a run is resumed with other steps
    bindings = ["train.steps = 3", "train.batch_size = 3"]
    with configured([str(saved)], bindings) as experiment:
        assert experiment.settings.batch_size == 3


@pytest.mark.parametrize(
    ("binding", "says"),
    [
        # gin's own functions, which are no parts of an experiment
        ("macro.foo = 1", "unknown gin name.*received 'macro'"),
        ("macro.value = 1", "unknown gin name.*received 'macro'"),
        ("singleton.foo = 3", "unknown gin name.*received 'singleton'"),
        ("train.steps = %undefined", "^%undefined is not set; expected a line such as undefined"),
        ("Hypersphere.dim = %own/size", "^%own/size is not set"),
    ],
)
def test_mistakes_with_macros_are_one_line(binding, says):
    with pytest.raises(UserError) as refused:
        check(BASE, [binding])
    assert re.search(says, refused.value.message)


@pytest.mark.parametrize(
    ("binding", "says"),
    [
        ("shpere/Hypersphere.dim = 3", r"shpere/Hypersphere\.dim .*such as Hypersphere\.dim"),
        ("BetaObjective.beta = 4.0", r"such as CapacityObjective\.beta"),
        ("GaussianPosterior.dim = 3", r"such as Hypersphere\.dim"),
        ("mlp_encoder.units = (4,)", r"mlp_encoder\.units has no effect"),
        ("DiffusionPosterior.num_steps = 9", r"DiffusionPosterior\.num_steps has no effect"),
        ("FlatTorus.num_circles = 3", "FlatTorus.num_circles has no effect"),
    ],
)
def test_a_binding_that_nothing_reads_is_refused(tmp_path, command, binding, says):
    (error,) = check(BASE, [binding, "settings.train.batch_size = 8"]).unread.values()
    assert re.search(says, error.message)
    # lines of files are for whoever uses them
    (tmp_path / "own.gin").write_text(f"{binding}\n")
    assert check([*BASE, str(tmp_path / "own.gin")]).unread == {}
    done = command("train", f"--gin_bindings={binding}", f"--output_dir={tmp_path}/run")
    assert done.returncode == 2 and re.search(says, done.stderr.splitlines()[-1])
    assert not (tmp_path / "run").exists()


def test_scopes_that_are_read_are_told_from_those_that_are_not():
    """A sphere within the product reads its own scope, and where that is silent no scope."""
    files = ["gin/base.gin", "gin/posteriors/diffusion_product.gin"]
    assert check(files, ["sphere/Hypersphere.dim = 3"]).unread == {}
    assert list(check(files, ["Hypersphere.dim = 3"]).unread) == ["Hypersphere.dim"]


@pytest.mark.parametrize(
    ("bindings", "unread"),
    [
        ([], []),
        (["model.objective = @BetaObjective()"], ["capacity.stop"]),
        (["model.objective = @AnnealedVAEObjective()"], ["capacity.stop"]),
    ],
)
def test_the_schedule_of_c_is_read_by_an_objective_that_follows_it(bindings, unread):
    assert list(check(BASE, [*bindings, "capacity.stop = 20.0"]).unread) == unread


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


# epochs have 1,000 steps at most: 1,000 steps are one, in which C stays where it starts
ONE_EPOCH = ["train.steps = 1000"]


@pytest.mark.parametrize(
    ("bindings", "said"),
    [
        ([], []),
        (ONE_EPOCH, ["C ends at 0 nats and not at 15: .* 1,000 steps in 1 epoch "]),
        ([*ONE_EPOCH, "train.steps_per_epoch = 25"], []),
        # 15 nats / 100 times the 20 epochs before the last
        (
            ["train.steps = 21", "train.steps_per_epoch = 1", "capacity.num_epochs = 100"],
            ["C ends at 3 nats and not at 15: .* 21 epochs"],
        ),
        (["train.steps = 9000", "capacity.num_epochs = 10"], ["C ends at 12 nats .* 9 epochs"]),
        (
            [
                "model.objective = @AnnealedVAEObjective()",
                "AnnealedVAEObjective.c_max = 10.0",
                "AnnealedVAEObjective.steps = 2000",
                *ONE_EPOCH,
            ],
            [r"C ends at 4\.995 nats and not at 10"],
        ),
        (["model.objective = @BetaObjective()", *ONE_EPOCH], []),
        (
            [
                "Hypersphere.dim = 50",
                "DiffusionPosterior.kl = 'asymptotic'",
                "capacity.stop = 7.5",
            ],
            [r"never comes down to C = 7\.5 nats: .*7\.51 nats at least"],  # MATH.md's 7.51
        ),
        (
            [
                "Hypersphere.dim = 50",
                "DiffusionPosterior.kl = 'asymptotic'",
                "capacity.stop = 7.6",
            ],
            [],
        ),
    ],
)
def test_a_c_that_is_not_reached_is_said(bindings, said):
    notes = check(BASE, bindings, num_images=64_000).notes
    assert len(notes) == len(said)
    assert all(map(re.search, said, notes))


def test_readouts_of_active_factors_are_checked_by_the_c_that_is_reached():
    files = [*BASE, "gin/posteriors/circles.gin"]
    own = ["export.readout = 'principal_active'", *ONE_EPOCH]
    with pytest.raises(UserError, match=r"active.*received 0\.0"):
        check(files, own, num_images=64_000)
    check(files, [*own, "train.steps_per_epoch = 25"], num_images=64_000)


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
