"""Checks of the exported representation, as the evaluator will read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError

from deltavae.aicrowd.finding import Finding
from deltavae.errors import UserError
from deltavae.io import read_json

_NUM_IMAGES = 32


def check_module(representation: Path) -> Iterator[Finding]:
    """Check a run's folder `representation`."""
    yield _results(representation / "results" / "gin" / "postprocess.gin")
    hub = representation / "tfhub"
    if not (hub / "saved_model.pb").is_file():
        yield Finding("module", False, f"none at {hub}; ./run.sh makes it")
        return
    # imported here: all other findings need no TensorFlow
    from deltavae.export import hub_module, tf1_ops
    from deltavae.export.representation import load_representation

    name, content = hub_module.MARKER
    if not (hub / name).is_file() or (hub / name).read_bytes() != content:
        yield Finding("module", False, f"{name} must hold the bytes {content.hex(' ')}")
        return
    try:
        meta_graph = hub_module.read_meta_graph(hub)
    except (DecodeError, IndexError):
        yield Finding("module", False, f"{hub / 'saved_model.pb'} is damaged; ./run.sh makes it")
        return
    tags = list(meta_graph.meta_info_def.tags)
    faults = tf1_ops.faults(meta_graph.graph_def)
    faults += [f"the tag list must be empty, not {tags}"] if tags else []
    if faults:
        more = f" and {len(faults) - 1} more" if faults[1:] else ""
        yield Finding("module", False, f"TensorFlow 1.13 refuses it: {faults[0]}{more}")
        return
    yield Finding(
        "module", True, f"{len(meta_graph.graph_def.node)} nodes, all in TensorFlow 1.13"
    )
    signatures = meta_graph.signature_def
    missing = {hub_module.SIGNATURE, "default"} - set(signatures)
    if missing:
        yield Finding("signature", False, f"missing: {', '.join(sorted(missing))}")
        return
    try:
        function = load_representation(hub)
    except UserError as error:
        yield Finding("signature", False, error.message)
        return
    given = signatures[hub_module.SIGNATURE].inputs[hub_module.INPUT]
    shape = [int(size.size) for size in given.tensor_shape.dim]
    if shape[:3] != [-1, 64, 64] or len(shape) != 4 or shape[3] < 1:
        yield Finding("signature", False, f"images of shape {shape}, not (any, 64, 64, channels)")
        return
    images = test_images(shape[3])
    codes, again = function(images), function(images)
    width = codes.shape[-1]
    yield Finding("signature", True, f"images (any, 64, 64, {shape[3]}) to codes (any, {width})")
    yield from _codes(codes, again)
    if np.isfinite(codes).all():
        yield _norm(codes, representation / "about.json")


def test_images(channels: int) -> np.ndarray:
    """Bright discs of random place, size and colour on black: (32, 64, 64, channels) uint8."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:64, :64]
    centre = random.uniform(16, 48, (2, _NUM_IMAGES, 1, 1))
    radius = random.uniform(6, 16, (_NUM_IMAGES, 1, 1))
    disc = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2
    colour = random.integers(96, 256, (_NUM_IMAGES, 1, 1, channels))
    return (disc[..., None] * colour).astype(np.uint8)


def _codes(codes: np.ndarray, again: np.ndarray) -> Iterator[Finding]:
    if codes.ndim != 2 or not np.isfinite(codes).all():
        yield Finding("codes", False, f"{np.sum(~np.isfinite(codes))} of {codes.size} not finite")
        return
    if not np.array_equal(codes, again):
        yield Finding("codes", False, "the same images gave other codes the second time")
        return
    deviation = float(np.max(np.std(codes, axis=0)))
    if deviation < 1e-5:
        yield Finding("codes", False, f"constant: standard deviation {deviation:.1g} over images")
        return
    yield Finding("codes", True, f"finite, repeatable, standard deviation up to {deviation:.2g}")


def _norm(codes: np.ndarray, about: Path) -> Finding:
    try:
        content = read_json(about) if about.is_file() else {}
    except UserError as error:
        return Finding("norm", False, error.message)
    readout, norm = content.get("readout", "unknown"), content.get("norm")
    norms = np.linalg.norm(codes, axis=-1)
    found = f"norms {norms.min():.4f} to {norms.max():.4f}"
    if norm is None:
        return Finding("norm", True, f"readout {readout} promises none; {found}")
    kept = bool(np.max(np.abs(norms - norm)) <= 1e-4 * norm)
    return Finding("norm", kept, f"readout {readout} promises {norm:.4f}; {found}")


def _results(path: Path) -> Finding:
    if not path.is_file():
        return Finding("results", False, f"missing: {path}; the evaluator fails without it")
    text = path.read_text(errors="replace").strip()
    if not text.startswith(("dataset.name = '", 'dataset.name = "')):
        return Finding("results", False, f"{path.name} must bind dataset.name, not {text[:40]!r}")
    return Finding("results", True, text)
