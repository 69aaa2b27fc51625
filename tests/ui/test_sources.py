"""Every tab of the page gives its picture and mask, or one sentence that says what is missing."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.imaging.opening import open_picture
from pipelines.requests import (
    Inpaint,
    InpaintArea,
    MaskedContent,
    MaskMode,
    SoftInpainting,
)
from tests.helpers.images import assert_same_picture, gradient
from ui.sources import Source, SourceTab, read_source

open_file = partial(open_picture, max_pixels=1_000_000)
BOX = (8, 16, 24, 40)
RED = (255, 0, 0, 255)


class Uploads:
    """Files in a folder, as the browser's records name them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, image: Image.Image, name: str) -> dict[str, Any]:
        """The record of an uploaded picture."""
        path = self.folder / f"{name}.png"
        image.save(path)
        return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


@pytest.fixture
def upload(tmp_path: Path) -> Uploads:
    """Uploads into a folder of the test's own."""
    return Uploads(tmp_path)


@pytest.fixture
def values() -> dict[str, Any]:
    """What the browser sends of the fields that belong to pictures and masks, all untouched."""
    pictures = ("image", "inpaint_base", "inpaint_mask")
    canvases = ("sketch", "inpaint", "inpaint_sketch")
    return {
        **dict.fromkeys(pictures),
        **{f"{canvas}_{part}": None for canvas in canvases for part in ("picture", "drawing")},
        "mode": 0,
        "mask_blur": 4,
        "mask_transparency": 0,
        "mask_mode": "Inpaint masked",
        "masked_content": "original",
        "inpaint_area": "Whole picture",
        "inpaint_padding": 32,
        "repaint_opaque": False,
        "soft_inpainting": False,
        "soft_schedule_bias": 1,
        "soft_preservation_strength": 0.5,
        "soft_transition_contrast_boost": 4,
        "soft_mask_influence": 0,
        "soft_difference_threshold": 0.5,
        "soft_difference_contrast": 2,
    }


def read(values: dict[str, Any], **changed: Any) -> Source:
    return read_source({**values, **changed}, open_file, "#ffffff")


def inpaint_of(source: Source) -> Inpaint:
    assert source.inpaint is not None
    return source.inpaint


def strokes(size: tuple[int, int] = (64, 64), colour: tuple[int, ...] = RED) -> Image.Image:
    """A layer with a box of colour on it."""
    layer = Image.new("RGBA", size)
    layer.paste(colour, BOX)
    return layer


def box_mask(size: tuple[int, int] = (64, 64), value: int = 255) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(value, BOX)
    return mask


def test_a_sketch_is_baked_into_its_picture(values: dict[str, Any], upload: Uploads):
    source = read(
        values,
        mode=SourceTab.sketch,
        sketch_picture=upload(gradient(), "picture"),
        sketch_drawing=upload(strokes(), "drawing"),
    )
    expected = gradient()
    expected.paste(RED[:3], BOX)
    assert source.inpaint is None
    assert_same_picture(source.picture, expected)


def test_a_picture_without_strokes_stays_as_it_was(values: dict[str, Any], upload: Uploads):
    picture = gradient().convert("RGBA")
    picture.putalpha(100)
    source = read(values, mode=SourceTab.sketch, sketch_picture=upload(picture, "picture"))
    assert_same_picture(source.picture, picture)


def test_a_drawn_mask_arrives_as_it_was_drawn(values: dict[str, Any], upload: Uploads):
    mask = box_mask(value=200)
    source = read(
        values,
        mode=SourceTab.inpaint,
        inpaint_picture=upload(gradient(), "picture"),
        inpaint_drawing=upload(mask, "drawing"),
    )
    assert_same_picture(source.picture, gradient())
    assert_same_picture(inpaint_of(source).mask, mask)
    assert inpaint_of(source).painted is None


def test_every_field_of_the_inpaint_group_arrives(values: dict[str, Any], upload: Uploads):
    inpaint = inpaint_of(
        read(
            values,
            mode=SourceTab.inpaint,
            inpaint_picture=upload(gradient(), "picture"),
            inpaint_drawing=upload(box_mask(), "drawing"),
            mask_blur=7,
            mask_transparency=50,
            mask_mode="Inpaint not masked",
            masked_content="latent noise",
            inpaint_area="Only masked",
            inpaint_padding=12,
            repaint_opaque=True,
        )
    )
    assert (inpaint.blur_x, inpaint.blur_y, inpaint.padding) == (7, 7, 12)
    assert inpaint.mode is MaskMode.not_masked
    assert inpaint.content is MaskedContent.latent_noise
    assert inpaint.area is InpaintArea.only_masked
    assert inpaint.opaque
    assert inpaint.soft is None
    assert inpaint.transparency == 0, "it belongs to Inpaint sketch alone"


def test_soft_inpainting_counts_only_while_it_is_ticked(values: dict[str, Any], upload: Uploads):
    soft = {
        "soft_schedule_bias": 2,
        "soft_preservation_strength": 0.75,
        "soft_transition_contrast_boost": 3,
        "soft_mask_influence": 0.1,
        "soft_difference_threshold": 1.5,
        "soft_difference_contrast": 4,
    }
    picture = upload(gradient(), "picture")
    given = {**values, **soft, "mode": SourceTab.inpaint, "inpaint_picture": picture}
    assert inpaint_of(read(given)).soft is None
    assert inpaint_of(read(given, soft_inpainting=True)).soft == SoftInpainting(
        schedule_bias=2,
        preservation_strength=0.75,
        transition_contrast_boost=3,
        mask_influence=0.1,
        difference_threshold=1.5,
        difference_contrast=4,
    )


def test_the_mask_of_a_painted_picture_is_what_changed(values: dict[str, Any], upload: Uploads):
    picture = gradient()
    picture.putpixel((10, 20), RED[:3])  # under the strokes, and of their colour
    source = read(
        values,
        mode=SourceTab.inpaint_sketch,
        inpaint_sketch_picture=upload(picture, "picture"),
        inpaint_sketch_drawing=upload(strokes(), "drawing"),
        mask_transparency=25,
    )
    painted = picture.copy()
    painted.paste(RED[:3], BOX)
    mask = box_mask()
    mask.putpixel((10, 20), 0)
    inpaint = inpaint_of(source)
    assert inpaint.painted is not None
    assert_same_picture(source.picture, picture)
    assert_same_picture(inpaint.painted, painted)
    assert_same_picture(inpaint.mask, mask)
    assert inpaint.transparency == 25


def test_nothing_painted_is_an_empty_mask(values: dict[str, Any], upload: Uploads):
    picture = upload(gradient(), "picture")
    for tab, field in ((2, "inpaint_picture"), (3, "inpaint_sketch_picture")):
        inpaint = inpaint_of(read(values, mode=tab, **{field: picture}))
        assert inpaint.mask.getbbox() is None


def test_an_uploaded_mask_may_be_of_another_size(values: dict[str, Any], upload: Uploads):
    source = read(
        values,
        mode=SourceTab.inpaint_upload,
        inpaint_base=upload(gradient(96, 64), "picture"),
        inpaint_mask=upload(box_mask((48, 48)).convert("RGB"), "mask"),
    )
    assert source.picture.size == (96, 64)
    assert_same_picture(inpaint_of(source).mask, box_mask((48, 48)))


def test_half_transparent_parts_of_an_uploaded_mask_count_when_soft(
    values: dict[str, Any], upload: Uploads
):
    layer = Image.new("RGBA", (64, 64))
    layer.putalpha(box_mask(value=140))
    given = {
        **values,
        "mode": SourceTab.inpaint_upload,
        "inpaint_base": upload(gradient(), "picture"),
        "inpaint_mask": upload(layer, "mask"),
    }
    assert np.asarray(inpaint_of(read(given)).mask).max() == 255
    assert np.asarray(inpaint_of(read(given, soft_inpainting=True)).mask).max() == 140


@pytest.mark.parametrize(
    ("tab", "sentence"),
    [
        (0, "There is no picture to start from; drop one on the img2img tab."),
        (1, "There is no picture on the Sketch tab; drop one there, or copy one to it."),
        (2, "There is no picture on the Inpaint tab; drop one there, or copy one to it."),
        (3, "There is no picture on the Inpaint sketch tab; drop one there, or copy one to it."),
        (4, "There is no picture to inpaint; drop one on the Inpaint upload tab."),
    ],
)
def test_a_tab_without_a_picture_says_so(values: dict[str, Any], tab: int, sentence: str):
    with pytest.raises(InvalidPicture) as refusal:
        read(values, mode=tab)
    assert str(refusal.value) == sentence


def test_inpaint_upload_without_a_mask_says_so(values: dict[str, Any], upload: Uploads):
    with pytest.raises(InvalidPicture, match="There is no mask"):
        read(values, mode=4, inpaint_base=upload(gradient(), "picture"))


def test_a_mask_that_is_no_picture_is_named(
    values: dict[str, Any], upload: Uploads, tmp_path: Path
):
    text = tmp_path / "mask.png"
    text.write_text("no picture at all, whatever it is called")
    with pytest.raises(InvalidPicture, match=r"mask\.png is a text file, not a picture"):
        read(
            values,
            mode=4,
            inpaint_base=upload(gradient(), "picture"),
            inpaint_mask={"path": str(text)},
        )


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("mask_blur", None, "Mask blur is empty"),
        ("mask_blur", 2.5, "Mask blur must be a whole number, got 2.5"),
        ("mask_blur", 300, "Mask blur must lie between 0 and 256, got 300"),
        ("mask_transparency", 101, "Mask transparency must lie between 0 and 100"),
        ("mask_mode", "both", "Mask mode 'both' is not known; choose one of Inpaint masked"),
        ("masked_content", None, "Masked content None is not known; choose one of fill"),
        ("inpaint_area", 1, "Inpaint area 1 is not known"),
        ("inpaint_padding", -4, "Only masked padding must lie between 0"),
        ("soft_schedule_bias", "", "Schedule bias is empty"),
        ("soft_mask_influence", 2, "Mask influence must lie between 0 and 1"),
    ],
)
def test_a_bad_value_is_named(
    values: dict[str, Any], upload: Uploads, field: str, value: object, words: str
):
    picture = {"inpaint_sketch_picture": upload(gradient(), "picture")}
    with pytest.raises(InvalidRequest, match=words):
        read({**values, **picture}, mode=3, soft_inpainting=True, **{field: value})
