"""The power spherical posterior."""

import keras

from deltavae.distributions import PowerSpherical
from deltavae.posteriors.spherical import SphericalPosterior


@keras.saving.register_keras_serializable("deltavae")
class PowerSphericalPosterior(SphericalPosterior):
    """q(z|x) power spherical (arXiv 2006.04437): closed forms and no rejection."""

    family = PowerSpherical
