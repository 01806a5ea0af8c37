"""Works out operations whose inputs are all constants, such as the target shapes that TensorFlow computes."""

from __future__ import annotations

import numpy as np

from .tfjs import TfNode, Unsupported


def fold(node: TfNode, values: list[np.ndarray]) -> np.ndarray:
    """The constant that the operation gives."""
    match node.op:
        case "Identity":
            return values[0]
        case "Add" | "AddV2":
            return values[0] + values[1]
        case "SparseToDense":
            return _sparse_to_dense(*values)
        case _:
            raise Unsupported(f"{node.op} of constants ({node.name})")


def _sparse_to_dense(places: np.ndarray, shape: np.ndarray, values: np.ndarray, default: np.ndarray) -> np.ndarray:
    dense = np.full([int(size) for size in shape], default.reshape(-1)[0], default.dtype)
    places = places.reshape(-1, dense.ndim)
    for place, value in zip(places, np.broadcast_to(values, len(places))):
        dense[tuple(place)] = value
    return dense
