"""The pictures of one ControlNet unit: its own, and what a preprocessor makes of them."""

from dataclasses import dataclass

import gradio as gr

from pipelines.batch.files import EXTENSIONS
from pipelines.batch.folders import AllowedFolders
from ui.canvas.canvas import Canvas, Opener, build_canvas
from ui.panels.tools import picture_field

CANVAS_HEIGHT = 360
PREVIEW_HEIGHT = 260
MULTI_HEIGHT = 200
"""CSS pixels."""

BRUSH = "#000000"
"""A new canvas is white."""

ABOUT_DRAWING = (
    "What is drawn here becomes part of the picture. For an inpaint preprocessor it is the mask "
    "instead, and an IP-Adapter does not see what is below it. Set the preprocessor to [invert] if "
    "your image has white background and black lines."
)
ABOUT_BATCH = (
    "One generation for each picture of this folder, in the order of their names. All units with a "
    "folder move on together; the shortest folder ends the batch."
)
ABOUT_MULTI = (
    "All of these pictures guide one generation together: an IP-Adapter takes their mean, any "
    "other model counts each as a unit with its share of the weight."
)

ABOUT_REGION = "Effective Region Mask: this unit works where the picture is white."

NO_FOLDERS = (
    "No folder of the server is open to this page; start Redraw with --allow-dir FOLDER to open "
    "one."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlImages:
    """Where a unit's pictures come from, and what a preprocessor makes of them."""

    canvas: Canvas
    input_tabs: tuple[gr.Tab, gr.Tab, gr.Tab]  # Single Image, Batch, Multi-Inputs
    input_tab: gr.Number  # hidden: which of them is in front, as `ui.control_forms` counts them
    folder: gr.Textbox
    pictures: gr.Gallery
    region: gr.Image
    preview: gr.Image
    pose: gr.Textbox  # hidden: the pose that belongs to the preview, as OpenPose JSON
    use_preview: gr.Button
    forget_preview: gr.Button  # hidden: pressed when the picture has changed


def build(ids: str, index: int, open_file: Opener, folders: AllowedFolders | None) -> ControlImages:
    """Draw the pictures of unit `index`, whose element ids begin with `ids`.

    `open_file` reads its picture; `folders` are those that may be named, None if no field for one
    is to be seen.
    """
    with gr.Row(elem_classes=["cnet-image-row"]):
        with gr.Column(elem_classes=["cnet-input-image-group"], min_width=0):
            input_tab = gr.Number(0, visible="hidden", elem_id=f"{ids}input_tab", interactive=True)
            with gr.Tabs(elem_id=f"{ids}input_tabs"):
                with gr.Tab("Single Image", id="single", elem_id=f"{ids}single_tab") as single:
                    canvas = build_canvas(
                        f"{ids}input_image",
                        "sketch",
                        f"Image of ControlNet Unit {index}",
                        open_file=open_file,
                        color=BRUSH,
                        height=CANVAS_HEIGHT,
                        aside=True,
                    )
                    _build_buttons(ids)
                with gr.Tab(
                    "Batch", id="batch", elem_id=f"{ids}batch_tab", visible=folders is not None
                ) as batch:
                    folder = _build_folder(ids, folders is not None and bool(folders.roots))
                with gr.Tab("Multi-Inputs", id="multi", elem_id=f"{ids}multi_tab") as multi:
                    pictures = _build_pictures(ids)
        preview, pose, use_preview, forget_preview = _build_preview(ids)
        with gr.Column(elem_classes=["cnet-mask-image-group"], min_width=0):
            gr.HTML(f"<p>{ABOUT_REGION}</p>", elem_classes=["cnet-hint"])
            region = picture_field(
                "Effective Region Mask",
                f"{ids}mask_image",
                height=PREVIEW_HEIGHT,
                show_label=False,
            )
    return ControlImages(
        canvas=canvas,
        input_tabs=(single, batch, multi),
        input_tab=input_tab,
        folder=folder,
        pictures=pictures,
        region=region,
        preview=preview,
        pose=pose,
        use_preview=use_preview,
        forget_preview=forget_preview,
    )


def _build_folder(ids: str, is_open: bool) -> gr.Textbox:
    """A box for the path of a folder; it takes nothing where none may be named."""
    return gr.Textbox(
        label="Input Directory",
        info=ABOUT_BATCH if is_open else f"{ABOUT_BATCH} {NO_FOLDERS}",
        lines=1,
        max_lines=1,
        placeholder="Leave empty to use the pictures of img2img's Batch tab",
        interactive=is_open,
        elem_id=f"{ids}batch_image_dir",
    )


def _build_pictures(ids: str) -> gr.Gallery:
    gr.HTML(f"<p>{ABOUT_MULTI}</p>", elem_classes=["cnet-hint"])
    return gr.Gallery(
        label="Upload Images",
        show_label=False,
        type="filepath",
        file_types=sorted(EXTENSIONS),
        sources=["upload"],
        columns=4,
        rows=2,
        fit_columns=False,
        height=MULTI_HEIGHT,
        object_fit="contain",
        buttons=[],
        interactive=True,
        elem_id=f"{ids}multi_images",
    )


def _build_preview(ids: str) -> tuple[gr.Image, gr.Textbox, gr.Button, gr.Button]:
    with gr.Column(elem_classes=["cnet-generated-image-group"], min_width=0):
        preview = gr.Image(
            label="Preprocessor Preview",
            type="pil",
            format="png",
            image_mode=None,
            height=PREVIEW_HEIGHT,
            interactive=False,
            buttons=["download", "fullscreen"],
            elem_id=f"{ids}generated_image",
            elem_classes=["cnet-image"],
        )
        pose = gr.Textbox(visible="hidden", elem_id=f"{ids}pose", interactive=True)
        with gr.Row(elem_classes=["copy-row"]):
            use_preview = _small("Use as input", f"{ids}use_preview", "cnet-use-preview")
            _small("Edit pose", f"{ids}edit_detected_pose", "cnet-edit-pose", "cnet-detected")
        forget_preview = gr.Button(
            "Forget preview", visible="hidden", elem_id=f"{ids}forget_preview"
        )
    return preview, pose, use_preview, forget_preview


def _build_buttons(ids: str) -> None:
    """What can be done with the unit's own picture; `static/control_images.js` carries it out."""
    with gr.Row(elem_classes=["copy-row", "controlnet_image_controls"]):
        _small("New canvas", f"{ids}controlnet_open_new_canvas_button", "cnet-new-canvas")
        _small("Enable webcam", f"{ids}controlnet_webcam_enable", "cnet-webcam")
        _small("Mirror webcam", f"{ids}controlnet_webcam_mirror", "cnet-mirror")
        _small("Copy from img2img", f"{ids}copy_source", "cnet-copy-source")
        _small("Send size to img2img", f"{ids}controlnet_send_dimen_button", "cnet-send-size")
        _small("Edit pose", f"{ids}edit_pose", "cnet-edit-pose")
    gr.HTML(f"<p>{ABOUT_DRAWING}</p>", elem_classes=["cnet-hint"])


def _small(label: str, elem_id: str, *classes: str) -> gr.Button:
    return gr.Button(label, size="sm", min_width=0, elem_id=elem_id, elem_classes=list(classes))
