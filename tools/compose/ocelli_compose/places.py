"""A line and a zone, and what truly happens there: computed from the exact boxes."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np

from .paint import Box
from .spec import RATE, Spec

# How far from the line somebody has to be before a crossing counts, in heights of the box: the default of ocelli's
# `line` rule, so that both speak of the same crossings.
CLEAR = 0.2
# Shorter stays are none, and shorter absences do not end one.
STAY_SECS_MIN = 0.5

# Who is first seen nearer to the edge of the picture than so many widths (left, right) or heights came in there: as
# ocelli has it.
EDGE_WIDTHS, EDGE_HEIGHTS = 1.0, 0.25

Points = list[tuple[float, float]]


class View(Protocol):
    """What has a size in pixels: a stream's specification, or a clip."""

    @property
    def width(self) -> int:
        """Of a picture."""

    @property
    def height(self) -> int:
        """Of a picture."""


@dataclasses.dataclass(frozen=True)
class Crossing:
    """Somebody went over the line."""

    tag: int
    line: str
    direction: str
    at_secs: float


@dataclasses.dataclass(frozen=True)
class Stay:
    """Somebody was in the zone."""

    tag: int
    zone: str
    from_secs: float
    to_secs: float
    appeared_inside: bool
    """Whether it was there from its first picture on, away from the edges of the picture: no entry."""


def line(spec: Spec) -> Points:
    """From top to bottom, somewhere in the middle third."""
    dice = spec.dice("line")
    middle = dice.uniform(0.35, 0.65)
    tilt = dice.uniform(-0.1, 0.1)
    return [(round(middle + tilt, 3), 0.0), (round(middle - tilt, 3), 1.0)]


def zone(spec: Spec) -> Points:
    """Four corners in the lower part."""
    dice = spec.dice("zone")
    left = dice.uniform(0.1, 0.5)
    right = left + dice.uniform(0.3, 0.4)
    top = dice.uniform(0.4, 0.55)
    return [
        (round(x, 3), round(y, 3))
        for x, y in ((left + 0.04, top), (right - 0.02, top + 0.02), (right, 1.0), (left, 1.0))
    ]


def anchor(box: Box, view: View) -> tuple[float, float]:
    """Where somebody stands, 0..1: the middle of the lower edge."""
    return (box.left + box.width / 2) / view.width, (box.top + box.height) / view.height


def crossings(name: str, points: Points, boxes: list[tuple[float, Box]], view: View) -> list[Crossing]:
    """The crossings of one object. It has to be clear of the line before and after; going back undoes a crossing."""
    aspect = view.width / view.height
    start, end = (np.array([x * aspect, y]) for x, y in points)
    along = end - start

    def side(place: np.ndarray) -> bool:
        """Whether a place is to the right, seen along the line, the y axis pointing down."""
        return bool(along[0] * (place - start)[1] - along[1] * (place - start)[0] > 0)

    found = []
    pending, crossed_at = 0, 0.0
    came = False
    last: np.ndarray | None = None
    for secs, box in boxes:
        x, y = anchor(box, view)
        place = np.array([x * aspect, y])
        if came and last is not None and side(last) != side(place) and _passes_between(last, place, start, end):
            pending = max(-1, min(1, pending + (1 if side(place) else -1)))
            crossed_at = secs
        last = place
        clear = _distance(place, start, end) >= CLEAR * box.height / view.height
        came = came or clear
        if pending and clear:
            found.append(Crossing(box.tag, name, "right" if pending > 0 else "left", crossed_at))
            pending = 0
    return found


def _passes_between(last: np.ndarray, place: np.ndarray, start: np.ndarray, end: np.ndarray) -> bool:
    step = place - last

    def beyond(point: np.ndarray) -> bool:
        return bool(step[0] * (point - last)[1] - step[1] * (point - last)[0] > 0)

    return beyond(start) != beyond(end)


def _distance(place: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    along = end - start
    share = float(np.clip(np.dot(place - start, along) / np.dot(along, along), 0, 1))
    return float(np.linalg.norm(place - (start + share * along)))


def stays(name: str, points: Points, boxes: list[tuple[float, Box]], view: View) -> list[Stay]:
    """The stays of one object."""
    inside = [secs for secs, box in boxes if contains(points, anchor(box, view))]
    spans: list[list[float]] = []
    for secs in inside:
        if spans and secs - spans[-1][1] <= STAY_SECS_MIN:
            spans[-1][1] = secs
        else:
            spans.append([secs, secs])
    tag = boxes[0][1].tag if boxes else 0
    return [
        Stay(tag, name, first, last, first == boxes[0][0] and not _is_at_edge(boxes[0][1], view))
        for first, last in spans
        if last - first >= STAY_SECS_MIN - 0.5 / RATE
    ]


def _is_at_edge(box: Box, view: View) -> bool:
    right, bottom = view.width - box.left - box.width, view.height - box.top - box.height
    return min(box.left, right) <= EDGE_WIDTHS * box.width or min(box.top, bottom) <= EDGE_HEIGHTS * box.height


def contains(points: Points, place: tuple[float, float]) -> bool:
    """Whether a place is inside a polygon: a ray to the right crosses its edges an odd number of times."""
    x, y = place
    odd = False
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
            odd = not odd
    return odd
