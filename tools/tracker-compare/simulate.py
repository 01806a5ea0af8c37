"""Makes sequences of walkers and vehicles with exact truth and the faults of a detector.

Walkers turn, stop and go on; vehicles follow lanes, brake and park; near ones hide far ones. A box
that is hidden by more than a part is detected less often, with a lower score, and cut off. Boxes
shake, and there are false ones. Everything follows from the seed.

    python simulate.py FOLDER
"""

from __future__ import annotations

import json
import pathlib
import sys

import numpy as np

RATE = 25.0
WIDTH, HEIGHT = 1280, 720


class Mover:
    """One walker or vehicle on the ground, seen at a slant: lower in the picture is nearer."""

    def __init__(self, rng: np.random.Generator, label: str, start: float, scale: float, along: bool):
        self.rng = rng
        self.label = label
        self.start = start
        self.scale = scale
        self.shape = rng.normal(1.0, 0.06)
        self.phase = rng.uniform(0, 6.28)
        walker = label == "person"
        self.speed = max(0.4, rng.normal(1.35, 0.25)) if walker else rng.uniform(5, 16)
        side = rng.integers(2)
        self.x = -0.1 * 1.78 if side == 0 else 1.1 * 1.78
        self.depth = (
            rng.uniform(0.45, 0.98) if walker else rng.choice([0.55, 0.65, 0.78]) + rng.normal(0, 0.01)
        )
        self.heading = (0.0 if side == 0 else np.pi) + (rng.normal(0, 0.3) if walker else 0.0)
        self.until = start + rng.exponential(8.0)
        self.moving = 1.0
        self.stays = (not walker) and rng.random() < 0.15
        self.park_x = rng.uniform(0.3, 1.4)
        self.along = along
        self.away = False
        if along:
            coming = rng.random() < 0.5
            self.x = rng.uniform(0.3, 0.8) if coming else rng.uniform(1.0, 1.5)
            self.depth = 0.42 if coming else 1.3
            self.heading = np.pi / 2 if coming else -np.pi / 2
            self.stays = False

    def metre(self) -> float:
        """Picture heights that a metre makes here."""
        return self.scale * (self.depth - 0.25)

    def step(self, now: float, dt: float) -> None:
        """Moves on by `dt` seconds."""
        if self.label == "person":
            if now > self.until:
                self.until = now + self.rng.exponential(8.0)
                if self.rng.random() < 0.25:
                    self.moving = 0.0 if self.moving else 1.0
                else:
                    self.moving = 1.0
                    self.heading += self.rng.normal(0, 0.7)
            self.heading += self.rng.normal(0, 0.15) * np.sqrt(dt)
        elif self.stays and abs(self.x - self.park_x) < 0.25:
            self.moving = max(0.0, self.moving - 0.6 * dt)
        elif now > self.until:
            self.until = now + self.rng.exponential(6.0)
            self.moving = self.rng.choice([0.3, 0.7, 1.0, 1.3])
        pace = self.speed * self.moving * self.metre() * dt
        self.x += pace * np.cos(self.heading)
        self.depth += 0.5 * pace * np.sin(self.heading)
        if self.along:
            self.away = self.away or not 0.4 < self.depth < 1.5
        else:
            self.depth = float(np.clip(self.depth, 0.42, 1.0))

    def box(self, now: float) -> np.ndarray:
        """Left, top, right, bottom in picture heights."""
        metre = self.metre()
        if self.label == "person":
            swing = 0.08 * np.sin(self.phase + 6.0 * now) * (self.moving > 0)
            w, h = (0.6 + swing) * self.shape * metre, 1.72 * self.shape * metre
        else:
            long = 1.8 if self.along else 4.4 if self.label == "car" else 8.0
            w, h = long * self.shape * metre, (1.5 if self.label == "car" else 2.8) * metre
        return np.array([self.x - w / 2, self.depth - h, self.x + w / 2, self.depth])


def hidden_share(boxes: list[np.ndarray], depths: list[float], index: int) -> tuple[float, np.ndarray]:
    """How much of a box nearer boxes cover, and the box without what its widest cover hides."""
    own = boxes[index]
    grid_x = np.linspace(own[0], own[2], 12)
    grid_y = np.linspace(own[1], own[3], 16)
    free = np.ones((16, 12), dtype=bool)
    for other, (box, depth) in enumerate(zip(boxes, depths)):
        if other == index or depth <= depths[index]:
            continue
        free &= ~np.outer((grid_y > box[1]) & (grid_y < box[3]), (grid_x > box[0]) & (grid_x < box[2]))
    columns, rows = free.mean(axis=0) > 0.25, free.mean(axis=1) > 0.25
    cut = own.copy()
    if columns.any():
        cut[0], cut[2] = grid_x[columns][0], grid_x[columns][-1]
    if rows.any():
        cut[1], cut[3] = grid_y[rows][0], grid_y[rows][-1]
    return 1.0 - float(free.mean()), cut


def simulate(
    folder: pathlib.Path,
    seed: int,
    secs: float,
    walkers: float,
    vehicles: float,
    scale: float,
    shake: float,
    recall: float,
    along: float = 0.0,
) -> None:
    """Writes one sequence: `walkers` and `vehicles` come in a minute."""
    rng = np.random.default_rng(seed)
    pictures = int(secs * RATE)
    movers: list[Mover] = []
    for label, per_minute in (("person", walkers), ("vehicle", vehicles)):
        now = -15.0
        while per_minute > 0 and now < secs:
            now += rng.exponential(60.0 / per_minute)
            name = label if label == "person" else str(rng.choice(["car", "car", "car", "bus"]))
            movers.append(Mover(rng, name, now, scale, label != "person" and rng.random() < along))
    folder.mkdir(parents=True, exist_ok=True)
    det, gt = (folder / "det.txt").open("w"), (folder / "gt.txt").open("w")
    mood = rng.normal(0, 0.5, len(movers))
    jolt = np.zeros(2)
    for picture in range(-int(15 * RATE), pictures):
        now = picture / RATE
        for mover in movers:
            if now >= mover.start:
                mover.step(now, 1 / RATE)
        if picture < 0:
            continue
        jolt = 0.8 * jolt + rng.normal(0, 1, 2) * shake * 0.3
        if shake and rng.random() < 0.02:
            jolt += rng.normal(0, 1, 2) * shake * 4
        mood = 0.97 * mood + rng.normal(0, 0.12, len(movers))
        there = [i for i, m in enumerate(movers) if now >= m.start and not m.away]
        boxes = [movers[i].box(now) for i in there]
        inside = [k for k, b in enumerate(boxes) if b[2] > 0 and b[0] < 16 / 9 and b[3] > 0.05]
        there, boxes = [there[k] for k in inside], [boxes[k] for k in inside]
        depths = [movers[i].depth for i in there]
        for k, i in enumerate(there):
            mover, box = movers[i], boxes[k]
            covered, cut = hidden_share(boxes, depths, k)
            shown = np.clip(box + np.tile(jolt, 2), 0, [16 / 9, 1, 16 / 9, 1])
            inside_share = (
                (shown[2] - shown[0])
                * (shown[3] - shown[1])
                / max((box[2] - box[0]) * (box[3] - box[1]), 1e-9)
            )
            if inside_share < 0.2:
                continue
            if covered < 0.9:
                write_truth(gt, picture, i, mover.label, shown)
            size = box[3] - box[1]
            sure = 2.2 + mood[i] - 4.5 * covered - 0.6 * (inside_share < 0.6) - 0.05 / max(size, 0.02)
            score = 1 / (1 + np.exp(-sure + rng.normal(0, 0.35)))
            if rng.random() > recall or score < 0.1:
                continue
            seen = cut if covered > 0.15 else box
            w, h = seen[2] - seen[0], seen[3] - seen[1]
            noise = rng.normal(0, 0.035, 4) * np.array([w, h, w, h])
            found = np.clip(seen + noise + np.tile(jolt, 2), 0, [16 / 9, 1, 16 / 9, 1])
            label = mover.label
            if label == "bus" and rng.random() < 0.3:
                label = "truck"
            write_detection(det, picture, label, found, min(score, 0.95))
        for _ in range(rng.poisson(0.06)):
            x, y, h = rng.uniform(0, 1.7), rng.uniform(0.2, 0.95), rng.uniform(0.05, 0.25)
            box = np.array([x, y - h, x + 0.4 * h, y])
            write_detection(
                det, picture, "person", np.clip(box, 0, [16 / 9, 1, 16 / 9, 1]), rng.uniform(0.1, 0.6)
            )
    look = {"width": WIDTH, "height": HEIGHT, "rate": RATE, "pictures": pictures}
    (folder / "look.json").write_text(json.dumps(look))


def write_truth(file, picture: int, identity: int, label: str, box: np.ndarray) -> None:
    """Appends one true box, given in picture heights."""
    left, top, right, bottom = box * HEIGHT
    file.write(f"{picture},{identity},{label},{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f}\n")


def write_detection(file, picture: int, label: str, box: np.ndarray, score: float) -> None:
    """Appends one detected box, given in picture heights."""
    left, top, right, bottom = box * HEIGHT
    if right - left > 1 and bottom - top > 1:
        file.write(
            f"{picture},{label},{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f},{score:.3f}\n"
        )


def main() -> None:
    """Writes the sequences that the comparison uses; `tune-*` are for searching, `test-*` are not."""
    root = pathlib.Path(sys.argv[1])
    for part, base in (("tune", 100), ("test", 900)):
        simulate(root / f"{part}-square", base + 1, 60, 20, 0, 0.20, 0.0, 0.97)
        simulate(root / f"{part}-crowd", base + 2, 60, 60, 0, 0.22, 0.0, 0.95)
        simulate(root / f"{part}-road", base + 3, 60, 0, 35, 0.085, 0.0, 0.97)
        simulate(root / f"{part}-mixed", base + 4, 60, 20, 20, 0.10, 0.0, 0.93)
        simulate(root / f"{part}-junction", base + 6, 60, 6, 35, 0.10, 0.0, 0.95, along=0.7)
        simulate(root / f"{part}-shake", base + 5, 60, 25, 8, 0.13, 0.006, 0.95)


if __name__ == "__main__":
    main()
