"""A module imports only from earlier ones, and only its owner touches a fenced library."""

import ast
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[1] / "deltavae"
# top to bottom is the way of the data: a module may import from its own level and above
LEVELS = [
    [
        "errors",
        "settings",
        "numerics",
        "schedules",
        "run_dir",
        "quiet",
        "command_line",
        "aicrowd",
        "tf1_ops",
        "tfhub_module",
    ],
    ["manifolds", "data"],
    ["distributions", "readouts"],
    ["layers", "posteriors", "objectives", "metrics", "networks"],
    ["vae"],
    ["callbacks", "checkpoints", "signals", "locks", "export"],
    ["steps", "distribute", "loop", "training", "evaluation", "sources", "runs", "plots"],
    ["report"],
    # config registers the function that makes a study, and a study starts commands
    ["config", "commands", "submission", "sweeps", "scoring"],
]
LEVEL = {name: i for i, names in enumerate(LEVELS) for name in names}
FENCES = {
    "gin": {"config", "metrics"},
    "disentanglement_lib": {"metrics", "data"},
    "matplotlib": {"plots"},
    "ray": {"sweeps"},
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


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) <= 250


@pytest.mark.parametrize(
    "name", ["schedules", "run_dir", "errors", "aicrowd", "sweeps", "data.procedural"]
)
def test_starts_without_tensorflow(name):
    code = f"import sys, deltavae.{name}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
