"""Checkpoints that were made for something else are refused before anything is loaded."""

from pathlib import Path

import pytest

from pipelines.catalog.checkpoints import check_for_img2img
from pipelines.catalog.scan import FolderCatalog
from pipelines.errors import ModelBroken
from pipelines.imaging.geometry import Size
from pipelines.plan import make_plan
from pipelines.settings import Settings
from pipelines.styles import StyleBook
from tests.helpers.models import REFINER_TEXT, SDXL_TEXT, write_folder, write_single_file
from tests.helpers.plans import request_for


@pytest.mark.parametrize(
    ("channels", "purpose"),
    [(7, "upscaling"), (5, "depth-to-image"), (6, "another task")],
)
def test_a_checkpoint_for_another_task_is_refused_in_a_sentence(
    tmp_path: Path, channels: int, purpose: str
):
    write_folder(tmp_path / "models" / "painter", in_channels=channels)
    checkpoint = FolderCatalog([tmp_path / "models"], [], tmp_path).find("painter")
    with pytest.raises(ModelBroken) as caught:
        check_for_img2img(checkpoint)
    assert str(caught.value) == (
        f"Checkpoint 'painter' is made for {purpose} (its UNet takes {channels} channels); "
        "img2img needs a checkpoint whose UNet takes 4, 9 for inpainting, or 8 for editing by "
        "instruction."
    )


@pytest.mark.parametrize("text", [SDXL_TEXT, REFINER_TEXT])
def test_sdxl_and_its_refiner_serve_every_job_at_1024_pixels(tmp_path: Path, text: str):
    write_single_file(tmp_path / "models" / "xl.safetensors", text=text)
    checkpoint = FolderCatalog([tmp_path / "models"], [], tmp_path).find("xl")
    check_for_img2img(checkpoint)
    assert checkpoint.default_size == Size(1024, 1024)


@pytest.mark.parametrize("channels", [8, 9])
def test_a_checkpoint_for_inpainting_or_editing_serves_every_job(tmp_path: Path, channels: int):
    write_folder(tmp_path / "models" / "painter", in_channels=channels)
    catalog = FolderCatalog([tmp_path / "models"], [], tmp_path)
    plan = make_plan(request_for(), Settings(), catalog, StyleBook(tmp_path / "styles.csv"))
    assert plan.checkpoint.input_channels == channels
    assert plan.edits is (channels == 8)


def test_the_plan_refuses_it_so_that_nothing_is_loaded(tmp_path: Path):
    write_folder(tmp_path / "models" / "painter", in_channels=5)
    write_folder(tmp_path / "models" / "plain", fill=1)
    catalog = FolderCatalog([tmp_path / "models"], [], tmp_path)
    styles = StyleBook(tmp_path / "styles.csv")
    with pytest.raises(ModelBroken, match="made for depth-to-image"):
        make_plan(request_for(model="painter"), Settings(), catalog, styles)
    assert make_plan(request_for(), Settings(), catalog, styles).checkpoint.name == "plain"
