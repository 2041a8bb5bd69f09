"""A study: a list of runs written as what is fixed, what varies, and over which seeds."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, islice, product
from typing import Any

from deltavae.errors import UserError
from deltavae.scoring.score_specs import CHALLENGE
from deltavae.studies import grid as grids
from deltavae.studies.run_spec import RunSpec, Scoring, as_binding, digest_of_file

ORDER = ("seeds", "datasets", "variants")
PIXELS = "PCA of pixels"
"""The variant that is no model: principal components of the pixels."""
# what a study sets for each run, over all bindings
_OF_THE_STUDY = {"train.seed": "study.seeds", "dataset.name": "study.datasets"}


@dataclass(frozen=True)
class Study:
    """What `study` returns; the arguments there are the attributes here.

    Attributes:
        grid: settings of what is swept in every variant.
        own_grids: settings of what is swept in some variants only, by variant.
        only: first and last number of the runs that `runs` gives, counted from 0; None for all.
        digests: what each data set contained when the study was checked, by its name.
    """

    name: str
    gin_configs: tuple[str, ...]
    bindings: tuple[str, ...]
    variants: dict[str, tuple[str, ...]]
    baselines: tuple[str, ...]
    grid: grids.Grid
    own_grids: dict[str, grids.Grid]
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    scoring: Scoring
    retries: int
    cores: int
    order: tuple[str, ...] = ORDER
    pixels: int = 0
    only: tuple[int, int] | None = None
    digests: dict[str, str] = field(default_factory=dict)

    def runs(self) -> Iterator[RunSpec]:
        """The runs in their order, which is that of their numbers; those of `only`, if set.

        Raises:
            UserError: a gin file is missing, or two settings are the same or share a name.
        """
        first, last = self.only or (0, len(self) - 1)
        return islice(self._all_runs(), first, last + 1)

    def __len__(self) -> int:
        settings = sum(len(self._settings(variant)) for variant in self._all_variants())
        return len(self.seeds) * len(self.datasets) * settings

    def restricted(self, only: str) -> "Study":
        """The same study with only some of its runs: `40-59` or `40`, numbers counted from 0.

        Raises:
            UserError: this is no range of numbers of runs.
        """
        numbers = re.fullmatch(r"(\d+)(?:-(\d+))?", only.strip())
        first = int(numbers[1]) if numbers else -1
        last = int(numbers[2] or numbers[1]) if numbers else -1
        end = len(self) - 1
        if not 0 <= first <= last <= end:
            wrong = "names no runs" if not numbers else "ends before it begins"
            if numbers and max(first, last) > end:
                wrong = f"goes beyond the last, {end}"
            raise UserError(
                f"--only {wrong}, of the study {self.name}",
                expected=f"numbers from 0 to {end}, such as 0-{min(19, end)}",
                received=only or "nothing",
            )
        return replace(self, only=(first, last))

    def _all_runs(self) -> Iterator[RunSpec]:
        variants = {name: self._runs_of(name) for name in self._all_variants()}
        _require_distinct(list(chain.from_iterable(variants.values())))
        choices: dict[str, Any] = {
            "seeds": self.seeds,
            "datasets": self.datasets,
            "variants": variants,
        }
        for chosen in product(*(choices[axis] for axis in self.order)):
            at: dict[str, Any] = dict(zip(self.order, chosen, strict=True))
            for run in variants[at["variants"]]:
                yield replace(run, dataset=at["datasets"], seed=at["seeds"])

    def _runs_of(self, variant: str) -> list[RunSpec]:
        """A run for each setting of a variant, still without data set and seed."""
        if variant == PIXELS and self.pixels:
            return [RunSpec(PIXELS, PIXELS, {}, "", 0, cores=self.cores, pixels=self.pixels)]
        parts = self._all_variants()[variant]
        files = (*self.gin_configs, *(part for part in parts if part.endswith(".gin")))
        extra = tuple(part for part in parts if not part.endswith(".gin"))
        contents = tuple(digest_of_file(path) for path in files)
        return [
            RunSpec(
                setting=_label(variant, values),
                variant=variant,
                values=values,
                dataset="",
                seed=0,
                gin_configs=files,
                bindings=(*self.bindings, *extra, *(as_binding(*item) for item in values.items())),
                contents=contents,
                cores=self.cores,
            )
            for values in self._settings(variant)
        ]

    def to_json(self) -> dict[str, Any]:
        """All attributes, as JSON holds them."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Study":
        """The inverse of `to_json`."""
        plain = _tuples(content)
        plain["scoring"] = Scoring.from_json(content["scoring"])
        plain["variants"] = _tuples(content["variants"])
        plain["grid"], plain["own_grids"] = list(content["grid"]), dict(content["own_grids"])
        return cls(**plain)

    def _all_variants(self) -> dict[str, tuple[str, ...]]:
        return self.variants | ({PIXELS: ()} if self.pixels else {})

    def _settings(self, variant: str) -> grids.Grid:
        if variant == PIXELS and self.pixels:
            return [{}]
        own = self.own_grids.get(variant)
        return self.grid if own is None else grids.product(self.grid, own)


def study(
    name: str,
    gin_configs: Sequence[str] = (),
    bindings: Sequence[str] = (),
    sweep: Mapping[str, Sequence[Any]] | None = None,
    zip: Mapping[str, Sequence[Any]] | None = None,
    variants: Mapping[str, Sequence[str]] | None = None,
    variant_sweep: Mapping[str, Mapping[str, Sequence[Any]]] | None = None,
    baselines: Sequence[str] = (),
    datasets: Sequence[str] = ("turntable",),
    seeds: Sequence[int] = (0, 1, 2),
    metrics: Sequence[str] = CHALLENGE,
    readouts: Sequence[str] = ("embedding",),
    protocol: str = "current",
    settings: str = "study",
    retries: int = 1,
    cores: int = 1,
    order: Sequence[str] = ORDER,
    pixels: int = 0,
) -> Study:
    """Make a study from what a study file binds under `study.`.

    The runs are all combinations of variants, of the swept values, of data sets and seeds.

    Args:
        name: of the study.
        gin_configs: gin files of every run, in order.
        bindings: gin bindings of every run, applied after all files.
        sweep: gin name -> list of values; several names are combined each with each. A string
            that starts with @ or % is a gin reference, any other value is written as Python.
        zip: gin name -> list of values, all of one length and taken side by side.
        variants: name -> list of gin files and bindings, which are told apart by `.gin`. They
            come after the study's own.
        variant_sweep: name of a variant -> what `sweep` takes, for that variant alone.
        baselines: names of those variants that the report compares the others with.
        datasets: names of data sets.
        seeds: of the training.
        metrics: names of metrics; of the challenge's five, the default, those that a dataset
            cannot give are left out with a warning, others are an error.
        readouts: names of readouts; each is a row of the table for each run.
        protocol: `current`, `challenge2019` or `both`.
        settings: `study` for the published sample sizes, `fast` for a quick look.
        retries: how often a failed run is tried again before it is reported.
        cores: processor cores for each run.
        order: `seeds`, `datasets` and `variants`, the slowest to change first. Seeds first, as
            by default, has a study that is stopped early end with whole seeds.
        pixels: number of principal components of the pixels that are scored beside the models,
            as the variant `PCA of pixels`, the seed choosing the images that they are fitted to;
            0 for none.

    Raises:
        UserError: an empty list, a name or value given twice, lists of a zip that differ in
            length, a baseline that is no variant, a number out of range, or a binding of what
            `seeds` and `datasets` say.
    """
    if not name:
        raise UserError("a study needs a name", advice="It is the name of its file.")
    for label, values in (
        ("datasets", datasets),
        ("seeds", seeds),
        ("metrics", metrics),
        ("readouts", readouts),
    ):
        _distinct(label, values)
    variants = {"": ()} if variants is None else variants
    _distinct("variants", list(variants))
    own = variant_sweep or {}
    for label, names in (("a baseline", baselines), ("a name in variant_sweep", own)):
        unknown = [each for each in names if each not in variants]
        if unknown:
            raise UserError(
                f"{label} must be one of the variants",
                expected=", ".join(variants) or "a study with variants",
                received=unknown[0],
            )
    wrong = next((seed for seed in seeds if not 0 <= seed < 2**31), None)
    if wrong is not None:
        raise UserError(
            "a seed of the study is impossible",
            expected="whole numbers from 0, below 2^31",
            received=wrong,
        )
    lines = [*bindings, *(part for parts in variants.values() for part in parts)]
    bound = [line.partition("=")[0].strip() for line in lines if not line.endswith(".gin")]
    swept = [name for each in (sweep or {}, zip or {}, *own.values()) for name in each]
    for bound_name in (*bound, *swept):
        if bound_name in _OF_THE_STUDY:
            raise UserError(
                f"{bound_name} cannot be bound in a study",
                expected=f"{_OF_THE_STUDY[bound_name]}, which sets it for every run",
                received=f"{bound_name} among its bindings, variants or swept values",
            )
    if retries < 0 or cores < 1 or pixels < 0:
        raise UserError(
            "a study needs retries >= 0, cores >= 1 and pixels >= 0",
            received=f"{retries}, {cores} and {pixels}",
        )
    if pixels and PIXELS in variants:
        raise UserError(f"study.pixels adds the variant {PIXELS!r}, which is there already")
    if sorted(order) != sorted(ORDER):
        raise UserError(
            "study.order is impossible",
            expected=f"{', '.join(ORDER)}, each once",
            received=list(order),
        )
    everywhere = _grid(sweep or {}, zip or {})
    own_grids = {variant: _grid(values, {}) for variant, values in own.items()}
    for grid in own_grids.values():
        grids.product(everywhere, grid)  # refuses a name that is swept in both
    return Study(
        name=name,
        gin_configs=tuple(gin_configs),
        bindings=tuple(bindings),
        variants={key: tuple(parts) for key, parts in variants.items()},
        baselines=tuple(baselines),
        grid=everywhere,
        own_grids=own_grids,
        datasets=tuple(datasets),
        seeds=tuple(seeds),
        scoring=Scoring(tuple(metrics), tuple(readouts), protocol, settings),
        retries=retries,
        cores=cores,
        order=tuple(order),
        pixels=pixels,
    )


def _tuples(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in content.items()}


def _grid(swept: Mapping[str, Sequence[Any]], zipped: Mapping[str, Sequence[Any]]) -> grids.Grid:
    parts = [grids.sweep(name, values) for name, values in swept.items()]
    if zipped:
        parts.append(grids.zip_grids(*(grids.column(*item) for item in zipped.items())))
    return grids.product(*parts)


def _distinct(label: str, values: Sequence[Any]) -> None:
    if isinstance(values, str) or not values:
        raise UserError(
            f"the {label} of a study are empty",
            expected="a list with at least one entry",
            received=repr(values),
        )
    if len(set(values)) < len(values):
        raise UserError(f"the {label} of a study name one twice", received=repr(list(values)))


def _require_distinct(settings: Sequence[RunSpec]) -> None:
    """Raise `UserError` if two settings are the same, or share a name.

    The same ones would be trained in one folder at once; those of one name would be averaged as
    seeds of one setting.
    """
    names: dict[str, str] = {}
    known: set[str] = set()
    for run in settings:
        if run.id in names:
            raise UserError(
                "two settings of the study are the same",
                expected="settings that differ in the content of their gin files, or in a binding",
                received=f"{names[run.id]!r} and {run.setting!r}",
                advice="Change one, or leave it out.",
            )
        if run.setting in known:
            raise UserError(
                "two settings of the study have one name",
                expected="a variant and its values to be named once",
                received=f"{run.setting!r} twice",
                advice="Give a variant another name.",
            )
        names[run.id] = run.setting
        known.add(run.setting)


def _label(variant: str, values: Mapping[str, object]) -> str:
    parts = [f"{name.rsplit('.', 1)[-1]}={value}" for name, value in values.items()]
    return " ".join(([variant] if variant else []) + parts) or "all"
