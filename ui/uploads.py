"""Opening what was uploaded, within the size that the settings allow."""

from pathlib import Path

from PIL import Image

from pipelines.imaging.opening import OpenedPictures
from pipelines.settings_store import SettingsStore

PIXELS_PER_MEGAPIXEL = 1_000_000


class Uploads:
    """Opens uploads, the last ones only once; safe to use from several threads."""

    def __init__(self, settings: SettingsStore) -> None:
        self._settings = settings
        self._opened = OpenedPictures()

    def __call__(self, path: Path) -> Image.Image:
        """As `open_picture`: upright, of any mode, read-only; InvalidPicture if that fails."""
        return self._opened.open(path, max_pixels=self.max_pixels)

    @property
    def max_pixels(self) -> int:
        """The largest picture that is decoded."""
        return int(self._settings.current.max_picture_megapixels * PIXELS_PER_MEGAPIXEL)
