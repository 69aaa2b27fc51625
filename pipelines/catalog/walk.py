"""Walking through a folder of models: which files and which folders in it are one."""

import logging
from collections.abc import Iterator
from pathlib import Path

from pipelines.catalog.folders import PIPELINE_INDEX, Place

log = logging.getLogger(__name__)


def walk(root: Path, place: Place) -> Iterator[Path]:
    """Model folders and files of this kind below `root`, sorted by name; links are followed.

    Hidden entries are passed over, and so are the parts of a model folder. A folder reached a
    second time, as in a loop of links, is passed over too, and one that cannot be read is logged.
    `root` may be a model itself, and need not exist.
    """
    seen: set[tuple[int, int]] = set()

    def below(folder: Path) -> Iterator[Path]:
        try:
            status = folder.stat()
            entries = sorted(folder.iterdir(), key=lambda path: path.name.lower())
            folders = {entry for entry in entries if entry.is_dir()}
        except OSError as error:
            log.warning("Model folder %s is passed over: %s.", folder, error.strerror)
            return
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        names = {entry.name for entry in entries}
        if place.is_model_folder(names):
            yield folder
            return
        if PIPELINE_INDEX in names:
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry in folders:
                yield from below(entry)
            elif entry.suffix.lower() in place.extensions:
                yield entry

    if root.is_dir():
        yield from below(root)
