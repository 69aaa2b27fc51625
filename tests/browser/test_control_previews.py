"""Previews of a ControlNet unit's map in a browser, and the weights that they may lack."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.helpers.control_page import Unit
from tests.helpers.driver import Driver
from tests.helpers.hub import serving_hub
from tests.helpers.images import noise

pytestmark = pytest.mark.browser


def test_a_preview_of_img2imgs_picture_which_can_become_the_units_own(redraw: Driver, unit: Unit):
    unit.ready()
    unit.run()
    expect(unit.preview).to_be_visible()
    unit.find("use_preview").click()
    unit.shows("preprocessor", "none")
    expect(unit.find("controlnet_same_img2img_checkbox", "input")).to_be_checked()
    unit.canvas.wait_for_size(512, 512)  # the resolution, which the picture is brought to
    redraw.generate()
    assert unit.planned.preprocessor.key == "none"
    expect(unit.preview).to_have_count(0)  # the map has become the picture that it was made of


def test_a_preview_goes_with_what_it_was_made_of(redraw: Driver, unit: Unit):
    unit.ready()
    changes: list[Callable[[], object]] = [
        lambda: unit.choose_type("Tile"),
        lambda: redraw.upload_picture(noise()),
        lambda: unit.tick("same_img2img"),
    ]
    for change in changes:
        unit.run()
        expect(unit.preview).to_be_visible()
        change()
        expect(unit.preview).to_have_count(0)
    unit.find("copy_source").click()
    unit.canvas.wait_for_size(64, 64)
    unit.run()
    expect(unit.preview).to_be_visible()
    unit.canvas.choose("brush")  # which brings it into view
    unit.canvas.drag((10, 10), (40, 40))
    expect(unit.preview).to_have_count(0)
    unit.run()
    expect(unit.preview).to_be_visible()
    unit.tick("same_img2img", on=False)
    unit.run()
    expect(unit.preview).to_be_visible()
    redraw.open_source("Sketch")
    expect(unit.preview).to_have_count(0)


def test_missing_weights_are_offered_and_downloaded_on_a_click(redraw: Driver, unit: Unit):
    downloads = redraw.running.context.downloads
    assert downloads is not None
    with serving_hub() as hub, pytest.MonkeyPatch.context() as patch:
        hub.files["lllyasviel/Annotators/ControlNetHED.pth"] = b"weights" * 100
        patch.setattr(downloads, "_endpoint", hub.endpoint)
        unit.choose_type("SoftEdge")
        unit.choose("preprocessor", "softedge_hed")
        unit.run()
        message = unit.find("message")
        expect(message).to_contain_text("ControlNet Unit 0: This preprocessor needs ControlNetHED")
        expect(message).to_contain_text("Apache-2.0")
        assert hub.requests == []
        message.get_by_role("button", name="Download").click()
        expect(message).to_contain_text("It is there now")
    folder = redraw.running.context.data_dir / "models" / "ControlNetPreprocessor" / "hed"
    assert (folder / "ControlNetHED.pth").read_bytes() == b"weights" * 100


def test_generate_offers_missing_weights_as_well(redraw: Driver, unit: Unit):
    unit.ready()
    unit.choose_type("All")
    unit.choose("preprocessor", "softedge_hed")
    unit.choose("model", unit.entries("model")[1])
    redraw.press_generate()
    redraw.refused("ControlNet Unit 0: This preprocessor needs ControlNetHED")
    expect(redraw.log.get_by_role("button", name="Download")).to_be_visible()
