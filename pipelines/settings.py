"""All settings: one frozen object, its labels and ranges as data.

Field names are A1111's keys, so `override_settings`, `config.json` and the infotext agree on them.
The Settings tab is drawn from the metadata; nothing else lists settings.
"""

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict, TypeVar, Unpack

from pipelines.errors import InvalidRequest

SettingValue = bool | int | float | str
_Default = TypeVar("_Default", bound=SettingValue)


@dataclass(frozen=True, kw_only=True, slots=True)
class Info:
    """What the Settings tab shows for one field, and which values it allows."""

    section: str
    label: str
    help: str = ""
    low: float | None = None  # inclusive; None means the field is not a number
    high: float | None = None
    step: float = 1
    choices: tuple[str, ...] = ()  # closed menu of texts
    infotext: str | None = None  # A1111's name in the parameter text, if it is written there
    per_job: bool = False  # may be given in override_settings
    kind: str = "plain"  # "plain", "colour" (#rrggbb) or "hidden" (not in the Settings tab)


class _InfoOptions(TypedDict, total=False):
    """The optional fields of Info."""

    help: str
    low: float
    high: float
    step: float
    choices: tuple[str, ...]
    infotext: str
    per_job: bool
    kind: str


def _setting(default: _Default, section: str, label: str, **more: Unpack[_InfoOptions]) -> _Default:
    """A dataclass field carrying its Info."""
    info = Info(section=section, label=label, **more)
    return dataclasses.field(default=default, metadata={"info": info})


SAVING, PATHS, MODELS = "Saving images/grids", "Paths for saving", "Stable Diffusion"
IMG2IMG, SAMPLERS, PREVIEWS = "img2img", "Sampler parameters", "Live previews"
INFOTEXT, PAGE, LIMITS = "Infotext", "User interface", "Limits"
IMAGE_FORMATS = ("png", "jpg", "webp")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Every setting with its default. Change with `with_changes`, which validates."""

    # Unformatted so that a setting stays one paragraph and the table reads as one.
    # fmt: off
    samples_save: bool = _setting(True, SAVING, "Always save all generated images")
    samples_format: str = _setting(
        "png", SAVING, "File format for images", choices=IMAGE_FORMATS, per_job=True
    )
    samples_filename_pattern: str = _setting(
        "", SAVING, "Images filename pattern", help="Empty: [seed] in a subfolder, "
        "else [seed]-[prompt_spaces].", per_job=True,
    )
    save_to_dirs: bool = _setting(True, SAVING, "Save images to a subdirectory")
    directories_filename_pattern: str = _setting("[date]", SAVING, "Directory name pattern")
    grid_save: bool = _setting(True, SAVING, "Always save all generated image grids")
    grid_format: str = _setting("png", SAVING, "File format for grids", choices=IMAGE_FORMATS)
    return_grid: bool = _setting(True, SAVING, "Show grid in gallery")
    n_rows: int = _setting(
        -1, SAVING, "Grid row count", low=-1, high=16,
        help="-1: as square as possible; 0: same as batch size.",
    )
    grid_prevent_empty_spots: bool = _setting(
        False, SAVING, "Prevent empty spots in grid (when set to autodetect)"
    )
    grid_background_color: str = _setting(
        "#ffffff", SAVING, "Background color for image grids", kind="colour"
    )
    enable_pnginfo: bool = _setting(
        True, SAVING, "Write infotext to metadata of the generated image"
    )
    save_txt: bool = _setting(
        False, SAVING, "Create a text file with infotext next to every generated image"
    )
    jpeg_quality: int = _setting(80, SAVING, "Quality for saved jpeg and webp", low=1, high=100)
    webp_lossless: bool = _setting(False, SAVING, "Use lossless compression for webp images")
    save_init_img: bool = _setting(
        False, SAVING, "Save init images when using img2img", per_job=True
    )
    save_incomplete_images: bool = _setting(
        False, SAVING, "Save incomplete images",
        help="Those interrupted in mid-generation; the page shows them either way.",
    )
    save_mask: bool = _setting(
        False, SAVING, "For inpainting, save a copy of the greyscale mask", per_job=True
    )
    save_mask_composite: bool = _setting(
        False, SAVING, "For inpainting, save a masked composite", per_job=True
    )
    save_images_before_color_correction: bool = _setting(
        False, SAVING, "Save a copy of image before applying color correction to img2img results",
        per_job=True,
    )
    embed_inpaint_mask: bool = _setting(
        True, SAVING, "For inpainting, keep mask and painted strokes inside PNG files",
        help="So that a saved picture can be opened again with what was drawn on it.",
        per_job=True,
    )
    outdir_img2img_samples: str = _setting(
        "outputs/img2img-images", PATHS, "Output directory for img2img images",
        help="Relative to the data directory.",
    )
    outdir_img2img_grids: str = _setting(
        "outputs/img2img-grids", PATHS, "Output directory for img2img grids"
    )
    outdir_init_images: str = _setting(
        "outputs/init-images", PATHS, "Directory for saving init images when using img2img"
    )
    sd_model_checkpoint: str = _setting(
        "", MODELS, "Stable Diffusion checkpoint", per_job=True, kind="hidden"
    )
    CLIP_stop_at_last_layers: int = _setting(
        1, MODELS, "Clip skip", low=1, high=12, infotext="Clip skip", per_job=True,
        help="Ignore this many of the last layers of CLIP, less one.",
    )
    comma_padding_backtrack: int = _setting(
        20, MODELS, "Prompt word wrap length limit", low=0, high=74, per_job=True,
        help="In tokens: when a text would cross a 75-token limit, move it whole to the next "
        "chunk if a comma lies this close to the limit.",
    )
    emphasis: str = _setting(
        "Original", MODELS, "Emphasis mode", choices=("None", "Ignore", "Original", "No norm"),
        infotext="Emphasis", per_job=True,
    )
    randn_source: str = _setting(
        "CPU", MODELS, "Random number generator source.", choices=("GPU", "CPU", "NV"),
        infotext="RNG", per_job=True,
        help="CPU and NV give the same picture on every device; NV repeats NVIDIA cards' numbers.",
    )
    tiling: bool = _setting(
        False, MODELS, "Tiling", infotext="Tiling", per_job=True,
        help="Pictures whose opposite edges fit together.",
    )
    model_cache_gigabytes: float = _setting(
        8.0, MODELS, "Memory for models kept loaded (GB)", low=0.0, high=512.0, step=0.5
    )
    initial_noise_multiplier: float = _setting(
        1.0, IMG2IMG, "Noise multiplier for img2img", low=0.0, high=1.5, step=0.001,
        infotext="Noise multiplier", per_job=True,
    )
    img2img_extra_noise: float = _setting(
        0.0, IMG2IMG, "Extra noise multiplier for img2img", low=0.0, high=1.0, step=0.01,
        infotext="Extra noise", per_job=True,
    )
    img2img_fix_steps: bool = _setting(
        False, IMG2IMG, "With img2img, do exactly the amount of steps the slider specifies.",
        help="Normally less denoising means fewer steps.", per_job=True,
    )
    img2img_background_color: str = _setting(
        "#ffffff", IMG2IMG,
        "With img2img, fill transparent parts of the input image with this color.",
        kind="colour", per_job=True,
    )
    img2img_editor_height: int = _setting(
        720, IMG2IMG, "Height of the image editor", low=80, high=1600,
        help="In pixels, and at most half of the window. Takes effect at the next start.",
    )
    img2img_sketch_default_brush_color: str = _setting(
        "#ffffff", IMG2IMG, "Sketch initial brush color", kind="colour",
        help="Takes effect at the next start.",
    )
    img2img_inpaint_mask_brush_color: str = _setting(
        "#ffffff", IMG2IMG, "Inpaint mask brush color", kind="colour",
        help="The colour in which masks are shown. Takes effect at the next start.",
    )
    img2img_inpaint_sketch_default_brush_color: str = _setting(
        "#ffffff", IMG2IMG, "Inpaint sketch initial brush color", kind="colour",
        help="Takes effect at the next start.",
    )
    inpainting_mask_weight: float = _setting(
        1.0, IMG2IMG, "Inpainting conditioning mask strength", low=0.0, high=1.0, step=0.01,
        infotext="Conditional mask weight", per_job=True,
        help="How much of the masked area is hidden from a model made for inpainting.",
    )
    img2img_color_correction: bool = _setting(
        False, IMG2IMG, "Apply color correction to img2img results to match original colors.",
        per_job=True,
    )
    overlay_inpaint: bool = _setting(
        True, IMG2IMG, "Overlay original for inpaint", per_job=True,
        help="Leaves what is not masked as it was, to the bit.",
    )
    return_mask: bool = _setting(
        False, IMG2IMG, "For inpainting, include the greyscale mask in results for web",
        per_job=True,
    )
    return_mask_composite: bool = _setting(
        False, IMG2IMG, "For inpainting, include masked composite in results for web",
        per_job=True,
    )
    img2img_batch_show_results_limit: int = _setting(
        32, IMG2IMG, "Show the first N batch img2img results in UI", low=-1, high=1000,
        help="-1: as many as fit 256 MB of memory.",
    )
    eta_ddim: float = _setting(
        0.0, SAMPLERS, "Eta for DDIM", low=0.0, high=1.0, step=0.01, infotext="Eta DDIM",
        per_job=True,
    )
    eta_ancestral: float = _setting(
        1.0, SAMPLERS, "Eta for k-diffusion samplers", low=0.0, high=1.0, step=0.01,
        infotext="Eta", per_job=True, help="Noise multiplier of ancestral samplers.",
    )
    s_churn: float = _setting(
        0.0, SAMPLERS, "sigma churn", low=0.0, high=100.0, step=0.01, infotext="Sigma churn",
        per_job=True, help="Amount of stochasticity; only for Euler and Heun.",
    )
    s_tmin: float = _setting(
        0.0, SAMPLERS, "sigma tmin", low=0.0, high=10.0, step=0.01, infotext="Sigma tmin",
        per_job=True,
    )
    s_tmax: float = _setting(
        0.0, SAMPLERS, "sigma tmax", low=0.0, high=999.0, step=0.01, infotext="Sigma tmax",
        per_job=True, help="0 means no upper bound.",
    )
    s_noise: float = _setting(
        1.0, SAMPLERS, "sigma noise", low=0.0, high=1.1, step=0.001, infotext="Sigma noise",
        per_job=True,
    )
    sigma_min: float = _setting(
        0.0, SAMPLERS, "sigma min", low=0.0, high=100.0, step=0.01,
        infotext="Schedule min sigma", per_job=True, help="0 means the model's own.",
    )
    sigma_max: float = _setting(
        0.0, SAMPLERS, "sigma max", low=0.0, high=10000.0, step=0.01,
        infotext="Schedule max sigma", per_job=True, help="0 means the model's own.",
    )
    rho: float = _setting(
        0.0, SAMPLERS, "rho", low=0.0, high=100.0, step=0.1, infotext="Schedule rho",
        per_job=True, help="0 means the schedule's own (7 for Karras).",
    )
    eta_noise_seed_delta: int = _setting(
        0, SAMPLERS, "Eta noise seed delta", low=0, high=2**32 - 1, infotext="ENSD", per_job=True,
    )
    live_previews_enable: bool = _setting(
        True, PREVIEWS, "Show live previews of the created image"
    )
    show_progress_every_n_steps: int = _setting(
        1, PREVIEWS, "Live preview display period", low=1, high=32,
        help="In sampling steps.",
    )
    live_preview_refresh_period: int = _setting(
        400, PREVIEWS, "Progressbar and preview update period", low=100, high=10000,
        help="In milliseconds.",
    )
    add_model_hash_to_info: bool = _setting(True, INFOTEXT, "Add model hash to infotext")
    add_model_name_to_info: bool = _setting(True, INFOTEXT, "Add model name to infotext")
    add_version_to_infotext: bool = _setting(True, INFOTEXT, "Add program version to infotext")
    disable_weights_auto_swap: bool = _setting(
        False, INFOTEXT, "Disregard checkpoint information from pasted infotext"
    )
    infotext_styles: str = _setting(
        "Apply if any", INFOTEXT, "Infer styles from prompts of pasted infotext",
        choices=("Ignore", "Apply", "Discard", "Apply if any"),
        help="Ignore: keep the texts. Apply: cut styles out and choose them. Discard: cut them "
        "out. Apply if any: as Apply, but keep the chosen styles when none is found.",
    )
    send_seed: bool = _setting(
        True, PAGE, "Send seed when sending prompt or image to other interface"
    )
    send_size: bool = _setting(
        True, PAGE, "Send size when sending prompt or image to another interface"
    )
    interrupt_after_current: bool = _setting(
        True, PAGE, "Don't Interrupt in the middle",
        help="Interrupt lets the image being made finish if more were to follow; "
        "a second press stops at once.",
    )
    keyedit_precision_attention: float = _setting(
        0.1, PAGE, "Precision for (attention:1.1) when editing the prompt with Ctrl+up/down",
        low=0.01, high=0.2, step=0.001,
    )
    disable_token_counters: bool = _setting(False, PAGE, "Disable prompt token counters")
    max_picture_megapixels: float = _setting(
        64.0, LIMITS, "Largest picture accepted (megapixels)", low=1.0, high=1000.0,
        help="Refused before decoding.",
    )
    max_upload_megabytes: float = _setting(
        256.0, LIMITS, "Largest file accepted (MB)", low=1.0, high=4096.0,
        help="Takes effect at the next start.",
    )
    max_queued_jobs: int = _setting(100, LIMITS, "Jobs that may wait at once", low=1, high=1000)
    # fmt: on

    def with_changes(self, changes: Mapping[str, object]) -> "Settings":
        """A copy with these values by key; InvalidRequest names the first bad key or value."""
        checked = {key: check(key, value) for key, value in changes.items()}
        return dataclasses.replace(self, **checked)

    def for_job(self, overrides: Mapping[str, object]) -> "Settings":
        """A copy for one job; only keys marked per_job may be overridden."""
        for key in overrides:
            if key in FIELDS and not FIELDS[key].per_job:
                raise InvalidRequest(f"Setting {key!r} cannot be overridden for a single job.")
        return self.with_changes(overrides)


FIELDS: Mapping[str, Info] = {
    field.name: field.metadata["info"] for field in dataclasses.fields(Settings)
}
_DEFAULTS = Settings()
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def check(key: str, value: object) -> SettingValue:
    """`value` as it will be stored for `key`; InvalidRequest when it is of no use.

    Whole-valued floats become integers where an integer is wanted (JSON and sliders blur the two);
    nothing else is converted.
    """
    info = FIELDS.get(key)
    if info is None:
        raise InvalidRequest(f"Setting {key!r} is not known.")
    default = getattr(_DEFAULTS, key)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise InvalidRequest(f"{info.label}: expected true or false, got {value!r}.")
        return value
    if isinstance(default, int | float):
        return _check_number(info, default, value)
    if not isinstance(value, str):
        raise InvalidRequest(f"{info.label}: expected a text, got {value!r}.")
    if info.choices and value not in info.choices:
        allowed = ", ".join(info.choices)
        raise InvalidRequest(f"{info.label}: {value!r} is not one of {allowed}.")
    if info.kind == "colour" and not _COLOUR.fullmatch(value):
        raise InvalidRequest(f"{info.label}: expected a colour like #ffffff, got {value!r}.")
    return value


def _check_number(info: Info, default: float, value: object) -> float:
    wanted = "a whole number" if isinstance(default, int) else "a number"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidRequest(f"{info.label}: expected {wanted}, got {value!r}.")
    if isinstance(default, int) and value != int(value):
        raise InvalidRequest(f"{info.label}: expected {wanted}, got {value!r}.")
    assert info.low is not None
    assert info.high is not None
    if not info.low <= value <= info.high:
        raise InvalidRequest(
            f"{info.label} must lie between {info.low:g} and {info.high:g}, got {value:g}."
        )
    return int(value) if isinstance(default, int) else float(value)
