"""Searches the tracker's numbers by random steps from a start.

    python search.py SEQUENCES TRACK_BOXES STEPS [--seed 1] [--start '{"seen_sd": 0.25, ...}']

The aim is the mean over sequences (`pets*` twice, `tune*` once) and look rates of
0.6 HOTA + 0.4 IDF1. `test*` sequences are never looked at.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import random

import compare
import run_trackers
import score
import sequences

RATES = (25.0, 7.0, 2.0, 1.0)
# Numbers that are searched, with their bounds.
BOUNDS = {
    "seen_sd": (0.02, 0.5),
    "side_sd": (0.05, 0.3),
    "side_change": (0.1, 0.5),
    "speed_scale": (0.5, 2.5),
    "change_scale": (0.2, 3.0),
    "match_sd": (0.03, 0.4),
    "shape_sd": (0.12, 0.6),
    "iou_weight": (0.0, 10.0),
    "heading_weight": (0.0, 8.0),
    "cost_max": (0.0, 12.0),
    "rare_weight": (0.0, 4.0),
    "rare_max": (0.0, 10.0),
    "cost_max_low": (0.0, 6.0),
    "unconfirmed_cost": (0.0, 4.0),
    "standing_cost": (0.0, 5.0),
    "left_patience": (0.1, 1.0),
}


def aim(binary: pathlib.Path, looks: list[tuple[float, sequences.Sequence]], params: dict) -> float:
    """The figure that is made larger."""
    total = weights = 0.0
    for weight, sequence in looks:
        found = run_trackers.ours(binary, sequence, *compare.thresholds(sequence.name), params)
        figures = score.pooled([score.evaluate(sequence, found)])
        total += weight * (0.6 * figures["HOTA"] + 0.4 * figures["IDF1"])
        weights += weight
    return total / weights


def main() -> None:
    """Prints each better set of numbers as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sequences", type=pathlib.Path)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("steps", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", required=True)
    args = parser.parse_args()
    looks = []
    for folder in sorted(args.sequences.iterdir()):
        weight = 2.0 if folder.name.startswith("pets") else 1.0 if folder.name.startswith("tune") else 0.0
        sequence, full = sequences.load(folder)
        looks += [
            (weight, sequences.at_rate(sequence, rate)) for rate in RATES if weight and rate <= full + 0.1
        ]
    dice = random.Random(args.seed)
    best = {**json.loads(args.start)}
    binary = args.binary.resolve()
    most = aim(binary, looks, best)
    print(f"{most:.2f} at the start", flush=True)
    for _ in range(args.steps):
        trial = dict(best)
        for name in dice.sample(sorted(set(BOUNDS) & set(best)), dice.choice([1, 1, 2, 3])):
            low, high = BOUNDS[name]
            trial[name] = round(min(max(trial[name] * 2 ** dice.gauss(0, 0.6), low), high), 4)
        figure = aim(binary, looks, trial)
        if figure > most + 0.02:
            most, best = figure, trial
            print(f"{most:.2f} {json.dumps(best)}", flush=True)


if __name__ == "__main__":
    main()
