"""What a user asks of ControlNet: units, as they are on the page and in the HTTP interface."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from PIL import Image

from pipelines.errors import InvalidRequest
from pipelines.numbers import check_number

MAX_UNITS = 10

MOST_LAYER_WEIGHT = 10.0
"""Of what is typed for single layers; beyond it there is nothing but noise."""


class ControlMode(Enum):
    """Who wins where prompt and control disagree; values are the extension's labels."""

    balanced = "Balanced"
    prompt = "My prompt is more important"
    control = "ControlNet is more important"


class ControlResizeMode(Enum):
    """How a map is brought to the processing size; values are the extension's labels."""

    just_resize = "Just Resize"
    crop_and_resize = "Crop and Resize"
    resize_and_fill = "Resize and Fill"


class BatchOption(Enum):
    """Which units see which picture of a batch; values are the extension's labels."""

    all_units = "All ControlNet units for all images in a batch"
    one_each = "Each ControlNet unit for each image in a batch"


class UnionType(Enum):
    """What a union model is to take a map for; values are the extension's labels."""

    openpose = "OpenPose"
    depth = "Depth"
    soft_edge = "Soft Edge"
    hard_edge = "Hard Edge"
    normal_map = "Normal Map"
    segmentation = "Segmentation"
    tile = "Tile"
    inpaint = "Inpaint"
    unknown = "Unknown"


class WeightType(Enum):
    """How an IP-Adapter's weight is spread over the layers; values are the extension's labels."""

    normal = "normal"
    ease_in = "ease in"
    ease_out = "ease out"
    ease_in_out = "ease in-out"
    reverse_in_out = "reverse in-out"
    weak_input = "weak input"
    weak_output = "weak output"
    weak_middle = "weak middle"
    strong_middle = "strong middle"
    style_transfer = "style transfer"
    composition = "composition"
    strong_style_transfer = "strong style transfer"
    style_and_composition = "style and composition"
    strong_style_and_composition = "strong style and composition"


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlUnit:
    """One enabled unit.

    `index` counts from 0, as the tabs do, and is how the unit is named in messages. `images` are
    upright, of any mode, read-only: none for img2img's own picture, one, or several (Multi-Inputs).
    `mask` (L, 255 = drawn) belongs to the one picture and has its size. `region` (any mode) is the
    Effective Region Mask. `preprocessor` and `model` are names as the menus or the API give them,
    looked up by the plan. Numbers of -1 stand for the preprocessor's preset.

    `independent` units never fall back on img2img's picture. In a job over files, a unit with a
    `folder` (absolute, one of those allowed) takes the n-th picture in it for the n-th file, and a
    `loopback` unit takes from the second file on what was made of the one before.
    """

    index: int
    preprocessor: str = "none"
    model: str = "None"
    images: tuple[Image.Image, ...] = ()
    mask: Image.Image | None = None
    region: Image.Image | None = None
    weight: float = 1.0
    start: float = 0.0  # share of the steps; A1111: guidance_start
    end: float = 1.0
    resolution: int = -1  # pixels of the shortest side; A1111: processor_res
    threshold_a: float = -1
    threshold_b: float = -1
    pixel_perfect: bool = False
    low_vram: bool = False
    mode: ControlMode = ControlMode.balanced
    resize_mode: ControlResizeMode = ControlResizeMode.crop_and_resize
    crop_to_mask: bool = True  # A1111: inpaint_crop_input_image
    union_type: UnionType = UnionType.unknown
    weight_type: WeightType = WeightType.normal
    composition_weight: float = 1.0
    layer_weights: tuple[float, ...] | None = None  # A1111: advanced_weighting; replaces weight
    independent: bool = False  # A1111: Upload independent control image
    folder: Path | None = None  # A1111: Input Directory of the tab Batch
    loopback: bool = False  # A1111: [Batch Loopback]

    def __post_init__(self) -> None:
        name = f"ControlNet Unit {self.index}"
        check_number(f"{name}: Control Weight", self.weight, 0.0, 2.0)
        check_number(f"{name}: Starting Control Step", self.start, 0.0, 1.0)
        check_number(f"{name}: Ending Control Step", self.end, 0.0, 1.0)
        check_number(f"{name}: Composition Weight", self.composition_weight, 0.0, 2.0)
        for weight in self.layer_weights or ():
            check_number(f"{name}: Weights", weight, -MOST_LAYER_WEIGHT, MOST_LAYER_WEIGHT)
        if self.start > self.end:
            raise InvalidRequest(
                f"{name}: Starting Control Step must not be above Ending Control Step, "
                f"got {self.start:g} and {self.end:g}."
            )
        if self.mask is not None and self.mask.mode != "L":
            raise InvalidRequest(f"{name}: a mask must be in mode L, got {self.mask.mode}.")

    @property
    def name(self) -> str:
        """How messages name it."""
        return f"ControlNet Unit {self.index}"
