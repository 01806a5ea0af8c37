"""Writes what is true: boxes as MOT text, passages, crossings and stays as JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from . import places
from .paint import Box
from .plan import Way
from .spec import RATE, Spec

# Classes of MOT16.
CLASSES = {"person": 1, "car": 3}
VERSION = 1


def boxes_text(pictures: list[list[Box]]) -> str:
    """MOT16 text: pictures and pixels from 1, class and visibility."""
    lines = []
    for number, boxes in enumerate(pictures, start=1):
        for box in boxes:
            sides = ",".join(f"{side:.2f}" for side in (box.left + 1, box.top + 1, box.width, box.height))
            lines.append(f"{number},{box.tag},{sides},1,{CLASSES[box.label]},{box.visible:.3f}\n")
    return "".join(lines)


def events(spec: Spec, ways: list[Way], pictures: list[list[Box]]) -> dict[str, Any]:
    """What happened, as version 1 of the JSON that `ocelli eval` reads, and more for people."""
    by_tag: dict[int, list[tuple[float, Box]]] = {}
    for number, boxes in enumerate(pictures):
        for box in boxes:
            by_tag.setdefault(box.tag, []).append((number / RATE, box))
    line, zone = places.line(spec), places.zone(spec)
    passages, crossings, stays, stops = [], [], [], []
    for way in ways:
        seen = by_tag.get(way.tag)
        if seen is None:
            continue
        heights = sorted(box.height for _, box in seen)
        passages.append(
            {
                "tag": way.tag,
                "label": way.label,
                "from_secs": seen[0][0],
                "to_secs": seen[-1][0],
                "size": way.size,
                "height_pixels": heights[len(heights) // 2],
                "faint": way.strength < 1,
            }
        )
        crossings += places.crossings("line", line, seen, spec)
        stays += places.stays("zone", zone, seen, spec)
        if way.stop_secs:
            begin = way.from_secs + way.stop_after_secs
            stops.append({"tag": way.tag, "from_secs": round(begin, 3), "to_secs": round(begin + way.stop_secs, 3)})
    return {
        "version": VERSION,
        "width": spec.width,
        "height": spec.height,
        "rate": float(RATE),
        "pictures": len(pictures),
        "lines": [{"name": "line", "points": line}],
        "zones": [{"name": "zone", "points": zone}],
        "passages": passages,
        **at_places(crossings, stays),
        "stops": stops,
        "spec": spec.json(),
    }


def at_places(crossings: list[places.Crossing], stays: list[places.Stay]) -> dict[str, Any]:
    """Crossings and stays, times to the millisecond."""

    def fields(happened: places.Crossing | places.Stay) -> dict[str, Any]:
        values = dataclasses.asdict(happened)
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in values.items()}

    return {"crossings": [fields(one) for one in crossings], "stays": [fields(one) for one in stays]}


def events_text(happened: dict[str, Any]) -> str:
    """One line for each entry of the lists, so that differences can be read."""
    parts = []
    for name, value in happened.items():
        if isinstance(value, list) and value:
            inner = ",\n  ".join(json.dumps(entry) for entry in value)
            parts.append(f'"{name}": [\n  {inner}\n ]')
        else:
            parts.append(f'"{name}": {json.dumps(value)}')
    return "{\n " + ",\n ".join(parts) + "\n}\n"
