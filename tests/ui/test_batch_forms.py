"""The Batch tab's values to a batch: which files, which folders, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.batch.folders import AllowedFolders
from pipelines.batch.plan import STAND_IN, FileBatch
from pipelines.batch.png_info import Parameter
from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.requests import InpaintArea, MaskedContent, MaskMode, ResizeTo
from tests.helpers.batches import write_pictures
from ui.batch_forms import BatchSource, read_batch

FORM: dict[str, Any] = {
    "prompt": "a cat",
    "negative_prompt": "",
    "styles": [],
    "resize_mode": "Just resize",
    "sampler": "Euler a",
    "schedule": "Automatic",
    "steps": 20,
    "size_tab": 0,
    "width": 256,
    "height": 128,
    "scale": 1,
    "batch_count": 2,
    "batch_size": 1,
    "cfg_scale": 7,
    "image_cfg_scale": 1.5,
    "refiner": False,
    "denoising_strength": 0.5,
    "seed": -1,
    "extra": False,
    "override_settings": [],
    "checkpoint": "",
    "mask_blur": 6,
    "mask_mode": MaskMode.not_masked.value,
    "masked_content": MaskedContent.fill.value,
    "inpaint_area": InpaintArea.only_masked.value,
    "inpaint_padding": 16,
    "repaint_opaque": False,
    "soft_inpainting": False,
    "batch_source": BatchSource.folder,
    "batch_files": None,
    "batch_input_folder": "",
    "batch_output_folder": "",
    "batch_mask_folder": "",
    "batch_use_png_info": False,
    "batch_png_info_folder": "",
    "batch_png_info_parameters": [],
}


@pytest.fixture
def root(tmp_path) -> Path:
    """An allowed folder of pictures, masks and results, beside one that is not allowed."""
    write_pictures(tmp_path / "allowed", "in/2.png", "in/10.png", "masks/2.png", "masks/10.png")
    write_pictures(tmp_path / "private", "secret.png")
    return tmp_path / "allowed"


def batch_of(root: Path | None, **values: Any) -> FileBatch:
    folders = None if root is None else AllowedFolders(roots=(root,), base=root.parent)
    return read_batch({**FORM, **values}, folders)


def from_folder(root: Path, **values: Any) -> FileBatch:
    return batch_of(root, **{"batch_input_folder": f"{root}/in", **values})


def upload(path: Path, name: str | None) -> dict[str, Any]:
    """A record as Gradio hands it on."""
    return {"path": str(path), "orig_name": name, "meta": {"_type": "gradio.FileData"}}


def names_of(batch: FileBatch) -> list[str]:
    return [file.name for file in batch.files]


def test_a_folder_becomes_a_batch_of_its_pictures(root):
    batch = from_folder(root)
    assert names_of(batch) == ["2.png", "10.png"]
    assert batch.request.init_image is STAND_IN
    assert batch.request.prompt.positive == "a cat"
    assert batch.request.size == ResizeTo(width=256, height=128)
    assert batch.request.batch.count == 2
    assert batch.request.inpaint is None
    assert (batch.masks, batch.png_info, batch.output) == (None, None, None)
    assert not batch.uploaded
    assert batch.folders is not None
    assert batch.folders.roots == (root,)


def test_folders_of_masks_results_and_info_below_the_input_are_no_input(root):
    write_pictures(root / "in", "out/2.png", "masks/2.png", "info/2.png", "more/3.png")
    batch = from_folder(
        root,
        batch_output_folder=f"{root}/in/out",
        batch_mask_folder=f"{root}/in/masks",
        batch_use_png_info=True,
        batch_png_info_folder=f"{root}/in/info",
    )
    assert names_of(batch) == ["2.png", "10.png", "more/3.png"]


def test_the_output_folder_need_not_exist(root):
    assert from_folder(root, batch_output_folder=f"{root}/new").output == (root / "new").resolve()


def test_a_mask_folder_makes_it_an_inpaint_job_with_the_forms_values(root):
    batch = from_folder(root, batch_mask_folder=f"{root}/masks")
    assert batch.masks is not None
    assert sorted(batch.masks.by_stem) == ["10", "2"]
    inpaint = batch.request.inpaint
    assert inpaint is not None
    assert (inpaint.blur_x, inpaint.blur_y, inpaint.padding) == (6, 6, 16)
    assert inpaint.mode is MaskMode.not_masked
    assert inpaint.content is MaskedContent.fill
    assert inpaint.area is InpaintArea.only_masked
    assert inpaint.soft is None


@pytest.mark.parametrize(
    ("field", "label"),
    [
        ("batch_input_folder", "Input directory"),
        ("batch_output_folder", "Output directory"),
        ("batch_mask_folder", "Inpaint batch mask directory"),
        ("batch_png_info_folder", "PNG info directory"),
    ],
)
@pytest.mark.parametrize("text", ["{private}", "{root}/../private", "/etc", "..", "{root}\0"])
def test_no_field_names_a_folder_that_was_not_allowed(root, field, label, text):
    text = text.format(private=root.parent / "private", root=root)
    with pytest.raises(InvalidRequest, match=f"^{label} must lie below a folder that was allowed"):
        from_folder(root, **{"batch_use_png_info": True, field: text})


@pytest.mark.parametrize("value", [7, ["x"], {"path": "/etc"}])
def test_what_is_no_text_names_no_folder(root, value):
    with pytest.raises(InvalidRequest, match="Input directory must be a text"):
        from_folder(root, batch_input_folder=value)


def test_without_allowed_folders_the_tab_says_how_to_open_one(root):
    with pytest.raises(InvalidRequest, match="--allow-dir"):
        read_batch({**FORM, "batch_input_folder": str(root / "in")}, AllowedFolders())


def test_hidden_folders_leave_only_uploads(root):
    with pytest.raises(InvalidRequest, match="started with --hide-ui-dir-config"):
        batch_of(None, batch_input_folder=f"{root}/in")
    batch = batch_of(
        None,
        batch_source=BatchSource.upload,
        batch_files=[upload(root / "in" / "2.png", "a.png")],
        batch_use_png_info=True,
        batch_png_info_folder=f"{root}/masks",
    )
    assert batch.png_info is not None
    assert batch.png_info.folder is None


def test_an_empty_folder_is_refused(root):
    (root / "empty").mkdir()
    with pytest.raises(InvalidPicture, match="directory empty holds no picture"):
        from_folder(root, batch_input_folder=f"{root}/empty")


def test_uploads_keep_the_names_they_had(root):
    path = root / "in" / "2.png"
    given = ["cat10.png", "cat9.png", "C:\\pictures\\dog.png", "../../evil.png", None]
    batch = batch_of(
        root, batch_source=BatchSource.upload, batch_files=[upload(path, name) for name in given]
    )
    assert names_of(batch) == ["2.png", "cat9.png", "cat10.png", "dog.png", "evil.png"]
    assert batch.uploaded
    assert {file.path for file in batch.files} == {path}


def test_uploads_have_no_masks_and_no_output_folder(root):
    batch = batch_of(
        root,
        batch_source=BatchSource.upload,
        batch_files=[upload(root / "in" / "2.png", "a.png")],
        batch_mask_folder=f"{root}/masks",
        batch_output_folder=f"{root}/out",
    )
    assert (batch.masks, batch.output, batch.request.inpaint) == (None, None, None)


@pytest.mark.parametrize("value", [None, [], "x", {"path": "x"}])
def test_without_uploads_it_says_where_to_drop_them(root, value):
    with pytest.raises(InvalidPicture, match="drop files on the Batch tab"):
        batch_of(root, batch_source=BatchSource.upload, batch_files=value)


@pytest.mark.parametrize("record", [None, "x", {}, {"path": ""}, {"path": 7}, ["x"]])
def test_what_is_no_upload_is_refused(root, record):
    with pytest.raises(InvalidPicture, match="An upload was expected"):
        batch_of(root, batch_source=BatchSource.upload, batch_files=[record])


@pytest.mark.parametrize("source", [2, -1, 99])
def test_a_source_that_does_not_exist_is_refused(root, source):
    with pytest.raises(InvalidRequest, match=f"Batch source {source} is not known"):
        batch_of(root, batch_source=source)


def test_parameters_are_chosen_by_their_labels(root):
    batch = from_folder(
        root,
        batch_use_png_info=True,
        batch_png_info_parameters=["Prompt", "Model hash"],
        batch_png_info_folder=f"{root}/masks",
    )
    assert batch.png_info is not None
    assert batch.png_info.parameters == {Parameter.prompt, Parameter.model_hash}
    assert batch.png_info.folder == (root / "masks").resolve()


def test_parameters_count_only_while_they_are_wanted(root):
    assert from_folder(root, batch_png_info_parameters=["Prompt"]).png_info is None


@pytest.mark.parametrize("chosen", [["Magic"], "Prompt", [7], [["Prompt"]]])
def test_unknown_parameters_are_refused(root, chosen):
    with pytest.raises(InvalidRequest, match=r"^Parameters to take from png info"):
        from_folder(root, batch_use_png_info=True, batch_png_info_parameters=chosen)


def test_a_mistake_elsewhere_in_the_form_is_refused_before_a_folder_is_looked_at(root):
    with pytest.raises(InvalidRequest, match="Sampling steps is empty"):
        batch_of(root, steps=None, batch_input_folder="/nowhere")
