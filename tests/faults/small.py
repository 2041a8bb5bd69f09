"""A run so small that it can be broken in many ways within a second."""

import numpy as np

from deltavae.models import networks
from deltavae.models.delta_vae import DeltaVAE
from deltavae.models.objectives import CapacityObjective, Objective
from deltavae.posteriors import GaussianPosterior
from deltavae.run_dir import RunDir
from deltavae.training.capacity_schedule import Capacity
from deltavae.training.loop import Loop
from deltavae.training.settings import TrainSettings
from deltavae.training.train import seed_everything


class Noise:
    """Random images in the form of a data set."""

    name, num_images, image_shape, is_stochastic = "noise", 40, (64, 64, 1), False
    digest = "none"

    def images(self, indices, random_state=None):
        return np.random.default_rng(0).integers(0, 256, (40, 64, 64, 1), dtype=np.uint8)[indices]


class Silent:
    """A progress bar that calls `when(step)` after each step."""

    def __init__(self, when=lambda step: None):
        self.update = when


def small_model(
    seed: int = 0,
    objective: Objective | None = None,
    posterior=lambda: GaussianPosterior(2),
) -> DeltaVAE:
    seed_everything(seed, False)
    made = posterior()
    return DeltaVAE(
        networks.mlp_encoder((64, 64, 1), units=(4,)),
        made,
        networks.mlp_decoder((64, 64, 1), made.latent_dim, units=(4,)),
        objective or CapacityObjective(),
        seed=seed,
    )


def small_loop(path, resume=False, capacity=None, objective=None, model=None, **settings) -> Loop:
    values = {"steps": 20, "batch_size": 4, "steps_per_epoch": 6, "learning_rate": 1e-3}
    return Loop(
        model or small_model(objective=objective),
        Noise(),
        TrainSettings(**(values | settings)),
        capacity or Capacity(),
        RunDir(path),
        resume,
    )


def drive(loop: Loop, stop, progress=None) -> Loop:
    """What `train` does with a loop, less what it shows and exports."""
    while loop.should_continue() and stop.number is None:
        loop.epoch(stop, progress or Silent())
    return loop


def outcome(loop: Loop):
    """Everything that must not depend on what befell a run."""
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in loop.history]
    return rows, [variable.numpy().tobytes() for variable in loop.variables]
