"""evaluate() and evaluate.py from the outside: files written, both protocols, bad input."""

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from deltavae.cli import evaluate as evaluate_command
from deltavae.cli.evaluate import _udr
from deltavae.cli.main import main
from deltavae.data import ArrayData, Factor
from deltavae.errors import UserError
from deltavae.io import read_json
from deltavae.run_dir import RunDir
from deltavae.scoring import code_sources as sources
from deltavae.scoring.comparison import compare, mean_ranks
from deltavae.scoring.draws import IndexedData
from deltavae.scoring.evaluate import evaluate
from deltavae.scoring.results import format_scores
from deltavae.scoring.udr import udr

ROOT = Path(__file__).resolve().parents[2]
SIZES = (3, 8, 4)


def first_pixels(images):
    return images.reshape(len(images), -1)[:, :3] / 255


def score_pixels(
    monkeypatch, path, data, encode=first_pixels, kind="representation", digest="0" * 64
):
    """Stands a function of the pixels in for what `evaluate` is to open."""
    source = sources.CodeSource(
        kind, path, digest, data, IndexedData.of(data), encoder=lambda: encode
    )
    monkeypatch.setattr(sources, "open_code_source", lambda *_: source)


@pytest.fixture(scope="module")
def turned():
    """Codes that hold the azimuth as (cos, sin), and noise."""
    factors = np.stack(np.unravel_index(np.arange(96), SIZES), axis=1)
    angle = 2 * np.pi * factors[:, 1] / 8
    noise = 0.3 * np.random.default_rng(0).normal(size=(96, 2))
    return np.column_stack([np.cos(angle), np.sin(angle), noise]), factors


@pytest.fixture(scope="module")
def data():
    grid = [Factor("size", 3), Factor("azimuth", 8, symmetry=1), Factor("object", 4)]
    images = np.random.default_rng(0).integers(0, 256, (96, 4, 4, 1), dtype=np.uint8)
    return ArrayData("pictures", grid, images)


@pytest.fixture
def file(tmp_path, turned):
    path = tmp_path / "codes.npz"
    np.savez(path, codes=turned[0])
    return path


def table_text(table):
    from rich.console import Console

    console = Console(width=120, record=True, file=open("/dev/null", "w"))
    console.print(table)
    return console.export_text()


def test_files_scores_and_table(tmp_path, file, data):
    out = tmp_path / "out"
    scores = evaluate(codes_file=file, data=data, settings="fast", output_dir=out, seeds=2)
    assert read_json(RunDir(out).scores) == json.loads(json.dumps(scores))
    assert list(scores["scores"])[:7] == [
        "factor_vae_metric",
        "dci",
        "dci_2019",
        "mig",
        "sap_score",
        "sap_score_2019",
        "irs",
    ]
    assert scores["scores"]["r2_azimuth"] == pytest.approx(1)  # (cos, sin) are codes themselves
    assert scores["scores"]["d_lsbd"] == pytest.approx(0, abs=0.01)
    assert scores["probes"]["azimuth"]["object_factor"] == "object"
    assert set(scores["spread"]) == {
        key for key in scores["scores"] if key not in ("r2_azimuth", "d_lsbd")
    }
    assert set(scores["spread"]) > set(scores["metrics"])
    for metric, numbers in scores["metrics"].items():
        path = out / "metrics" / metric / "results" / "aggregate" / "evaluation.json"
        written = json.loads(path.read_text())
        assert written["evaluation_results.seconds"] == numbers["seconds"]
    text = table_text(format_scores(scores))
    assert "dci_2019" in text and "r2_azimuth, held-out values of object" in text
    assert "r2_azimuth, PCA of pixels, held-out values of object" in text


def test_one_protocol_names_its_number_dci(file, data):
    options = {"codes_file": file, "data": data, "settings": "fast", "metrics": ["dci"]}
    both = evaluate(**options)["scores"]
    old = evaluate(**options, protocol="challenge2019")
    assert old["scores"]["dci"] == both["dci_2019"] and old["protocol"] == "challenge2019"
    assert "dci_2019" not in old["scores"]
    assert evaluate(**options, protocol="current")["scores"]["dci"] == both["dci"]


def test_readouts_stand_beside_each_other(file, data):
    scores = evaluate(
        codes_file=file, data=data, settings="fast", metrics=["mig"], readouts=["embedding", "ica"]
    )
    assert list(scores["readouts"]) == ["embedding", "ica"]
    # an orthogonal readout changes what is seen along axes, not what a linear probe sees
    one, two = (scores["readouts"][name]["scores"] for name in ("embedding", "ica"))
    assert one["mig"] != two["mig"]
    assert one["r2_azimuth"] == pytest.approx(two["r2_azimuth"], abs=1e-4)


def test_a_readout_does_not_depend_on_what_else_was_asked_for(monkeypatch, tmp_path):
    grid = [Factor(name, 20) for name in ("size", "shade", "object")]
    table = np.stack(np.unravel_index(np.arange(8000), (20, 20, 20)), axis=1)
    images = np.zeros((8000, 2, 2, 1), np.uint8)
    images[:, 0, :, 0], images[:, 1, 0, 0] = 12 * table[:, :2], 12 * table[:, 2]
    images[:, 1, 1, 0] = np.random.default_rng(0).integers(256, size=8000)
    data = ArrayData("pictures", grid, images)

    score_pixels(
        monkeypatch, tmp_path, data, lambda pixels: pixels.reshape(len(pixels), 4), kind="run"
    )

    def aligned(readouts, metrics, folder):
        options = {"settings": "fast", "protocol": "current"}
        out = tmp_path / folder
        scores = evaluate(
            run_dir=tmp_path, output_dir=out, readouts=readouts, metrics=metrics, **options
        )
        return scores.get("readouts", {"aligned": scores})["aligned"]["scores"]["mig"]

    alone = aligned(["aligned"], ["mig"], "alone")
    beside = aligned(["ica", "aligned", "embedding"], ["irs", "mig", "sap_score"], "beside")
    after = aligned(["aligned"], ["mig"], "beside")  # with the codes of more images in the cache
    assert alone == beside == after


def test_images_never_the_same_twice(monkeypatch, tmp_path, data):
    class Noisy(ArrayData):
        is_stochastic = True

        def images(self, indices, random_state=None):
            random_state = random_state or np.random.RandomState(0)
            return super().images(indices) // 2 + random_state.randint(
                9, size=(len(indices), 1, 1, 1)
            ).astype(np.uint8)

    noisy = Noisy("noisy", data.grid, data.images(np.arange(96)))
    score_pixels(monkeypatch, tmp_path, noisy)
    metrics = ["mig", "factor_vae_metric", "mig_circular", "infomec", "mcc"]
    scores = evaluate(representation="x", settings="fast", metrics=metrics)
    wanted = {"mig", "factor_vae_metric", "mig_circular", "infom", "infoe", "mcc_circular"}
    assert not scores["failed"] and set(scores["scores"]) >= wanted


@pytest.mark.parametrize(
    ("arrays", "options", "words"),
    [
        ({"codes": np.zeros((95, 2))}, {}, "96 rows, one per image"),
        ({"codes": np.full((96, 2), np.nan)}, {}, "96 of 96 rows, first in row 0"),
        ({"codes": np.zeros(96)}, {}, r"shape \(images, code\)"),
        ({"other": np.zeros(96)}, {}, "an array `codes`"),
        ({"codes": np.array([["a"]] * 96)}, {}, "must be real numbers"),
        ({"codes": np.zeros((96, 2))}, {"metrics": ["migg"]}, "unknown metric.*mig"),
        (
            {"codes": np.zeros((96, 2))},
            {"metrics": ["mig", "d_lsbd"]},
            "d_lsbd cannot be asked for.*always computed, for factors on circles. Leave it out",
        ),
        ({"codes": np.zeros((96, 2))}, {"metrics": ["r2_azimuth"]}, "always computed"),
        (
            {"codes": np.zeros((96, 2))},
            {"metrics": ["dci_completeness_2019"]},
            "computed with dci. Ask for dci with --protocol both",
        ),
        ({"codes": np.zeros((96, 2))}, {"metrics": ["udr"]}, "--compare --udr"),
        ({"codes": np.zeros((96, 2))}, {"metrics": ["mig_2019"]}, "unknown metric.*mig"),
        ({"codes": np.zeros((96, 2))}, {"metrics": []}, "no metric"),
        ({"codes": np.zeros((96, 2))}, {"protocol": "2018"}, "unknown protocol.*challenge2019"),
        ({"codes": np.zeros((96, 2))}, {"seeds": 0}, "at least 1"),
        ({"codes": np.zeros((96, 2))}, {"seed": -1}, "below 2"),
        ({"codes": np.zeros((96, 2))}, {"data": None}, "--dataset NAME"),
        ({"codes": np.zeros((96, 2))}, {"jobs": 0}, "jobs is impossible; expected at least 1"),
        ({"codes": np.zeros((96, 2))}, {"reference": True}, "--protocol current"),
        ({"codes": np.zeros((96, 2))}, {"settings": "slow"}, "study, fast"),
        ({"codes": np.zeros((96, 2))}, {"readouts": ["pca"]}, "[Uu]nknown readout"),
        ({"codes": np.zeros((96, 2))}, {"run_dir": "x"}, "exactly one"),
        ({"codes": np.zeros((96, 2))}, {"discrete": True}, "infomec among the metrics"),
        (
            {"codes": np.zeros((96, 2))},
            {"discrete": True, "metrics": ["infomec"], "baselines": True},
            "--discrete without --baselines",
        ),
        (
            {"codes": np.random.default_rng(0).normal(size=(96, 2))},
            {"discrete": True, "metrics": ["infomec"]},
            "at most 48 values.*received 96 values",
        ),
    ],
)
def test_bad_input_is_named(tmp_path, data, arrays, options, words):
    path = tmp_path / "codes.npz"
    np.savez(path, **arrays)
    out = tmp_path / "out"
    with pytest.raises(UserError, match=words):
        evaluate(
            codes_file=path,
            **({"data": data, "settings": "fast", "output_dir": out} | options),
        )
    assert not (out / "scores.json").exists()


def test_factors_with_one_value_are_left_out(tmp_path, turned):
    path = tmp_path / "codes.npz"
    np.savez(path, codes=turned[0], factors=np.column_stack([turned[1], np.full(96, 7)]))
    scores = evaluate(codes_file=path, settings="fast", metrics=["mig", "factor_vae_metric"])
    np.savez(path, codes=turned[0], factors=turned[1])
    plain = evaluate(codes_file=path, settings="fast", metrics=["mig", "factor_vae_metric"])
    assert "one value" in scores["warnings"][0] and not plain["warnings"]
    assert scores["scores"] == plain["scores"]


def test_odd_codes_are_scored_with_a_warning(tmp_path, data, turned):
    path = tmp_path / "codes.npz"
    np.savez(path, codes=np.column_stack([turned[0], np.ones(96)]))
    scores = evaluate(codes_file=path, data=data, settings="fast", metrics=["mig", "irs"])
    assert "scored as 0: 4" in scores["warnings"][0] and not scores["failed"]
    metrics = ["factor_vae_metric", "mig"]
    for size, warned in ((0.049, True), (0.051, False)):  # of the largest standard deviation
        small = turned[0] * size / turned[0].std(axis=0).max()
        np.savez(path, codes=small)
        scores = evaluate(codes_file=path, data=data, settings="fast", metrics=metrics)
        assert ("factor_vae_metric of codes is 0" in " ".join(scores["warnings"])) == warned
        assert (scores["scores"]["factor_vae_metric"] == 0) == warned
    np.savez(path, codes=turned[0][:, :1])
    scores = evaluate(codes_file=path, data=data, settings="fast", metrics=["mig", "irs"])
    assert "two codes" in scores["failed"]["mig"] and "irs" in scores["scores"]


@pytest.mark.parametrize("images", [2, 7, 8])
def test_what_a_few_images_or_one_code_cannot_give_has_its_reason(tmp_path, images):
    number = np.arange(images)
    np.savez(
        tmp_path / "c.npz",
        codes=number[:, None] % 5,
        factors=np.stack([number, number % 2], 1),
        factor_names=["turn:circle", "side"],
    )
    metrics = ["mig", "sap_score", "unsupervised", "irs"]
    options = {"settings": "fast", "protocol": "current", "metrics": metrics}
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        scores = evaluate(codes_file=tmp_path / "c.npz", **options)
    failed = dict(scores["failed"])
    for metric in metrics[:3]:
        assert failed.pop(metric).endswith("expected two codes or more; received 1")
    if images < 8:  # one is held out
        assert "not defined where the images held out" in failed.pop("r2_turn")
    assert not failed and ("r2_turn" in scores["scores"]) == (images == 8)
    assert "nan" not in table_text(format_scores(scores))


def test_ranks():
    # by hand: first score 1, 2.5, 2.5, second 3, 1.5, 1.5
    np.testing.assert_allclose(mean_ranks(np.array([[3, 1], [2, 5], [2, 5]])), [2, 2, 2])


def udr_of_itself(file):
    codes = np.load(file)["codes"].astype(np.float32)
    return udr([codes, codes])


def test_compare_wants_like_with_like(tmp_path, turned):
    file = tmp_path / "both.npz"
    np.savez(file, codes=turned[0], factors=turned[1])
    for name, protocol in [("a", "both"), ("b", "both"), ("c", "current")]:
        evaluate(
            codes_file=file,
            settings="fast",
            metrics=["mig"],
            protocol=protocol,
            output_dir=tmp_path / name,
        )
    assert "mean rank" in table_text(compare([tmp_path / "a", tmp_path / "b"]))
    assert _udr([tmp_path / "a", tmp_path / "b"]) == pytest.approx(udr_of_itself(file))
    with pytest.raises(UserError, match="differ in their protocol"):
        compare([tmp_path / "a", tmp_path / "c"])
    with pytest.raises(UserError, match="two runs"):
        compare([tmp_path / "a"])
    path = tmp_path / "b" / "scores.json"
    whole = path.read_text()
    path.write_text(json.dumps(json.loads(whole) | {"discrete": True}))
    said = r"use of --discrete.*/a: without --discrete, .*/b: --discrete\."
    with pytest.raises(UserError, match=said):
        compare([tmp_path / "a", tmp_path / "b"])
    path.write_text(whole.replace(":", "", 1))
    said = r"/b/scores\.json, which is damaged; .*no JSON in line 2\. Score it"
    with pytest.raises(UserError, match=said):
        compare([tmp_path / "a", tmp_path / "b"])


def test_other_factors_do_not_compare(tmp_path, turned):
    codes, factors = turned
    names = ["size", "azimuth:circle", "object"]
    tables = {
        "a": {"factors": factors},
        "same": {"factors": 10 * factors},  # the same images are told apart
        "rows": {"factors": factors[::-1]},
        "named": {"factors": factors, "factor_names": names},
    }
    for name, arrays in tables.items():
        np.savez(tmp_path / f"{name}.npz", codes=codes, **arrays)
        options = {"settings": "fast", "metrics": ["mig"], "output_dir": tmp_path / name}
        evaluate(codes_file=tmp_path / f"{name}.npz", **options)
    compare([tmp_path / "a", tmp_path / "same"])
    for other in ("rows", "named"):
        with pytest.raises(UserError, match=r"different contents.*one digest of factors"):
            compare([tmp_path / "a", tmp_path / other])
    old = read_json(tmp_path / "rows" / "scores.json") | {"dataset_digest": None}
    (tmp_path / "rows" / "scores.json").write_text(json.dumps(old))
    compare([tmp_path / "a", tmp_path / "rows"])


def test_scores_of_another_source_are_not_replaced(tmp_path, turned, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    codes, factors = turned
    np.savez("a.npz", codes=codes, factors=factors)
    np.savez("b.npz", codes=-codes, factors=factors)
    rest = ["--settings", "fast", "--output_dir", "out", "--metrics"]
    assert main(["evaluate", "--codes", "a.npz", *rest, "mig"]) == 0
    before = (tmp_path / "out" / "scores.json").read_text()
    assert main(["evaluate", "--codes", "b.npz", *rest, "mig"]) == 2
    message = capsys.readouterr().err
    assert "out/scores.json holds the scores of another source" in message
    assert "received those of a.npz. Name another folder with --output_dir" in message
    assert (tmp_path / "out" / "scores.json").read_text() == before
    assert main(["evaluate", "--codes", "a.npz", *rest, "irs"]) == 0
    assert list(read_json(tmp_path / "out" / "scores.json")["metrics"]) == ["irs"]
    np.savez("a.npz", codes=2 * codes, factors=factors)
    assert main(["evaluate", "--codes", "a.npz", *rest, "mig"]) == 2
    assert "those of a.npz, whose content was another then" in capsys.readouterr().err


def test_a_narrower_evaluation_says_what_is_gone_and_leaves_none_of_it(tmp_path, turned):
    codes, factors = turned
    np.savez(tmp_path / "c.npz", codes=codes, factors=factors)
    out = tmp_path / "out"

    def evaluated(*metrics, **options):
        options |= {"metrics": metrics, "settings": "fast", "output_dir": out}
        scores = evaluate(codes_file=tmp_path / "c.npz", **options)
        results = {path.parents[2].name for path in out.glob("metrics/*/*/*/evaluation.json")}
        assert results == set(scores["metrics"]) | {"users_own"}
        assert {path.name for path in (out / "metrics").iterdir()} == results
        assert read_json(out / "scores.json")["warnings"] == scores["warnings"]
        return scores["warnings"]

    own = out / "metrics" / "users_own" / "results" / "more" / "evaluation.json"
    own.parent.mkdir(parents=True)
    own.write_text("{}")
    assert evaluated("mcc", "mig", "irs", baselines=True)[1:] == []  # [0]: no pixels
    said = "scores of before that were not computed again: mig, irs, chance"
    assert evaluated("mcc") == [said]
    assert evaluated("mcc", "mig") == []
    # a metric that fails now leaves no number of before
    np.savez(tmp_path / "c.npz", codes=codes[:, :1], factors=factors)
    (out / "scores.json").unlink()  # of other codes
    evaluated("mcc", "mig")
    assert "mig" in read_json(out / "scores.json")["failed"]


@pytest.mark.parametrize("own", [True, False])
def test_a_run_that_was_trained_further_replaces_its_scores(tmp_path, data, monkeypatch, own):
    run = tmp_path / "run"
    run.mkdir()
    for digest in ("0" * 64, "1" * 64):
        score_pixels(monkeypatch, run, data, kind="run", digest=digest)
        out = run if own else tmp_path / "out"
        evaluate(run_dir=run, output_dir=out, settings="fast", metrics=["irs"])
        assert read_json(out / "scores.json")["source"]["sha256"] == digest


def test_an_export_that_was_replaced_replaces_the_scores_of_its_folder(
    tmp_path, data, monkeypatch
):
    """As run.sh scores a study, whose export is of the run that is chosen now."""
    out = tmp_path / "out"

    def evaluated(path, digest):
        path.mkdir(parents=True, exist_ok=True)
        score_pixels(monkeypatch, path, data, digest=digest)
        evaluate(representation=path, output_dir=out, settings="fast", metrics=["irs"])
        return read_json(out / "scores.json")["source"]["sha256"]

    for digest in ("0" * 64, "1" * 64):
        assert evaluated(out / "representation", digest) == digest
    for other in (out / "elsewhere", tmp_path / "representation"):
        with pytest.raises(UserError, match="scores of another source"):
            evaluated(other, "2" * 64)
    # a run's scores are of its model, which its export does not replace
    score_pixels(monkeypatch, out, data, kind="run", digest="3" * 64)
    evaluate(run_dir=out, settings="fast", metrics=["irs"])
    with pytest.raises(UserError, match="scores of another source"):
        evaluated(out / "representation", "0" * 64)


@pytest.mark.parametrize("categories", [False, True])
def test_continuous_codes_are_no_categories_before_all_are_encoded(
    tmp_path, monkeypatch, categories
):
    table = np.stack(np.unravel_index(np.arange(20000), (20, 1000)), 1)
    images = np.random.default_rng(0).integers(0, 256, (20000, 2, 2, 1), dtype=np.uint8)
    images[:, 0, 0, 0] = table[:, 0]
    data = ArrayData("noise", [Factor("a", 20), Factor("b", 1000)], images)
    encoded = []

    def encode(batch):
        encoded.append(len(batch))
        codes = batch.reshape(len(batch), -1).astype(np.float32)
        return (
            codes[:, :1] if categories else codes[:, :1] + codes[:, 1:2] / 7 + codes[:, 2:3] / 99
        )

    score_pixels(monkeypatch, tmp_path, data, encode)
    settings = "fast" if categories else "study"
    options = {"settings": settings, "metrics": ["infomec"], "output_dir": tmp_path / "out"}
    if categories:
        scores = evaluate(representation="x", discrete=True, **options)
        assert scores["discrete"] and (tmp_path / "out" / "metrics" / "codes").is_dir()
        encoded.clear()
        again = evaluate(representation="x", discrete=True, **options)
        assert again["scores"] == scores["scores"] and not encoded
        return
    with pytest.raises(UserError, match="continuous, but scored as categories"):
        evaluate(representation="x", discrete=True, **options)
    assert sum(encoded) == 4096 and not (tmp_path / "out").exists()


def test_udr_reads_the_codes_that_scoring_kept(tmp_path, data, command, monkeypatch):
    """Without TensorFlow where it has them all, and else without writing what it made."""
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        score_pixels(monkeypatch, folder, data)
        evaluate(representation="x", settings="fast", metrics=["mig"], output_dir=folder)
    started, encoded = [], []

    def encode(images):
        encoded.append(len(images))
        return first_pixels(images)

    def reopened(*_):
        score_pixels(monkeypatch, tmp_path, data, encode)
        return sources.open_code_source()

    monkeypatch.setattr(sources, "reopen", reopened)
    monkeypatch.setattr(evaluate_command, "start_tensorflow", lambda: started.append(1))
    table = ("evaluate", "--udr", "--compare", *map(str, folders))
    kept = command(*table)
    assert kept.returncode == 0 and not started and not encoded
    for folder in folders:
        shutil.rmtree(folder / "metrics")
    made = command(*table)
    assert made.stdout == kept.stdout and len(started) == 2 and sum(encoded) >= 2 * 96
    assert not any((folder / "metrics").exists() for folder in folders)


def test_the_command_line(tmp_path, turned, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("codes.npz", codes=turned[0], factors=turned[1])
    short = ("evaluate", "--codes", "codes.npz", "--settings", "fast")
    good = command(*short, "--metrics", "mig", "--output_dir", "o")
    assert good.returncode == 0 and "mig" in good.stdout
    assert (tmp_path / "o" / "scores.json").is_file()
    assert good.stdout.endswith("scores: o/scores.json\n") and "codes" in good.stdout
    unwritten = command(*short, "--metrics", "mig").stdout
    assert unwritten.endswith("nothing was written; --output_dir DIR keeps the scores\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["codes.npz", "o"]
    bad = command("evaluate", "--codes", "codes.npz", "--metrics", "nothing")
    assert bad.returncode == 2
    assert bad.stderr.strip().splitlines()[-1].startswith("error: unknown metric")
    assert command("evaluate", "--udr").returncode == 2
    assert command("evaluate", "--protocol", "2018").returncode == 2


def test_names_with_brackets_are_printed_as_they_are(tmp_path, turned):
    names = ["size", "[bold]azimuth[/]:circle", "object"]
    for run in ("lr[1e-4]", "b"):
        np.savez(tmp_path / "c.npz", codes=turned[0], factors=turned[1], factor_names=names)
        scores = evaluate(
            codes_file=tmp_path / "c.npz",
            settings="fast",
            metrics=["mig"],
            output_dir=tmp_path / run,
        )
    assert "r2_[bold]azimuth[/]" in table_text(format_scores(scores))
    text = table_text(compare([tmp_path / "lr[1e-4]", tmp_path / "b"]))
    assert "lr[1e-4]" in text and "r2_[bold]azimuth[/]" in text


def test_exit_status(tmp_path, turned, capsys):
    file = tmp_path / "c.npz"
    np.savez(file, codes=turned[0], factors=turned[1])
    arguments = ["evaluate", "--codes", str(file), "--settings", "fast", "--metrics"]
    assert main([*arguments, "infoc,mig"]) == 0  # a score stands for its metric
    assert "infom" in capsys.readouterr().out
    assert main([*arguments, "infomec", "--discrete"]) == 2
    assert "received 96 values of code" in capsys.readouterr().err
    np.savez(file, codes=turned[0], factors=np.arange(96)[:, None])
    assert main([*arguments, "dci_forest"]) == 1
    assert "dci_forest of codes failed" in capsys.readouterr().err


def test_baselines_stand_beside_and_are_known(tmp_path, turned):
    """Images that show the azimuth's cosine and sine: a PCA of two components holds it, and the
    same codes at random images hold nothing."""
    codes, factors = turned
    grid = [Factor("size", 3), Factor("azimuth", 8, symmetry=1), Factor("object", 4)]
    images = (100 + 90 * codes[:, :2]).astype(np.uint8).reshape(96, 2, 1, 1)
    data = ArrayData("dials", grid, images)
    np.savez(tmp_path / "codes.npz", codes=codes[:, :2])
    alone = evaluate(codes_file=tmp_path / "codes.npz", data=data, settings="fast")
    options = {"codes_file": tmp_path / "codes.npz", "settings": "fast", "baselines": True}
    scores = evaluate(data=data, output_dir=tmp_path / "out", **options)
    assert scores["scores"] == alone["scores"] and "readouts" not in scores
    pca, chance = (scores["baselines"][name]["scores"] for name in ("pca_of_pixels", "chance"))
    assert set(pca) == set(chance) == set(scores["scores"])
    assert pca["r2_azimuth"] > 0.999 and pca["d_lsbd"] < 0.001
    assert scores["scores"]["r2_azimuth"] > 0.999
    assert abs(chance["r2_azimuth"]) < 0.3 and chance["d_lsbd"] > 0.5
    assert chance["dci_informativeness"] < 0.4 < scores["scores"]["dci_informativeness"]
    text = table_text(format_scores(scores))
    assert "PCA of pixels" in text and "chance" in text
    # a file of codes alone has no pixels
    np.savez(tmp_path / "table.npz", codes=codes, factors=factors)
    scores = evaluate(**options | {"codes_file": tmp_path / "table.npz"})
    assert list(scores["baselines"]) == ["chance"]
    assert any("PCA of the pixels" in warning for warning in scores["warnings"])


def test_a_cheap_metric_of_codes_imports_no_library_of_learning(tmp_path):
    path = tmp_path / "codes.npz"
    factors = np.stack(np.unravel_index(np.arange(96), (4, 4, 6)), 1)
    np.savez(path, codes=factors.astype(np.float32), factors=factors)
    code = f"""
import sys
from deltavae.cli.main import run_command
status = run_command("evaluate", ["--codes", {str(path)!r}, "--settings", "fast",
                                  "--metrics", "factor_vae_metric,irs"], "evaluate")
heavy = ("tensorflow", "keras", "sklearn", "scipy.stats", "pandas", "numba")
sys.exit(status or ", ".join(name for name in heavy if name in sys.modules) or None)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_what_prepares_the_encoding_is_called_only_if_something_is_encoded(
    monkeypatch, tmp_path, data
):
    score_pixels(monkeypatch, tmp_path, data)
    called = []
    for _ in range(2):
        evaluate(
            representation="x",
            settings="fast",
            metrics=["irs"],
            output_dir=tmp_path,
            before_encoding=lambda: called.append("once"),
        )
    assert called == ["once"]
