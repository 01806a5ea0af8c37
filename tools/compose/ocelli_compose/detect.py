"""Looks at composed streams with the detector that ocelli ships: can what was pasted be seen at all?"""

from __future__ import annotations

import dataclasses
import json
import pathlib

import cv2
import numpy as np
import onnxruntime

# What a car may be called by the detector.
VEHICLES = frozenset({"car", "bus", "truck"})


@dataclasses.dataclass(frozen=True)
class Detection:
    """One box, in pixels of the picture."""

    label: str
    score: float
    left: float
    top: float
    right: float
    bottom: float


class NanoDet:
    """The model behind a sidecar of `models/`: letterboxed, top-left aligned."""

    def __init__(self, sidecar: pathlib.Path) -> None:
        about = json.loads(sidecar.read_text(encoding="utf-8"))
        self.classes: list[str] = about["classes"]
        self.threshold: float = about["threshold"]
        self.nms_iou: float = about["nms_iou"]
        self.width: int = about["input"]["default_width"]
        self.height: int = about["input"]["default_height"]
        self.mean = np.array(about["input"]["mean"], dtype=np.float32)
        self.std = np.array(about["input"]["std"], dtype=np.float32)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(sidecar.with_name(about["file"])), options)
        self.input = self.session.get_inputs()[0].name
        self.centres, self.strides = self._cells(about["decoding"]["strides"])

    def _cells(self, strides: list[int]) -> tuple[np.ndarray, np.ndarray]:
        centres, sizes = [], []
        for stride in strides:
            x, y = np.meshgrid(np.arange(self.width // stride), np.arange(self.height // stride))
            centres.append((np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * stride)
            sizes.append(np.full(x.size, stride))
        return np.concatenate(centres), np.concatenate(sizes)

    def detect(self, picture: np.ndarray) -> list[Detection]:
        """The people and vehicles of a picture (blue, green, red), surest first."""
        factor = min(self.width / picture.shape[1], self.height / picture.shape[0])
        size = (round(picture.shape[1] * factor), round(picture.shape[0] * factor))
        tensor = np.zeros((self.height, self.width, 3), dtype=np.float32)
        tensor[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        tensor = ((tensor - self.mean) / self.std).transpose(2, 0, 1)[None]
        output = self.session.run(None, {self.input: tensor})[0][0]
        found: list[Detection] = []
        for index, name in enumerate(self.classes):
            if name == "person" or name in VEHICLES:
                found.extend(self._of_class(output, index, name, factor))
        return sorted(found, key=lambda detection: -detection.score)

    def _of_class(self, output: np.ndarray, index: int, name: str, factor: float) -> list[Detection]:
        scores = output[:, index]
        chosen = np.flatnonzero(scores >= self.threshold)
        if not len(chosen):
            return []
        chosen = chosen[np.argsort(-scores[chosen])]
        bins = output[chosen, len(self.classes) :].reshape(len(chosen), 4, -1)
        share = np.exp(bins - bins.max(axis=2, keepdims=True))
        share /= share.sum(axis=2, keepdims=True)
        sides = (share * np.arange(bins.shape[2])).sum(axis=2) * self.strides[chosen, None]
        corners = [self.centres[chosen] - sides[:, :2], self.centres[chosen] + sides[:, 2:]]
        boxes = np.concatenate(corners, axis=1) / factor
        kept: list[int] = []
        for number in range(len(chosen)):
            if all(iou(boxes[number], boxes[other]) <= self.nms_iou for other in kept):
                kept.append(number)
        return [Detection(name, float(scores[chosen[n]]), *(float(side) for side in boxes[n])) for n in kept]


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes (left, top, right, bottom)."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = float(np.prod(np.clip(high - low, 0, None)))
    whole = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - shared
    return shared / whole if whole > 0 else 0.0
