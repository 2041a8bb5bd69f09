"""All metrics by name, run on codes: disentanglement_lib's, and `POINT_METRICS`.

Every metric of the library is its own function on the library's own draws. Parts are exchanged on
the way (`_exchanged`; docs/scores.md says which and why). With `reference` nothing is.
"""

from __future__ import annotations

import contextlib
import functools
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from deltavae.data import GroundTruthData
from deltavae.errors import UserError
from deltavae.scoring.circular_codes import Circles, coordinates
from deltavae.scoring.codes import constant_codes
from deltavae.scoring.draws import IndexedData, require_varying
from deltavae.scoring.library_adaptor import library, metric_settings
from deltavae.scoring.point_metrics import POINT_METRICS, sample_points
from deltavae.scoring.score_specs import SCORES


class Metric(NamedTuple):
    """One metric.

    module, function: where the library has it; empty for one of `POINT_METRICS`.
    scores: the scores it gives (`score_specs.SCORES`), and the entry of its result each is. The
        first stands for the metric.
    bindings: further lines of gin.
    """

    module: str
    function: str
    scores: Mapping[str, str]
    bindings: tuple[str, ...] = ()


METRICS: dict[str, Metric] = {
    "factor_vae_metric": Metric(
        "factor_vae", "compute_factor_vae", {"factor_vae_metric": "eval_accuracy"}
    ),
    "dci": Metric(
        "dci",
        "compute_dci",
        {
            "dci": "disentanglement",
            "dci_completeness": "completeness",
            "dci_informativeness": "informativeness_test",
        },
    ),
    "mig": Metric("mig", "compute_mig", {"mig": "discrete_mig"}),
    "sap_score": Metric("sap_score", "compute_sap", {"sap_score": "SAP_score"}),
    "irs": Metric("irs", "compute_irs", {"irs": "IRS"}),
    "beta_vae": Metric("beta_vae", "compute_beta_vae_sklearn", {"beta_vae": "eval_accuracy"}),
    "modularity_explicitness": Metric(
        "modularity_explicitness",
        "compute_modularity_explicitness",
        {"modularity_explicitness": "modularity_score", "explicitness": "explicitness_score_test"},
    ),
    "unsupervised": Metric(
        "unsupervised_metrics",
        "unsupervised_metrics",
        {"unsupervised": "gaussian_total_correlation"},
    ),
    "dci_forest": Metric("dci", "compute_dci", {"dci_forest": "disentanglement"}),
    "mig_circular": Metric("mig", "compute_mig", {"mig_circular": "discrete_mig"}),
    "infomec": Metric("", "", {key: key for key in ("infom", "infoc", "infoe")}),
    "mcc": Metric("", "", {key: key for key in ("mcc", "mcc_spearman", "mcc_circular")}),
    "downstream_logistic_regression": Metric(
        "downstream_task",
        "compute_downstream_task",
        {"downstream_logistic_regression": "mean_test_accuracy"},
        ("predictor.predictor_fn = @logistic_regression_cv",),
    ),
    "downstream_boosted_trees": Metric(
        "downstream_task",
        "compute_downstream_task",
        {"downstream_boosted_trees": "mean_test_accuracy"},
        ("predictor.predictor_fn = @gradient_boosting_classifier",),
    ),
}
# The metrics whose number depends on the scikit-learn that computed it.
BY_PROTOCOL = tuple(
    name
    for name, metric in METRICS.items()
    if any(SCORES[score].depends_on_protocol for score in metric.scores)
)
# The metrics of the library that compare points of different values of each factor. Others are
# defined where a factor has one value among the points: IRS, and the accuracies of downstream_*.
_COMPARING = (
    "dci",
    "mig",
    "sap_score",
    "modularity_explicitness",
    "dci_forest",
    "mig_circular",
)
# Points that a downstream classifier learns from, for the accuracy that is reported.
_DOWNSTREAM_POINTS = {"study": 1000, "fast": 100}
PROTOCOLS = ("current", "challenge2019")


def run_metric(
    metric: str,
    data: IndexedData | GroundTruthData,
    represent: Callable[[np.ndarray], np.ndarray],
    *,
    settings: str = "study",
    protocol: str = "current",
    seed: int = 0,
    reference: bool = False,
    circles: Circles = (),
    discrete: bool = False,
) -> dict[str, float]:
    """Runs one metric.

    Args:
        metric: a key of `METRICS`.
        data: what to draw from.
        represent: (n,) of what `data` draws -> float (n, k).
        settings: one of `library_adaptor.SETTINGS`.
        protocol: one of `PROTOCOLS`; matters to `BY_PROTOCOL` only.
        seed: of the metric's random draws, and of ties and solvers.
        reference: the library's function with nothing exchanged (current protocol only).
        circles: which codes hold an angle, for the circular scores.
        discrete: the codes are categories, for InfoMEC.

    Returns:
        the library's result, every number a Python float.

    Raises:
        UserError: the metric is not defined for such codes, or for the points it draws.
    """
    chosen = METRICS[metric]
    if metric in POINT_METRICS:
        with metric_settings(settings):
            sample = sample_points(data, represent, circles, discrete, seed)
        return POINT_METRICS[metric](sample)
    module = getattr(library(), chosen.module)
    if metric == "beta_vae" and data.num_factors < 2:
        raise UserError("this metric tells which factor was held", expected="two factors or more")
    if metric in ("mig", "sap_score", "unsupervised"):
        represent = _at_least_two(represent)
    if metric == "mig_circular":
        represent = _on_circles(represent, circles)
    # what the library does not have itself is the same with it as without
    unchanged = reference and metric != "dci_forest"
    exchange = _unchanged(seed) if unchanged else _exchanged(metric, protocol, seed)
    checks = _varying_factors(data) if metric in _COMPARING else contextlib.nullcontext()
    with metric_settings(settings, chosen.bindings), exchange, checks:
        result = getattr(module, chosen.function)(
            data, represent, random_state=np.random.RandomState(seed)
        )
    numbers = {name: float(value) for name, value in result.items()}
    if chosen.module == "downstream_task":
        points = _DOWNSTREAM_POINTS[settings]
        numbers["mean_test_accuracy"] = numbers[f"{points}:mean_test_accuracy"]
    return numbers


def _at_least_two(represent: Callable[[np.ndarray], np.ndarray]) -> Callable:
    """The same, refusing one code."""

    def checked(drawn: np.ndarray) -> np.ndarray:
        codes = represent(drawn)
        if codes.shape[1] < 2:
            raise UserError(
                "this metric compares codes with each other",
                expected="two codes or more",
                received=codes.shape[1],
            )
        return codes

    return checked


def _on_circles(represent: Callable[[np.ndarray], np.ndarray], circles: Circles) -> Callable:
    """The same with each pair on a circle as one code, an angle.

    One code alone gets a constant one beside it, since what a gap compares with is nothing.
    """

    def replaced(drawn: np.ndarray) -> np.ndarray:
        values = coordinates(represent(drawn), circles).values.astype(np.float32)
        return values if values.shape[1] > 1 else np.pad(values, ((0, 0), (0, 1)))

    return replaced


@contextlib.contextmanager
def _varying_factors(data: IndexedData | GroundTruthData) -> Iterator[None]:
    """Inside the block a metric's training points, its first draw, must vary in every factor."""
    utils = library().utils
    draw = utils.generate_batch_factor_code
    checked: list[bool] = []

    def draw_varying(*arguments: Any) -> tuple[np.ndarray, np.ndarray]:
        codes, factors = draw(*arguments)
        if not checked:
            require_varying(data, factors.T)
            checked.append(True)
        return codes, factors

    utils.generate_batch_factor_code = draw_varying
    try:
        yield
    finally:
        utils.generate_batch_factor_code = draw


@contextlib.contextmanager
def _unchanged(seed: int) -> Iterator[None]:
    """scikit-learn takes numpy's global generator; seeds it, and puts it back after."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


@contextlib.contextmanager
def _exchanged(metric: str, protocol: str, seed: int) -> Iterator[None]:
    """Parts of the library replaced inside the block: see the module's docstring."""
    lib = library()
    with _unchanged(seed), contextlib.ExitStack() as stack:

        def replace(module: Any, name: str, value: Any) -> None:
            stack.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, value)

        replace(lib.utils, "make_discretizer", _of_real_differences(lib.utils.make_discretizer))
        replace(lib.utils, "make_predictor_fn", _of_one_value_too(lib.utils.make_predictor_fn))
        match metric:
            case "dci":
                importances = functools.partial(importance_matrix, variant=protocol, seed=seed)
                replace(lib.dci, "compute_importance_gbt", importances)
            case "dci_forest":
                importances = functools.partial(forest_importance_matrix, seed=seed)
                replace(lib.dci, "compute_importance_gbt", importances)
            case "downstream_boosted_trees":
                from deltavae.scoring.boosted_trees import ensemble as boosting

                trees = types.SimpleNamespace(GradientBoostingClassifier=boosting.Classifier)
                replace(lib.utils, "ensemble", trees)
            case "sap_score":
                import sklearn.svm

                dual = True if protocol == "challenge2019" else "auto"
                classifier = functools.partial(sklearn.svm.LinearSVC, dual=dual, random_state=seed)
                replace(lib.sap_score, "svm", types.SimpleNamespace(LinearSVC=classifier))
            case "modularity_explicitness":
                replace(lib.utils, "normalize_data", _standardised)
                replace(lib.modularity_explicitness, "explicitness_per_factor", explicitness)
            case "unsupervised":
                for name in ("gaussian_total_correlation", "gaussian_wasserstein_correlation"):
                    module = lib.unsupervised_metrics
                    replace(module, name, _of_varying_codes(getattr(module, name)))
        yield


def _of_real_differences(discretize: Callable[[np.ndarray], np.ndarray]) -> Callable:
    """The library's discretizer, for which a row that differs by rounding only is constant.

    Codes that are constant altogether are 0 already; this one may be constant among the images
    drawn, and then has no room for 20 bins.
    """

    def discretized(rows: np.ndarray) -> np.ndarray:
        return discretize(np.where(constant_codes(rows.T)[:, None], 0, rows))

    return discretized


def _standardised(
    data: np.ndarray, mean: np.ndarray | None = None, stddev: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The library's `normalize_data`, in which a constant code becomes 0 and not 0 / 0."""
    mean = np.mean(data, axis=1) if mean is None else mean
    stddev = np.std(data, axis=1) if stddev is None else stddev
    scale = np.where(stddev > 0, stddev, 1.0)
    return (data - mean[:, None]) / scale[:, None], mean, stddev


def explicitness(
    codes: np.ndarray, labels: np.ndarray, test_codes: np.ndarray, test_labels: np.ndarray
) -> tuple[float, float]:
    """What the library's `explicitness_per_factor` returns, by values and not by positions.

    The library compares the columns of the classifier's probabilities, one for each value among
    the training points, with the values among the points it tests in ascending order. These are
    not the same where a value is in one of the samples only, and then it fails or compares
    different values. Here the mean is over the values that are in both.

    Args:
        codes, test_codes: standardised, (num_codes, n).
        labels, test_labels: a factor's values, (n,).

    Returns:
        Area under the ROC curve in training and in test; NaN where no value has points both with
        and without it.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    classifier = LogisticRegression().fit(codes.T, labels)

    def area(codes: np.ndarray, labels: np.ndarray) -> float:
        probabilities = classifier.predict_proba(codes.T)
        positives = labels[:, None] == classifier.classes_
        areas = [
            roc_auc_score(positive, probability)
            for positive, probability in zip(positives.T, probabilities.T, strict=True)
            if positive.any() and not positive.all()
        ]
        return float(np.mean(areas)) if areas else float("nan")

    return area(codes, labels), area(test_codes, test_labels)


class _OfOneValueToo:
    """A classifier that has learnt from points of one value only, and always says it.

    scikit-learn refuses such points, and of 10 points, the fewest that the downstream task learns
    from, they often are: the accuracy of all other numbers of points would be lost with it.
    """

    def __init__(self, classifier: Any) -> None:
        self._classifier, self._only = classifier, None

    def fit(self, x: np.ndarray, y: np.ndarray) -> None:
        """Fits to points (n, features) and labels (n,)."""
        if (y == y[0]).all():
            self._only = y[0]
        else:
            self._classifier.fit(x, y)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """A label for each row."""
        return self._classifier.predict(x) if self._only is None else np.full(len(x), self._only)


def _of_one_value_too(make_predictor: Callable[[], Callable]) -> Callable[[], Callable]:
    """The library's `make_predictor_fn`, whose classifiers take points of one value."""

    def make() -> Callable:
        classifier = make_predictor()
        return lambda: _OfOneValueToo(classifier())

    return make


def _of_varying_codes(function: Callable[[np.ndarray], float]) -> Callable[[np.ndarray], float]:
    """A function of a covariance, without the codes that are constant: they depend on nothing."""

    def restricted(covariance: np.ndarray) -> float:
        varying = np.diag(covariance) > 0
        return function(covariance[np.ix_(varying, varying)]) if varying.any() else 0.0

    return restricted


def importance_matrix(
    x_train: np.ndarray,
    y_train: np.ndarray,
    x_test: np.ndarray,
    y_test: np.ndarray,
    *,
    variant: str = "current",
    seed: int = 0,
) -> tuple[np.ndarray, float, float]:
    """What the library's `compute_importance_gbt` returns, by `boosted_trees`.

    Args:
        x_train, x_test: codes (num_codes, n).
        y_train, y_test: factors (num_factors, n).
        variant: one of `boosted_trees.ensemble.VARIANTS`.
        seed: decides between splits of equal gain.

    Returns:
        importances (num_codes, num_factors), and the mean accuracy in training and in test.
    """
    from deltavae.scoring.boosted_trees import ensemble as boosting  # brings numba

    problem = boosting.Problem.of(x_train.T, y_train.T)
    importances, train, test = [], [], []
    for labels, held_out in zip(y_train, y_test, strict=True):
        fitted = boosting.fit(problem, labels, variant=variant, seed=seed)
        importances.append(fitted.feature_importances)
        train.append(np.mean(fitted.training_predictions == labels))
        test.append(np.mean(fitted.predict(x_test.T) == held_out))
    return np.stack(importances, axis=1), float(np.mean(train)), float(np.mean(test))


def forest_importance_matrix(
    x_train: np.ndarray,
    y_train: np.ndarray,
    x_test: np.ndarray,
    y_test: np.ndarray,
    *,
    seed: int = 0,
) -> tuple[np.ndarray, float, float]:
    """As `importance_matrix`, by random forests: 100 trees of depth 10 grown by entropy.

    The forests of Tripod (Hsu et al., ICML 2024), whose DCI is of these importances.
    """
    from sklearn.ensemble import RandomForestClassifier

    importances, train, test = [], [], []
    for labels, held_out in zip(y_train, y_test, strict=True):
        forest = RandomForestClassifier(
            n_estimators=100, criterion="entropy", max_depth=10, random_state=seed
        ).fit(x_train.T, labels)
        importances.append(forest.feature_importances_)
        train.append(np.mean(forest.predict(x_train.T) == labels))
        test.append(np.mean(forest.predict(x_test.T) == held_out))
    return np.stack(importances, axis=1), float(np.mean(train)), float(np.mean(test))
