"""A posterior on a product of spaces, each with its own family of distributions."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from typing_extensions import override

from deltavae.errors import UserError
from deltavae.manifolds import Product
from deltavae.posteriors.base import Parameters, Posterior


@keras.saving.register_keras_serializable("deltavae")
class ProductPosterior(Posterior):
    """q(z|x) = q_1(z_1|x) q_2(z_2|x) ...: independent parts, one after the other.

    So a latent space can have circles for what comes round again and lines for what does not:
    two circles and R^6 are a `DiffusionPosterior` on `FlatTorus(2)` and a
    `GaussianPosterior(6)`. The prior is the product of the parts' priors; KLs and barriers add.

    Args:
        parts: posteriors, at least one.
    """

    def __init__(self, parts: Sequence[Posterior], name: str = "posterior") -> None:
        super().__init__(name=name)
        if not isinstance(parts, list | tuple) or not parts:
            raise UserError(
                "a product of posteriors has no parts",
                expected="a list of at least one posterior",
                received="an empty list" if isinstance(parts, list | tuple) else repr(parts),
            )
        for part in parts:
            if not isinstance(part, Posterior):
                raise UserError(
                    "a part of a product of posteriors is no posterior",
                    expected="posteriors, such as GaussianPosterior(6)",
                    received=repr(part),
                    advice="In gin, write @GaussianPosterior() with its brackets.",
                )
        # rebuilt under names of their own, by which saved weights are told apart
        self.parts = [
            type(part).from_config(part.get_config() | {"name": f"part_{i}"})
            for i, part in enumerate(parts)
        ]
        self.manifold = Product([part.manifold for part in self.parts])

    @override
    def build(self, input_shape: tuple[int | None, ...]) -> None:
        for part in self.parts:
            part.build(input_shape)

    @override
    def call(self, features: tf.Tensor) -> Parameters:
        # the parts' locations together as `loc`, their other parameters as `name_i`
        each = [part(features) for part in self.parts]
        loc = tf.concat([one.pop("loc") for one in each], axis=-1)
        return {"loc": loc} | {f"{k}_{i}": v for i, one in enumerate(each) for k, v in one.items()}

    def _split(self, parameters: Parameters) -> list[Parameters]:
        widths = [part.manifold.ambient_dim for part in self.parts]
        split = [{"loc": loc} for loc in tf.split(parameters["loc"], widths, axis=-1)]
        for name in parameters.keys() - {"loc"}:
            own, number = name.rsplit("_", 1)
            split[int(number)][own] = parameters[name]
        return split

    @override
    def distribution(self, parameters: Parameters) -> tfp.distributions.Distribution:
        split = zip(self.parts, self._split(parameters), strict=True)
        return tfp.distributions.Blockwise([part.distribution(own) for part, own in split])

    @override
    def prior(self) -> tfp.distributions.Distribution:
        return tfp.distributions.Blockwise([part.prior() for part in self.parts])

    @override
    def sample(self, parameters: Parameters, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.unstack(tf.random.split(seed, len(self.parts)), num=len(self.parts))
        split = zip(self.parts, self._split(parameters), seeds, strict=True)
        return tf.concat([part.sample(own, one) for part, own, one in split], axis=-1)

    @override
    def kl_per_factor(self, parameters: Parameters) -> tf.Tensor:
        split = zip(self.parts, self._split(parameters), strict=True)
        return tf.concat([part.kl_per_factor(own) for part, own in split], axis=-1)

    @property
    @override
    def has_density(self) -> bool:
        return all(part.has_density for part in self.parts)

    @property
    @override
    def has_xla(self) -> bool:
        return all(part.has_xla for part in self.parts)

    @override
    def log_prob_per_factor(self, parameters: Parameters, z: tf.Tensor) -> tf.Tensor:
        points = tf.split(z, [part.manifold.ambient_dim for part in self.parts], axis=-1)
        split = zip(self.parts, self._split(parameters), points, strict=True)
        return tf.concat([part.log_prob_per_factor(own, p) for part, own, p in split], axis=-1)

    @property
    @override
    def kl_floor(self) -> float:
        return sum(part.kl_floor for part in self.parts)

    @override
    def information(self, parameters: Parameters) -> tf.Tensor:
        split = zip(self.parts, self._split(parameters), strict=True)
        return tf.add_n([part.information(own) for part, own in split])

    @override
    def barrier(self, parameters: Parameters) -> tf.Tensor:
        split = zip(self.parts, self._split(parameters), strict=True)
        return tf.add_n([part.barrier(own) for part, own in split])

    @override
    def log_scale(self, parameters: Parameters) -> tf.Tensor:
        split = zip(self.parts, self._split(parameters), strict=True)
        return tf.add_n([part.log_scale(own) for part, own in split]) / len(self.parts)

    @override
    def get_config(self) -> dict[str, Any]:
        parts = [keras.saving.serialize_keras_object(part) for part in self.parts]
        return {"parts": parts, "name": self.name}

    @classmethod
    @override
    def from_config(cls, config: dict[str, Any]) -> "ProductPosterior":
        parts = [keras.saving.deserialize_keras_object(part) for part in config["parts"]]
        return cls(parts, name=config["name"])
