"""Component values to a request: the only place that knows the names of the form's fields.

Values arrive raw from the browser: numbers may be None (an emptied box), NaN or fractions, menus
may name things that do not exist. Whatever makes no request is refused in one sentence.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from PIL import Image

from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.imaging.geometry import Size
from pipelines.infotext_form import parse_overrides
from pipelines.requests import (
    Batch,
    Img2ImgRequest,
    Prompt,
    ResizeBy,
    ResizeMode,
    ResizeTo,
    Sampling,
    Seeds,
)
from ui.values import Raw

Values = Mapping[str, Any]

RESIZE_TO, RESIZE_BY = 0, 1
"""Values of the hidden field `size_tab`."""


def read_request(values: Values, open_file: Callable[[Path], Image.Image]) -> Img2ImgRequest:
    """The request that the form describes; a UserError says which field makes none.

    The picture is opened last, with `open_file`, since that costs the most.
    """
    prompt = Prompt(
        positive=_text("Prompt", values["prompt"]),
        negative=_text("Negative prompt", values["negative_prompt"]),
        styles=tuple(_texts("Styles", values["styles"])),
    )
    request_size = read_size(values)
    resize_mode = _read_resize_mode(values["resize_mode"])
    sampling = _read_sampling(values)
    seeds = _read_seeds(values)
    batch = Batch(
        count=_integer("Batch count", values["batch_count"]),
        size=_integer("Batch size", values["batch_size"]),
    )
    overrides = parse_overrides(_texts("Override settings", values["override_settings"]))
    path = picture_path(values["image"])
    if path is None:
        raise InvalidPicture("There is no picture to start from; drop one on the img2img tab.")
    if not path.exists():  # uploads are swept after a day
        raise InvalidPicture(
            f"Picture {path.name} is no longer on the server; drop it on the page again."
        )
    return Img2ImgRequest(
        init_image=open_file(path),
        prompt=prompt,
        size=request_size,
        resize_mode=resize_mode,
        sampling=sampling,
        seeds=seeds,
        batch=batch,
        model=_text("Stable Diffusion checkpoint", values["checkpoint"]) or None,
        override_settings=overrides,
    )


def picture_path(value: Raw) -> Path | None:
    """Where the file of an image field lies; None for an empty field.

    `value` is Gradio's file record, whose path it has checked to be an upload of its own.
    """
    if not isinstance(value, Mapping):
        return None
    path = cast("Mapping[str, Any]", value).get("path")
    return Path(path) if isinstance(path, str) and path else None


def read_size(values: Values) -> ResizeTo | ResizeBy:
    """The processing size of whichever size tab is in front."""
    if _integer("Resize tab", values["size_tab"]) == RESIZE_BY:
        return ResizeBy(scale=_number("Scale", values["scale"]))
    return ResizeTo(
        width=_integer("Width", values["width"]), height=_integer("Height", values["height"])
    )


def _read_resize_mode(value: Raw) -> ResizeMode:
    try:
        return ResizeMode(value)
    except ValueError as error:
        known = ", ".join(mode.value for mode in ResizeMode)
        raise InvalidRequest(
            f"Resize mode {value!r} is not known; choose one of {known}."
        ) from error


def _read_sampling(values: Values) -> Sampling:
    return Sampling(
        sampler=_text("Sampling method", values["sampler"]),
        schedule=_text("Schedule type", values["schedule"]),
        steps=_integer("Sampling steps", values["steps"]),
        cfg_scale=_number("CFG Scale", values["cfg_scale"]),
        denoising_strength=_number("Denoising strength", values["denoising_strength"]),
    )


def _read_seeds(values: Values) -> Seeds:
    """Extras count only while Extra is ticked, and a seed resize only if both sides are set."""
    seed = _integer("Seed", values["seed"])
    if not values["extra"]:
        return Seeds(seed=seed)
    width = _integer("Resize seed from width", values["seed_resize_width"])
    height = _integer("Resize seed from height", values["seed_resize_height"])
    return Seeds(
        seed=seed,
        variation_seed=_integer("Variation seed", values["variation_seed"]),
        variation_strength=_number("Variation strength", values["variation_strength"]),
        resize_from=Size(width, height) if width > 0 and height > 0 else None,
    )


def _number(label: str, value: Raw) -> float:
    if value is None or value == "":
        raise InvalidRequest(f"{label} is empty; type a number.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidRequest(f"{label} must be a number, got {value!r}.")
    return value


def _integer(label: str, value: Raw) -> int:
    number = _number(label, value)
    if number != int(number):
        raise InvalidRequest(f"{label} must be a whole number, got {number:g}.")
    return int(number)


def _text(label: str, value: Raw) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRequest(f"{label} must be a text, got {value!r}.")
    return value


def _texts(label: str, value: Raw) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidRequest(f"{label} must be a list of texts, got {value!r}.")
    return [_text(label, entry) for entry in cast("list[Any]", value)]
