"""Imports go one way and make no circle, and only its owner touches a fenced library."""

import ast
import graphlib
import pathlib
import re
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[1] / "deltavae"
# top to bottom is the way of the data: a package may import from those above it
LEVELS = [
    ["errors"],
    ["io"],
    ["run_dir"],
    ["gin_files"],
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
    ["__main__"],
]
LEVEL = {name: i for i, names in enumerate(LEVELS) for name in names}
# libraries, and what alone touches them
FENCES = {
    "gin": {"gin_files", "config", "scoring"},
    "disentanglement_lib": {"scoring"},
    "matplotlib": {"report"},
    "ray": {"studies"},
}
MODULES = {
    ".".join(("deltavae", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def imported(nodes):
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_by_name(tree):
    """Strings that may be names of modules, where `import_module` may be called with them."""
    nodes = list(ast.walk(tree))
    called = {getattr(node, "attr", getattr(node, "id", None)) for node in nodes}
    if called & {"import_module", "__import__"}:
        for node in nodes:
            if isinstance(node, ast.Constant) and re.fullmatch(r"\w+(\.\w+)*", str(node.value)):
                yield str(node.value)


def at_start(body):
    """The statements that run when a module is imported."""
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        yield node
        for part in ("body", "orelse", "finalbody", "handlers"):
            yield from at_start(getattr(node, part, []))


def modules_started(name):
    """The modules of the package that importing `name` imports first."""
    for full in imported(at_start(TREES[name].body)):
        found = full if full in MODULES else full.rpartition(".")[0]
        if found not in MODULES:
            continue
        yield found
        # a module's packages start before it, but for those that the importer is in
        parents = found.split(".")[:-1]
        for depth in range(1, len(parents) + 1):
            package = ".".join(parents[:depth])
            if package in MODULES and not name.startswith(package + "."):
                yield package


@pytest.mark.parametrize("name", [name for name in MODULES if name != "deltavae"])
def test_imports_go_one_way(name):
    own = name.split(".")[1]
    assert own in LEVEL, f"say in this test where {own} stands"
    for other in imported(ast.walk(TREES[name])):
        top, *rest = other.split(".")
        if top == "deltavae" and rest and rest[0] in LEVEL:
            assert LEVEL[rest[0]] <= LEVEL[own], f"{own} imports {rest[0]}, which comes later"


def test_a_fenced_library_is_imported_by_its_owners_only():
    found = {library: set() for library in FENCES}
    for name, tree in TREES.items():
        for other in [*imported(ast.walk(tree)), *imported_by_name(tree)]:
            if other.split(".")[0] in FENCES:
                found[other.split(".")[0]].add(name.removeprefix("deltavae.").split(".")[0])
    assert found == FENCES


def test_imports_make_no_circle():
    graph = {name: set(modules_started(name)) - {name} for name in MODULES}
    assert sum(map(len, graph.values())) > len(MODULES)  # the imports were found
    list(graphlib.TopologicalSorter(graph).static_order())


START = """
import importlib, sys
for name in sys.argv[2:]:
    importlib.import_module(f"deltavae.{name}".rstrip("."))
    found = set(sys.argv[1].split(",")) & set(sys.modules)
    assert not found, f"{name} imports {found}"
"""


@pytest.mark.parametrize(
    ("heavy", "names"),
    [
        (
            "tensorflow",
            [
                "training.capacity_schedule",
                "studies",
                "data.synthetic",
                "report.study_page",
                "cli.data",
            ],
        ),
        # what parses flags
        (
            "tensorflow,pandas,matplotlib,scipy",
            [
                "",
                "cli.main",
                *(f"cli.{c}" for c in ("train evaluate study report submission".split())),
            ],
        ),
    ],
)
def test_starts_without(heavy, names):
    command = [sys.executable, "-c", START, heavy, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
