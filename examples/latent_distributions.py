"""Distributions on manifolds as a library: python examples/latent_distributions.py"""

import sys
from pathlib import Path

import tensorflow as tf
import tensorflow_probability as tfp

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from deltavae.distributions import Diffusion, Uniform, VonMisesFisher
from deltavae.manifolds import Hypersphere, Product

# a batch of distributions on S^10, one per starting point, and their information
sphere = Hypersphere(10)
loc = sphere.random_uniform([4], seed=(0, 1))
q = Diffusion(sphere, loc, diffusion_time=0.01)
z = q.sample(seed=(2, 3))
print("log density", q.log_prob(z).numpy())
print("KL, nats", tfp.distributions.kl_divergence(q, Uniform(sphere)).numpy())

# the gradient of samples in log t is pathwise
log_t = tf.Variable(tf.fill([4], -4.6))
with tf.GradientTape() as tape:
    z = Diffusion(sphere, loc, log_diffusion_time=log_t).sample(seed=(2, 3))
    closeness = tf.reduce_sum(z * loc, axis=-1)
print("d cos / d log t", tape.gradient(closeness, log_t).numpy())

# S^2 x S^1: kernels multiply; a diffusion time per factor
space = Product([Hypersphere(2), Hypersphere(1)])
point = space.random_uniform([1], seed=(4, 5))
q = Diffusion(space, point, [0.05, 0.5], times="per_factor")
print("on", space, q.sample(seed=(6, 7)).numpy(), "KL per factor", q.kl_per_factor().numpy())

# a baseline with the same interface
print("von Mises-Fisher", VonMisesFisher(loc, 50.0).kl_divergence(Uniform(sphere)).numpy())
