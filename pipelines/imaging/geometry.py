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
