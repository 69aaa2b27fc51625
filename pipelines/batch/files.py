"""The files of a batch: which there are, in which order, and opening one within the limits."""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from pipelines import filenames
from pipelines.batch.folders import AllowedFolders
from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.imaging.opening import open_picture
from pipelines.settings import Settings

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"})
"""Of the files in a folder that belong to a batch, in lower case, as in A1111."""

MAX_FILES = 10_000
"""In one batch; a folder with more was most likely not meant."""

MAX_STEM_BYTES = 200
"""Of the name of a result, which leaves room for numbers and an extension."""

MEGABYTE = 2**20

_DIGITS = re.compile("([0-9]+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class InputFile:
    """One picture file: where it lies, and what people call it (a/b.png below the input folder)."""

    path: Path
    name: str

    @property
    def stem(self) -> str:
        """The name without folders and extension, by which masks are found."""
        return _plain_name(self.name).stem

    @property
    def safe_stem(self) -> str:
        """The same as part of a file name that stays where it is, on every system."""
        cleaned = filenames.clean(self.stem, max_length=None).lstrip(". ")
        return filenames.shorten(cleaned, MAX_STEM_BYTES) or "picture"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What was found: files in order, and a sentence for each place that was not looked into."""

    files: tuple[InputFile, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Masks:
    """Masks by the stem of the picture they are for, or one for all pictures."""

    for_all: InputFile | None = None
    by_stem: Mapping[str, InputFile] = field(default_factory=dict[str, InputFile])

    def find(self, stem: str) -> InputFile | None:
        """The mask for a picture of this stem; None when there is none."""
        return self.for_all or self.by_stem.get(stem)


NaturalKey = tuple[int | str, ...]


def natural_key(text: str) -> NaturalKey:
    """Sorts "2.png" before "10.png", whatever the case of letters."""
    parts = _DIGITS.split(text.lower())
    return tuple(int(part) if index % 2 else part for index, part in enumerate(parts))


def in_order(files: Iterable[InputFile]) -> tuple[InputFile, ...]:
    """Sorted naturally, folder by folder; files of one name stay as they were."""

    def key(file: InputFile) -> tuple[tuple[NaturalKey, ...], NaturalKey]:
        *folders, name = file.name.split("/")
        return tuple(map(natural_key, folders)), natural_key(name)

    return tuple(sorted(files, key=key))


def list_folder(folder: Path, *, leave_out: Collection[Path] = ()) -> Listing:
    """Picture files in `folder` and all folders below it, naturally sorted, folder by folder.

    Hidden entries are passed over, and so are the folders in `leave_out` (resolved paths), where
    masks and results lie. Links to folders are not followed; one that is a file is listed, and is
    looked at when it is opened. InvalidRequest when there are more than MAX_FILES.
    """
    problems: list[str] = []

    def unreadable(error: OSError) -> None:
        place = Path(error.filename).relative_to(folder).as_posix()
        problems.append(f"Folder {place} cannot be read: {error.strerror}.")

    found: list[InputFile] = []
    for at, folders, names in os.walk(folder, onerror=unreadable):
        place = Path(at)
        inner = place.relative_to(folder)
        for name in sorted(folders, key=natural_key):
            if not name.startswith(".") and (place / name).is_symlink():
                link = (inner / name).as_posix()
                problems.append(f"Folder {link} is a link and was not followed.")
        folders[:] = [
            name for name in folders if not name.startswith(".") and place / name not in leave_out
        ]
        for name in _picture_names(names):
            found.append(InputFile(path=place / name, name=(inner / name).as_posix()))
        if len(found) > MAX_FILES:
            raise InvalidRequest(
                f"Folder {folder.name} holds more than {MAX_FILES} pictures, "
                "which is the most that one batch may have."
            )
    return Listing(files=in_order(found), problems=tuple(problems))


def list_masks(folder: Path) -> Masks:
    """The masks in `folder` itself: a single file is for all pictures, as in A1111.

    Of several files with one stem the naturally first counts. InvalidRequest for a folder without
    pictures, or one that cannot be read.
    """
    try:
        names = list(_picture_names(entry.name for entry in folder.iterdir() if entry.is_file()))
    except OSError as error:
        raise InvalidRequest(
            f"The mask directory {folder.name} cannot be read: {error.strerror}."
        ) from error
    masks = in_order(InputFile(path=folder / name, name=name) for name in names)
    if not masks:
        allowed = ", ".join(sorted(EXTENSIONS))
        raise InvalidRequest(
            f"The mask directory {folder.name} holds no picture; masks end in {allowed}."
        )
    if len(masks) == 1:
        return Masks(for_all=masks[0])
    return Masks(by_stem={mask.stem: mask for mask in reversed(masks)})


def open_input(file: InputFile, settings: Settings, folders: AllowedFolders | None) -> Image.Image:
    """The picture in `file`, upright, of any mode; InvalidPicture says why it cannot be used.

    The file, all links followed, must lie in one of `folders`; None, for an upload, asks nothing.
    """
    if folders is not None and not folders.contains(file.path):
        raise InvalidPicture("It is a link that leads out of the allowed folders.")
    try:
        size = file.path.stat().st_size
        # A pipe of this name would keep its reader waiting for ever.
        regular = file.path.is_file()
    except OSError as error:
        raise InvalidPicture(f"It cannot be read: {error.strerror}.") from error
    if not regular:
        raise InvalidPicture("It is not a file.")
    if size > settings.max_upload_megabytes * MEGABYTE:
        raise InvalidPicture(
            f"It has {size / MEGABYTE:.1f} MB; "
            f"at most {settings.max_upload_megabytes:g} MB are allowed."
        )
    return open_picture(file.path, max_pixels=int(settings.max_picture_megapixels * 1_000_000))


def _picture_names(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if not name.startswith(".") and Path(name).suffix.lower() in EXTENSIONS:
            yield name


def _plain_name(name: str) -> Path:
    """The last part of a name that another system may have written."""
    return Path(name.replace("\\", "/").rpartition("/")[2])
