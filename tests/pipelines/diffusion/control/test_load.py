"""Control models of every kind and layout, read from files with tiny weights."""

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from zipfile import ZipFile

import pytest
import torch
from diffusers.models.adapter import T2IAdapter
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.controlnets.controlnet_union import ControlNetUnionModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file

from pipelines.catalog.checkpoints import Layout
from pipelines.catalog.models import ModelFile
from pipelines.diffusion.control.configs import stored_config
from pipelines.diffusion.control.ip_adapter import IpAdapter
from pipelines.diffusion.control.kinds import ControlKind
from pipelines.diffusion.control.load import Base, LoadedControl, load_control
from pipelines.diffusion.control.names import diffusers_names, residual_channels
from pipelines.errors import ModelBroken, ModelNotFound
from tests.helpers.control_keys import (
    control_lora,
    ip_adapter,
    ip_adapter_plus,
    original_adapter,
    original_controlnet,
)
from tests.helpers.control_models import (
    STRUCTURE,
    randomised,
    save_controlnet,
    tiny_controlnet,
    tiny_union,
)
from tests.helpers.tiny import EXACT, WIDTH, tiny_components

XL = {
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 8 * 6 + 12,
}


@pytest.fixture(scope="module")
def base() -> Base:
    parts = tiny_components()
    return Base(unet=parts.unet, vae=parts.vae, title="tiny", key=1)


@pytest.fixture(scope="module")
def xl_base(base: Base) -> Base:
    # The entries with an underscore name what was left at its default, and would stay there.
    plain = {key: value for key, value in base.unet.config.items() if not key.startswith("_")}
    unet = cast(Any, UNet2DConditionModel).from_config({**plain, **XL})
    return replace(base, unet=unet)


def written(folder: Path, name: str, tensors: dict[str, torch.Tensor]) -> ModelFile:
    path = folder / name
    if path.suffix == ".safetensors":
        save_file({key: tensor.clone() for key, tensor in tensors.items()}, path)
    else:
        torch.save(tensors, path)
    return ModelFile(name=path.stem, path=path, layout=Layout.file)


def load(file: ModelFile, base: Base) -> LoadedControl:
    return load_control(file, base, EXACT)


def assert_same_weights(network: Any, expected: Any) -> None:
    ours, theirs = network.state_dict(), expected.state_dict()
    assert ours.keys() == theirs.keys()
    differing = [name for name in ours if not torch.allclose(ours[name], theirs[name], atol=1e-6)]
    assert differing == []


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("canny.safetensors", ""),
        ("canny.safetensors", "control_model."),
        ("canny.pth", "control_model."),
        ("canny.bin", ""),
    ],
)
def test_a_file_under_its_authors_names(tmp_path: Path, base: Base, name: str, prefix: str):
    network = tiny_controlnet()
    loaded = load(written(tmp_path, name, original_controlnet(network, prefix=prefix)), base)
    assert loaded.kind is ControlKind.controlnet
    assert_same_weights(loaded.network, network)


def test_a_file_under_diffusers_names(tmp_path: Path, base: Base):
    network = tiny_controlnet()
    loaded = load(written(tmp_path, "canny.safetensors", network.state_dict()), base)
    assert_same_weights(loaded.network, network)


def test_a_diffusers_folder(tmp_path: Path, base: Base):
    loaded = load(save_controlnet(tmp_path / "canny"), base)
    assert loaded.name == "canny"
    assert_same_weights(loaded.network, tiny_controlnet())


@pytest.mark.parametrize("prefix", ["", "control_model."])
def test_an_sdxl_file_whose_embedding_is_called_label_emb(
    tmp_path: Path, xl_base: Base, prefix: str
):
    network = tiny_controlnet(**XL)
    tensors = original_controlnet(network, prefix=prefix)
    assert f"{prefix}label_emb.0.0.weight" in tensors
    assert_same_weights(
        load(written(tmp_path, "xl.safetensors", tensors), xl_base).network, network
    )


@pytest.mark.parametrize("types", [6, 8])
def test_a_union_file_and_folder(tmp_path: Path, xl_base: Base, types: int):
    network = tiny_union(types=types, **XL)
    network.save_pretrained(tmp_path / "folder")
    folder = ModelFile(name="folder", path=tmp_path / "folder", layout=Layout.folder)
    for file in (written(tmp_path, "union.safetensors", network.state_dict()), folder):
        loaded = load(file, xl_base)
        assert loaded.kind is ControlKind.union
        assert cast(Any, loaded.network).config["num_control_type"] == types
        assert_same_weights(loaded.network, network)


def test_shuffle_is_known_by_its_name(tmp_path: Path, base: Base):
    tensors = original_controlnet(tiny_controlnet())
    for name, pooled in (("control_v11e_sd15_shuffle.pth", True), ("canny.pth", False)):
        network: Any = load(written(tmp_path, name, tensors), base).network
        assert network.config["global_pool_conditions"] is pooled


def test_a_difference_is_added_to_the_unet(tmp_path: Path, base: Base):
    whole = tiny_controlnet()
    unet = cast(Any, base.unet).state_dict()
    changes = {
        key: weight - unet[key] if key in unet else weight
        for key, weight in whole.state_dict().items()
    }
    network = tiny_controlnet()
    network.load_state_dict(changes)
    tensors = {**original_controlnet(network), "difference": torch.zeros(1)}
    assert_same_weights(load(written(tmp_path, "diff.safetensors", tensors), base).network, whole)


@pytest.mark.parametrize("channels", [4, 9])
def test_a_control_lora_is_built_on_the_unet(tmp_path: Path, channels: int):
    parts = tiny_components(in_channels=channels)
    base = Base(unet=parts.unet, vae=parts.vae, title="tiny", key=1)
    tensors, expected = control_lora(tiny_controlnet(), parts.unet)
    loaded = load(written(tmp_path, "lora.safetensors", tensors), base)
    assert loaded.kind is ControlKind.control_lora
    assert_same_weights(loaded.network, expected)


@pytest.mark.parametrize("kind", ["full_adapter", "full_adapter_xl", "light_adapter"])
@pytest.mark.parametrize("original", [True, False])
def test_a_t2i_adapter(tmp_path: Path, base: Base, kind: str, original: bool):
    factor = 16 if kind == "full_adapter_xl" else 8
    network = cast(Any, T2IAdapter)(
        channels=[8, 16] if kind == "light_adapter" else [8, 16, 16],
        downscale_factor=factor,
        adapter_type=kind,
    )
    tensors = original_adapter(network) if original else network.state_dict()
    loaded = load(written(tmp_path, "sketch.safetensors", tensors), base)
    assert loaded.kind is ControlKind.adapter
    assert_same_weights(loaded.network, network)


def test_an_ip_adapter_in_both_formats(tmp_path: Path, base: Base):
    tensors = ip_adapter(base.unet, width=8, texts=WIDTH)
    nested: dict[str, Any] = {"image_proj": {}, "ip_adapter": {}}
    for key, tensor in tensors.items():
        part, name = key.split(".", 1)
        nested[part][name] = tensor
    for file in (
        written(tmp_path, "ip.safetensors", tensors),
        written(tmp_path, "ip.bin", nested),
    ):
        loaded = load(file, base)
        network = cast(IpAdapter, loaded.network)
        assert (loaded.kind, network.width, network.sees_patches) == (
            ControlKind.ip_adapter,
            8,
            False,
        )
        assert torch.equal(network.keys[1], tensors["ip_adapter.3.to_k_ip.weight"])
        assert torch.equal(network.values[2], tensors["ip_adapter.5.to_v_ip.weight"])
        assert network.tokens(torch.ones(1, 8)).shape == (1, 4, WIDTH)


def test_an_ip_adapter_that_looks_at_patches(tmp_path: Path, base: Base):
    tensors = ip_adapter_plus(base.unet, width=16, texts=WIDTH)
    network = cast(IpAdapter, load(written(tmp_path, "plus.safetensors", tensors), base).network)
    assert (network.width, network.sees_patches) == (16, True)
    assert network.tokens(torch.ones(1, 17, 16)).shape == (1, 4, WIDTH)


@pytest.mark.parametrize("name", ["sd1", "sd2", "sdxl_full", "sdxl_mid", "sdxl_small"])
def test_the_carried_configurations_are_those_of_the_published_networks(name: str):
    """Names and shapes, without the memory for them."""
    with torch.device("meta"):
        network: Any = ControlNetModel.from_config(stored_config(name))
    tensors = original_controlnet(network)
    known = {
        "sd1": ("input_blocks.8.1.transformer_blocks.0.attn2.to_k.weight", (1280, 768), 13),
        "sd2": ("input_blocks.5.1.proj_in.weight", (640, 640), 13),
        "sdxl_full": ("input_blocks.8.1.transformer_blocks.9.attn2.to_k.weight", (1280, 2048), 10),
        "sdxl_mid": ("input_blocks.7.1.transformer_blocks.0.attn2.to_k.weight", (1280, 2048), 10),
        "sdxl_small": ("label_emb.0.0.weight", (1280, 2816), 10),
    }
    key, shape, residuals = known[name]
    assert tuple(tensors[key].shape) == shape
    assert len(residual_channels(network.config)) == residuals
    assert diffusers_names(tensors, network.config).keys() == network.state_dict().keys()


def test_the_carried_union_configuration_can_be_built():
    with torch.device("meta"):
        network: Any = ControlNetUnionModel.from_config(stored_config("sdxl_union"))
    assert tuple(network.task_embedding.shape) == (6, 320)


@pytest.mark.parametrize(
    ("theirs", "ours", "sentence"),
    [
        (768, 2048, "is for SD1.x and checkpoint tiny is SDXL"),
        (1024, 768, "is for SD2.x and checkpoint tiny is SD1.x"),
    ],
)
def test_another_family_is_refused_in_a_sentence(
    tmp_path: Path, base: Base, theirs: int, ours: int, sentence: str
):
    unet = cast(Any, UNet2DConditionModel).from_config(
        {**base.unet.config, "cross_attention_dim": ours}
    )
    file = save_controlnet(tmp_path / "canny", cross_attention_dim=theirs)
    with pytest.raises(ModelBroken, match=f"model canny {sentence}; choose two of one family"):
        load(file, replace(base, unet=unet))


def test_another_width_is_refused_in_a_sentence(tmp_path: Path, base: Base):
    wide = save_controlnet(tmp_path / "wide", block_out_channels=(8, 32))
    with pytest.raises(ModelBroken, match=r"wide is made for .* 8, 32 channels, .* has 8, 16"):
        load(wide, base)
    texts = save_controlnet(tmp_path / "texts", cross_attention_dim=24)
    with pytest.raises(ModelBroken, match=r"texts reads texts of width 24, .* gives 16"):
        load(texts, base)


def test_a_scaled_down_sdxl_network_is_refused_too(tmp_path: Path, base: Base):
    file = save_controlnet(tmp_path / "xl", **XL)
    with pytest.raises(ModelBroken, match="model xl is for SDXL and checkpoint tiny is not"):
        load(file, base)


def test_adapters_of_another_width_are_refused(tmp_path: Path, base: Base):
    network = cast(Any, T2IAdapter)(channels=[8, 24, 24])
    with pytest.raises(ModelBroken, match="levels of 8, 24, 24 channels"):
        load(written(tmp_path, "t2i.safetensors", network.state_dict()), base)
    tensors = ip_adapter(base.unet, width=8, texts=24)
    with pytest.raises(ModelBroken, match="4 attention layers of widths 24 to 16"):
        load(written(tmp_path, "ip.safetensors", tensors), base)


def test_a_pickle_with_code_in_it_is_not_run(tmp_path: Path, base: Base):
    path = tmp_path / "evil.pth"

    class Evil:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "ran",)

    path.write_bytes(pickle.dumps({"control_model.x": Evil()}, protocol=2))
    with pytest.raises(ModelBroken, match=r"evil\.pth is damaged, or holds more than weights"):
        load(ModelFile(name="evil", path=path, layout=Layout.file), base)
    assert not (tmp_path / "ran").exists()


def test_what_is_damaged_is_refused(tmp_path: Path, base: Base):
    whole = written(tmp_path, "cut.safetensors", original_controlnet(tiny_controlnet()))
    whole.path.write_bytes(whole.path.read_bytes()[:-10])
    with pytest.raises(ModelBroken, match=r"cut.safetensors holds \d+ bytes"):
        load(whole, base)
    tensors = original_controlnet(tiny_controlnet())
    del tensors["input_blocks.1.0.in_layers.2.bias"]
    with pytest.raises(ModelBroken, match=r"lacks 1 weights such as down_blocks.0.resnets.0.conv1"):
        load(written(tmp_path, "hole.safetensors", tensors), base)
    gone = ModelFile(name="gone", path=tmp_path / "gone.safetensors", layout=Layout.file)
    with pytest.raises(ModelNotFound, match=r"gone\.safetensors is no longer"):
        load(gone, base)


IMPOSSIBLE = "claims to be of a size that no network has"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"layers_per_block": 10**9}, IMPOSSIBLE),
        ({"transformer_layers_per_block": [[1], [1, 10**9]]}, IMPOSSIBLE),
        ({"down_block_types": ["DownBlock2D"] * 10**5}, IMPOSSIBLE),
        ({"cross_attention_dim": [[768]]}, "folder is damaged or incomplete|reads texts of width"),
        ({"block_out_channels": "wide"}, "folder is damaged or incomplete"),
    ],
)
def test_a_config_may_ask_for_anything_and_gets_a_sentence(
    tmp_path: Path, base: Base, change: dict[str, Any], words: str
):
    file = save_controlnet(tmp_path / "folder")
    config = json.loads((file.path / "config.json").read_text())
    (file.path / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(ModelBroken, match=words):
        load(file, base)


def test_a_small_file_cannot_become_a_large_network(tmp_path: Path, base: Base):
    layers = {"adapter.body.0.resnets.0.block1.weight": torch.zeros(8, 8, 3, 3)}
    layers["adapter.body.0.resnets.999999999.block2.weight"] = torch.zeros(8, 8, 3, 3)
    layers["adapter.conv_in.weight"] = torch.zeros(8, 192, 3, 3)
    with pytest.raises(ModelBroken, match=r"t2i\.safetensors is damaged or incomplete"):
        load(written(tmp_path, "t2i.safetensors", layers), base)
    wide = {**ip_adapter(base.unet, width=8, texts=WIDTH)}
    wide["image_proj.proj.weight"] = torch.zeros(10**12, 0)
    with pytest.raises(ModelBroken, match=IMPOSSIBLE):
        load(written(tmp_path, "ip.safetensors", wide), base)


def test_weights_nested_without_end_are_refused(tmp_path: Path, base: Base):
    depth = 5000
    opened = b"}X\x01\x00\x00\x00a" * depth  # an empty dictionary, and a key of it
    nested = b"\x80\x02" + opened + b"}" + b"s" * depth + b"."
    torch.save({"a": {}}, tmp_path / "plain.pth")
    path = tmp_path / "deep.pth"
    with ZipFile(tmp_path / "plain.pth") as plain, ZipFile(path, "w") as deep:
        for name in plain.namelist():
            deep.writestr(name, nested if name.endswith("data.pkl") else plain.read(name))
    with pytest.raises(ModelBroken, match=r"deep\.pth is damaged: its weights are nested"):
        load(ModelFile(name="deep", path=path, layout=Layout.file), base)


def test_a_folder_of_another_class_is_refused(tmp_path: Path, base: Base):
    file = save_controlnet(tmp_path / "other")
    config = json.loads((file.path / "config.json").read_text())
    config["_class_name"] = "SparseControlNetModel"
    (file.path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelBroken, match="model other is a SparseControlNetModel; supported"):
        load(file, base)


def test_shards_cannot_lead_out_of_their_folder(tmp_path: Path, base: Base):
    file = save_controlnet(tmp_path / "sharded")
    (file.path / "diffusion_pytorch_model.safetensors").rename(tmp_path / "else.safetensors")
    index = {"weight_map": {"conv_in.weight": "../else.safetensors"}}
    (file.path / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelBroken, match="damaged"):
        load(file, base)


def test_colours_in_the_other_order_are_put_right(tmp_path: Path, base: Base):
    loaded = load(
        save_controlnet(tmp_path / "bgr", controlnet_conditioning_channel_order="bgr"), base
    )
    network, plain = cast(Any, loaded.network), tiny_controlnet()
    picture = torch.rand(1, 3, 16, 16)
    assert torch.allclose(
        network.controlnet_cond_embedding(picture),
        plain.controlnet_cond_embedding(picture.flip(1)),
        atol=1e-6,
    )


def test_the_structure_of_the_tiny_networks_is_their_unets(base: Base):
    assert residual_channels(STRUCTURE) == residual_channels(base.unet.config) == [8, 8, 8, 16, 16]
    assert randomised(tiny_controlnet(), 1).config["block_out_channels"] == (8, 16)
