"""Which family of Stable Diffusion a model belongs to, and which families go together."""

from enum import Enum


class ModelFamily(Enum):
    """What a model was made for; values are what people call them."""

    sd1 = "SD1.x"
    sd2 = "SD2.x"
    sdxl = "SDXL"
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

    An unknown family is given the benefit of the doubt.
    """
    if ModelFamily.unknown in (one, other):
        return True
    return (one is ModelFamily.sdxl) is (other is ModelFamily.sdxl)
