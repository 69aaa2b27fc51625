"""The source picture as the network is shown it."""

from dataclasses import dataclass

from PIL import Image

from pipelines.imaging.colours import to_rgb
from pipelines.imaging.inpaint import MaskedPicture, prepare_inpaint
from pipelines.imaging.resize import resize
from pipelines.plan import Plan
from pipelines.requests import ResizeMode


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """What a job works on: `init_image` (RGB) is encoded; `masked` belongs to an inpaint job."""

    init_image: Image.Image
    masked: MaskedPicture | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of all pixels, about."""
        pixels = self.init_image.width * self.init_image.height
        if self.masked is not None:
            # The original with its overlay and their masks, as large as the result will be.
            pixels += 4 * self.masked.original.size.pixels
        return pixels * 4

    @property
    def shown(self) -> Image.Image:
        """The source beside a result of the same size, for before / after views."""
        if self.masked is None:
            return self.init_image
        original = self.masked.original
        whole = original.colours.copy() if original.alpha is None else original.rgba()
        if original.profile is not None:
            whole.info["icc_profile"] = original.profile
        return whole


def prepare(plan: Plan) -> Prepared:
    """The job's source picture, and its mask if it has one; pure.

    InvalidPicture or InvalidRequest, in one sentence, when nothing would be repainted or when the
    shapes do not go together.
    """
    request = plan.request
    if request.inpaint is None:
        return Prepared(init_image=prepare_init_image(plan))
    masked = prepare_inpaint(
        request.init_image,
        request.inpaint,
        plan.size,
        resize_mode=request.resize_mode,
        background=plan.settings.img2img_background_color,
    )
    return Prepared(init_image=masked.init_image, masked=masked)


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
