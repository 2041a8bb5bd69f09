"""InfoMEC against values of its authors' own code, and against scikit-learn's estimator."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_classif

from deltavae.scoring.infomec import infomec, information_with_classes

HERE = Path(__file__).resolve().parent
# What the authors' code gave; `std` over three runs, whose noise of 1e-10 isn't seeded.
CASES = json.loads((HERE / "infomec.json").read_text())
INPUTS = np.load(HERE / "infomec_inputs.npz")


def inputs(case):
    name = case["name"].replace(" ", "_")
    return INPUTS[f"{name}/factors"].astype(int), INPUTS[f"{name}/codes"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_authors_values(case):
    found = infomec(*inputs(case), discrete=case["discrete"])
    # discrete values are exact, but for the end of an iteration in the regression of infoe
    tolerance = 1e-12 if case["discrete"] else 1e-3
    assert found.modularity == pytest.approx(case["infom"], abs=tolerance)
    assert found.compactness == pytest.approx(case["infoc"], abs=tolerance)
    assert found.explicitness == pytest.approx(case["infoe"], abs=max(tolerance, 1e-7))
    assert found.active.tolist() == case["active"]
    np.testing.assert_allclose(found.nmi, case["nmi"], atol=1e-4)


CODES = {
    "smooth": lambda rs, labels: labels + 0.3 * rs.randn(len(labels)),
    "ties, told apart by noise": lambda rs, labels: np.round(rs.randn(len(labels)), 1),
    "offset": lambda rs, labels: 1e4 + rs.randn(len(labels)).astype(np.float32),
}


@pytest.mark.parametrize("kind", CODES)
def test_as_scikit_learn_estimates_it(kind):
    rs = np.random.RandomState(0)
    factors = np.stack([rs.randint(3, size=600), rs.randint(12, size=600)], 1)
    code = CODES[kind](rs, factors[:, 1])
    ours = information_with_classes(code, factors, seed=5)
    for value, labels in zip(ours, factors.T, strict=True):
        theirs = mutual_info_classif(
            code[:, None], labels, discrete_features=False, n_neighbors=10, random_state=5
        )
        assert value == pytest.approx(theirs[0], abs=1e-12)


def test_classes_of_few_points_by_the_definition():
    """scikit-learn measures classes of 20 points and fewer by dot products and loses digits."""
    rs = np.random.RandomState(1)
    labels = np.append(rs.randint(60, size=400), [60])  # about 7 points each, some alone
    paired = np.bincount(labels)[labels] > 1
    code = labels % 7 + 0.5 * rs.randn(401)
    code /= code.std()  # as it is scaled; the noise of 1e-10 moves no neighbour
    distances = np.abs(code[:, None] - code[None])
    terms = []
    for i in np.flatnonzero(paired):
        own = np.sort(distances[i, labels == labels[i]])
        k = min(10, len(own) - 1)
        within = np.sum(distances[i, paired] < own[k])
        terms.append(digamma(k) - digamma(len(own)) - digamma(within))
    found = information_with_classes(code, labels[:, None], seed=0)[0]
    assert found == pytest.approx(digamma(len(terms)) + np.mean(terms), abs=1e-9)


def test_a_class_for_every_point_tells_nothing():
    assert information_with_classes(np.arange(50.0), np.arange(50)[:, None], seed=0)[0] == 0


def test_order_sign_and_scale_of_codes_do_not_matter():
    factors, codes = inputs(CASES[1])
    found = infomec(factors, codes)
    other = infomec(factors, -1e3 * codes[:, ::-1] + 7)
    assert other[:3] == pytest.approx(found[:3], abs=2e-3)


@pytest.mark.parametrize("discrete", [False, True])
def test_no_active_code(discrete):
    factors = np.random.RandomState(0).randint(3, size=(100, 2))
    found = infomec(factors, np.full((100, 3), 0.5), discrete=discrete)
    assert found[:3] == (0.0, 0.0, 0.0) and not found.active.any()


def test_what_is_not_defined_is_nan():
    factors, codes = inputs(CASES[0])
    assert np.isnan(infomec(factors[:, :1], codes).modularity)
    one = infomec(factors, codes[:, :1])
    assert np.isnan(one.compactness) and one.modularity > 0.9
