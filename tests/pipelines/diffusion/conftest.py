"""Fixtures around a tiny model on disk: plans for it, and a run that owns it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from pipelines.catalog.checkpoints import Checkpoint, Layout
from pipelines.catalog.families import ModelFamily
from pipelines.diffusion import load, single_file
from pipelines.diffusion.parts import Components
from pipelines.diffusion.run import Diffusion
from pipelines.imaging.geometry import Size
from pipelines.monitor import Unwatched
from pipelines.plan import Plan
from pipelines.requests import ResizeTo, Sampling
from tests.helpers.images import gradient
from tests.helpers.ldm import FAMILIES, config_of, family_components
from tests.helpers.plans import plan_for
from tests.helpers.tiny import EXACT, save_tiny_model

MakePlan = Callable[..., Plan]
Pretend = Callable[[Components], None]
DEMO = Path(__file__).parents[3] / "models" / "Stable-diffusion" / "demo"


class Watcher(Unwatched):
    """Remembers what it is told, and stops a batch after a step.

    `stop` holds (batch, step) pairs after which the batch is to end; with `end_job` no batch
    follows. Previews are wanted at every step and drawn at once.
    """

    def __init__(self, stop: tuple[tuple[int, int], ...] = (), *, end_job: bool = False) -> None:
        self.stages: list[str] = []
        self.steps: list[list[int]] = []
        self.previews: list[Image.Image] = []
        self._stop = stop
        self._end_job = end_job
        self.stop_now = False
        self.stop_after_batch = False

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def begin_batch(self, index: int, count: int, steps: int) -> None:
        self.stop_now = False
        self.steps.append([])

    def step_done(self, done: int) -> None:
        self.steps[-1].append(done)
        if (len(self.steps) - 1, done) in self._stop:
            self.stop_now = True
            self.stop_after_batch = self._end_job

    def wants_preview(self, done: int) -> bool:
        return True

    def offer_preview(self, draw: Callable[[], Image.Image]) -> None:
        self.previews.append(draw())


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums in one order, and no contention between tests that run beside each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A tiny model that predicts noise."""
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Checkpoint]:
    """A model that predicts noise, one that predicts velocity, one for inpainting, and the demo."""
    folder = tmp_path_factory.mktemp("models")
    return {
        "epsilon": save_tiny_model(folder / "epsilon"),
        "velocity": save_tiny_model(folder / "velocity", prediction_type="v_prediction"),
        "inpainting": save_tiny_model(folder / "inpainting", in_channels=9),
        "demo": Checkpoint(
            name="demo",
            path=DEMO,
            layout=Layout.folder,
            short_hash="0123456789",
            default_size=Size(256, 256),
        ),
    }


@pytest.fixture(scope="session")
def models() -> dict[ModelFamily, Components]:
    """One tiny model of each family, never changed."""
    return {family: family_components(family) for family in FAMILIES}


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """Have the published model of every family be as small as this one."""

    def be(parts: Components) -> None:
        for module in (single_file, load):
            monkeypatch.setattr(module, "stored_config", lambda _: config_of(parts))

    return be


@pytest.fixture
def own_checkpoint(tmp_path: Path) -> Checkpoint:
    """The tiny model again, for a test that damages it."""
    return save_tiny_model(tmp_path / "own")


@pytest.fixture
def diffusion() -> Diffusion:
    """A run that has loaded nothing yet, computing in float32."""
    return Diffusion(EXACT)


@pytest.fixture(scope="module")
def shared() -> Diffusion:
    """One run for tests that only ask it for pictures."""
    return Diffusion(EXACT)


@pytest.fixture
def make_plan(checkpoint: Checkpoint) -> MakePlan:
    """Plans for the tiny model: 64x64, 4 of 5 steps; keywords as `plan_for` takes them."""

    def make(*, settings: dict[str, Any] | None = None, **changes: Any) -> Plan:
        changes = {
            "init_image": gradient(),
            "size": ResizeTo(width=64, height=64),
            "sampling": Sampling(steps=5),
            **changes,
        }
        return replace(
            plan_for(settings={"randn_source": "CPU", **(settings or {})}, **changes),
            checkpoint=checkpoint,
        )

    return make
