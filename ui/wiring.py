"""Which event of which component calls which handler."""

import json
from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from ui.canvas.canvas import Canvas, collect_js
from ui.context import Context
from ui.control_events import ControlEvents
from ui.control_values import OPEN
from ui.control_wiring import wanted_canvases, watched_of_all, wire_control
from ui.events import GenerateEvents
from ui.example_events import ExampleEvents
from ui.form_events import FormEvents, StyleEvents, Updates, options_html
from ui.info_events import InfoEvents
from ui.messages import error_html
from ui.panels.models import ModelPanel
from ui.panels.tools import Field
from ui.quiet import QUIET
from ui.settings_events import SettingsEvents
from ui.source_wiring import show_on_canvas, wire_sources
from ui.tabs.img2img import Img2ImgTab
from ui.tabs.png_info import PngInfoTab
from ui.tabs.settings import SettingsTab
from ui.uploads import Uploads
from ui.values import Raw, Update

NOT_TAKEN = (
    "The job was not taken: the server cannot be reached, or its console says what went wrong."
)

STORAGE_KEY = "redraw-form"
STORAGE_SECRET = "redraw"
"""Not a secret: with a fixed one, what the browser remembers outlives the server's restarts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Every component there is."""

    blocks: gr.Blocks
    models: ModelPanel
    main: Img2ImgTab
    info: PngInfoTab
    settings: SettingsTab

    @property
    def fields(self) -> dict[str, Field]:
        """The form's fields by name."""
        return {**self.models.fields, **self.main.fields}

    @property
    def files(self) -> dict[str, gr.File]:
        """The canvases' hidden files: sent with Generate, but no fields of the form."""
        return {**self.main.source.files, **self.main.control.files}

    @property
    def shown(self) -> list[Block]:
        """What pasting changes: every field, and the accordion that it may open."""
        return [*self.fields.values(), self.main.control.accordion]

    @property
    def restorable(self) -> list[Canvas]:
        """The canvases to which a result that keeps what was drawn for it is given back."""
        source = self.main.source
        return [source.inpaint, source.inpaint_sketch, *self.main.control.canvases]

    def update(self, updates: Updates) -> dict[Block, Update]:
        """Updates by name as updates by component, which is what Gradio wants.

        A browser may remember fields that an older or a differently set page had: they are left.
        """
        blocks = {**self.fields, **self.files, OPEN: self.main.control.accordion}
        return {blocks[name]: value for name, value in updates.items() if name in blocks}


def wire(page: Page, context: Context, uploads: Uploads) -> None:
    """Connect everything."""
    generate = GenerateEvents(context, uploads)
    _wire_generate(page, generate)
    _wire_results(page, generate)
    form = FormEvents(context)
    _wire_prompt(page, form)
    _wire_styles(page, StyleEvents(context))
    _wire_models(page, form)
    wire_sources(page.main.source)
    _wire_size_and_seed(page)
    _wire_info(page, InfoEvents(form))
    control = ControlEvents(context, uploads)
    inputs = {**page.fields, **page.files}
    wire_control(page.main.control, inputs, [*page.main.source.canvases.values()], control)
    options = gr.HTML(elem_id="redraw_options", visible="hidden")
    example = ExampleEvents(context, form)
    memory = _wire_memory(page, context, form, example, control, options)
    _wire_example(page, example, memory)
    _wire_settings(page, SettingsEvents(context), options)


def _wire_generate(page: Page, events: GenerateEvents) -> None:
    results, source = page.main.results, page.main.source
    inputs: dict[str, Component] = {**page.fields, **page.files}
    units = wanted_canvases(page.main.control)
    collect = collect_js([*inputs.values()], [*source.canvases.values()], units)
    place_of_mode = list(inputs).index("mode")
    pressed = page.main.prompt.generate.click(
        events.submit,
        inputs_kwargs={**inputs},
        outputs=[results.log],
        js=f"(...args) => redraw.sources.submit(args, {place_of_mode}, {collect})",
        trigger_mode="multiple",
        **QUIET,
    )
    pressed.then(None, js="() => redraw.jobs.refresh()")
    # No answer, or one of Gradio's own; told by the browser, since the server may be gone.
    not_taken = json.dumps(error_html(NOT_TAKEN))
    pressed.failure(None, outputs=[results.log], js=f"() => redraw.sources.refusal({not_taken})")
    results.show.click(
        events.show,
        inputs=[results.job],
        outputs=[results.gallery, results.selected, results.info, results.log, results.job],
        js="() => [redraw.jobs.nextToShow()]",
        trigger_mode="multiple",
        **QUIET,
    ).then(
        events.compare,
        inputs=[results.job, results.selected],
        outputs=[results.compare],
        js="(job, index) => [redraw.comparing() ? job : null, index]",
        **QUIET,
    ).then(None, js="() => redraw.jobs.shown()")


def _wire_results(page: Page, events: GenerateEvents) -> None:
    results, seed, size = page.main.results, page.main.seed, page.main.size
    shown = [results.job, results.selected]
    results.gallery.select(
        events.select, inputs=[results.job], outputs=[results.selected, results.info], **QUIET
    )
    results.compare_tab.select(events.compare, inputs=shown, outputs=[results.compare], **QUIET)
    sides = [size.width, size.height]
    results.send_to_img2img.click(
        events.send_to_img2img,
        inputs=shown,
        outputs=[page.main.source.image, *sides],
        js="(...args) => redraw.sources.sendToImg2img(args)",
        **QUIET,
    )
    # The picture itself goes from the gallery to the canvas within the browser.
    results.send_to_sketch.click(events.send_size, inputs=shown, outputs=sides, **QUIET)
    for button in (results.reuse_seed, seed.reuse_seed):
        button.click(events.reuse_seed, inputs=shown, outputs=[seed.seed], **QUIET)
    seed.reuse_variation_seed.click(
        events.reuse_variation_seed, inputs=shown, outputs=[seed.variation_seed], **QUIET
    )


def _wire_prompt(page: Page, form: FormEvents) -> None:
    panel, log = page.main.prompt, page.main.results.log
    outputs = [*page.shown, log]

    def paste(prompt: Raw) -> dict[Block, Update]:
        updates, message = form.paste(prompt)
        return {**page.update(updates), log: message}

    def drop(file: Raw) -> dict[Block, Update]:
        updates, message = form.drop(file)
        kept = {**dict.fromkeys(page.files), **updates}
        return {**page.update(kept), log: message, panel.dropped: None}

    def apply_styles(prompt: Raw, negative: Raw, styles: Raw) -> dict[Block, Update]:
        updates, message = form.apply_styles(prompt, negative, styles)
        return {**page.update(updates), log: message}

    texts = [panel.prompt, panel.negative_prompt]
    panel.paste.click(paste, inputs=[panel.prompt], outputs=outputs, **QUIET)
    dropped = panel.dropped.upload(
        drop,
        inputs=[panel.dropped],
        outputs=[*outputs, *page.files.values(), panel.dropped],
        **QUIET,
    )
    show_on_canvas(dropped, page.restorable)
    panel.apply_styles.click(apply_styles, inputs=[*texts, panel.styles], outputs=outputs, **QUIET)
    panel.clear.click(
        None,
        inputs=texts,
        outputs=texts,
        js="(a, b) => confirm('Delete prompt?') ? ['', ''] : [a, b]",
    )
    counted = [*texts, panel.styles, page.main.sampler.steps, page.main.sampler.sampler]
    for changed in counted:
        changed.change(None, js="() => redraw.countTokensSoon()")
    panel.count.click(
        form.count_tokens,
        inputs=counted,
        outputs=[panel.counter, panel.negative_counter],
        **QUIET,
    ).then(None, js="() => redraw.tokensCounted()")


def _wire_styles(page: Page, events: StyleEvents) -> None:
    editor, panel = page.main.styles, page.main.prompt
    texts, menus = [editor.positive, editor.negative], [editor.name, panel.styles]
    editor.name.change(events.load, inputs=[editor.name], outputs=texts, **QUIET)
    editor.save.click(
        events.save,
        inputs=[editor.name, *texts, panel.styles],
        outputs=[*menus, editor.message],
        **QUIET,
    )
    editor.delete.click(
        events.delete,
        inputs=menus,
        outputs=[*menus, editor.message],
        js="(name, chosen) => [name && confirm(`Delete style ${name}?`) ? name : null, chosen]",
        **QUIET,
    )
    editor.refresh.click(events.refresh, inputs=menus, outputs=[*menus, editor.message], **QUIET)
    editor.copy.click(
        None,
        inputs=[panel.prompt, panel.negative_prompt],
        outputs=texts,
        js="(positive, negative) => [positive, negative]",
    )


def _wire_models(page: Page, form: FormEvents) -> None:
    models, sampler, size = page.models, page.main.sampler, page.main.size
    log = page.main.results.log

    def change(title: Raw, width: Raw, height: Raw) -> dict[Block, Update]:
        updates, message = form.change_checkpoint(title, width, height)
        return {**page.update(updates), log: message}

    models.checkpoint.input(
        change,
        inputs=[models.checkpoint, size.width, size.height],
        outputs=[size.width, size.height, log],
        **QUIET,
    )
    models.refresh.click(
        form.refresh_checkpoints, inputs=[models.checkpoint], outputs=[models.checkpoint], **QUIET
    )
    second = page.main.refiner
    menus = {"inputs": [second.checkpoint], "outputs": [second.checkpoint]}
    second.refresh.click(form.refresh_refiners, **menus, **QUIET)
    both = [sampler.sampler, sampler.schedule]
    sampler.sampler.input(form.schedule_menu, inputs=both, outputs=[sampler.schedule], **QUIET)


def _wire_size_and_seed(page: Page) -> None:
    size, seed = page.main.size, page.main.seed
    sides = [size.width, size.height]
    size.resize_to.select(None, outputs=[size.size_tab], js="() => 0")
    size.resize_by.select(None, outputs=[size.size_tab], js="() => 1")
    # Gradio draws what is on a tab when the tab first comes to the front.
    size.resize_by.select(None, js="() => redraw.describeScale()")
    size.size_tab.change(None, inputs=[size.size_tab], js="(tab) => redraw.openSizeTab(tab)")
    size.swap.click(None, inputs=sides, outputs=sides, js="(width, height) => [height, width]")
    size.detect.click(
        None, inputs=sides, outputs=sides, js="(width, height) => redraw.detectSize(width, height)"
    )
    for moved in sides:
        moved.change(None, js="() => redraw.showAspectRatio()")
    for changed in (size.scale, page.main.source.image, page.main.source.inpaint_upload.base):
        changed.change(None, js="() => redraw.describeScale()")
    seed.random_seed.click(None, outputs=[seed.seed], js="() => -1")
    seed.random_variation_seed.click(None, outputs=[seed.variation_seed], js="() => -1")


def _wire_info(page: Page, events: InfoEvents) -> None:
    info, log = page.info, page.main.results.log

    def send(image: Raw, infotext: Raw) -> dict[Block, Update]:
        updates, message = events.send(image, infotext)
        return {**page.update({**dict.fromkeys(page.files), **updates}), log: message}

    info.image.change(
        events.describe, inputs=[info.image], outputs=[info.infotext, info.info], **QUIET
    )

    def send_to_inpaint(image: Raw, infotext: Raw) -> dict[Block, Update]:
        updates, message = events.send_to_inpaint(image, infotext)
        return {**page.update({**dict.fromkeys(page.files), **updates}), log: message}

    given, outputs = [info.image, info.infotext], [*page.shown, *page.files.values(), log]
    sent = info.send_to_img2img.click(send, inputs=given, outputs=outputs, **QUIET)
    show_on_canvas(sent, page.restorable).then(None, js="() => redraw.openTab('img2img')")
    sent = info.send_to_inpaint.click(send_to_inpaint, inputs=given, outputs=outputs, **QUIET)
    show_on_canvas(sent, page.restorable).then(None, js="() => redraw.openTab('img2img')")


def _wire_memory(
    page: Page,
    context: Context,
    form: FormEvents,
    example: ExampleEvents,
    control: ControlEvents,
    options: gr.HTML,
) -> gr.BrowserState:
    """The form outlives a reload: the browser remembers it, and the server checks it."""
    fields = page.fields
    memory = gr.BrowserState(None, storage_key=STORAGE_KEY, secret=STORAGE_SECRET)
    main = page.main
    style_names = main.styles.name
    about = [page.models.note, main.source.example.offer, main.guidance.for_editing]
    table = main.control.table

    def restore(stored: Raw) -> dict[Block, Update]:
        restored = form.restore(stored)
        updates = page.update(restored)
        title = restored["checkpoint"]["value"]
        updates |= zip(about, example.describe(title), strict=True)
        updates[table] = control.table(title)
        current = context.settings.current
        settings = {field: getattr(current, key) for key, field in page.settings.fields.items()}
        editor = {style_names: gr.update(choices=list(context.styles.names))}
        return {**updates, **settings, **editor, options: options_html(current)}

    page.blocks.load(
        restore,
        inputs=[memory],
        outputs=[
            *fields.values(),
            *page.settings.fields.values(),
            *(style_names, *about, table, options),
        ],
        **QUIET,
    ).then(
        None,
        inputs=[table, *watched_of_all(page.main.control)],
        js="(...values) => redraw.control.begin(values)",
    ).then(None, js="() => redraw.restored()")
    # gradio leaves the function of a validator, which is not used here, unknown in its type.
    gr.on(  # pyright: ignore[reportUnknownMemberType]
        [field.change for field in fields.values()],
        None,
        inputs=[memory, *fields.values()],
        outputs=[memory],
        js=f"(memory, ...values) => redraw.remember({json.dumps(list(fields))}, memory, values)",
    )
    return memory


def _wire_example(page: Page, events: ExampleEvents, memory: gr.BrowserState) -> None:
    """The checkpoint's line and example; the browser keeps the form from before, to take it back.

    `memory` only carries it to the handler.
    """
    example, log = page.main.source.example, page.main.results.log
    checkpoint = page.models.checkpoint
    fields = page.fields
    names = json.dumps(list(fields))

    def fill(title: Raw) -> dict[Block, Update]:
        updates, message = events.fill(title)
        return {**page.update(updates), log: message}

    def undo(before: Raw) -> dict[Block, Update]:
        return {**page.update(events.undo(before)), log: ""}

    checkpoint.change(
        events.describe,
        inputs=[checkpoint],
        outputs=[page.models.note, example.offer, page.main.guidance.for_editing],
        trigger_mode="always_last",
        **QUIET,
    )
    example.offer.click(
        None,
        inputs=[*fields.values()],
        js=f"(...values) => redraw.example.begin({names}, values)",
    ).then(fill, inputs=[checkpoint], outputs=[*fields.values(), log], **QUIET).then(
        None,
        inputs=[*fields.values()],
        js=f"(...values) => redraw.example.filled({names}, values)",
    )
    example.undo.click(
        undo,
        inputs=[memory],
        outputs=[*fields.values(), log],
        js="() => redraw.example.takeBack()",
        **QUIET,
    )


def _wire_settings(page: Page, events: SettingsEvents, options: gr.HTML) -> None:
    settings = page.settings
    settings.apply.click(
        events.apply,
        inputs_kwargs={**settings.fields},
        outputs=[settings.message, options],
        **QUIET,
    )
