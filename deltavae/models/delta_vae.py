"""DeltaVAE: the Keras model that ties encoder, posterior, decoder and objective together."""

import math
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

import deltavae.models.adam
import deltavae.models.networks  # noqa: F401  they register what a saved model names
from deltavae.models.likelihoods import get_likelihood
from deltavae.models.objectives.base import Codes, Objective, num_replicas, own_rows
from deltavae.models.readouts import Readout
from deltavae.posteriors import Parameters, Posterior

METRICS = ("loss", "reconstruction", "kl", "capacity", "beta", "elbo", "log_scale")


@keras.saving.register_keras_serializable("deltavae")
class DeltaVAE(keras.Model):
    """A variational autoencoder whose latent variables live on a closed manifold.

    Pérez Rey, Menkovski, Portegies, Diffusion Variational Autoencoders (arXiv 1901.08991).
    Any posterior of `deltavae.posteriors` fits: the flat VAE is the case of a Gaussian one.

    Images are NHWC, 64x64, float32 in [0, 1] or uint8 in 0...255, in every method.

    Args:
        encoder: images to features (`deltavae.models.networks`).
        posterior: features to a distribution on the latent space (`deltavae.posteriors`).
        decoder: points of the latent space, as the posterior embeds them, to images.
        objective: what is minimised besides -log p(x|z) (`deltavae.models.objectives`).
        likelihood: `normal` (identity covariance) or `bernoulli`.
        readout: what `representation` applies to the posterior's location; None is the
            location itself, the `embedding` readout.
        seed: of the posterior's noise, which is a function of (seed, step).
    """

    def __init__(
        self,
        encoder: keras.Model,
        posterior: Posterior,
        decoder: keras.Model,
        objective: Objective,
        likelihood: str = "normal",
        readout: Readout | None = None,
        seed: int = 0,
        name: str = "deltavae",
    ) -> None:
        super().__init__(name=name)
        self.encoder = encoder
        self.posterior = posterior
        self.decoder = decoder
        self.objective = objective
        self.likelihood = get_likelihood(likelihood)
        self.readout = readout
        self.seed = seed
        # a variable, so that the compiled step reads what the schedule assigned
        self.capacity = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="capacity"
        )
        if not self.posterior.built:
            self.posterior.build(self.encoder.output_shape)
        objective.build(self.posterior)
        # attributes of the model, so that Keras saves them with it
        self.objective_network = objective.network
        self.objective_optimizer = objective.optimizer
        names = (*METRICS, *objective.reports)
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self.built = True

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(64, 64, channels)."""
        return tuple(self.encoder.input_shape[1:])

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """What the model's optimiser trains; a network of the objective has an own one."""
        parts = (self.encoder, self.posterior, self.decoder)
        return [variable for part in parts for variable in part.trainable_variables]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The trackers, which Keras resets at the start of each epoch."""
        return list(self.trackers.values())

    def parameters(self, images: tf.Tensor, training: bool = False) -> Parameters:
        """The parameters of q(z|x), as the posterior names them."""
        return self.posterior(self.encoder(as_float(images), training=training))

    def encode(self, images: tf.Tensor) -> tfp.distributions.Distribution:
        """The distribution q(z|x), one per image."""
        return self.posterior.distribution(self.parameters(images))

    def decode(self, z: tf.Tensor) -> tf.Tensor:
        """Mean images, (batch, 64, 64, channels), for points z of the manifold."""
        return self.likelihood.mean(tf.cast(self.decoder(self.posterior.embed(z)), tf.float32))

    def sample(self, num_images: int, seed: int | tuple[int, int] = 0) -> tf.Tensor:
        """Mean images of points drawn from the prior: (num_images, 64, 64, channels)."""
        seed = tf.constant((0, seed) if isinstance(seed, int) else seed, tf.int32)
        return self.decode(self.posterior.prior().sample(num_images, seed=seed))

    def reconstruct(self, images: tf.Tensor) -> tf.Tensor:
        """Mean images decoded from the location of q(z|x)."""
        return self.decode(self.parameters(images)["loc"])

    def embedding(self, images: tf.Tensor) -> tf.Tensor:
        """The location of q(z|x) before any readout: (batch, posterior.code_dim)."""
        return self.posterior.code(self.parameters(images))

    def representation(self, images: tf.Tensor) -> tf.Tensor:
        """The codes, (batch, k): deterministic, under the model's readout."""
        codes = self.embedding(images)
        return codes if self.readout is None else self.readout(codes)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Reconstructions, so that the model can be called and predicts like any other."""
        del training
        return self.reconstruct(images)

    def _sample(self, parameters: Parameters, seed: tf.Tensor) -> tf.Tensor:
        # the noise of the whole batch, of which each replica takes its own rows
        tiled = {k: tf.concat([v] * num_replicas(), 0) for k, v in parameters.items()}
        return own_rows(self.posterior.sample(tiled, seed))

    def losses_per_image(
        self, images: tf.Tensor, seed: tf.Tensor, training: bool, step: tf.Tensor | int = 0
    ) -> dict[str, tf.Tensor]:
        """Every term of the objective, at one sample of q(z|x) per image.

        Args:
            images: a batch, or a replica's part of it.
            seed: of the samples and of what else is random; int32 of shape (2,).
            training: as Keras has it.
            step: number of the step, counted from 0, where the capacity depends on it.

        Returns:
            Terms of shape (batch,), and `kl_per_factor`, (batch, num_factors).
        """
        return self._terms(images, seed, training, step)[0]

    def _terms(
        self, images: tf.Tensor, seed: tf.Tensor, training: bool, step: tf.Tensor | int
    ) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        """`losses_per_image`, and all that the objective returned."""
        images = as_float(images)
        if images.shape[0] is not None:
            self.objective.require_batch(images.shape[0] * num_replicas())
        parameters = self.parameters(images, training)
        z = self._sample(parameters, seed)
        outputs = tf.cast(self.decoder(self.posterior.embed(z), training=training), tf.float32)
        log_likelihood = self.likelihood.log_likelihood(images, outputs)
        kl_per_factor = self.posterior.kl_per_factor(parameters)
        kl = tf.reduce_sum(kl_per_factor, axis=-1)
        capacity = self.objective.capacity(tf.convert_to_tensor(self.capacity), step)
        terms = self.objective.terms(Codes(self.posterior, parameters, z, kl, capacity, seed))
        # the constant of the likelihood is part of `elbo`, and not of `loss`
        reconstruction = -log_likelihood - self.likelihood.constant * math.prod(self.image_shape)
        reports = {k: tf.broadcast_to(terms[k], tf.shape(kl)) for k in self.objective.reports}
        losses = {
            "loss": reconstruction + terms["penalty"],
            "reconstruction": reconstruction,
            "kl": kl,
            "kl_per_factor": kl_per_factor,
            "elbo": log_likelihood - kl,
            "log_scale": self.posterior.log_scale(parameters),
            **reports,
        }
        return losses, terms

    def update(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """One step of the optimiser on a batch; the terms before it, per image: (batch,).

        Inside `tf.distribute.Strategy.run`, `images` are a replica's part of the batch, and
        the step is that of the whole one.
        """
        step = tf.cast(self.optimizer.iterations, tf.int32)
        with tf.GradientTape() as tape:
            losses, terms = self._terms(images, tf.stack([self.seed, step]), True, step)
            loss = tf.reduce_mean(losses["loss"]) / num_replicas()
        variables = self.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.objective.step(terms)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return losses

    def train_step(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """`update` as Keras calls it in `fit`."""
        return self._track(self.update(images))

    def test_step(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """The same terms without a step; the noise is that of step 0."""
        step = tf.cast(self.optimizer.iterations, tf.int32)
        return self._track(self.losses_per_image(images, tf.stack([self.seed, 0]), False, step))

    def current_capacity(self) -> tf.Tensor:
        """C in nats of the last step made; () float32."""
        last = tf.maximum(tf.cast(self.optimizer.iterations, tf.int32) - 1, 0)
        return self.objective.capacity(tf.convert_to_tensor(self.capacity), last)

    def _track(self, terms: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        for name in terms.keys() & self.trackers.keys():
            self.trackers[name].update_state(terms[name])
        self.trackers["capacity"].update_state(self.current_capacity())
        self.trackers["beta"].update_state(self.objective.beta)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        parts = {
            "encoder": self.encoder,
            "posterior": self.posterior,
            "decoder": self.decoder,
            "objective": self.objective,
            "readout": self.readout,
        }
        config = {k: keras.saving.serialize_keras_object(v) for k, v in parts.items()}
        return config | {
            "likelihood": self.likelihood.name,
            "seed": self.seed,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "DeltaVAE":
        """Rebuild from `get_config`."""
        for key in ("encoder", "posterior", "decoder", "objective", "readout"):
            config[key] = keras.saving.deserialize_keras_object(config[key])
        return cls(**config)


def as_float(images: tf.Tensor) -> tf.Tensor:
    """Images as float32 in [0, 1]; uint8 is divided by 255."""
    images = tf.convert_to_tensor(images)
    if images.dtype == tf.uint8:
        return tf.cast(images, tf.float32) * (1.0 / 255.0)
    return tf.cast(images, tf.float32)
