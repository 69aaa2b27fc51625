"""Pasting a parameter text: which fields of the page get which values."""

import random
from pathlib import Path

import pytest
from PIL import Image

from pipelines.errors import InvalidRequest
from pipelines.imaging.geometry import Size
from pipelines.infotext import parse, write
from pipelines.infotext_form import FormValues, parse_overrides, to_form
from pipelines.plan import Plan
from pipelines.requests import (
    Inpaint,
    InpaintArea,
    MaskedContent,
    MaskMode,
    Prompt,
    ResizeMode,
    ResizeTo,
    Sampling,
    Seeds,
    SoftInpainting,
)
from pipelines.samplers import SAMPLERS, allowed_schedules
from pipelines.settings import FIELDS, Settings
from pipelines.styles import Style, StyleBook
from tests.helpers.plans import CHECKPOINT, OneCheckpoint, plan_for, request_for

A1111_DEFAULTS = Settings(randn_source="GPU")


def pasted(
    text: str, *, settings: Settings = A1111_DEFAULTS, styles: StyleBook | None = None
) -> FormValues:
    book = styles or StyleBook(Path("there/are/no/styles.csv"))
    return to_form(parse(text), settings=settings, catalog=OneCheckpoint(), styles=book)


def repasted(plan: Plan) -> FormValues:
    return pasted(write(plan, plan.images[0]))


def parameters(line: str) -> str:
    return f"a cat\nSteps: 20, Seed: 1, {line}"


def test_a_picture_restores_every_field():
    plan = plan_for(
        prompt=Prompt(positive="a\ncat", negative="dogs"),
        sampling=Sampling(
            sampler="Euler a", schedule="Karras", steps=31, cfg_scale=7.5, denoising_strength=0.33
        ),
        seeds=Seeds(seed=5, variation_seed=9, variation_strength=0.25, resize_from=Size(512, 768)),
        size=ResizeTo(width=640, height=384),
        resize_mode=ResizeMode.latent_upscale,
    )
    assert repasted(plan) == FormValues(
        prompt="a\ncat",
        negative_prompt="dogs",
        steps=31,
        sampler="Euler a",
        schedule="Karras",
        cfg_scale=7.5,
        denoising_strength=0.33,
        width=640,
        height=384,
        seed=5,
        extra_seeds=True,
        variation_seed=9,
        variation_strength=0.25,
        seed_resize_width=512,
        seed_resize_height=768,
        resize_mode="Just resize (latent upscale)",
        checkpoint=CHECKPOINT.title,
        mask_mode="Inpaint masked",
        mask_transparency=0,
        masked_content="original",
        inpaint_area="Whole picture",
        masked_padding=32,
        repaint_opaque=False,
        soft_inpainting=False,
        refiner=False,
        control=(),
    )


def test_a_refiner_is_restored_by_name_or_hash_and_its_absence_unticks_it():
    for named in (CHECKPOINT.title, "demo", "0123456789"):
        form = pasted(parameters(f"CFG scale: 7, Refiner: {named}, Refiner switch at: 0.6"))
        assert (form.refiner, form.refiner_checkpoint) == (True, CHECKPOINT.title)
        assert form.refiner_switch_at == 0.6
    form = pasted(parameters("CFG scale: 7, Refiner: polish, Refiner switch at: 0.6"))
    assert (form.refiner, form.refiner_checkpoint) == (False, None)
    assert form.comments == ("Refiner 'polish' is not among the checkpoints here.",)
    assert pasted(parameters("CFG scale: 7")).refiner is False


def test_the_pictures_guidance_is_restored():
    form = pasted(parameters("CFG scale: 7, Image CFG scale: 1.25"))
    assert form.image_cfg_scale == 1.25


def test_an_inpaint_job_restores_its_fields():
    soft = SoftInpainting(schedule_bias=1.5, mask_influence=0.25, difference_contrast=3)
    form = repasted(
        plan_for(
            inpaint=Inpaint(
                mask=Image.new("L", (64, 64), 255),
                blur_x=9,
                blur_y=9,
                mode=MaskMode.not_masked,
                content=MaskedContent.latent_noise,
                area=InpaintArea.only_masked,
                padding=48,
                transparency=30,
                opaque=True,
                soft=soft,
            )
        )
    )
    assert form.mask_blur == 9
    assert form.mask_mode == "Inpaint not masked"
    assert form.mask_transparency == 30
    assert form.masked_content == "latent noise"
    assert form.inpaint_area == "Only masked"
    assert form.masked_padding == 48
    assert form.repaint_opaque is True
    assert form.soft_inpainting is True
    assert SoftInpainting(**form.soft) == soft
    assert form.comments == ()
    assert form.override_settings == ()


def test_a_blur_of_0_is_restored_where_the_text_is_ours_and_speaks_of_a_mask():
    mask = Image.new("L", (64, 64), 255)
    cropped = Inpaint(mask=mask, blur_x=0, blur_y=0, area=InpaintArea.only_masked)
    assert repasted(plan_for(inpaint=cropped)).mask_blur == 0
    assert repasted(plan_for()).mask_blur is None
    assert pasted(parameters("CFG scale: 7, Inpaint area: Only masked")).mask_blur is None


def test_a_text_of_a1111_that_says_nothing_of_masks_means_its_defaults():
    form = pasted(parameters("CFG scale: 7, Version: v1.10.1"))
    assert form.mask_mode == "Inpaint masked"
    assert form.masked_content == "original"
    assert form.inpaint_area == "Whole picture"
    assert form.masked_padding == 32
    assert form.mask_blur is None
    assert form.soft_inpainting is None
    assert form.soft == {}


def test_tiling_and_the_mask_weight_are_offered_as_overrides():
    form = pasted(parameters("CFG scale: 7, Conditional mask weight: 0.5, Tiling: True"))
    assert set(form.override_settings) == {"Conditional mask weight: 0.5", "Tiling: True"}
    assert parse_overrides(form.override_settings) == {
        "inpainting_mask_weight": 0.5,
        "tiling": True,
    }


@pytest.mark.parametrize("seed", range(60))
def test_a_random_job_makes_the_same_plan_when_its_picture_is_pasted(seed: int):
    generator = random.Random(seed)
    sampler = generator.choice(SAMPLERS)
    overrides: dict[str, object] = {
        "CLIP_stop_at_last_layers": generator.randint(1, 3),
        "initial_noise_multiplier": generator.choice([1.0, 0.987]),
        "img2img_extra_noise": generator.choice([0.0, 0.01]),
        "sigma_max": generator.choice([0.0, 11.5]),
        "randn_source": generator.choice(["GPU", "CPU", "NV"]),
        "eta_noise_seed_delta": generator.choice([0, 31337]) if sampler.uses_ensd else 0,
    }
    if sampler.family.value == "timesteps":
        overrides["sigma_max"] = 0.0
    varied = generator.random() < 0.5
    plan = plan_for(
        sampling=Sampling(
            sampler=sampler.label,
            schedule=generator.choice(allowed_schedules(sampler)),
            steps=generator.randint(1, min(150, sampler.levels - 1)),
            cfg_scale=generator.choice([1.0, 7.0, 7.5, 12.34]),
            denoising_strength=generator.choice([0.0, 0.05, 1 / 3, 1.0]),
        ),
        seeds=Seeds(
            seed=generator.randrange(2**32),
            variation_seed=generator.randrange(2**32) if varied else -1,
            variation_strength=generator.random() if varied else 0.0,
        ),
        resize_mode=generator.choice(list(ResizeMode)),
        override_settings=overrides,
    )
    form = repasted(plan)
    assert form.comments == ()
    again = plan_for(
        prompt=Prompt(positive=form.prompt, negative=form.negative_prompt),
        sampling=Sampling(
            sampler=form.sampler or "",
            schedule=form.schedule or "",
            steps=form.steps or 0,
            cfg_scale=form.cfg_scale or 0,
            denoising_strength=-1 if form.denoising_strength is None else form.denoising_strength,
        ),
        seeds=Seeds(
            seed=-1 if form.seed is None else form.seed,
            variation_seed=-1 if form.variation_seed is None else form.variation_seed,
            variation_strength=form.variation_strength or 0.0,
        ),
        resize_mode=ResizeMode(form.resize_mode),
        override_settings=parse_overrides(form.override_settings),
    )
    assert again.steps == plan.steps
    assert (again.sampler, again.schedule) == (plan.sampler, plan.schedule)
    assert again.settings == plan.settings
    assert again.request.resize_mode is plan.request.resize_mode
    assert again.request.sampling.cfg_scale == plan.request.sampling.cfg_scale
    assert again.request.seeds.variation_strength == plan.request.seeds.variation_strength
    if varied:
        assert again.images == plan.images
    else:
        assert again.images[0].seed == plan.images[0].seed


def test_a_mere_prompt_changes_the_prompts_alone():
    assert pasted("a cat\nNegative prompt: dog") == FormValues(
        prompt="a cat", negative_prompt="dog"
    )


def test_what_the_text_does_not_name_stays_as_it_is():
    form = pasted(parameters("Sampler: Euler"))
    assert form.cfg_scale is None
    assert form.denoising_strength is None
    assert form.width is None
    assert form.resize_mode is None
    assert form.checkpoint is None
    assert form.schedule == "Automatic"


def test_extra_seed_fields_are_turned_off_by_a_text_without_them():
    form = pasted(parameters("Sampler: Euler"))
    assert form.extra_seeds is False
    assert (form.variation_seed, form.variation_strength) == (None, 0.0)
    assert (form.seed_resize_width, form.seed_resize_height) == (0, 0)


@pytest.mark.parametrize(
    ("sampler", "schedule", "expected"),
    [
        ("DPM++ 2M Karras", None, ("DPM++ 2M", "Automatic")),
        ("DPM++ 2M Exponential", None, ("DPM++ 2M", "Exponential")),
        ("Euler a Karras", None, ("Euler a", "Karras")),
        ("k_euler_a SGMUniform", None, ("Euler a", "SGM Uniform")),
        ("DPM++ 2M", "Karras", ("DPM++ 2M", "Automatic")),
        ("Euler", "Karras", ("Euler", "Karras")),
        ("euler", "Automatic", ("Euler", "Automatic")),
        ("DDIM", "Karras", ("DDIM", "Automatic")),
    ],
)
def test_old_and_new_sampler_names_select_sampler_and_schedule(
    sampler: str, schedule: str | None, expected: tuple[str, str]
):
    line = f"Sampler: {sampler}" + (f", Schedule type: {schedule}" if schedule else "")
    form = pasted(parameters(line))
    assert (form.sampler, form.schedule) == expected


def test_an_unknown_sampler_is_named_and_the_menu_left_alone():
    form = pasted(parameters("Sampler: Magic"))
    assert form.sampler is None
    assert form.comments == ("Sampling method 'Magic' is not known here.",)


def test_an_unknown_schedule_is_named_and_the_menu_left_alone():
    form = pasted(parameters("Sampler: Euler, Schedule type: Magic"))
    assert (form.sampler, form.schedule) == ("Euler", None)
    assert form.comments == ("Schedule type 'Magic' is not known here.",)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "abc", "1" * 5000 + "z"])
def test_a_number_that_is_none_is_named_and_the_field_left_alone(value: str):
    form = pasted(parameters(f"CFG scale: {value}, Sampler: Euler"))
    assert form.cfg_scale is None
    assert form.comments[0].startswith("CFG scale was left as it is")


def test_numbers_are_read_as_a1111_prints_them():
    form = pasted("Steps: 20.0, Seed: 3, CFG scale: 7.0")
    assert (form.steps, form.cfg_scale) == (20, 7.0)


def test_a_fraction_of_a_step_is_refused():
    form = pasted("Steps: 20.5, Seed: 3, CFG scale: 7.0")
    assert form.steps is None
    assert "20.5" in form.comments[0]


def test_a_size_from_resize_by_becomes_whole_latents_and_says_so():
    form = pasted(parameters("Size: 1003x776"))
    assert (form.width, form.height) == (1000, 776)
    assert form.comments == ("Width was set to 1000, since 1003 is not a multiple of 8.",)


@pytest.mark.parametrize(
    "line",
    ["Model hash: 0123456789", "Model: demo", "Model hash: ffffffffff, Model: demo"],
)
def test_the_checkpoint_is_found_by_hash_else_by_name(line: str):
    assert pasted(parameters(f"Sampler: Euler, {line}")).checkpoint == CHECKPOINT.title


def test_a_checkpoint_that_is_not_here_is_named():
    form = pasted(parameters("Model hash: ffffffffff, Model: dreams"))
    assert form.checkpoint is None
    assert form.comments == ("Checkpoint 'dreams' is not among those here.",)


def test_checkpoints_in_texts_can_be_disregarded():
    settings = A1111_DEFAULTS.with_changes({"disable_weights_auto_swap": True})
    form = pasted(parameters("Model: dreams, Model hash: 0123456789"), settings=settings)
    assert form.checkpoint is None
    assert form.comments == ()


def test_settings_that_differ_become_override_entries():
    form = pasted(parameters("Clip skip: 2, ENSD: 31337, RNG: NV, Eta: 1.0, Emphasis: No norm"))
    assert set(form.override_settings) == {
        "Clip skip: 2",
        "ENSD: 31337",
        "RNG: NV",
        "Emphasis: No norm",
    }


def test_a_text_from_a1111_asks_for_its_own_random_numbers():
    form = pasted(parameters("Sampler: Euler"), settings=Settings())
    assert form.override_settings == ("RNG: GPU",)


def test_a_setting_out_of_range_is_named_and_left_out():
    form = pasted(parameters("Clip skip: 99, Noise multiplier: abc"))
    assert form.override_settings == ()
    assert [comment.split(" was")[0] for comment in form.comments] == [
        "Clip skip",
        "Noise multiplier",
    ]


def test_override_entries_become_settings():
    entries = ("Clip skip: 2", "Noise multiplier: 0.5", "RNG: NV", "Emphasis: No norm")
    assert parse_overrides(entries) == {
        "CLIP_stop_at_last_layers": 2,
        "initial_noise_multiplier": 0.5,
        "randn_source": "NV",
        "emphasis": "No norm",
    }


@pytest.mark.parametrize("entry", ["Magic: 1", "", "Clip skip", "Clip skip: 99", "RNG: dice"])
def test_an_override_entry_of_no_use_is_refused(entry: str):
    with pytest.raises(InvalidRequest):
        parse_overrides([entry])


def test_every_setting_in_the_text_may_be_overridden_for_a_job():
    for key, info in FIELDS.items():
        assert info.per_job or info.infotext is None, key


@pytest.fixture
def book(tmp_path: Path) -> StyleBook:
    book = StyleBook(tmp_path / "styles.csv")
    book.save(Style(name="oil", positive="oil painting of {prompt}", negative="photo"))
    book.save(Style(name="soft", positive="soft light"))
    return book


@pytest.mark.parametrize(
    ("choice", "prompt", "styles"),
    [
        ("Apply if any", "a cat", ("oil", "soft")),
        ("Apply", "a cat", ("oil", "soft")),
        ("Discard", "a cat", None),
        ("Ignore", "oil painting of a cat, soft light", None),
    ],
)
def test_styles_in_the_prompts_are_found_again(
    book: StyleBook, choice: str, prompt: str, styles: tuple[str, ...] | None
):
    request = request_for(prompt=Prompt(positive="a cat", negative="ugly", styles=("oil", "soft")))
    plan = plan_for(prompt=request.prompt, styles=book)
    settings = A1111_DEFAULTS.with_changes({"infotext_styles": choice})
    form = pasted(write(plan, plan.images[0]), settings=settings, styles=book)
    assert form.prompt == prompt
    assert (form.styles is None) == (styles is None)
    assert set(form.styles or ()) == set(styles or ())


@pytest.mark.parametrize(("choice", "styles"), [("Apply if any", None), ("Apply", ())])
def test_a_prompt_without_styles_clears_them_only_if_told_to(
    book: StyleBook, choice: str, styles: tuple[str, ...] | None
):
    settings = A1111_DEFAULTS.with_changes({"infotext_styles": choice})
    assert pasted("a dog", settings=settings, styles=book).styles == styles
