"""What TensorBoard is given, read back from the event files."""

import keras
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from deltavae.data import load
from deltavae.errors import UserError
from deltavae.manifolds import Hypersphere
from deltavae.models.delta_vae import DeltaVAE
from deltavae.models.networks import mlp_decoder, mlp_encoder
from deltavae.models.objectives import CapacityObjective
from deltavae.posteriors import DiffusionPosterior
from deltavae.run_dir import RunDir
from deltavae.training.tensorboard import TensorBoardLog

SHAPE = (64, 64, 3)


def test_scalars_each_epoch_and_pictures_each_second(tmp_path):
    keras.utils.set_random_seed(0)
    posterior = DiffusionPosterior(Hypersphere(2))
    model = DeltaVAE(
        mlp_encoder(SHAPE, units=(8,)),
        posterior,
        mlp_decoder(SHAPE, 3, units=(8,)),
        CapacityObjective(),
    )
    data, run_dir = load("turntable"), RunDir(tmp_path)
    log = TensorBoardLog(run_dir, every=2, config="train.steps = 30")
    for epoch in range(3):
        row = {"epoch": epoch, "step": 10 * (epoch + 1), "kl": 0.5 * epoch, "learning_rate": 1e-3}
        log.epoch_done(model, data, row)

    events = EventAccumulator(str(run_dir.tensorboard), size_guidance={"tensors": 0})
    events.Reload()
    written = {tag: events.Tensors(tag) for tag in events.Tags()["tensors"]}
    kl = {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in written["train/kl"]}
    assert kl == {10: 0.0, 20: 0.5, 30: 1.0}
    assert [event.step for event in written["reconstructions"]] == [10, 30]
    assert [event.step for event in written["paths"]] == [10, 30]
    assert "train.steps = 30" in str(written["configuration"][0].tensor_proto.string_val)

    vectors = (run_dir.tensorboard / "codes.tsv").read_text().splitlines()
    factors = (run_dir.tensorboard / "factors.tsv").read_text().splitlines()
    assert factors[0].split("\t") == list(data.factor_names)
    assert len(vectors) == len(factors) - 1 == 1000
    assert abs(sum(float(x) ** 2 for x in vectors[0].split("\t")) - 1) < 1e-3


def test_zero_writes_nothing(tmp_path):
    log = TensorBoardLog(RunDir(tmp_path), every=0)
    log.epoch_done(None, None, {"epoch": 0, "step": 1, "kl": 1.0})
    assert not any(tmp_path.iterdir())
    with pytest.raises(UserError):
        TensorBoardLog(RunDir(tmp_path), every=-1)
