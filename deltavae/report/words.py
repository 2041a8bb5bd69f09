"""What each score means, in words for a reader who has not met it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Explained:
    """One score.

    Attributes:
        title: its name in the field.
        meaning: what it asks of the codes.
        chance: what codes that know nothing get, in words.
        best: the optimum.
    """

    title: str
    meaning: str
    chance: str
    best: str


_EXPLAINED = {
    "factor_vae_metric": Explained(
        "FactorVAE",
        "One factor is held and the others vary: does the code that varies least tell which "
        "factor was held? The share of right votes.",
        "about one in the number of factors, or a little more",
        "1",
    ),
    "dci": Explained(
        "DCI disentanglement",
        "Boosted trees predict each factor from the codes; does each code matter for one factor "
        "only? One minus the entropy of its importances, weighted by importance.",
        "near 0",
        "1",
    ),
    "mig": Explained(
        "Mutual information gap",
        "The mutual information with a factor of the code that knows most of it, minus that of "
        "the runner-up, as a share of the factor's entropy; the mean over factors.",
        "near 0",
        "1; a factor on a circle, held as sine and cosine, gets about 0",
    ),
    "sap_score": Explained(
        "Separated attribute predictability",
        "The accuracy of predicting a factor from the best single code, minus the second best; "
        "the mean over factors.",
        "near 0",
        "1 minus the accuracy of the most frequent value",
    ),
    "irs": Explained(
        "Interventional robustness",
        "With a code's own factor held, how little do changes of the other factors move the "
        "code? One minus the largest move, relative to the code's range.",
        "well above 0: averages over images hide large moves",
        "1",
    ),
    "beta_vae": Explained(
        "BetaVAE",
        "As FactorVAE, but a linear classifier tells the held factor from differences of codes.",
        "one in the number of factors",
        "1",
    ),
    "modularity_explicitness": Explained(
        "Modularity",
        "Does each code share information with one factor only?",
        "well above 0",
        "1",
    ),
    "d_lsbd": Explained(
        "D_LSBD",
        "When the factors on circles turn, do the codes turn with them at even speed in a plane? "
        "The dispersion that is left after turning them back; lower is better.",
        "1",
        "0",
    ),
    "udr": Explained(
        "UDR",
        "Do models that differ in their seed only find the same codes? Needs no labels.",
        "near 0",
        "1",
    ),
}


def explain(key: str) -> Explained:
    """The explanation of a key of scores.json; keys of 2019 and of probes included."""
    if key.startswith("r2_"):
        return Explained(
            f"R² of {key[3:]}",
            f"How much of the sine and cosine of {key[3:]}, a factor on a circle, is a linear "
            "function of the codes, on images that the probe has not seen.",
            "0, or a little less",
            "1",
        )
    base = key.removesuffix("_2019")
    known = _EXPLAINED.get(base)
    if known is None:
        return Explained(key.replace("_", " "), "", "", "")
    if base == key:
        return known
    return Explained(
        f"{known.title}, 2019",
        "The same as the challenge's evaluator of 2019 computed it, with the scikit-learn of "
        "its day.",
        known.chance,
        known.best,
    )
