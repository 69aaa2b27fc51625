"""All settings: one frozen object, its labels and ranges as data.

Field names are A1111's keys, so `override_settings`, `config.json` and the infotext agree on them.
The Settings tab is drawn from the metadata; nothing else lists settings.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.errors import InvalidRequest
from pipelines.setting_info import Info, SettingValue, setting
from pipelines.settings_saving import SavingSettings

MODELS, EXTRA = "Stable Diffusion", "Extra Networks"
SDXL = "Stable Diffusion XL"
IMG2IMG, SAMPLERS, PREVIEWS = "img2img", "Sampler parameters", "Live previews"
OPTIMISATIONS, COMPATIBILITY = "Optimizations", "Compatibility"
INFOTEXT, PAGE, LIMITS, CONTROL = "Infotext", "User interface", "Limits", "ControlNet"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings(SavingSettings):
    """Every setting with its default. Change with `with_changes`, which validates."""

    # Unformatted so that a setting stays one paragraph and the table reads as one.
    # fmt: off
    sd_model_checkpoint: str = setting(
        "", MODELS, "Stable Diffusion checkpoint", per_job=True, kind="hidden"
    )
    sd_vae: str = setting(
        "Automatic", MODELS, "SD VAE", infotext="VAE", per_job=True, kind="hidden"
    )
    sd_vae_overrides_per_model_preferences: bool = setting(
        True, MODELS, "Selected VAE overrides per-model preferences"
    )
    CLIP_stop_at_last_layers: int = setting(
        1, MODELS, "Clip skip", low=1, high=12, infotext="Clip skip", per_job=True,
        help="Ignore this many of the last layers of CLIP, less one.",
    )
    sdxl_clip_l_skip: bool = setting(
        False, MODELS, "Clip skip SDXL", per_job=True,
        help="Let Clip skip count for SDXL's first text encoder.",
    )
    comma_padding_backtrack: int = setting(
        20, MODELS, "Prompt word wrap length limit", low=0, high=74, per_job=True,
        help="In tokens: when a text would cross a 75-token limit, move it whole to the next "
        "chunk if a comma lies this close to the limit.",
    )
    emphasis: str = setting(
        "Original", MODELS, "Emphasis mode", choices=("None", "Ignore", "Original", "No norm"),
        infotext="Emphasis", per_job=True,
    )
    enable_prompt_comments: bool = setting(
        True, MODELS, "Enable comments", per_job=True,
        help="From # to the end of its line, a prompt is not read.",
    )
    randn_source: str = setting(
        "CPU", MODELS, "Random number generator source.", choices=("GPU", "CPU", "NV"),
        infotext="RNG", per_job=True,
        help="CPU and NV give the same picture on every device; NV repeats NVIDIA cards' numbers.",
    )
    tiling: bool = setting(
        False, MODELS, "Tiling", infotext="Tiling", per_job=True,
        help="Pictures whose opposite edges fit together.",
    )
    auto_vae_precision: bool = setting(
        True, MODELS, "Automatically revert VAE to 32-bit floats", per_job=True,
        help="Where its own number format gives no picture but NaN.",
    )
    sdxl_crop_top: int = setting(
        0, SDXL, "crop top coordinate", low=0, high=8192, per_job=True,
        help="Where in a larger picture SDXL is told that its picture was cut out.",
    )
    sdxl_crop_left: int = setting(
        0, SDXL, "crop left coordinate", low=0, high=8192, per_job=True
    )
    sdxl_refiner_low_aesthetic_score: float = setting(
        2.5, SDXL, "SDXL low aesthetic score", low=0.0, high=10.0, step=0.1, per_job=True,
        help="Told to the refiner beside the negative prompt.",
    )
    sdxl_refiner_high_aesthetic_score: float = setting(
        6.0, SDXL, "SDXL high aesthetic score", low=0.0, high=10.0, step=0.1, per_job=True,
        help="Told to the refiner beside the prompt.",
    )
    model_cache_gigabytes: float = setting(
        8.0, MODELS, "Memory for models kept loaded (GB)", low=0.0, high=512.0, step=0.5
    )
    sd_checkpoints_limit: int = setting(
        10, MODELS, "Maximum number of checkpoints loaded at the same time", low=1, high=10
    )
    initial_noise_multiplier: float = setting(
        1.0, IMG2IMG, "Noise multiplier for img2img", low=0.0, high=1.5, step=0.001,
        infotext="Noise multiplier", per_job=True,
    )
    img2img_extra_noise: float = setting(
        0.0, IMG2IMG, "Extra noise multiplier for img2img", low=0.0, high=1.0, step=0.01,
        infotext="Extra noise", per_job=True,
    )
    img2img_fix_steps: bool = setting(
        False, IMG2IMG, "With img2img, do exactly the amount of steps the slider specifies.",
        help="Normally less denoising means fewer steps.", per_job=True,
    )
    img2img_background_color: str = setting(
        "#ffffff", IMG2IMG,
        "With img2img, fill transparent parts of the input image with this color.",
        kind="colour", per_job=True,
    )
    img2img_editor_height: int = setting(
        720, IMG2IMG, "Height of the image editor", low=80, high=1600,
        help="In pixels, and at most half of the window. Takes effect at the next start.",
    )
    img2img_sketch_default_brush_color: str = setting(
        "#ffffff", IMG2IMG, "Sketch initial brush color", kind="colour",
        help="Takes effect at the next start.",
    )
    img2img_inpaint_mask_brush_color: str = setting(
        "#ffffff", IMG2IMG, "Inpaint mask brush color", kind="colour",
        help="The colour in which masks are shown. Takes effect at the next start.",
    )
    img2img_inpaint_sketch_default_brush_color: str = setting(
        "#ffffff", IMG2IMG, "Inpaint sketch initial brush color", kind="colour",
        help="Takes effect at the next start.",
    )
    inpainting_mask_weight: float = setting(
        1.0, IMG2IMG, "Inpainting conditioning mask strength", low=0.0, high=1.0, step=0.01,
        infotext="Conditional mask weight", per_job=True,
        help="How much of the masked area is hidden from a model made for inpainting.",
    )
    img2img_color_correction: bool = setting(
        False, IMG2IMG, "Apply color correction to img2img results to match original colors.",
        per_job=True,
    )
    overlay_inpaint: bool = setting(
        True, IMG2IMG, "Overlay original for inpaint", per_job=True,
        help="Leaves what is not masked as it was, to the bit.",
    )
    return_mask: bool = setting(
        False, IMG2IMG, "For inpainting, include the greyscale mask in results for web",
        per_job=True,
    )
    return_mask_composite: bool = setting(
        False, IMG2IMG, "For inpainting, include masked composite in results for web",
        per_job=True,
    )
    img2img_batch_show_results_limit: int = setting(
        32, IMG2IMG, "Show the first N batch img2img results in UI", low=-1, high=1000,
        help="-1: as many as fit 256 MB of memory.",
    )
    eta_ddim: float = setting(
        0.0, SAMPLERS, "Eta for DDIM", low=0.0, high=1.0, step=0.01, infotext="Eta DDIM",
        per_job=True,
    )
    eta_ancestral: float = setting(
        1.0, SAMPLERS, "Eta for k-diffusion samplers", low=0.0, high=1.0, step=0.01,
        infotext="Eta", per_job=True, help="Noise multiplier of ancestral samplers.",
    )
    s_churn: float = setting(
        0.0, SAMPLERS, "sigma churn", low=0.0, high=100.0, step=0.01, infotext="Sigma churn",
        per_job=True, help="Amount of stochasticity; only for Euler, Heun and DPM2.",
    )
    s_tmin: float = setting(
        0.0, SAMPLERS, "sigma tmin", low=0.0, high=10.0, step=0.01, infotext="Sigma tmin",
        per_job=True,
    )
    s_tmax: float = setting(
        0.0, SAMPLERS, "sigma tmax", low=0.0, high=999.0, step=0.01, infotext="Sigma tmax",
        per_job=True, help="0 means no upper bound.",
    )
    s_noise: float = setting(
        1.0, SAMPLERS, "sigma noise", low=0.0, high=1.1, step=0.001, infotext="Sigma noise",
        per_job=True,
    )
    sigma_min: float = setting(
        0.0, SAMPLERS, "sigma min", low=0.0, high=100.0, step=0.01,
        infotext="Schedule min sigma", per_job=True, help="0 means the model's own.",
    )
    sigma_max: float = setting(
        0.0, SAMPLERS, "sigma max", low=0.0, high=10000.0, step=0.01,
        infotext="Schedule max sigma", per_job=True, help="0 means the model's own.",
    )
    rho: float = setting(
        0.0, SAMPLERS, "rho", low=0.0, high=100.0, step=0.1, infotext="Schedule rho",
        per_job=True, help="0 means the schedule's own (7 for Karras).",
    )
    eta_noise_seed_delta: int = setting(
        0, SAMPLERS, "Eta noise seed delta", low=0, high=2**32 - 1, infotext="ENSD", per_job=True,
    )
    always_discard_next_to_last_sigma: bool = setting(
        False, SAMPLERS, "Always discard next-to-last sigma", infotext="Discard penultimate sigma",
        per_job=True, help="Of k-diffusion samplers; some always do.",
    )
    use_old_karras_scheduler_sigmas: bool = setting(
        False, COMPATIBILITY, "Use old karras scheduler sigmas (0.1 to 10).", per_job=True,
        help="For every schedule that is drawn over a range of sigmas.",
    )
    no_dpmpp_sde_batch_determinism: bool = setting(
        False, COMPATIBILITY,
        "Do not make DPM++ SDE deterministic across different batch sizes.", per_job=True,
        help="The pictures of a batch take their noise from one path, that of the first's seed.",
    )
    uni_pc_variant: str = setting(
        "bh1", SAMPLERS, "UniPC variant", choices=("bh1", "bh2"), infotext="UniPC variant",
        per_job=True,
    )
    uni_pc_skip_type: str = setting(
        "time_uniform", SAMPLERS, "UniPC skip type",
        choices=("time_uniform", "time_quadratic", "logSNR"), infotext="UniPC skip type",
        per_job=True,
    )
    uni_pc_order: int = setting(
        3, SAMPLERS, "UniPC order", low=1, high=50, infotext="UniPC order", per_job=True
    )
    uni_pc_lower_order_final: bool = setting(
        True, SAMPLERS, "UniPC lower order final", infotext="UniPC lower order final",
        per_job=True,
    )
    beta_dist_alpha: float = setting(
        0.6, SAMPLERS, "Beta scheduler - alpha", low=0.01, high=1.0, step=0.01,
        infotext="Beta schedule alpha", per_job=True,
    )
    beta_dist_beta: float = setting(
        0.6, SAMPLERS, "Beta scheduler - beta", low=0.01, high=1.0, step=0.01,
        infotext="Beta schedule beta", per_job=True,
    )
    skip_early_cond: float = setting(
        0.0, SAMPLERS, "Ignore negative prompt during early sampling", low=0.0, high=1.0,
        step=0.01, infotext="Skip Early CFG", per_job=True, help="For this share of the steps.",
    )
    s_min_uncond: float = setting(
        0.0, OPTIMISATIONS, "Negative Guidance minimum sigma", low=0.0, high=15.0, step=0.01,
        infotext="NGMS", per_job=True,
        help="Skip the negative prompt at every other step below this noise level; faster.",
    )
    s_min_uncond_all: bool = setting(
        False, OPTIMISATIONS, "Negative Guidance minimum sigma all steps",
        infotext="NGMS all steps", per_job=True, help="Skip it at every step below that.",
    )
    pad_cond_uncond: bool = setting(
        False, OPTIMISATIONS, "Pad prompt/negative prompt", infotext="Pad conds", per_job=True,
        help="Where the two differ in length, the shorter gets empty chunks; faster, but changes "
        "pictures.",
    )
    refiner_switch_by_sample_steps: bool = setting(
        False, COMPATIBILITY, "Switch to refiner by sampling steps instead of model timesteps.",
        infotext="Refiner switch by sampling steps", per_job=True,
        help="A1111 did so before version 1.8.",
    )
    use_old_scheduling: bool = setting(
        False, COMPATIBILITY, "Use old prompt editing timelines.",
        infotext="Old prompt editing timelines", per_job=True,
        help="A number below 1 is a share of the steps, any other a step; normally the point "
        "decides.",
    )
    live_previews_enable: bool = setting(
        True, PREVIEWS, "Show live previews of the created image"
    )
    show_progress_every_n_steps: int = setting(
        1, PREVIEWS, "Live preview display period", low=1, high=32,
        help="In sampling steps.",
    )
    live_preview_refresh_period: int = setting(
        400, PREVIEWS, "Progressbar and preview update period", low=100, high=10000,
        help="In milliseconds.",
    )
    add_model_hash_to_info: bool = setting(True, INFOTEXT, "Add model hash to infotext")
    add_model_name_to_info: bool = setting(True, INFOTEXT, "Add model name to infotext")
    add_vae_name_to_info: bool = setting(True, INFOTEXT, "Add VAE name to infotext")
    add_vae_hash_to_info: bool = setting(True, INFOTEXT, "Add VAE hash to infotext")
    add_version_to_infotext: bool = setting(True, INFOTEXT, "Add program version to infotext")
    textual_inversion_add_hashes_to_infotext: bool = setting(
        True, INFOTEXT, "Add Textual Inversion hashes to infotext"
    )
    disable_weights_auto_swap: bool = setting(
        False, INFOTEXT, "Disregard checkpoint information from pasted infotext"
    )
    infotext_styles: str = setting(
        "Apply if any", INFOTEXT, "Infer styles from prompts of pasted infotext",
        choices=("Ignore", "Apply", "Discard", "Apply if any"),
        help="Ignore: keep the texts. Apply: cut styles out and choose them. Discard: cut them "
        "out. Apply if any: as Apply, but keep the chosen styles when none is found.",
    )
    send_seed: bool = setting(
        True, PAGE, "Send seed when sending prompt or image to other interface"
    )
    send_size: bool = setting(
        True, PAGE, "Send size when sending prompt or image to another interface"
    )
    interrupt_after_current: bool = setting(
        True, PAGE, "Don't Interrupt in the middle",
        help="Interrupt lets the image being made finish if more were to follow; "
        "a second press stops at once.",
    )
    keyedit_precision_attention: float = setting(
        0.1, PAGE, "Precision for (attention:1.1) when editing the prompt with Ctrl+up/down",
        low=0.01, high=0.2, step=0.001,
    )
    disable_token_counters: bool = setting(False, PAGE, "Disable prompt token counters")
    max_picture_megapixels: float = setting(
        64.0, LIMITS, "Largest picture accepted (megapixels)", low=1.0, high=1000.0,
        help="Refused before decoding.",
    )
    max_upload_megabytes: float = setting(
        256.0, LIMITS, "Largest file accepted (MB)", low=1.0, high=4096.0,
        help="Takes effect at the next start.",
    )
    max_queued_jobs: int = setting(100, LIMITS, "Jobs that may wait at once", low=1, high=1000)
    control_net_unit_count: int = setting(
        3, CONTROL, "Multi-ControlNet: ControlNet unit number", low=1, high=10,
        help="The page follows at the next start.",
    )
    control_net_model_cache_size: int = setting(
        2, CONTROL, "Model cache size", low=1, high=10, help="Control models that stay loaded."
    )
    control_net_inpaint_blur_sigma: int = setting(
        7, CONTROL, "ControlNet inpainting Gaussian blur sigma", low=0, high=64, per_job=True
    )
    control_net_no_detectmap: bool = setting(
        False, CONTROL, "Do not append detectmap to output", per_job=True
    )
    control_net_detectmap_autosaving: bool = setting(
        False, CONTROL, "Allow detectmap auto saving", per_job=True
    )
    control_net_detectedmap_dir: str = setting(
        "detected_maps", CONTROL, "Directory for detected maps auto saving",
        help="Below the output directory for img2img images.",
    )
    control_net_sync_field_args: bool = setting(
        True, CONTROL, "Paste ControlNet parameters in infotext"
    )
    controlnet_increment_seed_during_batch: bool = setting(
        False, CONTROL, "Increment seed after each controlnet batch iteration", per_job=True
    )
    controlnet_ignore_noninpaint_mask: bool = setting(
        False, CONTROL,
        "Ignore mask on ControlNet input image if control type is not inpaint", per_job=True,
        help="Otherwise what is drawn on a unit's image takes the image's place.",
    )
    extra_networks_default_multiplier: float = setting(
        1.0, EXTRA, "Default multiplier for extra networks", low=0.0, high=2.0, step=0.01
    )
    extra_networks_card_show_desc: bool = setting(True, EXTRA, "Show description on card")
    extra_networks_card_order_field: str = setting(
        "Path", EXTRA, "Default order field for Extra Networks cards",
        choices=("Path", "Name", "Date Created", "Date Modified"),
    )
    extra_networks_card_order: str = setting(
        "Ascending", EXTRA, "Default order for Extra Networks cards",
        choices=("Ascending", "Descending"),
    )
    lora_add_hashes_to_infotext: bool = setting(
        True, EXTRA, "Add Lora hashes to infotext", per_job=True
    )
    extra_networks_add_text_separator: str = setting(" ", EXTRA, "Extra networks separator")
    lora_preferred_name: str = setting(
        "Alias from file", EXTRA, "When adding to prompt, refer to Lora by",
        choices=("Alias from file", "Filename"),
        help="The alias is the name that a LoRA was given at training.",
    )
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


def check(key: str, value: object) -> SettingValue:
    """`value` as it will be stored for `key`; InvalidRequest when it is of no use."""
    if key not in FIELDS:
        raise InvalidRequest(f"Setting {key!r} is not known.")
    return FIELDS[key].check(value, getattr(_DEFAULTS, key))
