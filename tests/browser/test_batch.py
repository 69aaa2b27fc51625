"""The Batch tab: several files in one job, and what became of each."""

from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, expect

from tests.helpers.batches import write_pictures
from tests.helpers.driver import Driver, png_bytes
from tests.helpers.images import gradient, plain

pytestmark = pytest.mark.browser


def open_batch(redraw: Driver, inner: str = "Upload") -> None:
    redraw.page.evaluate("redraw.sources.open({ title: 'Batch' })")
    redraw.find("#img2img_batch_source").get_by_role("tab", name=inner, exact=True).click()


def upload(redraw: Driver, **files: bytes) -> None:
    """Choose files as the browser's own dialogue would, and wait until the server has them."""
    payload: list[FilePayload] = [
        {"name": f"{name}.png", "mimeType": "image/png", "buffer": data}
        for name, data in files.items()
    ]
    with redraw.page.expect_response(lambda response: "/upload" in response.url):
        redraw.page.set_input_files("#img2img_batch_upload input[type=file]", payload)
    expect(redraw.find("#img2img_batch_upload .file")).to_have_count(len(files))


def fill(redraw: Driver, field: str, folder: Path) -> None:
    box = redraw.find(f"#{field} :is(input, textarea)")
    box.fill(str(folder))
    box.press("Tab")


def rows(redraw: Driver) -> list[list[str]]:
    """The table of the report, a list of cells for each file."""
    return [
        row.locator("td").all_inner_texts() for row in redraw.find(".batch-report tbody tr").all()
    ]


@pytest.fixture
def allowed(redraw: Driver) -> Path:
    """The folder that the page may name, with two pictures and masks for one of them."""
    folder = redraw.running.context.data_dir / "allowed"
    return write_pictures(folder, "in/sea.png", "in/hill.png", "masks/sea.png", "masks/other.png")


def test_three_files_of_which_one_is_broken(redraw: Driver):
    open_batch(redraw)
    upload(
        redraw,
        sea=png_bytes(plain("#003366")),
        broken=png_bytes(gradient())[:200],
        hill=png_bytes(gradient()),
    )
    redraw.set_number("img2img_seed", 5)
    redraw.generate()
    report = rows(redraw)
    assert [row[:2] for row in report] == [
        ["broken.png", "skipped"], ["hill.png", "done"], ["sea.png", "done"],
    ]  # fmt: skip
    assert "damaged or cut short" in report[0][2]
    assert [path.name for path in redraw.saved()] == [row[2] for row in report[1:]]
    expect(redraw.log).to_contain_text("3 files: 2 done, 1 skipped.")
    expect(redraw.infotext).to_contain_text("Seed: 5")
    expect(redraw.find("#img2img_gallery .thumbnails button")).to_have_count(2)


def test_a_reload_in_the_middle_finds_the_batch_again(redraw: Driver):
    redraw.running.painter.hold(2)
    open_batch(redraw)
    upload(redraw, sea=png_bytes(plain("#003366")), hill=png_bytes(gradient()))
    redraw.press_generate()
    expect(redraw.progress).to_contain_text("Batch 1 out of 2: hill.png")
    redraw.reload()
    expect(redraw.progress).to_contain_text("Batch 1 out of 2: hill.png")
    expect(redraw.find("#img2img_batch_upload .file")).to_have_count(2)
    redraw.running.painter.release()
    expect(redraw.log).to_contain_text("2 files: 2 done.")


def test_a_folder_with_masks_and_a_folder_for_results(redraw: Driver, allowed: Path):
    open_batch(redraw, "From directory")
    fill(redraw, "img2img_batch_input_dir", allowed / "in")
    fill(redraw, "img2img_batch_output_dir", allowed / "out")
    expect(redraw.find("#inpaint_controls")).to_be_hidden()
    fill(redraw, "img2img_batch_inpaint_mask_dir", allowed / "masks")
    expect(redraw.find("#inpaint_controls")).to_be_visible()
    redraw.generate()
    assert [row[:2] for row in rows(redraw)] == [["hill.png", "skipped"], ["sea.png", "done"]]
    assert [path.name for path in (allowed / "out").iterdir()] == ["sea.png"]
    assert redraw.saved() == []


def test_a_folder_outside_is_refused(redraw: Driver, allowed: Path):
    open_batch(redraw, "From directory")
    fill(redraw, "img2img_batch_input_dir", allowed / ".." / "cache")
    redraw.press_generate()
    redraw.refused("Input directory must lie below a folder that was allowed at the start")
