"""Draws one picture from a seed: the renderer's front door."""

from dataclasses import dataclass, replace

from tools.demo_model.canvas import Bytes
from tools.demo_model.placement import draw_objects
from tools.demo_model.scene import Attributes, Choices, begin
from tools.demo_model.sky import draw_sky
from tools.demo_model.styles import finish
from tools.demo_model.terrain import draw_terrain


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendering:
    """A picture with all that is known about it."""

    picture: Bytes  # 256×256×3, RGB
    labels: Bytes  # 256×256, places in canvas.LABELS
    depth: Bytes  # 256×256, 0 is far and 255 near
    attributes: Attributes


def render(seed: int, choices: Choices | None = None) -> Rendering:
    """The landscape of `seed`; the same seed and choices always give the same picture."""
    scene = begin(seed, choices or Choices())
    draw_sky(scene)
    draw_terrain(scene)
    draw_objects(scene)
    return Rendering(
        picture=finish(scene),
        labels=scene.canvas.labels,
        depth=scene.canvas.depth,
        attributes=replace(scene.attributes, things=tuple(scene.things)),
    )
