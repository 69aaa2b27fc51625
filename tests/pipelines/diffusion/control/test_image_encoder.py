"""The image encoders of IP-Adapters: what they are shown, and files that are none."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from pipelines.diffusion.control.image_encoder import ImageEncoders, normalised
from pipelines.errors import ModelBroken, ModelNotFound, UserError
from tests.helpers.images import noise
from tests.helpers.tiny import EXACT

SUMMARY = SimpleNamespace(sees_patches=False, width=12)
"""All that an encoder is chosen by: an adapter that takes a picture's summary of 12 numbers."""
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def save_encoder(folder: Path, **changes: Any) -> Path:
    config = CLIPVisionConfig(
        hidden_size=8,
        intermediate_size=8,
        projection_dim=12,
        image_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        patch_size=8,
    )
    CLIPVisionModelWithProjection(config).save_pretrained(folder)
    told = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**told, **changes}))
    return folder


def vectors(encoders: ImageEncoders, picture: Image.Image, **more: Any) -> torch.Tensor:
    loading: list[str] = []
    adapter: Any = SUMMARY
    return encoders.vectors([picture], adapter, "ip", loading=loading.append, **more)[0]


def places(models: Path) -> Path:
    return models / "ControlNetPreprocessor" / "clip_vision"


@pytest.mark.parametrize("size", [(16, 16), (40, 20), (20, 52)])
def test_what_is_hidden_lies_on_the_picture_as_it_was_drawn(size: tuple[int, int]):
    picture = Image.new("RGB", size, "white")
    hidden = Image.new("L", size)
    width, height = size
    hidden.paste(255, (0, 0, width // 2, height))  # the left half, of the middle square, too
    shown = normalised(picture, hidden, 16)
    assert shown[..., :8].abs().max() == 0
    white = [(1 - mean) / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)]
    for channel, value in enumerate(white):
        assert np.allclose(shown[0, channel, :, 8:], value, atol=1e-6)


def test_nothing_hidden_is_the_whole_picture():
    blank = Image.new("L", (64, 64))
    assert torch.equal(normalised(noise(), blank, 16), normalised(noise(), None, 16))


def test_an_encoder_is_shown_what_is_not_hidden(tmp_path: Path):
    save_encoder(places(tmp_path) / "tiny")
    encoders = ImageEncoders((tmp_path,), EXACT)
    hidden = Image.new("L", (64, 64))
    hidden.paste(255, (0, 0, 64, 32))
    below = noise()
    below.paste((9, 9, 9), (0, 0, 64, 20))  # the filter looks a little across the border
    torch.testing.assert_close(
        vectors(encoders, noise(), hidden=hidden), vectors(encoders, below, hidden=hidden)
    )
    assert not torch.equal(vectors(encoders, noise()), vectors(encoders, noise(), hidden=hidden))


def test_an_encoder_that_was_replaced_is_read_again(tmp_path: Path):
    folder = save_encoder(places(tmp_path) / "tiny")
    encoders = ImageEncoders((tmp_path,), EXACT)
    before = vectors(encoders, noise())
    save_encoder(folder)
    assert not torch.equal(before, vectors(encoders, noise()))


@pytest.mark.parametrize(
    "told", [{"hidden_size": [8], "projection_dim": {}}, {"projection_dim": "wide"}]
)
def test_a_config_that_holds_no_numbers_is_passed_over(tmp_path: Path, told: dict[str, Any]):
    save_encoder(places(tmp_path) / "odd", **told)
    encoders = ImageEncoders((tmp_path,), EXACT)
    with pytest.raises(ModelNotFound, match="model ip needs an image encoder"):
        vectors(encoders, noise())
    save_encoder(places(tmp_path) / "sound")
    assert vectors(encoders, noise()).shape == (1, 12)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"image_size": 32}, "odd is damaged or incomplete"),
        ({"num_hidden_layers": 3}, "odd lacks 16 weights such as"),
        ({"num_attention_heads": 3}, "odd is damaged or incomplete"),
    ],
)
def test_weights_that_do_not_fit_their_config_are_refused_in_a_sentence(
    tmp_path: Path, told: dict[str, Any], words: str
):
    save_encoder(places(tmp_path) / "odd", **told)
    with pytest.raises(UserError, match=words) as caught:
        vectors(ImageEncoders((tmp_path,), EXACT), noise())
    assert isinstance(caught.value, ModelBroken)
