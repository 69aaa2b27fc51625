"""What the page's menus offer, where that depends on something else."""

from collections.abc import Sequence

import gradio as gr

from pipelines.errors import InvalidRequest
from pipelines.samplers import AUTOMATIC, allowed_schedules, find_sampler
from ui.values import Raw, Update


def schedule_labels(sampler: str) -> tuple[str, ...]:
    """Schedule types that the sampler of this label can follow, in menu order."""
    try:
        return allowed_schedules(find_sampler(sampler))
    except InvalidRequest:
        return (AUTOMATIC,)


def menu(choices: Sequence[str], value: Raw) -> Update:
    """What a dropdown becomes: these choices, with `value` chosen."""
    return gr.update(choices=list(choices), value=value)
