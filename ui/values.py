"""Names for what travels between the browser and our handlers, about which nothing is certain."""

from typing import Any

import gradio as gr

Raw = Any
"""A component's value as the browser sent it."""

Update = Any
"""What a component becomes: a value, another component's properties, or UNCHANGED."""

UNCHANGED: Update = gr.update()
