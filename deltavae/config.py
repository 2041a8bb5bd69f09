"""The only module that knows gin: names, files, bindings, and what they build."""

import collections.abc
import contextlib
import difflib
import functools
import inspect
import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gin
import tensorflow as tf

from deltavae import gin_files, manifolds, posteriors
from deltavae.data import GroundTruthData
from deltavae.data import load as load_data
from deltavae.data.registry import current_name
from deltavae.errors import UserError, unknown_name
from deltavae.io import read_json
from deltavae.models import READOUTS, networks, objectives
from deltavae.models.delta_vae import DeltaVAE
from deltavae.models.readouts import require_fitting
from deltavae.run_dir import RunDir
from deltavae.training.capacity_schedule import Capacity, count_epochs, epoch_length
from deltavae.training.settings import TrainSettings
from deltavae.training.tensorboard import TensorBoardLog


def _dataset(name: str = "turntable") -> str:
    return name


def _model(
    image_shape: Sequence[int],
    posterior: posteriors.Posterior,
    encoder: Callable[..., Any] = networks.conv_encoder,
    decoder: Callable[..., Any] = networks.conv_decoder,
    objective: objectives.Objective | None = None,
    likelihood: str = "normal",
    mixed_precision: bool = False,
    seed: int = 0,
) -> DeltaVAE:
    """Make a DeltaVAE for images of that shape out of configured parts."""
    if mixed_precision and not tf.config.list_physical_devices("GPU"):
        raise UserError(
            "there is no GPU for mixed precision",
            expected="a GPU, since TensorFlow sums bfloat16 too coarsely on a CPU",
            received="model.mixed_precision = True on a machine without",
            advice="Leave it at False here.",
        )
    _require_network("encoder", encoder, ["image_shape"])
    _require_network("decoder", decoder, ["image_shape", "latent_dim"])
    with networks.precision(mixed_precision):
        network_in = encoder(image_shape)
        network_out = decoder(image_shape, posterior.latent_dim)
    return DeltaVAE(
        network_in,
        posterior,
        network_out,
        objective or objectives.CapacityObjective(),
        likelihood,
        seed=seed,
    )


def _require_network(role: str, network: Callable[..., Any], arguments: list[str]) -> None:
    parameters = inspect.signature(network).parameters.values()
    if [p.name for p in parameters if p.default is p.empty] != arguments:
        fitting = [name for name in _PARTS if name.endswith(f"_{role}")]
        raise UserError(
            f"model.{role} is no {role}",
            expected=_either([f"@{name}" for name in fitting]),
            received=_shown(network),
        )


def _export(readout: str = "embedding") -> str:
    if readout not in READOUTS:
        raise unknown_name("unknown readout", readout, READOUTS)
    return readout


def _tensorboard(every: int = 10) -> int:
    return every


_PARTS: dict[str, Callable[..., Any]] = {
    "dataset": _dataset,
    "model": _model,
    "export": _export,
    "tensorboard": _tensorboard,
    "train": TrainSettings,
    "capacity": Capacity,
}
_PARTS |= {name: getattr(manifolds, name) for name in manifolds.__all__ if name != "Manifold"}
_PARTS |= {
    name: getattr(posteriors, name) for name in posteriors.__all__ if name.endswith("Posterior")
}
_PARTS |= {
    name: getattr(objectives, name) for name in objectives.__all__ if name.endswith("Objective")
}
_PARTS |= {
    name: getattr(networks, name)
    for name in ("conv_encoder", "conv_decoder", "mlp_encoder", "mlp_decoder")
}
del _PARTS["Posterior"], _PARTS["Objective"]

# given by the program, never by a configuration
_GIVEN = {"model": ["image_shape", "seed"]}


def _register(name: str, part: Callable[..., Any]) -> None:
    """Make `part` known to gin under `name`, with its arguments checked when it is called.

    Registered, not made `configurable`: a direct call of a class, as Keras makes when it
    rebuilds a saved model, never takes whatever configuration happens to be loaded.
    """
    maker = part.__init__ if inspect.isclass(part) else part  # type: ignore[misc]
    hints = typing.get_type_hints(maker)
    parameters = [
        p
        for p in inspect.signature(maker).parameters.values()
        if p.name != "self" and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    signature = inspect.Signature(parameters)

    @functools.wraps(part)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            arguments = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise _not_callable(name, str(error)) from None
        for parameter, value in arguments.items():
            _check_type(f"{name}.{parameter}", value, hints.get(parameter, Any))
            if parameter == "name" and inspect.isclass(part) and "/" in value:
                raise UserError(
                    f"{name}.name is impossible", expected="text without /", received=repr(value)
                )
        return part(*args, **kwargs)

    checked.__signature__ = signature  # type: ignore[attr-defined]
    checked.__name__ = name
    given = _GIVEN.get(name, [p for p in hints if p in ("image_shape", "latent_dim")])
    gin.register(name, denylist=given or None)(checked)


def _not_callable(name: str, reason: str) -> UserError:
    missing = re.search(r"missing a required argument: '(\w+)'", reason)
    if missing is None:
        return UserError(f"@{name} does not fit where it is bound", received=reason)
    if missing[1] in ("image_shape", "latent_dim"):
        return UserError(
            f"@{name}() is called too early",
            expected=f"@{name}, without brackets",
            received=f"@{name}()",
        )
    return UserError(f"{name}.{missing[1]} is not set", advice=f"Bind {name}.{missing[1]}.")


def _check_type(what: str, value: Any, hint: Any) -> None:
    """Raise `UserError` unless `value` is what the annotation of the parameter `what` says."""
    if _fits(value, hint):
        return
    entries = value if isinstance(value, list | tuple) else [value]
    bare = next((v for v in entries if _called(v) and not _fits(v, hint)), None)
    raise UserError(
        f"{what} is of the wrong kind",
        expected=_described(hint),
        received=_shown(value),
        advice=f"Write {_shown(bare)}(), with brackets, for what it makes." if bare else None,
    )


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if hint is None or hint is types.NoneType:
        return value is None
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is typing.Literal:
        return value in inner
    if collections.abc.Callable in (hint, origin):
        return callable(value)
    if origin in (collections.abc.Sequence, tuple, list):
        kind = inner[0] if inner else Any
        return isinstance(value, list | tuple) and all(_fits(each, kind) for each in value)
    if origin in (collections.abc.Mapping, dict):
        return isinstance(value, dict) and all(
            _fits(k, inner[0]) and _fits(v, inner[1]) for k, v in value.items()
        )
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and _finite(value)
    return isinstance(value, hint)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


_KINDS = {
    int: "a whole number",
    float: "a finite number",
    bool: "True or False",
    str: "text in quotes",
    types.NoneType: "None",
}


def _described(hint: Any) -> str:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint in _KINDS:
        return _KINDS[hint]
    if origin in (typing.Union, types.UnionType):
        return _either([_described(each) for each in inner])
    if origin is typing.Literal:
        return _either([repr(each) for each in inner])
    if collections.abc.Callable in (hint, origin):
        return "a function, such as @conv_encoder"
    if origin in (collections.abc.Sequence, tuple, list):
        return f"a list in which each entry is {_described(inner[0])}" if inner else "a list"
    if origin in (collections.abc.Mapping, dict):
        return f"a dictionary from {_described(inner[0])} to {_described(inner[1])}"
    if hint is Any:
        return "anything"
    makers = [n for n, p in _PARTS.items() if inspect.isclass(p) and issubclass(p, hint)]
    return _either([f"@{name}()" for name in makers]) or hint.__name__


def _either(choices: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(choices[:-1]), *choices[-1:]]))


def _called(value: Any) -> bool:
    return callable(value) and getattr(value, "__name__", None) in _PARTS


def _shown(value: Any) -> str:
    """The value as a configuration writes it."""
    if _called(value):
        return f"@{value.__name__}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if type(value).__name__ in _PARTS:
        return f"@{type(value).__name__}()"
    return repr(value)


for _name, _part in _PARTS.items():
    _register(_name, _part)


class Experiment:
    """A configuration, made into objects on demand.

    Args:
        bindings: those that were given beside the files.
    """

    def __init__(self, bindings: Sequence[str] = ()) -> None:
        self.bindings = bindings

    @property
    def dataset_name(self) -> str:
        """The name bound to `dataset.name`."""
        return gin.get_configurable("dataset")()

    @property
    def settings(self) -> TrainSettings:
        """The bindings of `train`."""
        return gin.get_configurable("train")()

    @property
    def capacity(self) -> Capacity:
        """The bindings of `capacity`."""
        return gin.get_configurable("capacity")()

    @property
    def readout(self) -> str:
        """The binding of `export.readout`."""
        return gin.get_configurable("export")()

    def final_capacity(self, objective: objectives.Objective, num_images: int) -> float | None:
        """C in nats at the last step; None for an objective without C.

        Args:
            objective: of the model.
            num_images: of the dataset, with those that are held out.
        """
        if not objective.has_capacity:
            return None
        epochs = self._num_epochs(num_images)
        scheduled = self.capacity.at(epochs - 1, epochs)
        return _capacity_at(objective, scheduled, self.settings.steps - 1)

    def _num_epochs(self, num_images: int) -> int:
        settings = self.settings
        trained_on = num_images - round(settings.holdout * num_images)
        length = epoch_length(trained_on, settings.batch_size, settings.steps_per_epoch)
        return count_epochs(settings.steps, length)

    def capacity_notes(self, model: DeltaVAE, num_images: int) -> list[str]:
        """Lines for the user where the C that was asked for is not reached, in its steps."""
        final = self.final_capacity(model.objective, num_images)
        if final is None:
            return []
        asked = _capacity_at(model.objective, self.capacity.stop, 2**31 - 1)
        floor, notes = model.posterior.kl_floor, []
        if abs(final - asked) > 0.01 * asked:
            epochs = self._num_epochs(num_images)
            notes.append(
                f"C ends at {final:g} nats and not at {asked:g}: its ramp is longer than the run, "
                f"of {self.settings.steps:,} steps in {epochs} epoch{'s' if epochs > 1 else ''} "
                "(train.steps_per_epoch)"
            )
        if asked < floor:
            notes.append(
                f"the KL never comes down to C = {asked:g} nats: by equation (3) it is "
                f"{floor:.2f} nats at least on {model.posterior.manifold!r}"
            )
        return notes

    @property
    def tensorboard_every(self) -> int:
        """The binding of `tensorboard.every`."""
        return gin.get_configurable("tensorboard")()

    def data(self) -> GroundTruthData:
        """The data set named by `dataset.name`."""
        return load_data(self.dataset_name)

    def model(self, image_shape: Sequence[int]) -> DeltaVAE:
        """A fresh model for images of that shape."""
        return gin.get_configurable("model")(image_shape=image_shape, seed=self.settings.seed)

    def text(self) -> str:
        """The operative configuration: each value that the objects made so far have used."""
        return gin.operative_config_str()

    def unread(self, model: DeltaVAE | None = None) -> dict[str, UserError]:
        """Return the bindings given beside the files that have no effect, each with its error.

        Args:
            model: what was made; all other parts of the experiment have been made too.
        """
        operative = _bindings(gin.operative_config_str())
        if model is not None:
            operative = _with_effect(operative, model.objective)
        read = _read(operative)
        return {
            name: UserError(
                f"{name} has no effect in this configuration, where nothing reads it",
                expected=f"a parameter that is read{_such_as(name, operative)}",
                received=name,
            )
            for name in binding_names(self.bindings)
            if name not in read
        }

    def require_read(self, model: DeltaVAE) -> None:
        """Raise `UserError` if a binding given beside the files has no effect on `model`."""
        for error in self.unread(model).values():
            raise error


@contextlib.contextmanager
def configured(files: Sequence[str], bindings: Sequence[str] = ()) -> Iterator[Experiment]:
    """Load gin files and bindings for the length of a block, and forget them after it.

    Args:
        files: gin files, as `deltavae.gin_files.find` takes them.
        bindings: lines like `train.steps = 1000`, which override the files.

    Raises:
        UserError: for a missing file or a name that nothing has, with the nearest known ones.
    """
    gin.clear_config()
    try:
        with _translated():
            texts = gin_files.whole(files, bindings)
            for text in texts:
                gin.parse_config(text)
            _require_used_macros(texts)
            yield Experiment(bindings)
    finally:
        gin.clear_config()


def _capacity_at(objective: objectives.Objective, scheduled: float, step: int) -> float:
    return float(objective.capacity(tf.constant(scheduled, tf.float32), step))


class Checked(typing.NamedTuple):
    """What `check` found.

    Attributes:
        manifold: the model's latent space.
        unread: the bindings without effect, as `Experiment.unread` returns them.
        notes: lines for the user.
    """

    manifold: manifolds.Manifold
    unread: dict[str, UserError]
    notes: list[str]


def check(files: Sequence[str], bindings: Sequence[str] = (), num_images: int = 1) -> Checked:
    """Make settings and a model of the files and bindings.

    Args:
        files: gin files.
        bindings: those given beside them.
        num_images: of the dataset; with as few as by default, C comes to the end of its ramp
            unless the settings alone say that it does not.

    Raises:
        UserError: they make none.
    """
    with configured(files, bindings) as experiment:
        _ = experiment.settings, experiment.capacity, experiment.dataset_name
        model = experiment.model((64, 64, 1))
        require_fitting(
            experiment.readout,
            model.posterior.manifold,
            experiment.final_capacity(model.objective, num_images),
        )
        TensorBoardLog(RunDir(""), experiment.tensorboard_every)
        return Checked(
            model.posterior.manifold,
            experiment.unread(model),
            experiment.capacity_notes(model, num_images),
        )


def build(
    name: str, part: Callable[..., Any], files: Sequence[str], bindings: Sequence[str] = ()
) -> Any:
    """Call `part` with what the files and bindings say under `name`, and return its result.

    Args:
        name: gin name of the part.
        part: a function or class that is no part of every experiment, such as a study.
        files: gin files.
        bindings: further bindings, which override the files'.

    Raises:
        UserError: for a name that nothing has, or what `part` refuses.
    """
    if name not in _PARTS:
        _register(name, part)
        _PARTS[name] = part
    with configured(files, bindings) as experiment:
        made = gin.get_configurable(name)()
        for error in experiment.unread().values():
            raise error
        return made


def binding_names(lines: Sequence[str]) -> list[str]:
    """What the lines bind, as `scope/part.parameter`; macros and included files are left out."""
    statements = gin_files.statements("\n".join(lines), "a binding")
    return list(
        dict.fromkeys(_name_of(each) for each in statements if _is_binding(each) and each.arg_name)
    )


def _is_binding(statement: object) -> bool:
    return isinstance(statement, gin.config_parser.BindingStatement)


def _name_of(statement: gin.config_parser.BindingStatement) -> str:
    """`scope/part.parameter` of a binding, by the shortest name of the part."""
    scope = f"{statement.scope}/" if statement.scope else ""
    return f"{scope}{statement.selector.rsplit('.', 1)[-1]}.{statement.arg_name}"


def _read(operative: dict[str, Any]) -> set[str]:
    """The bindings that the operative configuration came from.

    Of several scopes that bind a parameter, the innermost is read.
    """
    bound, read = _bindings(gin.config_str()).keys(), set()
    for name in operative:
        scopes, parameter = name.rpartition("/")[0].split("/"), name.rpartition("/")[2]
        scoped = ["/".join([*scopes[:i], parameter]) for i in range(len(scopes), -1, -1)]
        read |= set([each for each in scoped if each in bound][:1])
    return read


def _with_effect(operative: dict[str, Any], objective: objectives.Objective) -> dict[str, Any]:
    """Leave out what a part takes but, as the others are, does not use."""

    def idle(name: str) -> bool:
        part, _, parameter = name.rpartition(".")
        if part.rpartition("/")[2] == "DiffusionPosterior" and parameter == "num_steps":
            return operative[f"{part}.mode"] == "exact"
        return part == "capacity" and not scheduled

    # an objective whose C is not that of the schedule gives a number for none
    scheduled = objective.has_capacity and math.isnan(_capacity_at(objective, math.nan, 0))
    return {name: value for name, value in operative.items() if not idle(name)}


def _require_used_macros(texts: Sequence[str]) -> None:
    """Raise `UserError` for a line like `steps = 1000`, to gin a macro, that no %steps uses.

    `x/macro.value = 3`, gin's long form of `x = 3`, is refused: without x it breaks gin's text.
    """
    as_text, defined = _AsText(), []
    for text in texts:
        for each in gin_files.statements(text, "the configuration", as_text):
            if _is_binding(each) and each.selector in ("macro", "gin.macro"):
                raise unknown_name("unknown gin name", each.selector, _PARTS)
            if _is_binding(each) and not each.arg_name:
                defined.append(f"{each.scope}/{each.selector}" if each.scope else each.selector)
    unused = next((name for name in defined if name not in as_text.macros), None)
    if unused is not None:
        known = [f"{part}.{parameter}" for part in _PARTS for parameter in _parameters(part)]
        raise UserError(
            f"{unused} has no effect: it names no part, and no %{unused} refers to it",
            expected=f"the name of a parameter{_such_as(unused, known)}",
            received=unused,
        )


def _parameters(part: str) -> list[str]:
    given = _GIVEN.get(part, ["image_shape", "latent_dim"])
    return [name for name in inspect.signature(_PARTS[part]).parameters if name not in given]


def _such_as(name: str, known: Iterable[str]) -> str:
    """Name up to three known parameters that `name` may stand for; empty if there are none."""
    part, _, parameter = name.rpartition(".")
    by_parameter: dict[str, list[str]] = {}
    for each in known:
        by_parameter.setdefault(each.rpartition(".")[2], []).append(each)
    near = difflib.get_close_matches(parameter, by_parameter, n=1)
    found = [each for each in known if not part and each.startswith(f"{name}.")]
    found = found or [each for one in near for each in by_parameter[one]]
    nearest = difflib.get_close_matches(name, found, n=3, cutoff=0.0)
    return f", such as {_either(nearest)}" if nearest else ""


MAY_CHANGE = frozenset(
    {
        "dataset.name",  # the digest of its images counts
        "export.readout",
        "tensorboard.every",
        "train.clip_norm",
        "train.deterministic",
        "train.jit_compile",
        "train.learning_rate",
        "train.max_hours",
        "train.steps",
        "train.steps_per_execution",
    }
)
"""Bindings that a resumed run may change: how long, how fast, what is shown and exported, and
what brings a run that diverged back on its way."""


def require_same_experiment(
    run_dir: RunDir, experiment: Experiment, data: GroundTruthData
) -> list[str]:
    """Raise `UserError` unless a run is resumed as the experiment it was begun as.

    The operative configuration is compared with the saved one, binding by binding, and the
    dataset by its digest.

    Args:
        run_dir: the run, with its configuration.
        experiment: what would go on; its parts have been made.
        data: its dataset.

    Returns:
        Lines for the user: differences that are allowed, and what could not be compared.
    """
    saved = _bindings(
        run_dir.config.read_text(encoding="utf-8"), f"the configuration {run_dir.config}"
    )
    changed = _differences(saved, _bindings(experiment.text()))
    info = read_json(run_dir.info) if run_dir.info.is_file() else {}
    digest = info.get("dataset_digest")
    refused = {name: values for name, values in changed.items() if name not in MAY_CHANGE}
    named = changed.get("dataset.name")
    before = current_name(named[0].strip("'\"") if named else data.name, digest)
    if digest is None and before != data.name:
        refused["dataset.name"] = named or (f"{before}, as it is called now", data.name)
    elif digest not in (None, data.digest):
        refused["dataset"] = named or ("other images", f"{data.name} as it is now")
    if refused:
        raise UserError(
            f"{run_dir.path} holds another experiment",
            expected="; ".join(f"{name} = {old}" for name, (old, _) in refused.items()),
            received="; ".join(f"{name} = {new}" for name, (_, new) in refused.items()),
            advice="Resume it as it was begun, or train this one in another --output_dir.",
        )
    notes = [f"resumed with {name} = {new}, before {old}" for name, (old, new) in changed.items()]
    if digest is None:
        notes.append(
            "This run was begun by a version that saved no digest of its dataset: the name is "
            "the same, the images could not be compared."
        )
    return notes


def _differences(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Binding -> (saved value, operative value), as a configuration writes them."""
    shared = {name: (old[name], new[name]) for name in new if name in old}
    # a binding that only one of them has counts where it is not a parameter's default
    added = {name: (_default(name), new[name]) for name in new if name not in old}
    removed = {name: (old[name], _default(name)) for name in old if name not in new}
    return {
        name: (_written(before), _written(after))
        for name, (before, after) in sorted((shared | added | removed).items())
        if before != after and "not set" not in (before, after)
    }


class _AsText(gin.config_parser.ParserDelegate):
    """References and macros as a configuration writes them."""

    def __init__(self) -> None:
        self.macros: set[str] = set()

    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> Any:
        return _Reference(f"@{scoped_configurable_name}{'()' if evaluate else ''}")

    def macro(self, macro_name: str) -> Any:
        self.macros.add(macro_name)
        return _Reference(f"%{macro_name}")


class _Reference(str):
    pass


def _bindings(text: str, what: str = "the configuration") -> dict[str, Any]:
    statements = gin_files.statements(text, what, _AsText())
    return {_name_of(each): _as_tuples(each.value) for each in statements if _is_binding(each)}


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


def _default(binding: str) -> Any:
    part, _, parameter = binding.rsplit("/", 1)[-1].rpartition(".")
    known = _PARTS.get(part.rsplit(".", 1)[-1])
    if known is None:
        return "not set"
    maker = known.__init__ if inspect.isclass(known) else known  # type: ignore[misc]
    found = inspect.signature(maker).parameters.get(parameter)
    if found is None or found.default is found.empty:
        return "not set"
    if callable(found.default):
        return _Reference(f"@{found.default.__name__}")
    return _as_tuples(found.default)


def _written(value: Any) -> str:
    return str(value) if isinstance(value, _Reference) else repr(value)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn gin's complaints into `UserError`s that name what does exist."""
    try:
        yield
    except (UserError, KeyboardInterrupt):
        raise
    except Exception as error:
        if not _raised_by_gin(error):
            raise
        raise _explain(str(error)) from None


def _raised_by_gin(error: Exception) -> bool:
    trace, file = error.__traceback__, ""
    while trace is not None:
        file, trace = trace.tb_frame.f_code.co_filename, trace.tb_next
    return Path(file).parent.name == "gin"


def _explain(message: str) -> UserError:
    first_line = message.strip().split("\n")[0]
    if unknown := re.search(r"No configurable matching (?:reference )?'@?([^'()]+)", message):
        return unknown_name("unknown gin name", unknown[1], _PARTS)
    if given := re.search(r"Configurable '([^']+)' has denylisted kwarg '([^']+)'", message):
        part = given[1].rsplit(".", 1)[-1]
        return UserError(
            f"{part}.{given[2]} cannot be bound",
            advice="Bind train.seed instead."
            if given[2] == "seed"
            else "It follows from the rest.",
        )
    if unknown := re.search(r"'([^']+)' doesn't have a parameter named '([^']+)'", message):
        part = _PARTS.get(unknown[1].rsplit(".", 1)[-1])
        if part is None:  # a function of gin's own
            return unknown_name("unknown gin name", unknown[1], _PARTS)
        parameters = [p for p in inspect.signature(part).parameters if p != "kwargs"]
        return unknown_name(f"{unknown[1]} has no such parameter", unknown[2], parameters)
    if undefined := re.search(r"macro\(\) missing.*in scope '([^']+)'", message, re.DOTALL):
        name = undefined[1]
        return UserError(f"%{name} is not set", expected=f"a line such as {name} = 3")
    return UserError(f"the configuration cannot be used: {first_line}")
