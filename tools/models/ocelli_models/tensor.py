"""How a TensorFlow tensor lies inside the ONNX graph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Sequence

import numpy as np

# Logical axes (batch, height, width, channel) stored as (batch, channel, height, width).
CHANNELS_LAST = (0, 2, 3, 1)


@dataclass(frozen=True)
class Padding:
    """Pixels to add around a picture before the next operation, and their value."""

    top: int
    left: int
    bottom: int
    right: int
    value: float


@dataclass(frozen=True)
class Tensor:
    """A value of the ONNX graph as TensorFlow sees it.

    Pictures always lie in the ONNX graph as (batch, channel, height, width). TensorFlow keeps transposing between that
    and channels-last; `axes[i]` says which stored axis its axis `i` is, so that a transpose is bookkeeping and
    vanishes. `padding` is not applied yet: the convolution or pooling that follows takes it as an attribute.
    """

    name: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    padding: Padding | None = None

    @classmethod
    def plain(cls, name: str, shape: Sequence[int]) -> Tensor:
        """A tensor that is stored as it is seen."""
        return cls(name, tuple(shape), tuple(range(len(shape))))

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape in the order in which the axes are stored."""
        return tuple(self.shape[self.axes.index(axis)] for axis in range(len(self.shape)))

    @property
    def channel_axis(self) -> int:
        """Which axis, as TensorFlow sees it, is the channels'."""
        return self.axes.index(1)

    def transposed(self, order: Sequence[int]) -> Tensor:
        """The same stored values seen with the axes in another order."""
        shape = tuple(self.shape[axis] for axis in order)
        return replace(self, shape=shape, axes=tuple(self.axes[axis] for axis in order))

    def as_channels_last(self) -> Tensor:
        """A stored picture seen as (batch, height, width, channel)."""
        stored = self.stored_shape
        shape = tuple(stored[axis] for axis in CHANNELS_LAST)
        return replace(self, shape=shape, axes=CHANNELS_LAST)


Value = Tensor | np.ndarray
