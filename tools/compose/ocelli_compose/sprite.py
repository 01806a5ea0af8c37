"""What is pasted: an object cut out of its picture, in some pictures one after another."""

from __future__ import annotations

import dataclasses
import json
import pathlib

import cv2
import numpy as np

from . import clip


@dataclasses.dataclass
class Sprite:
    """One object. All its pictures stand on their lower edge."""

    name: str
    label: str
    rate: float
    """Pictures a second; 0 for one that does not change."""
    colours: list[np.ndarray]
    """Blue, green, red."""
    alphas: list[np.ndarray]
    """0..1, of the same size."""
    heights: list[float]
    """Of the object in pixels, without the ups and downs of its steps."""
    heights_per_sec: float
    """How fast it goes to the right, in its own height; below 0 it faces left."""

    @property
    def width_share(self) -> float:
        """Width over height, of the middle of its pictures."""
        pairs = zip(self.alphas, self.heights, strict=True)
        return float(np.median([alpha.shape[1] / height for alpha, height in pairs]))

    def at(self, secs: float) -> int:
        """The picture to show: forth and back, so that it does not jump."""
        if len(self.colours) == 1 or self.rate <= 0:
            return 0
        turn = 2 * (len(self.colours) - 1)
        place = int(secs * self.rate) % turn
        return min(place, turn - place)


def save(sprites: list[Sprite], folder: pathlib.Path) -> None:
    """Writes the sprites as PNG files with alpha, and what else is known of them."""
    folder.mkdir(parents=True, exist_ok=True)
    about = []
    for sprite in sprites:
        for number, (colour, alpha) in enumerate(zip(sprite.colours, sprite.alphas, strict=True)):
            bgra = np.dstack([colour, np.clip(alpha * 255 + 0.5, 0, 255).astype(np.uint8)])
            cv2.imwrite(str(folder / f"{sprite.name}-{number:03}.png"), bgra)
        fields = ("name", "label", "rate", "heights", "heights_per_sec")
        about.append({field: getattr(sprite, field) for field in fields})
    (folder / "sprites.json").write_text(json.dumps(about, indent=1))


def load(folder: pathlib.Path) -> list[Sprite]:
    """Reads what `save` wrote."""
    sprites = []
    for about in json.loads((folder / "sprites.json").read_text()):
        paths = [folder / f"{about['name']}-{number:03}.png" for number in range(len(about["heights"]))]
        pictures = [clip.picture(path, with_alpha=True) for path in paths]
        colours = [picture[..., :3].copy() for picture in pictures]
        alphas = [picture[..., 3].astype(np.float32) / 255 for picture in pictures]
        sprites.append(Sprite(colours=colours, alphas=alphas, **about))
    return sprites
