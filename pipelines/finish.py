"""From a decoded picture to a finished one: colours corrected, laid into what was not repainted."""

from dataclasses import dataclass

from PIL import Image

from pipelines.imaging.compositing import masked_composite
from pipelines.imaging.correction import correct_colours, lab
from pipelines.imaging.inherited import inherited_info
from pipelines.imaging.inpaint import MaskedPicture, lay_out, paste_back
from pipelines.plan import Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """One picture, and what the settings want beside it.

    `image` is RGB; of an inpaint job RGBA where the source has transparency, and 16-bit gray where
    the source is. Its `.info` holds the source's ICC profile, EXIF and resolution. `uncorrected` is
    the same without colour correction. `mask` (L) and `composite` (RGBA) have the result's size.
    """

    image: Image.Image
    uncorrected: Image.Image | None = None
    mask: Image.Image | None = None
    composite: Image.Image | None = None


class Finisher:
    """Finishes the pictures of one job; `source` is its picture as the network was shown it."""

    def __init__(self, plan: Plan, source: Image.Image) -> None:
        self._settings = plan.settings
        self._target = lab(source) if plan.settings.img2img_color_correction else None
        inherits = plan.request.inpaint is not None and plan.settings.overlay_inpaint
        self._inherited = inherited_info(plan.request.init_image) if inherits else {}

    def finish(self, generated: Image.Image, masked: MaskedPicture | None) -> Finished:
        """From `generated` (RGB, processing size); `masked` belongs to an inpaint job."""
        settings = self._settings
        corrected = generated
        if self._target is not None:
            corrected = correct_colours(generated, self._target)
        keeps_uncorrected = (
            corrected is not generated and settings.save_images_before_color_correction
        )
        wants_mask = settings.save_mask or settings.return_mask
        wants_composite = settings.save_mask_composite or settings.return_mask_composite
        return Finished(
            image=self._laid_into(corrected, masked),
            uncorrected=self._laid_into(generated, masked) if keeps_uncorrected else None,
            mask=masked.overlay_mask if masked is not None and wants_mask else None,
            composite=_composite(corrected, masked)
            if masked is not None and wants_composite
            else None,
        )

    def _laid_into(self, generated: Image.Image, masked: MaskedPicture | None) -> Image.Image:
        """With the original where nothing was repainted, unless the settings want it without."""
        if masked is None or not self._settings.overlay_inpaint:
            return generated
        result = paste_back(generated, masked)
        if (deep := masked.original.deep) is not None:
            result = masked.original.deepened(result, masked.overlay_mask)
            if "icc_profile" in deep.info:  # its own gray's, since its own numbers are kept
                result.info["icc_profile"] = deep.info["icc_profile"]
        result.info.update(self._inherited)
        return result


def _composite(generated: Image.Image, masked: MaskedPicture) -> Image.Image:
    composite = masked_composite(lay_out(generated, masked), masked.overlay_mask)
    if masked.original.profile is not None:
        composite.info["icc_profile"] = masked.original.profile
    return composite
