"""Parts of a run by themselves, for tests that look between them."""

from pipelines.diffusion.assemble import BatchInputs
from pipelines.diffusion.run import Diffusion
from pipelines.diffusion.sample import LoadedModel
from pipelines.monitor import Unwatched
from pipelines.plan import Plan


def inputs_of(diffusion: Diffusion, plan: Plan, model: LoadedModel) -> BatchInputs:
    """What the sampling of a batch of `plan` is given, but for ControlNet units."""
    unwatched = Unwatched()
    texts = diffusion._prompts.read(plan, model.components, key=model.key, monitor=unwatched)
    assert texts is not None
    return diffusion._encoded(plan, model, diffusion._prepared(plan), texts, unwatched)
