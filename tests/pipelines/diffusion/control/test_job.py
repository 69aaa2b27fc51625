"""Jobs with ControlNet units, from plan to pictures, on tiny models."""

from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from pipelines.control.planned import PlannedUnit
from pipelines.diffusion.run import Diffusion
from pipelines.monitor import Unwatched
from pipelines.plan import Plan
from tests.helpers.control_models import planned_unit, save_controlnet
from tests.helpers.images import noise
from tests.pipelines.diffusion.conftest import MakePlan

MAP = noise(seed=3)


def pictures(diffusion: Diffusion, plan: Plan) -> list[Image.Image]:
    return [image for batch in diffusion.denoise(plan, Unwatched()) for _, image in batch.images]


def with_units(plan: Plan, *units: PlannedUnit) -> Plan:
    return replace(plan, control=units)


@pytest.fixture(scope="session")
def controlnet(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return save_controlnet(tmp_path_factory.mktemp("control") / "tiny_canny")


def test_a_unit_changes_the_picture(diffusion: Diffusion, make_plan: MakePlan, controlnet: Any):
    plan = make_plan()
    plain = pictures(diffusion, plan)
    steered = pictures(diffusion, with_units(plan, planned_unit(controlnet, images=(MAP,))))
    assert steered != plain
    assert pictures(diffusion, plan) == plain


def test_weight_0_gives_the_uncontrolled_picture(
    diffusion: Diffusion, make_plan: MakePlan, controlnet: Any
):
    plan = make_plan()
    unit = planned_unit(controlnet, images=(MAP,), weight=0.0)
    assert pictures(diffusion, with_units(plan, unit)) == pictures(diffusion, plan)
