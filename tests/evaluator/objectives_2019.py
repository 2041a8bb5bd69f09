"""disentanglement_lib's own losses on given tensors: `objectives_2019.py IN.npz OUT.npz`.

Runs on the stack of 2019. Each of the six models' own `model_fn` is built with its encoder,
decoder, samples and permutation replaced by the tensors of IN.npz, so that all that is computed
is disentanglement_lib's loss.
"""

import sys

import gin.tf
import numpy as np
import tensorflow as tf
from disentanglement_lib.methods.unsupervised import vae

STEP = 12345
BINDINGS = [
    "reconstruction_loss.loss_fn = @bernoulli_loss",
    "discriminator.discriminator_fn = @fc_discriminator",
]


def fixed(model, given):
    """The model with its networks and random numbers replaced by what is given."""
    mean, log_var, z, logits = (
        tf.constant(given[name]) for name in ("mean", "log_var", "z", "logits")
    )
    model.gaussian_encoder = lambda images, is_training: (mean, log_var)
    model.sample_from_latent_distribution = lambda mean, log_var: z
    model.decode = lambda z, shape, is_training: logits
    vae.shuffle_codes = lambda z: tf.constant(given["permuted"])
    return model, (mean, log_var, z)


def terms_of(name, model, given):
    """Every term of the model's loss, by its name here."""
    with tf.Graph().as_default() as graph:
        step = tf.train.get_or_create_global_step()
        model, (mean, log_var, z) = fixed(model, given)
        model.model_fn(tf.constant(given["images"]), None, tf.estimator.ModeKeys.EVAL, {})
        kl = vae.compute_gaussian_kl(mean, log_var)
        loss = "factor_VAE_loss:0" if name == "factor_vae" else "loss:0"
        wanted = {"kl": kl, "loss": graph.get_tensor_by_name(loss)}
        if name == "factor_vae":
            discriminator_loss = graph.get_tensor_by_name("discriminator_loss:0")
            wanted["discriminator_loss"] = -discriminator_loss
            with tf.variable_scope("", reuse=True):
                logits, _ = vae.architectures.make_discriminator(z, is_training=False)
            wanted["total_correlation"] = tf.reduce_mean(logits[:, 0] - logits[:, 1])
        else:
            wanted["penalty"] = model.regularizer(kl, mean, log_var, z)
        if name == "beta_tcvae":
            wanted["total_correlation"] = vae.total_correlation(z, mean, log_var)
        if name.startswith("dip"):
            wanted["covariance_penalty"] = wanted["penalty"] - kl
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(tf.assign(step, STEP))
            for variable in tf.trainable_variables():  # the discriminator's
                session.run(variable.assign(given[variable.op.name]))
            return session.run(wanted)


def main():
    """Write all terms of all models."""
    gin.parse_config_files_and_bindings([], BINDINGS)
    with np.load(sys.argv[1]) as archive:
        given = dict(archive)
    models = {
        "beta_vae": vae.BetaVAE(beta=4.0),
        "annealed_vae": vae.AnnealedVAE(gamma=1000.0, c_max=25.0, iteration_threshold=100000),
        "factor_vae": vae.FactorVAE(gamma=30.0),
        "dip_vae_i": vae.DIPVAE(lambda_od=5.0, lambda_d_factor=10.0, dip_type="i"),
        "dip_vae_ii": vae.DIPVAE(lambda_od=5.0, lambda_d_factor=1.0, dip_type="ii"),
        "beta_tcvae": vae.BetaTCVAE(beta=4.0),
    }
    found = {}
    for name, model in models.items():
        for term, value in terms_of(name, model, given).items():
            found[name + "/" + term] = value
    np.savez(sys.argv[2], **found)


if __name__ == "__main__":
    main()
