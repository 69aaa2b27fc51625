"""Jobs with ControlNet units, from plan to pictures, on tiny models."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.pipelines.controlnet.pipeline_controlnet_img2img import (
    StableDiffusionControlNetImg2ImgPipeline,
)
from PIL import Image

from pipelines.catalog.models import describe
from pipelines.control.maps import prepare_units
from pipelines.control.planned import PlannedUnit
from pipelines.control.units import BatchOption, ControlMode, UnionType, WeightType
from pipelines.diffusion.assemble import call_arguments, start_batch
from pipelines.diffusion.control.networks import UnitNetworks
from pipelines.diffusion.run import Diffusion
from pipelines.diffusion.sample import sample_batch
from pipelines.errors import ModelBroken, ModelNotFound
from pipelines.monitor import Unwatched
from pipelines.plan import Plan
from pipelines.plugins import Hook
from pipelines.requests import (
    Batch,
    Inpaint,
    InpaintArea,
    Prompt,
    ResizeBy,
    Sampling,
    Seeds,
    SoftInpainting,
)
from tests.helpers.control_models import planned_unit, save_controlnet, save_files
from tests.helpers.images import assert_same_picture, noise
from tests.helpers.runs import inputs_of, pictures
from tests.helpers.tiny import EXACT, save_tiny_model
from tests.pipelines.diffusion.conftest import MakePlan, Watcher

MAP = noise(seed=3)
CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a control model of every kind, and an image encoder."""
    return save_files(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def diffusion(models: Path) -> Diffusion:
    """One run for all, as in the program."""
    return Diffusion(EXACT, models_dirs=(models,))


@pytest.fixture
def unit(models: Path) -> Callable[..., PlannedUnit]:
    """A unit by its model's name, or by its hook, with MAP as its picture."""

    def make(name: str, *, hook: Hook = Hook.none, **fields: Any) -> PlannedUnit:
        places = [path for path in (models / "ControlNet").iterdir() if path.stem == name]
        file = describe(models, places[0]) if places else None
        return planned_unit(file, hook=hook, **{"images": (MAP,), **fields})

    return make


MakeUnit = Callable[..., PlannedUnit]


def with_units(plan: Plan, *units: PlannedUnit) -> Plan:
    return replace(plan, control=units)


KINDS: dict[str, dict[str, Any]] = {
    "controlnet": {},
    "shuffle": {},
    "union": {"union_type": UnionType.depth},
    "t2i": {},
    "ip": {},
    "plus": {"weight_type": WeightType.ease_in},
    "reference_only": {"hook": Hook.reference_only},
    "reference_adain": {"hook": Hook.reference_adain},
    "reference_both": {"hook": Hook.reference_adain_attn},
    "colorfix": {"hook": Hook.tile_colorfix, "a": 3},
    "sharp": {"hook": Hook.tile_colorfix_sharp, "a": 3, "b": 2},
    "recolor": {"hook": Hook.recolor_luminance},
}


def state(unet: Any) -> tuple[Any, ...]:
    """Everything that a unit could leave behind."""
    digest = hashlib.sha256()
    for name, tensor in unet.state_dict().items():
        digest.update(name.encode() + tensor.numpy().tobytes())
    hooks = [
        (len(module._forward_hooks), len(module._forward_pre_hooks)) for module in unet.modules()
    ]
    processors = {name: id(value) for name, value in unet.attn_processors.items()}
    return digest.hexdigest(), hooks, processors, dict(unet.config)


@pytest.mark.parametrize("kind", KINDS)
def test_a_unit_changes_the_picture_and_leaves_the_model_as_it_was(
    diffusion: Diffusion, make_plan: MakePlan, unit: MakeUnit, kind: str
):
    plan = make_plan(sampling=Sampling(steps=3))
    plain = pictures(diffusion, plan)
    unet = diffusion._model(plan.checkpoint, plan.settings, None).components.unet
    before = state(unet)
    assert pictures(diffusion, with_units(plan, unit(kind, **KINDS[kind]))) != plain
    assert state(unet) == before
    weightless = with_units(plan, unit(kind, weight=0.0, **KINDS[kind]))
    assert pictures(diffusion, weightless) == plain
    assert pictures(diffusion, plan) == plain


def test_a_failing_job_leaves_the_model_as_it_was(
    diffusion: Diffusion, make_plan: MakePlan, unit: MakeUnit, monkeypatch: pytest.MonkeyPatch
):
    units = [unit(kind, index=n, **KINDS[kind]) for n, kind in enumerate(KINDS)]
    plan = with_units(make_plan(), *units)
    unet = diffusion._model(plan.checkpoint, plan.settings, None).components.unet
    before = state(unet)

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ControlNetModel, "forward", fail)
    with pytest.raises(ZeroDivisionError):
        pictures(diffusion, plan)
    assert state(unet) == before


def test_without_units_nothing_is_touched(
    diffusion: Diffusion, make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
):
    plan = make_plan()
    unet: Any = diffusion._model(plan.checkpoint, plan.settings, None).components.unet
    seen: list[Any] = []
    forward = unet.forward

    def watched(*args: Any, **kwargs: Any) -> Any:
        seen.append((sorted(kwargs), len(unet._forward_pre_hooks), len(unet._forward_hooks)))
        return forward(*args, **kwargs)

    monkeypatch.setattr(unet, "forward", watched)
    pictures(diffusion, plan)
    names = ["added_cond_kwargs", "cross_attention_kwargs", "encoder_hidden_states"]
    # What every job has around its network: float32 outside of it, and its texts.
    assert {repr(call) for call in seen} == {repr(([*names, "return_dict", "timestep_cond"], 2, 2))}


def test_diffusers_own_pipeline_makes_the_same_latents(
    diffusion: Diffusion, make_plan: MakePlan, unit: MakeUnit
):
    """The hook and StableDiffusionControlNetImg2ImgPipeline call the networks alike."""
    plan = with_units(
        make_plan(batch=Batch(size=2)),
        unit("controlnet", mode=ControlMode.control, end=0.5),
        unit("controlnet", index=1, weight=0.6),
    )
    model = diffusion._model(plan.checkpoint, plan.settings, None)
    prepared = prepare_units(plan, diffusion._runner)
    control = diffusion._control(plan, prepared, model, Unwatched())
    assert control is not None
    inputs = replace(inputs_of(diffusion, plan, model), control=control)
    ours = sample_batch(plan, model, plan.batches[0], inputs, Unwatched()).end

    start = start_batch(plan, model.components, plan.batches[0], inputs)
    networks = UnitNetworks(control.nets, pictures=2, share=start.progress.share)
    parts = model.components
    pipeline: Any = cast(Any, StableDiffusionControlNetImg2ImgPipeline)(
        vae=parts.vae,
        unet=parts.unet,
        text_encoder=parts.text_encoder,
        tokenizer=parts.tokenizer,
        controlnet=networks,
        scheduler=start.scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    arguments = call_arguments(plan, start.latents, inputs, lambda *_: {})
    theirs = pipeline(
        **arguments,
        control_image=[net.hint for net in control.nets],
        controlnet_conditioning_scale=[1.0, 1.0],
    ).images
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("sampler", "start", "end", "calls"),
    [
        ("Euler", 0.0, 1.0, 10),
        ("Euler", 0.0, 0.5, 7),
        ("Euler", 0.5, 1.0, 4),
        ("Euler", 0.0, 0.0, 2),
        # Ten steps of two calls but for the last; the second of a step sees that step.
        ("Heun", 0.0, 0.5, 7 + 6),
        # Nine steps, of which A1111 counts ten.
        ("DDIM", 0.0, 0.5, 7),
        ("DPM++ SDE", 0.0, 0.5, 7 + 6),
        ("DPM fast", 0.0, 0.5, 7),
        ("Restart", 0.0, 0.5, 7 + 6),
        ("DDIM CFG++", 0.0, 0.5, 7),
        ("LCM", 0.0, 0.5, 7),
    ],
)
def test_start_and_end_are_counted_as_a1111_counts_them(
    diffusion: Diffusion,
    make_plan: MakePlan,
    unit: MakeUnit,
    monkeypatch: pytest.MonkeyPatch,
    sampler: str,
    start: float,
    end: float,
    calls: int,
):
    plan = make_plan(sampling=Sampling(sampler=sampler, steps=10, denoising_strength=1.0))
    counted: list[object] = []
    forward = ControlNetModel.forward

    def counting(*args: Any, **kwargs: Any) -> Any:
        counted.append(0)
        return forward(*args, **kwargs)

    monkeypatch.setattr(ControlNetModel, "forward", counting)
    pictures(diffusion, with_units(plan, unit("controlnet", start=start, end=end)))
    assert len(counted) == calls


@pytest.mark.parametrize("sampler", ["Euler", "DDIM", "DPM fast", "Restart", "DDIM CFG++"])
def test_units_are_told_the_noise_level_of_a_call(
    diffusion: Diffusion, make_plan: MakePlan, sampler: str
):
    plan = make_plan(sampling=Sampling(sampler=sampler, steps=10))
    model = diffusion._model(plan.checkpoint, plan.settings, None)
    inputs = inputs_of(diffusion, plan, model)
    start = start_batch(plan, model.components, plan.batches[0], inputs)
    # Between timesteps the logarithm of the noise level is a straight line.
    levels = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
    sigmas = np.log((1 - levels) / levels) / 2
    expected = np.exp(np.interp(float(start.scheduler.timesteps[:1]), np.arange(1000), sigmas))
    assert start.progress.sigma() == pytest.approx(expected, rel=1e-3)
    assert start.progress.share() == 0


MASK = Image.new("L", (64, 64))
MASK.paste(255, (16, 16, 48, 48))

JOBS: dict[str, dict[str, Any]] = {
    "variation": {"seeds": Seeds(seed=5, variation_seed=9, variation_strength=0.3)},
    "whole": {"inpaint": Inpaint(mask=MASK)},
    "only masked": {"inpaint": Inpaint(mask=MASK, area=InpaintArea.only_masked)},
    "soft": {"inpaint": Inpaint(mask=MASK, soft=SoftInpainting())},
    "tiling": {"settings": {"tiling": True}},
    "odd": {"size": ResizeBy(scale=1.2)},
    "no guidance": {"sampling": Sampling(steps=3, cfg_scale=1.0)},
}
TOGETHER = ("controlnet", "shuffle", "t2i", "ip", "reference_both", "sharp")


@pytest.mark.parametrize("job", JOBS)
def test_units_of_all_kinds_work_together_in_every_kind_of_job(
    diffusion: Diffusion, make_plan: MakePlan, unit: MakeUnit, job: str
):
    """A picture of a batch is what it would be alone."""
    units = [unit(kind, index=n, **KINDS[kind]) for n, kind in enumerate(TOGETHER)]
    parts = {"sampling": Sampling(steps=3), "seeds": Seeds(seed=5), **JOBS[job]}
    plan = with_units(make_plan(batch=Batch(size=2), **parts), *units)
    batched = pictures(diffusion, plan)
    alone = replace(plan, batches=tuple((image,) for image in plan.images))
    for one, other in zip(batched, pictures(diffusion, alone), strict=True):
        assert_same_picture(one, other, tolerance=2)
    assert batched != pictures(diffusion, replace(plan, control=()))


def test_each_unit_for_each_image(diffusion: Diffusion, make_plan: MakePlan, unit: MakeUnit):
    units = [
        unit("controlnet", images=(noise(seed=4),)),
        unit("t2i", index=1),
        unit("reference_only", index=2, hook=Hook.reference_only),
    ]
    plan = make_plan(batch=Batch(size=4), control_batch=BatchOption.one_each)
    each = pictures(diffusion, with_units(plan, *units))
    everywhere = make_plan(batch=Batch(size=4))
    single = [pictures(diffusion, with_units(everywhere, one)) for one in units]
    for position, picture in enumerate(each):
        assert_same_picture(picture, single[position % 3][position], tolerance=2)


def test_an_inpainting_network_shows_its_latents_to_the_units(
    diffusion: Diffusion, make_plan: MakePlan, unit: MakeUnit, tmp_path: Path
):
    checkpoint = save_tiny_model(tmp_path / "inpainting", in_channels=9)
    plan = replace(make_plan(inpaint=Inpaint(mask=MASK)), checkpoint=checkpoint)
    units = [unit(kind, index=n, **KINDS[kind]) for n, kind in enumerate(TOGETHER)]
    assert pictures(diffusion, with_units(plan, *units)) != pictures(diffusion, plan)


def test_a_network_in_bf16_is_steered_alike(make_plan: MakePlan, unit: MakeUnit, models: Path):
    plan = with_units(make_plan(), *(unit(kind, **KINDS[kind]) for kind in TOGETHER))
    policy = replace(EXACT, dtype=torch.bfloat16)
    half = pictures(Diffusion(policy, models_dirs=(models,)), plan)[0]
    whole = pictures(Diffusion(EXACT, models_dirs=(models,)), plan)[0]
    assert np.abs(np.asarray(half, float) - np.asarray(whole, float)).mean() < 20


def test_pixels_outside_an_inpaint_only_mask_are_kept(
    diffusion: Diffusion, make_plan: MakePlan, unit: MakeUnit
):
    one = unit("controlnet", hook=Hook.inpaint_only, images=(noise(),), mask=MASK, takes_mask=True)
    plan = make_plan(init_image=noise(), settings={"control_net_inpaint_blur_sigma": 3})
    result = np.asarray(pictures(diffusion, with_units(plan, one))[0], int)
    kept = np.asarray(noise(), int)
    outside = np.ones((64, 64), bool)
    outside[12:52, 12:52] = False
    assert np.abs(result - kept)[outside].max() <= 1
    assert np.abs(result - kept)[20:44, 20:44].mean() > 10


def test_a_stopped_job_keeps_its_last_prediction(
    diffusion: Diffusion, make_plan: MakePlan, unit: MakeUnit
):
    plan = with_units(make_plan(), unit("controlnet"))
    (batch,) = diffusion.denoise(plan, Watcher(stop=((0, 2),)))
    assert not batch.complete
    assert batch.units[0].planned is plan.control[0]


def test_what_does_not_fit_is_refused_in_the_units_name(
    diffusion: Diffusion, make_plan: MakePlan, tmp_path: Path
):
    wide = save_controlnet(tmp_path / "wide", block_out_channels=(8, 32))
    plan = with_units(make_plan(), planned_unit(wide, index=1, images=(MAP,)))
    with pytest.raises(ModelBroken, match="ControlNet Unit 1: model wide is made for a network"):
        pictures(diffusion, plan)


def test_an_ip_adapter_without_its_encoder_says_what_is_missing(
    make_plan: MakePlan, unit: MakeUnit, tmp_path: Path
):
    plan = with_units(make_plan(), unit("ip", index=2))
    with pytest.raises(ModelNotFound, match=r"Unit 2: model ip\.safetensors needs an") as e:
        pictures(Diffusion(EXACT, models_dirs=(tmp_path,)), plan)
    assert f"{tmp_path}/ControlNetPreprocessor/clip_vision" in str(e.value)


def test_several_pictures_of_an_ip_adapter_are_averaged(
    diffusion: Diffusion, make_plan: MakePlan, unit: MakeUnit, monkeypatch: pytest.MonkeyPatch
):
    plan = make_plan()
    first, second = noise(seed=1), noise(seed=2)

    def vectors(*shown: Image.Image) -> torch.Tensor:
        model = diffusion._model(plan.checkpoint, plan.settings, None)
        prepared = prepare_units(with_units(plan, unit("ip")), diffusion._runner)
        units = [replace(one, pictures=shown) for one in prepared]
        control = diffusion._control(plan, units, model, Unwatched())
        assert control is not None
        network = control.images[0].network
        seen, _ = diffusion._controls._encoders.vectors(
            shown, network, "ip", loading=lambda _: None
        )
        torch.testing.assert_close(network.tokens(seen), control.images[0].tokens)
        return seen

    mean = (vectors(first) + vectors(second)) / 2
    torch.testing.assert_close(vectors(first, second), mean)


# A reference draws noise for every question, so that another question changes the next one's.
STEADY = [kind for kind in KINDS if not kind.startswith("reference")]


@pytest.mark.parametrize("mode", [ControlMode.balanced, ControlMode.control])
def test_units_steer_every_part_of_a_prompt_alike(
    diffusion: Diffusion, make_plan: MakePlan, unit: MakeUnit, mode: ControlMode
):
    units = [unit(kind, index=n, mode=mode, **KINDS[kind]) for n, kind in enumerate(STEADY)]

    def picture(positive: str) -> Image.Image:
        prompt = Prompt(positive=positive, negative="sea")
        plan = make_plan(sampling=Sampling(steps=3), prompt=prompt)
        return pictures(diffusion, with_units(plan, *units))[0]

    one = picture("a cat")
    assert_same_picture(picture("a cat:0.5 AND a cat:0.5"), one, tolerance=1)
    assert_same_picture(picture("[a cat|a cat] AND a dog:0"), one, tolerance=1)
    assert picture("a dog") != one
