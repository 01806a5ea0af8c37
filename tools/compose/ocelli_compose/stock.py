"""The stock: walkers, vehicles and empty scenes from which streams are composed.

A stock is a folder with `walkers/`, `vehicles/` and `scenes/`, made once from clips and then only read. The portable
one is made of Debian's package `opencv-doc` alone.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib

import cv2
import numpy as np

from . import clip, cutting, sprite, vehicles
from .sprite import Sprite

# Size in which scenes are kept.
SCENE_WIDTH, SCENE_HEIGHT = 1280, 720
# Walkers that are kept of a clip.
WALKERS_MOST = 40


@dataclasses.dataclass
class Stock:
    """What there is to compose from."""

    walkers: list[Sprite]
    vehicles: list[Sprite]
    scenes: dict[str, np.ndarray]
    """Blue, green, red."""
    grounds: dict[str, float]
    """From which height on, 0..1 from the top, somebody can stand in a scene."""


def portable(opencv_doc: pathlib.Path) -> Stock:
    """The stock out of the folder `examples/data` of `opencv-doc`."""
    campus = clip.pictures(opencv_doc / "vtest.avi")
    plate = clip.median(campus)
    street = clip.picture(opencv_doc / "leuvenA.jpg")
    # The clip is called 10 pictures a second and is really 7. Below its upper part, where cars are parked.
    lower = plate[112:544]
    scenes = {
        "campus": clip.cropped(lower, SCENE_WIDTH, SCENE_HEIGHT),
        "crossing": clip.cropped(plate[108:378, 288:768], SCENE_WIDTH, SCENE_HEIGHT),
        "lawn": clip.cropped(plate[240:564, 0:576], SCENE_WIDTH, SCENE_HEIGHT)[:, ::-1].copy(),
        "street": clip.cropped(street, SCENE_WIDTH, SCENE_HEIGHT, 0.9),
        "alley": clip.cropped(street[190:563, 40:703], SCENE_WIDTH, SCENE_HEIGHT, 1.0)[:, ::-1].copy(),
    }
    grounds = {"campus": 0.3, "crossing": 0.35, "lawn": 0.3, "street": 0.66, "alley": 0.66}
    return Stock(cutting.walkers(campus, plate, 7.0, WALKERS_MOST), drawn_vehicles(), scenes, grounds)


def drawn_vehicles() -> list[Sprite]:
    """The vehicles that are drawn."""
    return [
        Sprite(
            name=f"drawn-{number:02}",
            label="car",
            rate=0.0,
            colours=[colour],
            alphas=[alpha],
            heights=[vehicles.HEIGHT_UNITS * vehicles.UNIT],
            heights_per_sec=-3.0,
        )
        for number, (colour, alpha) in enumerate(vehicles.drawings())
    ]


def add_scene(stock: Stock, name: str, path: pathlib.Path, ground: float) -> None:
    """Adds the empty scene of a clip whose camera stands still."""
    stock.scenes[name] = clip.cropped(clip.median(clip.pictures(path)), SCENE_WIDTH, SCENE_HEIGHT)
    stock.grounds[name] = ground


def add_vehicles(stock: Stock, path: pathlib.Path, rate: float, most: int) -> None:
    """Adds what drives through a clip, cut out like walkers. `rate` is how many pictures a second it really has."""
    pictures = clip.pictures(path)
    cut = cutting.vehicles(pictures, clip.median(pictures), rate, most)
    for number, vehicle in enumerate(cut):
        vehicle.name = f"cut-{len(stock.vehicles) + number:02}"
    stock.vehicles += cut


def save(stock: Stock, folder: pathlib.Path) -> None:
    """Writes a stock."""
    sprite.save(stock.walkers, folder / "walkers")
    sprite.save(stock.vehicles, folder / "vehicles")
    (folder / "scenes").mkdir(parents=True, exist_ok=True)
    for name, scene in stock.scenes.items():
        cv2.imwrite(str(folder / "scenes" / f"{name}.png"), scene)
    (folder / "scenes" / "grounds.json").write_text(json.dumps(stock.grounds, indent=1))


def load(folder: pathlib.Path) -> Stock:
    """Reads a stock."""
    scenes = {path.stem: clip.picture(path) for path in sorted((folder / "scenes").glob("*.png"))}
    grounds = json.loads((folder / "scenes" / "grounds.json").read_text())
    return Stock(sprite.load(folder / "walkers"), sprite.load(folder / "vehicles"), scenes, grounds)
