"""Every score that scores.json can hold: what it asks, what is best, what chance gives.

The one place for these facts: rankings, tables, the report and the checks before scoring read
them here. docs/scores.md has the definitions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class ScoreSpec:
    """One score.

    Attributes:
        key: its name in scores.json.
        title: its name in the field.
        description: what it asks of the codes.
        best: the optimum, in words.
        chance: what codes that know nothing of the images get, in words.
        group: challenge, disentanglement, circular, identifiability, downstream, unsupervised.
        higher_is_better: False for a distance or a dispersion.
        ranked: whether it enters mean ranks; a number that only accompanies another doesn't.
        needs_interventions: whether it holds one factor and draws the others freely, so that it
            needs an image of every combination of factors.
        depends_on_protocol: whether the scikit-learn that computes it changes it.
        undefined: where it has no value.
    """

    key: str
    title: str
    description: str
    best: str
    chance: str
    group: str
    higher_is_better: bool = True
    ranked: bool = True
    needs_interventions: bool = False
    depends_on_protocol: bool = False
    undefined: str = ""

    @property
    def direction(self) -> str:
        """`higher` or `lower`: which is better."""
        return "higher" if self.higher_is_better else "lower"


_ALL = (
    ScoreSpec(
        "factor_vae_metric",
        "FactorVAE",
        "One factor is held and the others vary: does the code that varies least tell which "
        "factor was held? The share of right votes.",
        best="1",
        chance="about 1 / number of factors, or a little more",
        group="challenge",
        needs_interventions=True,
    ),
    ScoreSpec(
        "dci",
        "DCI disentanglement",
        "Boosted trees predict each factor from the codes; does each code matter for one factor "
        "only? One minus the entropy of its importances, weighted by importance.",
        best="1",
        chance="near 0",
        group="challenge",
        depends_on_protocol=True,
        undefined="for one factor",
    ),
    ScoreSpec(
        "mig",
        "Mutual information gap",
        "The mutual information with a factor of the code that knows most of it, minus that of "
        "the runner-up, as a share of the factor's entropy; the mean over factors.",
        best="1, less what 20 bins lose; a factor on a circle, held as sine and cosine, gets "
        "about 0",
        chance="near 0",
        group="challenge",
        undefined="for one code",
    ),
    ScoreSpec(
        "sap_score",
        "Separated attribute predictability",
        "The accuracy of predicting a factor from the best single code, minus the second best; "
        "the mean over factors.",
        best="1 minus the accuracy of the most frequent value",
        chance="near 0",
        group="challenge",
        depends_on_protocol=True,
        undefined="for one code",
    ),
    ScoreSpec(
        "irs",
        "Interventional robustness",
        "With a code's own factor held, how little do changes of the other factors move the "
        "code? One minus the largest move, relative to the code's range.",
        best="1",
        chance="0 for constant codes, well above 0 for noise: averages over images hide large "
        "moves",
        group="challenge",
    ),
    ScoreSpec(
        "dci_completeness",
        "DCI completeness",
        "By the same trees: does one code alone matter for each factor? One minus the entropy "
        "of a factor's importances over codes, weighted by importance.",
        best="1; lower where two codes, such as a cosine and a sine, share a factor",
        chance="near 0",
        group="disentanglement",
        ranked=False,
        depends_on_protocol=True,
        undefined="for one code",
    ),
    ScoreSpec(
        "dci_informativeness",
        "DCI informativeness",
        "The accuracy of the same trees on held-out points, the mean over factors.",
        best="1",
        chance="the mean share of the most frequent value",
        group="disentanglement",
        ranked=False,
        depends_on_protocol=True,
    ),
    ScoreSpec(
        "beta_vae",
        "BetaVAE",
        "As FactorVAE, but a linear classifier tells the held factor from differences of codes.",
        best="1",
        chance="1 / number of factors",
        group="disentanglement",
        needs_interventions=True,
    ),
    ScoreSpec(
        "modularity_explicitness",
        "Modularity",
        "Does each code share information with one factor only?",
        best="1",
        chance="well above 0 for noise: read explicitness with it",
        group="disentanglement",
        undefined="for one factor",
    ),
    ScoreSpec(
        "explicitness",
        "Explicitness",
        "Does a linear classifier of all codes find the factors? Area under the ROC curve, one "
        "value against the others, on held-out points; the mean over values and factors.",
        best="1",
        chance="1/2",
        group="disentanglement",
        ranked=False,
        undefined="where the test points hold one value of a factor, or none that was trained on",
    ),
    ScoreSpec(
        "infom",
        "InfoMEC modularity",
        "How far each active code's mutual information is with one factor only, by nearest "
        "neighbours.",
        best="1, less the estimator's noise",
        chance="anything: estimates near 0 have a largest one too; read infoe with it",
        group="disentanglement",
        undefined="for one factor",
    ),
    ScoreSpec(
        "infoc",
        "InfoMEC compactness",
        "How far each factor's mutual information is with one active code only, by nearest "
        "neighbours.",
        best="1, less the estimator's noise; lower where a cosine and a sine share a factor",
        chance="anything, as for infom",
        group="disentanglement",
        undefined="for one active code",
    ),
    ScoreSpec(
        "infoe",
        "InfoMEC explicitness",
        "The share of each factor's entropy that a logistic regression of all codes explains; "
        "the mean over factors.",
        best="1",
        chance="near 0",
        group="disentanglement",
    ),
    ScoreSpec(
        "dci_forest",
        "DCI disentanglement, random forest",
        "As dci, with importances of random forests, as Tripod reports it. Not comparable with "
        "dci: forests spread importance over codes that say the same.",
        best="1",
        chance="near 0",
        group="disentanglement",
        undefined="for one factor",
    ),
    ScoreSpec(
        "mig_circular",
        "Mutual information gap, circular",
        "As mig, with a pair of codes on one circle taken as one code, its angle.",
        best="1, less what 20 bins lose, with an angle for a factor on a circle too",
        chance="near 0",
        group="circular",
    ),
    ScoreSpec(
        "mcc",
        "Mean correlation coefficient",
        "The absolute correlation of each factor with a code of its own, under the best "
        "matching; the mean over factors.",
        best="1; a factor on a circle held as cosine and sine gets about 0.8 at most",
        chance="near 0",
        group="identifiability",
    ),
    ScoreSpec(
        "mcc_spearman",
        "Mean correlation coefficient, ranks",
        "As mcc, by Spearman's correlation, which any monotone code maximises.",
        best="1",
        chance="near 0",
        group="identifiability",
    ),
    ScoreSpec(
        "mcc_circular",
        "Mean correlation coefficient, circular",
        "As mcc, with a pair of codes on one circle as one code, whose angle is correlated with "
        "a factor on a circle as angles are.",
        best="1, with an angle for each factor on a circle and a line for each other",
        chance="near 0",
        group="circular",
    ),
    ScoreSpec(
        "unsupervised",
        "Gaussian total correlation",
        "How far the codes are from independent, if they were Gaussian: nats. Needs no labels.",
        best="0",
        chance="0 for independent codes",
        group="unsupervised",
        higher_is_better=False,
        undefined="for one code",
    ),
    ScoreSpec(
        "downstream_logistic_regression",
        "Downstream logistic regression",
        "Accuracy on held-out points of a logistic regression of each factor on 1,000 points "
        "(100 at the fast sample sizes); the mean over factors.",
        best="1",
        chance="the mean of 1 / number of values",
        group="downstream",
    ),
    ScoreSpec(
        "downstream_boosted_trees",
        "Downstream boosted trees",
        "The same with boosted trees.",
        best="1",
        chance="the mean of 1 / number of values",
        group="downstream",
    ),
    ScoreSpec(
        "d_lsbd",
        "D_LSBD",
        "When the factors on circles turn, do the codes turn with them at even speed in a plane? "
        "The dispersion that is left after turning them back.",
        best="0",
        chance="1",
        group="circular",
        higher_is_better=False,
        needs_interventions=True,
    ),
    ScoreSpec(
        "udr",
        "UDR",
        "Do models that differ in their seed only find the same codes? Needs no labels.",
        best="1",
        chance="near 0",
        group="unsupervised",
    ),
)
SCORES = {spec.key: spec for spec in _ALL}
CHALLENGE = tuple(key for key, spec in SCORES.items() if spec.group == "challenge")


def score_spec(key: str) -> ScoreSpec | None:
    """What a key of scores.json means, `r2_<factor>` and `<score>_2019` included; or None."""
    if key.startswith("r2_"):
        return ScoreSpec(
            key,
            f"R² of {key[3:]}",
            f"How much of the sine and cosine of {key[3:]}, a factor on a circle, is a linear "
            "function of the codes, on images that the probe has not seen.",
            best="1",
            chance="0, or a little less",
            group="circular",
            undefined="where the images held out, a fifth, show one value of the factor",
        )
    known = SCORES.get(key.removesuffix("_2019"))
    if known is None or known.key == key:
        return known
    return replace(
        known,
        key=key,
        title=f"{known.title}, 2019",
        description="The same as the challenge's evaluator of 2019 computed it, with the "
        "scikit-learn of its day.",
    )


def described(key: str) -> ScoreSpec:
    """What a key of scores.json means; a title alone for a key that is not known."""
    title = key.replace("_", " ")
    return score_spec(key) or ScoreSpec(key, title, "", best="", chance="", group="")


def lower_is_better(key: str) -> bool:
    """Whether smaller numbers of that score are better; False for a key that is not known."""
    spec = score_spec(key)
    return spec is not None and not spec.higher_is_better


def ranked(key: str) -> bool:
    """Whether that score enters mean ranks."""
    spec = score_spec(key)
    return spec is None or spec.ranked
