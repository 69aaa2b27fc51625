"""Extensions of other packages: found by entry point, and never in the way of the program."""

import logging
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType

import pytest

from extensions import discovery
from extensions.controlnet.types import CONTROL_TYPES
from extensions.discovery import CONTROL_TYPES_GROUP, PREPROCESSORS_GROUP, discover, problem_of
from extensions.preprocessors import BUILT_IN
from pipelines.plugins import ControlType, Detected, Given, Preprocessor, Slider


def run(given: Given) -> Detected:
    return Detected(pixels=given.picture)


SEPIA = Preprocessor(key="sepia", label="Sepia", run=run)
POSTER = Preprocessor(key="poster", label="poster", run=run)


class Strangers:
    """What other packages offer: group -> value of the entry point, in one made-up module."""

    def __init__(self) -> None:
        self.module = ModuleType("strangers")
        self.points: list[EntryPoint] = []

    def offer(self, group: str, name: str, value: object) -> None:
        setattr(self.module, name, value)
        self.points.append(EntryPoint(name, f"strangers:{name}", group))

    def entry_points(self) -> EntryPoints:
        return EntryPoints(self.points)


@pytest.fixture
def strangers(monkeypatch) -> Strangers:
    strangers = Strangers()
    monkeypatch.setitem(sys.modules, "strangers", strangers.module)
    monkeypatch.setattr(discovery, "entry_points", strangers.entry_points)
    return strangers


def added() -> list[str]:
    return [found.key for found in discover().preprocessors if found not in BUILT_IN]


def test_the_built_in_ones_need_no_entry_point(strangers):
    plugins = discover()
    assert plugins.preprocessors == BUILT_IN
    assert plugins.control_types == CONTROL_TYPES


def test_no_built_in_one_is_offered_by_entry_point_as_well(caplog):
    assert discover().preprocessors[: len(BUILT_IN)] == BUILT_IN
    assert caplog.records == []


def test_one_or_several_are_added_in_the_order_of_the_entry_points_names(strangers):
    strangers.offer(PREPROCESSORS_GROUP, "second", (SEPIA, replace(SEPIA, key="s2", label="s2")))
    strangers.offer(PREPROCESSORS_GROUP, "first", POSTER)
    assert added() == ["poster", "sepia", "s2"]
    assert discover().find_preprocessor("Sepia") is SEPIA


def test_a_control_type_is_added(strangers):
    mosaic = ControlType(label="Mosaic", fragments=("mosaic",))
    strangers.offer(CONTROL_TYPES_GROUP, "mosaic", mosaic)
    strangers.offer(
        PREPROCESSORS_GROUP, "tiles", replace(SEPIA, key="tiles", label="tiles", types=("Mosaic",))
    )
    plugins = discover()
    assert plugins.control_types == (*CONTROL_TYPES, mosaic)
    assert [found.key for found in plugins.preprocessors_of("Mosaic")] == ["none", "tiles"]


def test_one_that_cannot_be_imported_is_logged_and_left_out(strangers, caplog):
    strangers.points.append(EntryPoint("broken", "strangers:missing", PREPROCESSORS_GROUP))
    strangers.points.append(EntryPoint("gone", "no_such_module_at_all", PREPROCESSORS_GROUP))
    strangers.offer(PREPROCESSORS_GROUP, "good", SEPIA)
    with caplog.at_level(logging.WARNING):
        assert added() == ["sepia"]
    assert "The extension broken (strangers:missing) cannot be loaded." in caplog.messages
    assert "The extension gone (no_such_module_at_all) cannot be loaded." in caplog.messages


@pytest.mark.parametrize("value", [run, "sepia", CONTROL_TYPES[0], Preprocessor])
def test_something_else_is_logged_and_left_out(strangers, caplog, value):
    strangers.offer(PREPROCESSORS_GROUP, "odd", value)
    assert added() == []
    assert "is left out: it is no Preprocessor." in caplog.text


@pytest.mark.parametrize(
    ("preprocessor", "problem"),
    [
        (replace(SEPIA, key="canny"), "its key or label is taken"),
        (replace(SEPIA, label="Canny"), "its key or label is taken"),
        (replace(SEPIA, label=""), "it has no key or no label"),
        (
            replace(SEPIA, sliders=(Slider(label="A", default=0, minimum=1, maximum=2),)),
            "slider 'A' is out of range",
        ),
        (
            replace(SEPIA, resolution=Slider(label="R", default=1, minimum=1, maximum=2, step=0)),
            "slider 'R' is out of range",
        ),
        (
            replace(SEPIA, sliders=(Slider(label="A", default=1, minimum=1, maximum=2),) * 3),
            "it has 3 sliders, and at most 2 are drawn",
        ),
        (replace(SEPIA, key=None), "its data are not of the right types"),
        (replace(SEPIA, sliders=None), "its data are not of the right types"),
    ],
)
def test_one_with_wrong_data_is_logged_and_left_out(strangers, caplog, preprocessor, problem):
    strangers.offer(PREPROCESSORS_GROUP, "wrong", preprocessor)
    assert added() == []
    assert problem in caplog.text


def test_of_two_with_one_name_the_first_stays(strangers, caplog):
    strangers.offer(PREPROCESSORS_GROUP, "b", replace(SEPIA, priority=1))
    strangers.offer(PREPROCESSORS_GROUP, "a", SEPIA)
    assert discover().find_preprocessor("sepia") is SEPIA
    assert "offered by b (strangers:b), is left out" in caplog.text


@pytest.mark.parametrize("label", ["All", "canny"])
def test_a_control_type_that_exists_is_left_out(strangers, caplog, label):
    strangers.offer(CONTROL_TYPES_GROUP, "again", ControlType(label=label))
    assert discover().control_types == CONTROL_TYPES
    assert caplog.messages == [
        f"'{label}', offered by again (strangers:again), is left out: its label is taken."
    ]


def test_a_preprocessor_without_sliders_has_no_problem():
    assert problem_of(SEPIA) is None
