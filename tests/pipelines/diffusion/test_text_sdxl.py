"""SDXL reads a prompt twice; compared with a slow implementation, token by token."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from pipelines.catalog.families import ModelFamily
from pipelines.diffusion.parts import Components
from pipelines.diffusion.text_chunks import TextOptions
from pipelines.diffusion.text_sdxl import encode_prompt, says_nothing, size_numbers
from pipelines.errors import InvalidRequest
from pipelines.imaging.geometry import Size
from pipelines.settings import Settings
from tests.helpers.ldm import WIDTH_2, family_components
from tests.helpers.slow_text import slow_layout
from tests.helpers.tiny import WIDTH, tiny_components

CPU = torch.device("cpu")
LONG = "a (red:1.5) cat, [sea] " * 30


@pytest.fixture(scope="module")
def base() -> Components:
    return family_components(ModelFamily.sdxl)


@pytest.fixture(scope="module")
def refiner() -> Components:
    return family_components(ModelFamily.sdxl_refiner)


def slow_states(
    encoder: Any, tokenizer: Any, text: str, *, pad: int, back: int, emphasis: str
) -> tuple[torch.Tensor, list[Any]]:
    """What an encoder says `back` layers from its last, in float64, and its whole outputs."""
    rows, outputs = [], []
    for ids, weights in slow_layout(tokenizer, text, 20):
        end = ids.index(tokenizer.eos_token_id)
        padded = ids[: end + 1] + [pad] * (76 - end)
        with torch.no_grad():
            output = encoder(torch.tensor([padded]), output_hidden_states=True)
        plain = output.hidden_states[-back][0].double()
        weighted = plain.clone()
        for place, weight in enumerate(weights):
            weighted[place] *= weight
        if emphasis == "Original":
            weighted *= plain.mean() / weighted.mean()
        rows.append(weighted)
        outputs.append(output)
    return torch.cat(rows)[None], outputs


@pytest.mark.parametrize("emphasis", ["No norm", "Original"])
@pytest.mark.parametrize("text", ["", "a red cat", "a (red:1.3) cat BREAK by [the] sea", LONG])
def test_both_encoders_are_read_at_their_last_layer_but_one(
    base: Components, text: str, emphasis: str
):
    options = TextOptions(emphasis=emphasis, clip_skip=2)
    encoded = encode_prompt(base, text, options, CPU)
    tokenizer: Any = base.tokenizer
    end = tokenizer.eos_token_id
    first, _ = slow_states(base.text_encoder, tokenizer, text, pad=end, back=2, emphasis=emphasis)
    second, outputs = slow_states(
        base.text_encoder_2, tokenizer, text, pad=0, back=2, emphasis=emphasis
    )
    assert encoded.tokens.shape[2] == WIDTH + WIDTH_2
    expected = torch.cat([first, second], dim=2)
    torch.testing.assert_close(encoded.tokens.double(), expected, rtol=1e-4, atol=1e-4)
    # The whole text in one vector is what the second encoder makes of the end of the first chunk.
    hidden = outputs[0].last_hidden_state[0]
    place = slow_layout(tokenizer, text, 20)[0][0].index(end)
    second_encoder: Any = base.text_encoder_2
    projected = second_encoder.text_projection.weight @ hidden[place]
    assert encoded.pooled is not None
    torch.testing.assert_close(encoded.pooled[0], projected, rtol=1e-5, atol=1e-5)


def test_clip_skip_counts_for_the_first_encoder_if_the_setting_says_so(base: Components):
    options = TextOptions(emphasis="No norm", clip_skip=3)
    plain = encode_prompt(base, "a cat", options, CPU).tokens
    skipped = encode_prompt(base, "a cat", replace(options, skips_sdxl=True), CPU).tokens
    tokenizer: Any = base.tokenizer
    expected, _ = slow_states(
        base.text_encoder,
        tokenizer,
        "a cat",
        pad=tokenizer.eos_token_id,
        back=3,
        emphasis="No norm",
    )
    torch.testing.assert_close(skipped[..., :WIDTH].double(), expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(skipped[..., WIDTH:], plain[..., WIDTH:])
    assert not torch.equal(skipped[..., :WIDTH], plain[..., :WIDTH])
    with pytest.raises(InvalidRequest, match="Clip skip must lie between 1 and 3"):
        encode_prompt(base, "a", TextOptions(clip_skip=4, skips_sdxl=True), CPU)


def test_the_refiner_has_the_second_encoder_alone(refiner: Components):
    encoded = encode_prompt(refiner, "a red cat", TextOptions(), CPU)
    assert encoded.tokens.shape == (1, 77, WIDTH_2)
    assert encoded.pooled is not None
    assert encoded.pooled.shape == (1, WIDTH_2)


def test_other_families_are_told_tokens_alone():
    encoded = encode_prompt(tiny_components(), "a red cat", TextOptions(), CPU)
    assert encoded.pooled is None
    assert encoded.zeroed().tokens.abs().sum() == 0


def test_sizes_are_height_before_width_and_the_crop_between(base: Components, refiner: Components):
    settings = Settings().with_changes({"sdxl_crop_top": 3, "sdxl_crop_left": 5})
    size = Size(width=1152, height=896)

    def told(parts: Components, *, negative: bool) -> list[list[float]] | None:
        numbers = size_numbers(parts, settings, size, negative=negative)
        return None if numbers is None else numbers.tolist()

    for negative in (False, True):
        assert told(base, negative=negative) == [[896, 1152, 3, 5, 896, 1152]]
        assert told(tiny_components(), negative=negative) is None
    assert told(refiner, negative=False) == [[896, 1152, 3, 5, 6.0]]
    assert told(refiner, negative=True) == [[896, 1152, 3, 5, 2.5]]


def test_an_empty_negative_prompt_says_nothing_to_sdxl(base: Components, refiner: Components):
    for parts in (base, refiner):
        assert says_nothing(parts, ["", ""])
        assert not says_nothing(parts, ["", "night"])
    assert not says_nothing(tiny_components(), [""])
