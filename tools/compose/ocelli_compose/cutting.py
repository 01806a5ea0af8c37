"""Cuts walkers and vehicles out of a clip by how they differ from its empty scene."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from .sprite import Sprite

# A pixel belongs to somebody if a colour differs by more than this from the empty scene (of 255).
DIFFERENCE_MIN = 22
# Shadows keep the colour and lose light: how much is left, and how far the shares of the colours may move.
SHADOW_LIGHT = (0.45, 0.97)
SHADOW_COLOUR_MAX = 0.022
# Shares of the box that have to be the object's.
FILL_MIN = 0.38
# Of one picture to the next.
OVERLAP_MIN = 0.3
HEIGHT_CHANGE = (0.85, 1.18)
AREA_CHANGE = (0.7, 1.42)
# Pictures that an object has to be followed, and those left out at both ends.
PICTURES_MIN = 14
TRIMMED = 2
# Pixels from the border within which an object may be cut off.
BORDER = 3


@dataclasses.dataclass(frozen=True)
class Form:
    """What something alone looks like."""

    name: str
    label: str
    height: tuple[int, int]
    """Pixels."""
    width_share: tuple[float, float]
    """Width over height in any picture."""
    width_share_median_max: float
    """The same over all: more are two side by side."""


WALKER = Form("walker", "person", (45, 150), (0.2, 0.62), 0.5)
VEHICLE = Form("cut", "car", (16, 400), (0.4, 4.0), 4.0)


@dataclasses.dataclass
class Seen:
    """An object in one picture."""

    left: int
    top: int
    width: int
    height: int
    colour: np.ndarray
    alpha: np.ndarray


def walkers(clip: list[np.ndarray], plate: np.ndarray, rate: float, most: int) -> list[Sprite]:
    """The walkers that can be followed longest, `most` of them."""
    return _cut(clip, plate, rate, most, WALKER)


def vehicles(clip: list[np.ndarray], plate: np.ndarray, rate: float, most: int) -> list[Sprite]:
    """What moves and is wider than a walker. The clip should show vehicles alone."""
    return _cut(clip, plate, rate, most, VEHICLE)


def _cut(clip: list[np.ndarray], plate: np.ndarray, rate: float, most: int, form: Form) -> list[Sprite]:
    open_ways: list[list[Seen]] = []
    ways: list[list[Seen]] = []
    for picture in clip:
        found = _alone(picture, plate, form)
        going_on: list[list[Seen]] = []
        for way in open_ways:
            following = _next(way[-1], found)
            if following is None:
                ways.append(way)
            else:
                found = [seen for seen in found if seen is not following]
                going_on.append([*way, following])
        open_ways = going_on + [[seen] for seen in found]
    ways.extend(open_ways)
    good = [way for way in ways if len(way) >= PICTURES_MIN and _single(way, form)]
    good.sort(key=lambda way: (-len(way), way[0].left, way[0].top))
    return [_sprite(f"{form.name}-{number:02}", form.label, way, rate) for number, way in enumerate(good[:most])]


def _mask(picture: np.ndarray, plate: np.ndarray) -> np.ndarray:
    difference = cv2.absdiff(picture, plate).max(axis=2)
    mask = (cv2.GaussianBlur(difference, (5, 5), 0) > DIFFERENCE_MIN).astype(np.uint8)
    changed = mask > 0
    have, empty = picture[changed].astype(np.float32), plate[changed].astype(np.float32)
    light, empty_light = have.sum(axis=1) + 1, empty.sum(axis=1) + 1
    left = light / empty_light
    moved = np.abs(have / light[:, None] - empty / empty_light[:, None]).max(axis=1)
    shadow = (left > SHADOW_LIGHT[0]) & (left < SHADOW_LIGHT[1]) & (moved < SHADOW_COLOUR_MAX)
    mask[changed] = ~shadow
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((7, 5), np.uint8))
    # Barrier tape and cables are thin.
    return cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))


def _alone(picture: np.ndarray, plate: np.ndarray, form: Form) -> list[Seen]:
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(_mask(picture, plate))
    rows, columns = picture.shape[:2]
    found = []
    for number in range(1, count):
        left, top, width, height, area = (int(value) for value in statistics[number])
        inside = left > BORDER and top > BORDER and left + width < columns - BORDER and top + height < rows - BORDER
        (low, high), (least, most) = form.width_share, form.height
        fits = low <= width / height <= high and least <= height <= most
        if not (inside and fits and area >= FILL_MIN * width * height):
            continue
        part = (slice(top, top + height), slice(left, left + width))
        found.append(Seen(left, top, width, height, picture[part].copy(), (labels[part] == number).astype(np.uint8)))
    return found


def _next(last: Seen, found: list[Seen]) -> Seen | None:
    best, best_overlap = None, OVERLAP_MIN
    for seen in found:
        if not HEIGHT_CHANGE[0] < seen.height / last.height < HEIGHT_CHANGE[1]:
            continue
        if not AREA_CHANGE[0] < seen.alpha.sum() / last.alpha.sum() < AREA_CHANGE[1]:
            continue
        width = min(last.left + last.width, seen.left + seen.width) - max(last.left, seen.left)
        height = min(last.top + last.height, seen.top + seen.height) - max(last.top, seen.top)
        if width <= 0 or height <= 0:
            continue
        shared = width * height
        overlap = shared / (last.width * last.height + seen.width * seen.height - shared)
        if overlap > best_overlap:
            best, best_overlap = seen, overlap
    return best


def _single(way: list[Seen], form: Form) -> bool:
    """Whether it is one object rather than two side by side."""
    return float(np.median([seen.width / seen.height for seen in way])) <= form.width_share_median_max


def _sprite(name: str, label: str, way: list[Seen], rate: float) -> Sprite:
    # Where they come from behind something or go there, a part is missing.
    way = way[TRIMMED:-TRIMMED]
    heights = [float(np.median([seen.height for seen in way[max(0, at - 4) : at + 5]])) for at in range(len(way))]
    secs = (len(way) - 1) / rate
    moved = (way[-1].left + way[-1].width / 2) - (way[0].left + way[0].width / 2)
    edge = np.ones((2, 2), np.uint8)
    alphas = [cv2.GaussianBlur(cv2.erode(seen.alpha, edge).astype(np.float32), (3, 3), 0) for seen in way]
    return Sprite(
        name=name,
        label=label,
        rate=rate,
        colours=[seen.colour for seen in way],
        alphas=alphas,
        heights=heights,
        heights_per_sec=moved / secs / float(np.median(heights)),
    )
