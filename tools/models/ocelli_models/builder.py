"""Collects the nodes and constants of an ONNX graph.

Names are a kind and a number that counts every value ever named, so that the same input gives the same bytes.
"""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8


class Builder:
    """A graph under construction."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self.made_by: dict[str, NodeProto] = {}
        self._count = 0

    def name(self, kind: str) -> str:
        """A name that nothing has yet."""
        self._count += 1
        return f"{kind}_{self._count}"

    def constant(self, array: np.ndarray) -> str:
        """Adds a constant."""
        name = self.name("w")
        self.constants[name] = np.ascontiguousarray(array)
        return name

    def emit(self, op: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> list[str]:
        """Adds a node and names its outputs."""
        names = [self.name(op.lower()) for _ in range(outputs)]
        node = helper.make_node(op, list(inputs), names, **attributes)
        self.nodes.append(node)
        for name in names:
            self.made_by[name] = node
        return names

    def rename_output(self, name: str, new: str) -> None:
        """Gives the last value of the graph the name that the model shows."""
        node = self.made_by.pop(name)
        node.output[list(node.output).index(name)] = new
        self.made_by[new] = node

    def model(self, inputs: dict[str, list], outputs: dict[str, list], metadata: dict[str, str], half: bool) -> onnx.ModelProto:
        """The finished, checked model with the shapes of all values.

        With `half`, constants of more than 64 values are stored as float16 and cast when the model is loaded.
        """
        casts, stored = [], []
        for name, array in self.constants.items():
            if half and array.dtype == np.float32 and array.size > 64:
                stored.append(_as_half(f"{name}_h", array))
                casts.append(helper.make_node("Cast", [f"{name}_h"], [name], to=TensorProto.FLOAT))
            else:
                stored.append(numpy_helper.from_array(array, name))
        graph = helper.make_graph(casts + self.nodes, "ocelli", _infos(inputs), _infos(outputs), stored)
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, producer_name="ocelli tfjs_to_onnx", ir_version=IR_VERSION)
        for key, value in metadata.items():
            model.metadata_props.add(key=key, value=value)
        onnx.checker.check_model(model)
        return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)


def _infos(values: dict[str, list]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in values.items()]


def _as_half(name: str, array: np.ndarray) -> TensorProto:
    """A constant in half the bytes; refused where that would lose something."""
    half = array.astype(np.float16)
    if not np.array_equal(half.astype(np.float32), array):
        raise ValueError(f"constant {name!r} does not fit float16 without loss")
    return numpy_helper.from_array(half, name)
