"""[StyleAlign]: a batch in one style, against textbook attention over all of its pictures."""

from typing import Any, cast

import pytest
import torch

from pipelines.diffusion.control.networks import Acting
from pipelines.diffusion.control.reference import References, ReferenceUnit
from pipelines.diffusion.control.style_align import style_aligned
from pipelines.diffusion.run import Diffusion
from pipelines.monitor import Unwatched
from pipelines.requests import Batch, Sampling
from tests.helpers.images import assert_same_picture
from tests.helpers.tiny import WIDTH, tiny_components
from tests.pipelines.diffusion.conftest import MakePlan

PLACE = "down_blocks.1.attentions.0.transformer_blocks.0.attn1"

Seen = list[tuple[torch.Tensor, torch.Tensor]]


def random(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def attended(attn: Any, states: torch.Tensor, looked_at: torch.Tensor) -> torch.Tensor:
    """One picture's tokens looking at others, one head after the other."""
    query, key, value = attn.to_q(states), attn.to_k(looked_at), attn.to_v(looked_at)
    width = query.shape[-1] // attn.heads
    heads: list[torch.Tensor] = []
    for head in range(attn.heads):
        part = slice(head * width, (head + 1) * width)
        scores = query[:, part] @ key[:, part].T / width**0.5
        heads.append(scores.softmax(-1) @ value[:, part])
    return attn.to_out[0](torch.cat(heads, dim=-1))


def slow(attn: Any, states: torch.Tensor, pictures: int, *others: torch.Tensor) -> torch.Tensor:
    """Each row looks at all rows of its prompt, and at its own row of the `others`."""
    rows: list[torch.Tensor] = []
    for row in range(len(states)):
        first = row // pictures * pictures
        seen = [states[first + number] for number in range(pictures)]
        seen += [other[row] for other in others]
        rows.append(attended(attn, states[row], torch.cat(seen)))
    return torch.stack(rows)


def ask(unet: Any, sample: torch.Tensor) -> torch.Tensor:
    texts = random(len(sample), 77, WIDTH, seed=2)
    return unet(sample, 500, encoder_hidden_states=texts, return_dict=False)[0]


def watch(attn: Any) -> Seen:
    seen: Seen = []
    attn.register_forward_hook(lambda _, args, output: seen.append((args[0], output)))
    return seen


@torch.no_grad()
@pytest.mark.parametrize("prompts", [1, 2])
def test_pictures_of_one_prompt_look_at_each_other(prompts: int):
    unet = cast(Any, tiny_components().unet)
    attn = unet.get_submodule(PLACE)
    seen = watch(attn)
    sample = random(3 * prompts, 4, 8, 8, seed=3)
    with style_aligned(unet, pictures=3):
        ask(unet, sample)
    ((states, result),) = seen
    torch.testing.assert_close(result, slow(attn, states, 3), atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_reference_is_looked_at_beside_the_whole_batch():
    unet = cast(Any, tiny_components().unet)
    attn = unet.get_submodule(PLACE)
    unit = ReferenceUnit(latents=random(1, 4, 8, 8, seed=1), weight=1.0, style=0.0, acting=Acting())
    sample = random(4, 4, 8, 8, seed=3)
    seen = watch(attn)
    with style_aligned(unet, pictures=2):
        references = References([unit], pictures=2, unet=unet, seeds=[5, 6])
        with references.attached():
            references.remember(
                lambda latents: ask(unet, latents), share=0.0, sigma=1.5, sample=sample
            )
            ask(unet, sample)
    (remembered, _), (states, result) = seen
    torch.testing.assert_close(result, slow(attn, states, 2, remembered), atol=1e-5, rtol=0)


def test_the_network_is_as_it_was_afterwards_even_if_a_job_fails():
    unet = cast(Any, tiny_components().unet)
    processors = dict(unet.attn_processors)

    def fail() -> None:
        with style_aligned(unet, pictures=2):
            assert unet.attn_processors != processors
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert unet.attn_processors == processors


def test_a_picture_alone_has_nobody_to_look_at():
    unet = cast(Any, tiny_components().unet)
    processors = dict(unet.attn_processors)
    with style_aligned(unet, pictures=1):
        assert unet.attn_processors == processors


def test_a_batch_changes_and_a_picture_alone_does_not(diffusion: Diffusion, make_plan: MakePlan):
    def pictures(size: int, *, style_align: bool) -> list[Any]:
        plan = make_plan(
            batch=Batch(size=size), sampling=Sampling(steps=3), style_align=style_align
        )
        batches = diffusion.denoise(plan, Unwatched())
        return [image for batch in batches for _, image in batch.images]

    plain = pictures(2, style_align=False)
    aligned = pictures(2, style_align=True)
    assert all(one != other for one, other in zip(plain, aligned, strict=True))
    assert pictures(1, style_align=True) == pictures(1, style_align=False)
    for one, other in zip(plain, pictures(2, style_align=False), strict=True):
        assert_same_picture(one, other, tolerance=0)
