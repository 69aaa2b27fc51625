"""Plans for tests, made as the program makes them but without files or a network."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image

from pipelines.catalog.checkpoints import Checkpoint, Layout, VaeFile
from pipelines.errors import ModelNotFound
from pipelines.imaging.geometry import Size
from pipelines.plan import Plan, make_plan
from pipelines.requests import Img2ImgRequest, ResizeTo
from pipelines.settings import Settings
from pipelines.styles import StyleBook
from tests.helpers.images import gradient

CHECKPOINT = Checkpoint(
    name="folder/demo",
    path=Path("models/demo"),
    layout=Layout.folder,
    short_hash="0123456789",
    default_size=Size(64, 64),
)
CREATED = datetime(2024, 5, 6, 7, 8, 9)


class OneCheckpoint:
    """A catalog that knows CHECKPOINT under every name."""

    def find(self, name: str) -> Checkpoint:
        """CHECKPOINT."""
        return CHECKPOINT

    def find_vae(self, name: str) -> VaeFile:
        """There is none."""
        raise ModelNotFound(f"There is no VAE {name!r}.")

    def choose_vae(
        self, checkpoint: Checkpoint, setting: str, *, overrides: bool
    ) -> VaeFile | None:
        """The checkpoint's own, unless another is named."""
        return None if setting in ("Automatic", "None") else self.find_vae(setting)


def request_for(init_image: Image.Image | None = None, **parts: Any) -> Img2ImgRequest:
    """What is asked for at 64x64; `parts` are the request's (prompt, batch, seeds…)."""
    return Img2ImgRequest(
        init_image=init_image or gradient(), **{"size": ResizeTo(width=64, height=64), **parts}
    )


def plan_for(
    init_image: Image.Image | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    **parts: Any,
) -> Plan:
    """The plan of a job at 64x64; `parts` are the request's (prompt, batch, seeds…)."""
    return make_plan(
        request_for(init_image, **parts),
        Settings().with_changes(settings or {}),
        OneCheckpoint(),
        StyleBook(Path("no such file.csv")),
        draw_seed=lambda: 1234,
        now=lambda: CREATED,
    )
