"""Loss curves of disentanglement_lib's own trainer: `curves_2019.py MODEL IN.npz OUT.npy`.

Runs on the stack of 2019, on given images in a given order from given initial weights, once for
each of a number of noise seeds. The networks are small ones, the trainer is untouched.
"""

import sys
import tempfile

import gin.tf
import numpy as np
import tensorflow as tf
from disentanglement_lib.data.ground_truth import dummy_data
from disentanglement_lib.methods.unsupervised import train

with np.load(sys.argv[2]) as archive:
    GIVEN = dict(archive)
STEPS, SEEDS = int(GIVEN["steps"]), int(GIVEN["seeds"])
BINDINGS = {
    "beta_vae": ["model.model = @vae()", "vae.beta = 4.0"],
    "annealed_vae": [
        "model.model = @annealed_vae()",
        "annealed_vae.gamma = 1000",
        "annealed_vae.c_max = 25.0",
        "annealed_vae.iteration_threshold = 100000",
    ],
    "factor_vae": [
        "model.model = @factor_vae()",
        "factor_vae.gamma = 30.0",
        "discriminator.discriminator_fn = @small_discriminator",
        "discriminator_optimizer.optimizer_fn = @discriminator/AdamOptimizer",
        "discriminator/AdamOptimizer.learning_rate = 0.0001",
        "discriminator/AdamOptimizer.beta1 = 0.5",
        "discriminator/AdamOptimizer.beta2 = 0.9",
    ],
    "dip_vae_i": [
        "model.model = @dip_vae()",
        "dip_vae.lambda_od = 5.0",
        "dip_vae.lambda_d_factor = 10.0",
        "dip_vae.dip_type = 'i'",
    ],
    "dip_vae_ii": [
        "model.model = @dip_vae()",
        "dip_vae.lambda_od = 5.0",
        "dip_vae.lambda_d_factor = 1.0",
        "dip_vae.dip_type = 'ii'",
    ],
    "beta_tcvae": ["model.model = @beta_tc_vae()", "beta_tc_vae.beta = 4.0"],
}


@gin.configurable("small_encoder", whitelist=[])
def small_encoder(input_tensor, num_latent, is_training=True):
    hidden = tf.layers.dense(tf.layers.flatten(input_tensor), 32, tf.nn.relu, name="e1")
    means = tf.layers.dense(hidden, num_latent, name="means")
    return means, tf.layers.dense(hidden, num_latent, name="log_var")


@gin.configurable("small_decoder", whitelist=[])
def small_decoder(latent_tensor, output_shape, is_training=True):
    hidden = tf.layers.dense(latent_tensor, 32, tf.nn.tanh, name="d1")
    return tf.reshape(tf.layers.dense(hidden, 64 * 64, name="d2"), (-1, 64, 64, 1))


@gin.configurable("small_discriminator", whitelist=[])
def small_discriminator(input_tensor, is_training=True):
    hidden = tf.layers.dense(input_tensor, 64, tf.nn.leaky_relu, name="d1")
    hidden = tf.layers.dense(hidden, 64, tf.nn.leaky_relu, name="d2")
    logits = tf.layers.dense(hidden, 2, name="logits")
    return logits, tf.nn.softmax(logits)


class Images(dummy_data.IdentityObservationsData):
    """The given images, one by one in the given order, whatever the random state."""

    observation_shape = (64, 64, 1)

    def __init__(self):
        self.next = 0

    def sample_observations(self, num, random_state):
        first, self.next = self.next, self.next + num
        chosen = GIVEN["order"][np.arange(first, self.next) % len(GIVEN["order"])]
        return GIVEN["images"][chosen].astype(np.float32) / 255.0


class Curve(tf.train.SessionRunHook):
    """Sets the initial weights, and notes the loss of each step."""

    def __init__(self, loss):
        self.loss, self.values = loss, []

    def after_create_session(self, session, coord):
        for variable in tf.trainable_variables():
            variable.load(GIVEN[variable.op.name], session)

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self.loss)

    def after_run(self, run_context, run_values):
        self.values.append(float(run_values.results))


def curve(model, seed):
    hook = Curve("factor_VAE_loss:0" if model == "factor_vae" else "loss:0")
    fit = tf.contrib.tpu.TPUEstimator.train

    def fit_with_hook(self, input_fn, **arguments):
        return fit(self, input_fn, hooks=[hook], **arguments)

    tf.contrib.tpu.TPUEstimator.train = fit_with_hook
    images = Images()
    train.named_data.get_named_ground_truth_data = lambda name=None: images
    # both optimisers of FactorVAE move the global step, by which the trainer ends
    steps = 2 * STEPS if model == "factor_vae" else STEPS
    bindings = BINDINGS[model] + [
        "model.name = 'model'",
        "model.batch_size = 64",
        f"model.training_steps = {steps}",
        f"model.random_seed = {seed}",
        "model.eval_steps = 1",
        "dataset.name = 'given'",
        "encoder.num_latent = 10",
        "encoder.encoder_fn = @small_encoder",
        "decoder.decoder_fn = @small_decoder",
        "reconstruction_loss.loss_fn = @bernoulli_loss",
        "vae_optimizer.optimizer_fn = @vae/AdamOptimizer",
        "vae/AdamOptimizer.learning_rate = 0.0001",
    ]
    gin.clear_config()
    gin.parse_config_files_and_bindings([], bindings)
    train.train(tempfile.mkdtemp(), overwrite=True)
    tf.contrib.tpu.TPUEstimator.train = fit
    return hook.values[:STEPS]


if __name__ == "__main__":
    # what comes after the training is not wanted here
    train.gaussian_encoder_model.export_as_tf_hub = lambda *arguments, **more: None
    np.save(sys.argv[3], [curve(sys.argv[1], seed) for seed in range(SEEDS)])
