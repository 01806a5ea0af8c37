"""Makes what the eye warms up with: one tiny clip for each codec, and a tiny model. Needs ffmpeg and the package onnx."""

import subprocess
from pathlib import Path

import onnx
from onnx import TensorProto, helper

HERE = Path(__file__).parent


def clip(name: str, *encoder: str) -> None:
    source = ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=0.4"]
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *source, *encoder, "-frames:v", "1", str(HERE / name)], check=True)


def model() -> None:
    """A convolution, a sigmoid and a softmax: they pull in the threads and kernels that detectors use."""
    weights = [((i * 37) % 11 - 5) / 10 for i in range(4 * 3 * 3 * 3)]
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["images", "w"], ["c"], pads=[1, 1, 1, 1]),
            helper.make_node("Sigmoid", ["c"], ["s"]),
            helper.make_node("Softmax", ["s"], ["output"], axis=1),
        ],
        "warm-up",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 4, 32, 32])],
        [helper.make_tensor("w", TensorProto.FLOAT, [4, 3, 3, 3], weights)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), HERE / "model.onnx")


clip("h264.h264", "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p")
clip("h265.h265", "-c:v", "libx265", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-x265-params", "log-level=none")
clip("mjpeg.mjpeg", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p")
model()
