"""For IP-Adapters: the picture as it is, since the adapter's own image encoder looks at it.

What is drawn on the picture is a mask: the encoder does not see what is below. Which encoder that
is follows from the adapter's weights; the names are those that other programs send.
"""

from pipelines.plugins import Detected, Given, Preprocessor


def run(given: Given) -> Detected:
    """The picture as it is."""
    return Detected(pixels=given.picture)


def _preprocessor(key: str, label: str, priority: int = 0) -> Preprocessor:
    return Preprocessor(
        key=key,
        label=label,
        run=run,
        types=("IP-Adapter",),
        priority=priority,
        resolution=None,
        takes_mask=True,
        has_control_mode=False,
    )


PREPROCESSORS = (
    _preprocessor("ip-adapter-auto", "ip-adapter-auto", priority=110),
    _preprocessor("ip-adapter_clip_sd15", "ip-adapter_clip_h", priority=100),
    _preprocessor("ip-adapter_clip_sdxl_plus_vith", "ip-adapter_clip_sdxl_plus_vith"),
    _preprocessor("ip-adapter_clip_sdxl", "ip-adapter_clip_g"),
)
