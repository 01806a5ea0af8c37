"""Measures the calibration ranges anew on the clips that the ranges file names, and says whether they are the same."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from . import clips, nanodet, package, quantise


def main() -> int:
    """Writes the ranges file anew; exit code 1 if a clip is not the one that the file names."""
    arguments = _arguments()
    sidecar = json.loads(arguments.sidecar.read_text(encoding="utf-8"))
    recipe = json.loads(arguments.ranges.read_text(encoding="utf-8"))
    pictures: list[np.ndarray] = []
    try:
        for clip in recipe["clips"]:
            path = arguments.clips / clip["file"]
            package.check(path, clip["sha256"], f"clip {clip['file']}")
            pictures += clips.every(path, clip["every"], recipe["pictures_per_clip_max"])
    except (package.Mismatch, OSError, ValueError) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 1
    model = nanodet.convert(arguments.weights, half=False)
    reader = clips.Pictures(pictures, recipe["sizes"], clips.Normalisation.of_sidecar(sidecar))
    ranges = quantise.measure(model, reader)
    # str of a float32 is the shortest decimal that reads back as the same number
    measured = {name: [float(str(end)) for end in ends] for name, ends in ranges.items()}
    print(f"{len(pictures)} pictures, {len(measured)} ranges,", "same as before" if measured == recipe["ranges"] else "changed")
    recipe["ranges"] = measured
    arguments.ranges.write_text(_text(recipe), encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="calibrate", description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="nanodet.json as `convert` left it in its folder")
    parser.add_argument("--clips", type=Path, required=True, help="folder with the clips that the ranges file names")
    parser.add_argument("--sidecar", type=Path, required=True, help="the model's sidecar")
    parser.add_argument("--ranges", type=Path, required=True, help="the ranges file: read for its clips, then rewritten")
    return parser.parse_args()


def _text(recipe: dict) -> str:
    """JSON with one range to a line, so that a change can be read."""
    lines = [f"    {json.dumps(name)}: {json.dumps(ends)}" for name, ends in sorted(recipe["ranges"].items())]
    head = json.dumps({key: value for key, value in recipe.items() if key != "ranges"}, indent=2)
    return head.removesuffix("\n}") + ',\n  "ranges": {\n' + ",\n".join(lines) + "\n  }\n}\n"


if __name__ == "__main__":
    sys.exit(main())
