"""A module imports only from earlier ones, and only its owner touches a fenced library."""

import ast
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[1] / "deltavae"
# top to bottom is the way of the data: a package may import from those above it
LEVELS = [
    ["errors"],
    ["io"],
    ["run_dir"],
    ["manifolds", "data"],
    ["distributions"],
    ["posteriors"],
    ["models"],
    ["export"],
    ["training"],
    ["config"],
    ["scoring"],
    ["studies"],
    ["report"],
    ["aicrowd"],
    ["cli"],
]
LEVEL = {name: i for i, names in enumerate(LEVELS) for name in names}
FENCES = {
    "gin": {"config", "scoring"},
    "disentanglement_lib": {"scoring", "data"},
    "matplotlib": {"report"},
    "ray": {"studies"},
}
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def concern(path: pathlib.Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path: pathlib.Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    own = concern(path)
    assert own in LEVEL, f"say in this test where {own} stands"
    for name in imported(path):
        top, *rest = name.split(".")
        assert top not in FENCES or own in FENCES[top], f"{own} must not import {top}"
        if top == "deltavae" and rest and rest[0] in LEVEL:
            assert LEVEL[rest[0]] <= LEVEL[own], f"{own} imports {rest[0]}, which comes later"


@pytest.mark.parametrize(
    "name", ["training.capacity", "io", "errors", "aicrowd.events", "studies", "data.synthetic"]
)
def test_starts_without_tensorflow(name):
    code = f"import sys, deltavae.{name}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
