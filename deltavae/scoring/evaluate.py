"""From a trained representation to `scores.json`: every score, and what made it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from deltavae.data import GroundTruthData
from deltavae.data.batches import num_cores
from deltavae.errors import UserError
from deltavae.io import require_writable
from deltavae.run_dir import RunDir
from deltavae.scoring import challenge
from deltavae.scoring import code_sources as sources
from deltavae.scoring.baselines import CHANCE, PCA_OF_PIXELS, chance_codes, pca_codes
from deltavae.scoring.circular_codes import Circles, declared_angles, find_circles
from deltavae.scoring.codes import (
    CodeCache,
    Encoder,
    constant_codes,
    encode_once,
    require_categories,
)
from deltavae.scoring.draws import drawn_images
from deltavae.scoring.jobs import Job, Outcome, prepare_processes, run_jobs
from deltavae.scoring.library_adaptor import library
from deltavae.scoring.periodic_factors import PeriodicScores
from deltavae.scoring.request import check, left_out, metric_names, without_interventions
from deltavae.scoring.results import column_report
from deltavae.scoring.scores_json import (
    SCHEMA,
    Column,
    Scores,
    now,
    read_scores,
    replaced,
    versions,
    write_scores,
)

Progress = Callable[[str, int, int], object]


def evaluate(
    *,
    run_dir: str | Path | None = None,
    representation: str | Path | None = None,
    codes_file: str | Path | None = None,
    data: str | GroundTruthData | None = None,
    metrics: Sequence[str] | None = None,
    protocol: str = "both",
    readouts: Sequence[str] | None = None,
    settings: str = "study",
    output_dir: str | Path | None = None,
    seed: int = 0,
    seeds: int = 1,
    jobs: int | None = None,
    reference: bool = False,
    discrete: bool = False,
    baselines: bool = False,
    progress: Progress | None = None,
    before_encoding: Callable[[], object] | None = None,
) -> Scores:
    """Score one representation and write `scores.json` and the results of each metric.

    Args:
        run_dir, representation, codes_file: exactly one: a run's folder, an exported module's,
            or an .npz file with `codes`.
        data: the data set or its name; by default the one the run or module names.
        metrics: keys of `challenge.METRICS`; `("all",)` is all of them, None the challenge's
            five. Metrics that the dataset cannot give are left out with a warning, unless they
            are asked for by name.
        protocol: `current` scores as today's scikit-learn does, `challenge2019` as the
            evaluator of 2019 did; `both` adds the latter as `dci_2019`, `sap_score_2019`.
        readouts: names of `deltavae.models.readouts`, scored beside each other, from the
            model's embedding (or the file's codes). By default, what was exported.
        settings: `study` or `fast`.
        output_dir: where to write; by default the run's folder, and nowhere without a run.
            Scores of another source there are never replaced; all others are, with a warning
            where they had more.
        seed: of the metrics' random draws.
        seeds: repeats of the metrics with seed, seed + 1, ...; scores are means, `spread` their
            deviations. The scores of periodic factors are of the first alone.
        jobs: processes (a script's main must be guarded); by default one a core, one when fast.
        reference: disentanglement_lib's own code throughout, slow; `current` only.
        discrete: the codes are categories: changes InfoMEC, and no circles are looked for.
        baselines: whether a PCA of the pixels, with as many components as there are codes, and
            the (first readout's) codes assigned to random images are scored in the same way.
        progress: called with (what, done, to do).
        before_encoding: called before a module is loaded, if any image needs to be encoded.

    Returns:
        the content of scores.json (docs/scores.md).

    Raises:
        UserError: a mistake in the arguments or in what they name.
    """
    metric_names(metrics)
    check(protocol, seed, seeds, settings, reference, jobs, readouts)
    library()
    source = sources.open_code_source(run_dir, representation, codes_file, data, readouts)
    if discrete and "infomec" not in metric_names(metrics):
        raise UserError(
            "--discrete changes InfoMEC only",
            expected="infomec among the metrics",
            received=", ".join(metric_names(metrics)),
        )
    if discrete and baselines and source.data is not None:
        raise UserError(
            "a PCA of the pixels has no categories",
            expected="--discrete without --baselines",
            received="both",
        )
    if readouts and source.manifold is not None:
        from deltavae.models.readouts import require_fitting  # brings TensorFlow

        for name in readouts:
            require_fitting(name, source.manifold)
    names, warnings = without_interventions(metrics, source.index.is_grid, source.dataset)
    if source.index.angles and not source.index.is_grid:
        warnings.append(left_out(["d_lsbd"], source.dataset))
    output = Path(output_dir) if output_dir else Path(run_dir) if run_dir else None
    if output is not None:
        require_writable(output)
        _require_no_other_scores(RunDir(output), source)
    tell = progress or (lambda what, done, total: None)
    all_seeds = range(seed, seed + seeds)
    periodic = PeriodicScores(source.index, source.data, seed)
    if before_encoding is not None:
        source.before_encoding(before_encoding)
    if source.encoder is not None:
        source.encoder = functools.cache(source.encoder)
    live = source.encoder is not None and source.data is not None and source.data.is_stochastic
    if live and baselines:
        raise UserError(
            f"no baselines on {source.dataset}, whose images are drawn anew each time",
            advice="Leave --baselines out.",
        )
    workers = jobs or (1 if settings == "fast" else num_cores())
    known = _plan(readouts or [source.readout], names, protocol, all_seeds, reference)
    if workers > 1 and not live and (len(known) > 1 or baselines):
        prepare_processes()
    # the same images whatever else is asked for, so that the readouts are the same too
    shown = np.random.RandomState(seed).permutation(source.index.num_images)[:4096]
    more = np.union1d(periodic.images, shown) if readouts else periodic.images
    base = source.codes
    if base is None:
        needed = _needed(source, [] if live else names, settings, all_seeds, more, tell)
        cache = source.cache(output)
        if discrete:
            some = shown if readouts else np.random.RandomState(seed).permutation(needed)[:4096]
            _require_categories_of_some(source, some, cache, readouts)
        base = _encoded(source, needed, cache, lambda done, total: tell("codes", done, total))
    functions = _readouts(source, base[shown], readouts)
    columns = {name: _apply(function, base) for name, function in functions.items()}
    del base  # tens of megabytes
    first = next(iter(columns))
    if baselines:
        columns |= _baselines(source.data, columns[first], seed)
        if source.data is None:
            warnings.append("left out: the PCA of the pixels; the file of codes has no images")
    constant = {name: constant_codes(codes[_there(codes)]) for name, codes in columns.items()}
    for name, codes in columns.items():
        codes[np.ix_(_there(codes), constant[name])] = 0.0
    represent: Mapping = _live(source, functions, constant) if live else columns
    if discrete:
        for codes in columns.values():
            require_categories(codes[_there(codes)])
    circles = {
        name: _circles(source, name, function, columns[name], discrete)
        for name, function in functions.items()
    }
    if baselines:
        circles[CHANCE] = circles[first]
    planned = _plan(columns, names, protocol, all_seeds, reference)
    ended: list[Job] = []

    def done(job: Job, outcome: Outcome) -> None:
        ended.append(job)
        tell(f"metrics: {job.metric} in {outcome.seconds:.0f} s", len(ended), len(planned))

    outcomes = run_jobs(
        planned,
        (source.data if live else None) or source.index,
        represent,
        settings=settings,
        circles=circles,
        discrete=discrete,
        workers=workers,
        done=done,
    )
    reports = {
        name: column_report(
            name, outcomes, protocol, periodic.score(codes, with_pixels=name in functions)
        )
        for name, codes in columns.items()
    }
    scores: Scores = {
        "schema": SCHEMA,
        "created": now(),
        "versions": versions(),
        "dataset": source.dataset,
        "dataset_digest": source.dataset_digest,
        "source": {"kind": source.kind, "path": str(source.path), "sha256": source.digest},
        "protocol": protocol,
        "settings": settings,
        "seed": seed,
        "seeds": seeds,
        "reference": reference,
        "discrete": discrete,
        "warnings": [
            *(source.data.warnings if source.data else ()),
            *source.warnings,
            *warnings,
            *_warnings(reports, {n: constant[n] for n in functions}, names, source.kind),
        ],
        "readout": first,
        **reports[first],
    }
    if len(functions) > 1:
        scores["readouts"] = {name: reports[name] for name in functions}
    if baselines:
        scores["baselines"] = {n: report for n, report in reports.items() if n not in functions}
    if output is not None:
        scores["warnings"] += replaced(RunDir(output), scores)
        write_scores(RunDir(output), scores)
    return scores


def _require_no_other_scores(output: RunDir, source: sources.CodeSource) -> None:
    """Raise `UserError` if scores of another source are in `output`, where they would be lost.

    A run stays the same source when it is trained further, and whatever its readout; its own
    folder always takes its scores. An exported module stays the same for the folder around it,
    since a study replaces its export by that of a better run.
    """
    try:
        there = read_scores(output.path).get("source") or {}
    except UserError:
        return  # there are none, or they are damaged
    path = Path(there.get("path", ""))
    same_path = path.resolve() == source.path.resolve()
    stays = source.kind == "run" or (
        source.kind == "representation" and source.path.resolve().parent == output.path.resolve()
    )
    if (
        "sha256" not in there
        or there["sha256"] == source.digest
        or (source.kind == "run" and source.path.resolve() == output.path.resolve())
        or (source.kind == there.get("kind") and same_path and stays)
    ):
        return
    raise UserError(
        f"{output.scores} holds the scores of another source",
        expected=f"a folder without scores, or with those of {source.path}",
        received=f"those of {path}" + (", whose content was another then" if same_path else ""),
        advice="Name another folder with --output_dir, or remove that file to replace it.",
    )


def _needed(
    source: sources.CodeSource,
    names: list[str],
    settings: str,
    seeds: Sequence[int],
    more: np.ndarray,
    tell: Progress,
) -> np.ndarray:
    """The images that the metrics draw, and `more`; ascending numbers."""
    tell("draws", 0, 1)
    needed = np.union1d(drawn_images(source.index, names, settings, seeds), more)
    needed = needed if len(needed) else np.arange(min(256, source.index.num_images))
    tell("draws", 1, 1)
    return needed


def _encoded(
    source: sources.CodeSource,
    needed: np.ndarray,
    cache: CodeCache,
    progress: Callable[[int, int], object] | None = None,
    keep: bool = True,
) -> np.ndarray:
    assert source.data is not None and source.encoder is not None  # as all without codes have
    return encode_once(source.data, source.encoder, needed, cache, progress, keep)


def _require_categories_of_some(
    source: sources.CodeSource,
    images: np.ndarray,
    cache: CodeCache,
    readouts: Sequence[str] | None,
) -> None:
    """Raise `UserError` if codes of these images are continuous.

    This is found out before all needed images are encoded, and before anything is written.
    """
    some = _encoded(source, np.sort(images), cache, keep=False)[images]
    for function in _readouts(source, some, readouts).values():
        require_categories(np.asarray(function(some)))


def _readouts(
    source: sources.CodeSource, shown: np.ndarray, readouts: Sequence[str] | None
) -> dict[str, Encoder]:
    """Codes to codes, by readout: the model's own, others fitted to the codes `shown`."""
    if not readouts:
        return {source.readout: lambda codes: codes}
    from deltavae.models.readouts import fit_readout  # brings TensorFlow

    return {
        name: source.fitted.get(name)
        or fit_readout(name, shown, source.manifold, source.kl_per_factor)
        for name in dict.fromkeys(readouts)
    }


def _baselines(
    data: GroundTruthData | None, codes: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Codes of the same images by baseline; without a dataset there are no pixels."""
    needed = np.flatnonzero(_there(codes))
    chance = np.full_like(codes, np.nan)
    chance[needed] = chance_codes(codes[needed], len(needed), seed)
    if data is None:
        return {CHANCE: chance}
    return {PCA_OF_PIXELS: pca_codes(data, needed, codes.shape[1], seed), CHANCE: chance}


def _apply(function: Encoder, base: np.ndarray) -> np.ndarray:
    """The function of every row that is there, float32; the others stay NaN."""
    there = _there(base)
    rows = np.asarray(function(base[there]), np.float32)
    codes = np.full((len(base), rows.shape[1]), np.nan, np.float32)
    codes[there] = rows
    return codes


def _there(codes: np.ndarray) -> np.ndarray:
    """Which rows hold codes, bool (n,); the others were not needed and are NaN."""
    return np.isfinite(codes[:, 0])


def _live(
    source: sources.CodeSource, functions: dict[str, Encoder], constant: Mapping[str, np.ndarray]
) -> dict[str, Encoder]:
    """Images to codes, by readout, for sets whose images are never the same twice."""
    assert source.encoder is not None
    encode = source.encoder()

    def read(function: Encoder, zero: np.ndarray) -> Encoder:
        return lambda images: np.where(zero, np.float32(0), np.asarray(function(encode(images))))

    return {name: read(function, constant[name]) for name, function in functions.items()}


def _circles(
    source: sources.CodeSource, name: str, function: Encoder, codes: np.ndarray, discrete: bool
) -> Circles:
    """Which codes of a readout hold an angle: as declared, or as codes that are numbers show."""
    if name == source.readout and source.circles is not None:
        return source.circles
    declared = declared_angles(getattr(function, "codes", None), name, codes.shape[1])
    if declared is not None or discrete:
        return declared or []
    there = np.flatnonzero(_there(codes))
    return find_circles(codes[there[:: max(1, len(there) // 10000)]])


def _warnings(
    reports: Mapping[str, Column],
    constant: Mapping[str, np.ndarray],
    names: Sequence[str],
    kind: str,
) -> list[str]:
    """What is odd about codes that can be scored, of the readouts that `constant` has."""
    found = []
    for name, zero in constant.items():
        of = "codes" if kind == "codes" and name == "embedding" else f"{name} codes"
        if zero.any():
            which = ", ".join(map(str, np.flatnonzero(zero)))
            found.append(
                f"{zero.sum()} of {len(zero)} {of} are constant, and scored as 0: {which}"
            )
        if zero.all() and "infomec" in names:
            found.append(f"InfoMEC of {of} is 0: no code is active")
        if reports[name]["metrics"].get("factor_vae_metric", {}).get("num_active_dims") == 0:
            found.append(
                f"factor_vae_metric of {of} is 0, below chance: it leaves out codes that hardly "
                "vary (standard deviation under 0.05), and here all of them do"
            )
    return found


def _plan(
    columns: Iterable[str],
    names: list[str],
    protocol: str,
    seeds: Sequence[int],
    reference: bool,
) -> list[Job]:
    protocols = challenge.PROTOCOLS if protocol == "both" else (protocol,)
    return [
        Job(column, name, version, seed, reference)
        for column in columns
        for name in names
        for version in (protocols if name in challenge.BY_PROTOCOL else protocols[:1])
        for seed in seeds
    ]
