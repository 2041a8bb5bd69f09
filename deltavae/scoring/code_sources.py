"""Where codes come from: a run, an exported module, or a file that anything else wrote."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from deltavae.data import GroundTruthData
from deltavae.data import load as load_data
from deltavae.errors import UserError
from deltavae.io import read_json
from deltavae.run_dir import RunDir
from deltavae.scoring.codes import CodeCache, Encoder, digest_files, encode_once, require_finite
from deltavae.scoring.draws import IndexedData, TableData

EXPORTED = "exported"


@dataclass
class Source:
    """What is scored.

    Attributes:
        kind: run, representation or codes.
        path: as given.
        digest: SHA-256 of what makes the codes.
        data: the image set; None for a file with its own factors.
        index: what the metrics draw from.
        encoder: makes the function from images to codes; None if `codes` is there.
        codes: float32 (num_images, k), or None if `encoder` is there.
        readout: name of the codes that come without asking for a readout.
        manifold: of the latent space, if known.
        warnings: what was left out.
        fitted: readouts that need no fitting, by name: codes to codes.
    """

    kind: str
    path: Path
    digest: str
    data: GroundTruthData | None
    index: IndexedData
    encoder: Callable[[], Encoder] | None = None
    codes: np.ndarray | None = None
    readout: str = EXPORTED
    manifold: object = None
    warnings: list[str] = field(default_factory=list)
    fitted: dict[str, Encoder] = field(default_factory=dict)


def _opened(dataset: str | GroundTruthData | None, *fallbacks: str | None) -> GroundTruthData:
    if isinstance(dataset, GroundTruthData):
        return dataset
    environment = os.environ.get("AICROWD_DATASET_NAME") or "cars3d"
    return load_data(next(name for name in (dataset, *fallbacks, environment) if name))


def _exported_dataset(representation: Path) -> str | None:
    """The data set that the exported results name, or None."""
    path = representation / "results" / "gin" / "postprocess.gin"
    found = (
        re.search(r"dataset\.name\s*=\s*['\"](\w+)", path.read_text()) if path.is_file() else None
    )
    return found.group(1) if found and found.group(1) != "auto" else None


def from_representation(path: Path, dataset: str | GroundTruthData | None) -> Source:
    """A module's folder, or the `representation` folder around it."""
    module = path / "tfhub" if (path / "tfhub").is_dir() else path
    if not (module / "saved_model.pb").is_file():
        raise UserError(
            "no representation to score", expected=f"a module in {module}", received="none"
        )
    data = _opened(dataset, _exported_dataset(module.parent))
    from deltavae.export.representation import (
        load_representation,
    )

    return Source(
        kind="representation",
        path=path,
        digest=digest_files([module]),
        data=data,
        index=IndexedData.of(data),
        encoder=lambda: load_representation(module),
    )


def from_run(path: Path, dataset: str | GroundTruthData | None, embedding: bool) -> Source:
    """A run's folder: its exported module or, for readouts, its model's `embedding`."""
    run_dir = RunDir(path)
    if not path.is_dir():
        raise UserError("no such run", expected="a folder that train.py wrote", received=path)
    info = read_json(run_dir.info) if run_dir.info.is_file() else {}
    named = dataset or info.get("dataset")
    if not embedding:
        source = from_representation(run_dir.representation, named)
        source.kind, source.path = "run", path
        source.readout = info.get("readout", EXPORTED)
        return source
    from deltavae.training.run import (
        load_run,
    )

    run = load_run(path)
    data = _opened(named)
    return Source(
        kind="run",
        path=path,
        digest=digest_files([run_dir.keras_model]),
        data=data,
        index=IndexedData.of(data),
        encoder=lambda: lambda images: run.model.embedding(images).numpy(),
        readout="embedding",
        manifold=run.model.posterior.manifold,
        fitted={run.model.readout.name: run.model.readout} if run.model.readout else {},
    )


def from_codes(path: Path, dataset: str | GroundTruthData | None) -> Source:
    """An .npz file with `codes` (n, k) and, without a data set, `factors` (n, f) in it."""
    try:
        with np.load(path, allow_pickle=False) as entry:
            arrays = {name: entry[name] for name in entry.files}
    except FileNotFoundError:
        raise UserError("there is no such file of codes", received=path) from None
    except Exception as error:  # a file that is no archive raises nearly anything
        raise UserError(
            f"cannot read {path}",
            expected="an .npz file with an array `codes`, and no objects in it",
            received=f"another file, or a damaged one ({type(error).__name__})",
        ) from None
    if "codes" not in arrays or arrays["codes"].ndim != 2 or arrays["codes"].size == 0:
        raise UserError(
            f"{path} has no codes",
            expected="an array `codes` of shape (images, code)",
            received={name: array.shape for name, array in arrays.items()},
        )
    try:
        codes = arrays["codes"].astype(np.float32)
    except (TypeError, ValueError):
        raise UserError("codes must be numbers", received=arrays["codes"].dtype) from None
    require_finite(codes)
    data, warnings = None, []
    factors = arrays.get("factors")
    if dataset is None and factors is None:
        raise UserError(
            f"nothing says what the codes of {path} belong to",
            expected="--dataset NAME, or an array `factors` beside `codes`",
            received="neither",
        )
    if dataset is not None:
        data = _opened(dataset)
        index: IndexedData = IndexedData.of(data)
    else:
        assert factors is not None
        is_number = np.issubdtype(factors.dtype, np.number)
        if not is_number or factors.ndim != 2 or not np.array_equal(factors, np.round(factors)):
            raise UserError(
                "factors must be whole numbers in a table (n, f)",
                received=f"{factors.dtype} of shape {factors.shape}",
            )
        varies = np.ptp(factors, axis=0) > 0
        names = [f"factor_{i}" for i in np.flatnonzero(varies)]
        if not varies.all():
            warnings.append(f"factors with one value are left out: {np.flatnonzero(~varies)}")
        if not names:
            raise UserError("no factor has two values", received=f"{factors.shape[1]} factors")
        index = TableData(factors[:, varies].astype(np.int64), names)
    if len(codes) != index.num_images:
        raise UserError(
            f"the codes of {path} don't match {f'the set {data.name}' if data else 'its factors'}",
            expected=f"{index.num_images} rows, one an image, in index order",
            received=f"{len(codes)} rows",
        )
    return Source(
        kind="codes",
        path=path,
        digest=digest_files([path]),
        data=data,
        index=index,
        codes=codes,
        readout="embedding",
        warnings=warnings,
    )


def open_source(
    run_dir: str | Path | None,
    representation: str | Path | None,
    codes_file: str | Path | None,
    data: str | GroundTruthData | None,
    readouts: Sequence[str] | None,
) -> Source:
    """The one source that is given; the others are None.

    Raises:
        UserError: none or several are given, or what is given can't be scored.
    """
    given = [path for path in (run_dir, representation, codes_file) if path]
    if len(given) != 1:
        raise UserError(
            "more than one thing to score" if given else "nothing to score",
            expected="exactly one of run_dir, representation, codes_file",
            received=[str(path) for path in given],
        )
    if run_dir:
        return from_run(Path(run_dir), data, embedding=bool(readouts))
    if codes_file:
        return from_codes(Path(codes_file), data)
    if readouts:
        raise UserError(
            "readouts are fitted to a model's embedding",
            expected="--run_dir or --codes",
            received=f"the exported module {representation}",
        )
    return from_representation(Path(given[0]), data)


def reopen(scores: dict) -> Source:
    """The source that a scores.json names."""
    path = Path(scores["source"]["path"])
    dataset = None if scores["dataset"] == "factors" else scores["dataset"]
    kind = {"run": "run_dir", "representation": "representation", "codes": "codes_file"}
    paths = dict.fromkeys(kind.values()) | {kind[scores["source"]["kind"]]: path}
    return open_source(**paths, data=dataset, readouts=None)


def same_images(found: Sequence[Source], num: int = 4000) -> list[np.ndarray]:
    """Codes (num, k) of the same random images from every source, or of all if there are fewer.

    Raises:
        UserError: the sources' sets differ in size.
    """
    sizes = [source.index.num_images for source in found]
    if len(set(sizes)) > 1:
        raise UserError("the runs' data sets differ", expected="one size", received=sizes)
    images = np.sort(np.random.RandomState(0).permutation(sizes[0])[:num])
    codes = []
    for source in found:
        if source.codes is not None:
            codes.append(source.codes[images])
        elif source.encoder is not None and source.data is not None:
            none = CodeCache(None, "")
            codes.append(encode_once(source.data, source.encoder, images, none)[images])
    return codes
