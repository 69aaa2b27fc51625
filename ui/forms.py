"""Component values to a request: the only place, with `ui.sources`, that knows the form's fields.

Values arrive raw from the browser; whatever makes no request is refused in one sentence.
"""

from typing import Any

from pipelines.imaging.geometry import Size
from pipelines.infotext_form import parse_overrides
from pipelines.requests import (
    Batch,
    Img2ImgRequest,
    Prompt,
    Refiner,
    ResizeBy,
    ResizeMode,
    ResizeTo,
    Sampling,
    Seeds,
)
from ui.fields import OpenFile, choice, integer, number, text, texts
from ui.sources import read_source
from ui.values import Values

RESIZE_TO, RESIZE_BY = 0, 1
"""Values of the hidden field `size_tab`."""

WHITE = "#ffffff"


def read_request(values: Values, open_file: OpenFile, *, background: str = WHITE) -> Img2ImgRequest:
    """The request that the form describes; a UserError says which field makes none.

    Pictures are opened last, with `open_file`, since that costs the most. `background` (#rrggbb)
    lies behind the transparent parts of a picture that was painted on.
    """
    settings = read_settings(values)
    source = read_source(values, open_file, background)
    return Img2ImgRequest(init_image=source.picture, inpaint=source.inpaint, **settings)


def read_settings(values: Values) -> dict[str, Any]:
    """Everything of a request but the picture and its mask, by the request's own names."""
    return {
        "prompt": Prompt(
            positive=text("Prompt", values["prompt"]),
            negative=text("Negative prompt", values["negative_prompt"]),
            styles=tuple(texts("Styles", values["styles"])),
        ),
        "size": read_size(values),
        "resize_mode": choice("Resize mode", values["resize_mode"], ResizeMode),
        "sampling": _read_sampling(values),
        "seeds": _read_seeds(values),
        "refiner": _read_refiner(values),
        "batch": Batch(
            count=integer("Batch count", values["batch_count"]),
            size=integer("Batch size", values["batch_size"]),
        ),
        "override_settings": parse_overrides(
            texts("Override settings", values["override_settings"])
        ),
        "model": text("Stable Diffusion checkpoint", values["checkpoint"]) or None,
    }


def read_size(values: Values) -> ResizeTo | ResizeBy:
    """The processing size of whichever size tab is in front."""
    if integer("Resize tab", values["size_tab"]) == RESIZE_BY:
        return ResizeBy(scale=number("Scale", values["scale"]))
    return ResizeTo(
        width=integer("Width", values["width"]), height=integer("Height", values["height"])
    )


def _read_sampling(values: Values) -> Sampling:
    return Sampling(
        sampler=text("Sampling method", values["sampler"]),
        schedule=text("Schedule type", values["schedule"]),
        steps=integer("Sampling steps", values["steps"]),
        cfg_scale=number("CFG Scale", values["cfg_scale"]),
        image_cfg_scale=number("Image CFG Scale", values["image_cfg_scale"]),
        denoising_strength=number("Denoising strength", values["denoising_strength"]),
    )


def _read_refiner(values: Values) -> Refiner | None:
    if not values["refiner"]:
        return None
    return Refiner(
        checkpoint=text("Refiner's checkpoint", values["refiner_checkpoint"]),
        switch_at=number("Switch at", values["refiner_switch_at"]),
    )


def _read_seeds(values: Values) -> Seeds:
    """Extras count only while Extra is ticked, and a seed resize only if both sides are set."""
    seed = integer("Seed", values["seed"])
    if not values["extra"]:
        return Seeds(seed=seed)
    width = integer("Resize seed from width", values["seed_resize_width"])
    height = integer("Resize seed from height", values["seed_resize_height"])
    return Seeds(
        seed=seed,
        variation_seed=integer("Variation seed", values["variation_seed"]),
        variation_strength=number("Variation strength", values["variation_strength"]),
        resize_from=Size(width, height) if width > 0 and height > 0 else None,
    )
