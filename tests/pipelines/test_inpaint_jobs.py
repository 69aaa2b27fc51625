"""From an inpaint plan to saved pictures, with a run that draws noise instead of denoising."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base

from pipelines.imaging.correction import correct_colours, lab
from pipelines.imaging.drawn import read_drawn
from pipelines.imaging.opening import open_picture
from pipelines.imaging.prepare import prepare
from pipelines.monitor import Unwatched
from pipelines.produce import Production
from pipelines.requests import Batch, Inpaint, InpaintArea, ResizeTo, Seeds
from pipelines.results import DenoisedBatch, Picture, Result
from pipelines.storage import Storage, read_infotext
from tests.helpers.images import assert_same_picture, gradient, noise
from tests.helpers.jobs import plan_for
from tests.helpers.profiles import linear_profile

LEFT_HALF = Image.new("L", (64, 64))
LEFT_HALF.paste(255, (0, 0, 32, 64))
OUTSIDE = (32, 0, 64, 64)


def run(plan, monitor):
    """Noise for every seed."""
    prepared = prepare(plan)
    assert prepared.masked is not None
    for batch in plan.batches:
        yield DenoisedBatch(
            images=tuple((image, noise(seed=image.seed)) for image in batch),
            init_image=prepared.shown,
            source=prepared.init_image,
            masked=(prepared.masked,) * len(batch),
            comments=prepared.masked.messages,
        )


def produce(
    folder: Path,
    source: Image.Image | None = None,
    *,
    batch: Batch | None = None,
    inpaint: dict[str, Any] | None = None,
    **settings: Any,
) -> Result:
    changes = {"mask": LEFT_HALF, "blur_x": 0, "blur_y": 0, **(inpaint or {})}
    plan = plan_for(
        source,
        size=ResizeTo(width=64, height=64),
        seeds=Seeds(seed=7),
        batch=batch or Batch(),
        inpaint=Inpaint(**changes),
        settings=settings,
    )
    return Production(run, Storage(folder))(plan, Unwatched())


def on_disk(picture: Picture) -> Image.Image:
    assert picture.path is not None
    return open_picture(picture.path, max_pixels=10**6)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "outputs").glob("img2img-images/*/*"))


def test_the_saved_picture_is_the_source_where_nothing_was_masked(tmp_path):
    result = produce(tmp_path, gradient())
    (picture,) = result.pictures
    assert_same_picture(picture.image, on_disk(picture))
    assert_same_picture(on_disk(picture).crop(OUTSIDE), gradient().crop(OUTSIDE))
    inside = (0, 0, 32, 64)
    assert_same_picture(on_disk(picture).crop(inside), noise(seed=7).crop(inside))
    assert_same_picture(result.init_image, gradient())


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "CMYK", "1", "I;16"])
def test_the_outside_is_the_source_in_every_mode(tmp_path, mode):
    source = noise(channels=4) if mode in ("RGBA", "LA") else gradient()
    if mode == "I;16":
        values = np.random.default_rng(4).integers(0, 65536, (64, 64)).astype(np.uint16)
        source = Image.fromarray(values)
    source = source.convert(mode)
    (picture,) = produce(tmp_path, source).pictures
    expected = source if mode == "I;16" else source.convert("RGBA" if "A" in mode else "RGB")
    saved = on_disk(picture)
    assert saved.mode == expected.mode
    assert saved.crop(OUTSIDE).tobytes() == expected.crop(OUTSIDE).tobytes()


def test_transparency_comes_back_whole(tmp_path):
    source = noise(channels=4)
    (picture,) = produce(tmp_path, source).pictures
    assert_same_picture(on_disk(picture).getchannel("A"), source.getchannel("A"))


def test_profile_exif_and_resolution_of_the_source_are_kept(tmp_path):
    exif = Image.Exif()
    exif[Base.Make] = "Camera maker"
    buffer = io.BytesIO()
    gradient().save(
        buffer,
        "PNG",
        exif=exif,
        dpi=(300, 300),
        icc_profile=linear_profile(),
    )
    source = open_picture(buffer.getvalue(), max_pixels=10**6)
    (picture,) = produce(tmp_path, source).pictures
    saved = on_disk(picture)
    assert saved.info["icc_profile"] == linear_profile()
    assert saved.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert saved.getexif()[Base.Make] == "Camera maker"
    assert read_infotext(saved) == picture.infotext
    assert_same_picture(saved.crop(OUTSIDE), gradient().crop(OUTSIDE))


@pytest.mark.parametrize("kind", ["jpg", "webp"])
def test_other_formats_keep_exif_and_text_beside_each_other(tmp_path, kind):
    exif = Image.Exif()
    exif[Base.Make] = "Camera maker"
    source = gradient()
    source.info["exif"] = exif.tobytes()
    (picture,) = produce(tmp_path, source, samples_format=kind).pictures
    saved = on_disk(picture)
    assert picture.path is not None
    assert picture.path.suffix == f".{kind}"
    assert saved.getexif()[Base.Make] == "Camera maker"
    assert read_infotext(saved) == picture.infotext


@pytest.mark.parametrize(
    "source", [noise(channels=4), gradient().convert("I;16")], ids=["RGBA", "16-bit gray"]
)
def test_what_jpeg_cannot_hold_becomes_png(tmp_path, source):
    (picture,) = produce(tmp_path, source, samples_format="jpg").pictures
    assert picture.path is not None
    assert picture.path.suffix == ".png"


def test_without_the_overlay_the_result_is_what_was_generated(tmp_path):
    (picture,) = produce(tmp_path, gradient(), overlay_inpaint=False).pictures
    assert_same_picture(on_disk(picture), noise(seed=7))


# The mask inside the file


def test_the_mask_travels_with_the_picture_neither_blurred_nor_inverted(tmp_path):
    changes = {"blur_x": 8, "blur_y": 8}
    (picture,) = produce(tmp_path, gradient(), inpaint=changes).pictures
    assert picture.path is not None
    drawn = read_drawn(picture.path, max_pixels=10**6)
    assert drawn is not None
    assert_same_picture(drawn.mask, LEFT_HALF)


def test_the_strokes_of_inpaint_sketch_travel_with_it(tmp_path):
    painted = gradient()
    painted.paste((255, 0, 0), (4, 4, 20, 60))
    (picture,) = produce(tmp_path, gradient(), inpaint={"painted": painted}).pictures
    assert picture.path is not None
    drawn = read_drawn(picture.path, max_pixels=10**6)
    assert drawn is not None
    assert drawn.strokes is not None
    assert drawn.strokes.getpixel((10, 10)) == (255, 0, 0, 255)
    assert drawn.strokes.getchannel("A").getbbox() == (4, 4, 20, 60)


@pytest.mark.parametrize(
    "settings",
    [
        {"embed_inpaint_mask": False},
        {"enable_pnginfo": False},
        {"samples_format": "jpg"},
    ],
    ids=str,
)
def test_nothing_travels_where_it_is_not_wanted(tmp_path, settings):
    (picture,) = produce(tmp_path, gradient(), **settings).pictures
    assert picture.path is not None
    assert read_drawn(picture.path, max_pixels=10**6) is None


def test_a_crop_without_its_picture_carries_no_mask(tmp_path):
    changes = {"area": InpaintArea.only_masked}
    (picture,) = produce(
        tmp_path, gradient(128, 128), inpaint=changes, overlay_inpaint=False
    ).pictures
    assert picture.image.size == (64, 64)
    assert picture.path is not None
    assert read_drawn(picture.path, max_pixels=10**6) is None


# What comes with a picture


def test_masks_and_composites_are_saved_after_their_picture(tmp_path):
    result = produce(
        tmp_path, gradient(), batch=Batch(count=2), save_mask=True, save_mask_composite=True
    )
    assert len(result.pictures) == 2
    assert names(tmp_path) == [
        "00000-7.png",
        "00001-7-mask.png",
        "00002-7-mask-composite.png",
        "00003-8.png",
        "00004-8-mask.png",
        "00005-8-mask-composite.png",
    ]


def test_masks_and_composites_are_shown_after_their_picture(tmp_path):
    result = produce(
        tmp_path, gradient(), batch=Batch(size=2), return_mask=True, return_mask_composite=True
    )
    assert [picture.extra for picture in result.pictures] == [False, True, True] * 2
    assert not result.interrupted
    first, mask, composite = result.pictures[:3]
    assert_same_picture(mask.image, LEFT_HALF)
    assert composite.image.mode == "RGBA"
    assert_same_picture(composite.image.getchannel("A"), LEFT_HALF)
    inside = (0, 0, 32, 64)
    assert_same_picture(composite.image.convert("RGB").crop(inside), noise(seed=7).crop(inside))
    assert mask.infotext == first.infotext
    # The sheet shows the two pictures alone.
    assert result.grid is not None
    assert result.grid.image.size in ((128, 64), (64, 128))


def test_colours_are_corrected_before_the_original_is_laid_over(tmp_path):
    result = produce(tmp_path, gradient(), img2img_color_correction=True)
    corrected = correct_colours(noise(seed=7), lab(gradient()))
    inside = (0, 0, 32, 64)
    (picture,) = result.pictures
    assert_same_picture(picture.image.crop(inside), corrected.crop(inside))
    assert_same_picture(picture.image.crop(OUTSIDE), gradient().crop(OUTSIDE))


def test_the_picture_before_its_colours_were_corrected_is_saved_first(tmp_path):
    produce(
        tmp_path,
        gradient(),
        img2img_color_correction=True,
        save_images_before_color_correction=True,
    )
    assert names(tmp_path) == ["00000-7-before-color-correction.png", "00001-7.png"]
    folder = next((tmp_path / "outputs" / "img2img-images").iterdir())
    before = open_picture(folder / names(tmp_path)[0], max_pixels=10**6)
    inside = (0, 0, 32, 64)
    assert_same_picture(before.crop(inside), noise(seed=7).crop(inside))
    assert_same_picture(before.crop(OUTSIDE), gradient().crop(OUTSIDE))


def test_what_the_preparation_has_to_say_is_said_with_the_result(tmp_path):
    small = LEFT_HALF.resize((32, 32))
    result = produce(tmp_path, gradient(), inpaint={"mask": small})
    assert result.comments == (
        "The mask is 32x32 and the picture 64x64; the mask was stretched to fit.",
    )


def test_grids_of_transparent_and_deep_pictures_are_plain(tmp_path):
    for source in (noise(channels=4), gradient().convert("I;16")):
        result = produce(tmp_path, source, batch=Batch(count=2))
        assert result.grid is not None
        assert result.grid.image.mode == "RGB"
