"""Turns NanoDet-g into 8-bit integers with ranges that were measured once and are kept beside this code.

Static quantisation by ONNX Runtime: QuantizeLinear/DequantizeLinear pairs, int8 weights with a scale per channel and one
bit of reserve (without it, AVX2 without VNNI overflows in its 16-bit sums), uint8 activations. The output convolutions
and all that follows them stay float32: their errors are seen directly in boxes and scores.
"""

from __future__ import annotations

import json
import logging
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import TensorsData, load_tensors_data, save_tensors_data

Ranges = dict[str, tuple[np.float32, np.float32]]


def read_ranges(path: Path) -> Ranges:
    """Least and greatest value of each tensor, from the file's `ranges`. Decimals are the shortest for a float32."""
    ranges = json.loads(path.read_text(encoding="utf-8"))["ranges"]
    return {name: (np.float32(least), np.float32(greatest)) for name, (least, greatest) in ranges.items()}


def quantise(model: onnx.ModelProto, ranges: Ranges, target: Path) -> None:
    """Writes the quantised model. The same model and ranges give the same bytes."""
    with tempfile.TemporaryDirectory(prefix="quantise-") as folder:
        cache = Path(folder, "ranges.json")
        save_tensors_data(TensorsData(CalibrationMethod.MinMax, dict(ranges)), cache)
        _quantise(model, None, cache, target)


def measure(model: onnx.ModelProto, pictures: CalibrationDataReader) -> Ranges:
    """Runs the float model over pictures and returns the ranges that `quantise` needs of it."""
    with tempfile.TemporaryDirectory(prefix="measure-") as folder:
        cache, quantised = Path(folder, "ranges.json"), Path(folder, "quantised.onnx")
        _quantise(model, pictures, cache, quantised)
        constants = {constant.name for constant in onnx.load(quantised).graph.initializer}
        measured = load_tensors_data(cache)
        names = sorted(name for name in measured.keys() if f"{name}_scale" in constants)
        return {name: _range(*measured[name].range_value) for name in names}


def _range(least: np.ndarray, greatest: np.ndarray) -> tuple[np.float32, np.float32]:
    return np.float32(np.ravel(least)[0]), np.float32(np.ravel(greatest)[0])


def _quantise(model: onnx.ModelProto, pictures: CalibrationDataReader | None, cache: Path, target: Path) -> None:
    named = _with_named_nodes(model)
    with tempfile.TemporaryDirectory(prefix="named-") as folder, _without_warnings():
        source = Path(folder, "named.onnx")
        onnx.save(named, source)
        quantize_static(
            source,
            target,
            pictures,
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_kept_float(named),
            calibrate_method=CalibrationMethod.MinMax,
            calibration_cache_path=cache,
        )


def _with_named_nodes(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose nodes have names, which the quantiser needs to tell them apart."""
    named = onnx.ModelProto()
    named.CopyFrom(model)
    for index, node in enumerate(named.graph.node):
        node.name = f"{node.op_type}_{index}"
    return named


def _kept_float(model: onnx.ModelProto) -> list[str]:
    """The nodes behind which no convolution comes any more."""
    read_by_convolution: set[str] = set()
    kept = []
    for node in reversed(model.graph.node):  # nodes are in order: readers come after what they read
        feeds_convolution = any(name in read_by_convolution for name in node.output)
        if feeds_convolution or node.op_type == "Conv":
            read_by_convolution.update(node.input)
        if not feeds_convolution:
            kept.append(node.name)
    return kept


@contextmanager
def _without_warnings() -> Iterator[None]:
    """The quantiser warns that the model was not simplified by its own tool, which this one does not need."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
