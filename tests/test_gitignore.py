"""What git lets in of the models folder: what the project ships, and nothing of the user's."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An empty repository with the project's rules."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    shutil.copy(ROOT / ".gitignore", tmp_path)
    return tmp_path


def ignored(repository: Path, path: str) -> bool:
    """Whether git would leave a file at `path` out."""
    asked = subprocess.run(["git", "check-ignore", "--quiet", path], cwd=repository, check=False)
    assert asked.returncode in (0, 1), f"git answered {asked.returncode}"
    return asked.returncode == 0


@pytest.mark.parametrize(
    "path",
    [
        "Lora/.gitkeep",
        "Stable-diffusion/demo/example.json",
        "Stable-diffusion/demo/unet/diffusion_pytorch_model.safetensors",
        "Stable-diffusion/demo-inpainting/unet/diffusion_pytorch_model.safetensors",
        "ControlNet/demo_canny/config.json",
        "ControlNet/demo_seg/diffusion_pytorch_model.safetensors",
        "Lora/demo_ink.safetensors",
        "embeddings/demo_dusk.safetensors",
    ],
)
def test_what_the_project_ships_is_let_in(repository: Path, path: str):
    assert not ignored(repository, f"models/{path}")


@pytest.mark.parametrize(
    "path",
    [
        "Stable-diffusion/dreams.safetensors",
        "Stable-diffusion/demo.safetensors",
        "Stable-diffusion/demo-2/unet/config.json",
        "Stable-diffusion/mine/demo/unet/config.json",
        "ControlNet/control_v11p_sd15_canny.safetensors",
        "ControlNet/demo_canny.safetensors",
        "ControlNet/mine/demo_canny/config.json",
        "Lora/demo_ink_2.safetensors",
        "Lora/mine/demo_ink.safetensors",
        "embeddings/demo_dusk.pt",
    ],
)
def test_what_the_user_has_is_left_out(repository: Path, path: str):
    assert ignored(repository, f"models/{path}")
