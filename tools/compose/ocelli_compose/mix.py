"""Sets of streams: a city of mostly quiet cameras, recall in every coding, and bad weather."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import subprocess
from typing import Any

import numpy as np

from . import canary
from .clip import Unreadable
from .encode import EncodingFailed, arguments
from .spec import RATE, Codec, Disturbance, RateControl, Segment, Spec

# Of the streams of a city that are quiet: one passage a minute.
QUIET_SHARE = 0.9
# Seconds between key pictures, in turn.
GOPS = (1.0, 2.0, 4.0)
# Every so manieth stream of the variant is 1920x1080.
LARGE_EVERY = 5
# Pictures of the clip behind busy streams, cropped to 16:9 this far from the top.
BUSY_CROP = "crop=768:432:0:100"
BUSY_LEFT, BUSY_TOP = 0, 100
BUSY_WIDTH, BUSY_HEIGHT = 768, 432


@dataclasses.dataclass(frozen=True)
class Entry:
    """One stream of a set."""

    spec: Spec
    kind: str
    """`quiet`, `busy`, or the disturbance."""

    def json(self) -> dict[str, Any]:
        """A line of the manifest."""
        spec = self.spec
        return {
            "name": spec.name,
            "file": f"{spec.name}.mp4",
            "kind": self.kind,
            "class": "calm" if spec.rate_control == "variable" else "boiling",
            "codec": spec.codec,
            "width": spec.width,
            "height": spec.height,
            "gop_secs": spec.gop_secs,
            "secs": spec.secs,
            "truth": self.kind != "busy",
        }


def _named(seed: int, name: str, **fields: object) -> Spec:
    bits = canary.draw_bits(Spec(name=name, seed=seed).dice("canary"))
    return Spec(name=name, seed=seed, canary=bits, **fields)  # type: ignore[arg-type]


def city(
    seed: int, streams: int, secs: float, rate_control: RateControl, large: bool, scenes: list[str]
) -> list[Entry]:
    """90 % quiet, 10 % busy, key pictures every 1, 2 or 4 seconds; with `large` every fifth at 1920x1080."""
    entries = []
    busy_every = round(1 / (1 - QUIET_SHARE))
    for number in range(streams):
        is_large = large and number % LARGE_EVERY == LARGE_EVERY - 1
        # Busy ones are not all of the same size and distance of key pictures.
        is_busy = number % busy_every == (number // busy_every * 3 + 4) % busy_every
        kind = "busy" if is_busy else "quiet"
        spec = _named(
            seed,
            f"{number:03}-{kind}",
            secs=secs,
            width=1920 if is_large else 640,
            height=1080 if is_large else 360,
            scene=scenes[number % len(scenes)],
            passages_per_minute=1.0,
            noise="high" if number % 4 == 3 else "low",
            clock=number % 2 == 0,
            rate_control=rate_control,
            gop_secs=GOPS[number % len(GOPS)],
        )
        entries.append(Entry(spec, kind))
    return entries


def recall(seed: int, secs: float, scenes: list[str]) -> list[Entry]:
    """The same passages in every coding: codec, rate control, distance of key pictures. To see what that costs."""
    entries = []
    codecs: tuple[Codec, ...] = ("h264", "h265")
    controls: tuple[RateControl, ...] = ("variable", "constant")
    for scene in scenes:
        for codec in codecs:
            for control in controls:
                for gop_secs in (*GOPS, 10.0):
                    calm = "calm" if control == "variable" else "boiling"
                    spec = _named(
                        seed,
                        scene,
                        secs=secs,
                        scene=scene,
                        passages_per_minute=6.0,
                        codec=codec,
                        rate_control=control,
                        gop_secs=gop_secs,
                    )
                    entries.append(Entry(renamed(spec, f"{scene}-{codec}-{calm}-gop{gop_secs:g}"), "quiet"))
    return entries


def renamed(spec: Spec, name: str) -> Spec:
    """The same passages under another name: the dice keep the old one."""
    return dataclasses.replace(spec, name=name, dice_name=spec.dice_name or spec.name)


def weather(seed: int, scenes: list[str]) -> list[Entry]:
    """A minute in four of each disturbance with nobody there, then a minute with passages; and a night."""
    kinds: tuple[Disturbance, ...] = ("drift", "switch", "infrared", "rain", "shake")
    entries = []
    for number, kind in enumerate(kinds):
        segments = (Segment(kind, 60.0, 120.0), Segment(kind, 180.0, 240.0))
        spec = _named(
            seed,
            kind,
            secs=240.0,
            scene=scenes[number % len(scenes)],
            passages_per_minute=2.0,
            disturbances=segments,
        )
        entries.append(Entry(spec, kind))
    night = _named(seed, "night", secs=240.0, scene=scenes[0], passages_per_minute=2.0, night=True, noise="high")
    return [*entries, Entry(night, "night")]


def busy(spec: Spec, clip: pathlib.Path, path: pathlib.Path) -> None:
    """The real clip over and over as a live camera: every picture of it as one of 25 a second."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-stream_loop", "-1", "-i", str(clip)]
    filters = f"{BUSY_CROP},scale={spec.width}:{spec.height}:flags=area,setpts=N/{RATE}/TB"
    command += ["-vf", filters, "-r", str(RATE), "-frames:v", str(spec.pictures), "-an", "-map_metadata", "-1"]
    command += ["-fflags", "+bitexact", "-flags:v", "+bitexact", *arguments(spec), "-movflags", "+faststart", str(path)]
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise EncodingFailed(done.stderr.decode(errors="replace").strip())


def busy_truth(spec: Spec, truth: pathlib.Path) -> str:
    """The clip's own MOT truth for a busy stream: cropped, resized, over and over under new names."""
    rows = np.loadtxt(truth, delimiter=",", usecols=range(7), ndmin=2)
    if not len(rows):
        raise Unreadable(f"{truth}: no boxes")
    rows = rows[rows[:, 6] != 0]
    length, names = int(rows[:, 0].max()), int(rows[:, 1].max())
    lines = []
    for turn in range(-(-spec.pictures // length)):
        for number, name, left, top, width, height, _ in rows:
            picture = int(number) + turn * length
            x1, y1 = max(left - 1 - BUSY_LEFT, 0.0), max(top - 1 - BUSY_TOP, 0.0)
            x2, y2 = min(left - 1 - BUSY_LEFT + width, BUSY_WIDTH), min(top - 1 - BUSY_TOP + height, BUSY_HEIGHT)
            inside = (x2 - x1) * (y2 - y1) if x2 > x1 and y2 > y1 else 0.0
            if picture > spec.pictures or inside < 0.25 * width * height:
                continue
            across, down = spec.width / BUSY_WIDTH, spec.height / BUSY_HEIGHT
            sides = (x1 * across + 1, y1 * down + 1, (x2 - x1) * across, (y2 - y1) * down)
            text = ",".join(f"{side:.2f}" for side in sides)
            lines.append(
                (picture, f"{picture},{int(name) + turn * names},{text},1,1,{inside / (width * height):.3f}\n")
            )
    return "".join(line for _, line in sorted(lines, key=lambda pair: pair[0]))


def manifest(name: str, entries: list[Entry], with_truth: bool) -> str:
    """What is in a set."""
    streams = [entry.json() | ({"truth": True} if with_truth else {}) for entry in entries]
    rows = ",\n  ".join(json.dumps(stream) for stream in streams)
    return f'{{\n "version": 1,\n "set": {json.dumps(name)},\n "rate": {RATE},\n "streams": [\n  {rows}\n ]\n}}\n'
