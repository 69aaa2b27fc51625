"""Whether a model that was loaded is the one that was saved."""

from typing import Any

import torch

from pipelines.diffusion.parts import Components


def assert_same(loaded: Components, made: Components, dtype: torch.dtype = torch.float32) -> None:
    """Weight for weight, as `dtype` holds them."""
    for part, network in networks(made).items():
        expected, actual = network.state_dict(), networks(loaded)[part].state_dict()
        assert actual.keys() == expected.keys()
        for name, tensor in expected.items():
            assert torch.equal(actual[name], tensor.to(dtype).float()), f"{part}: {name}"
            assert not actual[name].requires_grad


def networks(parts: Components) -> dict[str, Any]:
    """The networks of a model by what they are."""
    texts = {f"text encoder {number}": one for number, one in enumerate(parts.text_encoders)}
    return {"unet": parts.unet, "vae": parts.vae, **texts}
