"""What a single file is, told from the names and shapes of its tensors."""

import pytest

from pipelines.catalog.families import ModelFamily
from pipelines.catalog.kinds import CheckpointKind, Prediction, tell_checkpoint
from pipelines.errors import ModelBroken
from tests.helpers.models import CLIP_L, FIRST_LAYER, OPEN_CLIP, REFINER_TEXT, SDXL_TEXT

SD1, SD2, SDXL, REFINER, _ = ModelFamily
UNET = {FIRST_LAYER: (320, 4, 3, 3)}

KINDS: dict[str, tuple[dict[str, tuple[int, ...]], CheckpointKind]] = {
    "sd1": ({**UNET, CLIP_L: (768,)}, CheckpointKind(family=SD1, input_channels=4)),
    "sd2": ({**UNET, OPEN_CLIP: (1024,)}, CheckpointKind(family=SD2, input_channels=4)),
    "sdxl": (
        {**UNET, SDXL_TEXT: (1280,), "conditioner.embedders.0.transformer.a": (1,)},
        CheckpointKind(family=SDXL, input_channels=4),
    ),
    "sdxl's refiner": (
        {**UNET, REFINER_TEXT: (1280,)},
        CheckpointKind(family=REFINER, input_channels=4),
    ),
    "inpainting": (
        {FIRST_LAYER: (320, 9, 3, 3), CLIP_L: (768,)},
        CheckpointKind(family=SD1, input_channels=9),
    ),
    "instruct pix2pix": (
        {FIRST_LAYER: (320, 8, 3, 3), CLIP_L: (768,)},
        CheckpointKind(family=SD1, input_channels=8),
    ),
    "with both marks": (
        {**UNET, SDXL_TEXT: (1280,), "v_pred": (0,), "ztsnr": (0,)},
        CheckpointKind(
            family=SDXL, input_channels=4, prediction=Prediction.velocity, zero_snr=True
        ),
    ),
}


@pytest.mark.parametrize(("shapes", "kind"), KINDS.values(), ids=KINDS)
def test_a_checkpoint_is_told(shapes: dict[str, tuple[int, ...]], kind: CheckpointKind):
    assert tell_checkpoint(shapes, "a.safetensors") == kind


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("v", Prediction.velocity),
        ("epsilon", Prediction.noise),
        ("something", None),
        (["v"], None),
    ],
)
def test_the_header_may_say_what_is_predicted(stated: object, expected: Prediction | None):
    metadata = {"modelspec.prediction_type": stated}
    told = tell_checkpoint({**UNET, OPEN_CLIP: (1,)}, "a.safetensors", metadata)
    assert told.prediction is expected


REFUSED = {
    "edm_vpred.sigma_max": "as Playground 2.5 and CosXL do",
    "model.diffusion_model.middle_block.0.in_layers.0.bias": "a distilled model with fewer layers",
    "embedder.model.visual.proj": "an unCLIP model",
    "cond_stage_model.vision_model.proj": "an image variations model",
    "cond_stage_model.roberta.embeddings": "an Alt-Diffusion model",
    "first_stage_model.encoder.conv_in.bias": "lacks its text encoder",
    "model.diffusion_model.out.2.weight.scale_weight": "fp8 weights with scales stored apart",
}


@pytest.mark.parametrize(("name", "reason"), REFUSED.items())
def test_a_checkpoint_for_other_things_is_refused_by_name(name: str, reason: str):
    text = {OPEN_CLIP: (1,)} if "lacks" not in reason else {}
    with pytest.raises(ModelBroken, match=rf"^odd\.safetensors .*{reason}.*\.$"):
        tell_checkpoint({**UNET, **text, name: (1,)}, "odd.safetensors")


OTHERS = {
    "joint_blocks.0.x_block.attn.qkv.weight": "is a Stable Diffusion 3 model",
    "model.diffusion_model.joint_blocks.0.attn": "is a Stable Diffusion 3 model",
    "model.diffusion_model.double_blocks.0.img_attn": "is a Flux model",
    "model.diffusion_model.something.else": "has a network that Redraw does not know",
    "lora_unet_mid_block.lora_up.weight": "is a LoRA; it belongs into models/Lora",
    "lora_te_text_model.alpha": "is a LoRA",
    "control_model.input_hint_block.0.weight": "is a ControlNet",
    "down_blocks.0.resnets.0.conv1.weight": "is a UNet alone",
    "model_ema.diffusion_modelout2bias": "holds a training's averages alone",
    "encoder.conv_in.weight": "is a VAE; it belongs into models/VAE",
    "first_stage_model.encoder.conv_in.weight": "is a VAE",
    "emb_params": "is an embedding",
    "weight": "is no Stable Diffusion checkpoint",
}


@pytest.mark.parametrize(("name", "reason"), OTHERS.items())
def test_what_is_no_checkpoint_is_refused_by_what_it_is(name: str, reason: str):
    with pytest.raises(ModelBroken, match=rf"^odd\.safetensors {reason}"):
        tell_checkpoint({name: (1,)}, "odd.safetensors")


def test_an_empty_file_is_no_checkpoint():
    with pytest.raises(ModelBroken, match="is no Stable Diffusion checkpoint"):
        tell_checkpoint({}, "empty.safetensors")
