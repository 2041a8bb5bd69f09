"""Custom datasets that are no grid, or one in another order, are scored by their tables."""

import csv

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import mutual_info_score

from deltavae.data import load
from deltavae.scoring.evaluate import evaluate

METRICS = ("mig", "dci", "sap_score", "irs", "modularity_explicitness")
# Two images for each of 12 angles and 3 sizes, the rows shuffled.
TWICE = np.random.default_rng(0).permutation(
    [[30 * a, s] for a in range(12) for s in range(3) for _ in range(2)]
)


def _folder(root, rows):
    with (root / "factors.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "angle:circle", "size"])
        for i, row in enumerate(rows):
            picture = np.random.default_rng(i).integers(0, 256, (64, 64), dtype=np.uint8)
            Image.fromarray(picture).save(root / f"{i}.png")
            writer.writerow([f"{i}.png", f"{row[0]} deg", *row[1:]])
    return root


def _scores(root, codes, metrics=METRICS):
    np.savez(root / "codes.npz", codes=codes)
    return evaluate(
        codes_file=root / "codes.npz",
        data=str(root),
        metrics=metrics,
        protocol="current",
        settings="study" if metrics == ("mig",) else "fast",
        jobs=1,
    )


@pytest.mark.parametrize("kept", [72, 67, 36], ids=["repeats", "repeats and gaps", "grid"])
def test_codes_are_scored_by_the_rows_of_the_table(tmp_path, kept):
    rows = TWICE[:kept] if kept != 36 else np.unique(TWICE, axis=0)[::-1]
    data = load(str(_folder(tmp_path, rows)))
    assert data.is_grid == (kept == 36) and data.num_images == kept
    # The factors themselves: every metric of their table is at or near its best.
    scores = _scores(tmp_path, rows / rows.std(axis=0))["scores"]
    assert scores["mig"] == pytest.approx(1.0, abs=0.01)
    assert scores["irs"] == pytest.approx(1.0, abs=0.01)
    assert scores["dci"] > 0.95 and scores["modularity_explicitness"] > 0.99
    # The angle as a point of the circle, which the probe reads linearly.
    angle = 2 * np.pi * rows[:, 0] / 360
    codes = np.column_stack([np.cos(angle), np.sin(angle), rows[:, 1]])
    assert _scores(tmp_path, codes, ("mig",))["scores"]["r2_angle"] == pytest.approx(1.0)


def test_mig_is_that_of_the_table(tmp_path):
    """Against mutual informations of the 72 rows: draws are uniform over the rows."""
    _folder(tmp_path, TWICE)
    noise = np.random.default_rng(1).normal(size=72)
    codes = np.column_stack([TWICE[:, 0] // 60 * 1.0, TWICE[:, 1] + 0.0, noise > 0])
    gaps = []
    for factor in TWICE.T:
        informations = sorted(mutual_info_score(factor, code) for code in codes.T)
        gaps.append((informations[-1] - informations[-2]) / mutual_info_score(factor, factor))
    found = _scores(tmp_path, codes, ("mig",))["scores"]["mig"]
    # 10,000 draws from 72 rows: the gap's standard error is about 0.005.
    assert found == pytest.approx(np.mean(gaps), abs=0.02)


@pytest.mark.parametrize("angles", [[0, 15, 105, 350], [15 * i for i in range(12)]])
def test_the_probe_predicts_the_angle_that_is_written(tmp_path, angles):
    """Unevenly spaced and half a turn; 105 sorts before 15 as text."""
    rows = np.array([[angle, size] for size in range(6) for angle in angles])
    _folder(tmp_path, rows)
    turned = np.radians(rows[:, 0])
    codes = np.column_stack([np.cos(turned), np.sin(turned), rows[:, 1]])
    assert _scores(tmp_path, codes, ("mig",))["scores"]["r2_angle"] == pytest.approx(1.0)
