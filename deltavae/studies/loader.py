"""Reads a study file and checks every binding of it.

A process of its own, because what a binding may name is known only with TensorFlow loaded, and
the process that schedules a study stays free of it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from deltavae.errors import UserError, unknown_name
from deltavae.studies.run_spec import RunSpec
from deltavae.studies.study import Study
from deltavae.studies.study import study as make_study

if TYPE_CHECKING:  # brings TensorFlow
    from deltavae.manifolds import Manifold

_WARNING = "warning: "


def load_checked(
    path: str, bindings: Sequence[str] = (), only: str | None = None, check: bool = True
) -> Study:
    """Read a study in a fresh process, with every gin name in it checked.

    Args:
        path: of a gin file that binds `study.*`.
        bindings: further gin bindings, applied last.
        only: numbers of the runs wanted, as `Study.restricted` takes them; None for all.
        check: look for the datasets and make each model. False only reads the study, to list it.

    Raises:
        UserError: the study cannot be read, or names something that does not exist.
    """
    wanted = json.dumps({"only": only, "check": check})
    process = subprocess.run(
        [sys.executable, "-m", "deltavae.studies.loader", wanted, path, *bindings],
        capture_output=True,
        text=True,
    )
    if process.returncode == 2:
        raise UserError(process.stderr.strip().splitlines()[-1].rstrip("."))
    if process.returncode:
        raise RuntimeError(process.stderr)
    lines = process.stderr.splitlines(keepends=True)
    sys.stderr.write("".join(line for line in lines if line.startswith(_WARNING)))
    return Study.from_json(json.loads(process.stdout.splitlines()[-1]))


def load_study(path: str, bindings: Sequence[str] = ()) -> Study:
    """Read a study: a gin file that binds `study.*`, named as the file is.

    Args:
        path: of the file.
        bindings: further bindings, which override the file's.

    Raises:
        UserError: for a name that nothing has, or an impossible study.
    """
    from deltavae import config, gin_files

    if not re.search(r"^\s*study\.", gin_files.whole([path], [])[0], re.MULTILINE):
        raise UserError(
            f"{path} binds no study.*",
            expected="a study such as gin/studies/quick.gin",
            advice=f"A single run is `deltavae train --gin_config {path}`.",
        )
    named = f"study.name = {Path(path).stem!r}"
    return config.build("study", make_study, [path], [named, *bindings])


def check_names(study: Study) -> tuple[list[str], dict[str, str]]:
    """Open every dataset and make every model: each variant with each swept value once.

    Returns:
        Warnings, such as metrics that a dataset cannot give; the digest of each dataset.

    Raises:
        UserError: a dataset is missing, a name is unknown, a value is impossible, or a metric
            asked for by name cannot be computed on one of the datasets.
    """
    from deltavae import config
    from deltavae.data import load
    from deltavae.models import READOUTS
    from deltavae.scoring.challenge import METRICS
    from deltavae.scoring.request import check, without_interventions

    scoring = study.scoring
    _require(scoring.metrics, METRICS, "metrics")
    warnings, digests, num_images = [], {}, 1
    for name in dict.fromkeys(run.dataset for run in study.runs()):
        data = load(name)
        digests[name] = data.digest
        num_images = max(num_images, data.num_images)
        warnings += [f"{name}: {warning}" for warning in data.warnings]
        if study.pixels and data.is_stochastic:
            raise UserError(
                f"study.pixels cannot be scored on {name}, whose images are drawn anew each time",
                advice="Set study.pixels = 0.",
            )
        warnings += without_interventions(study.scoring.asked, data.is_grid, name)[1]
    _require(scoring.readouts, READOUTS, "readouts")
    check(scoring.protocol, scoring.seed, 1, scoring.settings, False, None, scoring.readouts)
    checked: set[tuple[str, str]] = set()
    effects = _Effects(study)
    for run in replace(study, only=None).runs():
        if run.pixels:
            continue
        parts = {(run.variant, each) for each in ("", *run.bindings)}
        if not parts <= checked:
            found = config.check(run.gin_configs, run.bindings, num_images)
            _require_some_readout(scoring.readouts, found.manifold, run.setting)
            effects.seen(run, found.unread)
            warnings += [f"{run.setting}: {note}" for note in found.notes]
            checked |= parts
    effects.require()
    return warnings, digests


class _Effects:
    """Which bindings of a study have an effect, gathered run by run.

    Those that all variants share, or that are swept in all, need not have one in each: a study
    of spheres and planes may bind the dimensions of both.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.read: dict[str, set[str]] = {}
        self.unread: dict[str, dict[str, UserError]] = {}

    def seen(self, run: RunSpec, unread: Mapping[str, UserError]) -> None:
        """Note which bindings of a run nothing reads, each with its error."""
        self.read.setdefault(run.variant, set()).update(_names(run.bindings) - unread.keys())
        self.unread.setdefault(run.variant, {}).update(unread)

    def require(self) -> None:
        """Raise `UserError` for a binding without effect, or settings that are the same by it."""
        everywhere = set().union(*self.read.values())
        for variant, errors in self.unread.items():
            bound = [p for p in self.study.variants[variant] if not p.endswith(".gin")]
            own = _names([*bound, *map(_line, self.study.own_grids.get(variant, [{}])[0])])
            for name, error in errors.items():
                if name not in (self.read[variant] if name in own else everywhere):
                    raise UserError(f"variant {variant!r}: {error}") if variant else error
        settings: dict[tuple[str, str], RunSpec] = {}
        one = replace(self.study, only=None, seeds=(0,), datasets=self.study.datasets[:1])
        for run in one.runs():
            unread = [k for k in run.values if not _names([_line(k)]) <= self.read[run.variant]]
            values = repr({k: v for k, v in run.values.items() if k not in unread})
            before = settings.setdefault((run.variant, values), run)
            if before is not run:
                raise UserError(
                    f"two settings of the study differ only in {', '.join(unread)}, which "
                    "nothing in them reads",
                    expected="swept values that have an effect in each variant",
                    received=f"{before.setting!r} and {run.setting!r}",
                    advice="Sweep it in study.variant_sweep, for the variants that read it.",
                )


def _line(name: str) -> str:
    """Bind a swept name to something, so that it can be read as a binding."""
    return f"{name} = 0"


def _names(bindings: Iterable[str]) -> set[str]:
    from deltavae import config

    return set(config.binding_names(list(bindings)))


def _require(names: Sequence[str], known: Iterable[str], label: str) -> None:
    unknown = [name for name in names if name not in known and name != "all"]
    if unknown:
        raise unknown_name(f"unknown {label} of a study", unknown[0], known)


def _require_some_readout(names: Sequence[str], manifold: Manifold, setting: str) -> None:
    """Raise `UserError` if the latent space has a meaning for none of the readouts."""
    from deltavae.models.readouts import require_fitting

    reasons = []
    for name in names:
        try:
            require_fitting(name, manifold)
        except UserError as error:
            reasons.append(error)
    if len(reasons) == len(names):
        raise UserError(f"no readout of the study fits {setting}: {reasons[0].message}")


def main(arguments: Sequence[str]) -> int:
    """Print the study as JSON; exit status 2 and one line where the user can correct it."""
    wanted, path, *bindings = arguments
    options = json.loads(wanted)
    try:
        study = load_study(path, bindings)
        if options["only"] is not None:
            study = study.restricted(options["only"])
        warnings, digests = check_names(study) if options["check"] else ([], {})
    except UserError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    sys.stderr.write("".join(f"{_WARNING}{warning}\n" for warning in warnings))
    sys.stdout.write(json.dumps(replace(study, digests=digests).to_json()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
