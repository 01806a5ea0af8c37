"""What a look costs: CPU microseconds of the trackers of PyPI's `trackers`, least of five runs.

The walkers on a grid are those of the example `tracker_cost` of `ocelli-scene`.
"""

from __future__ import annotations

import math
import time

import numpy as np
import supervision as sv
import trackers

LOOKS, ROUNDS = 60, 5
KINDS = {
    "bytetrack": trackers.ByteTrackTracker,
    "ocsort": trackers.OCSORTTracker,
    "botsort": lambda: trackers.BoTSORTTracker(enable_cmc=False),
    "cbiou": trackers.CBIoUTracker,
}


def grid(objects: int, look: int) -> sv.Detections:
    """Boxes in pixels of 640x360."""
    columns = math.ceil(math.sqrt(objects))
    number = np.arange(objects)
    swing = np.sin(look / 10 * 0.3 + number * 2.4) * 0.4 / columns
    shake = (number * 7 + look * 13) % 11 / 11 - 0.5
    h = 0.6 / columns
    x = 640 * (0.15 + 0.7 * (number % columns) / columns + swing + 0.02 * shake * h)
    y = 360 * (0.02 + 0.9 * (number // columns) / columns + 0.02 * shake * h)
    boxes = np.stack([x, y, x + 640 * h * 0.3, y + 360 * h], axis=1).astype(np.float32)
    return sv.Detections(xyxy=boxes, confidence=(0.7 + 0.2 * shake).astype(np.float32))


def main() -> None:
    """Prints a row for each tracker and number of objects."""
    print("objects    tracker  us/look, least of 5")
    for objects in (10, 50, 200):
        looks = [grid(objects, look) for look in range(LOOKS)]
        for name, kind in KINDS.items():
            spent = []
            for _ in range(ROUNDS):
                tracker = kind()
                before = time.thread_time()
                for look, detections in enumerate(looks):
                    tracker.update(detections, timestamp=look / 10)
                spent.append((time.thread_time() - before) / LOOKS)
            print(f"{objects:>7} {name:>10}  {min(spent) * 1e6:.0f}", flush=True)


if __name__ == "__main__":
    main()
