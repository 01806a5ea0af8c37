"""What makes a set usable: a configuration of ocelli for it, and event truth for labelled clips."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np

from . import places, truth
from .clip import Unreadable
from .paint import Box
from .places import Points, View


def configuration(folder: pathlib.Path, rate: float) -> str:
    """An `ocelli.yaml` (JSON is YAML) that watches every stream of a folder, with the line and zone of its truth."""
    streams: dict[str, Any] = {}
    for path in sorted(folder.glob("*.mp4")):
        stream: dict[str, Any] = {"url": str(path.resolve()), "profile": "composed"}
        about = path.with_suffix(".truth.json")
        if about.exists():
            happened = json.loads(about.read_text())
            stream["zones"] = {zone["name"]: zone["points"] for zone in happened["zones"]}
            rules = [{"line": {"name": line["name"], "points": line["points"]}} for line in happened["lines"]]
            rules += [{"zone": {"name": zone["name"], "zone": zone["name"]}} for zone in happened["zones"]]
            stream["rules"] = rules
        streams[path.stem] = stream
    if not streams:
        raise Unreadable(f"{folder}: no streams")
    profile = {"purpose": "measure ocelli", "retention": "24h", "look_rate": rate}
    return json.dumps({"profiles": {"composed": profile}, "streams": streams}, indent=1) + "\n"


def labelled(path: pathlib.Path, view: View, rate: float, lines: dict[str, Points], zones: dict[str, Points]) -> str:
    """Event truth (JSON) of people whose boxes are known as MOT text.

    Boxes of confidence 0 are left out of scores of boxes, but the people are there: they count here.
    """
    rows = np.loadtxt(path, delimiter=",", usecols=range(6), ndmin=2)
    by_tag: dict[int, list[tuple[float, Box]]] = {}
    for number, name, left, top, width, height in sorted(rows.tolist()):
        box = Box(int(name), "person", left - 1, top - 1, width, height, 1.0)
        by_tag.setdefault(box.tag, []).append(((number - 1) / rate, box))
    if not by_tag:
        raise Unreadable(f"{path}: no boxes")
    happened: dict[str, Any] = {
        "version": truth.VERSION,
        "width": view.width,
        "height": view.height,
        "rate": rate,
        "pictures": int(rows[:, 0].max()),
        "lines": [{"name": name, "points": points} for name, points in lines.items()],
        "zones": [{"name": name, "points": points} for name, points in zones.items()],
        "passages": [
            {"tag": tag, "label": "person", "from_secs": round(seen[0][0], 3), "to_secs": round(seen[-1][0], 3)}
            for tag, seen in sorted(by_tag.items())
        ],
    }
    crossings, stays = [], []
    for _, seen in sorted(by_tag.items()):
        for name, points in lines.items():
            crossings += places.crossings(name, points, seen, view)
        for name, points in zones.items():
            stays += places.stays(name, points, seen, view)
    return truth.events_text(happened | truth.at_places(crossings, stays))


def named_points(text: str) -> tuple[str, Points]:
    """Reads `NAME:x,y,x,y...`."""
    name, _, numbers = text.partition(":")
    values = [float(number) for number in numbers.split(",")]
    if not name or len(values) < 4 or len(values) % 2:
        raise ValueError(f"`{text}`, expected e.g. door:0.5,0,0.5,1")
    return name, list(zip(values[::2], values[1::2], strict=True))
