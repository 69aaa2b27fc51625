"""The tabs on which a job begins: what is repainted, and which part of it."""

from dataclasses import dataclass

import gradio as gr

from pipelines.batch.folders import AllowedFolders
from pipelines.settings import Settings
from ui.canvas.canvas import Canvas, Opener
from ui.panels import copying, example
from ui.panels.tools import Field, picture_field
from ui.tabs import batch, inpaint, inpaint_sketch, inpaint_upload, sketch
from ui.tabs.batch import BatchTab
from ui.tabs.inpaint_upload import InpaintUploadTab

IMG2IMG = "img2img"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourcePanel:
    """What the tabs are made of."""

    mode: gr.Number  # hidden: which tab is in front, as `ui.sources.SourceTab` counts them
    tabs: tuple[gr.Tab, ...]  # in that order
    image: gr.Image
    example: example.ExamplePanel
    sketch: Canvas
    inpaint: Canvas
    inpaint_sketch: Canvas
    inpaint_upload: InpaintUploadTab
    batch: BatchTab

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name."""
        return {
            "mode": self.mode,
            "image": self.image,
            **self.inpaint_upload.fields,
            **self.batch.fields,
        }

    @property
    def canvases(self) -> dict[str, Canvas]:
        """By the names that their files' values begin with."""
        return {
            sketch.FIELD: self.sketch,
            inpaint.FIELD: self.inpaint,
            inpaint_sketch.FIELD: self.inpaint_sketch,
        }

    @property
    def files(self) -> dict[str, gr.File]:
        """The canvases' hidden files: sent with Generate, but no fields of the form."""
        return {
            f"{name}_{part}": file
            for name, canvas in self.canvases.items()
            for part, file in (("picture", canvas.picture), ("drawing", canvas.drawing))
        }


def build(
    settings: Settings,
    open_file: Opener,
    *,
    folders: AllowedFolders | None,
    offer_example: bool,
) -> SourcePanel:
    """Draw the tabs; `open_file` reads a picture in which something is to be selected.

    `folders` are those that a batch may name, None if no field for one is to be seen.
    """
    height = settings.img2img_editor_height
    mode = gr.Number(0, visible="hidden", elem_id="img2img_mode", interactive=True)
    with gr.Tabs(elem_id="mode_img2img"):
        with gr.Tab(IMG2IMG, id="img2img", elem_id="img2img_img2img_tab") as img2img_tab:
            with gr.Column(elem_id="img2img_source"):
                image = picture_field(
                    "Image for img2img",
                    "img2img_image",
                    height=f"min({height}px, 50vh)",
                    show_label=False,
                )
                example_panel = example.build(offer_example)
            copying.build("img2img_image")
        with gr.Tab(sketch.TITLE, id="sketch", elem_id="img2img_img2img_sketch_tab") as sketch_tab:
            sketch_canvas = sketch.build(
                open_file, color=settings.img2img_sketch_default_brush_color, height=height
            )
        with gr.Tab(inpaint.TITLE, id="inpaint", elem_id="img2img_inpaint_tab") as inpaint_tab:
            inpaint_canvas = inpaint.build(
                open_file, color=settings.img2img_inpaint_mask_brush_color, height=height
            )
        with gr.Tab(
            inpaint_sketch.TITLE, id="inpaint_sketch", elem_id="img2img_inpaint_sketch_tab"
        ) as inpaint_sketch_tab:
            inpaint_sketch_canvas = inpaint_sketch.build(
                open_file,
                color=settings.img2img_inpaint_sketch_default_brush_color,
                height=height,
            )
        file_tabs, upload, files = _build_file_tabs(height, folders)
    return SourcePanel(
        mode=mode,
        tabs=(img2img_tab, sketch_tab, inpaint_tab, inpaint_sketch_tab, *file_tabs),
        image=image,
        example=example_panel,
        sketch=sketch_canvas,
        inpaint=inpaint_canvas,
        inpaint_sketch=inpaint_sketch_canvas,
        inpaint_upload=upload,
        batch=files,
    )


def _build_file_tabs(
    height: int, folders: AllowedFolders | None
) -> tuple[tuple[gr.Tab, gr.Tab], InpaintUploadTab, BatchTab]:
    """The last two tabs, on which nothing is drawn."""
    with gr.Tab(
        inpaint_upload.TITLE, id="inpaint_upload", elem_id="img2img_inpaint_upload_tab"
    ) as upload_tab:
        upload = inpaint_upload.build(height=height)
    with gr.Tab(batch.TITLE, id="batch", elem_id="img2img_batch_tab") as batch_tab:
        files = batch.build(folders)
    return (upload_tab, batch_tab), upload, files
