"""Tells, without TensorFlow 1.13.1, whether it can load a graph.

The challenge's evaluator runs TensorFlow 1.13.1. It refuses a graph that uses an operation,
an attribute or an attribute value it does not know, or that leaves out one it requires. Its
op registry is shipped with this package (`tf_1_13_1_oplist.pb`, a serialised
`tensorflow.OpList`), so that all of this can be checked when the graph is written.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from importlib import resources

from tensorflow.core.framework import attr_value_pb2, graph_pb2, node_def_pb2, op_def_pb2

from deltavae.errors import UserError

_SHOWN = 5


@functools.cache
def registry() -> dict[str, op_def_pb2.OpDef]:
    """The operations of TensorFlow 1.13.1 by name."""
    ops = op_def_pb2.OpList()
    data = resources.files("deltavae.export").joinpath("tf_1_13_1_oplist.pb").read_bytes()
    ops.ParseFromString(data)
    return {op.name: op for op in ops.op}


def faults(graph: graph_pb2.GraphDef) -> list[str]:
    """Everything in `graph` that TensorFlow 1.13.1 would refuse, one sentence each.

    A sentence names the operation and the node; Keras names nodes after their layers.
    """
    found = [
        f"function {function.signature.name}: TensorFlow 1.13 cannot read today's functions"
        for function in graph.library.function
    ]
    for node in graph.node:
        found.extend(f"{node.op} at {node.name}: {fault}" for fault in _node_faults(node))
    return found


def check_graph(graph: graph_pb2.GraphDef) -> None:
    """Raises `UserError` naming the operations that TensorFlow 1.13.1 would refuse."""
    found = faults(graph)
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise UserError(
            "the representation cannot be read by TensorFlow 1.13.1",
            expected="only operations that it has",
            received="; ".join(found[:_SHOWN]) + more,
            advice="Change the layer that the name points to",
        )


def _node_faults(node: node_def_pb2.NodeDef) -> Iterator[str]:
    op = registry().get(node.op)
    if op is None:
        yield "no such operation there"
        return
    known = {attr.name: attr for attr in op.attr}
    for name, value in node.attr.items():
        if name.startswith("_"):
            continue
        if name not in known:
            yield f"no attribute {name!r} there"
        elif not _is_allowed(value, known[name].allowed_values):
            yield f"the value of attribute {name!r} is not allowed there"
    for name, attr in known.items():
        if name not in node.attr and not attr.HasField("default_value"):
            yield f"the attribute {name!r} is missing"
    yield from _input_faults(node, op)


def _input_faults(node: node_def_pb2.NodeDef, op: op_def_pb2.OpDef) -> Iterator[str]:
    wanted = 0
    for argument in op.input_arg:
        if argument.number_attr:
            wanted += node.attr[argument.number_attr].i if argument.number_attr in node.attr else 0
        elif argument.type_list_attr:
            wanted += len(node.attr[argument.type_list_attr].list.type)
        else:
            wanted += 1
    given = sum(not name.startswith("^") for name in node.input)
    if given != wanted:
        yield f"it takes {wanted} inputs there, not {given}"


def _is_allowed(value: attr_value_pb2.AttrValue, allowed: attr_value_pb2.AttrValue) -> bool:
    if not allowed.HasField("list"):
        return True
    if allowed.list.type:
        given = value.list.type if value.HasField("list") else [value.type]
        return all(item in allowed.list.type for item in given)
    if allowed.list.s:
        given = value.list.s if value.HasField("list") else [value.s]
        return all(item in allowed.list.s for item in given)
    return True
