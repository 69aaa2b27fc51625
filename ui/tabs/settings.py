"""The Settings tab, drawn from the table of settings."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import gradio as gr
from gradio.components import Component

from pipelines.settings import FIELDS, Info, Settings
from ui.values import Raw

TITLE = "Settings"


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingsTab:
    """What the tab is made of."""

    apply: gr.Button
    message: gr.HTML
    fields: dict[str, Component]  # by setting key


def shown_keys() -> tuple[str, ...]:
    """Keys of the settings that the tab shows, in order."""
    return tuple(key for key, info in FIELDS.items() if info.kind != "hidden")


def build(current: Settings) -> SettingsTab:
    """Draw one page of fields for each section."""
    fields: dict[str, Component] = {}
    with gr.Row(elem_id="settings_bar"):
        apply = gr.Button("Apply settings", variant="primary", elem_id="settings_submit", scale=0)
        message = gr.HTML(elem_id="settings_result", elem_classes=["log"])
    with gr.Tabs(elem_id="settings_sections"):
        for section, keys in _sections():
            with (
                gr.Tab(section),
                gr.Column(elem_classes=["settings-page", "settings-column"]),
            ):
                for key in keys:
                    fields[key] = _field(key, FIELDS[key], getattr(current, key))
    return SettingsTab(apply=apply, message=message, fields=fields)


def _sections() -> list[tuple[str, list[str]]]:
    keys: Iterable[str] = shown_keys()
    return [
        (section, list(group)) for section, group in groupby(keys, lambda key: FIELDS[key].section)
    ]


def _field(key: str, info: Info, value: Raw) -> Component:
    elem_id, help_text = f"setting_{key}", info.help or None
    if isinstance(value, bool):
        return gr.Checkbox(
            value, label=info.label, info=help_text, interactive=True, elem_id=elem_id
        )
    if info.choices:
        return gr.Dropdown(
            choices=list(info.choices),
            value=value,
            label=info.label,
            info=help_text,
            interactive=True,
            elem_id=elem_id,
        )
    if info.kind == "colour":
        return gr.ColorPicker(
            value, label=info.label, info=help_text, interactive=True, elem_id=elem_id
        )
    if info.low is not None and info.high is not None:
        return _number(elem_id, info, value)
    return gr.Textbox(value, label=info.label, info=help_text, interactive=True, elem_id=elem_id)


def _number(elem_id: str, info: Info, value: float) -> Component:
    assert info.low is not None
    assert info.high is not None
    if (info.high - info.low) / info.step <= 10_000:
        return gr.Slider(
            info.low,
            info.high,
            value,
            step=info.step,
            label=info.label,
            info=info.help or None,
            interactive=True,
            elem_id=elem_id,
            buttons=[],
        )
    return gr.Number(
        value, label=info.label, info=info.help or None, interactive=True, elem_id=elem_id
    )
