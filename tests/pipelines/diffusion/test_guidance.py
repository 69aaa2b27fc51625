"""What the network is told at each call, on a network of one line and on the tiny model."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
import torch
from torch import nn

from pipelines.diffusion.assemble import call_arguments, start_batch
from pipelines.diffusion.encoded import Encoded
from pipelines.diffusion.guidance import LONGEST, Guidance, Skips, Told, guided, same_length
from pipelines.diffusion.parts import Unet
from pipelines.diffusion.run import Diffusion
from pipelines.diffusion.sample import sample_batch
from pipelines.monitor import Unwatched
from pipelines.plan import Plan
from pipelines.requests import Batch, Inpaint, InpaintArea, Prompt, Sampling, Seeds
from tests.helpers.images import gradient
from tests.helpers.runs import inputs_of, loaded, pictures
from tests.helpers.tiny import tiny_components
from tests.pipelines.diffusion.conftest import MakePlan
from tests.pipelines.diffusion.test_run import counted

PICTURES, SCALE = 2, 7.0


class OneLine(nn.Module):
    """A network of which everything can be written out: it remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[torch.Tensor] = []

    def forward(
        self, sample: torch.Tensor, timestep: float, *, encoder_hidden_states: torch.Tensor
    ) -> tuple[torch.Tensor]:
        self.asked.append(encoder_hidden_states)
        return (said(sample, encoder_hidden_states),)


def said(sample: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    return torch.sin(sample * texts.mean(dim=(1, 2))[:, None, None, None] + texts[:, :1, :1, None])


def text(seed: int, chunks: int = 1) -> torch.Tensor:
    return torch.randn(1, 77 * chunks, 6, generator=torch.Generator().manual_seed(seed))


def sample(seed: int = 99) -> torch.Tensor:
    return torch.randn(PICTURES, 4, 8, 8, generator=torch.Generator().manual_seed(seed))


def told(*embeddings: torch.Tensor, weight: float = 1.0) -> Told:
    return Told(embeddings=tuple(Encoded(tokens=tokens) for tokens in embeddings), weight=weight)


def guidance(*parts: Told, negative: Told | None = None, **more: Any) -> Guidance:
    return Guidance(
        parts=parts,
        negative=negative or told(text(0)),
        empty=Encoded(tokens=text(50)),
        **more,
    )


def ask_as_a_pipeline_does(
    network: OneLine,
    chosen: Guidance,
    samples: Sequence[torch.Tensor],
    *,
    scale: float = SCALE,
    sigma: Callable[[], float] = lambda: 1.0,
) -> list[torch.Tensor]:
    """Guided answers to one call after another, as diffusers' pipelines arrive at them."""
    answers: list[torch.Tensor] = []
    with guided(cast(Unet, network), chosen, pictures=PICTURES, sigma=sigma):
        for noisy in samples:
            rows = torch.cat([noisy] * 2) if scale > 1 else noisy
            texts = text(77).expand(len(rows), -1, -1)
            output = network(rows, 5.0, encoder_hidden_states=texts)[0]
            assert len(output) == len(rows)
            if scale > 1:
                negative, positive = output.chunk(2)
                output = negative + scale * (positive - negative)
            answers.append(output)
    return answers


def sum_written_out(
    noisy: torch.Tensor, negative: torch.Tensor, parts: Sequence[tuple[torch.Tensor, float]]
) -> torch.Tensor:
    """negative + sum of weight * scale * (part - negative), picture by picture in float64."""
    pictures: list[torch.Tensor] = []
    for picture in noisy.double():
        without = said(picture[None], negative.double())[0]
        total = without.clone()
        for embedding, weight in parts:
            total += weight * SCALE * (said(picture[None], embedding.double())[0] - without)
        pictures.append(total)
    return torch.stack(pictures)


@pytest.mark.parametrize(
    "weights", [(1.0,), (0.5,), (1.0, 1.0), (1.2, 0.7, -0.5), (0.0, 2.0), (1.0, 1.0, 1.0, 1.0)]
)
def test_parts_are_summed_as_a1111_sums_them(weights: tuple[float, ...]):
    texts = [(text(number + 1, chunks=1 + number % 2), w) for number, w in enumerate(weights)]
    chosen = guidance(*(told(embedding, weight=weight) for embedding, weight in texts))
    answer = ask_as_a_pipeline_does(OneLine(), chosen, [sample()])[0]
    expected = sum_written_out(sample(), text(0), texts)
    # The line's sine looks at the first token alone, which repeating leaves where it is.
    torch.testing.assert_close(answer.double(), expected, rtol=1e-6, atol=1e-5)


def test_at_scale_one_parts_are_summed_too():
    parts = [(text(1), 1.5), (text(2), -0.25)]
    chosen = guidance(*(told(embedding, weight=weight) for embedding, weight in parts))
    answer = ask_as_a_pipeline_does(OneLine(), chosen, [sample()], scale=1.0)[0]
    scaled = [(embedding, weight / SCALE) for embedding, weight in parts]
    expected = sum_written_out(sample(), text(0), scaled)
    torch.testing.assert_close(answer.double(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("scale", [SCALE, 1.0])
def test_a_plain_prompt_is_one_question_and_its_answer_untouched(scale: float):
    network = OneLine()
    answer = ask_as_a_pipeline_does(network, guidance(told(text(1))), [sample()], scale=scale)[0]
    rows = [text(1)] * PICTURES if scale == 1 else [*[text(0)] * PICTURES, *[text(1)] * PICTURES]
    assert len(network.asked) == 1
    assert torch.equal(network.asked[0], torch.cat(rows))
    positive = said(sample(), torch.cat([text(1)] * PICTURES))
    negative = said(sample(), torch.cat([text(0)] * PICTURES))
    guided_sum = negative + scale * (positive - negative)
    assert torch.equal(answer, positive if scale == 1 else guided_sum)


def test_alternation_changes_the_texts_at_each_call():
    network = OneLine()
    a, b, x, y = map(text, range(1, 5))
    chosen = guidance(told(a, b, a, b), negative=told(x, x, y, y))
    ask_as_a_pipeline_does(network, chosen, [sample()] * 6)
    seen = [(rows[0], rows[-1]) for rows in network.asked]
    # The first two calls read step 1; those after the last step read that.
    expected = [(x, a), (x, a), (x, b), (y, a), (y, b), (y, b)]
    for (negative, positive), (wanted_negative, wanted_positive) in zip(
        seen, expected, strict=True
    ):
        assert torch.equal(negative[None], wanted_negative)
        assert torch.equal(positive[None], wanted_positive)


# Calls without the negative prompt


def rows_asked(skips: Skips, sigmas: Sequence[float]) -> list[int]:
    network, left = OneLine(), iter(sigmas)
    chosen = guidance(told(text(1)), skips=skips)
    ask_as_a_pipeline_does(network, chosen, [sample()] * len(sigmas), sigma=lambda: next(left))
    return [len(rows) // PICTURES for rows in network.asked]


@pytest.mark.parametrize(
    ("skips", "rows"),
    [
        (Skips(), [2, 2, 2, 2, 2, 2]),
        (Skips(sigma=4.0), [2, 2, 2, 1, 2, 1]),
        (Skips(sigma=4.0, all=True), [2, 2, 1, 1, 1, 1]),
        (Skips(early=0.34, calls=6), [1, 1, 1, 2, 2, 2]),
        (Skips(early=0.01, calls=6), [1, 2, 2, 2, 2, 2]),
        (Skips(early=0.01, calls=6, sigma=2.0), [1, 2, 2, 2, 2, 1]),
        (Skips(early=1.0, calls=6), [1, 1, 1, 1, 1, 1]),
    ],
)
def test_the_negative_prompt_is_left_out_where_the_settings_say(skips: Skips, rows: list[int]):
    assert rows_asked(skips, [9.0, 5.0, 3.0, 2.5, 2.0, 1.0]) == rows


def test_without_the_negative_prompt_the_answer_is_that_to_the_prompt():
    chosen = guidance(told(text(1)), skips=Skips(early=1.0))
    answer = ask_as_a_pipeline_does(OneLine(), chosen, [sample()])[0]
    assert torch.equal(answer, said(sample(), torch.cat([text(1)] * PICTURES)))


@pytest.mark.parametrize("scale", [SCALE, 1.0])
def test_without_the_negative_prompt_the_first_part_stands_for_it(scale: float):
    first, second = text(1), text(2)
    chosen = guidance(told(first, weight=3.0), told(second, weight=0.5), skips=Skips(early=1.0))
    answer = ask_as_a_pipeline_does(OneLine(), chosen, [sample()], scale=scale)[0]
    a, b = (said(sample(), torch.cat([embedding] * PICTURES)) for embedding in (first, second))
    torch.testing.assert_close(answer, a + 0.5 * (b - a), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("sampler", "calls"), [("Euler", 16), ("Heun", 32), ("DPM2 a", 32), ("DDIM", 16)]
)
def test_the_calls_of_which_a_share_is_skipped_are_counted_as_in_a1111(
    make_plan: MakePlan, sampler: str, calls: int
):
    settings = {"skip_early_cond": 0.5, "s_min_uncond": 2.0, "s_min_uncond_all": True}
    plan = make_plan(sampling=Sampling(sampler=sampler, steps=20), settings=settings)
    assert Skips.of(plan) == Skips(early=0.5, sigma=2.0, all=True, calls=calls)


# Hooks of others


def test_what_others_ask_in_between_is_left_alone():
    network = OneLine()
    own = text(9)

    def unit(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not torch.equal(kwargs["encoder_hidden_states"], own):
            module(args[0][:1], 5.0, encoder_hidden_states=own)

    hook = network.register_forward_pre_hook(unit, with_kwargs=True)
    chosen = guidance(told(text(1)), told(text(2), weight=0.5))
    answers = ask_as_a_pipeline_does(network, chosen, [sample()] * 2)
    hook.remove()
    assert [len(rows) for rows in network.asked] == [1, 2 * PICTURES, 1, PICTURES] * 2
    assert [torch.equal(rows, own) for rows in network.asked] == [True, False, True, False] * 2
    assert torch.equal(*answers)
    assert torch.equal(answers[0], ask_as_a_pipeline_does(OneLine(), chosen, [sample()])[0])


def test_afterwards_the_network_is_as_before():
    network = OneLine()
    ask_as_a_pipeline_does(network, guidance(told(text(1))), [sample()])
    own = text(9).expand(PICTURES, -1, -1)
    assert torch.equal(network(sample(), 5.0, encoder_hidden_states=own)[0], said(sample(), own))


# Lengths


@pytest.mark.parametrize(("first", "second", "common"), [(1, 1, 1), (1, 3, 3), (2, 3, 6)])
def test_texts_of_unequal_length_say_together_what_each_says_alone(
    first: int, second: int, common: int
):
    unet = cast(Callable[..., Any], tiny_components().unet)
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(1, 4, 8, 8, generator=generator)
    alone = [torch.randn(1, 77 * n, 16, generator=generator) for n in (first, second)]
    together = same_length(alone[0], alone[1], text(50))
    assert {embedding.shape[1] for embedding in together} == {77 * common}
    with torch.no_grad():
        answers = unet(latents.repeat(2, 1, 1, 1), 500, encoder_hidden_states=torch.cat(together))
        for row, embedding in enumerate(alone):
            expected = unet(latents, 500, encoder_hidden_states=embedding)[0]
            torch.testing.assert_close(answers[0][row : row + 1], expected, rtol=0, atol=1e-5)


def test_texts_whose_lengths_fit_badly_are_filled_up_with_the_empty_prompt():
    long, longer = text(1, chunks=LONGEST + 1), text(2, chunks=LONGEST + 2)
    first, second = same_length(long, longer, text(50))
    assert torch.equal(first, torch.cat([long, text(50)], dim=1))
    assert torch.equal(second, longer)


def test_with_padding_the_shorter_text_gains_chunks_of_the_empty_prompt():
    chosen = guidance(told(text(1, chunks=3)), pad=True)
    negative, positive = chosen.pair(0)
    assert torch.equal(negative.tokens, torch.cat([text(0), text(50), text(50)], dim=1))
    assert torch.equal(positive.tokens, text(1, chunks=3))


# Whole jobs


def latents_of(diffusion: Diffusion, plan: Plan) -> torch.Tensor:
    model = loaded(diffusion, plan)
    inputs = inputs_of(diffusion, plan, model)
    return sample_batch(plan, model, plan.batches[0], inputs, Unwatched()).end


@pytest.mark.parametrize("cfg_scale", [7.0, 1.0])
@pytest.mark.parametrize("sampler", ["Euler a", "DDIM"])
def test_a_prompt_without_the_syntax_gives_the_pipelines_own_latents_to_the_bit(
    diffusion: Diffusion, make_plan: MakePlan, sampler: str, cfg_scale: float
):
    sampling = Sampling(sampler=sampler, steps=5, cfg_scale=cfg_scale)
    plan = make_plan(
        sampling=sampling,
        prompt=Prompt(positive="a (red:1.2) cat", negative="dog"),
        batch=Batch(size=2),
    )
    model = loaded(diffusion, plan)
    inputs = inputs_of(diffusion, plan, model)
    start = start_batch(plan, model.components, plan.batches[0], inputs)
    model.pipeline.scheduler = start.scheduler
    theirs = model.pipeline(**call_arguments(plan, start.latents, inputs, lambda *_: {})).images
    assert torch.equal(latents_of(diffusion, plan), theirs)


def with_prompt(make_plan: MakePlan, positive: str, negative: str = "sea", **more: Any) -> Plan:
    return make_plan(prompt=Prompt(positive=positive, negative=negative), **more)


INPAINT = Inpaint(mask=gradient(64, 64).convert("L"), area=InpaintArea.whole_picture)


@pytest.mark.parametrize("sampling", [Sampling(steps=5), Sampling(steps=5, cfg_scale=1)])
@pytest.mark.parametrize("inpaint", [None, INPAINT], ids=["img2img", "inpaint"])
@pytest.mark.parametrize(
    "positive", ["a cat:0.5 AND a cat:0.5", "a cat AND a dog:0", "a cat:3 AND a cat:-2"]
)
def test_parts_that_amount_to_one_prompt_give_its_latents(
    diffusion: Diffusion,
    make_plan: MakePlan,
    sampling: Sampling,
    inpaint: Inpaint | None,
    positive: str,
):
    more: dict[str, Any] = {"sampling": sampling, "inpaint": inpaint}
    one = latents_of(diffusion, with_prompt(make_plan, "a cat", **more))
    parts = latents_of(diffusion, with_prompt(make_plan, positive, **more))
    other = latents_of(diffusion, with_prompt(make_plan, "a dog", **more))
    torch.testing.assert_close(parts, one, rtol=0, atol=1e-4)
    assert not torch.allclose(other, one, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("sampler", "positive", "same_as"),
    [
        # Four of five steps run, so that the calls are 0 to 3.
        ("Euler", "[cat:dog:4]", "cat"),
        ("Euler", "[cat:dog:3]", "cat"),
        ("Euler", "[cat:dog:0.9]", "cat"),
        ("Euler", "[cat:dog:0]", "dog"),
        ("Euler", "[dog|cat|cat|cat|cat]", None),
        ("Euler", "[cat:dog:2]", None),
        # Seven calls in ten steps.
        ("Heun", "[cat:dog:6]", "cat"),
        ("Heun", "[cat:dog:5]", None),
    ],
)
def test_editing_counts_calls_against_the_steps_on_the_slider(
    diffusion: Diffusion, make_plan: MakePlan, sampler: str, positive: str, same_as: str | None
):
    sampling = Sampling(sampler=sampler, steps=5)
    edited, cat, dog = (
        latents_of(diffusion, with_prompt(make_plan, words, sampling=sampling))
        for words in (positive, "cat", "dog")
    )
    assert torch.equal(edited, cat) == (same_as == "cat")
    assert torch.equal(edited, dog) == (same_as == "dog")


def test_the_negative_prompt_is_edited_too(diffusion: Diffusion, make_plan: MakePlan):
    edited, plain = (
        latents_of(diffusion, with_prompt(make_plan, "cat", negative))
        for negative in ("[sea:red:1]", "sea")
    )
    assert not torch.equal(edited, plain)


def test_a_batch_of_parts_gives_the_latents_of_single_runs(
    diffusion: Diffusion, make_plan: MakePlan
):
    positive = "[cat|dog] AND red:0.5"
    more: dict[str, Any] = {"sampling": Sampling(sampler="Euler a", steps=5)}
    batch = Batch(size=2)
    both = with_prompt(make_plan, positive, seeds=Seeds(seed=5), batch=batch, **more)
    together = latents_of(diffusion, both)
    for row, latents in enumerate(together):
        single = with_prompt(make_plan, positive, seeds=Seeds(seed=5 + row), **more)
        # Convolutions over a batch add in another order.
        torch.testing.assert_close(latents, latents_of(diffusion, single)[0], rtol=1e-4, atol=1e-4)


def test_a_second_click_on_a_scheduled_prompt_encodes_nothing(
    diffusion: Diffusion, make_plan: MakePlan
):
    words = ("[cat|dog] [red:sea:0.5] AND [a:b:2] # c", "[x|y]")
    pictures(diffusion, with_prompt(make_plan, *words))
    plan = with_prompt(make_plan, *words, seeds=Seeds(seed=2))
    with counted(loaded(diffusion, plan)) as counts:
        pictures(diffusion, plan)
    # Four steps, each with one question for both prompts and one for the second part.
    assert counts == {"unet": 8, "texts": 0, "encode": 0, "decode": 1}


def test_each_text_is_encoded_once(diffusion: Diffusion, make_plan: MakePlan):
    plan = with_prompt(make_plan, "[cat|dog] [red:sea:3]", "")
    with counted(loaded(diffusion, plan)) as counts:
        pictures(diffusion, plan)
    # cat red, dog red, dog sea, cat sea; the empty one
    assert counts["texts"] == 5


def test_a_lora_that_is_not_there_is_left_out_and_said_to_be(
    diffusion: Diffusion, make_plan: MakePlan
):
    named, plain = (
        list(diffusion.denoise(with_prompt(make_plan, words), Unwatched()))
        for words in ("cat<lora:x:1>", "cat")
    )
    assert named[0].images[0][1] == plain[0].images[0][1]
    assert plain[0].comments == ()
    assert named[0].comments == ("Lora not found: x.",)
