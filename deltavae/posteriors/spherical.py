"""What the baseline posteriors on the sphere share: a direction and a concentration."""

from typing import Any, ClassVar

import keras
import tensorflow as tf
from scipy import optimize

from deltavae.distributions import Uniform
from deltavae.distributions.spherical import Spherical
from deltavae.manifolds import Hypersphere
from deltavae.posteriors.base import Parameters, Posterior


class SphericalPosterior(Posterior):
    """q(z|x) of a family of laws on S^d, with mean direction loc(x) and concentration kappa(x).

    The prior is uniform. log kappa is unconstrained and starts at a KL of 6 nats (2 on the
    circle and S^2).

    Args:
        dim: d of the sphere S^d in R^(d+1).
    """

    family: ClassVar[type[Spherical]]

    def __init__(self, dim: int = 10, name: str = "posterior") -> None:
        super().__init__(name=name)
        self.manifold = Hypersphere(dim)
        self.latent_dim = self.code_dim = self.manifold.ambient_dim
        self.log_concentration_min = self._log_concentration_at(0.1)
        self.loc_head = keras.layers.Dense(self.manifold.ambient_dim, name="loc")
        self.log_concentration_head = keras.layers.Dense(
            1,
            kernel_initializer=keras.initializers.RandomNormal(stddev=1e-3),
            bias_initializer=keras.initializers.Constant(
                self._log_concentration_at(6.0 if dim > 2 else 2.0)
            ),
            name="log_concentration",
        )

    def _log_concentration_at(self, nats: float) -> float:
        loc = [1.0] + [0.0] * self.manifold.dim

        def excess(log_concentration: float) -> float:
            with tf.init_scope():
                law = self.family(
                    tf.constant(loc, tf.float64), log_concentration=log_concentration
                )
                return float(law.kl_divergence(Uniform(self.manifold, tf.float64))) - nats

        return float(optimize.brentq(excess, -10.0, 15.0, xtol=1e-6))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the two heads for features of that shape."""
        self.loc_head.build(input_shape)
        self.log_concentration_head.build(input_shape)

    def call(self, features: tf.Tensor) -> Parameters:
        """Features (batch, f) to `loc` (batch, dim + 1) and `log_concentration` (batch,)."""
        return {
            "loc": self.manifold.project(self.loc_head(features)),
            "log_concentration": self.log_concentration_head(features)[:, 0],
        }

    def law(self, parameters: Parameters) -> Spherical:
        """The law with those parameters."""
        return self.family(parameters["loc"], log_concentration=parameters["log_concentration"])

    def prior(self) -> Uniform:
        """The uniform law."""
        return Uniform(self.manifold)

    def restoring(self, parameters: Parameters) -> tf.Tensor:
        """How far log kappa lies below where the KL is 0.1 nat, and flat."""
        return tf.nn.relu(self.log_concentration_min - parameters["log_concentration"])

    def log_scale(self, parameters: Parameters) -> tf.Tensor:
        """-log kappa, which like log t grows with the spread."""
        return -parameters["log_concentration"]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"dim": self.manifold.dim, "name": self.name}
