"""Makes the small sequences by which `ocelli-eval` is compared with the Python packages.

    python generate.py FOLDER

Each is a pair of MOT files, `NAME.truth.txt` and `NAME.found.txt`. All boxes are made up; the same
numbers come out every time.
"""

from __future__ import annotations

import dataclasses
import pathlib
import sys

import numpy as np

WIDTH, HEIGHT = 640.0, 360.0


@dataclasses.dataclass
class Faults:
    """What a made-up tracker does wrong."""

    shift: float = 0.08
    """Standard deviation of a box's place and size, in sizes of the box."""
    missed: float = 0.1
    """Share of the boxes that it misses."""
    renamed: float = 0.0
    """Chance that an object gets a new name, in each picture."""
    swapped: float = 0.0
    """Chance that two objects swap their names, in each picture."""
    invented: float = 0.1
    """Mean number of boxes that are none, in each picture."""


Box = tuple[int, np.ndarray]


def walks(rng: np.random.Generator, pictures: int, objects: int, spread: float) -> list[list[Box]]:
    """Objects on straight ways through the picture, some of them gone for a while."""
    result: list[list[Box]] = [[] for _ in range(pictures)]
    for name in range(1, objects + 1):
        start, end = sorted(rng.integers(0, pictures, 2))
        size = rng.uniform(20, 60) * np.array([0.45, 1.0])
        middle = np.array([WIDTH, HEIGHT]) / 2
        place = middle + rng.normal(0, spread, 2) * middle
        speed = rng.normal(0, 3.0, 2)
        hidden = set(range(*sorted(rng.integers(0, pictures, 2)))) if rng.random() < 0.3 else set()
        for picture in range(start, end + 1):
            place = place + speed + rng.normal(0, 0.5, 2)
            if picture not in hidden:
                result[picture].append((name, np.concatenate([place - size / 2, size])))
    return result


def tracked(rng: np.random.Generator, truth: list[list[Box]], faults: Faults) -> list[list[Box]]:
    """What a tracker with these faults makes of the truth."""
    names: dict[int, int] = {}
    unused = 1000
    result = []
    for boxes in truth:
        found: list[Box] = []
        if rng.random() < faults.swapped and len(names) > 1:
            a, b = rng.choice(sorted(names), 2, replace=False)
            names[a], names[b] = names[b], names[a]
        for name, box in boxes:
            if name not in names or rng.random() < faults.renamed:
                unused += 1
                names[name] = unused
            if rng.random() >= faults.missed:
                noise = rng.normal(0, faults.shift, 4) * np.tile(box[2:], 2)
                found.append((names[name], box + noise))
        for _ in range(rng.poisson(faults.invented)):
            unused += 1
            size = rng.uniform(20, 60, 2)
            place = rng.uniform(0, [WIDTH, HEIGHT])
            found.append((unused, np.concatenate([place, size])))
        # A name stands once in a picture.
        result.append(list(dict(found).items()))
    return result


def text(sequence: list[list[Box]], confidence: str) -> str:
    """MOT text."""
    lines = []
    for picture, boxes in enumerate(sequence, start=1):
        for name, box in boxes:
            sides = ",".join(f"{side:.1f}" for side in np.maximum(box, [-99, -99, 2, 2]))
            lines.append(f"{picture},{name},{sides},{confidence},-1,-1,-1\n")
    return "".join(lines)


def main() -> None:
    """Writes all pairs."""
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    cases = {
        "good": (80, 5, 0.5, Faults(shift=0.03, missed=0.02, invented=0.02)),
        "renamed": (120, 6, 0.5, Faults(renamed=0.05)),
        "swapped": (120, 6, 0.3, Faults(swapped=0.2)),
        "crowd": (40, 25, 0.12, Faults(shift=0.12, renamed=0.02, swapped=0.1)),
        "loose": (120, 6, 0.4, Faults(shift=0.25, missed=0.2, invented=0.5)),
        "sparse": (160, 4, 0.6, Faults(missed=0.6, invented=0.05)),
        "blind": (20, 3, 0.5, Faults(missed=1.0, invented=0.0)),
        "imagined": (20, 0, 0.5, Faults(invented=1.0)),
    }
    for number, (name, (pictures, objects, spread, faults)) in enumerate(cases.items()):
        rng = np.random.default_rng(100 + number)
        truth = walks(rng, pictures, objects, spread)
        (folder / f"{name}.truth.txt").write_text(text(truth, "1"))
        (folder / f"{name}.found.txt").write_text(text(tracked(rng, truth, faults), "0.9"))


if __name__ == "__main__":
    main()
