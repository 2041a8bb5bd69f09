import numpy as np
import pytest
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.training.checkpoints import Checkpoints


def save(checkpoints, variable, epoch, elbo=0.0):
    history = [{"epoch": e, "elbo": 0.0} for e in range(epoch - 1)]
    history += [{"epoch": epoch - 1, "elbo": elbo}]
    checkpoints.save([variable], {"epoch": epoch, "step": 10 * epoch, "history": history})


def test_newest_is_restored_exactly(tmp_path):
    variable = tf.Variable(np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32))
    wanted = variable.numpy()
    save(Checkpoints(tmp_path), variable, 1)
    variable.assign(tf.zeros_like(variable))
    assert Checkpoints(tmp_path).restore([variable])["step"] == 10
    np.testing.assert_array_equal(variable.numpy(), wanted)


@pytest.mark.parametrize("file", ["variables.npz", "state.json", "state.sha256"])
@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_a_broken_newest_gives_the_one_before(tmp_path, file, damage):
    checkpoints = Checkpoints(tmp_path)
    for epoch in (1, 2):
        save(checkpoints, tf.Variable([float(epoch)]), epoch)
    path = tmp_path / "epoch-000002" / file
    content = bytearray(path.read_bytes())
    if damage == "truncate":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flip":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    else:
        path.unlink()
    variable = tf.Variable([0.0])
    assert checkpoints.restore([variable])["epoch"] == 1
    assert variable.numpy() == [1.0]


def test_the_last_three_and_the_best_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    history = []
    for epoch, elbo in enumerate([1.0, 9.0, 2.0, 3.0, 4.0, 5.0], start=1):
        history.append({"epoch": epoch - 1, "elbo": elbo})
        checkpoints.save([tf.Variable(0.0)], {"epoch": epoch, "step": 0, "history": history})
    assert [p.name[-1] for p in checkpoints.all()] == ["2", "4", "5", "6"]


def test_another_models_checkpoint_is_refused(tmp_path):
    save(Checkpoints(tmp_path), tf.Variable([1.0]), 1)
    with pytest.raises(UserError, match="another model; expected 2 variables; received 1 var"):
        Checkpoints(tmp_path).restore([tf.Variable([1.0]), tf.Variable([1.0])])
    other = r"another model; expected kernel:0 of shape \(1, 1\); received \(1,\)"
    with pytest.raises(UserError, match=other):
        Checkpoints(tmp_path).restore([tf.Variable([[1.0]], name="kernel")])


def test_nothing_to_restore(tmp_path):
    assert Checkpoints(tmp_path).restore([tf.Variable(0.0)]) is None
