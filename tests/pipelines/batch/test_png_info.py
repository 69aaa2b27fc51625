"""What a picture's own parameters change in the request of a batch, and when they are refused."""

from pathlib import Path

import pytest

from pipelines.batch.png_info import Parameter, with_parameters
from pipelines.errors import InvalidRequest
from pipelines.infotext import write
from pipelines.requests import Img2ImgRequest, Prompt, Sampling, Seeds
from pipelines.settings import Settings
from pipelines.styles import StyleBook
from tests.helpers.plans import CHECKPOINT, OneCheckpoint, plan_for, request_for

TEXT = (
    "a castle,\nat night\nNegative prompt: fog\n"
    "Steps: 33, Sampler: Euler, Schedule type: Karras, CFG scale: 4.5, Seed: 99, "
    f"Size: 512x512, Model hash: {CHECKPOINT.short_hash}, Model: other, Denoising strength: 0.3"
)
FORM = request_for(
    prompt=Prompt(positive="oil painting", negative="ugly", styles=("x",)),
    seeds=Seeds(seed=5, variation_seed=6, variation_strength=0.5),
    sampling=Sampling(sampler="Euler a", schedule="Exponential", steps=12, cfg_scale=7.0),
    model="form's model",
)


def taken(*wanted: Parameter, text: str = TEXT, form: Img2ImgRequest = FORM) -> Img2ImgRequest:
    return with_parameters(
        form,
        text,
        frozenset(wanted),
        settings=Settings(),
        catalog=OneCheckpoint(),
        styles=StyleBook(Path("no such file.csv")),
    )


def changes(changed: Img2ImgRequest) -> dict[str, object]:
    """What differs from FORM."""
    parts = {
        "positive": (changed.prompt.positive, FORM.prompt.positive),
        "negative": (changed.prompt.negative, FORM.prompt.negative),
        "styles": (changed.prompt.styles, FORM.prompt.styles),
        "seeds": (changed.seeds, FORM.seeds),
        "sampling": (changed.sampling, FORM.sampling),
        "model": (changed.model, FORM.model),
        "size": (changed.size, FORM.size),
    }
    return {name: now for name, (now, before) in parts.items() if now != before}


def test_the_labels_are_a1111s_in_its_order():
    assert [parameter.value for parameter in Parameter] == [
        "Prompt", "Negative prompt", "Seed", "CFG scale", "Sampler", "Steps", "Model hash",
    ]  # fmt: skip


def test_nothing_ticked_changes_nothing():
    assert changes(taken()) == {}


def test_prompts_are_appended():
    assert changes(taken(Parameter.prompt)) == {"positive": "oil painting a castle,\nat night"}
    assert changes(taken(Parameter.negative_prompt)) == {"negative": "ugly fog"}


def test_an_empty_prompt_in_the_form_leaves_no_space():
    form = request_for(prompt=Prompt())
    changed = taken(Parameter.prompt, Parameter.negative_prompt, form=form)
    assert changed.prompt == Prompt(positive="a castle,\nat night", negative="fog")


def test_the_seed_is_replaced_and_the_variation_stays():
    assert changes(taken(Parameter.seed)) == {
        "seeds": Seeds(seed=99, variation_seed=6, variation_strength=0.5)
    }


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        (Parameter.cfg_scale, {"cfg_scale": 4.5}),
        (Parameter.steps, {"steps": 33}),
        (Parameter.sampler, {"sampler": "Euler"}),
    ],
)
def test_each_parameter_replaces_its_own_value_alone(parameter, values):
    before = {"sampler": "Euler a", "schedule": "Exponential", "steps": 12, "cfg_scale": 7.0}
    assert changes(taken(parameter)) == {"sampling": Sampling(**{**before, **values})}


def test_the_model_is_found_by_its_hash():
    assert changes(taken(Parameter.model_hash)) == {"model": CHECKPOINT.title}


def test_old_names_of_samplers_hold_the_schedule():
    text = "x\nSteps: 20, Sampler: Euler Karras, CFG scale: 7, Seed: 1"
    sampling = taken(Parameter.sampler, text=text).sampling
    assert (sampling.sampler, sampling.schedule) == ("Euler", "Karras")


def test_a_sampler_that_cannot_follow_the_forms_schedule_takes_its_own():
    text = "x\nSteps: 20, Sampler: DDIM, CFG scale: 7, Seed: 1"
    sampling = taken(Parameter.sampler, text=text).sampling
    assert (sampling.sampler, sampling.schedule) == ("DDIM", "Automatic")


def test_what_the_text_leaves_out_stays():
    everything = frozenset(Parameter)
    text = "a castle\nSteps: 33, CFG scale: 4.5, Size: 512x512"
    changed = taken(*everything, text=text)
    assert changes(changed) == {
        "positive": "oil painting a castle",
        "sampling": Sampling(sampler="Euler a", schedule="Exponential", steps=33, cfg_scale=4.5),
    }
    assert changes(taken(*everything, text="just words")) == {"positive": "oil painting just words"}
    assert changes(taken(*everything, text="")) == {}


@pytest.mark.parametrize(
    ("parameter", "text", "reason"),
    [
        (Parameter.steps, "Steps: many", "Its PNG info names Steps 'many'"),
        (Parameter.steps, "Steps: 2.5", "Its PNG info names Steps '2.5'"),
        (Parameter.steps, "Steps: 5000", "Sampling steps must lie between 1 and 1000, got 5000"),
        (Parameter.cfg_scale, "CFG scale: 99", "CFG Scale must lie between 1 and 30, got 99"),
        (Parameter.seed, "Seed: -7", "Seed must lie between"),
        (Parameter.seed, "Seed: 1e400", "Its PNG info names Seed '1e400'"),
        (Parameter.sampler, "Sampler: Magic", "Its PNG info names Sampler 'Magic'"),
        (Parameter.model_hash, "Model hash: abcdef0123", "Its PNG info names Model hash 'abcdef"),
    ],
)
def test_a_value_of_no_use_is_refused_only_if_it_is_wanted(parameter, text, reason):
    text = f"x\n{text}, Size: 1x1, Clip skip: 1, Version: 1"
    with pytest.raises(InvalidRequest, match=reason):
        taken(parameter, text=text)
    assert changes(taken(*(set(Parameter) - {parameter, Parameter.prompt}), text=text)) == {}


def test_the_model_is_taken_even_if_pasting_disregards_it():
    changed = with_parameters(
        FORM,
        TEXT,
        {Parameter.model_hash},
        settings=Settings().with_changes({"disable_weights_auto_swap": True}),
        catalog=OneCheckpoint(),
        styles=StyleBook(Path("no such file.csv")),
    )
    assert changed.model == CHECKPOINT.title


def test_what_this_program_writes_is_taken_whole():
    plan = plan_for(
        prompt=Prompt(positive="a boat"),
        seeds=Seeds(seed=42),
        sampling=Sampling(sampler="Heun", steps=9, cfg_scale=3.25),
    )
    changed = taken(*Parameter, text=write(plan, plan.images[0]))
    assert changed.seeds.seed == 42
    assert (changed.sampling.sampler, changed.sampling.steps) == ("Heun", 9)
    assert changed.sampling.cfg_scale == 3.25
    assert changed.prompt.positive == "oil painting a boat"
