"""What extensions are made of: preprocessors and control types, as data and one function each.

`extensions/` supplies them, `app.py` hands them to everybody as one `Plugins`. Nothing here needs
gradio or torch: the page draws a preprocessor's sliders from its data, the API lists them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import InvalidRequest

Pixels = NDArray[np.uint8]
Network = TypeVar("Network")


@dataclass(frozen=True, kw_only=True, slots=True)
class Slider:
    """A number that a preprocessor takes: its label, its range, what it is if nobody says."""

    label: str
    default: float
    minimum: float
    maximum: float
    step: float = 1

    def value(self, given: float) -> float:
        """`given`, or the default for what lies outside of the range (such as -1, A1111's preset).

        Controlnet's extension replaces likewise and only logs it.
        """
        return given if self.minimum <= given <= self.maximum else self.default


RESOLUTION = Slider(label="Resolution", default=512, minimum=64, maximum=2048, step=8)
"""Pixels of the shortest side at which most preprocessors work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """Files of a detector's network: where they are fetched from, and on which terms.

    `name` is the folder they lie in below models/ControlNetPreprocessor. `repository` and
    `revision` name them on the Hugging Face hub; `files` are paths within it.
    """

    name: str
    repository: str
    files: tuple[str, ...]
    licence: str  # a short name, such as "Apache-2.0" or "non-commercial (CMU)"
    revision: str = "main"


class Tools(Protocol):
    """What a preprocessor may use of the program."""

    @property
    def device(self) -> str:
        """Where networks run, as torch names it: "cpu", "cuda".

        Ask before importing torch or what builds on it: who answers has made them ready.
        """
        ...

    def folder_of(self, weights: Weights) -> Path:
        """The folder with these files; ModelNotFound, naming all, if they are not there."""
        ...

    def network(self, name: str, load: Callable[[], Network]) -> Network:
        """What `load` returned for this name; the networks used last are kept, loaded."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """What a preprocessor is given.

    `picture` is height x width x 3, RGB, read-only. `mask` (height x width, 255 = to be repainted)
    is there for those that take one. `resolution` and the values of the sliders `a` and `b` are
    within their ranges, and mean nothing to a preprocessor without them. `seed` makes what is
    random repeatable.
    """

    picture: Pixels
    resolution: int
    a: float
    b: float
    seed: int
    tools: Tools
    mask: Pixels | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Detected:
    """What a preprocessor makes of a picture.

    `pixels` are height x width x 3, RGB; or x 4 for inpainting, alpha 255 = to be repainted. Of
    which size they are is the preprocessor's affair, but the shape is the picture's. `pose` is the
    OpenPose JSON of a detector of poses.
    """

    pixels: Pixels
    pose: Mapping[str, object] | None = None


class Hook(Enum):
    """What a preprocessor does while the picture is sampled, besides making its map."""

    none = "none"
    inpaint_only = "inpaint_only"
    tile_colorfix = "tile_colorfix"
    tile_colorfix_sharp = "tile_colorfix+sharp"
    recolor_luminance = "recolor_luminance"
    recolor_intensity = "recolor_intensity"
    reference_only = "reference_only"
    reference_adain = "reference_adain"
    reference_adain_attn = "reference_adain+attn"


@dataclass(frozen=True, kw_only=True, slots=True)
class Preprocessor:
    """One entry of the menu Preprocessor.

    `key` is the HTTP interface's name, `label` the page's. `types` are the control types under
    which it is listed; of two, the one of higher `priority` stands first. `sliders` are at most two
    (Threshold A and B). `resolution` is None where there is nothing to choose. Where one
    `takes_mask`, what is drawn on the picture is a mask and not part of the picture.
    """

    key: str
    label: str
    run: Callable[[Given], Detected]
    types: tuple[str, ...] = ()
    priority: int = 0
    resolution: Slider | None = RESOLUTION
    sliders: tuple[Slider, ...] = ()
    needs_model: bool = True  # False: works without a ControlNet, such as reference_only
    takes_mask: bool = False
    cached: bool = True  # False: its map may differ though picture and values do not
    has_control_mode: bool = True
    hook: Hook = Hook.none
    weights: tuple[Weights, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlType:
    """One entry of the radio Control Type: it filters the menus Preprocessor and Model.

    A model belongs to it if its name contains the label in lower case or one of `fragments`.
    `union` is what the type is called in a union model's `union_control_type`.
    """

    label: str
    fragments: tuple[str, ...] = ()
    union: str = "Unknown"


ALL = "All"
"""The control type that filters nothing."""

NO_PREPROCESSOR = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plugins:
    """All that extensions supply, in menu order.

    `unsupported` are labels of ControlNet's preprocessors that are not there, each with the reason:
    half a sentence.
    """

    preprocessors: tuple[Preprocessor, ...] = ()
    control_types: tuple[ControlType, ...] = ()
    unsupported: Mapping[str, str] = field(default_factory=dict[str, str])

    def find_preprocessor(self, name: str) -> Preprocessor:
        """The preprocessor with this key or label; InvalidRequest for an unknown one."""
        wanted = name.strip().lower()
        for preprocessor in self.preprocessors:
            if wanted in (preprocessor.key.lower(), preprocessor.label.lower()):
                return preprocessor
        reason = next(
            (why for label, why in self.unsupported.items() if label.lower() == wanted), None
        )
        raise InvalidRequest(
            f"Preprocessor {name[:80]!r} is not known; choose one from the menu Preprocessor."
            if reason is None
            else f"Preprocessor {name!r} is not part of Redraw: {reason}."
        )

    def preprocessors_of(self, control_type: str) -> tuple[Preprocessor, ...]:
        """Those listed under a control type: none first, then by priority and label, descending."""
        listed = [
            found
            for found in self.preprocessors
            if found.key != NO_PREPROCESSOR and control_type in (ALL, *found.types)
        ]
        listed.sort(key=lambda found: (found.priority, found.label), reverse=True)
        return (self.find_preprocessor(NO_PREPROCESSOR), *listed)
