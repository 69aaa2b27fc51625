"""Painting with real strokes of the mouse: what Python receives is what was painted."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.helpers.canvas_page import HEIGHT, WIDTH, Studio, alpha, assert_near, box
from tests.helpers.images import assert_same_picture, gradient, plain

pytestmark = pytest.mark.browser


def test_a_picture_arrives_as_it_was_opened(studio: Studio):
    image = gradient(WIDTH, HEIGHT)
    studio.sketch.open(image)
    taken = studio.sketch.take()
    assert_same_picture(taken.picture, image)
    assert not taken.is_drawn
    assert taken.drawing.size == image.size
    assert taken.drawing.getbbox() is None


def test_an_empty_canvas_sends_nothing(studio: Studio):
    assert studio.sketch.take_any() is None


@pytest.mark.parametrize("zoom", [0.5, 1.0, 3.3])
def test_a_stroke_arrives_where_it_was_drawn_at_every_zoom(studio: Studio, zoom: float):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    mask.set("size", 20)
    mask.state(f"view.zoom({zoom} / redraw.canvas.get('mask').view.scale)")
    mask.drag((260, 190), (340, 190))
    assert_near(box(mask.take().drawing), (250, 180, 350, 200))


def test_a_stroke_is_the_same_in_a_small_window(studio: Studio):
    strokes = []
    for width in (1280, 420):
        studio.page.set_viewport_size({"width": width, "height": 800})
        mask = studio.mask
        mask.open(plain(width=WIDTH, height=HEIGHT))
        mask.set("size", 30)
        mask.drag((100, 100), (500, 300))
        strokes.append(box(mask.take().drawing))
    assert_near(strokes[0], strokes[1])
    assert_near(strokes[0], (85, 85, 515, 315))


def test_a_hard_stroke_is_full_inside_and_bare_outside(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    mask.set("size", 40)
    mask.drag((200, 200), (400, 200))
    strength = alpha(mask.take().drawing)
    assert (strength[182:218, 200:400] == 255).all()
    assert (strength[:178] == 0).all()
    assert (strength[222:] == 0).all()


def test_a_soft_stroke_fades_towards_its_rim(studio: Studio):
    sketch = studio.sketch
    sketch.open(plain(width=WIDTH, height=HEIGHT))
    sketch.set("size", 100)
    sketch.set("softness", 100)
    sketch.drag((200, 200), (400, 200))
    across = alpha(sketch.take().drawing)[140:260, 300]
    assert across[60] > 245
    assert (np.diff(across[:60]) >= 0).all()
    assert (np.diff(across[60:]) <= 0).all()
    assert (across[:10] == 0).all()
    assert 100 < across[35] < 155


def test_half_opacity_paints_half_even_where_a_stroke_crosses_itself(studio: Studio):
    sketch = studio.sketch
    sketch.open(plain(width=WIDTH, height=HEIGHT))
    sketch.set("size", 30)
    sketch.set("opacity", 50)
    sketch.drag((200, 200), (400, 200), (300, 300), (300, 100))
    drawing = sketch.take().drawing
    assert set(np.unique(alpha(drawing)[195:205, 220:380])) == {128}
    assert drawing.getpixel((300, 200)) == (0xE4, 0x57, 0x2E, 128)


def test_two_strokes_of_half_opacity_add_up(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    mask.set("opacity", 50)
    mask.drag((200, 200), (400, 200))
    mask.drag((300, 100), (300, 300))
    drawing = mask.take().drawing
    assert drawing.getpixel((300, 200)) in (191, 192)
    assert drawing.getpixel((220, 200)) == 128


def test_the_eraser_bares_and_undo_brings_back(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    mask.set("size", 40)
    mask.drag((100, 200), (500, 200))
    mask.choose("eraser")
    mask.set("size", 60)
    mask.drag((300, 100), (300, 300))
    strength = alpha(mask.take().drawing)
    assert (strength[:, 272:328] == 0).all()
    assert strength[200, 250] == strength[200, 350] == 255
    studio.page.keyboard.press("Control+z")
    assert (alpha(mask.take().drawing)[200, 100:500] == 255).all()


def test_undo_and_redo_go_through_everything(studio: Studio):
    sketch = studio.sketch
    sketch.open(plain(width=WIDTH, height=HEIGHT))
    sketch.drag((100, 100), (200, 100))
    sketch.drag((100, 300), (200, 300))
    sketch.button("clear").click()
    sketch.open(gradient(100, 80))
    sketch.button("remove").click()
    expect(sketch.find(".canvas-empty")).to_be_visible()
    sketch.button("undo").click()
    sketch.wait_for_size(100, 80)
    sketch.button("undo").click()
    sketch.wait_for_size(WIDTH, HEIGHT)
    assert sketch.state("drawing.blank")
    sketch.button("undo").click()
    assert sketch.state("drawing.pixel(150, 300)")[3] == 255
    studio.page.mouse.move(*sketch.client(300, 200))
    studio.page.keyboard.press("Control+z")
    assert sketch.state("drawing.pixel(150, 300)")[3] == 0
    assert sketch.state("drawing.pixel(150, 100)")[3] == 255
    studio.page.keyboard.press("Control+y")
    assert sketch.state("drawing.pixel(150, 300)")[3] == 255
    for _ in range(3):
        studio.page.keyboard.press("Control+Shift+z")
    expect(sketch.find(".canvas-empty")).to_be_visible()


def test_the_eyedropper_takes_the_colour_of_the_picture_and_of_the_paint(studio: Studio):
    sketch = studio.sketch
    sketch.open(plain("#336699", WIDTH, HEIGHT))
    sketch.drag((100, 100), (200, 100))
    sketch.choose("picker")
    sketch.click(400, 300)
    assert sketch.state("settings.color") == "#336699"
    assert sketch.state("tool") == "brush"
    studio.page.keyboard.down("Alt")
    sketch.click(150, 100)
    studio.page.keyboard.up("Alt")
    assert sketch.state("settings.color") == "#e4572e"


def test_the_browsers_own_eyedropper_is_used_where_there_is_one(studio: Studio):
    studio.page.evaluate(
        "() => { window.EyeDropper = class { open() {"
        " return Promise.resolve({ sRGBHex: '#0a0b0c' }); } }; }"
    )
    studio.sketch.open(plain(width=WIDTH, height=HEIGHT))
    studio.sketch.choose("picker")
    studio.sketch.button("screen").click()
    expect(studio.sketch.find("[data-field=color]")).to_have_value("#0a0b0c")


def test_shift_draws_a_straight_line(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    mask.set("size", 20)
    studio.page.keyboard.down("Shift")
    mask.drag((100, 100), (300, 350), (500, 100))
    studio.page.keyboard.up("Shift")
    assert_near(box(mask.take().drawing), (90, 90, 510, 110))


def test_shift_click_goes_on_from_the_last_stroke(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    mask.set("size", 20)
    mask.drag((100, 100), (120, 100))
    studio.page.keyboard.down("Shift")
    mask.click(500, 100)
    studio.page.keyboard.up("Shift")
    strength = alpha(mask.take().drawing)
    assert (strength[100, 100:500] == 255).all()


def test_a_rectangle_has_whole_pixels(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    mask.choose("rectangle")
    mask.drag((100, 100), (300, 250))
    drawing = mask.take().drawing
    assert_near(drawing.getbbox(), (100, 100, 300, 250))
    assert set(np.unique(alpha(drawing))) == {0, 255}


def test_an_ellipse_fills_its_share_of_the_rectangle(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    mask.choose("ellipse")
    mask.drag((100, 100), (300, 250))
    drawing = mask.take().drawing
    assert_near(box(drawing), (100, 100, 300, 250))
    assert abs(alpha(drawing).sum() / 255 - np.pi * 100 * 75) < 0.02 * np.pi * 100 * 75


def test_the_lasso_fills_what_it_goes_round(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    mask.choose("lasso")
    mask.drag((100, 100), (300, 100), (300, 300), (100, 300))
    drawing = mask.take().drawing
    assert_near(box(drawing), (100, 100, 300, 300))
    assert drawing.getpixel((200, 200)) == 255


def test_shapes_take_away_when_told_to(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    mask.button("fill").click()
    mask.choose("rectangle")
    mask.find("[data-toggle=subtract]").click()
    mask.drag((100, 100), (300, 250))
    strength = alpha(mask.take().drawing)
    assert strength[175, 200] == 0
    assert strength[175, 400] == 255


def test_the_bucket_fills_a_colour_of_the_sketch(studio: Studio):
    picture = plain("#000000", WIDTH, HEIGHT)
    picture.paste("#ffffff", (100, 100, 300, 200))
    sketch = studio.sketch
    sketch.open(picture)
    sketch.choose("bucket")
    sketch.click(200, 150)
    assert sketch.take().drawing.getbbox() == (100, 100, 300, 200)


def test_the_bucket_fills_an_outline_of_the_mask_without_a_gap(studio: Studio):
    mask = studio.mask
    mask.open(gradient(WIDTH, HEIGHT))
    mask.set("size", 10)
    mask.drag((100, 100), (300, 100), (300, 300), (100, 300), (100, 100))
    mask.choose("bucket")
    mask.click(200, 200)
    strength = alpha(mask.take().drawing)
    assert (strength[98:302, 98:302] == 255).all()
    assert strength[50, 50] == 0


def test_a_mask_is_filled_inverted_and_cleared(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=300, height=270))
    mask.button("fill").click()
    assert (alpha(mask.take().drawing) == 255).all()
    mask.button("invert").click()
    assert not mask.take().is_drawn
    mask.choose("rectangle")
    mask.drag((100, 100), (200, 200))
    mask.button("invert").click()
    strength = alpha(mask.take().drawing)
    assert strength[150, 150] == 0
    assert strength[0, 0] == strength[-1, -1] == 255
    mask.button("clear").click()
    assert not mask.take().is_drawn


def test_how_a_mask_is_shown_does_not_change_it(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    mask.drag((100, 100), (500, 300))
    before = mask.take().drawing
    mask.set("maskOpacity", 20)
    mask.find("[data-field=maskColor]").fill("#00ff00")
    assert mask.find(".canvas-drawing").evaluate("(element) => element.style.opacity") == "0.2"
    assert_same_picture(mask.take().drawing, before)


def test_a_blank_canvas_of_a_size_and_colour(studio: Studio):
    sketch = studio.sketch
    sketch.find(".canvas-empty [data-action=blank]").click()
    form = sketch.find(".canvas-blank")
    form.locator("[name=width]").fill("320")
    form.locator("[name=height]").fill("200")
    form.locator("[name=color]").fill("#3366cc")
    form.locator("[type=submit]").click()
    sketch.wait_for_size(320, 200)
    taken = sketch.take()
    assert_same_picture(taken.picture.convert("RGB"), plain("#3366cc", 320, 200))
