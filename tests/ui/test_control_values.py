"""The accordion after a reload, after pasting, and the table that its script follows."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from extensions.discovery import discover
from pipelines.catalog.families import ModelFamily
from pipelines.control.menus import NO_CONTROL, ControlMenus
from pipelines.control.models import ControlModels
from pipelines.control.units import ControlUnit
from pipelines.imaging.kept_control import control_chunks
from tests.helpers.control import write_models
from tests.helpers.images import assert_same_picture, gradient
from tests.helpers.models import write_safetensors
from ui.control_values import OPEN, kept_pictures, pasted_units, restored_units
from ui.panels.controlnet import table_of

NAMES = ("control_v11p_sd15_canny", "diffusers_xl_canny_mid", "some_depth")


@pytest.fixture
def menus(tmp_path: Path) -> ControlMenus:
    """All preprocessors, and three models."""
    for name in NAMES:
        write_safetensors(tmp_path / "models" / f"{name}.safetensors")
    return ControlMenus(plugins=discover(), models=ControlModels((tmp_path / "models",)))


def title(menus: ControlMenus, name: str) -> str:
    return menus.models.find(name)[0]


def restore(menus: ControlMenus, **values: Any) -> dict[str, Any]:
    stored = {f"control_0_{name}": value for name, value in values.items()}
    return restored_units(stored, menus, ModelFamily.sd1)


def test_a_unit_is_restored_with_the_menus_of_its_type(menus: ControlMenus):
    canny = title(menus, NAMES[0])
    updates = restore(
        menus,
        enabled=True,
        type="Canny",
        preprocessor="invert (from white bg & black line)",
        model=canny,
        weight=0.5,
    )
    assert updates["control_0_enabled"] is True
    assert updates["control_0_weight"] == 0.5
    assert updates["control_0_type"] == "Canny"
    assert updates["control_0_preprocessor"]["value"].startswith("invert")
    assert updates["control_0_preprocessor"]["choices"][:2] == ["none", "canny"]
    assert updates["control_0_model"]["value"] == canny
    assert updates["control_0_model"]["choices"] == ["None", canny]  # none for SDXL


def test_what_is_gone_is_no_longer_chosen(menus: ControlMenus):
    updates = restore(menus, type="Gone", preprocessor="gone", model="gone [01234567]")
    assert updates["control_0_type"] == "All"
    assert updates["control_0_preprocessor"]["value"] == "none"
    assert updates["control_0_model"]["value"] == "None"


def test_nonsense_from_a_browser_restores_to_the_defaults(menus: ControlMenus):
    updates = restore(menus, type=["Canny"], preprocessor={}, model=7, region=5, pictures=7)
    assert updates["control_0_type"] == "All"
    assert updates["control_0_preprocessor"]["value"] == "none"
    assert updates["control_0_model"]["value"] == "None"
    assert "control_0_region" not in updates
    assert "control_0_pictures" not in updates


def test_only_uploads_are_restored(
    menus: ControlMenus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    (uploads / "own.png").write_bytes(b"")
    own = str(uploads / "own.png")
    updates = restore(menus, region=own, pictures=gallery(own, "/etc/passwd"))
    assert updates["control_0_region"] == own
    assert updates["control_0_pictures"] == [own]
    assert "control_0_region" not in restore(menus, region="/etc/passwd")
    assert "control_0_pictures" not in restore(menus, pictures=gallery("/etc/passwd"))


def gallery(*paths: str) -> list[dict[str, Any]]:
    """A gallery of these pictures, as the browser remembers it."""
    return [{"image": {"path": path}, "caption": None} for path in paths]


def test_pasting_enables_the_units_of_the_text_and_no_other(menus: ControlMenus):
    canny = title(menus, NAMES[0])
    unit = ControlUnit(index=1, preprocessor="canny", model=canny, weight=0.7, threshold_a=50)
    updates = pasted_units((unit,), menus)
    assert updates["control_0_enabled"] is False
    assert updates["control_1_enabled"] is True
    assert updates["control_1_type"] == "Canny"
    assert updates["control_1_preprocessor"]["value"] == "canny"
    assert updates["control_1_model"]["value"] == canny
    assert updates["control_1_weight"] == 0.7
    # Presets are written out, as they are when the preprocessor is chosen by hand.
    numbers = [updates[f"control_1_{name}"] for name in ("resolution", "a", "b")]
    assert numbers == [512, 50, 200]
    assert updates[OPEN]["open"] is True


@pytest.mark.parametrize(
    ("preprocessor", "name", "kind"),
    [
        ("invert (from white bg & black line)", "control_v11p_sd15_scribble", "Scribble"),
        ("depth_midas", "xl_union_promax", "Depth"),
        ("depth_midas", "control_v11p_sd15_scribble", "All"),
        ("none", "xl_union_promax", "All"),
        ("reference_only", None, "Reference"),
    ],
)
def test_a_pasted_unit_gets_the_control_type_that_lists_what_it_has(
    tmp_path: Path, preprocessor: str, name: str | None, kind: str
):
    # A parameter text does not say it, but union models must be told.
    models = write_models(tmp_path, "control_v11p_sd15_scribble", "xl_union_promax")
    menus = ControlMenus(plugins=discover(), models=ControlModels((models,)))
    model = "None" if name is None else menus.models.find(name)[0]
    unit = ControlUnit(index=0, preprocessor=preprocessor, model=model)
    assert pasted_units((unit,), menus)["control_0_type"] == kind


def test_pasting_a_text_without_units_turns_all_off_and_opens_nothing(menus: ControlMenus):
    updates = pasted_units((), menus)
    assert set(updates.values()) == {False}


def test_a_results_file_gives_pasted_units_their_pictures(
    menus: ControlMenus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    uploads = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 64, 32))
    drawn = ControlUnit(index=0, images=(gradient(),), mask=mask)
    several = ControlUnit(index=1, images=(gradient(), gradient(80, 64)), region=mask)
    other = ControlUnit(index=2, images=(gradient(),))
    file = saved(tmp_path / "result.png", (drawn, several, other))
    pasted = {"control_0_enabled": True, "control_1_enabled": True, "control_2_enabled": False}
    updates = kept_pictures(file, pasted, max_pixels=1_000_000)
    assert updates["control_0_independent"] is True
    assert updates["control_0_input_tab"] == 0
    with Image.open(updates["control_0_picture"]) as picture:
        assert_same_picture(picture, gradient())
    with Image.open(updates["control_0_drawing"]) as strokes:
        assert_same_picture(strokes.getchannel("A"), mask)
    assert updates["control_1_input_tab"] == 2
    assert len(updates["control_1_pictures"]) == 2
    assert updates["control_1_region_on"] is True
    assert Path(updates["control_1_region"]).is_relative_to(uploads)
    assert not any(name.startswith("control_2_") for name in updates)


def saved(path: Path, units: tuple[ControlUnit, ...]) -> Path:
    """A result's file that keeps the pictures of these units."""
    info = PngInfo()
    for name, content in control_chunks(units):
        info.add(name, content, after_idat=True)
    gradient().save(path, pnginfo=info)
    return path


def test_the_table_says_what_each_type_lists_and_how_sliders_are_labelled(menus: ControlMenus):
    table = json.loads(table_of(menus, ModelFamily.sd1))
    canny = table["types"]["Canny"]
    assert canny["preprocessor"] == "canny"
    assert canny["models"] == ["None", title(menus, NAMES[0])]
    assert canny["model"] == title(menus, NAMES[0])
    about = table["preprocessors"]["canny"]
    assert about["resolution"] == ["Resolution", 64, 2048, 8, 512]
    assert about["a"] == ["Low Threshold", 1, 255, 1, 100]
    assert about["b"] == ["High Threshold", 1, 255, 1, 200]
    assert about["model"] is True
    assert table["preprocessors"]["reference_only"]["model"] is False
    assert table["preprocessors"]["none"]["a"] is None
    assert ["tree", "#04c803"] in table["palette"]
    assert table["weights"]["normal"] == [[1, 0]] * 16


def test_the_table_spreads_weights_over_the_checkpoints_own_layers(menus: ControlMenus):
    weights = json.loads(table_of(menus, ModelFamily.sdxl))["weights"]["style and composition"]
    assert (len(weights), weights[3], weights[6]) == (11, [0, 1], [1, 0])


def test_a_page_without_preprocessors_has_an_empty_table():
    assert json.loads(table_of(NO_CONTROL, ModelFamily.unknown))["types"] == {}
    assert restored_units({"control_0_type": "All"}, NO_CONTROL, ModelFamily.unknown) == {}
