"""What an IP-Adapter is told of a picture: vectors of a CLIP image encoder on this machine."""

import logging
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from pipelines.catalog.headers import read_header, read_json
from pipelines.diffusion.cache import BoundedCache, PictureDigests
from pipelines.diffusion.control.configs import stored_config
from pipelines.diffusion.control.files import read_tensors, weight_files
from pipelines.diffusion.control.ip_adapter import IpAdapter
from pipelines.diffusion.device import DevicePolicy
from pipelines.diffusion.load import fingerprint
from pipelines.diffusion.memory import is_out_of_memory
from pipelines.errors import ModelBroken, ModelNotFound, UserError

log = logging.getLogger(__name__)

PLACES = ("ControlNetPreprocessor/clip_vision", "clip_vision", "ControlNet/image_encoder")
"""Where encoders are looked for below a models folder: A1111's place first."""

_SUFFIXES = (".bin", ".pt", ".pth", ".safetensors")
_CLASS, _PROJECTION = "vision_model.embeddings.class_embedding", "visual_projection.weight"
_MEAN, _DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the pictures that CLIP was trained on, by channel."""

_CONFIGS: Mapping[int, str] = {1280: "clip_vision_h", 1664: "clip_vision_g"}
"""Configurations that Redraw carries, by the width of the encoder's layers."""
_KNOWN: Mapping[tuple[bool, int], str] = {
    # By whether single patches are looked at, and how wide a vector is.
    (True, 1280): "CLIP ViT-H",
    (True, 1664): "CLIP ViT-bigG",
    (False, 1024): "CLIP ViT-H",
    (False, 1280): "CLIP ViT-bigG",
}
_KEPT = 8


class ImageEncoders:
    """Finds and keeps the encoder that was used last, and what it made of the last pictures."""

    def __init__(self, models_dirs: Sequence[Path], policy: DevicePolicy) -> None:
        self._places = [folder / place for folder in models_dirs for place in PLACES]
        self._policy = policy
        self._loaded: BoundedCache[Any] = BoundedCache(1, lambda _: 1)
        self._vectors: BoundedCache[torch.Tensor] = BoundedCache(_KEPT, lambda _: 1)
        self._digests = PictureDigests()
        self._widths: dict[Path, tuple[Hashable, tuple[int, int]]] = {}

    def vectors(
        self,
        pictures: Sequence[Image.Image],
        adapter: IpAdapter,
        name: str,
        *,
        hidden: Image.Image | None = None,
        loading: Callable[[str], None],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The mean over `pictures` (RGB), and what stands for no picture: 1xE, or 1xPxE of patches.

        Where `hidden` (L, of the pictures' size) is 255, nothing is seen. ModelNotFound, naming the
        places, if there is no encoder for this adapter.
        """
        path = self._find(adapter)
        if path is None:
            raise ModelNotFound(self._absent(adapter, name))
        version = fingerprint(path)

        def make(picture: Image.Image | None) -> torch.Tensor:
            digest = picture and self._digests.digest(picture)
            covered = hidden and self._digests.digest(hidden)
            key = (path, version, adapter.sees_patches, digest, covered)
            return self._vectors.get(key, lambda: self._encode(encoder, picture, hidden, adapter))

        def encoder() -> Any:  # noqa: ANN401 transformers' own loose types
            return self._loaded.get((path, version), lambda: self._load(path, loading))

        seen = torch.stack([make(picture) for picture in pictures]).mean(dim=0)
        # Those that look at patches were trained with the encoder's view of nothing at all.
        return seen, make(None) if adapter.sees_patches else torch.zeros_like(seen)

    def _load(self, path: Path, loading: Callable[[str], None]) -> Any:  # noqa: ANN401 as above
        loading(path.name)
        try:
            return _load(path).to(self._policy.text_dtype)
        except UserError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise
            # Transformers meets odd configurations and weights with whatever comes first.
            log.warning("Loading %s failed.", path, exc_info=True)
            line = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
            raise ModelBroken(
                f"image encoder {path.name} is damaged or incomplete ({line})."
            ) from error

    def _encode(
        self,
        load: Callable[[], Any],
        picture: Image.Image | None,
        hidden: Image.Image | None,
        adapter: IpAdapter,
    ) -> torch.Tensor:
        encoder = load()
        patches = adapter.sees_patches
        side = encoder.config.image_size
        pixels = normalised(picture, hidden, side) if picture else torch.zeros(1, 3, side, side)
        device = self._policy.device
        try:
            encoder.to(device)
            with torch.no_grad():
                result = encoder(pixels.to(device, encoder.dtype), output_hidden_states=patches)
        finally:
            encoder.to("cpu")
        found: torch.Tensor = result.hidden_states[-2] if patches else result.image_embeds
        return found.float()

    def _find(self, adapter: IpAdapter) -> Path | None:
        for path in self._candidates():
            try:
                hidden, projected = self._widths_of(path)
            except (ModelBroken, OSError, TypeError, ValueError, LookupError) as error:
                log.warning("%s is passed over: %s", path, error)
                continue
            if adapter.width == (hidden if adapter.sees_patches else projected):
                return path
        return None

    def _widths_of(self, path: Path) -> tuple[int, int]:
        """As `_widths`, but once for each state of a file: pickles must be read whole for it."""
        version = fingerprint(path)
        known = self._widths.get(path)
        if known is None or known[0] != version:
            known = self._widths[path] = version, _widths(path)
        return known[1]

    def _candidates(self) -> Iterator[Path]:
        for place in self._places:
            if (place / "config.json").is_file():
                yield place
            if not place.is_dir():
                continue
            for path in sorted(place.iterdir()):
                if (path / "config.json").is_file() or path.suffix.lower() in _SUFFIXES:
                    yield path

    def _absent(self, adapter: IpAdapter, name: str) -> str:
        known = _KNOWN.get((adapter.sees_patches, adapter.width), "CLIP")
        places = ", ".join(map(str, self._places)) or "any models folder"
        return (
            f"model {name} needs an image encoder ({known}, vectors of {adapter.width} numbers), "
            f"and there is none in {places}; put its folder with config.json and "
            "model.safetensors, or its single file, there."
        )


def _widths(path: Path) -> tuple[int, int]:
    """Of an encoder's layers, and of its summary of a picture; zeros for another kind of model.

    What a damaged or hostile file holds in their place raises TypeError, ValueError or LookupError.
    """
    if path.is_dir():
        config = read_json(path / "config.json")
        return int(config.get("hidden_size") or 0), int(config.get("projection_dim") or 0)
    if path.suffix.lower() == ".safetensors":
        header = read_header(path)
        shapes = [header.get(key, {}).get("shape", [0]) for key in (_CLASS, _PROJECTION)]
    else:
        tensors = read_tensors(path)
        shapes = [list(tensors[k].shape) if k in tensors else [0] for k in (_CLASS, _PROJECTION)]
    return int(shapes[0][0]), int(shapes[1][0])


def _load(path: Path) -> Any:  # noqa: ANN401 transformers' own loose types
    if path.is_dir():
        weight_files(path)  # refuses a folder with pickles only
        config: Any = CLIPVisionConfig.from_pretrained(path, local_files_only=True)
    else:
        hidden, _ = _widths(path)
        if hidden not in _CONFIGS:
            raise ModelBroken(f"{path.name} has no config.json and is of an unknown size.")
        config = CLIPVisionConfig(**stored_config(_CONFIGS[hidden]))
    encoder = CLIPVisionModelWithProjection(config).eval().requires_grad_(False)
    tensors = {k: v for k, v in read_tensors(path).items() if not k.endswith("position_ids")}
    missing, _ = encoder.load_state_dict(tensors, strict=False)
    if missing:
        raise ModelBroken(f"{path.name} lacks {len(missing)} weights such as {min(missing)}.")
    return encoder


def normalised(picture: Image.Image, hidden: Image.Image | None, side: int) -> torch.Tensor:
    """1x3xSxS: the middle square of an RGB picture as CLIP wants it.

    It is 0, CLIP's mean colour, where `hidden` (L, of the same size) is 255.
    """
    pixels = np.asarray(_square(picture, side, Image.Resampling.BICUBIC), np.float32) / 255
    pixels = (pixels - np.array(_MEAN, np.float32)) / np.array(_DEVIATION, np.float32)
    if hidden is not None:
        covered = np.asarray(_square(hidden, side, Image.Resampling.NEAREST), np.float32) / 255
        pixels = pixels * (1 - covered[..., None])
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


def _square(picture: Image.Image, side: int, filter_: Image.Resampling) -> Image.Image:
    """Shrunk or grown until the shorter side fits, then cut from the middle."""
    scale = side / min(picture.size)
    width, height = (max(side, round(length * scale)) for length in picture.size)
    left, top = (width - side) // 2, (height - side) // 2
    resized = picture.resize((width, height), filter_)
    return resized.crop((left, top, left + side, top + side))
