"""A model's own example: read strictly, refused with the key or value that is wrong."""

import json
from pathlib import Path

import pytest

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.examples import has_example, read_example
from pipelines.catalog.scan import FolderCatalog
from pipelines.errors import ModelBroken
from pipelines.imaging.geometry import Size
from pipelines.imaging.opening import open_picture
from pipelines.requests import Prompt, ResizeTo, Sampling, Seeds
from tests.helpers.models import write_example, write_folder, write_single_file

OWN_MODELS = Path(__file__).resolve().parents[3] / "models" / "Stable-diffusion"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    write_folder(tmp_path / "models" / "paint")
    return FolderCatalog([tmp_path / "models"], [], tmp_path).find("paint")


def test_an_example_is_read(checkpoint: Checkpoint):
    assert not has_example(checkpoint)
    write_example(checkpoint.path)
    assert has_example(checkpoint)
    example = read_example(checkpoint)
    assert example.picture == checkpoint.path / "example.png"
    assert example.prompt == Prompt(positive="a dog", negative="a cat")
    assert example.sampling == Sampling(
        sampler="Euler a", schedule="Karras", steps=12, cfg_scale=4.5, denoising_strength=0.5
    )
    assert example.size == ResizeTo(width=96, height=64)
    assert example.seeds == Seeds(seed=7)


def test_labels_are_given_as_the_menus_have_them(checkpoint: Checkpoint):
    write_example(checkpoint.path, sampler="k_euler_a", schedule="sgmuniform")
    sampling = read_example(checkpoint).sampling
    assert (sampling.sampler, sampling.schedule) == ("Euler a", "SGM Uniform")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": None}, "missing steps."),
        ({"step": 20}, "and no others; unknown step."),
        ({"seed": None, "sed": 1}, "missing seed and unknown sed."),
        ({"prompt": 5}, "prompt must be a text, got 5."),
        ({"sampler": ["Euler"]}, "sampler must be a text"),
        ({"sampler": "DPM slow"}, "'DPM slow' is not known"),
        ({"sampler": "DDIM"}, "DDIM cannot follow schedule type Karras"),
        ({"steps": 12.5}, "Sampling steps must be a whole number"),
        ({"steps": True}, "Sampling steps must be a number"),
        ({"cfg_scale": "5"}, "CFG Scale must be a number"),
        ({"cfg_scale": float("nan")}, "CFG Scale must be a number"),
        ({"denoising_strength": 1.5}, "Denoising strength must lie between 0 and 1"),
        ({"width": 100}, "Width must be a multiple of 8"),
        ({"seed": -2}, "Seed must lie between -1"),
    ],
)
def test_whatever_is_wrong_is_named(checkpoint: Checkpoint, changes: dict[str, object], words: str):
    write_example(checkpoint.path, **changes)
    with pytest.raises(ModelBroken) as caught:
        read_example(checkpoint)
    assert str(caught.value).startswith("The example of checkpoint 'paint' cannot be used: ")
    assert words in str(caught.value)


def test_a_damaged_file_and_a_missing_picture_are_named(checkpoint: Checkpoint):
    write_example(checkpoint.path)
    (checkpoint.path / "example.png").unlink()
    with pytest.raises(ModelBroken, match=r"example\.png is missing\.$"):
        read_example(checkpoint)
    (checkpoint.path / "example.json").write_text("[")
    with pytest.raises(ModelBroken, match=r"example\.json is not valid JSON\.$"):
        read_example(checkpoint)


def test_a_single_file_has_no_example(tmp_path: Path):
    write_single_file(tmp_path / "models" / "a.safetensors")
    assert not has_example(FolderCatalog([tmp_path / "models"], [], tmp_path).find("a"))


def test_the_built_in_models_example_is_sound(tmp_path: Path):
    demo = FolderCatalog([OWN_MODELS], [], tmp_path).find("demo")
    example = read_example(demo)
    picture = open_picture(example.picture, max_pixels=10**6)
    assert picture.mode == "RGB"
    size = Size(example.size.width, example.size.height)
    assert Size.of(picture.size) == size == demo.default_size
    assert json.loads((demo.path / "example.json").read_text())["prompt"]
