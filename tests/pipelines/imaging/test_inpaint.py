"""A whole inpaint job's pixels: what the network is shown, and what comes back."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.imaging import masks
from pipelines.imaging.colours import to_rgb
from pipelines.imaging.compositing import cut_overlay, lay_over
from pipelines.imaging.crops import cut_out, find_crop, lay_back
from pipelines.imaging.fills import fill
from pipelines.imaging.geometry import Size
from pipelines.imaging.inpaint import MaskedPicture, paste_back, prepare_inpaint
from pipelines.imaging.resize import resize
from pipelines.imaging.sketches import paint, soften
from pipelines.requests import (
    Inpaint,
    InpaintArea,
    MaskedContent,
    MaskMode,
    ResizeMode,
    SoftInpainting,
)
from tests.helpers.images import assert_same_picture, gradient, noise
from tests.helpers.profiles import swapped_profile

WHOLE, ONLY = InpaintArea.whole_picture, InpaintArea.only_masked


def drawn(size: tuple[int, int], left: int, top: int, right: int, bottom: int) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, (left, top, right, bottom))
    return mask


def generated(masked: MaskedPicture, seed: int = 9) -> Image.Image:
    return noise(*masked.init_image.size, seed=seed)


def assert_kept_outside(result: Image.Image, source: Image.Image, mask: Image.Image) -> None:
    """Where `mask` is 0, the bytes of the two are the same, and somewhere it is 0."""
    outside = np.asarray(mask) == 0
    assert outside.any()
    assert (np.asarray(result)[outside] == np.asarray(source)[outside]).all()


# What the network is shown


@pytest.mark.parametrize("mode", ResizeMode, ids=lambda mode: mode.name)
def test_the_whole_picture_and_its_mask_are_resized_alike(mode: ResizeMode):
    picture, mask = noise(100, 60), drawn((100, 60), 20, 10, 60, 50)
    size = Size(64, 72)
    masked = prepare_inpaint(picture, Inpaint(mask=mask), size, resize_mode=mode)
    used = ResizeMode.just_resize if mode is ResizeMode.latent_upscale else mode
    working = resize(masks.blur(mask, 4, 4), size, used)
    shown = resize(picture, size, used)
    latent = mode is ResizeMode.latent_upscale
    assert_same_picture(masked.init_image, picture if latent else shown)
    assert_same_picture(masked.mask, working)
    assert_same_picture(masked.overlay_mask, masks.doubled(working))
    assert_same_picture(masked.overlay, cut_overlay(shown, masks.doubled(working)))
    expected = masks.latent_mask(working, Size(8, 9), rounded=True)
    assert masked.latent_mask.tolist() == expected.tolist()
    assert (masked.crop, masked.messages, masked.size) == (None, (), size)


@pytest.mark.parametrize("mode", ResizeMode, ids=lambda mode: mode.name)
def test_only_the_masked_part_is_cut_out_whatever_the_resize_mode(mode: ResizeMode):
    picture, mask = noise(100, 60), drawn((100, 60), 20, 10, 30, 20)
    inpaint = Inpaint(mask=mask, area=ONLY, padding=8, blur_x=2, blur_y=2)
    size = Size(64, 72)
    masked = prepare_inpaint(picture, inpaint, size, resize_mode=mode)
    blurred = masks.blur(mask, 2, 2)
    crop = find_crop(blurred, 8, size)
    assert crop is not None
    assert masked.crop == crop
    assert_same_picture(masked.init_image, cut_out(picture, crop, size))
    assert_same_picture(masked.mask, cut_out(blurred, crop, size))
    assert_same_picture(masked.overlay_mask, blurred)  # not doubled
    assert_same_picture(masked.original.colours, picture)


@pytest.mark.parametrize("area", InpaintArea, ids=lambda area: area.name)
@pytest.mark.parametrize("content", MaskedContent, ids=lambda content: content.name)
def test_every_content_but_the_original_is_filled_first(content: MaskedContent, area: InpaintArea):
    picture, mask = noise(64, 64), drawn((64, 64), 16, 16, 48, 48)
    inpaint = Inpaint(mask=mask, area=area, padding=4)
    before = prepare_inpaint(picture, inpaint, Size(64, 64))
    after = prepare_inpaint(picture, replace(inpaint, content=content), Size(64, 64))
    kept = content is MaskedContent.original
    expected = before.init_image if kept else fill(before.init_image, before.mask)
    assert_same_picture(after.init_image, expected)


def test_a_latent_upscale_fills_the_picture_at_its_own_size():
    picture, mask = noise(40, 48), drawn((40, 48), 10, 10, 30, 30)
    inpaint = Inpaint(mask=mask, content=MaskedContent.fill)
    masked = prepare_inpaint(picture, inpaint, Size(64, 64), resize_mode=ResizeMode.latent_upscale)
    assert_same_picture(masked.init_image, fill(picture, masks.blur(mask, 4, 4)))


def test_the_mask_is_inverted_before_it_is_blurred():
    mask = drawn((64, 64), 0, 0, 40, 64)
    inpaint = Inpaint(mask=mask, mode=MaskMode.not_masked, blur_x=3, blur_y=5)
    masked = prepare_inpaint(noise(), inpaint, Size(64, 64))
    assert_same_picture(masked.mask, masks.blur(masks.invert(mask), 3, 5))


def test_a_soft_mask_is_not_rounded():
    inpaint = Inpaint(mask=drawn((64, 64), 16, 16, 48, 48), soft=SoftInpainting())
    masked = prepare_inpaint(noise(), inpaint, Size(64, 64))
    assert 0 < np.median(masked.latent_mask[masked.latent_mask > 0]) < 1
    expected = masks.latent_mask(masked.mask, Size(8, 8), rounded=False)
    assert masked.latent_mask.tolist() == expected.tolist()


@pytest.mark.parametrize("area", InpaintArea, ids=lambda area: area.name)
def test_a_size_that_is_no_multiple_of_eight_is_shown_smaller_and_comes_back_whole(area):
    picture, mask = noise(101, 67), drawn((101, 67), 30, 20, 60, 45)
    masked = prepare_inpaint(picture, Inpaint(mask=mask, area=area), Size(101, 67))
    assert masked.init_image.size == masked.mask.size == (96, 64)
    assert masked.latent_mask.shape == (8, 12)
    result = paste_back(generated(masked), masked)
    assert_kept_outside(result, picture, masked.overlay_mask)


def test_the_background_shows_through_only_while_the_network_works():
    picture = Image.new("RGBA", (64, 64), (10, 20, 30, 0))
    mask = drawn((64, 64), 16, 16, 48, 48)
    masked = prepare_inpaint(picture, Inpaint(mask=mask), Size(64, 64), background="#aabbcc")
    assert_same_picture(masked.init_image, Image.new("RGB", (64, 64), "#aabbcc"))
    result = paste_back(generated(masked), masked)
    assert result.getpixel((0, 0)) == (10, 20, 30, 0)


# What comes back


def pictures() -> dict[str, Image.Image]:
    rgba = noise(96, 80, channels=4)
    profiled = noise(96, 80, seed=2)
    profiled.info["icc_profile"] = swapped_profile()
    deep = np.random.default_rng(3).integers(0, 65536, (80, 96)).astype(np.uint16)
    return {
        "RGB": noise(96, 80),
        "RGBA": rgba,
        "L": noise(96, 80, channels=1),
        "LA": noise(96, 80, channels=2),
        "P": noise(96, 80).convert("P"),
        "CMYK": noise(96, 80).convert("CMYK"),
        "16-bit": Image.fromarray(deep),
        "profile": profiled,
    }


def own_numbers(picture: Image.Image) -> Image.Image:
    """What the result must equal: the picture's own bytes wherever RGB or RGBA can hold them."""
    if picture.mode in ("RGB", "RGBA"):
        return picture
    return picture.convert("RGBA") if picture.mode == "LA" else to_rgb(picture)


@pytest.mark.parametrize("area", InpaintArea, ids=lambda area: area.name)
@pytest.mark.parametrize("name", pictures())
def test_what_is_not_masked_comes_back_byte_by_byte(name: str, area: InpaintArea):
    picture = pictures()[name]
    mask = drawn((96, 80), 40, 30, 60, 50)
    masked = prepare_inpaint(picture, Inpaint(mask=mask, area=area), Size(96, 80))
    result = paste_back(generated(masked), masked)
    expected = own_numbers(picture)
    assert result.mode == expected.mode
    assert result.size == picture.size
    assert_kept_outside(result, expected, masked.overlay_mask)
    assert (np.asarray(masked.overlay_mask)[:20] == 0).all()
    if result.mode == "RGBA":
        assert_same_picture(result.getchannel("A"), expected.getchannel("A"))
    assert result.info.get("icc_profile") == picture.info.get("icc_profile")


def test_sixteen_bit_gray_can_be_had_back_with_all_its_bits():
    picture = pictures()["16-bit"]
    mask = drawn((96, 80), 40, 30, 60, 50)
    masked = prepare_inpaint(picture, Inpaint(mask=mask), Size(96, 80))
    result = paste_back(generated(masked), masked)
    deepened = masked.original.deepened(result, masked.overlay_mask)
    assert_kept_outside(deepened, picture, masked.overlay_mask)


@pytest.mark.parametrize("area", InpaintArea, ids=lambda area: area.name)
def test_a_result_lies_under_the_overlay(area: InpaintArea):
    picture, mask = noise(96, 80), drawn((96, 80), 30, 20, 60, 50)
    masked = prepare_inpaint(picture, Inpaint(mask=mask, area=area), Size(128, 64))
    new = generated(masked)
    under = new if masked.crop is None else lay_back(new, masked.crop, Size(96, 80))
    assert_same_picture(paste_back(new, masked), lay_over(under, masked.overlay))
    assert paste_back(new, masked).size == ((128, 64) if area is WHOLE else (96, 80))


def test_the_whole_picture_is_fully_repainted_where_the_mask_is_half_full():
    picture, mask = noise(), drawn((64, 64), 16, 16, 48, 48)
    masked = prepare_inpaint(picture, Inpaint(mask=mask), Size(64, 64))
    new = generated(masked)
    result = np.asarray(paste_back(new, masked))
    inside = np.asarray(masked.mask) >= 128
    assert (result[inside] == np.asarray(new)[inside]).all()


@pytest.mark.parametrize("area", InpaintArea, ids=lambda area: area.name)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_after_ten_passes_what_was_never_masked_is_what_it_was(channels: int, area: InpaintArea):
    first = noise(96, 80, channels=channels)
    picture, touched = first, np.zeros((80, 96), bool)
    for turn in range(10):
        x, y = 8 + 5 * turn, 6 + (13 * turn) % 50
        mask = drawn((96, 80), x, y, x + 12, y + 9)
        inpaint = Inpaint(mask=mask, area=area, blur_x=2, blur_y=2, padding=8)
        masked = prepare_inpaint(picture, inpaint, Size(96, 80))
        touched |= np.asarray(masked.overlay_mask) > 0
        picture = paste_back(generated(masked, seed=turn), masked)
    assert 0.1 < touched.mean() < 0.9
    never = Image.fromarray((touched * 255).astype(np.uint8))
    assert_kept_outside(picture, first if channels > 1 else first.convert("RGB"), never)


def test_transparency_stays_unless_painted_parts_are_to_be_opaque():
    picture = Image.new("RGBA", (64, 64), (9, 8, 7, 0))
    mask = drawn((64, 64), 16, 16, 48, 48)
    kept = prepare_inpaint(picture, Inpaint(mask=mask), Size(64, 64))
    assert paste_back(generated(kept), kept).getchannel("A").getextrema() == (0, 0)
    assert kept.messages == (
        "Everything under the mask is transparent and stays so; what is painted cannot be seen.",
    )
    opaque = prepare_inpaint(picture, Inpaint(mask=mask, opaque=True), Size(64, 64))
    result = paste_back(generated(opaque), opaque)
    assert result.getchannel("A").getpixel((32, 32)) == 255
    assert_kept_outside(result, picture, opaque.overlay_mask)
    assert opaque.messages == ()


def test_a_soft_mask_replaces_the_overlay_of_one_result():
    picture, soft = noise(96, 80), SoftInpainting()
    mask = drawn((96, 80), 40, 30, 60, 50)
    inpaint = Inpaint(mask=mask, area=ONLY, padding=4, soft=soft)
    masked = prepare_inpaint(picture, inpaint, Size(64, 64))
    unchanged = masked.with_soft_mask(np.zeros((8, 8), np.float32), soft)
    assert_same_picture(paste_back(generated(unchanged), unchanged), picture)
    changed = masked.with_soft_mask(np.full((8, 8), 99, np.float32), soft)
    result = paste_back(generated(changed), changed)
    assert_kept_outside(result, picture, changed.overlay_mask)
    assert np.asarray(changed.overlay_mask).max() >= 254


# Inpaint sketch


def sketched() -> tuple[Image.Image, Image.Image, Image.Image]:
    picture = noise(96, 80)
    layer = Image.new("RGBA", (96, 80))
    layer.paste((255, 0, 0, 255), (40, 30, 60, 50))
    painted = paint(picture, layer)
    return picture, painted, masks.changed_pixels(painted, picture)


@pytest.mark.parametrize("area", InpaintArea, ids=lambda area: area.name)
def test_inpaint_sketch_starts_from_softened_strokes(area: InpaintArea):
    picture, painted, mask = sketched()
    inpaint = Inpaint(mask=mask, painted=painted, transparency=30, area=area)
    masked = prepare_inpaint(picture, inpaint, Size(96, 80))
    faint = masks.with_transparency(mask, 30)
    start = soften(painted, picture, faint, (4, 4))
    blurred = masks.blur(faint, 4, 4)
    if area is WHOLE:
        assert_same_picture(masked.init_image, start)
        assert_same_picture(masked.mask, blurred)
    else:
        assert masked.crop is not None
        assert_same_picture(masked.init_image, cut_out(start, masked.crop, Size(96, 80)))
    inside = np.asarray(masked.overlay_mask) > 0
    assert (np.asarray(masked.original.colours)[inside] == np.asarray(start)[inside]).all()


@pytest.mark.parametrize("blur", [0, 1, 4, 8])
@pytest.mark.parametrize("area", InpaintArea, ids=lambda area: area.name)
def test_inpaint_sketch_leaves_everything_else_byte_by_byte(area: InpaintArea, blur: int):
    picture, painted, mask = sketched()
    inpaint = Inpaint(mask=mask, painted=painted, area=area, blur_x=blur, blur_y=blur)
    masked = prepare_inpaint(picture, inpaint, Size(96, 80))
    result = paste_back(generated(masked), masked)
    if np.asarray(masked.overlay_mask).min() == 0:
        assert_kept_outside(result, picture, masked.overlay_mask)


@pytest.mark.parametrize("name", ["RGBA", "L", "CMYK", "profile"])
def test_inpaint_sketch_keeps_any_picture_outside_its_strokes(name: str):
    picture = pictures()[name]
    layer = Image.new("RGBA", (96, 80))
    layer.paste((255, 0, 0, 255), (40, 30, 60, 50))
    painted = paint(picture, layer)
    inpaint = Inpaint(mask=masks.changed_pixels(painted, to_rgb(picture)), painted=painted)
    masked = prepare_inpaint(picture, inpaint, Size(96, 80))
    result = paste_back(masked.init_image, masked)
    assert_kept_outside(result, own_numbers(picture), masked.overlay_mask)
    if name == "profile":  # red, seen through a profile that has red and blue change places
        red, _, blue = np.asarray(result)[40, 50].tolist()
        assert red < 20
        assert blue > 235


def test_a_painted_picture_of_another_size_is_refused():
    _, painted, mask = sketched()
    with pytest.raises(InvalidPicture, match="is 96x80 and the one below it 64x64"):
        prepare_inpaint(noise(), Inpaint(mask=mask, painted=painted), Size(64, 64))


# Bad and odd input


def test_a_mask_of_another_size_is_stretched_and_that_is_said():
    picture, mask = noise(96, 80), drawn((48, 40), 20, 15, 30, 25)
    masked = prepare_inpaint(picture, Inpaint(mask=mask, blur_x=0, blur_y=0), Size(96, 80))
    assert masked.messages == (
        "The mask is 48x40 and the picture 96x80; the mask was stretched to fit.",
    )
    assert_same_picture(masked.mask, masks.fit_mask(mask, Size(96, 80)))


@pytest.mark.parametrize("area", InpaintArea, ids=lambda area: area.name)
def test_a_black_mask_is_refused(area: InpaintArea):
    inpaint = Inpaint(mask=Image.new("L", (64, 64)), area=area)
    with pytest.raises(InvalidRequest, match=r"^The mask is empty, so nothing would be repainted"):
        prepare_inpaint(noise(), inpaint, Size(64, 64))


@pytest.mark.parametrize("area", InpaintArea, ids=lambda area: area.name)
def test_a_white_mask_repaints_everything_and_its_inverse_is_refused(area: InpaintArea):
    inpaint = Inpaint(mask=Image.new("L", (64, 64), 255), area=area)
    masked = prepare_inpaint(noise(), inpaint, Size(64, 64))
    new = generated(masked)
    assert_same_picture(paste_back(new, masked), new)
    with pytest.raises(InvalidRequest, match=r"covers the whole picture and Inpaint not masked"):
        prepare_inpaint(noise(), replace(inpaint, mode=MaskMode.not_masked), Size(64, 64))


def test_a_single_pixel_is_too_small_but_for_a_close_look_at_only_the_masked():
    picture, mask = noise(512, 512), drawn((512, 512), 200, 200, 201, 201)
    inpaint = Inpaint(mask=mask, blur_x=0, blur_y=0)
    with pytest.raises(InvalidRequest, match="larger area, or choose Only masked, or turn on Soft"):
        prepare_inpaint(picture, inpaint, Size(512, 512))
    with pytest.raises(InvalidRequest, match="larger area, or lower Only masked padding"):
        prepare_inpaint(picture, replace(inpaint, area=ONLY), Size(512, 512))
    masked = prepare_inpaint(picture, replace(inpaint, area=ONLY, padding=12), Size(512, 512))
    assert masked.latent_mask.sum() == 4
    result = paste_back(generated(masked), masked)
    assert (np.asarray(result) != np.asarray(picture)).any(axis=-1).sum() == 1


@pytest.mark.parametrize("area", InpaintArea, ids=lambda area: area.name)
def test_a_single_pixel_under_the_strongest_blur_is_refused(area: InpaintArea):
    mask = drawn((512, 512), 200, 200, 201, 201)
    with pytest.raises(InvalidRequest, match="Mask blur 64 makes so small a mask vanish"):
        prepare_inpaint(
            noise(512, 512), Inpaint(mask=mask, area=area, blur_x=64, blur_y=64), Size(512, 512)
        )


def test_a_mask_of_half_transparency_rounds_away_and_that_is_said():
    picture, painted, mask = sketched()
    inpaint = Inpaint(mask=mask, painted=painted, transparency=60, blur_x=0, blur_y=0)
    with pytest.raises(InvalidRequest, match="lower Mask transparency, or turn on Soft inpaint"):
        prepare_inpaint(picture, inpaint, Size(96, 80))
    prepare_inpaint(picture, replace(inpaint, soft=SoftInpainting()), Size(96, 80))


def test_a_mask_that_is_all_transparent_is_refused_for_that():
    picture, painted, mask = sketched()
    inpaint = Inpaint(mask=mask, painted=painted, transparency=100)
    with pytest.raises(InvalidRequest, match=r"^Mask transparency 100 leaves nothing of the mask"):
        prepare_inpaint(picture, inpaint, Size(96, 80))


@pytest.mark.parametrize("blur", [0, 4, 64])
@pytest.mark.parametrize("padding", [0, 32, 4096])
@pytest.mark.parametrize("processing", [(64, 64), (64, 2048), (2048, 64)])
@pytest.mark.parametrize(
    "box", [(0, 0, 9, 9), (87, 71, 96, 80), (40, 0, 60, 20), (0, 30, 30, 50), (0, 0, 96, 80)]
)
def test_only_masked_works_at_borders_and_corners(
    box: tuple[int, int, int, int], processing: tuple[int, int], padding: int, blur: int
):
    picture = noise(96, 80)
    inpaint = Inpaint(
        mask=drawn((96, 80), *box), area=ONLY, padding=padding, blur_x=blur, blur_y=blur
    )
    if blur == 64 and box != (0, 0, 96, 80):
        with pytest.raises(InvalidRequest, match=r"too faint|Mask blur 64 makes"):
            prepare_inpaint(picture, inpaint, Size(*processing))
        return
    masked = prepare_inpaint(picture, inpaint, Size(*processing))
    result = paste_back(generated(masked), masked)
    assert result.size == picture.size
    outside = np.asarray(masked.overlay_mask) == 0
    assert (np.asarray(result)[outside] == np.asarray(picture)[outside]).all()
    assert (np.asarray(result) != np.asarray(picture)).any()


def test_a_thin_picture_says_why_it_cannot_be_cut():
    mask = drawn((1, 600), 0, 200, 1, 400)
    with pytest.raises(InvalidPicture, match="is 1x600 and too narrow to be repainted at 64x64"):
        prepare_inpaint(noise(1, 600), Inpaint(mask=mask, area=ONLY, padding=256), Size(64, 64))


def test_nothing_that_is_given_is_changed():
    picture, painted, mask = sketched()
    before = [image.tobytes() for image in (picture, painted, mask)]
    for area in InpaintArea:
        inpaint = Inpaint(mask=mask, painted=painted, area=area, content=MaskedContent.fill)
        masked = prepare_inpaint(picture, inpaint, Size(96, 80))
        new = generated(masked)
        told = new.tobytes()
        paste_back(new, masked).paste((1, 2, 3), (0, 0, 96, 80))
        assert new.tobytes() == told
    assert [image.tobytes() for image in (picture, painted, mask)] == before


def test_the_same_job_gives_the_same_pixels():
    mask = drawn((64, 64), 16, 16, 48, 48)
    one, other = (prepare_inpaint(gradient(), Inpaint(mask=mask), Size(64, 64)) for _ in range(2))
    assert_same_picture(one.init_image, other.init_image)
    assert_same_picture(one.overlay, other.overlay)
