"""The package as others install it: what a wheel holds, and that it works away from here."""

import os
import pathlib
import re
import shutil
import site
import subprocess
import sys
import sysconfig
import tomllib
import zipfile

import pytest

import deltavae

ROOT = pathlib.Path(__file__).resolve().parents[1]
SOURCES = ("deltavae", "gin", "pyproject.toml", "README.md", "LICENSE")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    copy = tmp_path_factory.mktemp("source")  # a build leaves files beside its source
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy / name)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "."],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = copy.glob("*.whl")
    return built


def test_every_folder_of_modules_is_a_package():
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "deltavae").rglob("*.py")}
    packages = PROJECT["tool"]["setuptools"]["packages"]
    assert sorted(packages) == sorted(
        ["deltavae.gin", *(".".join(folder.parts) for folder in folders)]
    )


def test_the_wheel_holds_every_file_of_the_package(wheel):
    files = [path for name in ("deltavae", "gin") for path in (ROOT / name).rglob("*")]
    expected = {
        str(path.relative_to(ROOT)).removeprefix("deltavae/")
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"gin/base.gin", "gin/studies/quick.gin", "gin/metrics/study.gin"} <= expected
    assert {"export/tf_1_13_1_oplist.pb", "report/templates/run_page.html"} <= expected
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "deltavae = deltavae.cli.main:main" in archive.read(entry_points).decode()
    held = {name.removeprefix("deltavae/") for name in names if name.startswith("deltavae/")}
    assert held == expected


def test_public_names_are_where_the_package_says():
    for name in deltavae.__all__:
        assert getattr(deltavae, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        _ = deltavae.nothing


def test_the_version_is_one(wheel):
    assert wheel.name.startswith(f"deltavae-{deltavae.__version__}-")
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {deltavae.__version__}\n" in citation


def test_the_repository_holds_no_links():
    # a zip and Windows turn them into text files
    if not (ROOT / ".git").exists():
        pytest.skip("not a repository, but a copy of its files")
    command = ["git", "ls-files", "--stage"]
    files = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "\tREADME.md\n" in files
    assert [line for line in files.splitlines() if line.startswith("120000")] == []


def test_the_advice_on_the_metrics_names_the_pinned_version():
    pins = (ROOT / "requirements-nodeps.txt").read_text()
    (pin,) = re.findall(r"^disentanglement-lib==.*$", pins, re.MULTILINE)
    assert f"--no-deps {pin}`" in (ROOT / "deltavae/scoring/library_adaptor.py").read_text()


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs the console script of an environment that holds the wheel, in a folder elsewhere."""
    folder = tmp_path_factory.mktemp("elsewhere")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "-q", "--python", str(python)]
    subprocess.run([*pip, "install", "--no-deps", str(wheel)], check=True)
    paths = {"base": str(folder / "venv"), "platbase": str(folder / "venv")}
    packages = pathlib.Path(sysconfig.get_path("purelib", "venv", vars=paths))
    # what the package depends on is that of the environment that runs the tests
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AICROWD", "PYTHON"))}
    work = folder / "work"
    work.mkdir()

    def run(*arguments):
        command = [str(folder / "venv" / "bin" / "deltavae"), *arguments]
        return subprocess.run(
            command, cwd=work, env=clean, capture_output=True, text=True, check=False
        )

    run.work, run.python = work, python
    return run


@pytest.mark.slow
def test_an_installed_package_trains_scores_studies_and_reports_elsewhere(installed):
    where = [str(installed.python), "-c", "import deltavae; print(deltavae.__file__)"]
    found = subprocess.run(where, cwd=installed.work, capture_output=True, text=True, check=True)
    assert str(installed.work.parent) in found.stdout
    short = ("--gin_bindings=train.steps = 60", "--gin_bindings=train.steps_per_epoch = 20")
    train = installed("train", "--gin_config=gin/trial.gin", *short, "--output_dir=run")
    assert train.returncode == 0, train.stderr
    scored = installed(
        "evaluate", "--run_dir=run", "--settings=fast", "--metrics=mig,dci", "--noreport"
    )
    assert scored.returncode == 0, scored.stderr
    assert "mig" in scored.stdout
    study = installed("study", "gin/studies/quick.gin", "--gin_bindings=study.seeds = [0]")
    assert study.returncode == 0, study.stderr + study.stdout
    assert len(list(installed.work.glob("scratch/studies/quick/runs/*/result.json"))) == 2
    assert "report.html" in (installed.work / "scratch/studies/quick/reports.log").read_text()
    report = installed("report", "run", "--figures")
    assert report.returncode == 0, report.stderr
    written = [
        installed.work / "run" / name for name in ("report.html", "plots/orbit-azimuth.png")
    ]
    assert all(path.is_file() for path in written)
    compared = installed("evaluate", "--compare", "run", "nowhere")
    assert compared.returncode == 2 and compared.stderr.startswith("error: a file is missing")
