"""The Batch tab's values to a batch of files; names from the network become paths only here.

A file is an upload, whose path Gradio has checked to be one of its own, or lies in a folder below
those that were allowed at the start.
"""

from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any, cast

from pipelines.batch.files import InputFile, Listing, in_order, list_folder, list_masks
from pipelines.batch.folders import AllowedFolders
from pipelines.batch.plan import STAND_IN, STAND_IN_MASK, FileBatch
from pipelines.batch.png_info import Parameter, PngInfo
from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.requests import Img2ImgRequest, Inpaint
from ui.fields import choice, integer, text
from ui.forms import read_settings
from ui.sources import read_inpaint_options
from ui.values import Raw, Values, picture_path

LONGEST_NAME = 200
"""Characters of the name of an upload that are kept."""

INPUT, OUTPUT = "Input directory", "Output directory"
MASKS, INFO = "Inpaint batch mask directory", "PNG info directory"


class BatchSource(IntEnum):
    """Values of the hidden field `batch_source`."""

    upload = 0
    folder = 1


def read_batch(values: Values, folders: AllowedFolders | None) -> FileBatch:
    """The batch that the form describes; a UserError says which field makes none.

    Folders are listed, but no picture is opened. `folders` are those that may be named, None where
    --hide-ui-dir-config rules that out. Masks and an output directory belong to From directory, as
    in A1111.
    """
    settings = read_settings(values)
    source = integer("Batch source", values["batch_source"])
    png_info = _png_info(values, folders)
    if source == BatchSource.upload:
        request = Img2ImgRequest(init_image=STAND_IN, **settings)
        return FileBatch(
            request=request,
            files=_uploads(values["batch_files"]),
            uploaded=True,
            png_info=png_info,
            folders=folders,
        )
    if source != BatchSource.folder:
        raise InvalidRequest(f"Batch source {source} is not known; there are 0 and 1.")
    if folders is None:
        raise InvalidRequest(
            "Redraw was started with --hide-ui-dir-config, so a batch cannot come from a directory."
        )
    return _from_folder(values, settings, folders, png_info)


def _from_folder(
    values: Values, settings: Mapping[str, Any], folders: AllowedFolders, png_info: PngInfo | None
) -> FileBatch:
    folder = folders.find(INPUT, text(INPUT, values["batch_input_folder"]))
    typed = text(OUTPUT, values["batch_output_folder"])
    output = folders.find_or_new(OUTPUT, typed) if typed.strip() else None
    mask_folder = _optional(MASKS, values["batch_mask_folder"], folders)
    masks = None if mask_folder is None else list_masks(mask_folder)
    apart = (output, mask_folder, png_info and png_info.folder)
    listing = list_folder(folder, leave_out=[other for other in apart if other is not None])
    if not listing.files:
        raise InvalidPicture(_nothing_in(folder, listing))
    inpaint = None
    if masks is not None:
        inpaint = Inpaint(mask=STAND_IN_MASK, **read_inpaint_options(values))
    return FileBatch(
        request=Img2ImgRequest(init_image=STAND_IN, inpaint=inpaint, **settings),
        files=listing.files,
        masks=masks,
        png_info=png_info,
        output=output,
        folders=folders,
        problems=listing.problems,
    )


def _nothing_in(folder: Path, listing: Listing) -> str:
    sentence = f"The input directory {folder.name} holds no picture that a batch takes."
    return " ".join((sentence, *listing.problems))


def _uploads(value: Raw) -> tuple[InputFile, ...]:
    """The uploaded files, by the names they had where they came from."""
    records = cast("list[Raw]", value) if isinstance(value, list) else []
    files: list[InputFile] = []
    for record in records:
        path = picture_path(record)
        if path is None:
            raise InvalidPicture(f"An upload was expected, got {str(record)[:80]!r}.")
        name: Raw = record.get("orig_name")
        given = name if isinstance(name, str) and name else path.name
        plain = given.replace("\\", "/").rpartition("/")[2]
        files.append(InputFile(path=path, name=plain[-LONGEST_NAME:]))
    if not files:
        raise InvalidPicture("There is no picture to start from; drop files on the Batch tab.")
    return in_order(files)


def _png_info(values: Values, folders: AllowedFolders | None) -> PngInfo | None:
    if not values["batch_use_png_info"]:
        return None
    chosen: Raw = values["batch_png_info_parameters"] or []
    label = "Parameters to take from png info"
    if not isinstance(chosen, list):
        raise InvalidRequest(f"{label} must be a list, got {str(chosen)[:80]!r}.")
    parameters = frozenset(choice(label, one, Parameter) for one in cast("list[Raw]", chosen))
    if folders is None:
        return PngInfo(parameters=parameters)
    folder = _optional(INFO, values["batch_png_info_folder"], folders)
    return PngInfo(parameters=parameters, folder=folder)


def _optional(label: str, value: Raw, folders: AllowedFolders) -> Path | None:
    typed = text(label, value)
    return folders.find(label, typed) if typed.strip() else None
