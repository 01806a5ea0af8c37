"""HOTA, IDF1 and MOTA by `trackeval`, for one sequence and pooled."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import trackeval

from sequences import Sequence

# Labels that one object may go by: a truck called a car is found, not missed.
CLASSES = {"person": 0, "bicycle": 1, "motorcycle": 1, "car": 2, "bus": 2, "truck": 2, "train": 2}


def _iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if not len(a) or not len(b):
        return np.zeros((len(a), len(b)))
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = np.prod(a[:, 2:] - a[:, :2], axis=1)[:, None] + np.prod(b[:, 2:] - b[:, :2], axis=1)[None]
    return shared / np.maximum(areas - shared, 1e-9)


def evaluate(sequence: Sequence, found: list[list[tuple[int, str, np.ndarray]]]) -> dict:
    """Scores what a tracker found: for each look its (tag, label, left-top-right-bottom)."""
    truth_numbers: dict[int, int] = {}
    found_numbers: dict[int, int] = {}
    truth_ids, found_ids, likeness = [], [], []
    for truth, tracks in zip(sequence.truth, found):
        truth_ids.append(
            np.array([truth_numbers.setdefault(i, len(truth_numbers)) for i in truth.ids], dtype=int)
        )
        found_ids.append(
            np.array([found_numbers.setdefault(t[0], len(found_numbers)) for t in tracks], dtype=int)
        )
        boxes = np.array([t[2] for t in tracks], dtype=float).reshape(-1, 4)
        same = np.array(
            [[CLASSES.get(a) == CLASSES.get(t[1]) for t in tracks] for a in truth.label], dtype=float
        )
        likeness.append(_iou(truth.xyxy, boxes) * same.reshape(len(truth.label), len(tracks)))
    data = {
        "num_timesteps": len(truth_ids),
        "gt_ids": truth_ids,
        "tracker_ids": found_ids,
        "similarity_scores": likeness,
        "num_gt_ids": len(truth_numbers),
        "num_tracker_ids": len(found_numbers),
        "num_gt_dets": sum(map(len, truth_ids)),
        "num_tracker_dets": sum(map(len, found_ids)),
    }
    with contextlib.redirect_stdout(io.StringIO()):
        return {metric.get_name(): metric.eval_sequence(data) for metric in _metrics()}


def _metrics() -> list:
    with contextlib.redirect_stdout(io.StringIO()):
        return [trackeval.metrics.HOTA(), trackeval.metrics.Identity(), trackeval.metrics.CLEAR()]


def pooled(results: list[dict]) -> dict[str, float]:
    """One row of figures, in percent, over the sequences together."""
    parts = {}
    for metric in _metrics():
        name = metric.get_name()
        with contextlib.redirect_stdout(io.StringIO()):
            parts[name] = metric.combine_sequences({str(i): r[name] for i, r in enumerate(results)})
    return {
        "HOTA": 100 * float(np.mean(parts["HOTA"]["HOTA"])),
        "DetA": 100 * float(np.mean(parts["HOTA"]["DetA"])),
        "AssA": 100 * float(np.mean(parts["HOTA"]["AssA"])),
        "IDF1": 100 * float(parts["Identity"]["IDF1"]),
        "MOTA": 100 * float(parts["CLEAR"]["MOTA"]),
        "IDSW": int(parts["CLEAR"]["IDSW"]),
    }
