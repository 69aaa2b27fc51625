"""A source picture kept as it came, so that what is not repainted goes back unchanged."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.imaging.colours import from_srgb, own_colours
from pipelines.imaging.geometry import Size
from pipelines.imaging.resize import resize
from pipelines.requests import ResizeMode


@dataclass(frozen=True, kw_only=True, slots=True)
class Original:
    """The colours and transparency of a source picture, in its own numbers.

    `colours` (RGB) are in the colour space of the ICC profile `profile`, or sRGB where that is
    None; what is transparent keeps the colour that it hides. `alpha` is of mode L, or None for an
    opaque picture. `deep` is the picture itself if it is of 16-bit gray, else None.
    """

    colours: Image.Image
    alpha: Image.Image | None
    profile: bytes | None
    deep: Image.Image | None

    @classmethod
    def of(cls, image: Image.Image) -> Self:
        """From a picture in any of Pillow's modes."""
        own, profile = own_colours(image)
        return cls(
            colours=own.convert("RGB"),
            alpha=own.getchannel("A") if own.mode == "RGBA" else None,
            profile=profile,
            deep=image if image.mode.startswith("I;16") else None,
        )

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return Size.of(self.colours.size)

    def resized(self, size: Size, mode: ResizeMode) -> "Original":
        """At another size, in 8 bits; itself when it has that size already."""
        if size == self.size:
            return self
        whole = resize(self.colours if self.alpha is None else self.rgba(), size, mode)
        return Original(
            colours=whole.convert("RGB"),
            alpha=whole.getchannel("A") if self.alpha is not None else None,
            profile=self.profile,
            deep=None,
        )

    def rgba(self) -> Image.Image:
        """Colours and transparency in one picture; only where there is an `alpha`."""
        assert self.alpha is not None
        whole = self.colours.copy()
        whole.putalpha(self.alpha)
        return whole

    def adopt(self, image: Image.Image) -> Image.Image:
        """An RGB picture in sRGB, such as a generated one, in this picture's colour space."""
        return from_srgb(image, self.profile)

    def deepened(self, result: Image.Image, overlay_mask: Image.Image) -> Image.Image:
        """`result` (RGB, of this size) as 16-bit gray: mode I;16, or big-endian as `deep` is.

        Where `overlay_mask` is 0 the values are this picture's own, bit by bit; elsewhere 257 times
        the result's brightness (ITU-R BT.601). Only for a picture that is `deep`.
        """
        assert self.deep is not None
        weights = np.array([0.299, 0.587, 0.114])
        brightness = np.asarray(result.convert("RGB"), np.float64) @ weights
        values: NDArray[np.uint16] = np.rint(brightness * 257).astype(np.uint16)
        kept = np.asarray(self.deep).astype(np.uint16)
        values = np.where(np.asarray(overlay_mask) == 0, kept, values)
        return Image.fromarray(values)
