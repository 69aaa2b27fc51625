"""What a user asked for: one frozen, typed, self-validating request for every front door.

Built by the page, the HTTP routes and the command line alike. Nothing here is decided yet: a
seed of -1 is still -1, a missing model is still None; `pipelines.plan` answers those questions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from PIL import Image

from pipelines.control.units import BatchOption, ControlUnit
from pipelines.errors import InvalidRequest
from pipelines.imaging.geometry import Size
from pipelines.numbers import check_integer, check_number

LATENT_FACTOR = 8
"""Picture pixels per latent pixel along one side, for every Stable Diffusion family."""

MIN_SIDE, MAX_SIDE = 64, 8192
"""Pixels on a side of the processing size, as on A1111's sliders (which end at 2048)."""

MAX_SEED = 2**53 - 1
"""The largest whole number that a browser can hold exactly."""

RANDOM_SEED = -1

MAX_MASK_BLUR = 256
"""Pixels; A1111's slider ends at 64, its HTTP interface has no limit."""


class ResizeMode(Enum):
    """How the source picture is brought to the processing size; values are A1111's labels."""

    just_resize = "Just resize"
    crop_and_resize = "Crop and resize"
    resize_and_fill = "Resize and fill"
    latent_upscale = "Just resize (latent upscale)"


class MaskMode(Enum):
    """Which side of the mask is repainted; values are A1111's labels (inpainting_mask_invert)."""

    masked = "Inpaint masked"
    not_masked = "Inpaint not masked"


class MaskedContent(Enum):
    """What the masked area starts from; values are A1111's labels (inpainting_fill)."""

    fill = "fill"
    original = "original"
    latent_noise = "latent noise"
    latent_nothing = "latent nothing"


class InpaintArea(Enum):
    """How much the network is shown; values are A1111's labels (inpaint_full_res)."""

    whole_picture = "Whole picture"
    only_masked = "Only masked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """The texts as typed, before styles are applied."""

    positive: str = ""
    negative: str = ""
    styles: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ResizeTo:
    """A processing size given outright (A1111's tab "Resize to"); multiples of 8."""

    width: int
    height: int

    def __post_init__(self) -> None:
        for label, value in (("Width", self.width), ("Height", self.height)):
            check_integer(label, value, MIN_SIDE, MAX_SIDE)
            if value % LATENT_FACTOR:
                lower = value - value % LATENT_FACTOR
                raise InvalidRequest(
                    f"{label} must be a multiple of {LATENT_FACTOR}, got {value}; "
                    f"the nearest are {lower} and {lower + LATENT_FACTOR}."
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class ResizeBy:
    """A processing size as a multiple of the source picture's (A1111's tab "Resize by")."""

    scale: float = 1.0

    def __post_init__(self) -> None:
        check_number("Scale", self.scale, 0.05, 4.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How the picture is denoised. Labels are looked up in `pipelines.samplers` by the plan."""

    sampler: str = "DPM++ 2M"
    schedule: str = "Automatic"  # A1111: Schedule type
    steps: int = 20
    cfg_scale: float = 7.0
    image_cfg_scale: float = 1.5  # for models that edit by instruction alone
    denoising_strength: float = 0.75

    def __post_init__(self) -> None:
        check_integer("Sampling steps", self.steps, 1, 1000)
        check_number("CFG Scale", self.cfg_scale, 1.0, 30.0)
        check_number("Image CFG Scale", self.image_cfg_scale, 0.0, 3.0)
        check_number("Denoising strength", self.denoising_strength, 0.0, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seeds:
    """Where the noise comes from; -1 means a random seed."""

    seed: int = RANDOM_SEED
    variation_seed: int = RANDOM_SEED  # A1111: subseed
    variation_strength: float = 0.0  # A1111: subseed_strength
    resize_from: Size | None = None  # pixels; A1111: Resize seed from width and height

    def __post_init__(self) -> None:
        check_integer("Seed", self.seed, RANDOM_SEED, MAX_SEED)
        check_integer("Variation seed", self.variation_seed, RANDOM_SEED, MAX_SEED)
        check_number("Variation strength", self.variation_strength, 0.0, 1.0)
        if self.resize_from is not None:
            for label, side in zip(("width", "height"), self._resize_sides(), strict=True):
                check_integer(f"Resize seed from {label}", side, LATENT_FACTOR, MAX_SIDE)

    def _resize_sides(self) -> tuple[int, int]:
        assert self.resize_from is not None
        return self.resize_from.width, self.resize_from.height


@dataclass(frozen=True, kw_only=True, slots=True)
class Refiner:
    """A second checkpoint, by any of its names, and when it takes over, as a share of sampling."""

    checkpoint: str
    switch_at: float = 0.8  # 1 is never

    def __post_init__(self) -> None:
        if not self.checkpoint.strip():
            raise InvalidRequest("Refiner is ticked, but no checkpoint is chosen for it.")
        check_number("Switch at", self.switch_at, 0.01, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """How many pictures: `count` batches (one after the other) of `size` (at once)."""

    count: int = 1  # A1111: n_iter
    size: int = 1  # A1111: batch_size

    def __post_init__(self) -> None:
        check_integer("Batch count", self.count, 1, 100)
        check_integer("Batch size", self.size, 1, 8)


@dataclass(frozen=True, kw_only=True, slots=True)
class SoftInpainting:
    """A1111's Soft inpainting: what was there shines through where the mask is not full."""

    schedule_bias: float = 1.0  # A1111: mask_blend_power
    preservation_strength: float = 0.5  # A1111: mask_blend_scale
    transition_contrast_boost: float = 4.0  # A1111: inpaint_detail_preservation
    mask_influence: float = 0.0  # A1111: composite_mask_influence
    difference_threshold: float = 0.5  # A1111: composite_difference_threshold
    difference_contrast: float = 2.0  # A1111: composite_difference_contrast

    def __post_init__(self) -> None:
        check_number("Schedule bias", self.schedule_bias, 0.0, 8.0)
        check_number("Preservation strength", self.preservation_strength, 0.0, 8.0)
        check_number("Transition contrast boost", self.transition_contrast_boost, 1.0, 32.0)
        check_number("Mask influence", self.mask_influence, 0.0, 1.0)
        check_number("Difference threshold", self.difference_threshold, 0.0, 8.0)
        check_number("Difference contrast", self.difference_contrast, 0.0, 8.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Inpaint:
    """Which part of the source picture is repainted, and how.

    `mask` is of mode L, 255 = masked, as it was drawn or uploaded: neither blurred nor inverted
    (`pipelines.imaging.masks` makes one from whatever a user gives). It is stretched when its size
    is not the source picture's. `painted` is the source picture with strokes on it, RGB and of the
    same size (A1111's tab Inpaint sketch); `transparency` belongs to it. Both are read-only.
    """

    mask: Image.Image
    painted: Image.Image | None = None
    transparency: float = 0.0  # percent taken off the mask; A1111: Mask transparency, mask_alpha
    blur_x: int = 4  # pixels of the mask, sigma of a Gaussian; A1111: Mask blur sets both
    blur_y: int = 4
    mode: MaskMode = MaskMode.masked
    content: MaskedContent = MaskedContent.original
    area: InpaintArea = InpaintArea.whole_picture
    padding: int = 32  # pixels around an only-masked area; A1111: inpaint_full_res_padding
    soft: SoftInpainting | None = None
    opaque: bool = False  # repainted parts lose their transparency; else it stays as it was

    def __post_init__(self) -> None:
        if self.mask.mode != "L":
            raise InvalidRequest(f"A mask must be in mode L (grayscale), got {self.mask.mode}.")
        if self.painted is not None and self.painted.mode != "RGB":
            raise InvalidRequest(f"A painted picture must be in mode RGB, got {self.painted.mode}.")
        check_number("Mask transparency", self.transparency, 0.0, 100.0)
        for blur in (self.blur_x, self.blur_y):
            check_integer("Mask blur", blur, 0, MAX_MASK_BLUR)
        check_integer("Only masked padding", self.padding, 0, MAX_SIDE)


@dataclass(frozen=True, kw_only=True)
class Img2ImgRequest:
    """One img2img job as a user asked for it.

    `init_image` is upright (EXIF orientation applied), of any Pillow mode, and read-only.
    `model` names a checkpoint as `pipelines.catalog` understands names; None means the one chosen
    in the settings. `override_settings` holds settings by A1111's keys, for this job alone.
    Without `inpaint` the whole picture is repainted. `control` holds the enabled ControlNet units.
    With `style_align` the pictures of a batch look at each other, whether there are units or not.
    """

    init_image: Image.Image
    prompt: Prompt = Prompt()
    size: ResizeTo | ResizeBy
    resize_mode: ResizeMode = ResizeMode.just_resize
    inpaint: Inpaint | None = None
    sampling: Sampling = Sampling()
    seeds: Seeds = Seeds()
    refiner: Refiner | None = None
    batch: Batch = Batch()
    control: tuple[ControlUnit, ...] = ()
    control_batch: BatchOption = BatchOption.all_units
    style_align: bool = False
    model: str | None = None
    override_settings: Mapping[str, object] = field(default_factory=dict[str, object])
