"""Cards of extra networks: drawn when their tab is opened, and put into the prompts by a click."""

import json
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.helpers.driver import Driver
from tests.helpers.images import gradient
from tests.helpers.models import write_single_file
from tests.helpers.network_files import write_network

pytestmark = pytest.mark.browser

NEGATIVE = "#img2img_neg_prompt textarea"


def lora(redraw: Driver, name: str, notes: dict[str, object] | None = None) -> Path:
    """A LoRA that the page may show, with notes beside it."""
    path = redraw.running.context.data_dir / "models" / "Lora" / f"{name}.safetensors"
    tags = {"ss_tag_frequency": json.dumps({"a": {"ink wash": 7, "tree (old)": 2}})}
    write_network(path, tags)
    if notes:
        path.with_suffix(".json").write_text(json.dumps(notes))
    redraw.running.context.loras.refresh()
    return path


def cards(redraw: Driver, page: str = "lora") -> Locator:
    return redraw.find(f"#img2img_{page}_cards .card")


def names(redraw: Driver, page: str = "lora") -> Locator:
    return redraw.find(f"#img2img_{page}_cards .card .name")


def use(redraw: Driver, name: str, page: str = "lora") -> None:
    cards(redraw, page).filter(has_text=name).locator(".card-use").click()


def test_a_click_puts_a_lora_into_the_prompt_and_the_next_takes_it_out(redraw: Driver):
    notes = {"activation text": "sumi-e", "preferred weight": 0.7, "negative text": "colour"}
    lora(redraw, "ink", notes)
    redraw.prompt.fill("a cat")
    redraw.find(NEGATIVE).fill("blur")
    redraw.open_tab("Lora")
    use(redraw, "ink")
    expect(redraw.prompt).to_have_value("a cat <lora:ink:0.7> sumi-e")
    expect(redraw.find(NEGATIVE)).to_have_value("blur (colour:1)")
    expect(cards(redraw).first).to_have_attribute("data-used", "")
    redraw.prompt.fill("a cat <lora:ink:0.95> sumi-e, by night")
    use(redraw, "ink")
    expect(redraw.prompt).to_have_value("a cat, by night")
    expect(redraw.find(NEGATIVE)).to_have_value("blur")
    expect(cards(redraw).first).not_to_have_attribute("data-used", "")


def test_an_embedding_goes_into_the_prompt_that_was_used_last(redraw: Driver):
    context = redraw.running.context
    write_network(context.data_dir / "models" / "embeddings" / "bad_hands.safetensors")
    context.embeddings.refresh()
    redraw.find(NEGATIVE).click()
    redraw.open_tab("Textual Inversion")
    use(redraw, "bad_hands", "textual_inversion")
    expect(redraw.find(NEGATIVE)).to_have_value("bad_hands")
    use(redraw, "bad_hands", "textual_inversion")
    expect(redraw.find(NEGATIVE)).to_have_value("")


def test_a_checkpoints_card_chooses_it(redraw: Driver):
    context = redraw.running.context
    write_single_file(context.data_dir / "models" / "Stable-diffusion" / "other.safetensors")
    context.catalog.refresh()
    redraw.reload()
    redraw.open_tab("Checkpoints")
    use(redraw, "other", "checkpoints")
    menu = redraw.find("#setting_sd_model_checkpoint input")
    expect(menu).to_have_value(context.catalog.find("other").title)
    assert context.settings.current.sd_model_checkpoint == context.catalog.find("other").title


def test_generate_shows_what_comes_of_it(redraw: Driver):
    lora(redraw, "ink")
    redraw.upload_picture(gradient())
    redraw.open_tab("Lora")
    use(redraw, "ink")
    redraw.generate()
    expect(redraw.find("#img2img_gallery")).to_be_visible()
    redraw.open_tab("Lora")
    redraw.prompt.press("Control+Enter")
    expect(redraw.find("#img2img_gallery")).to_be_visible()


def test_cards_are_searched_sorted_and_taken_by_folder(redraw: Driver):
    for name in ("style/ink 10", "style/ink 2", "animals/fox"):
        lora(redraw, name)
    redraw.open_tab("Lora")
    expect(names(redraw)).to_have_text(["fox", "ink 2", "ink 10"])
    redraw.find("#img2img_lora_extra_sort_dir").click()
    expect(names(redraw)).to_have_text(["ink 10", "ink 2", "fox"])
    redraw.find(
        "#img2img_lora_dirs button",
    ).filter(has_text="animals").click()
    expect(names(redraw)).to_have_text(["fox"])
    redraw.find("#img2img_lora_dirs button").filter(has_text="all").click()
    redraw.find("#img2img_lora_extra_search").fill("INK 2")
    expect(names(redraw)).to_have_text(["ink 2"])
    expect(redraw.find("#img2img_lora_controls [role=status]")).to_have_text("1 of 3")


def test_many_cards_come_as_somebody_scrolls(redraw: Driver):
    content = lora(redraw, "style 0").read_bytes()
    folder = redraw.running.context.data_dir / "models" / "Lora"
    for number in range(1, 150):
        (folder / f"style {number}.safetensors").write_bytes(content)
    redraw.running.context.loras.refresh()
    redraw.open_tab("Lora")
    expect(redraw.find("#img2img_lora_controls [role=status]")).to_have_text("150")
    assert cards(redraw).count() < 150
    redraw.page.wait_for_function(
        """() => {
            scrollTo(0, document.body.scrollHeight);
            return document.querySelectorAll("#img2img_lora_cards .card").length === 150;
        }"""
    )
    expect(names(redraw).last).to_have_text("style 149")


def test_the_window_on_a_network_shows_notes_and_tags_and_escape_closes_it(redraw: Driver):
    path = lora(redraw, "ink <b>", {"description": "Soft <i>lines</i>.", "notes": "At 20 steps."})
    Image.new("RGB", (60, 90), "red").save(path.with_suffix(".preview.png"))
    redraw.open_tab("Lora")
    redraw.page.wait_for_function(
        "() => document.querySelector('#img2img_lora_cards img')?.naturalWidth === 60"
    )
    cards(redraw).first.hover()
    cards(redraw).locator(".metadata-button").click()
    window = redraw.find("#extra_network_details")
    expect(window).to_contain_text("Soft <i>lines</i>.")
    expect(window).to_contain_text("At 20 steps.")
    expect(window).to_contain_text("rename it")
    window.locator(".details-tags button").filter(has_text="tree (old)").click()
    expect(redraw.prompt).to_have_value(r"tree \(old\)")
    redraw.page.keyboard.press("Escape")
    expect(window).to_have_count(0)


def test_new_files_are_found_by_pressing_refresh(redraw: Driver):
    redraw.open_tab("Lora")
    expect(redraw.find("#img2img_lora_cards")).to_contain_text("There are no LoRAs yet")
    path = redraw.running.context.data_dir / "models" / "Lora" / "new.safetensors"
    write_network(path)
    redraw.find("#img2img_lora_extra_refresh").click()
    expect(names(redraw)).to_have_text(["new"])


def test_nothing_is_asked_for_until_a_tab_is_opened(redraw: Driver):
    asked: list[str] = []
    redraw.page.on("request", lambda request: asked.append(request.url))
    redraw.reload()
    assert [url for url in asked if "/networks/" in url] == []
