"""How much of what was pasted the detector can see: of each passage, at five looks a second."""

from __future__ import annotations

import collections
import dataclasses
import json
import pathlib

import cv2
import numpy as np

from .detect import VEHICLES, NanoDet, iou

LOOKS_PER_SEC = 5
# A look sees an object by a box of its label that overlaps it this much.
OVERLAP_MIN = 0.3
# A tracker needs two looks to believe in it.
LOOKS_MIN = 2


@dataclasses.dataclass
class Passage:
    """One true passage and what the looks saw of it."""

    label: str
    size: str
    faint: bool
    secs: float
    looks: int = 0
    hits: int = 0


def passages(video: pathlib.Path, detector: NanoDet) -> list[Passage]:
    """Looks at a composed stream."""
    happened = json.loads(video.with_suffix(".truth.json").read_text())
    found = {
        entry["tag"]: Passage(entry["label"], entry["size"], entry["faint"], entry["to_secs"] - entry["from_secs"])
        for entry in happened["passages"]
    }
    boxes: dict[int, list[tuple[int, np.ndarray]]] = collections.defaultdict(list)
    for line in video.with_suffix(".truth.txt").read_text().splitlines():
        number, tag, left, top, width, height = (float(field) for field in line.split(",")[:6])
        corner = np.array([left - 1, top - 1])
        boxes[int(number) - 1].append((int(tag), np.concatenate([corner, corner + np.array([width, height])])))
    step = round(happened["rate"] / LOOKS_PER_SEC)
    capture = cv2.VideoCapture(str(video))
    for number in range(happened["pictures"]):
        if not capture.grab():
            break
        if number % step or not boxes[number]:
            continue
        _, picture = capture.retrieve()
        detections = detector.detect(picture)
        for tag, box in boxes[number]:
            passage = found[tag]
            labels = {"person"} if passage.label == "person" else VEHICLES
            places = [np.array([d.left, d.top, d.right, d.bottom]) for d in detections if d.label in labels]
            passage.looks += 1
            passage.hits += any(iou(box, place) >= OVERLAP_MIN for place in places)
    return list(found.values())


def table(found: list[Passage]) -> str:
    """Shares by size, contrast, label and length."""
    rows: list[tuple[str, list[Passage]]] = [("all", found)]
    rows += [(label, [p for p in found if p.label == label]) for label in ("person", "car")]
    rows += [(size, [p for p in found if p.size == size]) for size in ("near", "middle", "far")]
    rows += [("faint", [p for p in found if p.faint]), ("not faint", [p for p in found if not p.faint])]
    rows += [("1-2 s", [p for p in found if p.secs < 2]), ("2-5 s", [p for p in found if 2 <= p.secs < 5])]
    rows += [("> 5 s", [p for p in found if p.secs >= 5])]
    lines = [
        "| passages | number | seen at least once | at least twice | of their looks |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, group in rows:
        if not group:
            continue
        once, twice = (sum(p.hits >= least for p in group) / len(group) for least in (1, LOOKS_MIN))
        looks = sum(p.hits for p in group) / max(1, sum(p.looks for p in group))
        lines.append(f"| {name} | {len(group)} | {once:.2f} | {twice:.2f} | {looks:.2f} |")
    return "\n".join(lines)
