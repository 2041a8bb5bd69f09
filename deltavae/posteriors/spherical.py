"""What the baseline posteriors on the sphere share: a direction and a concentration."""

from typing import Any, ClassVar

import keras
import tensorflow as tf
from scipy import optimize
from typing_extensions import override

from deltavae.distributions import Uniform
from deltavae.distributions.spherical import Spherical
from deltavae.manifolds import Hypersphere
from deltavae.posteriors.base import BARRIER_NATS, Parameters, Posterior, start_nats


class SphericalPosterior(Posterior):
    """q(z|x) of a family on S^d, with mean direction loc(x) and concentration kappa(x).

    The prior is uniform. log kappa is unconstrained and starts where the KL is moderate.

    Args:
        dim: d of the sphere S^d in R^(d+1).
    """

    family: ClassVar[type[Spherical]]

    def __init__(self, dim: int = 10, name: str = "posterior") -> None:
        super().__init__(name=name)
        self.manifold = Hypersphere(dim)
        self.log_concentration_min = self._log_concentration_at(BARRIER_NATS)
        self.loc_head = keras.layers.Dense(self.manifold.ambient_dim, name="loc")
        self.log_concentration_head = keras.layers.Dense(
            1,
            kernel_initializer=keras.initializers.RandomNormal(stddev=1e-3),
            bias_initializer=keras.initializers.Constant(
                self._log_concentration_at(start_nats(dim))
            ),
            name="log_concentration",
        )

    def _log_concentration_at(self, nats: float) -> float:
        loc = [1.0] + [0.0] * self.manifold.dim

        def excess(log_concentration: float) -> float:
            with tf.init_scope():
                q = self.family(tf.constant(loc, tf.float64), log_concentration=log_concentration)
                return float(q.kl_divergence(Uniform(self.manifold, tf.float64))) - nats

        return float(optimize.brentq(excess, -10.0, 15.0, xtol=1e-6))

    @override
    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.loc_head.build(input_shape)
        self.log_concentration_head.build(input_shape)

    @override
    def call(self, features: tf.Tensor) -> Parameters:
        # `loc` (batch, dim + 1) and `log_concentration` (batch,)
        return {
            "loc": self.manifold.project(self.loc_head(features)),
            "log_concentration": self.log_concentration_head(features)[:, 0],
        }

    @override
    def distribution(self, parameters: Parameters) -> Spherical:
        return self.family(parameters["loc"], log_concentration=parameters["log_concentration"])

    @override
    def prior(self) -> Uniform:
        return Uniform(self.manifold)

    @property
    @override
    def has_xla(self) -> bool:
        return False  # both families draw the angle by gamma variates

    @override
    def barrier(self, parameters: Parameters) -> tf.Tensor:
        return tf.nn.relu(self.log_concentration_min - parameters["log_concentration"])

    @override
    def log_scale(self, parameters: Parameters) -> tf.Tensor:
        # which like log t grows with the width
        return -parameters["log_concentration"]

    @override
    def get_config(self) -> dict[str, Any]:
        return {"dim": self.manifold.dim, "name": self.name}
