"""Pictures of a clip, and what is behind the people in it."""

from __future__ import annotations

import pathlib

import cv2
import numpy as np


class Unreadable(Exception):
    """A clip or picture that cannot be used; the text says why."""


def pictures(path: pathlib.Path) -> list[np.ndarray]:
    """All pictures of a clip (blue, green, red)."""
    capture = cv2.VideoCapture(str(path))
    found: list[np.ndarray] = []
    while True:
        more, picture = capture.read()
        if not more:
            break
        found.append(picture)
    if not found:
        raise Unreadable(f"{path}: no pictures can be read")
    return found


def picture(path: pathlib.Path, with_alpha: bool = False) -> np.ndarray:
    """A picture (blue, green, red, and alpha if asked for)."""
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED if with_alpha else cv2.IMREAD_COLOR)
    if found is None:
        raise Unreadable(f"{path}: not a picture")
    return found


def median(clip: list[np.ndarray]) -> np.ndarray:
    """The empty scene: the median of about 160 pictures. Who stands most of the time stays in it."""
    step = max(1, len(clip) // 160)
    middle: np.ndarray = np.median(np.stack(clip[::step]), axis=0)
    return middle.astype(np.uint8)


def cropped(picture: np.ndarray, width: int, height: int, top_share: float = 0.5) -> np.ndarray:
    """The largest part of the shape `width` x `height`, resized to it.

    `top_share` is how much of what is cut off above and below is cut off above.
    """
    have_height, have_width = picture.shape[:2]
    if have_width * height > have_height * width:
        keep = round(have_height * width / height)
        left = (have_width - keep) // 2
        part = picture[:, left : left + keep]
    else:
        keep = round(have_width * height / width)
        top = round((have_height - keep) * top_share)
        part = picture[top : top + keep]
    shrinks = part.shape[1] > width
    return cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
