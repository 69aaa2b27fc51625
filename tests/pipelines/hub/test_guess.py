"""Which kind of model something is taken for before it was fetched."""

from collections.abc import Mapping

import pytest

from pipelines.catalog.folders import Kind
from pipelines.hub.client import Repository, StoredFile
from pipelines.hub.entries import entries_of
from pipelines.hub.guess import Guess, guess

SD1 = {
    "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
    "first_stage_model.encoder.conv_in.weight": (128, 3, 3, 3),
    "cond_stage_model.transformer.text_model.embeddings.position_ids": (1, 77),
}


def guessed(
    path: str,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    *,
    tags: tuple[str, ...] = (),
    size: int = 10,
    name: str = "owner/name",
) -> Guess:
    repository = Repository(
        name=name,
        commit="c" * 40,
        licence="",
        gated=False,
        tags=tags,
        files=(StoredFile(path=path, size=size, digest="a" * 64),),
    )
    (entry,) = entries_of(repository, allow_pickles=True)
    header = (
        None
        if shapes is None
        else {
            "__metadata__": {"format": "pt"},
            **{key: {"dtype": "F16", "shape": list(shape)} for key, shape in shapes.items()},
        }
    )
    return guess(entry, repository, header)


def test_a_checkpoint_is_known_with_its_family():
    assert guessed("x.safetensors", SD1) == Guess(kind=Kind.checkpoint, family="SD1.x")


def test_a_checkpoint_that_will_not_work_says_why():
    shapes = {key: shape for key, shape in SD1.items() if "cond_stage" not in key}
    assert "lacks its text encoder" in guessed("x.safetensors", shapes).remark


def test_a_lora_is_known_with_its_family():
    key = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"
    assert guessed("x.safetensors", {key: (8, 2048)}) == Guess(kind=Kind.lora, family="SDXL")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("control_model.input_hint_block.0.weight", Kind.controlnet),
        ("controlnet_cond_embedding.conv_in.weight", Kind.controlnet),
        ("adapter.body.0.resnets.0.block1.weight", Kind.controlnet),
        ("ip_adapter.1.to_k_ip.weight", Kind.controlnet),
        ("unet.down_blocks.0.attn.to_k.lora_A.weight", Kind.lora),
        ("lora_unet_x.hada_w1_a", Kind.lora),
        ("encoder.conv_in.weight", Kind.vae),
        ("first_stage_model.decoder.conv_in.weight", Kind.vae),
        ("emb_params", Kind.embedding),
        ("<my-cat>", Kind.embedding),
        ("model.1.sub.0.rdb1.conv1.0.weight", Kind.upscaler),
        ("body.0.rdb1.conv1.weight", Kind.upscaler),
    ],
)
def test_tensors_tell_the_kind(name: str, kind: Kind):
    assert guessed("x.safetensors", {name: (4, 768)}).kind is kind


@pytest.mark.parametrize(
    ("path", "tags", "kind"),
    [
        ("x.pt", ("lora",), Kind.lora),
        ("x.pt", ("textual_inversion", "stable-diffusion"), Kind.embedding),
        ("x.pth", ("controlnet",), Kind.controlnet),
        ("4x-UltraSharp-ESRGAN.pth", (), Kind.upscaler),
        ("sub/my-vae.pt", ("lora",), Kind.vae),
    ],
)
def test_without_a_header_words_tell_it(path: str, tags: tuple[str, ...], kind: Kind):
    assert guessed(path, tags=tags).kind is kind


@pytest.mark.parametrize(
    ("size", "kind"),
    [(30_000, Kind.embedding), (150_000_000, Kind.lora), (2_000_000_000, Kind.checkpoint)],
)
def test_without_words_the_size_does(size: int, kind: Kind):
    assert guessed("x.ckpt", size=size).kind is kind
