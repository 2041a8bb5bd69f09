"""The training loop: where a run stands, and how it comes by its next epoch."""

import math
import time
from typing import Any

import tensorflow as tf

from deltavae.data import GroundTruthData
from deltavae.data.pipeline import batches
from deltavae.data.subset import Subset
from deltavae.errors import UserError
from deltavae.io import write_json
from deltavae.models.delta_vae import DeltaVAE
from deltavae.run_dir import RunDir
from deltavae.training.budget import epochs_in_time, training_seconds
from deltavae.training.capacity_schedule import Capacity, count_epochs, epoch_length
from deltavae.training.checkpoints import Checkpoints
from deltavae.training.compiled_step import CompiledStep
from deltavae.training.interrupts import StopRequest
from deltavae.training.optimizer import learning_rate_at, make_optimizer
from deltavae.training.progress import ProgressBar
from deltavae.training.settings import TrainSettings
from deltavae.training.strategy import distribute_batches


class Loop:
    """A run between two epochs: where it stands, and how it comes by the next one."""

    def __init__(
        self,
        model: DeltaVAE,
        images: GroundTruthData | Subset,
        settings: TrainSettings,
        capacity: Capacity,
        run_dir: RunDir,
        resume: bool,
        chief: bool = True,
    ) -> None:
        self.chief = chief
        self.model, self.images, self.settings = model, images, settings
        self.capacity, self.run_dir = capacity, run_dir
        self.epoch_length = epoch_length(
            images.num_images, settings.batch_size, settings.steps_per_epoch
        )
        _check_replicas(settings)
        model.objective.require_batch(settings.batch_size)
        if settings.jit_compile and not model.posterior.has_xla:
            raise UserError(
                "train.jit_compile does not work with this posterior",
                expected="one that XLA can draw from, such as DiffusionPosterior",
                received=f"{type(model.posterior).__name__}, which draws from gamma distributions",
                advice="Leave out train.jit_compile = True.",
            )
        # XLA only where it was asked for: on a CPU it halves the speed
        model.compile(optimizer=make_optimizer(model, settings), jit_compile=settings.jit_compile)
        self.compiled_step = CompiledStep(model, settings.jit_compile)
        self.variables = state_variables(model) + self.compiled_step.variables
        self.checkpoints = Checkpoints(run_dir.checkpoints)
        if chief:
            run_dir.remove_remains()
        state = self.checkpoints.restore(self.variables) if resume else None
        if settings.learning_rate_schedule == "constant":
            # a checkpoint restores the rate it was made with; a resumed run may lower it
            model.optimizer.learning_rate = settings.learning_rate
        state = state or {"step": 0, "done": 0, "seconds": 0.0, "history": []}
        self.last = self.checkpoints.restored
        if "kl_factor_sums" in state:
            self.compiled_step.factor_sums.assign(state["kl_factor_sums"])
        self.history: list[dict[str, Any]] = state["history"]
        self.step, self.done, self.seconds = state["step"], state["done"], state["seconds"]
        if self.step > settings.steps:
            raise UserError(
                f"the run in {run_dir.path} has gone further than it is to go",
                expected=f"train.steps >= {self.step:,}, the steps that it has made",
                received=f"train.steps = {settings.steps:,}",
            )

    def should_continue(self) -> bool:
        """Whether there are steps to make and time to make them."""
        return self.step < self.settings.steps and self._left() > 0 and self._total() > self._epoch

    @property
    def _epoch(self) -> int:
        return len(self.history)

    def _spent(self) -> list[float]:
        return [row["seconds"] for row in self.history]

    def _left(self) -> float:
        if self.settings.max_hours is None:
            return math.inf
        return training_seconds(self.settings.max_hours) - sum(self._spent()) - self.seconds

    def _planned(self) -> int:
        """Epochs of the whole run, by its steps: those made, of whatever length, and the rest."""
        begun = self.step - self.done  # where the epoch at hand began
        return self._epoch + count_epochs(self.settings.steps - begun, self.epoch_length)

    def _total(self) -> int:
        return epochs_in_time(self._planned(), self._spent(), self.settings.max_hours)

    def epoch(self, stop: StopRequest, progress: ProgressBar) -> dict[str, Any] | None:
        """Make an epoch, or the rest of one; its row, or None where it had to stop before."""
        begun, before = time.monotonic(), self.seconds
        steps = min(self.epoch_length, self.settings.steps - self.step + self.done)
        if not self.done:
            self.compiled_step.reset()
            self.model.capacity.assign(self._capacity())
        batch = distribute_batches(
            batches(
                self.images,
                self.settings.batch_size,
                self.settings.seed,
                self._epoch,
                steps,
                self.done,
            ),
            self.compiled_step.strategy,
        )
        checked = begun
        while self.done < steps and stop.number is None and self._left() > 0:
            count = min(self.settings.steps_per_execution, steps - self.done)
            self.compiled_step.run(batch, count)
            self.done += count
            self.step += count
            progress.update(self.step)
            now = time.monotonic()
            self.seconds = before + now - begun
            if now > checked + 1:
                self.compiled_step.check(self.last)
                checked = now
        self.compiled_step.check(self.last)
        row = self._row() if self.done >= steps else None
        if row is not None:
            self.history.append(row)
            self.done, self.seconds = 0, 0.0
        self._save()
        return row

    def _capacity(self) -> float:
        total = self._total()
        value = self.capacity.restated(self._planned(), total).at(self._epoch, total)
        # a run that finds more time than it feared does not fall back on its ramp
        last = self.history[-1].get("capacity") if self.history else None
        if last is not None and self.capacity.stop >= self.capacity.start:
            value = max(value, last)
        return value

    def _row(self) -> dict[str, Any]:
        means = self.compiled_step.means(self.done)
        objective = self.model.objective
        capacity = {"capacity": float(self.model.current_capacity())}
        return {
            "epoch": self._epoch,
            "step": self.step,
            "loss": means["loss"],
            "reconstruction": means["reconstruction"],
            "kl": means["kl"],
            "kl_per_factor": self.compiled_step.kl_per_factor(),
            **(capacity if objective.has_capacity else {}),
            "beta": objective.beta,
            "elbo": means["elbo"],
            "log_scale": means["log_scale"],
            **{name: means[name] for name in objective.reports},
            "learning_rate": learning_rate_at(self.settings, self.step - 1),
            "seconds": round(self.seconds, 3),
        }

    def _save(self) -> None:
        if not self.chief:
            return
        state = {
            "epoch": self._epoch,
            "step": self.step,
            "done": self.done,
            "seconds": self.seconds,
            "kl_factor_sums": self.compiled_step.factor_sums.numpy().tolist(),
            "history": self.history,
        }
        self.last = self.checkpoints.save(self.variables, state)
        write_json(self.run_dir.history, self.history)


def _check_replicas(settings: TrainSettings) -> None:
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and settings.max_hours:
        # each would look at a clock of its own, and one would wait for the other for ever
        raise UserError("train.max_hours works on one machine only", received=settings.max_hours)
    if replicas > 1 and settings.clip_norm is not None:
        raise UserError("train.clip_norm works on one device only", received=replicas)
    if settings.batch_size % replicas:
        raise UserError(
            "the batch cannot be shared out",
            expected=f"a train.batch_size that {replicas} devices divide",
            received=settings.batch_size,
        )


def state_variables(model: DeltaVAE) -> list[tf.Variable]:
    """All that a resumed run needs: weights, capacity and the optimisers' states, in order."""
    trackers = {id(variable) for variable in model.metrics_variables}
    optimizers = [model.optimizer, model.objective.optimizer]
    states = [variable for each in optimizers if each is not None for variable in each.variables]
    found = {id(v): v for v in [*model.variables, *states]}
    return [variable for key, variable in found.items() if key not in trackers]
