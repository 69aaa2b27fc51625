"""The prompt boxes mark what the program reads in them, and complete names that it knows."""

import pytest
from playwright.sync_api import Locator, expect

from tests.helpers.driver import Driver
from tests.helpers.network_files import write_network

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _networks(redraw: Driver) -> None:
    """Two LoRAs, two embeddings and a wildcard."""
    context = redraw.running.context
    models = context.data_dir / "models"
    write_network(models / "Lora" / "ink wash.safetensors")
    write_network(models / "Lora" / "v3.safetensors", {"ss_output_name": "pink"})
    for name in ("foxy", "foxglove"):
        write_network(models / "embeddings" / f"{name}.safetensors")
    context.loras.refresh()
    context.embeddings.refresh()


def marks(redraw: Driver, kind: str) -> Locator:
    return redraw.find(f"#img2img_prompt .mark-{kind}")


def options(redraw: Driver) -> Locator:
    return redraw.find("#prompt_completion [role=option] span")


def test_weights_tags_and_names_are_marked_as_they_are_read(redraw: Driver):
    redraw.prompt.fill(
        r"a (red:1.4) [small] [cat:dog:0.5] foxy \(plain\) <lora:PINK:1> <lora:gone:1> AND # note"
    )
    expect(marks(redraw, "more")).to_have_text(["(red:1.4)"])
    expect(marks(redraw, "less")).to_have_text(["[small]"])
    expect(marks(redraw, "edit")).to_have_text(["[cat:dog:0.5]"])
    expect(marks(redraw, "network")).to_have_text(["foxy", "<lora:PINK:1>"])
    expect(marks(redraw, "unknown")).to_have_text(["<lora:gone:1>"])
    expect(marks(redraw, "keyword")).to_have_text(["AND"])
    expect(marks(redraw, "comment")).to_have_text(["# note"])
    expect(redraw.prompt).to_have_attribute("title", "Not known: <lora:gone:1>")


def test_the_marks_lie_exactly_behind_the_words(redraw: Driver):
    redraw.prompt.fill("word " * 300 + "(end:1.5)")
    redraw.prompt.press("End")
    expect(marks(redraw, "more")).to_have_text("(end:1.5)")
    sizes = redraw.page.evaluate(
        """() => {
            const box = document.querySelector("#img2img_prompt textarea");
            const copy = document.querySelector("#img2img_prompt .prompt-marks");
            return [box, copy].map((one) => [one.clientWidth, one.clientHeight, one.scrollTop]);
        }"""
    )
    assert sizes[0] == sizes[1]
    assert sizes[0][2] > 0


def test_the_list_after_an_opening_bracket_completes_a_lora(redraw: Driver):
    redraw.prompt.fill("a cat ")
    redraw.prompt.press("End")
    redraw.prompt.press_sequentially("<in")
    expect(options(redraw)).to_have_text(["ink wash", "pink"])
    redraw.prompt.press("ArrowDown")
    redraw.prompt.press("Enter")
    expect(redraw.prompt).to_have_value("a cat <lora:pink:1>")
    expect(options(redraw)).to_have_count(0)
    redraw.prompt.press("ArrowLeft")
    redraw.prompt.press("Control+ArrowUp")
    expect(redraw.prompt).to_have_value("a cat <lora:pink:1.05>")


def test_words_are_completed_by_tab_and_enter_stays_a_new_line(redraw: Driver):
    redraw.prompt.fill("")
    redraw.prompt.press_sequentially("fo")
    expect(options(redraw)).to_have_text(["foxglove", "foxy"])
    redraw.prompt.press("Enter")
    expect(redraw.prompt).to_have_value("fo\n")
    expect(options(redraw)).to_have_count(0)
    redraw.prompt.press_sequentially("foxg")
    expect(options(redraw)).to_have_text(["foxglove"])
    redraw.prompt.press("Tab")
    expect(redraw.prompt).to_have_value("fo\nfoxglove")


def test_escape_closes_the_list_and_a_click_takes_from_it(redraw: Driver):
    redraw.prompt.fill("")
    redraw.prompt.press_sequentially("<")
    expect(options(redraw)).to_have_count(2)
    redraw.prompt.press("Escape")
    expect(options(redraw)).to_have_count(0)
    redraw.prompt.press_sequentially("lora:i")
    options(redraw).first.click()
    expect(redraw.prompt).to_have_value("<lora:ink wash:1>")
    expect(redraw.prompt).to_be_focused()
