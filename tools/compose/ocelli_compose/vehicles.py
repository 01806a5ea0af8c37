"""Vehicles drawn from the side: a body, windows, wheels, light from above. The same ones every time."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

# Pixels of a drawing for each unit of a shape: a car is four units long and about 1.4 high.
UNIT = 160
# Height of a vehicle, by which it is scaled.
HEIGHT_UNITS = 1.5
# Drawn this much larger, then reduced, for soft edges.
OVER = 3


@dataclasses.dataclass(frozen=True)
class Shape:
    """Outlines in units, x from the front (left), y from the ground up."""

    length: float
    body: list[tuple[float, float]]
    windows: list[list[tuple[float, float]]]
    wheels: tuple[float, float]
    radius: float


SALOON = Shape(
    4.4,
    [
        (0.06, 0.32), (0.02, 0.55), (0.10, 0.72), (0.55, 0.84), (1.15, 0.94), (1.75, 1.38), (2.15, 1.46), (2.75, 1.45),
        (3.25, 1.30), (3.75, 1.00), (4.22, 0.95), (4.36, 0.80), (4.36, 0.42), (4.28, 0.28),
    ],
    [
        [(1.32, 0.95), (1.80, 1.31), (2.28, 1.37), (2.28, 0.97)],
        [(2.36, 0.97), (2.36, 1.37), (2.76, 1.36), (3.14, 1.25), (3.48, 1.00)],
    ],
    (0.86, 3.50),
    0.32,
)  # fmt: skip
HATCHBACK = Shape(
    3.9,
    [
        (0.05, 0.32), (0.02, 0.58), (0.12, 0.76), (0.60, 0.90), (1.00, 0.99), (1.55, 1.46), (2.05, 1.54), (3.05, 1.52),
        (3.55, 1.36), (3.80, 0.98), (3.88, 0.80), (3.86, 0.40), (3.80, 0.28),
    ],
    [
        [(1.16, 1.00), (1.62, 1.39), (2.12, 1.45), (2.12, 1.02)],
        [(2.20, 1.02), (2.20, 1.45), (2.85, 1.44), (2.95, 1.04)],
        [(3.03, 1.04), (2.95, 1.43), (3.25, 1.38), (3.55, 1.10)],
    ],
    (0.80, 3.12),
    0.31,
)  # fmt: skip
ESTATE = Shape(
    4.6,
    [
        (0.06, 0.34), (0.02, 0.60), (0.12, 0.80), (0.70, 0.95), (1.20, 1.03), (1.72, 1.52), (2.20, 1.60), (3.90, 1.58),
        (4.30, 1.42), (4.50, 1.02), (4.56, 0.80), (4.54, 0.42), (4.46, 0.30),
    ],
    [
        [(1.38, 1.04), (1.80, 1.44), (2.30, 1.50), (2.30, 1.05)],
        [(2.38, 1.05), (2.38, 1.50), (3.18, 1.50), (3.24, 1.06)],
        [(3.32, 1.06), (3.27, 1.49), (3.88, 1.48), (4.28, 1.12)],
    ],
    (0.92, 3.70),
    0.34,
)  # fmt: skip

# Blue, green, red of the paint.
PAINTS = [
    (150, 60, 40),
    (40, 40, 170),
    (60, 60, 62),
    (190, 190, 188),
    (110, 116, 120),
    (70, 110, 60),
    (36, 34, 32),
    (205, 205, 210),
]


def drawings() -> list[tuple[np.ndarray, np.ndarray]]:
    """Pictures (blue, green, red) and their alpha (0..1), the front to the left."""
    return [draw(shape, paint) for paint in PAINTS for shape in (SALOON, HATCHBACK, ESTATE)]


def draw(shape: Shape, paint: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """One vehicle, standing on the lower edge."""
    scale = UNIT * OVER
    height = round(1.7 * scale)
    width = round(shape.length * scale)
    colour = np.zeros((height, width, 3), np.float32)
    alpha = np.zeros((height, width), np.uint8)
    ground = height - 1

    def points(outline: list[tuple[float, float]]) -> np.ndarray:
        return np.array([[round(x * scale), round(ground - y * scale)] for x, y in outline], np.int32)

    body = _mask(alpha.shape, smooth(points(shape.body)))
    rows = np.linspace(1.7, 0, height, dtype=np.float32)[:, None]
    # Sky above, road below: bright shoulders, a dark sill, and the crease at the height of the door handles.
    light = 0.55 + 0.38 * np.clip((rows - 0.25) / 1.2, 0, 1) + 0.22 * np.exp(-(((rows - 0.88) / 0.05) ** 2))
    light -= 0.22 * np.exp(-(((rows - 0.40) / 0.09) ** 2))
    paint_rows = np.array(paint, np.float32) * light[..., None]
    colour[body > 0] = np.broadcast_to(paint_rows, colour.shape)[body > 0]
    for window in shape.windows:
        glass = _mask(alpha.shape, points(window))
        shine = 42 + 70 * np.clip((rows - 1.0) / 0.5, 0, 1)
        colour[glass > 0] = np.broadcast_to(shine[..., None] * np.array([1.05, 1.0, 0.95]), colour.shape)[glass > 0]
    _lamps(colour, body, shape, scale, ground)
    _doors(colour, body, shape, scale, ground)
    alpha = np.maximum(alpha, body)
    for x in shape.wheels:
        centre = (round(x * scale), round(ground - shape.radius * scale))
        arch = _disc(alpha.shape, centre, round((shape.radius + 0.06) * scale)) & body
        colour[arch > 0] = 14
        for radius, tone in ((1.0, 22), (0.66, 120), (0.56, 165), (0.2, 70)):
            disc = _disc(alpha.shape, centre, round(radius * shape.radius * scale))
            colour[disc > 0] = tone
            alpha = np.maximum(alpha, disc)
        for spoke in range(5):
            angle = 2 * np.pi * spoke / 5 + 0.3
            reach = 0.54 * shape.radius * scale
            end = (round(centre[0] + reach * np.cos(angle)), round(centre[1] + reach * np.sin(angle)))
            cv2.line(colour, centre, end, (60, 60, 60), round(0.05 * scale), cv2.LINE_AA)
    size = (width // OVER, height // OVER)
    soft = cv2.resize(alpha.astype(np.float32) / 255, size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(colour * (alpha[..., None] > 0), size, interpolation=cv2.INTER_AREA)
    small /= np.maximum(soft, 1e-3)[..., None]
    return np.clip(small, 0, 255).astype(np.uint8), soft


def smooth(outline: np.ndarray) -> np.ndarray:
    """The outline with round corners: two rounds of cutting them (Chaikin 1974)."""
    points = outline.astype(np.float32)
    for _ in range(2):
        following = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], axis=1).reshape(-1, 2)
    return points.round().astype(np.int32)


def _mask(shape: tuple[int, ...], outline: np.ndarray) -> np.ndarray:
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [outline], 255)
    return mask


def _disc(shape: tuple[int, ...], centre: tuple[int, int], radius: int) -> np.ndarray:
    mask = np.zeros(shape[:2], np.uint8)
    cv2.circle(mask, centre, radius, 255, -1)
    return mask


def _lamps(colour: np.ndarray, body: np.ndarray, shape: Shape, scale: int, ground: int) -> None:
    for left, right, low, high, tone in (
        (0.03, 0.30, 0.60, 0.76, (215, 225, 230)),
        (shape.length - 0.24, shape.length - 0.03, 0.66, 0.88, (40, 40, 190)),
    ):
        lamp = np.zeros_like(body)
        cv2.rectangle(
            lamp,
            (round(left * scale), round(ground - high * scale)),
            (round(right * scale), round(ground - low * scale)),
            255,
            -1,
        )
        colour[(lamp & body) > 0] = tone


def _doors(colour: np.ndarray, body: np.ndarray, shape: Shape, scale: int, ground: int) -> None:
    gaps = [shape.windows[0][0][0] + 0.05, shape.windows[0][-1][0] + 0.04, shape.windows[1][-1][0] - 0.1]
    for x in gaps:
        line = np.zeros_like(body)
        cv2.line(
            line,
            (round(x * scale), round(ground - 0.95 * scale)),
            (round(x * scale), round(ground - 0.36 * scale)),
            255,
            round(0.014 * scale),
        )
        colour[(line & body) > 0] *= 0.55
    for x in gaps[1:]:
        cv2.rectangle(
            colour,
            (round((x - 0.28) * scale), round(ground - 0.86 * scale)),
            (round((x - 0.1) * scale), round(ground - 0.83 * scale)),
            (90, 90, 90),
            -1,
        )
