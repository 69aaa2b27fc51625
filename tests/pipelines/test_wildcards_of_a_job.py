"""Wildcards in a job: every picture has its own prompt, in its infotext, its name and its run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipelines import infotext
from pipelines.control.units import BatchOption
from pipelines.filenames import Named, file_stem
from pipelines.monitor import Monitor, Unwatched
from pipelines.plan import Plan, make_plan
from pipelines.produce import Production
from pipelines.prompting.files import NO_FILES, PromptFiles
from pipelines.prompting.wildcards import WildcardFolders
from pipelines.requests import Batch, Prompt, Seeds
from pipelines.results import DenoisedBatch
from pipelines.settings import Settings
from pipelines.storage import Storage
from pipelines.styles import Style, StyleBook
from tests.helpers.plans import OneCheckpoint, request_for

LINES = [f"animal{number}" for number in range(50)]


@pytest.fixture
def files(tmp_path: Path) -> PromptFiles:
    (tmp_path / "animal.txt").write_text("\n".join(LINES), encoding="utf-8")
    return PromptFiles(
        loras=NO_FILES.loras,
        embeddings=NO_FILES.embeddings,
        wildcards=WildcardFolders((tmp_path,)),
    )


def plan_for(
    files: PromptFiles,
    prompt: str = "a __animal__",
    negative: str = "[x|__animal__]",
    **changes: Any,
) -> Plan:
    request = request_for(prompt=Prompt(positive=prompt, negative=negative), **changes)
    styles = StyleBook(Path("there/are/no/styles.csv"))
    return make_plan(request, Settings(), OneCheckpoint(), styles, files=files)


def prompts(plan: Plan) -> list[str]:
    return [plan.for_picture(image).prompt.positive for image in plan.images]


def test_every_picture_has_its_own_words_and_its_batch_to_itself(files: PromptFiles):
    plan = plan_for(files, batch=Batch(count=2, size=3))
    said = prompts(plan)
    assert len(set(said)) > 3
    assert set(said) <= {f"a {line}" for line in LINES}
    assert [len(batch) for batch in plan.batches] == [1] * 6
    assert [image.seed for image in plan.images] == [1, 2, 3, 4, 5, 6]
    assert plan.prompt.positive == said[0]


def test_the_same_seed_gives_the_same_words(files: PromptFiles):
    together = plan_for(files, batch=Batch(count=3))
    alone = [plan_for(files, seeds=Seeds(seed=seed)) for seed in (1, 2, 3)]
    assert prompts(together) == [plan.prompt.positive for plan in alone]
    assert [plan.own_prompts for plan in alone] == [(), (), ()]


def test_variations_of_one_seed_share_their_words_and_batch(files: PromptFiles):
    seeds = Seeds(seed=1, variation_seed=5, variation_strength=0.2)
    plan = plan_for(files, batch=Batch(size=3), seeds=seeds)
    assert plan.own_prompts == ()
    assert [len(batch) for batch in plan.batches] == [3]


@pytest.mark.parametrize(
    "together", [{"style_align": True}, {"control_batch": BatchOption.one_each}]
)
def test_pictures_that_belong_together_say_what_the_first_says(
    files: PromptFiles, together: dict[str, Any]
):
    plan = plan_for(files, batch=Batch(size=3), **together)
    assert plan.own_prompts == ()
    assert plan.prompt.positive == plan_for(files).prompt.positive


def test_the_parts_of_a_plan_are_plans_of_one_picture_each(files: PromptFiles):
    plan = plan_for(files, batch=Batch(count=3))
    parts = list(plan.parts())
    assert [part.prompt.positive for part in parts] == prompts(plan)
    assert [part.batches for part in parts] == [(batch,) for batch in plan.batches]
    assert [part.texts.positive[0].texts for part in parts] == [(text,) for text in prompts(plan)]
    assert all(list(part.parts()) == [part] for part in parts)


def test_a_job_without_wildcards_is_its_own_only_part(files: PromptFiles):
    plan = plan_for(files, "a cat", negative="dull", batch=Batch(count=2))
    assert list(plan.parts()) == [plan]
    assert plan.for_picture(plan.images[1]) is plan


def test_infotext_and_file_name_say_what_was_drawn(files: PromptFiles):
    plan = plan_for(files, batch=Batch(count=4))
    for image, text in zip(plan.images, prompts(plan), strict=True):
        assert infotext.parse(infotext.write(plan, image)).positive == text
        named = Named(plan=plan.for_picture(image), image_plan=image, image=Image.new("L", (8, 8)))
        assert file_stem("[prompt_spaces]", named) == text


def test_a_style_may_hold_wildcards(files: PromptFiles, tmp_path: Path):
    styles = StyleBook(tmp_path / "styles.csv")
    styles.save(Style(name="zoo", positive="{prompt} with __animal__"))
    request = request_for(prompt=Prompt(positive="a cat", styles=("zoo",)))
    plan = make_plan(request, Settings(), OneCheckpoint(), styles, files=files)
    assert plan.prompt.positive.removeprefix("a cat with ") in LINES


class Rig:
    """A run that makes empty pictures and remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.begun: list[tuple[int, int]] = []

    def denoise(self, plan: Plan, monitor: Monitor) -> Iterator[DenoisedBatch]:
        self.said.append(plan.prompt.positive)
        for index, images in enumerate(plan.batches):
            monitor.begin_batch(index, len(plan.batches), 1)
            picture = Image.new("RGB", (512, 512))
            yield DenoisedBatch(images=tuple((one, picture) for one in images), init_image=picture)


class Watching(Unwatched):
    """Interrupt is pressed in the second batch."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def begin_batch(self, index: int, count: int, steps: int) -> None:
        """Remembers it."""
        self._rig.begun.append((index, count))
        self.stop_after_batch = index == 1


def test_the_run_is_told_of_one_prompt_after_the_other_until_interrupt(
    files: PromptFiles, tmp_path: Path
):
    rig, plan = Rig(), plan_for(files, "a __animal__ __none__", batch=Batch(count=4))
    result = Production(rig.denoise, Storage(tmp_path))(plan, Watching(rig))
    assert rig.said == prompts(plan)[:2]
    assert rig.begun == [(0, 4), (1, 4)]
    assert result.interrupted
    texts = [infotext.parse(picture.infotext).positive for picture in result.pictures]
    assert texts[:2] == rig.said
    assert result.comments == (
        "Wildcards that are not there, or have no lines, stay as they are: __none__.",
    )
