"""Jobs with units: their maps among the results and on disk, their images inside the files."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipelines.control.maps import prepare_units
from pipelines.control.menus import ControlMenus
from pipelines.control.runner import PreprocessorRunner
from pipelines.control.units import ControlUnit
from pipelines.errors import InvalidRequest
from pipelines.imaging.kept_control import read_control_pictures
from pipelines.monitor import Monitor, Unwatched
from pipelines.plan import Plan
from pipelines.produce import Production
from pipelines.requests import Batch, Inpaint, Seeds
from pipelines.results import DenoisedBatch, Result
from pipelines.storage import Storage
from tests.helpers.control import NoTools, canny, control_plan, menus_for
from tests.helpers.images import assert_same_picture, gradient, noise

Produce = Callable[..., Result]


def run(plan: Plan, monitor: Monitor) -> Iterator[DenoisedBatch]:
    """Noise by seed, after the units' maps were made."""
    units = prepare_units(plan, PreprocessorRunner(NoTools()))
    for batch in plan.batches:
        yield DenoisedBatch(
            images=tuple((image, noise(seed=image.seed)) for image in batch),
            init_image=plan.request.init_image.convert("RGB"),
            units=units,
        )


@pytest.fixture
def menus(tmp_path: Path) -> ControlMenus:
    return menus_for(tmp_path / "models")


@pytest.fixture
def produce(menus: ControlMenus, tmp_path: Path) -> Produce:
    def made(*units: ControlUnit, **parts: Any) -> Result:
        plan = control_plan(menus, units, **{"seeds": Seeds(seed=3), **parts})
        return Production(run, Storage(tmp_path))(plan, Unwatched())

    return made


OWN = noise(seed=8)


def test_each_units_map_follows_all_pictures(produce: Produce):
    result = produce(canny(), canny(1, images=(OWN,)), batch=Batch(count=2))
    first, second, *maps = result.pictures
    assert not first.extra
    assert not second.extra
    assert [picture.extra for picture in maps] == [True, True]
    for picture, source in zip(maps, (gradient(), OWN), strict=True):
        assert_same_picture(picture.image, source.point(lambda value: 255 - value))
        assert picture.plan is None
        assert picture.path is None
        assert picture.infotext == first.infotext
    assert result.grid is not None
    assert not result.interrupted


def test_the_setting_leaves_maps_out(produce: Produce):
    result = produce(canny(), settings={"control_net_no_detectmap": True})
    assert len(result.pictures) == 1


def test_maps_are_saved_under_their_preprocessors_name(produce: Produce, tmp_path: Path):
    settings = {"control_net_detectmap_autosaving": True, "samples_save": False}
    units = canny(), canny(1, preprocessor="invert")
    produce(*units, settings=settings)
    result = produce(*units, settings=settings)
    folder = tmp_path / "outputs" / "img2img-images" / "detected_maps"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}
    assert names == {
        f"{module}/{module}-000{number}.png" for module in ("canny", "invert") for number in (0, 1)
    }
    path = result.pictures[-1].path
    assert path is not None
    with Image.open(path) as saved:
        assert_same_picture(saved, result.pictures[-1].image)


@pytest.mark.parametrize("folder", ["../../..", "/tmp/maps", ".hidden"])
def test_a_folder_for_maps_outside_the_outputs_is_refused_before_any_work(
    produce: Produce, folder: str
):
    settings = {"control_net_detectmap_autosaving": True, "control_net_detectedmap_dir": folder}
    with pytest.raises(InvalidRequest, match="detected maps auto saving must be a folder inside"):
        produce(canny(), settings=settings)


def kept(result: Result) -> dict[int, Any]:
    path = result.pictures[0].path
    assert path is not None
    return dict(read_control_pictures(path, max_pixels=10**6))


def test_a_saved_picture_keeps_its_units_images(produce: Produce):
    found = kept(produce(canny(), canny(1, images=(OWN,))))
    assert list(found) == [1]
    assert_same_picture(found[1].images[0], OWN)


@pytest.mark.parametrize("key", ["embed_inpaint_mask", "enable_pnginfo"])
def test_the_settings_keep_images_out_of_files(produce: Produce, key: str):
    assert kept(produce(canny(images=(OWN,)), settings={key: False})) == {}


def test_what_a_unit_did_otherwise_than_asked_is_said(produce: Produce):
    mask = Image.new("L", (64, 64), 255)
    result = produce(canny(preprocessor="inpaint_only"), inpaint=Inpaint(mask=mask))
    assert any("inpaint global was used" in comment for comment in result.comments)
