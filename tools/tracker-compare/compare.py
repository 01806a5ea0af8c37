"""Compares trackers on the same detections: HOTA, IDF1, MOTA by look rate, with paired intervals.

    python compare.py SEQUENCES TRACK_BOXES [--rates 25,7,5,2,1] [--names a,b] [--program NAME=COMMAND]

`SEQUENCES` holds the folders that `detect.py` and `simulate.py` make; `TRACK_BOXES` is the built
example of the crate `ocelli-scene`. A program given with `--program` reads and writes what that
example does; `{threshold}` and `{rate}` in its command are filled in.
"""

from __future__ import annotations

import argparse
import pathlib
import shlex

import numpy as np

import run_trackers
import score
import sequences

# Threshold and low threshold of the detections, by the beginning of a sequence's name.
THRESHOLDS = {"pets": (0.45, 0.2), "": (0.5, 0.1)}
PYTHON = ["bytetrack", "ocsort", "botsort", "cbiou"]
# Pieces that the bootstrap draws from, in seconds.
PIECE_SECS = 15.0
DRAWS = 300


def thresholds(name: str) -> tuple[float, float]:
    """The thresholds of a sequence."""
    return next(value for start, value in THRESHOLDS.items() if name.startswith(start))


def pieces(sequence: sequences.Sequence, found: run_trackers.Found) -> list[dict]:
    """Scores of the pieces of a sequence, tracked as a whole."""
    results = []
    numbers = [int(at / PIECE_SECS) for at in sequence.times]
    for number in sorted(set(numbers)):
        chosen = [i for i, n in enumerate(numbers) if n == number]
        part = sequences.Sequence(
            sequence.name,
            sequence.width,
            sequence.height,
            [sequence.times[i] for i in chosen],
            [sequence.detections[i] for i in chosen],
            [sequence.truth[i] for i in chosen],
        )
        if sum(len(boxes.ids) for boxes in part.truth):
            results.append(score.evaluate(part, [found[i] for i in chosen]))
    return results


def interval(ours: list[dict], other: list[dict], rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """95 % of the differences (ours less the other's), both drawn with the same pieces."""
    differences: dict[str, list[float]] = {"HOTA": [], "IDF1": []}
    for _ in range(DRAWS):
        drawn = rng.integers(len(ours), size=len(ours))
        a = score.pooled([ours[i] for i in drawn])
        b = score.pooled([other[i] for i in drawn])
        for name, values in differences.items():
            values.append(a[name] - b[name])
    return {name: tuple(np.percentile(values, [2.5, 97.5])) for name, values in differences.items()}


def main() -> None:
    """Prints one row for each rate and tracker, pooled over the sequences."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sequences", type=pathlib.Path)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--rates", default="25,7,5,2,1")
    parser.add_argument("--names", default="")
    parser.add_argument("--program", action="append", default=[])
    parser.add_argument("--each", action="store_true", help="a row for each sequence as well")
    args = parser.parse_args()
    names = args.names.split(",") if args.names else sorted(p.name for p in args.sequences.iterdir())
    programs = dict(text.split("=", 1) for text in args.program)
    rng = np.random.default_rng(1)
    print("| looks/s | tracker | HOTA | DetA | AssA | IDF1 | MOTA | IDSW | ours less it: HOTA | IDF1 |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for rate in (float(text) for text in args.rates.split(",")):
        whole: dict[str, list[dict]] = {}
        parts: dict[str, list[dict]] = {}
        for name in names:
            sequence, full = sequences.load(args.sequences / name)
            if rate > full + 0.01:
                continue
            sequence = sequences.at_rate(sequence, rate)
            threshold, low = thresholds(name)
            runs = {"ocelli": run_trackers.ours(args.binary.resolve(), sequence, threshold, low)}
            for kind in PYTHON:
                runs[kind] = run_trackers.python(kind, sequence, threshold, low, rate, {})
            for kind, command in programs.items():
                words = shlex.split(
                    command.format(threshold=threshold, rate=rate, age=max(2, round(3 * rate)))
                )
                runs[kind] = run_trackers.program(words, sequence, low)
            for kind, found in runs.items():
                result = score.evaluate(sequence, found)
                whole.setdefault(kind, []).append(result)
                parts.setdefault(kind, []).extend(pieces(sequence, found))
                if args.each:
                    row(rate, f"{name}: {kind}", score.pooled([result]), None)
        for kind, results in whole.items():
            spread = None if kind == "ocelli" else interval(parts["ocelli"], parts[kind], rng)
            row(rate, kind, score.pooled(results), spread)


def row(rate: float, name: str, figures: dict[str, float], spread: dict | None) -> None:
    """Prints one row."""
    cells = [f"{rate:g}", name, *(f"{figures[k]:.1f}" for k in ("HOTA", "DetA", "AssA", "IDF1", "MOTA"))]
    cells.append(str(figures["IDSW"]))
    cells += ["", ""] if spread is None else [f"{low:+.1f} to {high:+.1f}" for low, high in spread.values()]
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
