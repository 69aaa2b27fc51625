"""What the page's menus offer, where that depends on something else."""

from pipelines.errors import InvalidRequest
from pipelines.samplers import AUTOMATIC, allowed_schedules, find_sampler


def schedule_labels(sampler: str) -> tuple[str, ...]:
    """Schedule types that the sampler of this label can follow, in menu order."""
    try:
        return allowed_schedules(find_sampler(sampler))
    except InvalidRequest:
        return (AUTOMATIC,)
