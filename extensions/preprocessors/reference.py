"""Reference: the picture itself; while sampling, the base model looks at it. No ControlNet."""

from pipelines.plugins import Detected, Given, Hook, Preprocessor, Slider


def run(given: Given) -> Detected:
    """The picture as it is."""
    return Detected(pixels=given.picture)


PREPROCESSORS = tuple(
    Preprocessor(
        key=hook.value,
        label=hook.value,
        run=run,
        types=("Reference",),
        resolution=None,
        sliders=(
            Slider(
                label="Style Fidelity (only for Balanced mode)",
                default=0.5,
                minimum=0.0,
                maximum=1.0,
                step=0.01,
            ),
        ),
        needs_model=False,
        hook=hook,
    )
    for hook in (Hook.reference_only, Hook.reference_adain_attn, Hook.reference_adain)
)
