"""Prompts that say much at many steps: bounded memory, the same pictures, and a way to stop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pipelines.diffusion import prompts
from pipelines.diffusion.prompts import Prompts, ReadPrompts
from pipelines.diffusion.run import Diffusion
from pipelines.monitor import Monitor, Unwatched
from pipelines.plan import OwnPrompt, Plan
from pipelines.prompting.wildcards import WildcardFolders
from pipelines.requests import Batch, Prompt, Sampling, Seeds
from tests.helpers.images import assert_same_picture
from tests.helpers.tiny import EXACT, tiny_components
from tests.pipelines.diffusion.conftest import MakePlan

CPU = torch.device("cpu")
EVER_OTHER = " ".join(f"[cat:dog:{step}]" for step in range(1, 20))
PARTS = tiny_components()


class Stops(Unwatched):
    """Interrupt is pressed after so many looks at it."""

    def __init__(self, looks: int) -> None:
        self._looks = looks

    @property
    def stop_after_batch(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride] as the engine's
        """True once it is pressed."""
        self._looks -= 1
        return self._looks < 0

    stop_now = stop_after_batch  # pyright: ignore[reportAssignmentType] as the engine's


@contextmanager
def counted() -> Iterator[list[int]]:
    """How many chunks the encoder reads meanwhile."""
    calls: list[int] = []
    encoder: Any = PARTS.text_encoder
    hook = encoder.register_forward_pre_hook(lambda *_: calls.append(1))
    try:
        yield calls
    finally:
        hook.remove()


def read(plan: Plan, monitor: Monitor | None = None) -> ReadPrompts | None:
    return Prompts(CPU).read(plan, PARTS, key="", monitor=monitor or Unwatched())


def editing(make_plan: MakePlan, text: str = EVER_OTHER, steps: int = 20) -> Plan:
    sampling = Sampling(steps=steps, sampler="Euler", denoising_strength=1.0)
    return make_plan(prompt=Prompt(positive=text), sampling=sampling)


def test_texts_are_read_before_sampling_and_once(make_plan: MakePlan):
    with counted() as calls:
        texts = read(editing(make_plan))
        assert texts is not None
        before = len(calls)
        for call in range(20):
            texts.guidance.pair(call)
    assert (before, len(calls)) == (21, 21)  # a text at each step, and the empty one


def test_what_does_not_fit_is_read_when_its_step_has_come(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
):
    everything = read(editing(make_plan))
    monkeypatch.setattr(prompts, "HELD", 5 * 77 * 16 * 4)  # five texts of the tiny model
    with counted() as calls:
        texts = read(editing(make_plan))
        assert texts is not None
        assert everything is not None
        assert len(calls) == 6
        for call in range(20):
            got, expected = texts.guidance.pair(call)[1], everything.guidance.pair(call)[1]
            assert torch.equal(got.tokens, expected.tokens)


def test_pictures_are_the_same_with_no_memory_for_texts(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
):
    plan = editing(make_plan, "[cat|dog] AND [red:sea:2]", steps=4)

    def picture() -> object:
        ((batch),) = Diffusion(EXACT).denoise(plan, Unwatched())
        return batch.images[0][1]

    first = picture()
    monkeypatch.setattr(prompts, "HELD", 0)
    assert picture() == first


@pytest.mark.parametrize("looks", [0, 1, 7])
def test_interrupt_ends_the_reading_at_the_next_chunk(make_plan: MakePlan, looks: int):
    with counted() as calls:
        assert read(editing(make_plan, "cat " * 7500), Stops(looks)) is None
    assert len(calls) <= looks


def test_an_interrupted_reading_makes_no_picture(make_plan: MakePlan):
    assert list(Diffusion(EXACT).denoise(editing(make_plan), Stops(3))) == []


def test_at_the_last_step_of_a_stopped_batch_nothing_is_read_any_more(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(prompts, "HELD", 0)
    monitor: Any = Unwatched()
    texts = read(editing(make_plan), monitor)
    assert texts is not None
    monitor.stop_now = True
    with counted() as calls:
        texts.guidance.parts[0].at(7)
    assert calls == []


def test_of_endless_texts_the_longest_are_counted(monkeypatch: pytest.MonkeyPatch):
    longest: Callable[[list[str]], Iterator[str]] = prompts._longest
    monkeypatch.setattr(prompts, "COUNTED", 7)
    assert list(longest(["a" * 3, "b" * 9, "c"])) == ["b" * 9]
    assert list(longest(["a" * 3, "b" * 4, "c"])) == ["b" * 4, "a" * 3]


def test_pictures_with_prompts_of_their_own_are_those_of_single_jobs(
    make_plan: MakePlan, tmp_path: Path
):
    (tmp_path / "animal.txt").write_text("cat\ndog\nred sea\nsea\nred dog", encoding="utf-8")
    prompt = Prompt(positive="a __animal__", negative="[cat|__animal__]")
    plan = make_plan(prompt=prompt, batch=Batch(size=3))
    seeds = [image.seed for image in plan.images]
    said = WildcardFolders((tmp_path,)).fill(prompt, seeds).prompts
    assert len(set(said)) == 3
    plan = replace(
        plan,
        own_prompts=tuple(OwnPrompt(prompt=one, networks=plan.networks) for one in said),
        batches=tuple((image,) for image in plan.images),
    )
    diffusion = Diffusion(EXACT)
    for part, words, seed in zip(plan.parts(), said, seeds, strict=True):
        (got,) = diffusion.denoise(part, Unwatched())
        (alone,) = diffusion.denoise(make_plan(prompt=words, seeds=Seeds(seed=seed)), Unwatched())
        assert_same_picture(got.images[0][1], alone.images[0][1])
