"""Composes one stream."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import cv2
import numpy as np

from . import clip, truth
from .encode import Encoder
from .paint import Box, Painter
from .plan import Way, plan
from .spec import RATE, Spec, WrongSpec
from .stock import Stock
from .weather import Weather


def empty_scene(spec: Spec, stock: Stock) -> np.ndarray:
    """The scene with nobody in it."""
    if spec.scene not in stock.scenes:
        raise WrongSpec(f"{spec.name}: no scene `{spec.scene}` in the stock, there are: {', '.join(stock.scenes)}")
    return clip.cropped(stock.scenes[spec.scene], spec.width, spec.height)


def frames(spec: Spec, stock: Stock, ways: list[Way]) -> Iterator[tuple[bytes, list[Box]]]:
    """The pictures as planes, and who is where in each."""
    plate = empty_scene(spec, stock)
    board = spec.canary if spec.canary_worn else ""
    painter = Painter(spec.width, spec.height, stock.walkers, stock.vehicles, board)
    weather = Weather(spec)
    for number in range(spec.pictures):
        at = number / RATE
        picture = plate.copy()
        boxes = painter.paint(picture, ways, at)
        picture, (right, down) = weather.shaken(picture, at)
        boxes = [moved for box in boxes if (moved := _moved(box, right, down, spec)) is not None]
        picture = weather.rained(weather.lit(picture, at), at)
        yield weather.coded(picture, at), boxes


def _moved(box: Box, right: float, down: float, spec: Spec) -> Box | None:
    """A box after the camera shook, cut to the picture."""
    if not right and not down:
        return box
    left, top = max(box.left + right, 0.0), max(box.top + down, 0.0)
    width = min(box.left + right + box.width, spec.width) - left
    height = min(box.top + down + box.height, spec.height) - top
    if width < 1 or height < 1:
        return None
    return Box(box.tag, box.label, left, top, width, height, box.visible)


def compose(spec: Spec, stock: Stock, folder: pathlib.Path) -> pathlib.Path:
    """Writes `NAME.mp4`, `NAME.truth.txt`, `NAME.truth.json` and `NAME.plate.png`; returns the first."""
    spec.check()
    empty_scene(spec, stock)
    folder.mkdir(parents=True, exist_ok=True)
    ways = plan(spec, stock.walkers, stock.vehicles, stock.grounds[spec.scene])
    path = folder / f"{spec.name}.mp4"
    pictures = []
    with Encoder(spec, path) as encoder:
        for planes, boxes in frames(spec, stock, ways):
            encoder.write(planes)
            pictures.append(boxes)
        encoder.close()
    (folder / f"{spec.name}.truth.txt").write_text(truth.boxes_text(pictures))
    (folder / f"{spec.name}.truth.json").write_text(truth.events_text(truth.events(spec, ways, pictures)))
    cv2.imwrite(str(folder / f"{spec.name}.plate.png"), empty_scene(spec, stock))
    return path
