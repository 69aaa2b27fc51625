"""Handlers of the ControlNet accordion: its menus, and what a preprocessor would make."""

import json
import logging
from typing import TYPE_CHECKING

from PIL import Image

from pipelines.catalog.families import ModelFamily
from pipelines.control.units import ControlUnit
from pipelines.errors import (
    InvalidPicture,
    InvalidRequest,
    MissingWeights,
    ModelBroken,
    ModelNotFound,
    UserError,
    describe_unexpected,
)
from pipelines.imaging.geometry import Size
from pipelines.requests import ResizeMode
from ui.context import Context
from ui.control_forms import read_unit
from ui.fields import choice, integer
from ui.messages import error_html
from ui.missing_weights import offer_html
from ui.panels.controlnet import table_of
from ui.sources import SourceTab, read_source
from ui.uploads import Uploads
from ui.values import UNCHANGED, Raw, Update, Values

if TYPE_CHECKING:
    from pipelines.control.preview import Preview

log = logging.getLogger(__name__)


class ControlEvents:
    """Each handler's outputs are named in its description."""

    def __init__(self, context: Context, uploads: Uploads) -> None:
        self._context = context
        self._uploads = uploads

    def table(self, title: Raw) -> str:
        """What the units' menus offer while the checkpoint of this title is chosen."""
        return table_of(self._context.control, self._family(title))

    def refresh(self, title: Raw) -> str:
        """The same, after another look into the folders of models."""
        self._context.control.refresh()
        return self.table(title)

    def preview(self, index: int, **values: Raw) -> tuple[Update, Update, str, Update]:
        """The map, its pose as JSON or "", a message, and the tick Allow Preview."""
        try:
            made = self._preview(index, values)
        except MissingWeights as error:
            return UNCHANGED, UNCHANGED, offer_html(error), UNCHANGED
        except UserError as error:
            return UNCHANGED, UNCHANGED, error_html(str(error)), UNCHANGED
        except Exception as error:  # a detector's own code may raise anything
            log.exception("The preview of ControlNet Unit %d failed.", index)
            return UNCHANGED, UNCHANGED, error_html(describe_unexpected(error)), UNCHANGED
        pose = "" if made.pose is None else json.dumps(made.pose)
        return made.image, pose, "", True

    def _preview(self, index: int, values: Values) -> "Preview":
        # OpenCV is too slow to load for a page that is to be up in a moment.
        from pipelines.control.preview import preview_unit

        context = self._context
        if context.preprocessors is None:
            raise InvalidRequest("There is nothing here that could run a preprocessor.")
        unit = read_unit(values, index, self._uploads, context.control, context.folders)
        return preview_unit(
            unit,
            context.control,
            context.preprocessors,
            context.settings.current,
            target=Size(integer("Width", values["width"]), integer("Height", values["height"])),
            picture=None if unit.images else self._picture_of_job(unit, values),
            tab_mode=choice("Resize mode", values["resize_mode"], ResizeMode),
        )

    def _picture_of_job(self, unit: ControlUnit, values: Values) -> Image.Image:
        """What a unit without a picture of its own goes by."""
        if unit.independent:
            where = "its folder" if unit.folder else "Single Image"
            raise InvalidPicture(f"{unit.name}: there is no image to preview in {where}.")
        if integer("Tab", values["mode"]) == SourceTab.batch:
            raise InvalidRequest(
                f"{unit.name}: each file of the batch gives its own map; to see one, open that "
                "picture on the img2img tab."
            )
        background = self._context.settings.current.img2img_background_color
        return read_source(values, self._uploads, background).picture

    def _family(self, title: Raw) -> ModelFamily:
        try:
            return self._context.catalog.find(str(title or "")).family
        except (ModelNotFound, ModelBroken):
            return ModelFamily.unknown
