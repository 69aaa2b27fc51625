"""The Batch tab: many files in one job, uploaded or from a folder of the server."""

from dataclasses import dataclass

import gradio as gr

from pipelines.batch.files import EXTENSIONS
from pipelines.batch.folders import AllowedFolders
from pipelines.batch.png_info import Parameter
from ui.panels.tools import Field

TITLE = "Batch"
FILES_HEIGHT = 240
"""Pixels; a longer list of files can be scrolled."""

ABOUT_FOLDERS = """
All pictures in the input directory and the folders in it are worked on, one after the other.
With an output directory, each result is named for the picture it came from, and no file there is
written over; without one, results are saved as usual. With a mask directory, each picture is
inpainted through the mask of the same name, or all of them through the only mask there is; the
values for it are those of the inpaint tabs. ControlNet units with their own Batch tab in front and
no directory there go through the Controlnet input directory, in the order of the pictures' names.
"""
NO_FOLDERS = (
    "No folder of the server is open to this page. Start Redraw with `--allow-dir FOLDER` to open "
    "one; it may be given several times."
)
HIDDEN_FOLDERS = "Redraw was started with `--hide-ui-dir-config`, so no folder can be named here."


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchTab:
    """What the tab is made of."""

    source: gr.Number  # hidden: which inner tab is in front, as `ui.batch_forms` counts them
    upload_tab: gr.Tab
    folder_tab: gr.Tab
    files: gr.File
    input_folder: gr.Textbox
    output_folder: gr.Textbox
    mask_folder: gr.Textbox
    control_folder: gr.Textbox
    use_png_info: gr.Checkbox
    png_info_folder: gr.Textbox
    png_info_parameters: gr.CheckboxGroup

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name."""
        return {
            "batch_source": self.source,
            "batch_files": self.files,
            "batch_input_folder": self.input_folder,
            "batch_output_folder": self.output_folder,
            "batch_mask_folder": self.mask_folder,
            "batch_control_folder": self.control_folder,
            "batch_use_png_info": self.use_png_info,
            "batch_png_info_folder": self.png_info_folder,
            "batch_png_info_parameters": self.png_info_parameters,
        }


def build(folders: AllowedFolders | None) -> BatchTab:
    """Draw the tab; `folders` are those that may be named, None for --hide-ui-dir-config."""
    open_folders = folders is not None and bool(folders.roots)
    source = gr.Number(0, visible="hidden", elem_id="img2img_batch_source_type", interactive=True)
    with gr.Tabs(elem_id="img2img_batch_source"):
        with gr.Tab("Upload", id="batch_upload", elem_id="img2img_batch_upload_tab") as upload_tab:
            files = gr.File(
                label="Files",
                file_count="multiple",
                file_types=sorted(EXTENSIONS),
                height=FILES_HEIGHT,
                interactive=True,
                elem_id="img2img_batch_upload",
            )
        with gr.Tab(
            "From directory", id="batch_from_dir", elem_id="img2img_batch_from_dir_tab"
        ) as folder_tab:
            gr.Markdown(_about(folders), elem_id="img2img_batch_about_folders")
            input_folder, output_folder, mask_folder, control_folder = _build_folders(open_folders)
    with gr.Accordion("PNG info", open=False, elem_id="img2img_batch_png_info"):
        use_png_info = gr.Checkbox(
            False,
            label="Append png info to prompts",
            interactive=True,
            elem_id="img2img_batch_use_png_info",
        )
        png_info_folder = _folder(
            "PNG info directory",
            "img2img_batch_png_info_dir",
            open_folders,
            placeholder="Leave empty to use input directory",
        )
        png_info_parameters = gr.CheckboxGroup(
            choices=[parameter.value for parameter in Parameter],
            value=[],
            label="Parameters to take from png info",
            info="The prompts in a picture's info are added after those above; "
            "everything else takes their place.",
            interactive=True,
            elem_id="img2img_batch_png_info_props",
        )
    return BatchTab(
        source=source,
        upload_tab=upload_tab,
        folder_tab=folder_tab,
        files=files,
        input_folder=input_folder,
        output_folder=output_folder,
        mask_folder=mask_folder,
        control_folder=control_folder,
        use_png_info=use_png_info,
        png_info_folder=png_info_folder,
        png_info_parameters=png_info_parameters,
    )


def _build_folders(is_open: bool) -> tuple[gr.Textbox, gr.Textbox, gr.Textbox, gr.Textbox]:
    """For the input, the output, the masks and the pictures of ControlNet units."""
    return (
        _folder("Input directory", "img2img_batch_input_dir", is_open),
        _folder("Output directory", "img2img_batch_output_dir", is_open),
        _folder(
            "Inpaint batch mask directory (required for inpaint batch processing only)",
            "img2img_batch_inpaint_mask_dir",
            is_open,
        ),
        _folder(
            "Controlnet input directory",
            "controlnet_batch_input_dir",
            is_open,
            placeholder="Leave empty to use input directory",
        ),
    )


def _about(folders: AllowedFolders | None) -> str:
    if folders is None:
        return HIDDEN_FOLDERS
    if not folders.roots:
        return NO_FOLDERS
    roots = ", ".join(f"`{root}`" for root in folders.roots)
    return f"{ABOUT_FOLDERS}\nDirectories must lie below {roots}."


def _folder(
    label: str, elem_id: str, visible: bool, *, placeholder: str = "Folder on the server"
) -> gr.Textbox:
    """A box for the path of a folder; out of sight where none may be named."""
    return gr.Textbox(
        label=label,
        lines=1,
        max_lines=1,
        placeholder=placeholder,
        visible=True if visible else "hidden",
        interactive=True,
        elem_id=elem_id,
    )
