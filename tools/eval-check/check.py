"""Recomputes with `trackeval` and `motmetrics` what the tests of `ocelli-eval` expect.

    python check.py FOLDER [--pets gt.txt] [--write]

Without `--write` it compares with `FOLDER/expected.json` and ends with 1 where a figure is off by
more than 0.01 points. `--pets` also scores the labelled people of PETS09-S2L1 against themselves,
disturbed by the rule of `disturbed`, which the test knows too.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import pathlib
import sys
from collections.abc import Iterator

import motmetrics
import numpy as np
import trackeval

HIT = 0.5
Picture = dict[int, list[float]]


def read(path: pathlib.Path) -> list[Picture]:
    """Left, top, width and height by name, by picture. Confidence 0 means that a box does not count."""
    pictures: list[Picture] = []
    for line in path.read_text().splitlines():
        number, name, *box, confidence = (float(field) for field in line.split(",")[:7])
        while len(pictures) < number:
            pictures.append({})
        if confidence != 0:
            pictures[int(number) - 1][int(name)] = box
    return pictures


def disturbed(truth: list[Picture]) -> list[Picture]:
    """Every eleventh box is missed, all are shifted, and names change every 97 pictures."""
    found = []
    for picture, boxes in enumerate(truth):
        found.append({})
        for name, (left, top, width, height) in boxes.items():
            if (picture * 31 + name * 17) % 11 != 0:
                left += width * (((picture * 7 + name * 13) % 11) - 5) / 20
                found[-1][name + 100 * (picture // 97)] = [left, top, width, height]
    return found


def overlaps(a: list[list[float]], b: list[list[float]]) -> np.ndarray:
    """IoU of each of `a` with each of `b`."""
    if not a or not b:
        return np.zeros((len(a), len(b)))
    first, second = np.array(a)[:, None], np.array(b)[None]
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    return shared / (np.prod(first[..., 2:], axis=2) + np.prod(second[..., 2:], axis=2) - shared)


def both(truth: list[Picture], found: list[Picture]) -> Iterator[tuple[Picture, Picture]]:
    """The pictures side by side."""
    for number in range(max(len(truth), len(found))):
        yield tuple(side[number] if number < len(side) else {} for side in (truth, found))


def by_trackeval(truth: list[Picture], found: list[Picture]) -> dict:
    """What `trackeval` takes."""
    truth_numbers: dict[int, int] = {}
    found_numbers: dict[int, int] = {}
    data: dict = {"gt_ids": [], "tracker_ids": [], "similarity_scores": []}
    for true, seen in both(truth, found):
        data["gt_ids"].append(np.array([truth_numbers.setdefault(n, len(truth_numbers)) for n in true], dtype=int))
        data["tracker_ids"].append(np.array([found_numbers.setdefault(n, len(found_numbers)) for n in seen], dtype=int))
        data["similarity_scores"].append(overlaps(list(true.values()), list(seen.values())))
    data["num_timesteps"] = len(data["gt_ids"])
    data["num_gt_ids"], data["num_tracker_ids"] = len(truth_numbers), len(found_numbers)
    data["num_gt_dets"] = sum(map(len, data["gt_ids"]))
    data["num_tracker_dets"] = sum(map(len, data["tracker_ids"]))
    return data


def metrics() -> list:
    """The families of figures."""
    return [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(), trackeval.metrics.Identity()]


def figures(parts: dict) -> dict:
    """The figures under the names that `ocelli-eval` gives them."""
    hota, clear, identity = parts["HOTA"], parts["CLEAR"], parts["Identity"]
    names = {"hota": "HOTA", "det_a": "DetA", "ass_a": "AssA", "det_re": "DetRe", "det_pr": "DetPr", "loc_a": "LocA"}
    result = {ours: float(np.mean(hota[theirs])) for ours, theirs in names.items()}
    result |= {ours: float(identity[ours.upper()]) for ours in ("idf1", "idp", "idr")}
    names = {"mota": "MOTA", "motp": "MOTP"}
    result |= {ours: float(clear[theirs]) for ours, theirs in names.items()}
    names = {
        "hits": "CLR_TP", "misses": "CLR_FN", "false_alarms": "CLR_FP", "switches": "IDSW", "fragments": "Frag",
        "mostly_found": "MT", "mostly_lost": "ML",
    }  # fmt: skip
    return result | {ours: int(clear[theirs]) for ours, theirs in names.items()}


def by_motmetrics(truth: list[Picture], found: list[Picture]) -> dict:
    """The figures that `motmetrics` has as well."""
    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for true, seen in both(truth, found):
        iou = overlaps(list(true.values()), list(seen.values()))
        distance = np.where(iou >= HIT, 1 - iou, np.nan)
        accumulator.update(list(true), list(seen), distance)
    names = ["mota", "motp", "idf1", "idp", "idr", "num_switches", "num_misses", "num_false_positives"]
    row = motmetrics.metrics.create().compute(accumulator, metrics=names).iloc[0]
    renamed = {"num_switches": "switches", "num_misses": "misses", "num_false_positives": "false_alarms"}
    values = {renamed.get(name, name): float(row[name]) for name in names}
    values["motp"] = 1 - values["motp"]
    # Where nothing is divided by nothing the packages disagree on what to say.
    return {name: value for name, value in values.items() if np.isfinite(value)}


def compute(folder: pathlib.Path, pets: pathlib.Path | None) -> dict:
    """The figures of every pair, and pooled over those of the folder."""
    pairs = {
        path.name.split(".")[0]: (read(path), read(path.with_name(path.name.replace("truth", "found"))))
        for path in sorted(folder.glob("*.truth.txt"))
    }
    parts = {}
    result = {}
    if pets:
        truth = read(pets)
        pairs["PETS09-S2L1"] = (truth, disturbed(truth))
    for name, (truth, found) in pairs.items():
        data = by_trackeval(truth, found)
        with contextlib.redirect_stdout(io.StringIO()):
            parts[name] = {metric.get_name(): metric.eval_sequence(data) for metric in metrics()}
        result[name] = {"trackeval": figures(parts[name]), "motmetrics": by_motmetrics(truth, found)}
    parts.pop("PETS09-S2L1", None)
    with contextlib.redirect_stdout(io.StringIO()):
        pooled = {
            metric.get_name(): metric.combine_sequences({name: part[metric.get_name()] for name, part in parts.items()})
            for metric in metrics()
        }
    result["pooled"] = {"trackeval": figures(pooled)}
    return result


def main() -> int:
    """Writes or compares."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--pets", type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    computed = compute(args.folder, args.pets)
    path = args.folder / "expected.json"
    if args.write:
        path.write_text(json.dumps(computed, indent=1) + "\n")
        return 0
    expected = json.loads(path.read_text())
    wrong = 0
    for name, packages in computed.items():
        for package, values in packages.items():
            for figure, value in values.items():
                stored = expected[name][package][figure]
                if abs(stored - value) > 1e-4:
                    print(f"{name}: {package} says {figure} {value}, stored is {stored}")
                    wrong += 1
    print(f"{len(computed)} sequences compared, {wrong} figures off")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
