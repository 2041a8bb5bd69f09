"""The registry of TensorFlow 1.13.1 against operations known to be missing or changed there."""

import pytest
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.export.hub_module import frozen_graph
from deltavae.export.tf1_ops import check_graph, faults


def graph_of(function):
    return frozen_graph(function, (4, 4, 3))[0]


def flat(x):
    return tf.reshape(x, (-1, 48))


@pytest.mark.parametrize(
    ("function", "op"),
    [
        (lambda x: tf.where(flat(x) > 0.5, flat(x), 0.0), "SelectV2"),
        (lambda x: tf.matmul(x, x, transpose_b=True), "BatchMatMulV2"),
        (lambda x: tf.einsum("ni,ij->nj", flat(x), tf.ones((48, 2))), "Einsum"),
        (lambda x: tf.linalg.diag_part(x), "MatrixDiagPartV3"),
    ],
)
def test_names_the_operation_that_is_missing(function, op):
    with pytest.raises(UserError, match=f"{op} at "):
        check_graph(graph_of(function))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.nn.relu(flat(x)),
        lambda x: tf.nn.gelu(flat(x)),
        lambda x: tf.math.atan2(flat(x), 1 - flat(x)),
        lambda x: flat(tf.nn.conv2d(x, tf.ones((2, 2, 3, 3)), 2, "SAME")),
    ],
)
def test_takes_what_1_13_has(function):
    assert faults(graph_of(function)) == []


def test_attributes_are_looked_at():
    graph = graph_of(lambda x: tf.nn.relu(flat(x)))
    (relu,) = (node for node in graph.node if node.op == "Relu")
    relu.attr["later"].b = True
    assert faults(graph) == [f"Relu at {relu.name}: no attribute 'later' there"]
    del relu.attr["later"]
    relu.attr["T"].type = tf.string.as_datatype_enum
    assert "value of attribute 'T' is not allowed" in faults(graph)[0]
    relu.attr["T"].type = tf.float32.as_datatype_enum
    del relu.input[:]
    assert "takes 1 inputs there, not 0" in faults(graph)[0]
