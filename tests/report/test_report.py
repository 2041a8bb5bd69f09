"""The report of a run that is whole, and of runs that lack something."""

import json
import re
import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from deltavae.cli.main import main
from deltavae.data import ArrayData, Factor, load
from deltavae.errors import UserError
from deltavae.io import write_json
from deltavae.manifolds import SO3, Hypersphere, Interval
from deltavae.models.delta_vae import DeltaVAE
from deltavae.models.networks import mlp_decoder, mlp_encoder
from deltavae.models.objectives import CapacityObjective
from deltavae.posteriors import DiffusionPosterior, GaussianPosterior
from deltavae.report import chance_level, write_comparison, write_report
from deltavae.report.figures import decoder
from deltavae.report.figures.codes import code_names, latent_section
from deltavae.report.figures.decoder import (
    path_label,
    reconstruction_section,
    traversal_section,
)
from deltavae.report.figures.scores import comparison_plot
from deltavae.scoring.baselines import CHANCE
from deltavae.scoring.codes import digest_files
from deltavae.training import saved_run as run_module
from deltavae.training.saved_run import Run


@pytest.fixture(autouse=True)
def few_codes(monkeypatch):
    monkeypatch.setattr(run_module, "NUM_CODES", 300)


@pytest.fixture
def copy(trained_run, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(trained_run, path, ignore=shutil.ignore_patterns("checkpoints", "tensorboard"))
    return path


def scores(mig: float) -> dict:
    return {
        "dataset": "turntable",
        "protocol": "both",
        "settings": "fast",
        "seed": 0,
        "seeds": 1,
        "readout": "aligned",
        "warnings": [],
        "scores": {"mig": mig, "r2_azimuth": 0.9},
        "spread": {},
        "failed": {"dci": "<it broke>"},
        "versions": {"numba": "1.2.3"},
    }


def untrained(path, posterior, dataset: str):
    """A run's folder with a small model of grey images, as it was made."""
    keras.utils.set_random_seed(0)
    shape = (64, 64, 1)
    model = DeltaVAE(
        mlp_encoder(shape, units=(8,)),
        posterior,
        mlp_decoder(shape, posterior.latent_dim, units=(8,)),
        CapacityObjective(),
    )
    (path / "model").mkdir(parents=True)
    model.save(path / "model" / "model.keras")
    write_json(path / "model" / "run.json", {"dataset": dataset, "readout": "embedding"})
    return path


def left_out(page: str) -> str:
    return " ".join(re.findall(r'class="left-out">(.*?)</div>', page, re.S))


def test_a_whole_run_leaves_out_nothing_and_asks_for_nothing(copy):
    write_json(copy / "scores.json", scores(0.125))
    page = write_report(copy).read_text()
    assert left_out(page) == ""
    assert len(page) < 5_000_000
    links = re.findall(r'(?:src|href|srcset)="(?!data:|#)([^"]*)"', page)
    assert links == [] and "url(" not in page and "<script" not in page
    for part in ("0.125", "&lt;it broke&gt;", "numba 1.2.3", "train.steps = 60", "Great circles"):
        assert part in page


def test_scores_of_an_earlier_model_or_another_dataset_are_called_so(copy, monkeypatch):
    """As after `--resume`, and after `evaluate --dataset` with another one."""
    monkeypatch.setattr("deltavae.report.run_page.SECTIONS", ())  # figures show no scores
    source = {"kind": "run", "sha256": digest_files([copy / "representation" / "tfhub"])}
    write_json(copy / "scores.json", scores(0.125) | {"source": source})
    assert left_out(write_report(copy).read_text()) == ""
    source["sha256"] = "0" * 64
    other = {"source": source, "dataset": "sprites", "dataset_digest": "0" * 64}
    write_json(copy / "scores.json", scores(0.125) | other)
    said = left_out(write_report(copy).read_text())
    assert "of an earlier model of this run" in said
    assert "of another dataset than the run" in said and "received sprites" in said


def test_one_code_has_chance_levels_though_mig_needs_two(tmp_path, monkeypatch):
    """MIG and SAP compare two codes; the other scores have nothing to do with that."""
    monkeypatch.setattr("deltavae.report.run_page.SECTIONS", ())
    run = untrained(tmp_path, GaussianPosterior(1), "sprites")
    found = {"factor_vae_metric": 0.5, "irs": 0.5, "mig": 0.25}
    write_json(run / "scores.json", scores(0.0) | {"scores": found})
    page = write_report(run).read_text()
    cells = re.findall(r'data-label="chance level">(.*?)<', page)
    assert [re.fullmatch(r"0\.\d+", cell) is not None for cell in cells[:3]] == [True, True, False]
    assert "chance level is measured" in page
    assert "two codes or more" in left_out(page)
    # nothing is measured where there is no data set
    info = json.loads((run / "model" / "run.json").read_text())
    write_json(run / "model" / "run.json", info | {"dataset": str(tmp_path / "moved")})
    page = write_report(run).read_text()
    assert "chance level is measured" not in page
    assert "there is no such dataset" in left_out(page)


def test_the_chance_level_is_of_the_protocol_of_the_score(monkeypatch):
    """Only the protocol tells the two DCI apart: same codes, same draws."""
    grid = [Factor("size", 3), Factor("shape", 4)]
    data = ArrayData("few", grid, np.zeros((12, 64, 64, 1), np.uint8))
    codes = np.random.default_rng(0).normal(size=(12, 2))
    metrics = ("dci", "irs")
    monkeypatch.setattr(chance_level, "without_interventions", lambda *_: (metrics, []))
    found: dict = {}
    for protocol, keys in (
        ("both", ("dci", "dci_2019", "irs")),
        ("current", metrics),
        ("challenge2019", metrics),
    ):
        scored = {"protocol": protocol, "scores": dict.fromkeys(keys, 0.5)}
        run = SimpleNamespace(data=data, codes=codes, get=lambda *_, scored=scored: scored)
        found[protocol], failed = chance_level.chance_level(run)
        assert {key for key in found[protocol] if key in ("dci", "dci_2019", "irs")} == {*keys}
        assert failed == {}
    assert found["both"]["dci"] == found["current"]["dci"]
    assert found["both"]["dci_2019"] == found["challenge2019"]["dci"] != found["current"]["dci"]


def test_without_a_decoder_codes_are_still_shown(copy):
    (copy / "model" / "model.keras").unlink()
    page = write_report(copy).read_text()
    assert "the run has no model/model.keras" in left_out(page)
    assert "Mutual information" in page and "Samples from the prior</h3>" not in page


def test_without_data_samples_are_still_shown(copy, tmp_path):
    info = json.loads((copy / "model" / "run.json").read_text())
    write_json(copy / "model" / "run.json", info | {"dataset": "cars3d"})
    page = write_report(copy, data_dir=str(tmp_path)).read_text()
    assert "the files of cars3d are missing" in left_out(page)
    assert "Samples from the prior</h3>" in page and "Latent map" not in re.findall("<h3>.*", page)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([{"epoch": 0, "kl": 1.0, "capacity": 1.0, "loss": 2.0}], "the run has one epoch"),
        ([{"epoch": i, "loss": float("nan")} for i in range(3)], "has a finite loss"),
        ([], "the history is empty"),
    ],
)
def test_odd_histories_are_drawn_as_far_as_they_go(copy, rows, reason):
    (copy / "model" / "history.json").write_text(json.dumps(rows))
    (copy / "model" / "model.keras").unlink()
    shutil.rmtree(copy / "representation")
    assert reason in left_out(write_report(copy).read_text())


def test_a_damaged_file_is_named(copy):
    (copy / "model" / "model.keras").write_bytes(b"no archive")
    (copy / "model" / "history.json").write_text("{")
    found = Run(copy).missing
    assert "model.keras is damaged" in found["model"] and "history.json" in found["history"]


@pytest.mark.parametrize(
    ("space", "axis"),
    [
        (Hypersphere(1), "code"),
        (Hypersphere(50), "code"),
        (None, "code"),
        # their codes are functions of the point, which has other coordinates
        (Interval(), "coordinate"),
        (SO3(), "coordinate"),
    ],
)
def test_grey_images_and_any_space(tmp_path, space, axis):
    chosen = DiffusionPosterior(space) if space else GaussianPosterior(1)
    run = Run(untrained(tmp_path, chosen, "sprites"))
    made = [f(run) for f in (reconstruction_section, traversal_section, latent_section)]
    assert len(made[2].pictures) == 5
    assert [section.left_out for section in made] == [[], [], []]
    (axes,) = (picture for picture in made[1].pictures if picture.name == "axes")
    said = axes.caption.partition("Rows from the top: ")[2].split(", ")[:-1]
    assert said and {name.split(" ")[0] for name in said} == {axis}
    assert len(said) == min(6, chosen.manifold.ambient_dim)


def test_a_row_that_is_left_out_has_no_name(monkeypatch):
    def half_a_circle(point, axis, num_points):
        return None if axis[0] else np.zeros((num_points, 2))

    run = SimpleNamespace(
        manifold=SimpleNamespace(along_axis=half_a_circle),
        locations=np.eye(2),
        decode=lambda points: np.zeros((*points.shape[:-1], 4, 4, 1)),
    )
    monkeypatch.setattr(decoder, "code_axes", lambda run: (np.eye(2), ["code 0", "code 1"]))
    assert "Rows from the top: code 1, those" in decoder.axis_paths(run).caption


def test_codes_are_named_by_their_factor(trained_run):
    """A product's readout says which factor a code is of; one factor has nothing to tell apart."""
    run = Run(trained_run)
    count = run.codes.shape[1]
    assert code_names(run)[:2] == ["code 0", "code 1"]
    run.model.readout.codes = [{"factor": i // 2, "kind": "coordinate"} for i in range(count)]
    assert code_names(run)[2] == "code 2 (coordinate of factor 2)"


def test_circles_are_named_by_the_code_that_is_their_angle():
    codes = [{"factor": 2, "kind": "angle"}, {"factor": 0, "kind": "line"}]
    labels = ["circle 3", "circle 1", "towards code 0"]
    named = [path_label(label, codes) for label in labels]
    assert named == ["code 0 (circle 3)", "circle 1", "towards code 0"]


def test_an_empty_folder_is_no_run(tmp_path):
    with pytest.raises(UserError, match="nothing of a run"):
        Run(tmp_path)
    assert main(["report", "--figures", str(tmp_path)]) == 2


def figures_of(folder):
    """How many figures the page in a folder shows, and the names of those written beside it."""
    page = (folder / "report.html").read_text()
    return page.count("<figure"), {path.stem for path in folder.iterdir()} - {"report"}


def test_figures_as_files(copy, tmp_path):
    write_json(copy / "scores.json", scores(0.125) | {"baselines": {CHANCE: {"scores": {}}}})
    assert main(["report", "--figures", str(copy), "--output_dir", str(tmp_path / "out")]) == 0
    kinds = {path.suffix for path in (tmp_path / "out").iterdir()}
    assert kinds == {".html", ".png", ".svg", ".webp", ".gif"}
    shown, written = figures_of(tmp_path / "out")
    assert {"orbit-azimuth", "scores"} < written and len(written) == shown


def test_factors_of_nearly_the_same_name_have_figures_of_their_own(tmp_path):
    names = ["X", "x", "a b", "a-b", "c"]
    values = np.stack(np.meshgrid(*[[0, 1]] * len(names)), -1).reshape(-1, len(names))
    images = np.random.default_rng(0).integers(0, 256, (len(values), 64, 64, 1), np.uint8)
    np.savez(tmp_path / "own.npz", images=images, factors=values, factor_names=names)
    run = untrained(tmp_path / "run", GaussianPosterior(1), str(tmp_path / "own.npz"))
    assert main(["report", "--figures", str(run), "--output_dir", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "scores" in re.findall("<b>(.*?)</b>:", left_out(page))
    shown, written = figures_of(tmp_path / "out")
    assert len([name for name in written if name.startswith("map-")]) == len(names)
    assert len(written) == shown


def run_with(path, mig: float, seed: int, readout: str = "aligned"):
    (path / "model").mkdir(parents=True)
    (path / "model" / "config.gin").write_text(f"train.seed = {seed}\nHypersphere.dim = 3\n")
    write_json(path / "scores.json", scores(mig) | {"readout": readout})
    return path


def test_runs_that_differ_in_their_seed_are_averaged(tmp_path):
    runs = [
        run_with(tmp_path / "a", 0.1, 0),
        run_with(tmp_path / "b", 0.3, 1),
        run_with(tmp_path / "c", 0.7, 0, "ica"),
    ]
    page = write_comparison(runs, tmp_path / "page.html").read_text()
    # 0.1 and 0.3: mean 0.2, standard error 0.1
    assert "0.200 ± 0.100" in page and "0.700" in page and "2 runs" in page
    differing = page[page.index("differ") :]
    assert "train.seed" in differing and "readout" in differing and "dim" not in differing


def test_the_comparison_says_for_each_score_which_direction_is_better(tmp_path):
    """MIG rises to 1; the total correlation of disentangled codes and D_LSBD fall to 0."""
    runs = [run_with(tmp_path / "a", 0.1, 0), run_with(tmp_path / "b", 0.3, 1)]
    for run in runs:
        found = json.loads((run / "scores.json").read_text())
        found["scores"] |= {"unsupervised": 1.5, "d_lsbd": 0.5}
        write_json(run / "scores.json", found)
    page = write_comparison(runs, tmp_path / "page.html").read_text()
    cells = re.findall(r"<tr><td><b>.*?<code>(\w+)</code>.*?<td>(\w+)</td></tr>", page)
    assert dict(cells) == {
        "mig": "higher", "r2_azimuth": "higher", "unsupervised": "lower", "d_lsbd": "lower"
    }  # fmt: skip


def test_the_figure_names_the_scores_that_it_cannot_show(tmp_path, monkeypatch):
    """A total correlation is in nats; an R² of held-out images has no least value."""
    plotted = []
    monkeypatch.setattr(
        "deltavae.report.comparison_page.comparison_plot",
        lambda *given: plotted.append(given[1]) or comparison_plot(*given),
    )
    more = {"unsupervised": 12.0, "r2_azimuth": -0.4, "sap_score": None}
    runs = [run_with(tmp_path / "a", 0.1, 0), run_with(tmp_path / "b", 0.3, 1)]
    write_json(runs[1] / "scores.json", scores(0.3) | {"scores": {"mig": 0.3} | more})
    captions = [write_comparison(runs, tmp_path / "page.html").read_text()]
    assert plotted == [["mig"]]
    monkeypatch.setattr("deltavae.report.run_page.SECTIONS", ())
    captions.append(write_report(runs[1]).read_text())
    for page in captions:
        (caption,) = re.findall("<figcaption>(.*?)</figcaption>", page)
        named = caption.partition("so in the table only: ")[2].removesuffix(".").split(", ")
        assert set(named) == {"R² of azimuth", "Gaussian total correlation"}
    for run in runs:
        write_json(run / "scores.json", scores(0.3) | {"scores": more})
    assert "<figure" not in write_comparison(runs, tmp_path / "page.html").read_text()


def test_runs_of_the_same_name_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(run_with(tmp_path / "b" / "cars", 0.3, 0, "ica"))
    runs = [run_with(tmp_path / "a" / "cars", 0.1, 0), ".", run_with(tmp_path / "mine", 0.2, 1)]
    page = write_comparison(runs, tmp_path / "page.html").read_text()
    # the runs a/cars and mine differ in their seed only
    assert re.findall('<th class="n">(.*?)<br>', page) == ["a/cars", "b/cars"]
    differing = page[page.index("<th>setting") :]
    assert re.findall("<th>(.*?)</th>", differing) == ["setting", "a/cars", "b/cars", "mine"]


def test_runs_scored_differently_are_not_compared(tmp_path):
    runs = [run_with(tmp_path / "a", 0.1, 0), run_with(tmp_path / "b", 0.3, 1)]
    write_json(runs[1] / "scores.json", scores(0.3) | {"settings": "study"})
    with pytest.raises(UserError, match="differ in their settings"):
        write_comparison(runs, tmp_path / "page.html")
    with pytest.raises(UserError, match="two runs"):
        write_comparison(runs[:1], tmp_path / "page.html")
    for run, digest in zip(runs, "ab", strict=True):
        write_json(run / "scores.json", scores(0.3) | {"dataset_digest": digest * 64})
    with pytest.raises(UserError, match=r"different contents of their dataset.*aaa.*bbb"):
        write_comparison(runs, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_report_shows_no_images_but_those_trained_on(tmp_path):
    """The folder of the dataset has the same name, and other images since."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "factors.csv").write_text("file,size\na.png,0\nb.png,1\n")
    for name, value in (("a", 40), ("b", 200)):
        Image.new("RGB", (64, 64), (value, 0, 0)).save(own / f"{name}.png")
    (tmp_path / "run" / "model").mkdir(parents=True)
    info = {"dataset": str(own), "dataset_digest": load(str(own)).digest}
    write_json(tmp_path / "run" / "model" / "run.json", info)
    assert Run(tmp_path / "run").data.num_images == 2
    Image.new("RGB", (64, 64), (0, 0, 90)).save(own / "b.png")
    assert "is not what it was" in Run(tmp_path / "run").missing["data"]
