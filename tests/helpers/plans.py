"""Plans for tests: made by the program's own planning, from a request with every seed given."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image

from pipelines.catalog.checkpoints import Checkpoint, Layout, VaeFile
from pipelines.errors import ModelNotFound
from pipelines.imaging.geometry import Size
from pipelines.plan import Plan, make_plan
from pipelines.requests import Batch, Img2ImgRequest, Prompt, ResizeTo, Sampling, Seeds
from pipelines.settings import Settings
from pipelines.styles import StyleBook

CHECKPOINT = Checkpoint(
    name="storybook/demo",
    path=Path("models/Stable-diffusion/storybook/demo"),
    layout=Layout.folder,
    short_hash="0123456789",
    default_size=Size(256, 256),
)


class OneCheckpoint:
    """A catalogue that holds CHECKPOINT alone."""

    def find(self, name: str) -> Checkpoint:
        if name in ("", CHECKPOINT.name, CHECKPOINT.title, CHECKPOINT.stem, CHECKPOINT.short_hash):
            return CHECKPOINT
        raise ModelNotFound(f"There is no checkpoint {name!r}.")

    def find_vae(self, name: str) -> VaeFile:
        """There is none."""
        raise ModelNotFound(f"There is no VAE {name!r}.")

    def choose_vae(
        self, checkpoint: Checkpoint, setting: str, *, overrides: bool
    ) -> VaeFile | None:
        """The checkpoint's own, unless another is named."""
        return None if setting in ("Automatic", "None") else self.find_vae(setting)


def request_for(**changes: Any) -> Img2ImgRequest:
    """A request for 512x512 with seed 1; `changes` replace its parts by name."""
    request = Img2ImgRequest(
        init_image=Image.new("RGB", (64, 64)),
        prompt=Prompt(positive="a cat", negative="blurry"),
        size=ResizeTo(width=512, height=512),
        sampling=Sampling(),
        seeds=Seeds(seed=1),
        batch=Batch(),
    )
    return replace(request, **changes)


def plan_for(
    *, settings: Mapping[str, Any] | None = None, styles: StyleBook | None = None, **changes: Any
) -> Plan:
    """The plan of `request_for(**changes)` under A1111's settings, but for those given by key.

    Random seeds are 4000; the time is the second of January 2026.
    """
    chosen: dict[str, Any] = {"randn_source": "GPU", **(settings or {})}
    return make_plan(
        request_for(**changes),
        Settings().with_changes(chosen),
        OneCheckpoint(),
        styles or StyleBook(Path("there/are/no/styles.csv")),
        draw_seed=lambda: 4000,
        now=lambda: datetime(2026, 1, 2, 3, 4, 5),
    )
