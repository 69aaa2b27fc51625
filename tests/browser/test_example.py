"""The first start: the demo model says what it is, and one click fills in what shows it best."""

import json

import pytest
from playwright.sync_api import Response, expect

from tests.helpers.driver import Driver
from tests.helpers.images import gradient
from tests.helpers.models import write_example, write_folder

pytestmark = pytest.mark.browser

OFFER, UNDO, NOTE = "#img2img_try_example", "#img2img_undo_example", "#checkpoint_note"
CHECKPOINT = "#setting_sd_model_checkpoint input"


@pytest.fixture
def example(redraw: Driver) -> dict[str, object]:
    """The built-in model's example."""
    demo = redraw.running.context.catalog.find("")
    return json.loads((demo.path / "example.json").read_text(encoding="utf-8"))


@pytest.fixture
def models(redraw: Driver) -> None:
    """Models of the user's own: one that is plain, and one for inpainting."""
    folder = redraw.running.context.data_dir / "models" / "Stable-diffusion"
    write_folder(folder / "a-real-one")
    write_folder(folder / "deep", in_channels=5, fill=1)
    redraw.running.context.catalog.refresh()
    redraw.reload()


def title(redraw: Driver, name: str) -> str:
    """What the menu shows for a checkpoint."""
    return redraw.running.context.catalog.find(name).title


def choose_checkpoint(redraw: Driver, name: str) -> None:
    """Choose it in the menu, and wait until the server knows: its answer empties the log."""

    def is_answer(response: Response) -> bool:
        sent = json.loads(response.request.post_data or "{}")
        return len(sent.get("data", [])) == 3  # title, width, height

    with redraw.page.expect_response(is_answer):
        redraw.choose("setting_sd_model_checkpoint", title(redraw, name))


def try_example(redraw: Driver) -> None:
    """Press the button and wait until everything is filled in."""
    redraw.find(OFFER).click()
    expect(redraw.find(UNDO)).to_be_visible()
    redraw.page.wait_for_function(
        "() => document.querySelector('#img2img_image img')?.naturalWidth > 0"
    )


def test_the_first_start_selects_the_demo_model_and_fills_in_nothing_by_itself(redraw: Driver):
    expect(redraw.find(CHECKPOINT)).to_have_value(title(redraw, "demo"))
    expect(redraw.find(NOTE)).to_contain_text("small built-in model")
    expect(redraw.find(NOTE)).to_contain_text("--models-dir")
    expect(redraw.find(OFFER)).to_be_in_viewport(ratio=1)
    expect(redraw.find(UNDO)).not_to_be_visible()
    expect(redraw.prompt).to_have_value("")
    expect(redraw.find("#img2img_image img")).to_have_count(0)


def test_one_click_fills_in_everything_and_generate_works(
    redraw: Driver, example: dict[str, object]
):
    redraw.set_number("img2img_steps", 3)
    redraw.choose("img2img_sampling", "DDIM")
    redraw.open_tab("Resize by")
    try_example(redraw)
    expect(redraw.find(OFFER)).not_to_be_visible()
    expect(redraw.prompt).to_have_value(str(example["prompt"]))
    expect(redraw.number("img2img_width")).to_be_visible()
    redraw.generate()
    request = redraw.running.painter.plans[-1].request
    assert request.prompt.positive == example["prompt"]
    assert request.prompt.negative == example["negative_prompt"]
    assert request.sampling.sampler == example["sampler"]
    assert request.sampling.steps == example["steps"]
    assert request.sampling.cfg_scale == example["cfg_scale"]
    assert request.sampling.denoising_strength == example["denoising_strength"]
    size = redraw.running.painter.plans[-1].size
    assert (size.width, size.height) == (example["width"], example["height"])
    assert request.init_image.size == (256, 256)


def test_what_was_typed_comes_back_with_undo(redraw: Driver):
    redraw.prompt.fill("my own words")
    redraw.set_number("img2img_steps", 33)
    redraw.choose("img2img_sampling", "DDIM")
    try_example(redraw)
    expect(redraw.prompt).not_to_have_value("my own words")
    redraw.generate()
    redraw.find(UNDO).click()
    expect(redraw.prompt).to_have_value("my own words")
    expect(redraw.number("img2img_steps")).to_have_value("33")
    expect(redraw.find("#img2img_sampling input")).to_have_value("DDIM")
    expect(redraw.find("#img2img_scheduler input")).to_have_value("Automatic")
    expect(redraw.find("#img2img_image img")).to_have_count(0)
    expect(redraw.find(UNDO)).not_to_be_visible()
    expect(redraw.find(OFFER)).to_be_visible()


def test_undo_goes_away_once_something_is_changed_since_it_would_be_lost(redraw: Driver):
    try_example(redraw)
    redraw.prompt.press_sequentially(", sunny")
    expect(redraw.find(UNDO)).not_to_be_visible()
    redraw.remove_picture()
    try_example(redraw)
    redraw.set_number("img2img_steps", 5)
    expect(redraw.find(UNDO)).not_to_be_visible()


def test_a_picture_takes_the_offers_place(redraw: Driver):
    redraw.upload_picture(gradient())
    expect(redraw.find(OFFER)).not_to_be_visible()
    expect(redraw.find(UNDO)).not_to_be_visible()
    redraw.remove_picture()
    expect(redraw.find(OFFER)).to_be_visible()


def test_the_example_survives_a_reload(redraw: Driver, example: dict[str, object]):
    try_example(redraw)
    redraw.reload()
    expect(redraw.prompt).to_have_value(str(example["prompt"]))
    redraw.page.wait_for_function(
        "() => document.querySelector('#img2img_image img')?.naturalWidth === 256"
    )
    expect(redraw.find(UNDO)).not_to_be_visible()
    redraw.generate()


@pytest.mark.usefixtures("models")
def test_a_real_model_has_no_line_and_no_offer(redraw: Driver):
    expect(redraw.find(CHECKPOINT)).to_have_value(title(redraw, "demo"))
    choose_checkpoint(redraw, "a-real-one")
    expect(redraw.find(NOTE)).to_have_text("")
    expect(redraw.find(OFFER)).not_to_be_visible()
    redraw.reload()
    expect(redraw.find(CHECKPOINT)).to_have_value(title(redraw, "a-real-one"))
    expect(redraw.find(NOTE)).to_have_text("")
    expect(redraw.find(OFFER)).not_to_be_visible()
    choose_checkpoint(redraw, "demo")
    expect(redraw.find(NOTE)).to_contain_text("small built-in model")
    try_example(redraw)


@pytest.mark.usefixtures("models")
def test_a_model_for_another_task_is_refused_before_anything_is_loaded(redraw: Driver):
    choose_checkpoint(redraw, "deep")
    expect(redraw.find(NOTE)).to_contain_text("Made for depth-to-image")
    redraw.upload_picture(gradient())
    redraw.press_generate()
    redraw.refused("Checkpoint 'deep' is made for depth-to-image (its UNet takes 5 channels)")
    assert redraw.running.painter.plans == []
    choose_checkpoint(redraw, "demo")
    redraw.generate()


@pytest.mark.usefixtures("models")
def test_any_model_may_bring_an_example_and_a_broken_one_is_refused(redraw: Driver):
    folder = write_example(redraw.running.context.catalog.find("a-real-one").path, steps=0)
    choose_checkpoint(redraw, "a-real-one")
    redraw.find(OFFER).click()
    redraw.refused("cannot be used: Sampling steps must lie between 1 and 1000, got 0.")
    expect(redraw.find(UNDO)).not_to_be_visible()
    write_example(folder)
    try_example(redraw)
    expect(redraw.find("#img2img_sampling input")).to_have_value("Euler a")
    expect(redraw.number("img2img_width")).to_have_value("96")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_shows_the_line_and_the_offer(redraw: Driver, theme: str):
    redraw.page.set_viewport_size({"width": 390, "height": 844})
    redraw.open(f"?__theme={theme}")
    expect(redraw.find(f"{NOTE} p")).to_be_in_viewport(ratio=1)
    expect(redraw.find(OFFER)).to_be_in_viewport(ratio=1)
    wide = redraw.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    try_example(redraw)
    generate = redraw.find("#img2img_generate").bounding_box()
    undo = redraw.find(UNDO).bounding_box()
    assert generate is not None
    assert undo is not None
    assert undo["y"] + undo["height"] <= generate["y"]
