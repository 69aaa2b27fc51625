"""Loaded checkpoints, each with the VAE of the job that used it last."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.catalog.checkpoints import Checkpoint, VaeFile
from pipelines.diffusion.assemble import img2img_pipeline, keep_outside_in_float32
from pipelines.diffusion.cache import ModelCache
from pipelines.diffusion.device import DevicePolicy, Offload
from pipelines.diffusion.load import fingerprint, load_components, load_vae, place
from pipelines.diffusion.preview import fit_preview
from pipelines.diffusion.sample import LoadedModel
from pipelines.errors import ModelNotFound
from pipelines.settings import Settings

GIGABYTE = 1024**3


@dataclass
class _Held:
    """A model, and the key of the VAE that is in it."""

    model: LoadedModel
    vae: Hashable


class Checkpoints:
    """Loads models and keeps them as the settings allow; those used longest ago go first.

    A model is loaded whole before another goes, so that one that cannot be loaded takes nothing
    away. `get` is for one thread at a time; `preload` may be called from another.
    """

    def __init__(self, policy: DevicePolicy) -> None:
        self._policy = policy
        self._held: ModelCache[_Held] = ModelCache(lambda held: held.model.components.nbytes)

    def get(
        self,
        checkpoint: Checkpoint,
        vae: VaeFile | None,
        settings: Settings,
        stage: Callable[[str], None],
    ) -> LoadedModel:
        """The model with this VAE in it; None means its own. `stage` is told of what takes a while.

        ModelBroken and ModelNotFound as `load_components`.
        """
        if _key(checkpoint) not in self._held:
            stage(f"Loading {checkpoint.name}")
        held = self._hold(checkpoint, vae, settings)
        wanted = vae_key(vae)
        if held.vae != wanted:
            stage(f"Loading {vae.name if vae else f'the VAE of {checkpoint.name}'}")
            self._give(held, checkpoint, vae)
            held.vae = wanted
        return held.model

    def preload(self, checkpoint: Checkpoint, vae: VaeFile | None, settings: Settings) -> None:
        """Load a model unless it is there; one that is may be at work, and keeps its VAE."""
        self._hold(checkpoint, vae, settings)

    def _hold(self, checkpoint: Checkpoint, vae: VaeFile | None, settings: Settings) -> _Held:
        return self._held.get(
            _key(checkpoint),
            int(settings.model_cache_gigabytes * GIGABYTE),
            lambda: self._load(checkpoint, vae),
            most=settings.sd_checkpoints_limit,
        )

    def _load(self, checkpoint: Checkpoint, vae: VaeFile | None) -> _Held:
        components = load_components(checkpoint, self._policy, vae and vae.path)
        pipeline = img2img_pipeline(components)
        keep_outside_in_float32(components.unet, self._policy.dtype)
        place(pipeline, self._policy)
        preview = fit_preview(components.vae, self._policy.device)
        model = LoadedModel(
            key=_key(checkpoint), components=components, pipeline=pipeline, preview=preview
        )
        return _Held(model=model, vae=vae_key(vae))

    def _give(self, held: _Held, checkpoint: Checkpoint, vae: VaeFile | None) -> None:
        """Put another VAE into a model; the one before goes, once the new one is read."""
        network = load_vae(checkpoint, self._policy, vae and vae.path)
        model = held.model
        if self._policy.offload is not Offload.none:
            model.pipeline.remove_all_hooks()
        model.pipeline.register_modules(vae=network)
        place(model.pipeline, self._policy)
        held.model = replace(
            model,
            components=replace(model.components, vae=network),
            preview=fit_preview(network, self._policy.device),
        )


def vae_key(vae: VaeFile | None) -> Hashable:
    """Changes when the file does; None for the checkpoint's own."""
    return None if vae is None else (vae.path, fingerprint_of(vae.path, f"VAE {vae.name}"))


def fingerprint_of(path: Path, what: str) -> Hashable:
    """See `fingerprint`; ModelNotFound, saying that `what` is gone, if it is."""
    try:
        return fingerprint(path)
    except OSError as error:
        raise ModelNotFound(f"{what} is no longer at {path}.") from error


def _key(checkpoint: Checkpoint) -> Hashable:
    return checkpoint.path, fingerprint_of(checkpoint.path, f"Checkpoint {checkpoint.name!r}")
