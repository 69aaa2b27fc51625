"""Sizes and boxes in whole pixels; width before height everywhere."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """A width and a height in pixels."""

    width: int
    height: int

    def scaled(self, factor: float) -> "Size":
        """Both sides times `factor`, truncated as A1111's "Resize by" does (not rounded to 8)."""
        return Size(int(self.width * factor), int(self.height * factor))

    def divided(self, divisor: int) -> "Size":
        """Both sides divided by `divisor`, truncated."""
        return Size(self.width // divisor, self.height // divisor)

    def swapped(self) -> "Size":
        """Height and width exchanged."""
        return Size(self.height, self.width)

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.width * self.height

    @classmethod
    def of(cls, sized: tuple[int, int]) -> Self:
        """From Pillow's `(width, height)`."""
        return cls(*sized)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of whole pixels; `right` and `bottom` are the first outside it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return Size(self.right - self.left, self.bottom - self.top)

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """As Pillow takes boxes: left, top, right, bottom."""
        return self.left, self.top, self.right, self.bottom

    def __str__(self) -> str:
        return f"{self.size} at {self.left},{self.top}"
