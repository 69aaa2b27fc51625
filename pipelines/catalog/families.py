"""Which family of Stable Diffusion a model belongs to, and which families go together."""

from enum import Enum


class ModelFamily(Enum):
    """What a model was made for; values are what people call them."""

    sd1 = "SD1.x"
    sd2 = "SD2.x"
    sdxl = "SDXL"
    sdxl_refiner = "SDXL refiner"
    unknown = "unknown"


_FRAGMENTS: tuple[tuple[str, ModelFamily], ...] = (
    ("sd14", ModelFamily.sd1),
    ("sd15", ModelFamily.sd1),
    ("sd16", ModelFamily.sd1),
    ("sd21", ModelFamily.sd2),
    ("2.1", ModelFamily.sd2),
    ("xl", ModelFamily.sdxl),
)
"""Parts of a file's name that tell a control model's family, as ControlNet's extension reads it."""


def family_of_name(name: str) -> ModelFamily:
    """What a control model's file name says of its family, which is often nothing."""
    lowered = name.lower()
    found = (family for fragment, family in _FRAGMENTS if fragment in lowered)
    return next(found, ModelFamily.unknown)


def compatible(one: ModelFamily, other: ModelFamily) -> bool:
    """Whether a control model and a checkpoint can go together: not if just one of them is SDXL.

    Nothing goes with SDXL's refiner but what was made for it. An unknown family is given the
    benefit of the doubt.
    """
    if ModelFamily.unknown in (one, other):
        return True
    alone = (ModelFamily.sdxl, ModelFamily.sdxl_refiner)
    return all((one is family) is (other is family) for family in alone)


def share_latents(one: ModelFamily, other: ModelFamily) -> bool:
    """Whether one checkpoint can go on with another's latents: both are SDXL's, or neither is.

    An unknown family is given the benefit of the doubt.
    """
    if ModelFamily.unknown in (one, other):
        return True
    large = (ModelFamily.sdxl, ModelFamily.sdxl_refiner)
    return (one in large) is (other in large)
