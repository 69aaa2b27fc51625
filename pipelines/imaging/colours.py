"""Any of Pillow's modes to plain RGB in sRGB: transparency, depth, palettes and ICC profiles."""

import io
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

WHITE_LEVELS_OF_FLOATS = (1.0, 255.0, 65535.0)
WHITE_LEVELS_OF_INTEGERS = (65535.0, 2147483647.0)

_PROFILE_SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""A profile's colour space as its header spells it, and the mode it describes."""

_PROFILED_AS = {
    "L": ("L", "RGB"),
    "LA": ("L", "RGB"),
    "RGB": ("RGB",),
    "RGBA": ("RGB",),
    "CMYK": ("CMYK",),
}
"""The modes whose profiles can describe a picture of each mode."""

_UNNOTICEABLE = 2
"""A profile that moves no colour by more of 255 levels than this is sRGB under another name."""


def to_rgb(image: Image.Image, background: str = "#ffffff") -> Image.Image:
    """`image` as RGB in sRGB, a new picture; transparent parts show `background` (#rrggbb).

    An alpha channel, a palette's and a single transparent colour are all flattened by A1111's rule:
    the picture is pasted over the background with its own alpha. 16-bit values are divided by 257;
    floating-point values, whose white is not written in the file, by 1, 255 or 65535, whichever
    first holds them all. An embedded ICC profile is followed; one that is broken or does not fit
    the picture is ignored (`profile_problem` says so).
    """
    plain = _to_eight_bits(image)
    transform = _transform_to_srgb(image, plain.mode)
    if transform is not None:
        plain = _transformed(plain, transform)
    if plain.mode in ("LA", "RGBA"):
        flat = Image.new("RGB", plain.size, background)
        flat.paste(plain, mask=plain.getchannel("A"))
        return flat
    rgb = plain.convert("RGB")
    rgb.info.clear()
    return rgb


def own_colours(image: Image.Image) -> tuple[Image.Image, bytes | None]:
    """`image` as RGB or RGBA with its own numbers, neither flattened nor moved to sRGB.

    Also the ICC profile of those numbers; None means sRGB. That is so without a profile, with one
    that `to_rgb` ignores, and where RGB could not carry the picture's own: CMYK, Lab, gray with a
    profile of its own, and a profile that leads into sRGB but not back. Those are converted, to the
    same numbers as by `to_rgb`.
    """
    plain = _to_eight_bits(image)
    profile = None
    transform = _transform_to_srgb(image, plain.mode)
    if transform is not None:
        data: bytes | None = image.info.get("icc_profile")
        if transform.input_mode == "RGB" and data and _leads_back(transform, data):
            profile = data
        else:
            plain = _transformed(plain, transform)
    own = plain.convert("RGBA" if plain.mode in ("LA", "RGBA") else "RGB")
    own.info.clear()
    return own, profile


def from_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """`image` (RGB) from sRGB into the numbers of `profile`, as `own_colours` gave it.

    The same picture when the profile is None or sRGB by another name.
    """
    if profile is None:
        return image
    described = _read_profile(profile)
    assert described is not None  # or own_colours would not have given it
    there = _build(described, _standard("sRGB"), "RGB")
    back = _build(_standard("sRGB"), described, "RGB")
    assert there is not None
    assert back is not None
    return _transformed(image, back) if _moves_colours(there) else image


def profile_problem(image: Image.Image) -> str | None:
    """One sentence when the picture's embedded colour profile is ignored; None otherwise."""
    data = image.info.get("icc_profile")
    if not data or image.mode == "LAB" or _transform_to_srgb(image, _plain_mode(image)) is not None:
        return None
    return (
        "The picture's colour profile is damaged or belongs to another kind of picture; "
        "it was ignored."
    )


def _plain_mode(image: Image.Image) -> str:
    """The mode that `_to_eight_bits` will give, without converting."""
    mode = image.mode
    if mode in ("CMYK", "LAB", "LA", "RGBA"):
        return mode
    if mode in ("La", "PA", "RGBa"):
        return {"La": "LA", "PA": "RGBA", "RGBa": "RGBA"}[mode]
    if _has_transparent_colour(image) or (mode == "P" and image.has_transparency_data):
        return "RGBA"
    if mode in ("1", "L", "F") or mode.startswith("I"):
        return "L"
    return "RGB"


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """The same picture as L, LA, RGB, RGBA, CMYK or LAB."""
    mode = _plain_mode(image)
    if image.mode == "F":
        return _scaled(image, WHITE_LEVELS_OF_FLOATS)
    if image.mode == "I":
        return _scaled(image, WHITE_LEVELS_OF_INTEGERS)
    if image.mode.startswith("I;16"):
        return _from_sixteen_bits(image)
    return image if image.mode == mode else image.convert(mode)


def _has_transparent_colour(image: Image.Image) -> bool:
    """Whether one colour of a picture without alpha channel or palette stands for transparent."""
    kind = {"1": int, "L": int, "RGB": tuple}.get(image.mode)
    return kind is not None and isinstance(image.info.get("transparency"), kind)


def _from_sixteen_bits(image: Image.Image) -> Image.Image:
    """Pillow's own conversion would clip everything above 255; here 65535 becomes 255."""
    levels = ((np.arange(65536, dtype=np.uint32) + 128) // 257).astype(np.uint8)
    return Image.fromarray(levels[np.asarray(image)])


def _scaled(image: Image.Image, whites: tuple[float, ...]) -> Image.Image:
    """Values divided by the first white level that holds them all, or else by the largest value.

    Twice the white level still counts as held, since sharpening leaves values a little above
    white. What is not a number becomes black.
    """
    values: NDArray[np.float32] = np.nan_to_num(
        np.asarray(image, np.float32), nan=0.0, posinf=0.0, neginf=0.0
    )
    peak = float(values.max(initial=0.0))
    white = next((level for level in whites if peak <= 2 * level), peak)
    values *= np.float32(255.0 / white)
    np.clip(values, 0.0, 255.0, out=values)
    return Image.fromarray(np.rint(values, out=values).astype(np.uint8))


def _transform_to_srgb(image: Image.Image, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From the embedded profile, for `image` once it is of `mode`; None where none can be used.

    Lab pictures need no profile. A gray picture may carry an RGB one.
    """
    if mode == "LAB":
        return _build(_standard("LAB"), _standard("sRGB"), "LAB")
    data = image.info.get("icc_profile")
    profile = _read_profile(data) if isinstance(data, bytes) else None
    described = _described_mode(profile) if profile is not None else None
    if profile is None or described is None or described not in _PROFILED_AS[mode]:
        return None
    return _build(profile, _standard("sRGB"), described)


def _leads_back(transform: ImageCms.ImageCmsTransform, profile: bytes) -> bool:
    """Whether colours can be taken from sRGB into `profile`, or need not be."""
    described = _read_profile(profile)
    assert described is not None  # `transform` was made from it
    back = _build(_standard("sRGB"), described, "RGB")
    return back is not None or not _moves_colours(transform)


def _read_profile(data: bytes) -> ImageCms.ImageCmsProfile | None:
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(data))
    except (OSError, ValueError, ImageCms.PyCMSError):
        return None


def _described_mode(profile: ImageCms.ImageCmsProfile) -> str | None:
    """The mode whose pictures the profile is for."""
    header: Any = cast(Any, profile).profile
    try:
        return _PROFILE_SPACES.get(str(header.xcolor_space))
    except ValueError:  # a space that is not ASCII
        return None


def _build(
    source: ImageCms.ImageCmsProfile, target: ImageCms.ImageCmsProfile, mode: str
) -> ImageCms.ImageCmsTransform | None:
    """From pictures of `mode` to RGB; None for profiles that have no such direction."""
    try:
        return ImageCms.buildTransform(source, target, mode, "RGB", ImageCms.Intent.PERCEPTUAL)
    except ImageCms.PyCMSError:
        return None


def _standard(name: Literal["LAB", "sRGB"]) -> ImageCms.ImageCmsProfile:
    # Pillow's annotations leave out what createProfile returns.
    create = cast(Any, ImageCms).createProfile
    return ImageCms.ImageCmsProfile(create(name))


def _transformed(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    """`image` transformed, with its alpha channel if it had one."""
    if not _moves_colours(transform):
        return image
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    mode = transform.input_mode
    colours = image if image.mode == mode else image.convert(mode)
    converted = ImageCms.applyTransform(colours, transform)
    assert converted is not None  # only an in-place transform gives None
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _moves_colours(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a transform to or from sRGB changes anything that could be seen.

    sRGB comes in a dozen profiles; converting through them would only cost rounding.
    """
    steps = np.linspace(0, 255, 17).astype(np.uint8)
    if transform.input_mode == "L":
        probe = Image.fromarray(steps[None])
    elif transform.input_mode == "RGB":
        cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1)
        probe = Image.fromarray(cube.reshape(17, 17 * 17, 3))
    else:
        return True
    moved = ImageCms.applyTransform(probe, transform)
    before = np.asarray(probe.convert("RGB"), np.int16)
    return int(np.abs(np.asarray(moved, np.int16) - before).max()) > _UNNOTICEABLE
