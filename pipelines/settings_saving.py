"""Settings about files: what is saved, in which formats, under which names, and where."""

from dataclasses import dataclass

from pipelines.setting_info import setting

SAVING, PATHS = "Saving images/grids", "Paths for saving"
IMAGE_FORMATS = ("png", "jpg", "webp")


@dataclass(frozen=True, kw_only=True, slots=True)
class SavingSettings:
    """The first settings of `pipelines.settings.Settings`."""

    # Unformatted so that a setting stays one paragraph and the table reads as one.
    # fmt: off
    samples_save: bool = setting(True, SAVING, "Always save all generated images")
    samples_format: str = setting(
        "png", SAVING, "File format for images", choices=IMAGE_FORMATS, per_job=True
    )
    samples_filename_pattern: str = setting(
        "", SAVING, "Images filename pattern", help="Empty: [seed] in a subfolder, "
        "else [seed]-[prompt_spaces].", per_job=True,
    )
    save_to_dirs: bool = setting(True, SAVING, "Save images to a subdirectory")
    directories_filename_pattern: str = setting("[date]", SAVING, "Directory name pattern")
    grid_save: bool = setting(True, SAVING, "Always save all generated image grids")
    grid_format: str = setting("png", SAVING, "File format for grids", choices=IMAGE_FORMATS)
    return_grid: bool = setting(True, SAVING, "Show grid in gallery")
    n_rows: int = setting(
        -1, SAVING, "Grid row count", low=-1, high=16,
        help="-1: as square as possible; 0: same as batch size.",
    )
    grid_prevent_empty_spots: bool = setting(
        False, SAVING, "Prevent empty spots in grid (when set to autodetect)"
    )
    grid_background_color: str = setting(
        "#ffffff", SAVING, "Background color for image grids", kind="colour"
    )
    enable_pnginfo: bool = setting(
        True, SAVING, "Write infotext to metadata of the generated image"
    )
    save_txt: bool = setting(
        False, SAVING, "Create a text file with infotext next to every generated image"
    )
    jpeg_quality: int = setting(80, SAVING, "Quality for saved jpeg and webp", low=1, high=100)
    webp_lossless: bool = setting(False, SAVING, "Use lossless compression for webp images")
    save_init_img: bool = setting(
        False, SAVING, "Save init images when using img2img", per_job=True
    )
    save_incomplete_images: bool = setting(
        False, SAVING, "Save incomplete images",
        help="Those interrupted in mid-generation; the page shows them either way.",
    )
    save_mask: bool = setting(
        False, SAVING, "For inpainting, save a copy of the greyscale mask", per_job=True
    )
    save_mask_composite: bool = setting(
        False, SAVING, "For inpainting, save a masked composite", per_job=True
    )
    save_images_before_color_correction: bool = setting(
        False, SAVING, "Save a copy of image before applying color correction to img2img results",
        per_job=True,
    )
    embed_inpaint_mask: bool = setting(
        True, SAVING, "For inpainting, keep mask and painted strokes inside PNG files",
        help="So that a saved picture can be opened again with what was drawn on it, and with the "
        "images of its ControlNet units.",
        per_job=True,
    )
    outdir_img2img_samples: str = setting(
        "outputs/img2img-images", PATHS, "Output directory for img2img images",
        help="Relative to the data directory.",
    )
    outdir_img2img_grids: str = setting(
        "outputs/img2img-grids", PATHS, "Output directory for img2img grids"
    )
    outdir_init_images: str = setting(
        "outputs/init-images", PATHS, "Directory for saving init images when using img2img"
    )
    # fmt: on
