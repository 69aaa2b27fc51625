"""Every row of the evaluation, in the order of the table."""

from collections.abc import Sequence
from pathlib import Path

from tools.demo_model.evaluation import adding, editing, following, obeying, restoring
from tools.demo_model.evaluation.bench import Parts
from tools.demo_model.evaluation.table import Row


def _demo(parts: Parts) -> Sequence[Path]:
    return (parts.demo,)


_CONTROL_ROWS = tuple(
    Row(
        name=control.kind,
        what=f"ControlNet `demo_{control.kind}`: {control.measure}, weight 1 against 0",
        least=least,
        needs=lambda parts, kind=control.kind: (parts.demo, parts.controlnet(kind)),
        measure=obeying.obeyed(control),
    )
    for control, least in zip(
        obeying.CONTROLS,
        ("0.75 against under 0.4", "0.75 against under 0.4", "0.85", "0.7"),
        strict=True,
    )
)

ROWS: tuple[Row, ...] = (
    Row(
        name="vae",
        what="VAE: PSNR / SSIM",
        least="30 dB / 0.90",
        needs=_demo,
        measure=restoring.restored,
    ),
    Row(
        name="time",
        what="time of day right",
        least="95 %",
        needs=_demo,
        measure=following.time_of_day,
    ),
    Row(
        name="terrain",
        what="terrain right",
        least="90 %",
        needs=_demo,
        measure=following.terrain,
    ),
    Row(
        name="objects",
        what="object there when named, absent when not, mean of the objects",
        least="85 %",
        needs=_demo,
        measure=following.objects,
    ),
    Row(
        name="colour",
        what="colour of the named object right",
        least="85 %",
        needs=_demo,
        measure=following.colour,
    ),
    Row(
        name="side",
        what="left / right right",
        least="80 %",
        needs=_demo,
        measure=following.side,
    ),
    Row(
        name="layout",
        what="img2img at strength 0.5 keeps sky, ground and water: mean IoU",
        least="0.7",
        needs=_demo,
        measure=editing.layout,
    ),
    Row(
        name="doodle",
        what="img2img from a flat doodle at 0.75: terrain right and object in its place",
        least="75 %",
        needs=_demo,
        measure=editing.doodle,
    ),
    Row(
        name="inpaint",
        what="inpainting “a red house” on empty ground: it is inside the mask",
        least="80 %",
        needs=lambda parts: (parts.inpainting,),
        measure=editing.inpaint,
    ),
    Row(
        name="strength",
        what="mean distance to the init grows with strength",
        least="yes",
        needs=_demo,
        measure=editing.strength,
    ),
    *_CONTROL_ROWS,
    Row(
        name="lora",
        what="`demo_ink` draws in ink, weight 1 against 0",
        least="90 % against under 10 %",
        needs=lambda parts: (parts.demo, parts.lora),
        measure=adding.lora,
    ),
    Row(
        name="embedding",
        what="`demo_dusk` gives its light, with it against without",
        least="90 % against under 10 %",
        needs=lambda parts: (parts.demo, parts.embedding),
        measure=adding.embedding,
    ),
    Row(
        name="speed",
        what="20 steps at 256×256 / 512×512 on this machine",
        least="at most 4 s / 15 s",
        needs=_demo,
        measure=restoring.speed,
    ),
)
