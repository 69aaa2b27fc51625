"""Pictures that tile: networks whose convolutions wrap around at the border."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch import nn

from pipelines.diffusion.parts import Network


@contextmanager
def seamless(*networks: Network | nn.Module) -> Iterator[None]:
    """Every convolution of `networks` pads with what lies on the other side (A1111: tiling)."""
    with ExitStack() as undo:
        for network in networks:
            for module in network.modules():
                if isinstance(module, nn.Conv2d):
                    undo.callback(setattr, module, "padding_mode", module.padding_mode)
                    module.padding_mode = "circular"
        yield
