"""Models that edit by instruction: guided towards the picture and towards the text."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pipelines.diffusion.encoded import Encoded
from pipelines.diffusion.guidance import Edit, Guidance, Told, guided
from pipelines.diffusion.inpainting import conditioned
from pipelines.diffusion.run import Diffusion
from pipelines.diffusion.vae import centred_pixels
from pipelines.requests import Batch, Sampling, Seeds
from tests.helpers.images import gradient
from tests.helpers.large import save_large
from tests.helpers.runs import loaded, pictures
from tests.helpers.tiny import EXACT, save_tiny_model
from tests.pipelines.diffusion.conftest import MakePlan
from tests.pipelines.diffusion.test_guidance import OneLine, said, sample, text

PICTURES = 2


class Editor(OneLine):
    """Sees a picture beside its latents, unless that is hidden."""

    def __init__(self) -> None:
        super().__init__()
        self.sees = True

    def forward(
        self, sample: torch.Tensor, timestep: float, *, encoder_hidden_states: torch.Tensor
    ) -> tuple[torch.Tensor]:
        return (answer_of(sample, encoder_hidden_states, sees=self.sees),)

    @contextmanager
    def blindly(self) -> Iterator[None]:
        self.sees = False
        yield
        self.sees = True


def answer_of(noisy: torch.Tensor, texts: torch.Tensor, *, sees: bool) -> torch.Tensor:
    return said(noisy, texts) * 2 + 1 if sees else said(noisy, texts)


def told(tokens: torch.Tensor, weight: float = 1.0) -> Told:
    return Told(embeddings=(Encoded(tokens=tokens),), weight=weight)


@pytest.mark.parametrize("weights", [(1.0,), (0.7, 1.3)])
@pytest.mark.parametrize("scale", [7.5, 1.0])
@pytest.mark.parametrize("image_scale", [1.5, 0.0, 3.0])
def test_guidance_goes_from_nothing_to_the_picture_and_from_there_to_the_text(
    scale: float, image_scale: float, weights: tuple[float, ...]
):
    texts = [text(number + 1) for number in range(len(weights))]
    chosen = Guidance(
        parts=tuple(told(words, weight) for words, weight in zip(texts, weights, strict=True)),
        negative=told(text(0)),
        empty=Encoded(tokens=text(50)),
    )
    network: Any = Editor()
    edit = Edit(scale=image_scale, unseen=network.blindly)
    noisy = sample()
    with guided(network, chosen, pictures=PICTURES, sigma=lambda: 1.0, edit=edit):
        rows = torch.cat([noisy] * 2) if scale > 1 else noisy
        answer = network(rows, 5.0, encoder_hidden_states=text(77).expand(len(rows), -1, -1))[0]
    if scale > 1:
        negative, positive = answer.chunk(2)
        answer = negative + scale * (positive - negative)

    def asked(words: torch.Tensor, *, sees: bool) -> torch.Tensor:
        return torch.stack(
            [answer_of(one[None].double(), words.double(), sees=sees)[0] for one in noisy]
        )

    nothing, picture = asked(text(0), sees=False), asked(text(0), sees=True)
    expected = nothing + image_scale * (picture - nothing)
    for words, weight in zip(texts, weights, strict=True):
        expected += weight * scale * (asked(words, sees=True) - picture)
    torch.testing.assert_close(answer.double(), expected, rtol=1e-5, atol=1e-4)


def test_hidden_channels_are_zeros_for_a_while():
    seen: list[torch.Tensor] = []

    class Noting(torch.nn.Module):
        def forward(self, latents: torch.Tensor) -> tuple[torch.Tensor]:
            seen.append(latents)
            return (latents,)

    network: Any = Noting()
    beside = torch.full((1, 4, 2, 2), 3.0)
    with conditioned(network, beside) as hidden:
        network(torch.ones(2, 4, 2, 2))
        with hidden():
            network(torch.ones(2, 4, 2, 2))
        network(torch.ones(2, 4, 2, 2))
    assert [float(latents[:, 4:].mean()) for latents in seen] == [3, 0, 3]
    assert all(float(latents[:, :4].mean()) == 1 for latents in seen)


@pytest.mark.parametrize("kind", ["SD 1", "SDXL"])
def test_the_network_sees_the_pictures_latents_unscaled(
    tmp_path: Path, make_plan: MakePlan, kind: str
):
    folder = tmp_path / "editor"
    checkpoint = (
        save_tiny_model(folder, in_channels=8)
        if kind == "SD 1"
        else save_large(folder, in_channels=8)
    )
    diffusion, seen = Diffusion(EXACT), []
    plan = replace(make_plan(batch=Batch(size=2)), checkpoint=checkpoint)
    model = loaded(diffusion, plan)
    first: Any = model.components.unet
    hook = first.conv_in.register_forward_pre_hook(lambda _, args: seen.append(args[0][:, 4:]))
    pictures(diffusion, plan)
    hook.remove()
    vae: Any = model.components.vae
    with torch.no_grad():
        latents = vae.encode(centred_pixels(gradient(64, 64), torch.device("cpu"))).latent_dist
    # At every step once with the picture, for both texts, and once without it.
    assert [len(rows) for rows in seen] == [4, 2] * 4
    torch.testing.assert_close(seen[0], latents.mode().repeat(4, 1, 1, 1), rtol=1e-4, atol=1e-5)
    assert all(rows.abs().sum() == 0 for rows in seen[1::2])


def test_image_cfg_scale_1_is_usual_guidance_and_others_differ(tmp_path: Path, make_plan: MakePlan):
    checkpoint = save_tiny_model(tmp_path / "editor", in_channels=8)
    diffusion = Diffusion(EXACT)
    made = []
    for scale in (1.0, 1.5, 0.0):
        sampling = Sampling(steps=5, image_cfg_scale=scale)
        plan = make_plan(sampling=sampling, seeds=Seeds(seed=3))
        made.append(pictures(diffusion, replace(plan, checkpoint=checkpoint))[0].tobytes())
    assert len(set(made)) == 3
