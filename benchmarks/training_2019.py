"""Worker of training.py for disentanglement_lib's trainer; runs on its stack of 2019."""

import sys
import tempfile
import time

import gin.tf
import numpy as np
import tensorflow as tf
from disentanglement_lib.data.ground_truth import dummy_data, named_data
from disentanglement_lib.methods.unsupervised import train

MODEL = sys.argv[1].split("/")[-1]
CHANNELS = int(sys.argv[2])
BINDINGS = {
    "tf1": ["model.model = @vae()", "vae.beta = 1.0"],
    "vae": ["model.model = @vae()", "vae.beta = 1.0"],
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
        "discriminator.discriminator_fn = @fc_discriminator",
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


class Images(dummy_data.IdentityObservationsData):
    """Random images of the right shape; the trainer draws them one by one."""

    observation_shape = [64, 64, CHANNELS]
    all = np.random.RandomState(0).rand(1024, 64, 64, CHANNELS).astype(np.float32)

    def sample_observations_from_factors(self, factors, random_state):
        return self.all[random_state.randint(1024, size=len(factors))]

    def sample_observations(self, num, random_state):
        return self.all[random_state.randint(1024, size=num)]


class Turns(tf.train.SessionRunHook):
    """Lets the trainer make as many steps as the driver asks for, and times them."""

    left = 0

    def before_run(self, run_context):
        if not self.left:
            line = sys.stdin.readline()
            if not line:
                sys.exit()
            self.left = int(line)
            self.cpu, self.wall = time.process_time(), time.perf_counter()

    def after_run(self, run_context, run_values):
        self.left -= 1
        if not self.left:
            cpu, wall = time.process_time() - self.cpu, time.perf_counter() - self.wall
            sys.stdout.write("seconds {} {}\n".format(cpu, wall))  # noqa: UP032
            sys.stdout.flush()


def main():
    named_data.get_named_ground_truth_data = lambda name=None: Images()
    train.named_data.get_named_ground_truth_data = lambda name=None: Images()
    fit = tf.contrib.tpu.TPUEstimator.train

    def fit_in_turns(self, input_fn, **arguments):
        return fit(self, input_fn, hooks=[Turns()], **arguments)

    tf.contrib.tpu.TPUEstimator.train = fit_in_turns
    bindings = [
        *BINDINGS[MODEL],
        "model.name = 'vae'",
        "model.batch_size = 64",
        "model.training_steps = 100000000",
        "model.random_seed = 0",
        "dataset.name = 'noise'",
        "encoder.num_latent = 10",
        "encoder.encoder_fn = @conv_encoder",
        "decoder.decoder_fn = @deconv_decoder",
        "reconstruction_loss.loss_fn = @bernoulli_loss",
        "vae_optimizer.optimizer_fn = @AdamOptimizer",
        "AdamOptimizer.learning_rate = 0.0001",
    ]
    gin.parse_config_files_and_bindings([], bindings)
    train.train(tempfile.mkdtemp(), overwrite=True)


if __name__ == "__main__":
    main()
