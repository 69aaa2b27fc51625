"""Which event of the ControlNet accordion calls what.

What is seen, what the menus list and how the sliders are labelled is worked out by the browser
(`static/control.js`) from the accordion's table; only a look into folders and a preview ask the
server.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import gradio as gr

from ui.canvas.canvas import Canvas, Wanted, collect_js
from ui.control_events import ControlEvents
from ui.control_forms import InputTab
from ui.panels.control_unit import ControlUnitPanel, Option
from ui.panels.controlnet import ControlNetPanel
from ui.panels.tools import Field
from ui.quiet import QUIET

WATCHED = (
    "enabled",
    "type",
    "preprocessor",
    "pixel_perfect",
    "allow_preview",
    "region_on",
    "independent",
    "input_tab",
    "weight_type",
    "weight",
    "composition",
    "layer_weights",
)
"""Fields of a unit on which it depends what is seen, in the order in which the script has them."""

SLIDERS = ("resolution", "a", "b")


def watched(unit: ControlUnitPanel) -> list[Option]:
    """A unit's fields that are named in WATCHED."""
    return _own(unit, WATCHED)


def watched_of_all(panel: ControlNetPanel) -> list[Option]:
    """Those of one unit after the other."""
    return [field for unit in panel.units for field in watched(unit)]


def wanted_canvases(panel: ControlNetPanel) -> list[Wanted]:
    """The canvases whose pictures Generate sends: those of units that are enabled and use them."""
    return [_wanted(unit, enabled=True) for unit in panel.units]


def wire_control(
    panel: ControlNetPanel,
    inputs: Mapping[str, Field],
    canvases: list[Canvas],
    events: ControlEvents,
) -> None:
    """Connect the accordion.

    `inputs` are all of the form's fields and hidden files by name, and `canvases` those on which a
    job begins: a preview may be of their picture.
    """
    for unit in panel.units:
        _wire_choices(panel, unit)
        _wire_pictures(unit)
        _wire_preview(unit, inputs, canvases, events)
    if panel.units:
        _wire_models(panel, inputs["checkpoint"], events)
    inputs["inpaint_area"].change(
        None, inputs=[inputs["inpaint_area"]], js="(area) => redraw.control.showArea(area)"
    )


def _wire_choices(panel: ControlNetPanel, unit: ControlUnitPanel) -> None:
    kind, preprocessor, model = _own(unit, ("type", "preprocessor", "model"))
    sliders = _own(unit, SLIDERS)
    gr.on(  # pyright: ignore[reportUnknownMemberType] as in ui.wiring
        [field.change for field in watched(unit)],
        None,
        inputs=watched(unit),
        js=f"(...values) => redraw.control.show({unit.index}, values)",
    )
    kind.input(
        None,
        inputs=[panel.table, kind],
        outputs=[preprocessor, model, *sliders],
        js="(...given) => redraw.control.chooseType(...given)",
    )
    preprocessor.input(
        None,
        inputs=[panel.table, preprocessor],
        outputs=sliders,
        js="(...given) => redraw.control.choosePreprocessor(...given)",
    )
    # Whoever has set them: menus and labels follow, values stay.
    gr.on(  # pyright: ignore[reportUnknownMemberType] as in ui.wiring
        [kind.change, preprocessor.change, panel.table.change],
        None,
        inputs=[panel.table, kind, preprocessor],
        outputs=[preprocessor, model, *sliders],
        js="(...given) => redraw.control.dress(...given)",
    )


def _wire_pictures(unit: ControlUnitPanel) -> None:
    images = unit.images
    enabled, independent, preprocessor = _own(unit, ("enabled", "independent", "preprocessor"))
    for number, tab in enumerate(images.input_tabs):
        tab.select(None, outputs=[images.input_tab], js=f"() => {number}")
    images.input_tab.change(
        None,
        inputs=[images.input_tab],
        js=f"(tab) => redraw.control.openInput({unit.index}, tab)",
    )
    images.pictures.upload(None, outputs=[enabled], js="() => true")
    images.use_preview.click(
        None,
        inputs=[preprocessor],
        outputs=[independent, images.input_tab, preprocessor],
        js=f"(preprocessor) => redraw.control.usePreview({unit.index}, preprocessor)",
    )


def _wire_preview(
    unit: ControlUnitPanel,
    inputs: Mapping[str, Field],
    canvases: list[Canvas],
    events: ControlEvents,
) -> None:
    images = unit.images
    allow_preview = _own(unit, ("allow_preview",))[0]
    seen_to_work: dict[str, Any] = {
        **QUIET,
        "show_progress": "full",
        "show_progress_on": [images.preview],
    }
    unit.run.click(
        partial(events.preview, unit.index),
        inputs_kwargs={**inputs},
        outputs=[images.preview, images.pose, unit.message, allow_preview],
        js=collect_js([*inputs.values()], canvases, [_wanted(unit, enabled=False)]),
        trigger_mode="once",
        **seen_to_work,
    )
    outdating = _own(unit, ("type", "pixel_perfect", "preprocessor", "independent", *SLIDERS))
    # Of another picture, too: of another tab's, or of another one on img2img's first tab. A canvas
    # that has changed presses the hidden button.
    sources = [inputs["mode"].change, inputs["image"].change]
    gr.on(  # pyright: ignore[reportUnknownMemberType] as in ui.wiring
        [*sources, *(field.input for field in outdating), images.forget_preview.click],
        None,
        outputs=[images.preview, images.pose, unit.message],
        js="() => [null, '', '']",
    )


def _wire_models(panel: ControlNetPanel, checkpoint: Field, events: ControlEvents) -> None:
    """The menus of models after another look into the folders, and for another checkpoint."""
    kinds = [_own(unit, ("type",))[0] for unit in panel.units]
    models = [_own(unit, ("model",))[0] for unit in panel.units]
    given = [panel.table, *kinds, *models]
    gr.on(  # pyright: ignore[reportUnknownMemberType] as in ui.wiring
        [unit.refresh.click for unit in panel.units],
        events.refresh,
        inputs=[checkpoint],
        outputs=[panel.table],
        **QUIET,
    ).then(None, inputs=given, outputs=models, js="(...all) => redraw.control.refilter(false, all)")
    checkpoint.change(events.table, inputs=[checkpoint], outputs=[panel.table], **QUIET).then(
        None, inputs=given, outputs=models, js="(...all) => redraw.control.refilter(true, all)"
    )


def _own(unit: ControlUnitPanel, names: tuple[str, ...]) -> list[Option]:
    return [unit.options[name] for name in names]


def _wanted(unit: ControlUnitPanel, *, enabled: bool) -> Wanted:
    """The unit's canvas, for as long as it has a picture of its own, and that is the one used."""
    when = [
        (_own(unit, ("independent",))[0], True),
        (unit.images.input_tab, int(InputTab.single)),
    ]
    if enabled:
        when.append((_own(unit, ("enabled",))[0], True))
    return Wanted(canvas=unit.images.canvas, when=when)
