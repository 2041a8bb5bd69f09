"""Writes a function of images as a module that TensorFlow 1.13 and TensorFlow 2 both load.

The module is a frozen graph in the format of TensorFlow Hub for TensorFlow 1: no variables, no
functions, control flow lowered, the empty tag list, a marker file. Images pass through it in
slices, so that a call with thousands of them needs the memory of one slice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tensorflow.python.framework.meta_graph import strip_graph_default_valued_attrs

from deltavae.export import tf1_ops

SIGNATURE = "representation"
INPUT, OUTPUT = "images", "default"

_SLICE = 256  # images; the first feature maps of such a slice take tens of megabytes
MARKER = ("tfhub_module.pb", b"\x08\x03")


def frozen_graph(
    function: Callable[[tf.Tensor], tf.Tensor], image_shape: tuple[int, ...]
) -> tuple[graph_pb2.GraphDef, str, str, int]:
    """Traces `function` and turns its variables into constants.

    Returns:
        The graph, the names of its input and output tensors, and the size of a code.
    """
    spec = tf.TensorSpec((None, *image_shape), tf.float32, name=INPUT)
    concrete = tf.function(function, autograph=False).get_concrete_function(spec)
    frozen = convert_variables_to_constants_v2(
        concrete, lower_control_flow=True, aggressive_inlining=True
    )
    (output,) = frozen.outputs
    meta_graph = meta_graph_pb2.MetaGraphDef(graph_def=frozen.graph.as_graph_def())
    strip_graph_default_valued_attrs(meta_graph)  # attributes newer than 1.13, at their default
    # freezing leaves the nodes in an order that differs from process to process
    meta_graph.graph_def.node.sort(key=lambda node: node.name)
    return meta_graph.graph_def, frozen.inputs[0].name, output.name, output.shape[-1]


def write_module(
    function: Callable[[tf.Tensor], tf.Tensor], image_shape: tuple[int, ...], directory: Path
) -> None:
    """Writes `function` to the new folder `directory`, with both signatures.

    Args:
        function: float32 images (batch, *image_shape) in [0, 1] to codes (batch, k).
        image_shape: (height, width, channels).
        directory: must not exist yet.

    Raises:
        UserError: where the graph holds an operation that TensorFlow 1.13 does not have.
    """
    inner, input_name, output_name, code_dim = frozen_graph(function, image_shape)
    tf1_ops.check_graph(inner)  # here the node names are still those of the layers
    with tf.Graph().as_default() as graph, _control_flow_of_tf1():
        images = tf.compat.v1.placeholder(tf.float32, (None, *image_shape), INPUT)

        def codes_of(batch: tf.Tensor) -> tf.Tensor:
            (codes,) = tf.graph_util.import_graph_def(
                inner, {input_name: batch}, [output_name], name="model"
            )
            return codes

        codes = tf.identity(_by_slices(codes_of, images, code_dim), OUTPUT)
    _save(graph, images, codes, directory)
    tf1_ops.check_graph(read_meta_graph(directory).graph_def)


def read_meta_graph(directory: Path) -> meta_graph_pb2.MetaGraphDef:
    """The graph and the signatures of a written module, without loading it."""
    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString((directory / "saved_model.pb").read_bytes())
    return saved_model.meta_graphs[0]


def _by_slices(
    function: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor, code_dim: int
) -> tf.Tensor:
    count = tf.shape(images)[0]

    def step(start: tf.Tensor, codes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return start + _SLICE, tf.concat([codes, function(images[start : start + _SLICE])], 0)

    _, codes = tf.compat.v1.while_loop(
        lambda start, _: start < count,
        step,
        (tf.constant(0), tf.zeros((0, code_dim))),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, code_dim])),
        parallel_iterations=1,
        back_prop=False,
    )
    return codes


@contextmanager
def _control_flow_of_tf1() -> Iterator[None]:
    """Loops written inside are made of operations, not of functions."""
    enabled = tf.compat.v1.control_flow_v2_enabled()
    tf.compat.v1.disable_control_flow_v2()
    try:
        yield
    finally:
        if enabled:
            tf.compat.v1.enable_control_flow_v2()


def _save(graph: tf.Graph, images: tf.Tensor, codes: tf.Tensor, directory: Path) -> None:
    saved_model = tf.compat.v1.saved_model
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        signature = saved_model.build_signature_def(
            inputs={INPUT: saved_model.build_tensor_info(images)},
            outputs={OUTPUT: saved_model.build_tensor_info(codes)},
            method_name="",
        )
        # for gradients only, and written in an order that differs from process to process
        graph.clear_collection(tf.compat.v1.GraphKeys.WHILE_CONTEXT)
        builder = saved_model.Builder(str(directory))
        builder.add_meta_graph_and_variables(
            session,
            tags=[],
            signature_def_map={SIGNATURE: signature, "default": signature},
            clear_devices=True,
            strip_default_attrs=True,
        )
        builder.save()
    name, content = MARKER
    (directory / name).write_bytes(content)
