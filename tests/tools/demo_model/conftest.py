"""What several tests of the training share."""

from pathlib import Path

import pytest
import torch

import tools.demo_model.__main__ as making

STAGES = ("render", "tokenizer", "vae", "latents", "train", "decoder", "export")


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work folder of a toy after the stages up to the finished model."""
    folder: Path = tmp_path_factory.mktemp("making")
    threads = torch.get_num_threads()
    making.main([*STAGES, "--miniature", "--work", str(folder)])
    torch.set_num_threads(threads)
    return folder
