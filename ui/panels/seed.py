"""Where the noise comes from: seed, and behind Extra the variation seed and seed resize."""

from dataclasses import dataclass

import gradio as gr

from pipelines.requests import RANDOM_SEED
from ui.panels.tools import Field, tool_button


@dataclass(frozen=True, kw_only=True, slots=True)
class SeedPanel:
    """What the panel is made of."""

    seed: gr.Number
    random_seed: gr.Button
    reuse_seed: gr.Button
    extra: gr.Checkbox
    variation_seed: gr.Number
    random_variation_seed: gr.Button
    reuse_variation_seed: gr.Button
    variation_strength: gr.Slider
    seed_resize_width: gr.Slider
    seed_resize_height: gr.Slider

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name."""
        return {
            "seed": self.seed,
            "extra": self.extra,
            "variation_seed": self.variation_seed,
            "variation_strength": self.variation_strength,
            "seed_resize_width": self.seed_resize_width,
            "seed_resize_height": self.seed_resize_height,
        }


def build() -> SeedPanel:
    """Draw the panel; the page's style shows the extra rows while Extra is ticked."""
    with gr.Row(elem_id="img2img_seed_row", elem_classes=["with-tool"]):
        seed = gr.Number(
            RANDOM_SEED, label="Seed", interactive=True, elem_id="img2img_seed", min_width=100
        )
        random_seed = tool_button("🎲️", "img2img_random_seed")
        reuse_seed = tool_button("♻️", "img2img_reuse_seed")
        extra = gr.Checkbox(
            False,
            label="Extra",
            interactive=True,
            elem_id="img2img_subseed_show",
            min_width=70,
            scale=0,
        )
    with gr.Column(elem_id="img2img_seed_extras"):
        with gr.Row(elem_classes=["with-tool"]):
            variation_seed = gr.Number(
                RANDOM_SEED,
                label="Variation seed",
                interactive=True,
                elem_id="img2img_subseed",
                min_width=100,
            )
            random_variation_seed = tool_button("🎲️", "img2img_random_subseed")
            reuse_variation_seed = tool_button("♻️", "img2img_reuse_subseed")
            variation_strength = gr.Slider(
                0.0,
                1.0,
                0.0,
                step=0.01,
                label="Variation strength",
                interactive=True,
                elem_id="img2img_subseed_strength",
                min_width=160,
                buttons=[],
            )
        with gr.Row():
            seed_resize_width = _side("Resize seed from width", "img2img_seed_resize_from_w")
            seed_resize_height = _side("Resize seed from height", "img2img_seed_resize_from_h")
    return SeedPanel(
        seed=seed,
        random_seed=random_seed,
        reuse_seed=reuse_seed,
        extra=extra,
        variation_seed=variation_seed,
        random_variation_seed=random_variation_seed,
        reuse_variation_seed=reuse_variation_seed,
        variation_strength=variation_strength,
        seed_resize_width=seed_resize_width,
        seed_resize_height=seed_resize_height,
    )


def _side(label: str, elem_id: str) -> gr.Slider:
    return gr.Slider(
        0,
        2048,
        0,
        step=8,
        label=label,
        interactive=True,
        elem_id=elem_id,
        min_width=160,
        buttons=[],
    )
