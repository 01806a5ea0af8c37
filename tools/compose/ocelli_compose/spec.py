"""What a stream is to be like."""

from __future__ import annotations

import dataclasses
import json
import zlib
from typing import Any, Literal, get_args

import numpy as np

# Pictures a second of every stream.
RATE = 25

Codec = Literal["h264", "h265"]
RateControl = Literal["variable", "constant"]
Noise = Literal["low", "high"]
Size = Literal["far", "middle", "near"]
Disturbance = Literal["drift", "switch", "infrared", "rain", "shake"]
CanaryPlace = Literal["none", "key", "picture"]


class WrongSpec(Exception):
    """A specification that cannot be composed; the text says why."""


@dataclasses.dataclass(frozen=True)
class Segment:
    """A disturbance for a while."""

    kind: Disturbance
    from_secs: float
    to_secs: float


@dataclasses.dataclass(frozen=True)
class Spec:
    """One stream. The same specification and stock give the same stream."""

    name: str
    seed: int
    secs: float = 60.0
    width: int = 640
    height: int = 360
    scene: str = "campus"
    passages_per_minute: float = 1.0
    vehicle_share: float = 0.3
    """Of the passages."""
    faint_share: float = 0.25
    """Of the passages: low contrast."""
    length_secs: tuple[float, float] = (1.0, 30.0)
    """Least and most of a passage; lengths are log-uniform between them."""
    sizes: tuple[Size, ...] = ("far", "middle", "near")
    """Those that occur."""
    noise: Noise = "low"
    night: bool = False
    clock: bool = True
    """Whether a clock is burnt in."""
    disturbances: tuple[Segment, ...] = ()
    codec: Codec = "h264"
    rate_control: RateControl = "variable"
    gop_secs: float = 2.0
    canary: str = ""
    """128 bits in hexadecimal; empty for none."""
    canary_coded: CanaryPlace = "key"
    """Which pictures carry the canary beside their coded data."""
    canary_worn: bool = False
    """Whether people carry the canary as a board of light and dark cells."""
    dice_name: str = ""
    """Whose dice are used, if not those of `name`: two streams with the same passages."""

    def check(self) -> None:
        """Says what cannot be."""
        if not 2 <= self.secs <= 86_400:
            raise WrongSpec(f"{self.name}: {self.secs} seconds, expected 2 to 86400")
        if self.width % 2 or self.height % 2 or not (128 <= self.width <= 3840 and 96 <= self.height <= 2160):
            raise WrongSpec(f"{self.name}: {self.width} x {self.height} pixels, expected even sides up to 3840 x 2160")
        if not 0.04 <= self.gop_secs <= 60:
            raise WrongSpec(f"{self.name}: a key picture every {self.gop_secs} seconds, expected 0.04 to 60")
        if self.canary and (len(self.canary) != 32 or 0 in bytes.fromhex(self.canary)):
            raise WrongSpec(f"{self.name}: the canary has to be 16 bytes other than 0")
        if not self.sizes or not set(self.sizes) <= set(get_args(Size)):
            raise WrongSpec(f"{self.name}: sizes {self.sizes}, expected some of {get_args(Size)}")
        if not 0 < self.length_secs[0] <= self.length_secs[1]:
            raise WrongSpec(f"{self.name}: lengths from {self.length_secs[0]} to {self.length_secs[1]} seconds")

    @property
    def pictures(self) -> int:
        """Number of pictures."""
        return round(self.secs * RATE)

    def dice(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose, so that a change of one does not change the others."""
        return np.random.default_rng(
            [self.seed, zlib.crc32((self.dice_name or self.name).encode()), zlib.crc32(purpose.encode())]
        )

    def json(self) -> dict[str, Any]:
        """For the truth."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, text: str) -> Spec:
        """Reads a specification."""
        fields = json.loads(text)
        fields["disturbances"] = tuple(Segment(**segment) for segment in fields.get("disturbances", ()))
        for name in ("length_secs", "sizes"):
            if name in fields:
                fields[name] = tuple(fields[name])
        spec = cls(**fields)
        spec.check()
        return spec
