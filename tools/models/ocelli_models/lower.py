"""Translates a TensorFlow.js graph of convolutions into ONNX.

Only what the detectors' graphs use is known; everything else is refused by name. Two things are folded on the way:
padding into the convolution or pooling that follows, and the addition of a constant into the bias of the convolution
before it. Nothing in the result depends on the picture's size, so height and width can stay open.
"""

from __future__ import annotations

from typing import Callable

import numpy as np

from .builder import Builder
from .constants import fold
from .tensor import CHANNELS_LAST, Padding, Tensor, Value
from .tfjs import TfGraph, TfNode, Unsupported


class Lowering:
    """One translation: asks for values by name, adding what they need to the builder."""

    def __init__(self, graph: TfGraph, builder: Builder, input_name: str) -> None:
        self.graph = graph
        self.builder = builder
        self.input_name = input_name
        self.input: Tensor | None = None
        self._values: dict[str, Value] = {}

    def value(self, name: str) -> Value:
        """The value with that key. Iterative, because a graph may be deeper than Python's stack.

        Of several inputs the last comes first. Any order would do, but names and with them the published bytes hang on it.
        """
        open_nodes = [name]
        while open_nodes:
            node = self.graph.nodes[open_nodes[-1].split(":")[0]]
            if node.name in self._values:
                open_nodes.pop()
                continue
            missing = [key for key in node.inputs if key not in self._values]
            if missing:
                open_nodes += missing
            else:
                self._lower(node)
                open_nodes.pop()
        return self._values[name]

    def padded_tensor(self, name: str) -> Tensor:
        """A value that is no constant; padding may be pending on it."""
        value = self.value(name)
        if isinstance(value, np.ndarray):
            raise Unsupported(f"{name} is a constant, a tensor was expected")
        return value

    def tensor(self, name: str) -> Tensor:
        """A value that is no constant, with nothing pending on it."""
        value = self.padded_tensor(name)
        if value.padding is not None:
            raise Unsupported(f"padding before {name} is used by neither a convolution nor a pooling")
        return value

    def stored_as_seen(self, tensor: Tensor) -> Tensor:
        """The same tensor with its axes stored in the order in which they are seen."""
        if tensor.axes == tuple(range(len(tensor.axes))):
            return tensor
        name = self.builder.emit("Transpose", [tensor.name], perm=list(tensor.axes))[0]
        return Tensor.plain(name, tensor.shape)

    def _lower(self, node: TfNode) -> None:
        if node.op == "Placeholder":
            self.input = Tensor.plain(self.input_name, node.shape())
            results: list[Value] = [self.input]
        elif node.op == "Const":
            results = [self.graph.weights[node.name]]
        elif all(isinstance(self._values[key], np.ndarray) for key in node.inputs):
            results = [fold(node, [self.constant(key) for key in node.inputs])]
        elif node.op in _OPERATIONS:
            made = _OPERATIONS[node.op](self, node)
            results = made if isinstance(made, list) else [made]
        else:
            raise Unsupported(f"operation {node.op} ({node.name})")
        for index, value in enumerate(results):
            self._values[node.name if index == 0 else f"{node.name}:{index}"] = value

    def constant(self, name: str) -> np.ndarray:
        """A value that has to be a constant."""
        value = self.value(name)
        if not isinstance(value, np.ndarray):
            raise Unsupported(f"{name} is not a constant")
        return value

    def used_once(self, name: str) -> bool:
        """Whether only one operation reads the value."""
        return self.graph.uses.get(name, 0) == 1

    def same_storage(self, name: str, axes: tuple[int, ...]) -> Tensor:
        """A tensor that has to be stored with these axes already: no graph so far needs a transpose here."""
        tensor = self.tensor(name)
        if tensor.axes != axes:
            raise Unsupported(f"{name} is stored with axes {tensor.axes}, expected {axes}")
        return tensor


def _identity(lowering: Lowering, node: TfNode) -> Tensor:
    return lowering.tensor(node.inputs[0])


def _transpose(lowering: Lowering, node: TfNode) -> Tensor:
    source = lowering.padded_tensor(node.inputs[0])
    return source.transposed([int(axis) for axis in lowering.constant(node.inputs[1])])


def _pad(lowering: Lowering, node: TfNode) -> Tensor:
    source = lowering.tensor(node.inputs[0])
    # A pending padding has a number too, although it never becomes a node: names stay what they were when
    # padding was a value of its own, and with them the bytes of the published files.
    lowering.builder.name("pad")
    value = float(lowering.constant(node.inputs[2])) if node.op == "PadV2" else 0.0
    amounts = lowering.constant(node.inputs[1])
    before, after = np.zeros(4, int), np.zeros(4, int)
    for axis, stored in enumerate(source.axes):
        before[stored], after[stored] = amounts[axis]
    if before[:2].any() or after[:2].any():
        raise Unsupported(f"padding of batch or channels ({node.name})")
    top, left, bottom, right = (int(n) for n in (*before[2:], *after[2:]))
    shape = tuple(int(size + sum(amounts[axis])) for axis, size in enumerate(source.shape))
    return Tensor(source.name, shape, source.axes, Padding(top, left, bottom, right, value))


def _window(lowering: Lowering, node: TfNode) -> tuple[Tensor, list[int]]:
    """The picture under a convolution or pooling, as channels-last with its padding included, and that padding."""
    source = lowering.padded_tensor(node.inputs[0])
    if source.axes != CHANNELS_LAST or node.text("data_format", "NHWC") != "NHWC":
        raise Unsupported(f"{node.op} of a picture whose channels are not last ({node.name})")
    if node.text("padding") != "VALID":
        raise Unsupported(f"padding {node.text('padding')}: it depends on the picture's size ({node.name})")
    padding = source.padding
    if padding is None:
        return source, [0, 0, 0, 0]
    return source, [padding.top, padding.left, padding.bottom, padding.right]


def _slid(shape: tuple[int, ...], kernel: list[int], strides: list[int], channels: int) -> tuple[int, ...]:
    """Shape (channels last) after sliding a window over a padded picture."""
    height, width = ((shape[axis] - kernel[axis - 1]) // strides[axis - 1] + 1 for axis in (1, 2))
    return shape[0], height, width, channels


def _convolution(lowering: Lowering, node: TfNode) -> Tensor:
    source, pads = _window(lowering, node)
    if source.padding is not None and source.padding.value != 0:
        raise Unsupported(f"convolution over padding of {source.padding.value} ({node.name})")
    weights = lowering.constant(node.inputs[1]).transpose(3, 2, 0, 1)
    strides = node.integers("strides")[1:3]
    dilations = (node.integers("dilations") or [1] * 4)[1:3]
    kernel = list(weights.shape[2:])
    builder = lowering.builder
    inputs = [source.name, builder.constant(weights), builder.constant(np.zeros(len(weights), np.float32))]
    name = builder.emit(
        "Conv",
        inputs,
        strides=strides,
        dilations=dilations,
        pads=pads,
        group=source.shape[3] // weights.shape[1],
        kernel_shape=kernel,
    )[0]
    reach = [(size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations)]
    return Tensor(name, _slid(source.shape, reach, strides, len(weights)), CHANNELS_LAST)


def _max_pool(lowering: Lowering, node: TfNode) -> Tensor:
    source, pads = _window(lowering, node)
    # ONNX leaves padding out of the maximum; so does this, if it is below everything
    if source.padding is not None and source.padding.value > -1e30:
        raise Unsupported(f"pooling over padding of {source.padding.value} ({node.name})")
    kernel, strides = node.integers("ksize")[1:3], node.integers("strides")[1:3]
    name = lowering.builder.emit("MaxPool", [source.name], kernel_shape=kernel, strides=strides, pads=pads)[0]
    return Tensor(name, _slid(source.shape, kernel, strides, source.shape[3]), CHANNELS_LAST)


def _leaky_relu(lowering: Lowering, node: TfNode) -> Tensor:
    source = lowering.tensor(node.inputs[0])
    name = lowering.builder.emit("LeakyRelu", [source.name], alpha=node.real("alpha", 0.2))[0]
    return Tensor(name, source.shape, source.axes)


def _sigmoid(lowering: Lowering, node: TfNode) -> Tensor:
    source = lowering.tensor(node.inputs[0])
    return Tensor(lowering.builder.emit("Sigmoid", [source.name])[0], source.shape, source.axes)


def _add(lowering: Lowering, node: TfNode) -> Tensor:
    left, right = (lowering.value(key) for key in node.inputs)
    if isinstance(right, np.ndarray):
        return _add_bias(lowering, node.inputs[0], right)
    if isinstance(left, np.ndarray):
        return _add_bias(lowering, node.inputs[1], left)
    first = lowering.tensor(node.inputs[0])
    second = lowering.same_storage(node.inputs[1], first.axes)
    name = lowering.builder.emit("Add", [first.name, second.name])[0]
    return Tensor(name, first.shape, first.axes)


def _add_bias(lowering: Lowering, name: str, bias: np.ndarray) -> Tensor:
    """Adds a constant per channel to the bias of the convolution whose only use this is."""
    source = lowering.tensor(name)
    made_by = lowering.builder.made_by.get(source.name)
    channels = source.shape[source.channel_axis]
    per_channel = bias.shape == (channels,) and source.channel_axis == len(source.shape) - 1
    if made_by is None or made_by.op_type != "Conv" or not lowering.used_once(name) or not per_channel:
        raise Unsupported(f"addition of a constant of shape {bias.shape} to {name}")
    constants, key = lowering.builder.constants, made_by.input[2]
    constants[key] = constants[key] + bias
    return source


def _concat(lowering: Lowering, node: TfNode) -> Tensor:
    first = lowering.tensor(node.inputs[0])
    parts = [lowering.same_storage(key, first.axes) for key in node.inputs[:-1]]
    axis = int(lowering.constant(node.inputs[-1])) % len(first.shape)
    name = lowering.builder.emit("Concat", [part.name for part in parts], axis=first.axes[axis])[0]
    shape = list(first.shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    return Tensor(name, tuple(shape), first.axes)


def _split(lowering: Lowering, node: TfNode) -> list[Value]:
    source = lowering.tensor(node.inputs[0])
    sizes = [int(size) for size in lowering.constant(node.inputs[1])]
    axis = int(lowering.constant(node.inputs[2])) % len(source.shape)
    inputs = [source.name, lowering.builder.constant(np.array(sizes, np.int64))]
    names = lowering.builder.emit("Split", inputs, len(sizes), axis=source.axes[axis])
    head, tail = source.shape[:axis], source.shape[axis + 1 :]
    return [Tensor(name, (*head, size, *tail), source.axes) for name, size in zip(names, sizes)]


def _resize(lowering: Lowering, node: TfNode) -> Tensor:
    """Bilinear resizing by a fixed factor. Halving is exactly the mean of four pixels, which is cheaper."""
    source = lowering.same_storage(node.inputs[0], CHANNELS_LAST)
    target = [int(size) for size in lowering.constant(node.inputs[1])]
    factors = [size / source.shape[axis] for size, axis in zip(target, (1, 2))]
    if not node.flag("half_pixel_centers"):
        raise Unsupported(f"resizing without half-pixel centres ({node.name})")
    builder = lowering.builder
    if factors == [0.5, 0.5]:
        name = builder.emit("AveragePool", [source.name], kernel_shape=[2, 2], strides=[2, 2])[0]
    else:
        scales = builder.constant(np.array([1, 1, *factors], np.float32))
        inputs = [source.name, "", scales]
        name = builder.emit("Resize", inputs, mode="linear", coordinate_transformation_mode="half_pixel")[0]
    return Tensor(name, (source.shape[0], *target, source.shape[3]), CHANNELS_LAST)


def _reshape(lowering: Lowering, node: TfNode) -> Tensor:
    """Flattens a picture's height and width. The result's last axis follows the picture's size."""
    source = lowering.tensor(node.inputs[0])
    target = tuple(int(size) for size in lowering.constant(node.inputs[1]))
    batch, channels, height, width = source.shape
    if source.axes != (0, 1, 2, 3) or target not in ((batch, channels, height * width), (batch, channels, -1)):
        raise Unsupported(f"reshape of {source.shape} to {target} ({node.name})")
    shape = lowering.builder.constant(np.array([0, channels, -1], np.int64))
    name = lowering.builder.emit("Reshape", [source.name, shape])[0]
    return Tensor.plain(name, (batch, channels, height * width))


_OPERATIONS: dict[str, Callable[[Lowering, TfNode], Tensor | list[Value]]] = {
    "Add": _add,
    "AddV2": _add,
    "ConcatV2": _concat,
    "Conv2D": _convolution,
    "Identity": _identity,
    "LeakyRelu": _leaky_relu,
    "MaxPool": _max_pool,
    "Pad": _pad,
    "PadV2": _pad,
    "Reshape": _reshape,
    "ResizeBilinear": _resize,
    "Sigmoid": _sigmoid,
    "SplitV": _split,
    "Transpose": _transpose,
}
