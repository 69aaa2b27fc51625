"""The parameter text is written as A1111 writes it; how it is read: `test_infotext_reading`."""

from dataclasses import replace

import pytest
from PIL import Image

from pipelines.imaging.geometry import Size
from pipelines.infotext import VERSION, format_value, parse, quote, write
from pipelines.plan import Plan, PlannedRefiner
from pipelines.requests import (
    Batch,
    Inpaint,
    InpaintArea,
    MaskedContent,
    MaskMode,
    Prompt,
    ResizeBy,
    ResizeMode,
    Sampling,
    Seeds,
    SoftInpainting,
)
from tests.helpers.plans import plan_for


def written(plan: Plan, index: int = 0) -> str:
    return write(plan, plan.images[index])


def last_line(plan: Plan) -> str:
    return written(plan).rsplit("\n", 1)[-1]


def test_a_plain_job_is_written_as_a1111_writes_it():
    assert written(plan_for()) == (
        "a cat\nNegative prompt: blurry\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, "
        "Size: 512x512, Model hash: 0123456789, Model: demo, Denoising strength: 0.75, "
        f"Version: Redraw {VERSION}"
    )


def test_every_key_stands_in_a1111s_order():
    plan = plan_for(
        sampling=Sampling(sampler="Euler a", schedule="Karras", steps=31, cfg_scale=7.5),
        seeds=Seeds(seed=5, variation_seed=9, variation_strength=0.25, resize_from=Size(512, 768)),
        resize_mode=ResizeMode.crop_and_resize,
        prompt=Prompt(positive="a (cat:1.2)"),
        settings={
            "CLIP_stop_at_last_layers": 2,
            "eta_noise_seed_delta": 31337,
            "randn_source": "NV",
            "initial_noise_multiplier": 1.05,
            "img2img_extra_noise": 0.1,
            "sigma_min": 0.1,
            "sigma_max": 10.0,
            "rho": 5.0,
            "eta_ancestral": 0.5,
            "emphasis": "No norm",
        },
    )
    text = write(plan, plan.images[0], extra=[("Init image hash", "abc"), ("Lora hashes", "a: b")])
    assert text == (
        "a (cat:1.2)\n"
        "Steps: 31, Sampler: Euler a, Schedule type: Karras, CFG scale: 7.5, Seed: 5, "
        "Size: 512x512, Model hash: 0123456789, Model: demo, Variation seed: 9, "
        "Variation seed strength: 0.25, Seed resize from: 512x768, Denoising strength: 0.75, "
        "Resize mode: Crop and resize, Clip skip: 2, ENSD: 31337, Init image hash: abc, RNG: NV, "
        "Noise multiplier: 1.05, Extra noise: 0.1, Schedule min sigma: 0.1, "
        "Schedule max sigma: 10, Schedule rho: 5, Eta: 0.5, Emphasis: No norm, "
        f'Lora hashes: "a: b", Version: Redraw {VERSION}'
    )


MASK = Image.new("L", (64, 64), 255)


def test_an_inpaint_job_is_written_with_a1111s_keys_in_its_order():
    plan = plan_for(
        inpaint=Inpaint(
            mask=MASK,
            mode=MaskMode.not_masked,
            area=InpaintArea.only_masked,
            content=MaskedContent.latent_nothing,
            soft=SoftInpainting(),
        ),
        settings={"tiling": True, "randn_source": "NV", "img2img_extra_noise": 0.1},
    )
    assert last_line(plan).partition("Denoising strength: 0.75, ")[2] == (
        "RNG: NV, Tiling: True, Mask mode: Inpaint not masked, Mask blur: 4, "
        "Inpaint area: Only masked, Masked area padding: 32, Masked content: latent nothing, "
        "Extra noise: 0.1, Soft inpainting enabled: True, Soft inpainting schedule bias: 1, "
        "Soft inpainting preservation strength: 0.5, Soft inpainting transition contrast boost: 4, "
        "Soft inpainting mask influence: 0, Soft inpainting difference threshold: 0.5, "
        f"Soft inpainting difference contrast: 2, Version: Redraw {VERSION}"
    )


@pytest.mark.parametrize(
    ("inpaint", "expected"),
    [
        (Inpaint(mask=MASK), "Mask blur: 4, "),
        (Inpaint(mask=MASK, blur_x=0, blur_y=0), ""),
        (Inpaint(mask=MASK, blur_x=3, blur_y=5), ""),
        (Inpaint(mask=MASK, content=MaskedContent.fill), "Mask blur: 4, Masked content: fill, "),
        (Inpaint(mask=MASK, transparency=30.0), "Mask blur: 4, Mask transparency: 30, "),
        (Inpaint(mask=MASK, opaque=True), "Mask blur: 4, Repaint opaque: True, "),
    ],
)
def test_what_is_usual_for_a_mask_is_not_written(inpaint: Inpaint, expected: str):
    after = last_line(plan_for(inpaint=inpaint)).partition("Denoising strength: 0.75, ")[2]
    assert after == f"{expected}Version: Redraw {VERSION}"


def test_a_model_for_inpainting_records_how_much_is_hidden_from_it():
    plan = plan_for()
    plan = replace(plan, checkpoint=replace(plan.checkpoint, input_channels=9))
    assert "Denoising strength: 0.75, Conditional mask weight: 1, Version" in last_line(plan)


def test_a_model_that_edits_by_instruction_records_how_much_the_picture_counts():
    plan = plan_for(sampling=Sampling(image_cfg_scale=1.25))
    assert "Image CFG" not in written(plan)
    editing = replace(plan, checkpoint=replace(plan.checkpoint, input_channels=8))
    assert "CFG scale: 7, Image CFG scale: 1.25, Seed: 1," in written(editing)


def test_a_refiner_is_recorded_with_when_it_takes_over():
    plan = plan_for(settings={"refiner_switch_by_sample_steps": True})
    assert "efiner" not in written(plan)
    polish = replace(plan.checkpoint, name="sub/polish", short_hash="aaaabbbbcc")
    refined = replace(plan, refiner=PlannedRefiner(checkpoint=polish, switch_at=0.6))
    assert "Refiner: polish [aaaabbbbcc], Refiner switch at: 0.6, Version" in last_line(refined)
    assert "Refiner switch by sampling steps: True" in last_line(refined)


def test_an_empty_prompt_leaves_no_empty_line():
    assert written(plan_for(prompt=Prompt())).startswith("Steps: 20")


def test_a_prompt_may_span_lines():
    text = written(plan_for(prompt=Prompt(positive="one\ntwo", negative="three\nfour")))
    assert text.startswith("one\ntwo\nNegative prompt: three\nfour\nSteps: 20")


def test_each_picture_has_its_own_seed():
    plan = plan_for(batch=Batch(count=2, size=2), seeds=Seeds(seed=7))
    seeds = [parse(write(plan, image)).fields["Seed"] for image in plan.images]
    assert seeds == ["7", "8", "9", "10"]


def test_under_a_variation_the_variation_seed_counts_instead():
    plan = plan_for(
        batch=Batch(count=2), seeds=Seeds(seed=7, variation_seed=20, variation_strength=0.5)
    )
    second = parse(write(plan, plan.images[1])).fields
    assert (second["Seed"], second["Variation seed"]) == ("7", "21")


@pytest.mark.parametrize(
    ("sampler", "schedule", "expected"),
    [
        ("DPM++ 2M", "Automatic", "Karras"),
        ("DPM++ 2M", "Exponential", "Exponential"),
        ("Euler a", "Automatic", "Automatic"),
        ("Euler", "Uniform", "Uniform"),
        ("DDIM", "Automatic", "Automatic"),
    ],
)
def test_the_schedule_is_written_as_a1111_resolves_it(sampler: str, schedule: str, expected: str):
    plan = plan_for(sampling=Sampling(sampler=sampler, schedule=schedule))
    assert parse(written(plan)).fields["Schedule type"] == expected


@pytest.mark.parametrize(
    ("sampler", "setting", "value", "name"),
    [
        ("Euler", "eta_noise_seed_delta", 5, "ENSD"),
        ("Euler", "eta_ancestral", 0.5, "Eta"),
        ("DPM++ 2M SDE", "eta_noise_seed_delta", 5, "ENSD"),
        ("Restart", "eta_ancestral", 0.5, "Eta"),
        ("LCM", "s_noise", 0.5, "Sigma noise"),
        ("DPM adaptive", "s_noise", 0.5, "Sigma noise"),
        ("DPM2", "always_discard_next_to_last_sigma", True, "Discard penultimate sigma"),
        ("DDIM", "always_discard_next_to_last_sigma", True, "Discard penultimate sigma"),
        ("Euler a", "eta_ddim", 0.5, "Eta DDIM"),
        ("DPM++ 2M", "s_churn", 0.5, "Sigma churn"),
        ("DDIM", "sigma_max", 5.0, "Schedule max sigma"),
        ("DPM++ 2M", "emphasis", "None", "Emphasis"),
        ("DPM++ 2M", "use_old_scheduling", True, "Old prompt editing timelines"),
        ("DPM++ 2M", "s_min_uncond_all", True, "NGMS all steps"),
    ],
)
def test_a_setting_without_effect_is_not_written(
    sampler: str, setting: str, value: object, name: str
):
    plan = plan_for(sampling=Sampling(sampler=sampler), settings={setting: value})
    assert f"{name}:" not in last_line(plan)


@pytest.mark.parametrize(
    ("sampler", "setting", "value", "expected"),
    [
        ("DDIM", "eta_ddim", 0.5, "Eta DDIM: 0.5"),
        ("DDIM CFG++", "eta_ddim", 0.5, "Eta DDIM: 0.5"),
        ("DPM++ SDE", "eta_ancestral", 0.5, "Eta: 0.5"),
        ("DPM adaptive", "eta_ancestral", 0.5, "Eta: 0.5"),
        ("DPM++ 3M SDE", "s_noise", 0.9, "Sigma noise: 0.9"),
        ("DPM fast", "eta_noise_seed_delta", 5, "ENSD: 5"),
        ("Euler", "always_discard_next_to_last_sigma", True, "Discard penultimate sigma: True"),
        ("Euler", "s_churn", 2.0, "Sigma churn: 2"),
        ("Euler", "s_tmin", 0.5, "Sigma tmin: 0.5"),
        ("Euler", "s_tmax", 9.0, "Sigma tmax: 9"),
        ("Euler", "s_noise", 1.003, "Sigma noise: 1.003"),
        ("Euler", "randn_source", "CPU", "RNG: CPU"),
        ("Euler", "skip_early_cond", 0.2, "Skip Early CFG: 0.2"),
        ("Euler", "s_min_uncond", 1.5, "NGMS: 1.5"),
        ("Euler", "pad_cond_uncond", True, "Pad conds: True"),
    ],
)
def test_a_setting_with_effect_is_written(sampler: str, setting: str, value: object, expected: str):
    plan = plan_for(sampling=Sampling(sampler=sampler), settings={setting: value})
    assert f", {expected}, " in last_line(plan)


def test_the_prompt_is_written_as_it_was_typed():
    positive = "[a|b:5] # note\n[cat:dog:0.5] AND <lora:x:1> red:0.5"
    plan = plan_for(
        prompt=Prompt(positive=positive, negative="[x::3] # y"),
        settings={"use_old_scheduling": True},
    )
    read = parse(written(plan))
    assert (read.positive, read.negative) == (positive, "[x::3] # y")
    assert read.fields["Old prompt editing timelines"] == "True"


def test_without_guidance_nothing_is_written_of_when_the_negative_prompt_is_left_out():
    settings = {"skip_early_cond": 0.2, "s_min_uncond": 1.5, "s_min_uncond_all": True}
    guided, unguided = (
        last_line(plan_for(sampling=Sampling(cfg_scale=scale), settings=settings))
        for scale in (7, 1)
    )
    assert "NGMS: 1.5, NGMS all steps: True, Skip Early CFG: 0.2" in guided
    assert "NGMS" not in unguided
    assert "Skip Early CFG" not in unguided


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("add_model_hash_to_info", "Model hash"),
        ("add_model_name_to_info", "Model"),
        ("add_version_to_infotext", "Version"),
    ],
)
def test_what_the_user_does_not_want_recorded_is_left_out(setting: str, name: str):
    assert name in parse(written(plan_for())).fields
    assert name not in parse(written(plan_for(settings={setting: False}))).fields


def test_a_hash_that_is_not_known_yet_is_left_out():
    plan = plan_for()
    plan = replace(plan, checkpoint=replace(plan.checkpoint, short_hash=""))
    assert "Model hash" not in written(plan)


def test_resize_by_records_the_size_it_came_to():
    plan = plan_for(size=ResizeBy(scale=1.51))
    assert ", Size: 96x96, " in last_line(plan)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7.0, "7"),
        (7, "7"),
        (0.0, "0"),
        (0.1, "0.1"),
        (1 / 3, "0.3333333333333333"),
        (2**53 - 1, "9007199254740991"),
        (1e-7, "1e-07"),
        (True, "True"),
    ],
)
def test_numbers_lose_no_digit_and_show_none_in_vain(value: float, expected: str):
    assert format_value(value) == expected
    assert float(value) == (1.0 if expected == "True" else float(expected))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain text", "plain text"),
        ('with "quotes"', 'with "quotes"'),
        ("a, b", '"a, b"'),
        ("a: b", '"a: b"'),
        ("a\nb", '"a\\nb"'),
        ('"é", ü', '"\\"é\\", ü"'),
    ],
)
def test_values_are_quoted_where_they_would_confuse(value: str, expected: str):
    assert quote(value) == expected


def test_a_value_that_equals_its_name_stands_alone():
    plan = plan_for()
    assert ", Upscaled, " in write(plan, plan.images[0], extra=[("Upscaled", "Upscaled")])


def test_a_value_of_none_is_left_out():
    plan = plan_for()
    assert "Nothing" not in write(plan, plan.images[0], extra=[("Nothing", None)])


def test_the_version_does_not_look_like_one_of_a1111():
    assert not VERSION.startswith("v")
    assert parse(written(plan_for())).fields["Version"] == f"Redraw {VERSION}"


def test_in_our_own_texts_absence_means_the_default():
    fields = parse(written(plan_for())).fields
    assert fields["Resize mode"] == "Just resize"
    assert fields["Noise multiplier"] == "1.0"
    assert fields["ENSD"] == "0"
    assert "Emphasis" not in fields
