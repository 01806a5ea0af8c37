"""Reads a TensorFlow.js graph model: one JSON file with the graph, binary shards with the weights.

The format is that of tfjs-converter's "graph-model": `modelTopology` is a TensorFlow GraphDef in JSON (attributes of type
`bytes` in base64 or as a list of numbers), `weightsManifest` says how the concatenated shards divide into tensors.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_DTYPES = {"float32": np.float32, "float16": np.float16, "int32": np.int32}


class Unsupported(Exception):
    """The graph holds something that this converter does not translate."""


def value_key(reference: str) -> str:
    """The name of a value: a node's first output goes by the node's own name."""
    node, _, output = reference.partition(":")
    return node if output in ("", "0") else reference


@dataclass(frozen=True)
class TfNode:
    """One operation."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: dict

    def text(self, key: str, default: str = "") -> str:
        """An attribute of type `bytes`."""
        value = self.attributes.get(key, {}).get("s")
        if value is None:
            return default
        return (bytes(value) if isinstance(value, list) else base64.b64decode(value)).decode()

    def real(self, key: str, default: float) -> float:
        """An attribute of type `float`."""
        return float(self.attributes.get(key, {}).get("f", default))

    def flag(self, key: str) -> bool:
        """An attribute of type `bool`; absent means false."""
        return bool(self.attributes.get(key, {}).get("b", False))

    def integers(self, key: str) -> list[int]:
        """An attribute that is a list of integers; absent means empty."""
        return [int(item) for item in self.attributes.get(key, {}).get("list", {}).get("i", [])]

    def shape(self) -> tuple[int, ...]:
        """The `shape` attribute of a placeholder."""
        return tuple(int(axis["size"]) for axis in self.attributes["shape"]["shape"]["dim"])


@dataclass(frozen=True)
class TfGraph:
    """The operations by name, the constants by the name of their node, and how often each value is used."""

    nodes: dict[str, TfNode]
    weights: dict[str, np.ndarray]
    uses: dict[str, int]

    @classmethod
    def read(cls, path: Path) -> TfGraph:
        """Reads `model.json` and the shards beside it."""
        model = json.loads(path.read_text(encoding="utf-8"))
        nodes = {}
        uses: dict[str, int] = {}
        for item in model["modelTopology"]["node"]:
            # a leading ^ marks an order between operations, which carries no value
            inputs = tuple(value_key(name) for name in item.get("input", []) if not name.startswith("^"))
            nodes[item["name"]] = TfNode(item["name"], item["op"], inputs, item.get("attr", {}))
            for name in inputs:
                uses[name] = uses.get(name, 0) + 1
        return cls(nodes, _weights(path.parent, model["weightsManifest"]), uses)


def _weights(folder: Path, manifest: list[dict]) -> dict[str, np.ndarray]:
    weights = {}
    for group in manifest:
        shards = b"".join((folder / name).read_bytes() for name in group["paths"])
        offset = 0
        for entry in group["weights"]:
            array, offset = _weight(entry, shards, offset)
            weights[entry["name"]] = array
        if offset != len(shards):
            raise Unsupported(f"{len(shards) - offset} bytes of weights are left over")
    return weights


def _weight(entry: dict, shards: bytes, offset: int) -> tuple[np.ndarray, int]:
    """One tensor and where the next begins. Of the quantised forms only float16, a plain cast, is known."""
    stored = entry.get("quantization", entry)
    if "scale" in stored or stored["dtype"] not in _DTYPES or entry["dtype"] not in _DTYPES:
        raise Unsupported(f"weight {entry['name']!r} is stored as {stored['dtype']} for {entry['dtype']}")
    dtype = np.dtype(_DTYPES[stored["dtype"]])
    count = int(np.prod(entry["shape"], dtype=np.int64))
    array = np.frombuffer(shards, dtype, count, offset).reshape(entry["shape"])
    return array.astype(_DTYPES[entry["dtype"]]), offset + count * dtype.itemsize
