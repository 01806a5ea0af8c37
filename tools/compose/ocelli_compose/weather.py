"""What a camera adds: noise, light, rain, shake, a clock."""

from __future__ import annotations

import cv2
import numpy as np

from .spec import Segment, Spec

# Strength in grey levels, what is left of it in the next picture, and how far neighbours share it (in pixels).
NOISE = {"low": (1.2, 0.6, 0.8), "high": (3.5, 0.2, 0.6)}
# Of the noise of the luma.
CHROMA_NOISE = 0.4
# Different noise pictures; they are shifted and mirrored at random.
BANK = 12
SHIFT = 64
# The light always drifts a little.
DRIFT, DRIFT_SECS = 0.04, 60.0
# A night: how much light is left, and how much more noise there is.
NIGHT_LIGHT, NIGHT_NOISE = 0.3, 2.0
RAIN_STREAKS = 90


class Weather:
    """The state of one stream's disturbances."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.dice = spec.dice("weather")
        self.noise_dice = spec.dice("noise")
        strength, self.kept, blur = NOISE[spec.noise]
        if spec.night:
            strength *= NIGHT_NOISE
        self.scale = spec.height / 360
        rows, columns = spec.height + SHIFT, spec.width + SHIFT
        self.bank = []
        for _ in range(BANK):
            white = self.noise_dice.standard_normal((rows, columns), dtype=np.float32)
            noise = cv2.GaussianBlur(white, (0, 0), blur * max(1.0, self.scale / 2))
            self.bank.append(noise * (strength / float(noise.std())))
        self.noise = np.zeros((spec.height, spec.width), np.float32)
        self.shift = np.zeros(2)

    def _now(self, kind: str, at: float) -> tuple[Segment, float] | None:
        for segment in self.spec.disturbances:
            if segment.kind == kind and segment.from_secs <= at < segment.to_secs:
                return segment, (at - segment.from_secs) / (segment.to_secs - segment.from_secs)
        return None

    def shaken(self, picture: np.ndarray, at: float) -> tuple[np.ndarray, tuple[float, float]]:
        """The picture moved by the camera, and by how many pixels."""
        if self._now("shake", at) is None:
            self.shift[:] = 0
            return picture, (0.0, 0.0)
        # A pole in the wind: one pixel most of the time, three in gusts (at 360 lines).
        strength = (1.0 if at % 4 < 2.5 else 3.0) * self.scale
        self.shift = 0.7 * self.shift + 0.5 * strength * self.dice.standard_normal(2)
        right, down = (float(value) for value in self.shift)
        move = np.array([[1, 0, right], [0, 1, down]], np.float32)
        size = (self.spec.width, self.spec.height)
        moved = cv2.warpAffine(picture, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return moved, (right, down)

    def lit(self, picture: np.ndarray, at: float) -> np.ndarray:
        """The picture in the light of the moment."""
        gain, offset, grey = 1 + DRIFT * np.sin(2 * np.pi * at / DRIFT_SECS), 0.0, False
        if drift := self._now("drift", at):
            gain *= 1 + 0.25 * np.sin(np.pi * drift[1])
        if (switch := self._now("switch", at)) and 0.2 <= switch[1] < 0.6:
            gain *= 0.6
        if (infrared := self._now("infrared", at)) and 0.2 <= infrared[1] < 0.7:
            gain, offset, grey = gain * 1.35, 12.0, True
        if self.spec.night:
            gain, grey = gain * NIGHT_LIGHT, True
        if grey:
            picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        return cv2.convertScaleAbs(picture, alpha=float(gain), beta=offset)

    def rained(self, picture: np.ndarray, at: float) -> np.ndarray:
        """The picture with streaks of rain."""
        if self._now("rain", at) is None:
            return picture
        streaks = np.zeros(picture.shape[:2], np.uint8)
        for _ in range(RAIN_STREAKS):
            x, y = self.dice.integers(0, self.spec.width), self.dice.integers(-20, self.spec.height)
            length = self.dice.integers(10, 26) * self.scale
            end = (int(x - 0.2 * length), int(y + length))
            tone = int(self.dice.integers(15, 40))
            cv2.line(streaks, (int(x), int(y)), end, tone, max(1, round(self.scale / 2)), cv2.LINE_AA)
        return cv2.add(picture, cv2.cvtColor(streaks, cv2.COLOR_GRAY2BGR))

    def coded(self, picture: np.ndarray, at: float) -> bytes:
        """The picture as planes of luma and colour differences, with noise and clock."""
        height, width = self.spec.height, self.spec.width
        planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
        fresh = self.bank[int(self.noise_dice.integers(BANK))]
        top, left = (int(value) for value in self.noise_dice.integers(0, SHIFT, 2))
        fresh = fresh[top : top + height, left : left + width]
        if self.noise_dice.random() < 0.5:
            fresh = fresh[:, ::-1]
        self.noise = self.kept * self.noise + float(np.sqrt(1 - self.kept**2)) * fresh
        infrared = self._now("infrared", at)
        strength = 2.0 if infrared and 0.2 <= infrared[1] < 0.7 else 1.0
        planes[:height] = _with_noise(planes[:height], self.noise * strength)
        for first, plane in ((0, 0), (1, 1)):
            rows = planes[height:].reshape(2, height // 2, width // 2)[plane]
            rows[:] = _with_noise(rows, self.noise[first::2, first::2] * CHROMA_NOISE)
        if self.spec.clock:
            secs = int(at)
            text = f"2026-11-24 {3 + secs // 3600:02}:{secs // 60 % 60:02}:{secs % 60:02}"
            place = (round(8 * self.scale), round(16 * self.scale))
            cv2.putText(planes[:height], text, place, 0, 0.42 * self.scale, 235, max(1, round(self.scale)))
        return planes.tobytes()


def _with_noise(plane: np.ndarray, noise: np.ndarray) -> np.ndarray:
    summed: np.ndarray = plane.astype(np.float32) + noise
    return np.clip(summed + 0.5, 0, 255).astype(np.uint8)
