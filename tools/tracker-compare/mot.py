"""Makes a sequence of two MOT files: the truth, and the boxes that stand for detections.

    python mot.py gt.txt boxes.txt WIDTH HEIGHT RATE FOLDER

The wheel of PyPI's `motmetrics` holds such pairs (`motmetrics/data/TUD-Campus`, 640x480, 25 a
second). Boxes without a score above 0 get 0.8.
"""

from __future__ import annotations

import json
import pathlib
import sys


def rows(path: pathlib.Path) -> list[list[float]]:
    """The numbers of each line."""
    lines = path.read_text().splitlines()
    return [[float(number) for number in line.split(",")[:7]] for line in lines if line]


def main() -> None:
    """Writes the sequence."""
    truth, boxes = rows(pathlib.Path(sys.argv[1])), rows(pathlib.Path(sys.argv[2]))
    folder = pathlib.Path(sys.argv[6])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "gt.txt").open("w") as file:
        for picture, identity, *box, _ in truth:
            file.write(f"{picture - 1:.0f},{identity:.0f},person,{','.join(f'{side:.2f}' for side in box)}\n")
    with (folder / "det.txt").open("w") as file:
        for picture, _, *box, score in boxes:
            sure = score if score > 0 else 0.8
            file.write(f"{picture - 1:.0f},person,{','.join(f'{side:.2f}' for side in box)},{sure:.3f}\n")
    look = {
        "width": int(sys.argv[3]),
        "height": int(sys.argv[4]),
        "rate": float(sys.argv[5]),
        "pictures": int(max(row[0] for row in truth)),
    }
    (folder / "look.json").write_text(json.dumps(look))


if __name__ == "__main__":
    main()
