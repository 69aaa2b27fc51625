"""What the menus of a unit list under a control type."""

import pytest

from pipelines.catalog.families import ModelFamily, compatible, family_of_name
from pipelines.control.menus import NO_CONTROL, ControlMenus
from pipelines.control.models import without_hash
from pipelines.control.units import UnionType
from pipelines.errors import InvalidRequest
from tests.helpers.control import menus_for

MODELS = (
    "canny_sd21",
    "control_v11p_sd15_canny",
    "control_v11p_sd15_lineart",
    "diffusers_xl_canny_full",
    "ip_adapter_sd15",
    "my_canny",
    "union-sdxl",
)


@pytest.fixture(scope="module")
def menus(tmp_path_factory: pytest.TempPathFactory) -> ControlMenus:
    return menus_for(tmp_path_factory.mktemp("ControlNet"), *MODELS)


def stems(titles: tuple[str, ...]) -> list[str]:
    return [without_hash(title) for title in titles]


def test_the_radio_begins_with_all(menus: ControlMenus):
    assert menus.control_types == ("All", "Canny", "IP-Adapter", "Lineart", "Reference")


def test_a_type_lists_its_preprocessors_and_chooses_the_first(menus: ControlMenus):
    assert menus.preprocessors("Canny") == ("none", "canny", "invert")
    assert menus.default_preprocessor("Canny") == "canny"
    assert menus.preprocessors("Lineart")[1] == "lineart (black on white)"


def test_all_lists_everything_and_chooses_nothing(menus: ControlMenus):
    assert len(menus.preprocessors("All")) == len(menus.plugins.preprocessors)
    assert menus.default_preprocessor("All") == "none"
    assert stems(menus.model_choices("All", ModelFamily.sdxl)) == ["None", *MODELS]
    assert menus.default_model("All") == "None"


@pytest.mark.parametrize(
    ("family", "listed"),
    [
        (ModelFamily.sd1, ["canny_sd21", "control_v11p_sd15_canny", "my_canny"]),
        (ModelFamily.sdxl, ["diffusers_xl_canny_full", "my_canny", "union-sdxl"]),
        (ModelFamily.unknown, [name for name in MODELS if "canny" in name or "union" in name]),
    ],
)
def test_a_type_lists_models_that_fit_by_name_and_family(
    menus: ControlMenus, family: ModelFamily, listed: list[str]
):
    assert stems(menus.model_choices("Canny", family)) == ["None", *listed]


def test_a_type_chooses_a_model_of_controlnet_1_1_or_the_first(menus: ControlMenus):
    assert without_hash(menus.default_model("Canny", ModelFamily.sd1)) == "control_v11p_sd15_canny"
    chosen = menus.default_model("Canny", ModelFamily.sdxl)
    assert without_hash(chosen) == "diffusers_xl_canny_full"
    assert menus.default_model("Reference") == "None"


def test_a_fragment_counts_like_the_types_own_name(menus: ControlMenus):
    assert stems(menus.model_choices("IP-Adapter")) == ["None", "ip_adapter_sd15"]


def test_a_type_says_what_a_union_model_is_to_take_the_map_for(menus: ControlMenus):
    assert menus.union_type("Canny") is UnionType.hard_edge
    assert menus.union_type("Reference") is UnionType.unknown
    assert menus.union_type("All") is UnionType.unknown


def test_an_unknown_type_is_refused(menus: ControlMenus):
    with pytest.raises(InvalidRequest, match="Control Type 'Magic' is not known; there are: All"):
        menus.model_choices("Magic")


def test_without_plugins_there_is_nothing_to_choose():
    assert NO_CONTROL.control_types == ("All",)
    assert NO_CONTROL.model_choices("All") == ("None",)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("control_v11p_sd15_canny", ModelFamily.sd1),
        ("t2iadapter_sd14v1", ModelFamily.sd1),
        ("control_SD16", ModelFamily.sd1),
        ("canny-sd21", ModelFamily.sd2),
        ("thing-2.1", ModelFamily.sd2),
        ("sai_XL_canny", ModelFamily.sdxl),
        ("canny", ModelFamily.unknown),
    ],
)
def test_a_file_name_tells_the_family(name: str, family: ModelFamily):
    assert family_of_name(name) is family


def test_sdxl_and_its_refiner_go_with_nothing_but_themselves():
    known = set(ModelFamily) - {ModelFamily.unknown}
    alone = {ModelFamily.sdxl, ModelFamily.sdxl_refiner}
    for one in known:
        for other in known:
            apart = one is not other and bool({one, other} & alone)
            assert compatible(one, other) is not apart
        assert compatible(one, ModelFamily.unknown)
        assert compatible(ModelFamily.unknown, one)
