"""Every parameter of every part, bound to a dozen wrong values: one line, or a model that runs."""

import inspect

import pytest
import tensorflow as tf

from deltavae import config
from deltavae.errors import UserError
from deltavae.studies.loader import load_study

BASE = [
    "model.encoder = @mlp_encoder",
    "model.decoder = @mlp_decoder",
    "mlp_encoder.units = (4,)",
    "mlp_decoder.units = (4,)",
    "Hypersphere.dim = 2",
    "RealProjective.dim = 2",
    "Euclidean.dim = 2",
    "FlatTorus.num_circles = 2",
    "Product.factors = [@Hypersphere(), @Hypersphere()]",
    "GaussianPosterior.dim = 2",
    "ProductPosterior.parts = [@GaussianPosterior(), @VonMisesFisherPosterior()]",
    "VonMisesFisherPosterior.dim = 2",
    "PowerSphericalPosterior.dim = 2",
    "FactorVAEObjective.units = 4",
    "FactorVAEObjective.layers = 2",
    "tensorboard.every = 0",
]
TEXT = ["'15'", "''", "'nonsense'", "'a\"b\\\\c'"]
NUMBERS = ["-1", "0", "1.5", "-0.5", "1e999", "10**400"]
OTHERS = ["None", "True", "()", "[1, 'x']", "{'a': 1}", "@Hypersphere", "@capacity()", "@nobody()"]
PARTS = {name: part for name, part in config._PARTS.items() if name != "study"}


def used(name, part):
    """Bindings under which the part is made."""
    bindings = [*BASE]
    if name.endswith("_encoder"):
        bindings += [f"model.encoder = @{name}", "conv_encoder.filters = (2, 2, 2, 2)"]
    elif name.endswith("_decoder"):
        bindings += [f"model.decoder = @{name}", "conv_decoder.filters = (2, 2, 2)"]
    elif name.endswith("Objective"):
        bindings += [f"model.objective = @{name}()"]
        if name == "DIPVAEObjective":
            bindings += ["model.posterior = @GaussianPosterior()"]
    elif name.endswith("Posterior"):
        bindings += [f"model.posterior = @{name}()"]
    elif inspect.isclass(part) and part.__module__.startswith("deltavae.manifolds"):
        bindings += [f"DiffusionPosterior.manifold = @{name}()"]
        if not (part.__name__ == "Product" or getattr(part, "has_exact_kernel", True)):
            bindings += [
                "DiffusionPosterior.mode = 'random_walk'",
                "DiffusionPosterior.kl = 'asymptotic'",
            ]
    return bindings


def outcome(file, bindings):
    """`refused: ...`, or `runs`, for the bindings in a file."""
    file.write_text("\n".join(bindings))
    files = ["gin/base.gin", str(file)]
    try:
        with config.configured(files) as experiment:
            _ = experiment.settings, experiment.capacity, experiment.dataset_name
            _ = experiment.tensorboard_every, experiment.readout
            model = experiment.model((64, 64, 1))
        config.check(files)
    except UserError as error:
        return f"refused: {error.message}"
    terms = model.losses_per_image(tf.zeros((2, 64, 64, 1)), tf.constant([0, 0]), True)
    assert terms["loss"].shape == (2,)
    return "runs"


def accepted(name, parameter, value, hint):
    """Whether the annotation allows a value of this kind at all, told from its text alone."""
    hint = str(hint)
    if value in TEXT:
        return "str" in hint
    if value in NUMBERS:
        kind = "float" if value in ("1.5", "-0.5") else "int"
        return value not in ("1e999", "10**400") and (kind in hint or "float" in hint)
    return {
        "None": "None" in hint,
        "True": "bool" in hint,
        "()": "Sequence" in hint,
        "@Hypersphere": "Callable" in hint,
    }.get(value, False)


@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_wrong_value_is_refused_in_one_line_or_runs(tmp_path, name):
    file = tmp_path / "own.gin"
    part = PARTS[name]
    maker = part.__init__ if inspect.isclass(part) else part
    # no diffusion on flat space has a uniform prior: there the rest is refused by that
    assert name == "Euclidean" or outcome(file, used(name, part)) == "runs"
    for parameter, described in inspect.signature(maker).parameters.items():
        if parameter == "self":
            continue
        for value in [*TEXT, *NUMBERS, *OTHERS]:
            binding = f"{name}.{parameter} = {value}"
            found = outcome(file, [*used(name, part), binding])
            assert "\n" not in found
            if not accepted(name, parameter, value, described.annotation):
                assert found.startswith("refused: "), (binding, found)


@pytest.mark.parametrize(
    ("binding", "said"),
    [
        ("capacity.stop = '15'", "capacity.stop .*expected a finite number; received '15'"),
        ("train.learning_rate = '1e-3'", "expected a finite number; received '1e-3'"),
        ("train.steps = None", "expected a whole number; received None"),
        ("train.steps = True", "expected a whole number; received True"),
        ("model.posterior = @GaussianPosterior", r"Write @GaussianPosterior\(\), with brackets"),
        ("model.encoder = @mlp_encoder()", "without brackets"),
        ("model.encoder = @mlp_decoder", "expected @conv_encoder or @mlp_encoder"),
        ("model.objective = 'beta'", r"expected .*@CapacityObjective\(\), .*received 'beta'"),
        ("dataset.name = 3", "expected text in quotes; received 3"),
        ("train.beta1 = 2.0", "0 <= beta1 < 1"),
        ("train.epsilon = -1", "train.epsilon is impossible"),
        ("capacity.num_epochs = 1.5", "expected a whole number or None; received 1.5"),
        ("Product.factors = [@Hypersphere]", r"Write @Hypersphere\(\), with brackets"),
        ("model.seed = 3", "Bind train.seed instead"),
        ("conv_encoder.filters = (1, 2)", "4 whole numbers"),
    ],
)
def test_the_line_names_the_parameter_and_what_it_takes(binding, said):
    extra = ["DiffusionPosterior.manifold = @Product()"] if "Product" in binding else []
    with pytest.raises(UserError, match=said):
        config.check(["gin/base.gin"], [*extra, binding])


@pytest.mark.parametrize(
    "binding",
    [
        "study.seeds = '3'",
        "study.seeds = [0, '1']",
        "study.retries = 1.5",
        "study.retries = None",
        "study.datasets = 'turntable'",
        "study.sweep = ['train.steps']",
        "study.sweep = {'train.steps': 3}",
        "study.cores = '2'",
        "study.settings = 3",
    ],
)
def test_a_study_checks_its_own_bindings_too(binding):
    with pytest.raises(UserError, match=f"{binding.split()[0]} .*expected"):
        load_study("gin/studies/quick.gin", [binding])


@pytest.mark.parametrize(
    "name", ["it's", 'a "b"', "back\\slash", "größe", "x" * 200, "two\nlines"]
)
def test_text_survives_the_operative_configuration(tmp_path, name):
    with config.configured(["gin/base.gin"], [f"dataset.name = {name!r}"]) as experiment:
        assert experiment.dataset_name == name
        (tmp_path / "config.gin").write_text(experiment.text(), encoding="utf-8")
    with config.configured([str(tmp_path / "config.gin")]) as experiment:
        assert experiment.dataset_name == name


def test_through_the_command(tmp_path, command):
    done = command("train", "--gin_bindings=capacity.stop = '15'", f"--output_dir={tmp_path}/run")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: capacity.stop is of the wrong kind")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
