"""Detections and truth as text, and the same at fewer looks a second.

A sequence is a folder with three files:

* `look.json`: `width`, `height`, `rate` (pictures a second), `pictures`;
* `det.txt`: `picture,label,left,top,width,height,score`, pixels, pictures from 0;
* `gt.txt`: `picture,id,label,left,top,width,height`, the same.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import pathlib

import numpy as np


@dataclasses.dataclass
class Boxes:
    """The boxes of one picture."""

    xyxy: np.ndarray
    score: np.ndarray
    label: list[str]
    ids: np.ndarray


@dataclasses.dataclass
class Sequence:
    """Boxes by picture, and when each picture was looked at."""

    name: str
    width: int
    height: int
    times: list[float]
    detections: list[Boxes]
    truth: list[Boxes]


def _boxes(rows: list[tuple[str, list[float], float, int]]) -> Boxes:
    ltwh = np.array([row[1] for row in rows], dtype=float).reshape(-1, 4)
    xyxy = ltwh.copy()
    xyxy[:, 2:] += ltwh[:, :2]
    return Boxes(
        xyxy=xyxy,
        score=np.array([row[2] for row in rows], dtype=float),
        label=[row[0] for row in rows],
        ids=np.array([row[3] for row in rows], dtype=int),
    )


def load(folder: pathlib.Path) -> tuple[Sequence, float]:
    """Reads a sequence at its full rate; the second result is the rate."""
    look = json.loads((folder / "look.json").read_text())
    pictures = int(look["pictures"])
    detections: list[list] = [[] for _ in range(pictures)]
    truth: list[list] = [[] for _ in range(pictures)]
    with (folder / "det.txt").open() as file:
        for picture, label, *numbers in csv.reader(file):
            values = [float(number) for number in numbers]
            detections[int(picture)].append((label, values[:4], values[4], 0))
    with (folder / "gt.txt").open() as file:
        for picture, identity, label, *numbers in csv.reader(file):
            values = [float(number) for number in numbers]
            truth[int(picture)].append((label, values[:4], 1.0, int(identity)))
    rate = float(look["rate"])
    sequence = Sequence(
        name=folder.name,
        width=int(look["width"]),
        height=int(look["height"]),
        times=[picture / rate for picture in range(pictures)],
        detections=[_boxes(rows) for rows in detections],
        truth=[_boxes(rows) for rows in truth],
    )
    return sequence, rate


def at_rate(sequence: Sequence, rate: float) -> Sequence:
    """Keeps the picture nearest to each tick of `rate` a second: the gaps are as uneven as real ones."""
    end = sequence.times[-1]
    ticks = np.arange(0.0, end + 1e-9, 1.0 / rate)
    times = np.array(sequence.times)
    chosen = sorted({int(np.abs(times - tick).argmin()) for tick in ticks})
    return dataclasses.replace(
        sequence,
        times=[sequence.times[i] for i in chosen],
        detections=[sequence.detections[i] for i in chosen],
        truth=[sequence.truth[i] for i in chosen],
    )
