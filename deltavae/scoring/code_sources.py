"""Where codes come from: a run, an exported module, or a file that anything else wrote."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from deltavae.data import GroundTruthData
from deltavae.data import load as load_data
from deltavae.data.factor_values import read_column, read_header
from deltavae.data.registry import current_name
from deltavae.errors import UserError, command
from deltavae.io import read_json
from deltavae.run_dir import RunDir
from deltavae.scoring.circular_codes import declared_angles
from deltavae.scoring.codes import CodeCache, Encoder, digest_files, encode_once, require_finite
from deltavae.scoring.draws import IndexedData, TableData
from deltavae.scoring.scores_json import Scores

if TYPE_CHECKING:  # brings TensorFlow
    from deltavae.manifolds import Manifold

EXPORTED = "exported"


@dataclass
class CodeSource:
    """What is scored.

    Attributes:
        kind: run, representation or codes.
        path: as given.
        digest: SHA-256 of what makes the codes.
        data: the dataset; None for a file with its own factors.
        index: what the metrics draw from.
        encoder: makes the function from images to codes; None if `codes` is there.
        codes: float32 (num_images, k), or None if `encoder` is there.
        readout: name of the codes that come without asking for a readout.
        manifold: of the latent space, if known.
        kl_per_factor: the mean KL of its factors in the last epoch of training, if known.
        circles: which codes hold an angle (`deltavae.scoring.circular_codes`); None to look
            for them.
        warnings: what was left out, and what could not be checked.
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
    manifold: Manifold | None = None
    kl_per_factor: Sequence[float] | None = None
    circles: list[tuple[int, ...]] | None = None
    warnings: list[str] = field(default_factory=list)
    fitted: dict[str, Encoder] = field(default_factory=dict)

    @property
    def dataset(self) -> str:
        """The dataset's name; `factors` for a file with its own."""
        return self.data.name if self.data else "factors"

    @property
    def dataset_digest(self) -> str:
        """SHA-256 of the dataset, or of the file's own factors and their names."""
        if self.data:
            return self.data.digest
        index = self.index
        angles = {name: np.round(index.angles[name], 9).tolist() for name in sorted(index.angles)}
        digest = hashlib.sha256(json.dumps([index.names, index.sizes, angles]).encode())
        digest.update(index.factors(np.arange(index.num_images)).astype("<i8").tobytes())
        return digest.hexdigest()

    def cache(self, folder: str | os.PathLike[str] | None) -> CodeCache:
        """The codes that scoring keeps in the folder of its scores; None keeps nothing."""
        below = RunDir(folder).metrics / "codes" if folder else None
        return CodeCache(below, f"{self.digest[:16]}{self.dataset_digest[:16]}")

    def before_encoding(self, start: Callable[[], object]) -> None:
        """Call `start` before a module is loaded, if any image needs to be encoded."""
        make = self.encoder
        if make is None:
            return

        def started() -> Encoder:
            start()
            return make()

        self.encoder = started


class NamedDataset(NamedTuple):
    """The dataset that a file names: its name, its digest if the file has it, and the file."""

    name: str
    digest: str | None
    file: Path


def dataset_of_representation(folder: Path) -> NamedDataset | None:
    """What an exported representation says it was trained on; None if it says nothing.

    `about.json` says so; the modules of others may have `results/gin/postprocess.gin` only,
    where `auto` stands for the platform's environment.
    """
    about = folder / "about.json"
    if about.is_file():
        content = read_json(about)
        if content.get("dataset"):
            return NamedDataset(content["dataset"], content.get("dataset_digest"), about)
    settings = folder / "results" / "gin" / "postprocess.gin"
    if not settings.is_file():
        return None
    bound = re.search(r"^\s*dataset\.name\s*=\s*(.+?)\s*$", settings.read_text(), re.MULTILINE)
    if bound is None:
        return None
    try:
        name = ast.literal_eval(bound.group(1))
    except (SyntaxError, ValueError):
        name = None
    if not isinstance(name, str):
        raise UserError(
            f"cannot read the name of the dataset in {settings}",
            expected="a text in quotes",
            received=bound.group(1),
            advice="Name the dataset with --dataset.",
        )
    return None if name == "auto" else NamedDataset(name, None, settings)


def open_dataset(
    asked: str | GroundTruthData | None, named: NamedDataset | None, what: Path
) -> tuple[GroundTruthData, list[str]]:
    """The dataset to score on, and what whoever reads the scores must know of that choice.

    Args:
        asked: what the user names, which wins.
        named: what `what` says it belongs to.
        what: the run or the module, for messages.

    Raises:
        UserError: nothing names a dataset, it cannot be opened, or it is not what it was when
            `what` was made.
    """
    if named is not None:
        named = named._replace(name=current_name(named.name, named.digest))
    if asked is not None:
        data = load_data(asked) if isinstance(asked, str) else asked
        if named is None or named.digest == data.digest:
            return data, []
        if named.digest is None and named.name == data.name:
            return data, []
        other = " of other content" if named.name == data.name else ""
        return data, [f"scored on {data.name}, as asked; {named.file} names {named.name}{other}"]
    if named is None:
        platform = os.environ.get("AICROWD_DATASET_NAME")
        if not platform:
            raise UserError(
                f"nothing says which dataset {what} belongs to",
                expected="--dataset NAME, or a name in its about.json",
                received="neither",
            )
        return load_data(platform), [
            f"scored on {platform}, which AICROWD_DATASET_NAME names; {what} names no dataset"
        ]
    try:
        data = load_data(named.name)
    except UserError as error:
        raise UserError(
            f"cannot open the dataset that {named.file} names: {error.message}",
            advice="If it lies elsewhere now, name it with --dataset.",
        ) from None
    if named.digest is None:
        return data, [
            f"{named.file} was written before digests of datasets were kept: whether "
            f"{data.name} is still what it was is not checked"
        ]
    if data.digest != named.digest:
        raise UserError(
            f"the dataset {data.name} is not the one that {what} was trained on",
            expected=f"content with digest {named.digest[:16]}, by {named.file}",
            received=f"digest {data.digest[:16]}",
            advice="Name a dataset with --dataset to score on it all the same.",
        )
    return data, []


def from_representation(
    path: Path, dataset: str | GroundTruthData | None, named: NamedDataset | None = None
) -> CodeSource:
    """A module's folder, or the `representation` folder around it.

    Args:
        path: the folder.
        dataset: what the user names.
        named: what counts where the module names no dataset.
    """
    module = path / "tfhub" if (path / "tfhub").is_dir() else path
    if not (module / "saved_model.pb").is_file():
        raise UserError(
            "no representation to score", expected=f"a module in {module}", received="none"
        )
    named = dataset_of_representation(module.parent) or named
    data, warnings = open_dataset(dataset, named, path)
    return CodeSource(
        kind="representation",
        path=path,
        digest=digest_files([module]),
        data=data,
        index=IndexedData.of(data),
        encoder=lambda: _load(module),
        circles=_circles_of_module(module.parent),
        warnings=warnings,
    )


def _load(module: Path) -> Encoder:
    from deltavae.export.representation import load_representation  # brings TensorFlow

    return load_representation(module)


def _circles_of_module(folder: Path) -> list[tuple[int, ...]] | None:
    about = read_json(folder / "about.json") if (folder / "about.json").is_file() else {}
    return declared_angles(about.get("codes"), about.get("readout", ""), about.get("code_dim", 0))


def from_run(path: Path, dataset: str | GroundTruthData | None, embedding: bool) -> CodeSource:
    """A run's folder: its exported module or, for readouts, its model's `embedding`."""
    run_dir = RunDir(path)
    if not path.is_dir():
        raise UserError(
            "no such run", expected=f"a folder that {command('train')} wrote", received=path
        )
    info = read_json(run_dir.info) if run_dir.info.is_file() else {}
    named = None
    if info.get("dataset"):
        named = NamedDataset(info["dataset"], info.get("dataset_digest"), run_dir.info)
    if not embedding:
        source = from_representation(run_dir.representation, dataset, named)
        source.kind, source.path = "run", path
        source.readout = info.get("readout", EXPORTED)
        return source
    from deltavae.export.representation import function_of_images
    from deltavae.training.saved_run import load_run

    exported = dataset_of_representation(run_dir.representation)
    if named is None or (named.digest is None and exported and exported.name == named.name):
        named = exported
    data, warnings = open_dataset(dataset, named, path)
    run = load_run(path)
    return CodeSource(
        kind="run",
        path=path,
        digest=digest_files([run_dir.keras_model]),
        data=data,
        index=IndexedData.of(data),
        encoder=lambda: function_of_images(run.model.embedding),
        readout="embedding",
        manifold=run.model.posterior.manifold,
        kl_per_factor=run.history[-1].get("kl_per_factor") if run.history else None,
        warnings=warnings,
        fitted={run.model.readout.name: run.model.readout} if run.model.readout else {},
    )


def from_codes(path: Path, dataset: str | GroundTruthData | None) -> CodeSource:
    """An .npz file with `codes` (n, k) and, without a dataset, `factors` (n, f) in it.

    Beside them may lie `factor_names` (f,), which end in `:circle` for a factor whose values go
    round a circle in equal steps, and `circles`: integers (c, 2), the two codes that hold
    cosine and sine of an angle, or (c, 1), a code that is an angle in radians.
    """
    arrays = _read_arrays(path)
    codes = _codes(path, arrays)
    data: GroundTruthData | None = None
    warnings: list[str] = []
    if dataset is not None:
        data = load_data(dataset) if isinstance(dataset, str) else dataset
        index: IndexedData = IndexedData.of(data)
        if "factors" in arrays and not _same_table(arrays["factors"], index):
            warnings.append(
                f"the factors in {path} are not those of {data.name}, which count: row i must be "
                "image i of the dataset"
            )
    elif "factors" in arrays:
        index, warnings = _table(path, arrays)
    else:
        raise UserError(
            f"nothing says what the codes of {path} belong to",
            expected="--dataset NAME, or an array `factors` beside `codes`",
            received="neither",
        )
    if len(codes) != index.num_images:
        raise UserError(
            f"the codes of {path} don't match "
            f"{f'the dataset {data.name}' if data else 'its factors'}",
            expected=f"{index.num_images} rows, one per image, in index order",
            received=f"{len(codes)} rows",
        )
    return CodeSource(
        kind="codes",
        path=path,
        digest=digest_files([path]),
        data=data,
        index=index,
        codes=codes,
        readout="embedding",
        circles=_circles(path, arrays["circles"], codes.shape[1]) if "circles" in arrays else None,
        warnings=warnings,
    )


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    expected = "an .npz file with an array `codes`, and no objects in it"
    if not path.is_file():
        raise UserError(
            "there is no such file of codes",
            expected=expected,
            received=f"{path}, {'a folder' if path.is_dir() else 'which does not exist'}",
        )
    if _is_pytorch(path):
        raise UserError(
            f"{path} is a file of PyTorch",
            expected="an .npz file with an array `codes`",
            advice='Save one with numpy.savez("codes.npz", codes=codes.detach().cpu().numpy()).',
        )
    what, name = "another file, or a damaged one", ""
    try:
        entry = np.load(path, allow_pickle=False)
        if not isinstance(entry, np.ndarray):
            what = "a damaged file"
            with entry:
                arrays = {}
                for name in entry.files:
                    arrays[name] = np.asarray(entry[name])
                return arrays
        received = "an .npy file; numpy.savez(path, codes=array) writes an .npz"
    except Exception as error:  # a file that is no archive raises nearly anything
        received = what
        if "Object arrays" in str(error):
            received = (
                f"objects in the array `{name}`; numpy.asarray(array, dtype=float) makes numbers"
            )
        elif not zipfile.is_zipfile(path):
            received = f"a file of {path.stat().st_size:,} bytes that is no .npz"
    raise UserError(f"cannot read {path}", expected=expected, received=received)


def _is_pytorch(path: Path) -> bool:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return any(name.split("/")[-1] == "data.pkl" for name in archive.namelist())
    return path.suffix in (".pt", ".pth")


def _codes(path: Path, arrays: dict[str, np.ndarray]) -> np.ndarray:
    codes = arrays.get("codes")
    expected = "an array `codes` of shape (images, code)"
    if codes is None:
        found = ", ".join(f"`{name}` {array.shape}" for name, array in arrays.items())
        raise UserError(
            f"{path} has no array `codes`", expected=expected, received=found or "an empty file"
        )
    if codes.ndim != 2 or codes.size == 0:
        raise UserError(
            f"the codes of {path} have the wrong shape",
            expected=f"{expected}, with one row or more and one column or more",
            received=codes.shape,
            advice="codes[:, None] makes a column of one code per image."
            if codes.ndim == 1 and codes.size
            else None,
        )
    if codes.dtype.kind not in "biuf":
        raise UserError(
            f"the codes of {path} must be real numbers",
            expected="an array of floats or whole numbers",
            received="text" if codes.dtype.kind in "US" else codes.dtype,
            advice="codes.astype(float) makes numbers of text."
            if codes.dtype.kind in "US"
            else None,
        )
    require_finite(codes, f"the codes of {path}")
    largest = np.abs(codes.astype(np.float64)).max()
    if largest > 1e15:
        raise UserError(
            f"the codes of {path} are too large for float32, in which they are scored",
            expected="magnitudes up to 1e15, so that squares are numbers too",
            received=f"{largest:g}",
        )
    return codes.astype(np.float32)


def _table(path: Path, arrays: dict[str, np.ndarray]) -> tuple[TableData, list[str]]:
    factors = arrays["factors"]
    if factors.ndim != 2 or factors.dtype.kind not in "biuf":
        raise UserError(
            f"the factors of {path} are no table of whole numbers",
            expected="numbers of shape (images, factors)",
            received=f"{factors.dtype} of shape {factors.shape}",
        )
    whole = np.isfinite(factors) & (factors == np.round(factors))
    if not whole.all():
        column = int(np.flatnonzero(~whole.all(axis=0))[0])
        raise UserError(
            f"the factors of {path} must be whole numbers",
            expected="the number of a value, from 0",
            received=f"{factors[~whole[:, column], column][0]} in column {column}",
        )
    headers = [f"factor_{i}" for i in range(factors.shape[1])]
    if "factor_names" in arrays:
        given = arrays["factor_names"].ravel()
        headers = [n.decode() if isinstance(n, bytes) else str(n) for n in given.tolist()]
    read = [read_header(header, str(path)) for header in headers]
    names = [name for name, _, _ in read]
    if len(names) != factors.shape[1] or len(set(names)) < len(names):
        raise UserError(
            f"the factor_names of {path} don't fit its factors",
            expected=f"{factors.shape[1]} different names",
            received=headers,
        )
    varies = _varies(factors)
    if not varies.any():
        raise UserError(
            f"no factor of {path} has two values",
            expected="a factor that differs between images",
            received=f"{factors.shape[1]} factors of one value each, in {len(factors)} rows",
        )
    warnings = []
    if not varies.all():
        constant = ", ".join(str(i) for i in np.flatnonzero(~varies))
        warnings.append(f"factors with one value are left out: {constant}")
    kept = np.flatnonzero(varies)
    index = TableData(factors[:, kept], [names[i] for i in kept])
    for i in kept:
        name, circle, turn = read[i]
        if circle:
            index.angles[name] = _angles(path, headers[i], factors[:, i], steps=turn is None)
            index.symmetries[name] = 1
    return index, warnings


def _varies(factors: np.ndarray) -> np.ndarray:
    """Which columns of a table have two values or more, bool (f,)."""
    return (factors != factors[:1]).any(axis=0)


def _same_table(factors: np.ndarray, index: IndexedData) -> bool:
    """Whether a table tells the images apart as the dataset's factors do, whatever its values.

    Factors with one value tell none apart, and datasets leave them out.
    """
    own = index.factors(np.arange(index.num_images))
    if factors.ndim != 2 or len(factors) != len(own):
        return False
    factors, own = factors[:, _varies(factors)], own[:, _varies(own)]
    return factors.shape == own.shape and all(
        np.array_equal(
            np.unique(given, return_inverse=True)[1], np.unique(known, return_inverse=True)[1]
        )
        for given, known in zip(factors.T, own.T, strict=True)
    )


def _angles(path: Path, header: str, column: np.ndarray, steps: bool) -> np.ndarray:
    """Return the angle of each value of a factor on a circle.

    With `steps` numbers from 0 are equal steps. Any others mean what they mean in a custom
    dataset, or are refused as they are there.
    """
    values, size = np.unique(column), len(np.unique(column))
    if steps and np.array_equal(values, np.arange(size)):
        return 2 * np.pi * np.arange(size) / size
    rows = [f"row {i}" for i in range(size)]
    factor = read_column(header, [str(int(v)) for v in values], str(path), rows).factor
    return np.asarray(factor.angles or 2 * np.pi * np.arange(size) / size)


def _circles(path: Path, circles: np.ndarray, num_codes: int) -> list[tuple[int, ...]]:
    fits = circles.ndim == 2 and circles.shape[1] in (1, 2) and circles.dtype.kind in "iu"
    used = circles.ravel().tolist()
    if not fits or len(set(used)) < len(used) or not all(0 <= i < num_codes for i in used):
        raise UserError(
            f"the circles of {path} don't fit its codes",
            expected=f"integers (c, 2) or (c, 1), different numbers of codes below {num_codes}",
            received=f"{circles.dtype} {circles.tolist()}",
        )
    return [tuple(row) for row in circles.tolist()]


def open_code_source(
    run_dir: str | Path | None,
    representation: str | Path | None,
    codes_file: str | Path | None,
    data: str | GroundTruthData | None,
    readouts: Sequence[str] | None,
) -> CodeSource:
    """The one source that is given; the others are None.

    Raises:
        UserError: none or several are given, or what is given can't be scored.
    """
    given = [path for path in (run_dir, representation, codes_file) if path]
    if len(given) != 1:
        raise UserError(
            "more than one thing to score" if given else "nothing to score",
            expected="exactly one of --run_dir, --representation, --codes",
            received=" and ".join(map(str, given)) or "none",
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


def outdated(run_dir: RunDir, scores: Mapping[str, Any]) -> bool:
    """Whether the model of a run is another now than the one that its scores are of."""
    source = scores.get("source") or {}
    made_of = [path for path in (run_dir.tfhub, run_dir.keras_model) if path.exists()]
    return (
        source.get("kind") == "run"
        and bool(made_of)
        and source.get("sha256") not in [digest_files([path]) for path in made_of]
    )


def reopen(scores: Scores, folder: str | os.PathLike[str]) -> CodeSource:
    """The code source of scores: the run that they lie in, or what their file names.

    Raises:
        UserError: an old file does not name it.
    """
    source = scores.get("source")
    if not source:
        raise UserError(
            f"{folder} does not say what was scored", advice="Score it again with this version."
        )
    # a run may have been moved, or scored from another folder
    own = source["kind"] == "run" and RunDir(folder).keras_model.exists()
    path = Path(folder if own else source["path"])
    dataset = None if scores["dataset"] == "factors" else scores["dataset"]
    kind = {"run": "run_dir", "representation": "representation", "codes": "codes_file"}
    paths = dict.fromkeys(kind.values()) | {kind[source["kind"]]: path}
    return open_code_source(**paths, data=dataset, readouts=None)


def same_images(
    found: Sequence[CodeSource], folders: Sequence[str | os.PathLike[str]], num: int = 4000
) -> list[np.ndarray]:
    """Codes (num, k) of the same random images from every source, or of all if there are fewer.

    Args:
        found: the sources.
        folders: of their scores; codes that are kept there are not made again.
        num: how many images.

    Raises:
        UserError: the sources' sets differ in size.
    """
    sizes = [source.index.num_images for source in found]
    if len(set(sizes)) > 1:
        raise UserError("the runs' data sets differ", expected="one size", received=sizes)
    images = np.sort(np.random.RandomState(0).permutation(sizes[0])[:num])
    codes = []
    for source, folder in zip(found, folders, strict=True):
        if source.codes is not None:
            codes.append(source.codes[images])
        elif source.encoder is not None and source.data is not None:
            cache = source.cache(folder)
            made = encode_once(source.data, source.encoder, images, cache, keep=False)
            codes.append(made[images])
    return codes
