"""The von Mises-Fisher posterior."""

import keras

from deltavae.distributions import VonMisesFisher
from deltavae.posteriors.spherical import SphericalPosterior


@keras.saving.register_keras_serializable("deltavae")
class VonMisesFisherPosterior(SphericalPosterior):
    """q(z|x) von Mises-Fisher: the hyperspherical VAE (arXiv 1804.00891), in any dimension."""

    family = VonMisesFisher
