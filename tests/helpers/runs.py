"""A run's pictures, and parts of it by themselves for tests that look between them."""

from PIL import Image

from pipelines.diffusion.assemble import BatchInputs
from pipelines.diffusion.run import Diffusion
from pipelines.diffusion.sample import LoadedModel
from pipelines.monitor import Monitor, Unwatched
from pipelines.plan import Plan


def pictures(diffusion: Diffusion, plan: Plan, monitor: Monitor | None = None) -> list[Image.Image]:
    """What becomes of a plan, in its order."""
    batches = diffusion.denoise(plan, monitor or Unwatched())
    return [image for batch in batches for _, image in batch.images]


def loaded(diffusion: Diffusion, plan: Plan) -> LoadedModel:
    """The plan's model, loaded if it was not."""
    return diffusion._model(plan.checkpoint, plan.settings, None)


def inputs_of(diffusion: Diffusion, plan: Plan, model: LoadedModel) -> BatchInputs:
    """What the sampling of a batch of `plan` is given, but for ControlNet units."""
    unwatched = Unwatched()
    texts = diffusion._prompts.read(plan, model.components, key=model.key, monitor=unwatched)
    assert texts is not None
    return diffusion._encoded(plan, model, diffusion._prepared(plan), texts, unwatched)
