"""Who passes when, where and how fast: drawn from the seed, before any pixel."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from .spec import Spec
from .sprite import Sprite

# Nobody comes during the first seconds: a background has to be learnt first.
EMPTY_SECS = 6.0
# Height of a person or vehicle as a share of the picture's height: from, to, how many of all.
PERSON_SIZES = {"far": (0.067, 0.11, 0.3), "middle": (0.11, 0.22, 0.4), "near": (0.22, 0.42, 0.3)}
VEHICLE_SIZES = {"far": (0.055, 0.09, 0.3), "middle": (0.09, 0.14, 0.4), "near": (0.14, 0.2, 0.3)}
# Speed: of people in their heights a second, of vehicles in their widths.
WALK = (0.45, 0.95)
DRIVE = (0.8, 3.0)
# How much of the width shows when a passage begins and ends.
SHOWN = 0.25
# Share of people that stop on their way where there is time, and how long of it.
STOPPING = 0.35
STOPPING_SECS_MIN = 6.0
# What remains of the contrast of the faint ones.
FAINT = 0.4


@dataclasses.dataclass(frozen=True)
class Way:
    """One passage. Lengths are in heights of the picture, so that a stream of another size is the same."""

    tag: int
    label: str
    sprite: int
    size: str
    height: float
    width: float
    from_secs: float
    secs: float
    rightwards: bool
    flipped: bool
    speed: float
    left: float
    right: float
    foot_from: float
    foot_to: float
    stop_after_secs: float
    stop_secs: float
    strength: float
    phase_secs: float

    def moving_secs(self, at: float) -> float:
        """Seconds that it has moved since it came."""
        since = at - self.from_secs
        return since - min(max(since - self.stop_after_secs, 0.0), self.stop_secs)

    def middle(self, at: float) -> float:
        """Where the middle of the object is, from the left."""
        way = self.speed * self.moving_secs(at) - SHOWN * self.width
        return self.left + way if self.rightwards else self.right - way

    def foot(self, at: float) -> float:
        """Where it stands, from the top."""
        share = self.moving_secs(at) / (self.secs - self.stop_secs)
        return self.foot_from + (self.foot_to - self.foot_from) * min(max(share, 0.0), 1.0)


def plan(spec: Spec, walkers: list[Sprite], vehicles: list[Sprite], ground: float) -> list[Way]:
    """The passages of a stream, in order of time: one in each of even spans of time, at a random moment."""
    dice = spec.dice("plan")
    count = round(spec.passages_per_minute * (spec.secs - EMPTY_SECS) / 60)
    if count <= 0:
        return []
    span = (spec.secs - EMPTY_SECS) / count
    ways = []
    for number in range(count):
        low, high = (math.log(bound) for bound in spec.length_secs)
        secs = math.exp(dice.uniform(low, high))
        start = EMPTY_SECS + span * number + dice.uniform(0, max(span - secs, 0.0))
        secs = min(secs, spec.secs - start - 0.2)
        is_vehicle = bool(vehicles) and dice.random() < spec.vehicle_share
        if secs >= spec.length_secs[0]:
            kinds = vehicles if is_vehicle else walkers
            ways.append(_way(spec, dice, number + 1, kinds, start, secs, ground))
    return ways


def _way(
    spec: Spec, dice: np.random.Generator, tag: int, sprites: list[Sprite], start: float, secs: float, ground: float
) -> Way:
    number = int(dice.integers(len(sprites)))
    sprite = sprites[number]
    is_vehicle = sprite.label != "person"
    sizes = VEHICLE_SIZES if is_vehicle else PERSON_SIZES
    chances = np.array([sizes[size][2] for size in spec.sizes])
    size = str(dice.choice(list(spec.sizes), p=chances / chances.sum()))
    height = float(dice.uniform(*sizes[size][:2]))
    width = height * sprite.width_share
    speed = float(dice.uniform(*DRIVE)) * width if is_vehicle else float(dice.uniform(*WALK)) * height
    rightwards = bool(dice.random() < 0.5)
    stop_secs = 0.0
    if not is_vehicle and secs >= STOPPING_SECS_MIN and dice.random() < STOPPING:
        stop_secs = secs * float(dice.uniform(0.3, 0.6))
    picture = spec.width / spec.height
    room = picture + 2 * SHOWN * width
    if speed * (secs - stop_secs) > room:
        # It would be through before its time: a person stops, a vehicle goes slower.
        if is_vehicle:
            speed = room / secs
        else:
            stop_secs = secs - room / speed
    way = max(speed * (secs - stop_secs), (0.6 + 2 * SHOWN) * width)
    speed = way / (secs - stop_secs)
    span = min(way - 2 * SHOWN * width, picture)
    left = _window(dice, picture, span)
    faint = dice.random() < spec.faint_share
    foot = _foot(dice, height, ground)
    return Way(
        tag=tag,
        label=sprite.label,
        sprite=number,
        size=size,
        height=height,
        width=width,
        from_secs=start,
        secs=secs,
        rightwards=rightwards,
        flipped=rightwards != (sprite.heights_per_sec >= 0),
        speed=speed,
        left=left,
        right=left + span,
        foot_from=foot,
        foot_to=float(np.clip(foot + dice.uniform(-0.06, 0.06), max(ground, height + 0.01), 0.985)),
        stop_after_secs=float(dice.uniform(0.3, 0.7)) * (secs - stop_secs),
        stop_secs=stop_secs,
        strength=FAINT if faint else 1.0,
        phase_secs=float(dice.uniform(0, 20)),
    )


def _window(dice: np.random.Generator, picture: float, span: float) -> float:
    """Left edge of what can be seen of the way: at an edge of the picture, or from behind something."""
    spare = picture - span
    at = dice.random()
    if at < 0.3:
        return 0.0
    if at < 0.6:
        return spare
    return float(dice.uniform(0, spare))


def _foot(dice: np.random.Generator, height: float, ground: float) -> float:
    """What is nearer stands lower."""
    nearness = height / PERSON_SIZES["near"][1]
    lowest = ground + (0.98 - ground) * nearness
    return float(np.clip(lowest + dice.normal(0, 0.04), max(ground, height + 0.02), 0.98))
