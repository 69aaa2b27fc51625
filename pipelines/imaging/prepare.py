"""The source picture as the network is shown it."""

from PIL import Image

from pipelines.imaging.colours import to_rgb
from pipelines.imaging.resize import resize
from pipelines.plan import Plan
from pipelines.requests import ResizeMode


def prepare_init_image(plan: Plan) -> Image.Image:
    """The job's source picture in RGB, flattened and resized to `plan.size`.

    For latent_upscale it keeps its own size, since the latents are resized instead. Pure: the same
    plan gives the same pixels. InvalidPicture when the shapes do not go together.
    """
    request = plan.request
    flat = to_rgb(request.init_image, plan.settings.img2img_background_color)
    if request.resize_mode is ResizeMode.latent_upscale:
        return flat
    return resize(flat, plan.size, request.resize_mode)
