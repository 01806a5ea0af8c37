"""128 bits that nobody else writes: to see whether coded video or pixels leave where they must not."""

from __future__ import annotations

import cv2
import numpy as np

# The board: columns and rows of cells.
COLUMNS, ROWS = 8, 16
# Grey of dark and light cells.
DARK, LIGHT = 35, 215
# Correlation from which a board counts as found. Pictures without it, or with another, stay below 0.4.
FOUND = 0.5
# Sizes of a cell, in pixels, that are looked for.
CELLS = tuple(round(1.05**step, 2) for step in range(14, 56))


def draw_bits(dice: np.random.Generator) -> str:
    """A canary in hexadecimal, without a byte 0, so that no emulation prevention breaks it up."""
    return bytes(int(byte) for byte in dice.integers(1, 256, 16)).hex()


def board(canary: str, cell: int) -> np.ndarray:
    """The canary as grey cells, light for 1, `cell` pixels each."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(canary), np.uint8)).reshape(ROWS, COLUMNS)
    grey = np.where(bits > 0, LIGHT, DARK).astype(np.uint8)
    return np.kron(grey, np.ones((cell, cell), np.uint8))


def in_bytes(data: bytes, canary: str) -> bool:
    """Whether coded video or a file holds the canary."""
    return bytes.fromhex(canary) in data


def in_picture(grey: np.ndarray, canary: str) -> float:
    """How well the best place of a grey picture fits the board, whatever its size: -1..1."""
    pattern = board(canary, 8).astype(np.float32)
    best = -1.0
    for cell in CELLS:
        size = (round(COLUMNS * cell), round(ROWS * cell))
        if size[0] > grey.shape[1] or size[1] > grey.shape[0]:
            break
        small = cv2.resize(pattern, size, interpolation=cv2.INTER_AREA)
        fit = cv2.matchTemplate(grey.astype(np.float32), small, cv2.TM_CCOEFF_NORMED)
        # Where a picture is of one grey the fit is undefined.
        best = max(best, float(np.nan_to_num(np.where(np.isfinite(fit), fit, -1.0), nan=-1.0).max()))
    return best
