"""Random numbers of a job: one source per picture, and the noise that its sampling starts from.

The order in which numbers are drawn is A1111's, so that a seed gives the same
picture here and there, alone or in a batch, on every device.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from pipelines.diffusion.brownian import BrownianPath
from pipelines.diffusion.philox import Philox
from pipelines.imaging.geometry import Size
from pipelines.plan import ImagePlan, Plan
from pipelines.requests import LATENT_FACTOR

PARALLEL = 0.9995
"""Mean cosine above which two noises count as parallel, where slerp's formula breaks down."""


class NoiseSource(Protocol):
    """A picture's own stream of standard normal numbers."""

    def draw(self, shape: Sequence[int]) -> torch.Tensor:
        """The next numbers: float32 of `shape`, on the job's device."""
        ...


class TorchSource:
    """Torch's generator, on the processor ("CPU") or on the job's graphics card ("GPU")."""

    def __init__(self, seed: int, drawn_on: torch.device, device: torch.device) -> None:
        self._generator = torch.Generator(drawn_on).manual_seed(seed)
        self._device = device

    def draw(self, shape: Sequence[int]) -> torch.Tensor:
        """The next numbers: float32 of `shape`, on the job's device."""
        noise = torch.randn(
            tuple(shape),
            generator=self._generator,
            device=self._generator.device,
            dtype=torch.float32,
        )
        return noise.to(self._device)


class PhiloxSource:
    """NVIDIA cards' numbers, computed ("NV")."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self._philox = Philox(seed)
        self._device = device

    def draw(self, shape: Sequence[int]) -> torch.Tensor:
        """The next numbers: float32 of `shape`, on the job's device."""
        return torch.from_numpy(self._philox.randn(shape)).to(self._device)


def noise_source(kind: str, seed: int, device: torch.device) -> NoiseSource:
    """A fresh stream for `seed`; `kind` is a value of the setting randn_source.

    "GPU" means CUDA's generator; where there is none (a processor, Apple's cards) it equals "CPU".
    """
    if kind == "NV":
        return PhiloxSource(seed, device)
    on_card = kind == "GPU" and device.type == "cuda"
    return TorchSource(seed, device if on_card else torch.device("cpu"), device)


@dataclass(frozen=True, kw_only=True)
class PictureNoise:
    """All noise of one picture but that which it starts from: a stream, and a Brownian path.

    `kind` and `device` are those of `noise_source`; `seed` is the picture's own, which the path is
    drawn from, whatever the stream's is (ENSD moves the stream alone).
    """

    stream: NoiseSource
    kind: str
    seed: int
    device: torch.device

    def draw(self, shape: Sequence[int]) -> torch.Tensor:
        """The stream's next numbers: float32 of `shape`, on the job's device."""
        return self.stream.draw(shape)

    def path(self, shape: Sequence[int], low: float, high: float) -> BrownianPath:
        """The picture's Brownian path between two sigmas; every call gives the same one."""
        return BrownianPath(
            self.seed,
            low,
            high,
            draw=lambda seed: noise_source(self.kind, seed, self.device).draw(shape),
        )


def slerp(strength: float, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """From `low` (strength 0) to `high` (1) along the sphere; both CxHxW.

    A1111 normalises over dimension 1 (the height), and for almost parallel noises mixes linearly
    with the weights exchanged; both are kept, because old seeds depend on them.
    """
    low_unit = low / torch.linalg.vector_norm(low, dim=1, keepdim=True)
    high_unit = high / torch.linalg.vector_norm(high, dim=1, keepdim=True)
    cosine = (low_unit * high_unit).sum(1)
    if cosine.mean() > PARALLEL:
        return low * strength + high * (1 - strength)
    angle = torch.acos(cosine)
    sine = torch.sin(angle)
    low_part = (torch.sin((1 - strength) * angle) / sine).unsqueeze(1) * low
    return low_part + (torch.sin(strength * angle) / sine).unsqueeze(1) * high


def paste_centred(noise: torch.Tensor, onto: torch.Tensor) -> torch.Tensor:
    """A copy of `onto` with `noise` in its middle, cropped where it is larger; both CxHxW.

    An odd difference rounds towards the top left, as A1111 rounds it.
    """
    result = onto.clone()
    here, there = [slice(None)], [slice(None)]
    for target, source in zip(onto.shape[1:], noise.shape[1:], strict=True):
        margin = (target - source) // 2
        start, skip = max(margin, 0), max(-margin, 0)
        # A crop takes the same off both ends, even when an odd difference would leave one more.
        length = source - 2 * skip
        here.append(slice(start, start + length))
        there.append(slice(skip, skip + length))
    result[tuple(here)] = noise[tuple(there)]
    return result


def planned_noise(
    plan: Plan, images: Sequence[ImagePlan], shape: Sequence[int], device: torch.device
) -> tuple[torch.Tensor, list[PictureNoise]]:
    """The starting noise of one batch, and the sources of all later noise.

    `images` are the batch's pictures; `shape` is one picture's latent, (C, H, W). The noise is
    BxCxHxW float32 on `device`, before any multiplier. The streams stand after their first draw,
    or at the start of seed + ENSD when the setting eta_noise_seed_delta is not 0.
    """
    settings = plan.settings
    kind, delta = settings.randn_source, settings.eta_noise_seed_delta
    streams = [noise_source(kind, image.seed, device) for image in images]
    noise = [
        _first_noise(plan, image, stream, tuple(shape), device)
        for image, stream in zip(images, streams, strict=True)
    ]
    if delta:
        streams = [noise_source(kind, image.seed + delta, device) for image in images]
    sources = [
        PictureNoise(stream=stream, kind=kind, seed=image.seed, device=device)
        for image, stream in zip(images, streams, strict=True)
    ]
    return torch.stack(noise), sources


def _first_noise(
    plan: Plan, image: ImagePlan, own: NoiseSource, shape: tuple[int, ...], device: torch.device
) -> torch.Tensor:
    """One picture's starting noise, CxHxW; takes exactly one draw from its `own` source."""
    seeds, kind = plan.request.seeds, plan.settings.randn_source
    resized = _resized_shape(seeds.resize_from, shape)
    full = own.draw(shape)
    # Seeds are resized from a stream of their own, which starts like the picture's.
    noise = full if resized == shape else noise_source(kind, image.seed, device).draw(resized)
    if seeds.variation_strength != 0:
        variation = noise_source(kind, image.variation_seed, device).draw(resized)
        noise = slerp(seeds.variation_strength, noise, variation)
    return noise if resized == shape else paste_centred(noise, full)


def _resized_shape(resize_from: Size | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The latent shape that the seed is drawn at."""
    if resize_from is None:
        return shape
    return shape[0], resize_from.height // LATENT_FACTOR, resize_from.width // LATENT_FACTOR
