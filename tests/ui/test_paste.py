"""Parameter texts become values of the form's fields."""

from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from pipelines.catalog.folders import Kind
from pipelines.catalog.networks import FolderNetworks
from pipelines.errors import UserError
from tests.helpers.images import gradient
from tests.helpers.network_files import write_network
from tests.helpers.page import SlowPainter, make_context
from ui.context import Context
from ui.info_events import describe_html
from ui.paste import last_parameters, paste_text, read_dropped
from ui.tabs import img2img
from ui.uploads import Uploads

INFOTEXT = "a cat\nNegative prompt: dog\nSteps: 7, Sampler: Euler a, CFG scale: 3, Size: 512x768"
MAX_PIXELS = 1_000_000


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """Everything real but the network."""
    return make_context(tmp_path, SlowPainter())


def test_a_parameter_text_sets_the_fields_it_names(context: Context):
    values = paste_text(context, INFOTEXT).values
    assert values["prompt"] == "a cat"
    assert values["negative_prompt"] == "dog"
    assert (values["width"], values["height"], values["size_tab"]) == (512, 768, 0)
    assert "denoising_strength" not in values


def test_a_mere_prompt_sets_the_prompts_alone(context: Context):
    values = paste_text(context, "just words").values
    assert values["prompt"] == "just words"
    assert "steps" not in values


def test_a_lora_of_another_name_is_known_by_its_hash(context: Context, tmp_path: Path):
    digest = "0123456789ab" + 52 * "0"
    write_network(tmp_path / "Lora" / "local name.safetensors", {"sshs_model_hash": digest})
    context = replace(context, loras=FolderNetworks((tmp_path / "Lora",), Kind.lora))
    text = (
        INFOTEXT.replace("cat", "cat <lora:theirs:0.5>") + ', Lora hashes: "theirs: 0123456789ab"'
    )
    assert paste_text(context, text).values["prompt"] == "a cat <lora:local name:0.5>"


def test_a_text_file_is_read_and_a_long_one_is_not(tmp_path: Path):
    path = tmp_path / "text.txt"
    path.write_text(INFOTEXT, encoding="utf-8")
    assert read_dropped(path, max_pixels=MAX_PIXELS) == INFOTEXT
    path.write_text("word " * 4000, encoding="utf-8")
    with pytest.raises(UserError):
        read_dropped(path, max_pixels=MAX_PIXELS)


def test_a_picture_without_parameters_says_so(tmp_path: Path):
    path = tmp_path / "plain.png"
    gradient().save(path)
    with pytest.raises(UserError, match=r"plain\.png holds no generation parameters"):
        read_dropped(path, max_pixels=MAX_PIXELS)


def test_before_the_first_picture_there_are_no_last_parameters(tmp_path: Path):
    with pytest.raises(UserError, match="no picture has been made yet"):
        last_parameters(tmp_path)
    (tmp_path / "params.txt").write_text(INFOTEXT, encoding="utf-8")
    assert last_parameters(tmp_path) == INFOTEXT


def test_png_info_tells_what_a_file_says_and_not_how_it_is_stored():
    picture = gradient()
    picture.info = {"Title": "a <cat>", "jfif": 257, "jfif_density": (1, 1), "dpi": (72, 72)}
    described = describe_html(picture, "")
    assert "<h4>Title</h4><p>a &lt;cat&gt;</p>" in described
    assert "jfif" not in described
    assert "dpi" not in described


def test_a_parameter_text_sets_the_inpainting_fields(context: Context):
    text = (
        "a cat\nSteps: 7, Sampler: Euler a, CFG scale: 3, Size: 512x768, Mask blur: 12, "
        "Mask mode: Inpaint not masked, Masked content: latent noise, Inpaint area: Only masked, "
        "Masked area padding: 48, Soft inpainting enabled: True, Soft inpainting schedule bias: 2"
    )
    values = paste_text(context, text).values
    wanted = {
        "mask_blur": 12,
        "mask_mode": "Inpaint not masked",
        "masked_content": "latent noise",
        "inpaint_area": "Only masked",
        "inpaint_padding": 48,
        "soft_inpainting": True,
        "soft_schedule_bias": 2,
    }
    assert {name: values[name] for name in wanted} == wanted


def test_every_pasted_field_is_on_the_page(context: Context):
    fields = paste_text(context, INFOTEXT).values.keys()
    with gr.Blocks():
        page = img2img.build(context, None, Uploads(context.settings))
    assert fields <= {*page.fields, "checkpoint"}
