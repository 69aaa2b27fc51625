"""Answers to "what is to be selected here?", which a canvas asks while a tool is used."""

import base64
import math
import threading
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gradio.utils import get_upload_folder
from PIL import Image

from pipelines.errors import InvalidPicture, InvalidRequest, UserError
from ui.values import Raw, picture_path

if TYPE_CHECKING:
    from pipelines.imaging.select import Point

MAX_POINTS = 20_000
Answer = dict[str, Any]


def make_select(open_file: Callable[[Path], Image.Image]) -> Callable[[Raw], Answer]:
    """The function that the browser calls, as a server function of its gr.HTML.

    Its argument has passed none of Gradio's checks. It selects one thing at a time, so that a
    flood of questions cannot take every core.
    """
    one_at_a_time = threading.Lock()

    def select_pixels(question: Raw) -> Answer:
        """{box: [left, top, right, bottom], mask: packed bytes of it}, or {error: a sentence}."""
        try:
            if not isinstance(question, Mapping):
                raise InvalidRequest("A question about the picture was expected.")
            values = cast("Mapping[str, Raw]", question)
            with one_at_a_time:
                return pack(answer(open_file(uploaded(values.get("picture"))), values))
        except UserError as error:
            return {"error": str(error)}

    return select_pixels


def uploaded(record: Raw) -> Path:
    """The file of Gradio's `record`, provided that it is an upload."""
    path = picture_path(record)
    if path is None:
        raise InvalidPicture("There is no picture to select in.")
    if not _is_upload(path):
        raise InvalidPicture(f"{path.name[:50]} was not uploaded, or is no longer on the server.")
    return path


def _is_upload(path: Path) -> bool:
    try:
        file = path.resolve()
        return file.is_relative_to(Path(get_upload_folder()).resolve()) and file.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def answer(image: Image.Image, question: Mapping[str, Raw]) -> Image.Image:
    """The L mask that `question` asks for; InvalidRequest for a question that makes no sense."""
    # OpenCV is too slow to load for a page that is to be up in a moment.
    from pipelines.imaging.select import select_by_colour, select_object

    match question.get("kind"):
        case "colour":
            return select_by_colour(
                image,
                _integer("x", question.get("x")),
                _integer("y", question.get("y")),
                tolerance=_integer("Tolerance", question.get("tolerance")),
                connected=question.get("connected") is not False,
            )
        case "object":
            return select_object(image, _points(question.get("outline")))
        case kind:
            raise InvalidRequest(f"Nothing can be selected by {str(kind)[:50]!r}.")


def pack(mask: Image.Image) -> Answer:
    """The part of an L mask that is not empty: its box, and its bytes deflated, in base64."""
    box = mask.getbbox() or (0, 0, 1, 1)
    packed = zlib.compress(mask.crop(box).tobytes(), 1)
    return {"box": list(box), "mask": base64.b64encode(packed).decode()}


def _points(outline: Raw) -> "list[Point]":
    if not isinstance(outline, list) or len(cast("list[Raw]", outline)) > MAX_POINTS:
        raise InvalidRequest(f"An outline must be a list of at most {MAX_POINTS} points.")
    points: list[Point] = []
    for point in cast("list[Raw]", outline):
        if not isinstance(point, list) or len(cast("list[Raw]", point)) != 2:
            raise InvalidRequest("Each point of an outline must be a pair of numbers.")
        x, y = cast("list[Raw]", point)
        points.append((_number("x", x), _number("y", y)))
    return points


def _number(name: str, value: Raw) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidRequest(f"{name} must be a number, got {str(value)[:50]!r}.")
    return value


def _integer(name: str, value: Raw) -> int:
    return int(_number(name, value))
