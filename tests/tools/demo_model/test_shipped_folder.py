"""The committed demo model and what goes with it: complete, small, half precision, working."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

import pipelines.diffusion  # noqa: F401 lets torchvision load, before diffusers is imported here
from tools.demo_model.render import render
from tools.demo_model.training import library, vae

MODELS = Path(__file__).resolve().parents[3] / "models"
FOLDER = MODELS / "Stable-diffusion" / "demo"
# The model and what is added to it, as far as it is there.
FOLDERS = (FOLDER, FOLDER.with_name("demo-inpainting"), *(MODELS / "ControlNet").glob("demo_*"))
ADDED = (MODELS / "Lora" / "demo_ink.safetensors", MODELS / "embeddings" / "demo_dusk.safetensors")
PARTS = ("scheduler", "text_encoder", "tokenizer", "unet", "vae")
MB = 10**6


@pytest.fixture(scope="module")
def pipeline() -> library.Part:
    kind = library.import_module("diffusers").StableDiffusionImg2ImgPipeline
    loaded = kind.from_pretrained(FOLDER, dtype=torch.float32, local_files_only=True)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def test_the_folder_has_every_part_and_a_card():
    index = json.loads((FOLDER / "model_index.json").read_text(encoding="utf-8"))
    assert index["_class_name"] == "StableDiffusionPipeline"
    assert all(index[part][0] is not None for part in PARTS)
    assert index["safety_checker"] == index["feature_extractor"] == [None, None]
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert "Apache-2.0" in card


def test_the_folder_is_small():
    sizes = {path.name: path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()}
    assert max(sizes.values()) <= 16 * MB, sizes
    assert sum(sizes.values()) <= 60 * MB


def test_all_that_ships_is_at_most_120_megabytes():
    files = [path for folder in FOLDERS for path in folder.rglob("*") if path.is_file()]
    files += [path for path in ADDED if path.exists()]
    assert sum(path.stat().st_size for path in files) <= 120 * MB


@pytest.mark.parametrize(
    "path",
    sorted(path for folder in FOLDERS for path in folder.rglob("*.safetensors")),
    ids=lambda path: str(path.relative_to(MODELS)),
)
def test_weights_are_fp16_and_finite(path: Path):
    with safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118 the file is no mapping
            tensor = file.get_tensor(name)
            # Positions of tokens are whole numbers.
            assert tensor.dtype == torch.float16 or name.endswith("position_ids")
            assert torch.isfinite(tensor).all(), name


def test_the_default_size_is_256_pixels(pipeline: library.Part):
    assert pipeline.unet.config.sample_size * pipeline.vae_scale_factor == 256


def test_the_noise_schedule_is_stable_diffusions(pipeline: library.Part):
    config = pipeline.scheduler.config
    assert (config.beta_schedule, config.beta_start, config.beta_end) == (
        "scaled_linear",
        0.00085,
        0.012,
    )
    assert config.prediction_type == "v_prediction"


def test_the_vae_restores_pictures_well(pipeline: library.Part):
    drawn = np.stack([render(seed).picture for seed in (90_000, 90_001)])
    assert vae.psnr(pipeline.vae, drawn) > 26


def test_it_turns_a_drawing_into_a_picture_that_follows_the_prompt(pipeline: library.Part):
    """Neither noise nor the drawing itself: a green and blue sketch becomes a night."""
    sketch = Image.new("RGB", (256, 256), (120, 180, 240))
    sketch.paste((70, 150, 70), (0, 150, 256, 256))
    after: dict[str, np.ndarray] = {}
    for time in ("day", "night"):
        picture = pipeline(
            f"green hills, {time}",
            image=sketch,
            strength=1.0,  # below, a sketch's brightness shows through the noise
            num_inference_steps=10,
            guidance_scale=5.0,
            generator=torch.Generator().manual_seed(1),
        ).images[0]
        after[time] = np.asarray(picture).astype(float)
    # Noise differs between neighbouring pixels as much as between distant ones.
    roughness = np.abs(np.diff(after["day"], axis=1)).mean()
    assert roughness < 8, f"neighbouring pixels differ by {roughness:.1f}"
    assert after["day"].mean() - after["night"].mean() > 30
