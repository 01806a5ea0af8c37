"""Runs one tracker over one sequence: ours, those of PyPI's `trackers`, and `trackforge`."""

from __future__ import annotations

import json
import pathlib
import subprocess
import warnings

import numpy as np
import supervision as sv
import trackers

from sequences import Sequence

Found = list[list[tuple[int, str, np.ndarray]]]


def _text(sequence: Sequence, low: float) -> str:
    lines = []
    for at, boxes in zip(sequence.times, sequence.detections):
        lines.append(f"look {at:.6f} {sequence.width} {sequence.height}")
        for label, box, score in zip(boxes.label, boxes.xyxy, boxes.score):
            if score >= low:
                left, top, right, bottom = box
                lines.append(
                    f"box {label} {left:.2f} {top:.2f} {right - left:.2f} {bottom - top:.2f} {score:.3f}"
                )
    return "\n".join(lines) + "\n"


def program(command: list[str], sequence: Sequence, low: float) -> Found:
    """A program that reads looks and writes tracks, as the example `track_boxes` does."""
    done = subprocess.run(command, input=_text(sequence, low), capture_output=True, text=True, check=True)
    found: Found = [[] for _ in sequence.times]
    for line in done.stdout.splitlines():
        look, tag, label, *box = line.split()
        left, top, width, height = map(float, box)
        found[int(look)].append((int(tag), label, np.array([left, top, left + width, top + height])))
    return found


def ours(
    binary: pathlib.Path, sequence: Sequence, threshold: float, low: float, params: dict | None = None
) -> Found:
    """The tracker of this repository."""
    command = [str(binary), str(threshold)]
    if params:
        command.append(json.dumps(params))
    return program(command, sequence, low)


def python(name: str, sequence: Sequence, threshold: float, low: float, rate: float, options: dict) -> Found:
    """A tracker of PyPI's `trackers`; vehicles and people apart, as it knows no classes. With its
    time stamps, so that uneven looks do it no harm."""
    kinds = {
        "bytetrack": trackers.ByteTrackTracker,
        "ocsort": trackers.OCSORTTracker,
        "botsort": trackers.BoTSORTTracker,
        "cbiou": trackers.CBIoUTracker,
    }
    common = {"frame_rate": rate, "high_conf_det_threshold": threshold, "lost_track_buffer": 90}
    if name in ("bytetrack", "botsort"):
        common["track_activation_threshold"] = threshold
    if name == "botsort":
        common["enable_cmc"] = False
    groups = [["person"], ["bicycle", "motorcycle"], ["car", "bus", "truck", "train"]]
    found: Found = [[] for _ in sequence.times]
    for number, group in enumerate(groups):
        if not any(label in group for boxes in sequence.detections for label in boxes.label):
            continue
        tracker = kinds[name](**{**common, **options})
        for look, (at, boxes) in enumerate(zip(sequence.times, sequence.detections)):
            keep = np.array([label in group for label in boxes.label], dtype=bool) & (boxes.score >= low)
            detections = sv.Detections(
                xyxy=boxes.xyxy[keep].astype(np.float32).reshape(-1, 4),
                confidence=boxes.score[keep].astype(np.float32),
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tracked = tracker.update(detections, timestamp=at)
            for box, identity in zip(
                tracked.xyxy, tracked.tracker_id if tracked.tracker_id is not None else []
            ):
                if identity >= 0:
                    found[look].append((int(identity) * 8 + number, group[0], np.array(box, dtype=float)))
    return found
