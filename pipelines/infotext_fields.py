"""The names of A1111's parameter text, shared by writing and reading it.

Settings carry their own names (`pipelines.settings.FIELDS`, `infotext`); the table here says which
of them are written at all, in which order, and for which jobs. Settings without a name in A1111
(exact steps, background colour, word wrap length) are not recorded, as there.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipelines.plan import Plan
from pipelines.prompting.attention import uses_attention
from pipelines.requests import InpaintArea, MaskedContent, MaskMode, ResizeMode
from pipelines.samplers import AUTOMATIC, Family, find_sampler
from pipelines.settings import FIELDS

NEGATIVE_PROMPT = "Negative prompt: "
STEPS, SAMPLER, SCHEDULE_TYPE, CFG_SCALE = "Steps", "Sampler", "Schedule type", "CFG scale"
SEED, SIZE, MODEL_HASH, MODEL = "Seed", "Size", "Model hash", "Model"
VAE_HASH, VAE = "VAE hash", "VAE"
VARIATION_SEED, VARIATION_STRENGTH = "Variation seed", "Variation seed strength"
SEED_RESIZE, DENOISING_STRENGTH = "Seed resize from", "Denoising strength"
CLIP_SKIP, ENSD, INIT_IMAGE_HASH, RNG = "Clip skip", "ENSD", "Init image hash", "RNG"
CONDITIONAL_MASK_WEIGHT, TILING = "Conditional mask weight", "Tiling"
MASK_MODE, MASK_BLUR, MASKED_CONTENT = "Mask mode", "Mask blur", "Masked content"
INPAINT_AREA, MASKED_PADDING = "Inpaint area", "Masked area padding"
SOFT_INPAINTING = "Soft inpainting enabled"
RESIZE_MODE = "Resize mode"  # ours: A1111 does not record it
MASK_TRANSPARENCY = "Mask transparency"  # ours, too
OPAQUE = "Repaint opaque"  # ours, too
IMAGE_CFG_SCALE, REFINER, SWITCH_AT = "Image CFG scale", "Refiner", "Refiner switch at"
EMPHASIS, TI_HASHES, VERSION = "Emphasis", "TI hashes", "Version"
OLD_TIMELINES = "Old prompt editing timelines"

PROGRAM = "Redraw"
"""Begins the version, so that A1111's rules for its own old versions pass our texts by."""

NEW_TIMELINES = (1, 6, 0)
"""The first version of A1111 in which a point tells shares of the steps from steps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A setting written into the text when it is not at A1111's default and matters to the job."""

    setting: str
    default: float | str  # A1111's, which a text without the name means
    matters: Callable[[Plan], bool] = lambda plan: True


def _walks_sigmas(plan: Plan) -> bool:
    return plan.sampler.family is Family.k_diffusion


def _is_beta(plan: Plan) -> bool:
    return plan.schedule == "Beta"


def _is_unipc(plan: Plan) -> bool:
    return plan.sampler.even_time


def _is_made_to_discard(plan: Plan) -> bool:
    return _walks_sigmas(plan) and not find_sampler(plan.sampler.label).discards_next_to_last_sigma


def _churns(plan: Plan) -> bool:
    return plan.sampler.churns


def _is_guided(plan: Plan) -> bool:
    return plan.request.sampling.cfg_scale > 1


def _changes_texts(plan: Plan) -> bool:
    return any(len(part.texts) > 1 for part in (*plan.texts.positive, plan.texts.negative))


def uses_emphasis(positive: str, negative: str) -> bool:
    """Whether the emphasis mode makes a difference to these prompts."""
    return uses_attention(positive) or uses_attention(negative)


SOFT_FIELDS: Mapping[str, str] = {
    "schedule_bias": "Soft inpainting schedule bias",
    "preservation_strength": "Soft inpainting preservation strength",
    "transition_contrast_boost": "Soft inpainting transition contrast boost",
    "mask_influence": "Soft inpainting mask influence",
    "difference_threshold": "Soft inpainting difference threshold",
    "difference_contrast": "Soft inpainting difference contrast",
}
"""Names by field of `SoftInpainting`, in A1111's order."""

RECORDED: tuple[Recorded, ...] = (
    Recorded(setting="tiling", default=False),
    Recorded(setting="initial_noise_multiplier", default=1.0),
    Recorded(setting="img2img_extra_noise", default=0.0),
    Recorded(setting="use_old_scheduling", default=False, matters=_changes_texts),
    Recorded(setting="pad_cond_uncond", default=False),
    Recorded(setting="s_min_uncond", default=0.0, matters=_is_guided),
    Recorded(
        setting="s_min_uncond_all",
        default=False,
        matters=lambda plan: plan.settings.s_min_uncond > 0 and _is_guided(plan),
    ),
    Recorded(setting="skip_early_cond", default=0.0, matters=_is_guided),
    Recorded(
        setting="always_discard_next_to_last_sigma", default=False, matters=_is_made_to_discard
    ),
    Recorded(setting="sigma_min", default=0.0, matters=_walks_sigmas),
    Recorded(setting="sigma_max", default=0.0, matters=_walks_sigmas),
    Recorded(setting="rho", default=0.0, matters=_walks_sigmas),
    Recorded(
        setting="refiner_switch_by_sample_steps",
        default=False,
        matters=lambda plan: plan.refiner is not None,
    ),
    Recorded(setting="beta_dist_alpha", default=0.6, matters=_is_beta),
    Recorded(setting="beta_dist_beta", default=0.6, matters=_is_beta),
    Recorded(setting="eta_ancestral", default=1.0, matters=lambda plan: plan.sampler.ancestral),
    Recorded(setting="eta_ddim", default=0.0, matters=lambda plan: plan.sampler.obeys_eta_ddim),
    Recorded(setting="s_churn", default=0.0, matters=_churns),
    Recorded(setting="s_tmin", default=0.0, matters=_churns),
    Recorded(setting="s_tmax", default=0.0, matters=_churns),
    Recorded(setting="uni_pc_variant", default="bh1", matters=_is_unipc),
    Recorded(setting="uni_pc_skip_type", default="time_uniform", matters=_is_unipc),
    Recorded(setting="uni_pc_order", default=3, matters=_is_unipc),
    Recorded(setting="uni_pc_lower_order_final", default=True, matters=_is_unipc),
    Recorded(
        setting="s_noise",
        default=1.0,
        matters=lambda plan: plan.sampler.churns or plan.sampler.scales_fresh_noise,
    ),
    Recorded(
        setting="emphasis",
        default="Original",
        matters=lambda plan: uses_emphasis(plan.prompt.positive, plan.prompt.negative),
    ),
)
"""In A1111's order."""

_A1111_VERSION = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})")

_MISSING: Mapping[str, str] = {
    CLIP_SKIP: "1",
    RNG: "GPU",
    SCHEDULE_TYPE: AUTOMATIC,
    "Schedule max sigma": "0",
    "Schedule min sigma": "0",
    "Schedule rho": "0",
    MASK_MODE: MaskMode.masked.value,
    MASKED_CONTENT: MaskedContent.original.value,
    INPAINT_AREA: InpaintArea.whole_picture.value,
    MASKED_PADDING: "32",
}
"""What any text without these names means."""


def meant_when_missing(
    positive: str, negative: str, fields: Mapping[str, str]
) -> Mapping[str, str]:
    """Names and values that `fields` of a parameter text imply by leaving them out.

    A1111 writes some settings only when they matter and reads their absence as no change; so do
    we in its texts, but for prompt editing by the rule of its older versions. In our own texts,
    absence means the default.
    """
    meant = dict(_MISSING)
    if uses_emphasis(positive, negative):
        meant[EMPHASIS] = "Original"
    if "[" in positive and _is_before(fields.get(VERSION, ""), NEW_TIMELINES):
        meant[OLD_TIMELINES] = "True"
    if fields.get(VERSION, "").startswith(PROGRAM):
        meant[RESIZE_MODE] = ResizeMode.just_resize.value
        meant[ENSD] = "0"
        meant[SOFT_INPAINTING] = "False"
        meant[MASK_TRANSPARENCY] = "0"
        meant[OPAQUE] = "False"
        for row in RECORDED:
            name = FIELDS[row.setting].infotext
            if name and name != EMPHASIS:
                meant[name] = f"{row.default}"
    return {name: value for name, value in meant.items() if name not in fields}


def _is_before(version: str, limit: tuple[int, ...]) -> bool:
    """Whether A1111's "v1.5.2" or "1.5.2-3-gabc" is older; a text without a version is not."""
    match = _A1111_VERSION.match(version)
    return match is not None and tuple(map(int, match.groups())) < limit
