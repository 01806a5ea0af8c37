"""Pictures of clips for measuring ranges. Only the calibration needs this, and OpenCV with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

import cv2
import numpy as np
from onnxruntime.quantization import CalibrationDataReader


@dataclass(frozen=True)
class Normalisation:
    """What the detector subtracts from and divides each colour by (blue, green, red)."""

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def of_sidecar(cls, sidecar: dict) -> Normalisation:
        """The `input` of a model's sidecar."""
        return cls(*(np.array(sidecar["input"][key], np.float32) for key in ("mean", "std")))


def every(clip: Path, step: int, most: int) -> list[np.ndarray]:
    """Each `step`-th picture of a clip from the first on, at most `most`, as (height, width, blue-green-red)."""
    capture, index = cv2.VideoCapture(str(clip)), 0
    pictures: list[np.ndarray] = []
    while len(pictures) < most:
        there, picture = capture.read()
        if not there:
            break
        if index % step == 0:
            pictures.append(picture)
        index += 1
    if not pictures:
        raise ValueError(f"{clip.name} has no pictures that can be decoded")
    return pictures


def letterboxed(picture: np.ndarray, width: int, height: int, normalisation: Normalisation) -> np.ndarray:
    """A picture as the detector's input [1,3,height,width]: shape kept, top-left aligned, padded with black."""
    ratio = min(height / picture.shape[0], width / picture.shape[1])
    fitted = [int(round(size * ratio)) for size in picture.shape[:2]]
    canvas = np.zeros((height, width, 3), np.float32)
    canvas[: fitted[0], : fitted[1]] = cv2.resize(picture, (fitted[1], fitted[0]))
    normalised = (canvas - normalisation.mean) / normalisation.std
    return np.ascontiguousarray(normalised.transpose(2, 0, 1)[None]).astype(np.float32)


class Pictures(CalibrationDataReader):
    """All pictures in all sizes, one after the other."""

    def __init__(self, pictures: Sequence[np.ndarray], sizes: Sequence[Sequence[int]], normalisation: Normalisation) -> None:
        self._inputs = self._all(pictures, sizes, normalisation)

    @staticmethod
    def _all(pictures: Sequence[np.ndarray], sizes: Sequence[Sequence[int]], normalisation: Normalisation) -> Iterator[dict]:
        for width, height in sizes:
            for picture in pictures:
                yield {"images": letterboxed(picture, width, height, normalisation)}

    def get_next(self) -> dict | None:
        """The next input, or nothing at the end."""
        return next(self._inputs, None)
