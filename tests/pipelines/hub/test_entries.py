"""What of a repository is offered, under which name, and what is refused."""

from dataclasses import replace

import pytest

from pipelines.hub.client import Hub, Repository, StoredFile
from pipelines.hub.entries import Entry, Group, entries_of
from tests.helpers.repositories import LORA, LORA_FILE, PIPELINE

SHA = "a" * 64


def repository(*paths: str, name: str = "owner/Name") -> Repository:
    return Repository(
        name=name,
        commit="c" * 40,
        licence="",
        gated=False,
        tags=(),
        files=tuple(StoredFile(path=path, size=10, digest=SHA) for path in paths),
    )


def only(*paths: str, name: str = "owner/Name") -> Entry:
    (entry,) = entries_of(repository(*paths, name=name), allow_pickles=True)
    return entry


def paths(entry: Entry) -> set[str]:
    return {file.path for file in entry.files}


def test_a_single_file_keeps_its_name(hub: Hub):
    (entry,) = entries_of(hub.repository(LORA))
    assert (entry.key, entry.target, entry.refusal) == (LORA_FILE, LORA_FILE, "")
    assert entry.group is Group.safetensors


def test_a_pipeline_is_one_entry_and_another_in_half_precision(hub: Hub):
    full, half, pickle = entries_of(hub.repository(PIPELINE))
    assert (full.target, half.target) == ("Whole-Model", "Whole-Model")
    assert "unet/diffusion_pytorch_model.safetensors" in paths(full)
    assert "unet/diffusion_pytorch_model.fp16.safetensors" in paths(half)
    # The VAE has no half: the whole one comes with it.
    assert "vae/diffusion_pytorch_model.safetensors" in paths(half)
    assert paths(full) - paths(half) == {
        "unet/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
    }
    assert pickle.group is Group.pickle


def test_of_a_pipeline_only_what_is_needed_comes(hub: Hub):
    full = entries_of(hub.repository(PIPELINE))[0]
    for unwanted in ("README.md", "safety_checker", ".bin", ".ckpt", "fp16"):
        assert not any(unwanted in path for path in paths(full))
    for wanted in ("model_index.json", "tokenizer/merges.txt", "scheduler/scheduler_config.json"):
        assert wanted in paths(full)


def test_weights_in_shards_come_with_their_index():
    stem = "unet/diffusion_pytorch_model"
    shards = [f"{stem}-0000{number}-of-00002.safetensors" for number in (1, 2)]
    index = f"{stem}.safetensors.index.json"
    entry = only("model_index.json", "unet/config.json", index, *shards)
    assert {index, *shards} <= paths(entry)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (["model_index.json", "transformer/model.safetensors"], "has no UNet"),
        (
            ["model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.bin"],
            "no safetensors weights in its folder 'unet'",
        ),
    ],
)
def test_a_pipeline_that_could_not_be_loaded_is_refused(files: list[str], reason: str):
    assert reason in entries_of(repository(*files))[0].refusal


def test_pickles_are_shown_and_refused_unless_allowed():
    shown = entries_of(repository("a.ckpt"))
    assert "--allow-pickle" in shown[0].refusal
    assert entries_of(repository("a.ckpt"), allow_pickles=True)[0].refusal == ""


def test_a_shard_of_a_larger_file_is_refused():
    assert "part of a larger model" in only("model-00001-of-00003.safetensors").refusal


def test_a_file_without_hash_is_refused():
    told = repository("a.safetensors")
    told = replace(told, files=(replace(told.files[0], digest=""),))
    assert "does not say its hash" in entries_of(told)[0].refusal


def test_other_files_are_not_listed():
    assert entries_of(repository("README.md", "a.onnx", "b.gguf", "c.msgpack")) == ()


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("pytorch_lora_weights.safetensors", "Name.safetensors"),
        ("learned_embeds.bin", "Name.bin"),
        ("diffusion_pytorch_model.fp16.safetensors", "Name.safetensors"),
        ("openpose/diffusion_pytorch_model.safetensors", "Name-openpose.safetensors"),
        ("loras/fine.safetensors", "fine.safetensors"),
    ],
)
def test_a_file_called_as_every_other_is_named_for_its_repository(path: str, target: str):
    assert only(path).target == target


def test_the_vae_of_a_vae_repository_is_a_file():
    entry = only("config.json", "diffusion_pytorch_model.safetensors", name="s/sd-vae-ft-mse")
    assert entry.target == "sd-vae-ft-mse.safetensors"
