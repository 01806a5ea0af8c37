"""Pastes objects into a picture, and says exactly where they are."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from . import canary
from .plan import Way
from .sprite import Sprite

# From which alpha on a pixel belongs to the box.
EDGE = 0.4
# Of an object has to be inside the picture and its window, for a box.
VISIBLE_MIN = 0.25
# How much a standing person's steps go on.
SWAY = 0.08
# Of a person's height: where the board begins and how high it is.
BOARD_TOP, BOARD_HEIGHT = 0.2, 0.56
# Pixels of a cell; smaller ones do not survive coding.
CELL_MIN = 3


@dataclasses.dataclass
class Box:
    """One object in one picture, in pixels from 0."""

    tag: int
    label: str
    left: float
    top: float
    width: float
    height: float
    visible: float
    """Share of the object that nothing hides."""


@dataclasses.dataclass
class Pasted:
    """One object on its way into the picture."""

    way: Way
    left: int
    top: int
    colour: np.ndarray
    alpha: np.ndarray
    """Without the strength of faint ones."""
    whole: float
    """Sum of its alpha if nothing cut it off."""


class Painter:
    """Pastes the objects of one stream."""

    def __init__(self, width: int, height: int, walkers: list[Sprite], vehicles: list[Sprite], board: str) -> None:
        self.width, self.height = width, height
        self.walkers, self.vehicles = walkers, vehicles
        self.board = board

    def paint(self, picture: np.ndarray, ways: list[Way], at: float) -> list[Box]:
        """Pastes who is there at a time, the nearest last, and returns the boxes."""
        there = [way for way in ways if way.from_secs <= at <= way.from_secs + way.secs]
        pasted = [self._place(way, at) for way in sorted(there, key=lambda way: (way.foot(at), way.tag))]
        for piece in pasted:
            self._blend(picture, piece)
        boxes = []
        for number, piece in enumerate(pasted):
            box = self._box(piece, pasted[number + 1 :])
            if box is not None:
                boxes.append(box)
        return sorted(boxes, key=lambda box: box.tag)

    def _place(self, way: Way, at: float) -> Pasted:
        sprite = (self.walkers if way.label == "person" else self.vehicles)[way.sprite]
        moving = way.moving_secs(at)
        number = sprite.at(way.phase_secs + moving + SWAY * (at - way.from_secs - moving))
        colour, alpha = sprite.colours[number], sprite.alphas[number]
        if way.flipped:
            colour, alpha = colour[:, ::-1], alpha[:, ::-1]
        scale = way.height * self.height / sprite.heights[number]
        size = (max(2, round(alpha.shape[1] * scale)), max(2, round(alpha.shape[0] * scale)))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        colour = cv2.resize(np.ascontiguousarray(colour), size, interpolation=how)
        alpha = np.clip(cv2.resize(np.ascontiguousarray(alpha), size, interpolation=how), 0, 1)
        if self.board and way.label == "person":
            colour, alpha = self._wear(colour, alpha)
        left = way.middle(at) * self.height - size[0] / 2
        top = way.foot(at) * self.height - size[1]
        colour, alpha = _shifted(colour, alpha, left - np.floor(left), top - np.floor(top))
        whole = float(alpha.sum())
        first, last = (round(edge * self.height) - int(np.floor(left)) for edge in (way.left, way.right))
        alpha[:, : max(first, 0)] = 0
        alpha[:, max(last, 0) :] = 0
        return Pasted(way, int(np.floor(left)), int(np.floor(top)), colour, alpha, whole)

    def _wear(self, colour: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The person with the board before them, if they are tall enough for one that survives coding."""
        height, width = alpha.shape
        cell = int(height * BOARD_HEIGHT / canary.ROWS)
        if cell < CELL_MIN:
            return colour, alpha
        board = canary.board(self.board, cell)
        spare = max(0, board.shape[1] - width)
        sides = (spare // 2, spare - spare // 2)
        colour = np.pad(colour, ((0, 0), sides, (0, 0)), mode="edge")
        alpha = np.pad(alpha, ((0, 0), sides))
        top, left = round(BOARD_TOP * height), (alpha.shape[1] - board.shape[1]) // 2
        part = (slice(top, top + board.shape[0]), slice(left, left + board.shape[1]))
        colour[part] = board[..., None]
        alpha[part] = 1
        return colour, alpha

    def _blend(self, picture: np.ndarray, piece: Pasted) -> None:
        self._shadow(picture, piece)
        part = self._inside(piece)
        if part is None:
            return
        there, here = part
        share = (piece.alpha[here] * piece.way.strength)[..., None]
        under = picture[there].astype(np.float32)
        picture[there] = (under + (piece.colour[here] - under) * share + 0.5).astype(np.uint8)

    def _shadow(self, picture: np.ndarray, piece: Pasted) -> None:
        """A soft dark spot where it touches the ground."""
        columns = np.flatnonzero(piece.alpha.max(axis=0) > EDGE)
        if not len(columns):
            return
        wide, high = len(columns) * 0.55, max(2.0, piece.way.height * self.height * 0.05)
        middle = (piece.left + float(columns.mean()), piece.top + piece.alpha.shape[0] - high * 0.3)
        left, right = (round(np.clip(middle[0] + side * 1.3 * wide, 0, self.width)) for side in (-1, 1))
        top, bottom = (round(np.clip(middle[1] + side * 1.8 * high, 0, self.height)) for side in (-1, 1))
        if right - left < 2 or bottom - top < 2:
            return
        x = (np.arange(left, right, dtype=np.float32) - middle[0]) / wide
        y = (np.arange(top, bottom, dtype=np.float32) - middle[1]) / high
        dark = 1 - 0.45 * piece.way.strength * np.exp(-1.5 * (x[None] ** 2 + y[:, None] ** 2))
        picture[top:bottom, left:right] = (picture[top:bottom, left:right] * dark[..., None]).astype(np.uint8)

    def _inside(self, piece: Pasted) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
        """Where the piece is in the picture, and which part of the piece that is."""
        height, width = piece.alpha.shape
        left, top = max(piece.left, 0), max(piece.top, 0)
        right, bottom = min(piece.left + width, self.width), min(piece.top + height, self.height)
        if right <= left or bottom <= top:
            return None
        here = (slice(top - piece.top, bottom - piece.top), slice(left - piece.left, right - piece.left))
        return (slice(top, bottom), slice(left, right)), here

    def _box(self, piece: Pasted, nearer: list[Pasted]) -> Box | None:
        part = self._inside(piece)
        if part is None or piece.whole <= 0:
            return None
        there, here = part
        alpha = piece.alpha[here]
        shown = float(alpha.sum())
        if shown < VISIBLE_MIN * piece.whole:
            return None
        rows, columns = np.flatnonzero(alpha.max(axis=1) > EDGE), np.flatnonzero(alpha.max(axis=0) > EDGE)
        if not len(rows) or not len(columns):
            return None
        left, top = there[1].start + int(columns[0]), there[0].start + int(rows[0])
        width, height = int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1
        visible = self._visible(alpha, there, nearer) / piece.whole
        return Box(piece.way.tag, piece.way.label, left, top, width, height, visible)

    def _visible(self, alpha: np.ndarray, there: tuple[slice, slice], nearer: list[Pasted]) -> float:
        """Sum of what is left of an alpha behind those that are nearer."""
        left = alpha.copy()
        for other in nearer:
            part = self._inside(other)
            if part is None:
                continue
            over, of_other = part
            top, bottom = max(there[0].start, over[0].start), min(there[0].stop, over[0].stop)
            first, last = max(there[1].start, over[1].start), min(there[1].stop, over[1].stop)
            if bottom <= top or last <= first:
                continue
            cover = other.alpha[of_other][
                top - over[0].start : bottom - over[0].start, first - over[1].start : last - over[1].start
            ]
            left[top - there[0].start : bottom - there[0].start, first - there[1].start : last - there[1].start] *= (
                1 - cover
            )
        return float(left.sum())


def _shifted(colour: np.ndarray, alpha: np.ndarray, right: float, down: float) -> tuple[np.ndarray, np.ndarray]:
    """Moved by less than a pixel, so that slow ones do not jump."""
    size = (alpha.shape[1] + 1, alpha.shape[0] + 1)
    move = np.array([[1, 0, right], [0, 1, down]], np.float32)
    colour = cv2.warpAffine(colour, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(alpha, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return colour.astype(np.float32), alpha
