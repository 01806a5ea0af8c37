"""Makes the tiny detectors that the tests run, in the output formats of real families. Needs the package onnx; the same bytes each time.

Each of them "finds" colour: the class scores of a cell are the mean colours under it, so the answer to a painted picture is
known exactly, and a mistake in resizing, in the order of colours, in the order of cells or in decoding shows.
"""

from math import log
from pathlib import Path

import onnx
from onnx import TensorProto, helper

HERE = Path(__file__).parent
WIDTH, HEIGHT = 128, 64


def pooled(nodes: list, stride: int) -> str:
    """Mean colours (0..1) under each cell of one stride: [1, cells, 3], row by row."""
    nodes += [
        helper.make_node("AveragePool", ["shares"], [f"pool{stride}"], kernel_shape=[stride, stride], strides=[stride, stride]),
        helper.make_node("Reshape", [f"pool{stride}", "flat"], [f"flat{stride}"]),
        helper.make_node("Transpose", [f"flat{stride}"], [f"scores{stride}"], perm=[0, 2, 1]),
    ]
    return f"scores{stride}"


def save(name: str, nodes: list, constants: list, output: list) -> None:
    constants = [
        helper.make_tensor("full", TensorProto.FLOAT, [1], [255.0]),
        helper.make_tensor("flat", TensorProto.INT64, [3], [1, 3, -1]),
        *constants,
    ]
    nodes = [helper.make_node("Div", ["images", "full"], ["shares"]), *nodes]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, output)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, HERE / f"{name}.onnx")


def yolox() -> None:
    """Three classes. Objectness is the brightest colour's share; boxes lie in the middle of their cells, 1.5 cells wide and 1 high."""
    nodes, strides = [], [8, 16, 32]
    scores = [pooled(nodes, stride) for stride in strides]
    cells = sum((WIDTH // stride) * (HEIGHT // stride) for stride in strides)
    nodes += [
        helper.make_node("Concat", scores, ["scores"], axis=1),
        helper.make_node("ReduceMax", ["scores"], ["objectness"], axes=[2], keepdims=1),
        helper.make_node("Concat", ["boxes", "objectness", "scores"], ["output"], axis=2),
    ]
    boxes = [0.5, 0.5, log(1.5), 0.0] * cells
    save("yolox_colours", nodes, [helper.make_tensor("boxes", TensorProto.FLOAT, [1, cells, 4], boxes)], [1, cells, 8])


yolox()
