"""The prompt boxes: attention editing, counters, styles, clearing."""

import pytest
from playwright.sync_api import expect

from pipelines.styles import Style
from tests.helpers.driver import Driver

pytestmark = pytest.mark.browser

UP, DOWN = "Control+ArrowUp", "Control+ArrowDown"
EDITS = (
    # text, selection, keys, what the text becomes
    ("a cat, a dog", (3, 3), UP, "a (cat:1.1), a dog"),
    ("a cat, a dog", (2, 12), UP, "a (cat, a dog:1.1)"),
    ("a (cat:1.1), dog", (5, 5), UP, "a (cat:1.2), dog"),
    ("a (cat:1.1), dog", (5, 5), DOWN, "a cat, dog"),
    ("a (cat:1.1), dog", (3, 6), UP, "a (cat:1.2), dog"),
    ("a cat", (3, 3), f"{UP} {UP} {DOWN}", "a (cat:1.1)"),
    ("a (cat), dog", (5, 5), UP, "a (cat:1.2), dog"),
    ("a ((cat)), dog", (6, 6), UP, "a (cat:1.3), dog"),
    ("a [cat], dog", (5, 5), DOWN, "a (cat:0.8), dog"),
    ("a cat", (3, 3), DOWN, "a (cat:0.9)"),
    ("<lora:style:1>", (8, 8), UP, "<lora:style:1.05>"),
    ("<lora:style:1>", (8, 8), DOWN, "<lora:style:0.95>"),
    (r"smile \(cat\)", (9, 9), UP, r"smile \((cat:1.1)\)"),
    ("(red cat:1.3)", (2, 2), UP, "(red cat:1.4)"),
    ("(a (red:1.2) cat)", (5, 5), DOWN, "(a (red:1.1) cat)"),
    ("  ", (1, 1), UP, "  "),
)
MOVES = (
    ("one, two, three", (6, 6), "Alt+ArrowLeft", "two, one, three"),
    ("one, two, three", (6, 6), "Alt+ArrowRight", "one, three, two"),
    ("one, two, three", (1, 6), "Alt+ArrowRight", "three, one, two"),
    ("one, two", (1, 1), "Alt+ArrowLeft", "one, two"),
)


def press(redraw: Driver, text: str, selected: tuple[int, int], keys: str) -> str:
    """The prompt after `keys` were pressed with these characters selected."""
    redraw.prompt.fill(text)
    redraw.prompt.evaluate("(box, [from, to]) => box.setSelectionRange(from, to)", list(selected))
    for key in keys.split():
        redraw.prompt.press(key)
    return redraw.prompt.input_value()


def test_attention_is_edited_and_items_are_moved_by_keys(redraw: Driver):
    for text, selected, keys, expected in (*EDITS, *MOVES):
        assert press(redraw, text, selected, keys) == expected, f"{text!r} {selected} {keys}"


def test_ctrl_z_takes_an_edit_of_attention_back(redraw: Driver):
    assert press(redraw, "a cat", (3, 3), UP) == "a (cat:1.1)"
    redraw.prompt.press("Control+z")
    expect(redraw.prompt).to_have_value("a cat")


def test_counters_follow_the_prompt_and_turn_red_on_unbalanced_brackets(redraw: Driver):
    counter = redraw.find("#img2img_token_counter")
    redraw.prompt.fill("a cat (and")
    expect(counter).to_have_text("3/75")
    expect(counter).to_have_attribute("data-unbalanced", "true")
    expect(counter).to_have_attribute("title", "Different number of ( and )")
    redraw.prompt.fill("a cat (and) " + "word " * 80)
    expect(counter).to_have_text("83/150")
    expect(counter).to_have_attribute("data-unbalanced", "false")


def test_clear_asks_and_then_empties_both_prompts(redraw: Driver):
    negative = redraw.find("#img2img_neg_prompt textarea")
    redraw.prompt.fill("a cat")
    negative.fill("a dog")
    redraw.page.once("dialog", lambda dialog: dialog.dismiss())
    redraw.find("#img2img_clear_prompt").click()
    expect(redraw.prompt).to_have_value("a cat")
    redraw.page.once("dialog", lambda dialog: dialog.accept())
    redraw.find("#img2img_clear_prompt").click()
    expect(redraw.prompt).to_have_value("")
    expect(negative).to_have_value("")


def test_a_style_is_written_chosen_and_applied(redraw: Driver):
    redraw.prompt.fill("a cat")
    redraw.find("#img2img_styles_edit_button").click()
    name = redraw.find("#img2img_styles_edit_select input")
    name.fill("ink")
    name.press("Enter")
    redraw.find("#img2img_styles_edit_prompt textarea").fill("ink drawing of {prompt}")
    redraw.find("#img2img_styles_edit_neg_prompt textarea").fill("colour")
    redraw.find("#img2img_styles_save").click()
    expect(redraw.find("#img2img_styles_message")).to_contain_text("Saved style ink.")
    redraw.find("#img2img_styles_close").click()
    expect(redraw.find("#img2img_styles_dialog")).to_be_hidden()
    redraw.choose("img2img_styles", "ink")
    redraw.find("#img2img_style_apply").click()
    expect(redraw.prompt).to_have_value("ink drawing of a cat")
    expect(redraw.find("#img2img_neg_prompt textarea")).to_have_value("colour")
    expect(redraw.find("#img2img_styles .token")).to_have_count(0)


def test_a_style_is_edited_and_deleted(redraw: Driver):
    styles = redraw.running.context.styles
    styles.save(Style(name="ink", positive="ink", negative=""))
    redraw.reload()
    redraw.find("#img2img_styles_edit_button").click()
    redraw.choose("img2img_styles_edit_select", "ink")
    expect(redraw.find("#img2img_styles_edit_prompt textarea")).to_have_value("ink")
    redraw.page.once("dialog", lambda dialog: dialog.accept())
    redraw.find("#img2img_styles_delete").click()
    expect(redraw.find("#img2img_styles_message")).to_contain_text("Deleted style ink.")
    assert styles.names == ()
    redraw.page.keyboard.press("Escape")
    expect(redraw.find("#img2img_styles_dialog")).to_be_hidden()
