"""Pictures on disk: folders, numbers, formats, and the parameter text inside each file.

A file appears under its name only when all of it is on the disk, so a kill leaves no half picture.
Pictures are written as plain sRGB without a profile, since a source with another colour profile was
converted when it was opened; but a picture that was only repainted in part keeps its source's.
"""

import errno
import hashlib
import io
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pipelines import filenames
from pipelines.errors import InvalidRequest, StorageFailed
from pipelines.files import write_atomically
from pipelines.imaging.chunks import PNG_COMPRESSION, Chunks
from pipelines.imaging.colours import to_rgb
from pipelines.imaging.inherited import exif_with_comment, inherited_info
from pipelines.imaging.metadata import (
    MAX_EXIF_BYTES,
    exif_block,
    png_chunks,
    read_infotext,
    storable,
)
from pipelines.plan import ImagePlan, Plan
from pipelines.settings import FIELDS, Settings

__all__ = ["LAST_INFOTEXT", "OUTPUTS", "Storage", "init_image_hash", "read_infotext"]

OUTPUTS = "outputs"
"""The one folder below the data folder whose files the page serves."""

LAST_INFOTEXT = "params.txt"
"""A1111's file with the parameters of the last job, in the data folder."""

MAX_SIDE = {"jpg": 65535, "webp": 16383, "png": 2**31 - 1}
"""The most pixels along one side that a format can hold; larger pictures become PNG."""

_FOLDER_SETTINGS = ("outdir_img2img_samples", "outdir_img2img_grids", "outdir_init_images")
_TRIES = 500
_TEMPORARY = ".redraw-"
_STALE_SECONDS = 3600
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_MODES = {"png": _PNG_MODES, "jpg": ("L", "RGB"), "webp": ("L", "RGB", "RGBA")}
"""Those of the pictures made here that a format can hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """Where a batch of files wants its pictures: an absolute folder, and the input file's stem."""

    folder: Path
    stem: str

    def names(self, image_plan: ImagePlan, plan: Plan) -> Iterator[str]:
        """A1111's names in their order: `stem`, or `stem-2` of several; then with -1, -2 added."""
        name = f"{self.stem}-{image_plan.index + 1}" if len(plan.images) > 1 else self.stem
        yield name
        for number in count(1):
            yield f"{name}-{number}"


class Storage:
    """Writes what jobs make below `data_dir`; safe to use from several threads and processes.

    Finished pictures go to `destination` instead, if there is one. Methods that write raise
    StorageFailed, with nothing half-written left behind.
    """

    def __init__(self, data_dir: Path, destination: Destination | None = None) -> None:
        self._data_dir = data_dir
        self._destination = destination
        self._lock = threading.Lock()

    def sent_to(self, destination: Destination) -> "Storage":
        """The same, but finished pictures go to `destination`, whatever the settings name."""
        return Storage(self._data_dir, destination)

    def check_folders(self, settings: Settings) -> None:
        """InvalidRequest if one of the output folders in `settings` is not inside `outputs`."""
        for key in _FOLDER_SETTINGS:
            self._folder(settings, key)
        if settings.control_net_detectmap_autosaving:
            self._map_folder("", settings)

    def save_picture(
        self,
        image: Image.Image,
        infotext: str,
        image_plan: ImagePlan,
        plan: Plan,
        *,
        suffix: str = "",
        chunks: Chunks = (),
    ) -> Path:
        """Write one finished picture under the next free name; where it lies now.

        The picture may be of any mode that PNG can hold; its ICC profile, EXIF and resolution are
        taken from its `.info`. `suffix` ends the name, as in "-mask". `chunks` are written into a
        PNG file, unless metadata is off.
        """
        settings = plan.settings
        extension, content = _encode(image, infotext, settings.samples_format, settings, chunks)
        ending = f"{suffix}.{extension}"
        if (sent := self._destination) is not None:
            return self._write_new(
                sent.folder, lambda: sent.names(image_plan, plan), ending, content
            )
        named = filenames.Named(
            plan=plan.for_picture(image_plan), image_plan=image_plan, image=image
        )
        folder = self._folder(settings, "outdir_img2img_samples", self._subfolders(named))
        default = (
            filenames.DEFAULT_PATTERN_IN_SUBFOLDER
            if settings.save_to_dirs
            else filenames.DEFAULT_PATTERN
        )
        stem = filenames.file_stem(settings.samples_filename_pattern or default, named)

        def names() -> Iterator[str]:
            for number in count(_next_number(folder, "")):
                yield f"{number:05}-{stem}" if stem else f"{number:05}"

        return self._write_new(folder, names, ending, content)

    def save_grid(self, image: Image.Image, infotext: str, plan: Plan) -> Path:
        """Write a contact sheet as `grid-0000` and so on; where it lies now."""
        settings = plan.settings
        named = filenames.Named(plan=plan, image_plan=plan.images[0], image=image)
        folder = self._folder(settings, "outdir_img2img_grids", self._subfolders(named))
        extension, content = _encode(image, infotext, settings.grid_format, settings)

        def names() -> Iterator[str]:
            return map("grid-{:04}".format, count(_next_number(folder, "grid-")))

        return self._write_new(folder, names, f".{extension}", content)

    def save_init_image(self, plan: Plan) -> Path:
        """Write the job's source picture, as it came, as a PNG named for its pixels' MD5.

        A picture that PNG cannot hold (CMYK, floating point) is written in RGB.
        """
        image = plan.request.init_image
        folder = self._folder(plan.settings, "outdir_init_images")
        path = folder / f"{init_image_hash(image)}.png"
        if not path.exists():
            kept = image.copy() if image.mode in _PNG_MODES else to_rgb(image)
            kept.info = {**inherited_info(image), **_profile(kept)}
            content = _encode(kept, read_infotext(image) or "", "png", plan.settings)[1]
            self._write(path, content)
        return path

    def save_control_map(self, image: Image.Image, module: str, settings: Settings) -> Path:
        """Write what preprocessor `module` made as `canny-0000.png` and so on; where it lies now.

        A1111's place for it: below the folder of samples, in one of the preprocessor's own.
        """
        name = filenames.clean(module)
        folder = self._map_folder(name, settings)
        extension, content = _encode(image, "", "png", settings)

        def names() -> Iterator[str]:
            return map(f"{name}-{{:04}}".format, count(_next_number(folder, f"{name}-")))

        return self._write_new(folder, names, f".{extension}", content)

    def save_sidecar(self, picture: Path, infotext: str) -> Path:
        """Write `infotext` into a text file beside a saved picture, of the same name."""
        path = picture.with_suffix(".txt")
        self._write(path, (storable(infotext) + "\n").encode("utf-8"))
        return path

    def remember(self, infotext: str) -> None:
        """Keep the parameters of the last job for the paste button, in A1111's `params.txt`."""
        self._write(self._data_dir / LAST_INFOTEXT, storable(infotext).encode("utf-8"))

    def _subfolders(self, named: filenames.Named) -> tuple[str, ...]:
        settings = named.plan.settings
        if not settings.save_to_dirs:
            return ()
        return filenames.folder_parts(settings.directories_filename_pattern, named)

    def _map_folder(self, name: str, settings: Settings) -> Path:
        below = Path(settings.outdir_img2img_samples) / settings.control_net_detectedmap_dir
        return self._inside(str(below), "control_net_detectedmap_dir", settings, (name,))

    def _folder(self, settings: Settings, key: str, parts: tuple[str, ...] = ()) -> Path:
        """The folder that a setting names, and `parts` below it; not yet made."""
        return self._inside(getattr(settings, key), key, settings, parts)

    def _inside(self, given: str, key: str, settings: Settings, parts: tuple[str, ...]) -> Path:
        """The folder `given`, which comes from setting `key`, and `parts` below it."""
        outputs = (self._data_dir / OUTPUTS).resolve()
        try:
            folder = (self._data_dir / given).joinpath(*parts).resolve()
            inside = folder.relative_to(outputs)
        except (ValueError, OSError):
            inside = None
        if inside is None or any(part.startswith(".") for part in inside.parts):
            raise InvalidRequest(
                f"{FIELDS[key].label} must be a folder inside {OUTPUTS}, "
                f"such as {getattr(Settings(), key)}; got {getattr(settings, key)!r}."
            )
        return outputs / inside

    def _write_new(
        self, folder: Path, names: Callable[[], Iterable[str]], ending: str, content: bytes
    ) -> Path:
        """Write `content` under the first of `names`, and `ending`, that is free; that path.

        `names` is called once the folder is there and nobody else of this program writes.
        """
        temporary = folder / f"{_TEMPORARY}{secrets.token_hex(8)}.tmp"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            room = _longest_name(folder) - len(ending)
            try:
                _write_through(temporary, content)
                with self._lock:
                    for name in islice(names(), _TRIES):
                        path = folder / f"{filenames.shorten(name, room)}{ending}"
                        if _claim(temporary, path):
                            return path
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise self._failure(folder, content, error) from error
        raise StorageFailed(
            f"No free file name was found in {self._shown(folder)} after {_TRIES} tries."
        )

    def _write(self, path: Path, content: bytes) -> None:
        try:
            write_atomically(path, content)
        except OSError as error:
            raise self._failure(path, content, error) from error

    def _failure(self, path: Path, content: bytes, error: OSError) -> StorageFailed:
        size = f"{len(content) / 1e6:.1f} MB"
        if error.errno in _DISK_FULL:
            return StorageFailed(
                f"The disk is full: {size} could not be saved to {self._shown(path)}."
            )
        reason = error.strerror or str(error)
        return StorageFailed(f"{size} could not be saved to {self._shown(path)}: {reason}.")

    def _shown(self, path: Path) -> str:
        """`path` as people are told it: from the data folder on."""
        root = self._data_dir.resolve()
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def init_image_hash(image: Image.Image) -> str:
    """MD5 of the raw pixel bytes, by which A1111 names a saved source picture."""
    return hashlib.md5(image.tobytes(), usedforsecurity=False).hexdigest()


def _encode(
    image: Image.Image, infotext: str, wanted: str, settings: Settings, chunks: Chunks = ()
) -> tuple[str, bytes]:
    """The file's extension and content; PNG when `wanted` cannot hold the picture or its text."""
    infotext = storable(infotext) if settings.enable_pnginfo else ""
    exif = b"" if wanted == "png" else _exif_for(image, infotext)
    holds = image.mode in _MODES[wanted] and max(image.size) <= MAX_SIDE[wanted]
    extension = wanted if holds and len(exif) <= MAX_EXIF_BYTES else "png"
    buffer = io.BytesIO()
    quality, kept = settings.jpeg_quality, _profile(image)
    match extension:
        case "jpg":
            if "dpi" in image.info:
                kept["dpi"] = image.info["dpi"]
            image.save(buffer, "JPEG", quality=quality, exif=exif, **kept)
        case "webp":
            lossless = settings.webp_lossless
            image.save(buffer, "WEBP", quality=quality, lossless=lossless, exif=exif, **kept)
        case _:
            described = png_chunks(infotext) if infotext else PngInfo()
            for name, content in chunks if settings.enable_pnginfo else ():
                described.add(name, content, after_idat=True)
            kept |= {key: image.info[key] for key in ("exif", "dpi") if key in image.info}
            image.save(buffer, "PNG", pnginfo=described, compress_level=PNG_COMPRESSION, **kept)
    return extension, buffer.getvalue()


def _exif_for(image: Image.Image, infotext: str) -> bytes:
    """The picture's own EXIF with the text as its comment, or the text alone where that fails."""
    own: bytes | None = image.info.get("exif")
    if own is None or not infotext:
        return exif_block(infotext) if infotext else own or b""
    both = exif_with_comment(own, infotext)
    return both if both is not None and len(both) <= MAX_EXIF_BYTES else exif_block(infotext)


def _profile(image: Image.Image) -> dict[str, Any]:
    """The colour profile of a picture whose numbers are not sRGB's."""
    profile = image.info.get("icc_profile")
    return {} if profile is None else {"icc_profile": profile}


def _write_through(path: Path, content: bytes) -> None:
    """Write a new file, and come back once it is on the disk."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _claim(temporary: Path, path: Path) -> bool:
    """Give a written file its name, unless that is taken.

    A hard link fails when the name exists, whoever made it. File systems without links get a
    look first; two processes could then meet on one name, threads cannot.
    """
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise
        if path.exists():
            return False
        temporary.replace(path)
    return True


def _next_number(folder: Path, prefix: str) -> int:
    """One more than the highest number that a file's name begins with after `prefix`.

    What a killed process left unfinished an hour ago is cleared away in passing.
    """
    numbered = re.compile(re.escape(prefix) + "([0-9]+)")
    highest = -1
    with os.scandir(folder) as entries:
        for entry in entries:
            if match := numbered.match(entry.name):
                highest = max(highest, int(match[1]))
            elif entry.name.startswith(_TEMPORARY):
                _remove_if_stale(Path(entry.path))
    return highest + 1


def _remove_if_stale(temporary: Path) -> None:
    try:
        if time.time() - temporary.stat().st_mtime > _STALE_SECONDS:
            temporary.unlink()
    except OSError:  # another process was quicker
        return


def _longest_name(folder: Path) -> int:
    """How many bytes a file's name may have in `folder`."""
    try:
        return min(255, os.pathconf(folder, "PC_NAME_MAX"))
    except (AttributeError, ValueError, OSError):  # Windows has no pathconf
        return 255
