"""Control models from job to job: loaded when a unit wants one, and kept for the next."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from pipelines.catalog.models import ModelFile
from pipelines.control.naming import named
from pipelines.control.planned import PreparedUnit
from pipelines.diffusion.control.image_encoder import ImageEncoders
from pipelines.diffusion.control.ip_adapter import IpAdapter
from pipelines.diffusion.control.kinds import ControlKind
from pipelines.diffusion.control.laid_on import JobUnits
from pipelines.diffusion.control.load import Base, LoadedControl, load_control
from pipelines.diffusion.control.units import (
    adapter_unit,
    image_unit,
    net_unit,
    shares_of_batch,
    with_hook,
)
from pipelines.diffusion.device import DevicePolicy, Offload
from pipelines.diffusion.load import fingerprint
from pipelines.errors import ModelNotFound
from pipelines.plan import Plan


class ControlModels:
    """Loaded control models; of those that no unit wants any more, the last few stay.

    What a job uses stays for its length, however many that are. For one thread at a time.
    """

    def __init__(self, policy: DevicePolicy, models_dirs: Sequence[Path] = ()) -> None:
        self._policy = policy
        self._encoders = ImageEncoders(models_dirs, policy)
        self._models: OrderedDict[Hashable, LoadedControl] = OrderedDict()

    def get(self, file: ModelFile, base: Base, *, loading: Callable[[str], None]) -> LoadedControl:
        """The model in `file` for this checkpoint; `loading` is told its name if it is to be read.

        UserError as `load_control`.
        """
        key = (file.path, _fingerprint(file), base.key)
        if key not in self._models:
            loading(file.path.name)
            self._models[key] = load_control(file, base, self._policy)
        self._models.move_to_end(key)
        return self._models[key]

    def units(
        self,
        plan: Plan,
        prepared: Sequence[PreparedUnit],
        base: Base,
        *,
        loading: Callable[[str], None],
    ) -> JobUnits | None:
        """What acts on a job's sampling; None where nothing does.

        UserError, in the unit's name, for a model that cannot be loaded or does not fit.
        """
        if not prepared:
            return None
        gathered = JobUnits()
        size = len(plan.batches[0])
        shares = shares_of_batch(prepared, plan.request.control_batch, size)
        border = plan.settings.control_net_inpaint_blur_sigma
        for unit, pictures in zip(prepared, shares, strict=True):
            with named(unit.planned.unit):
                gathered = with_hook(
                    gathered,
                    unit,
                    pictures=pictures,
                    device=self._policy.device,
                    base=base,
                    border=border,
                )
                gathered = self._with_model(gathered, unit, pictures, base, loading)
        used = len(set(map(id, gathered.networks)))
        self.trim(max(plan.settings.control_net_model_cache_size, used))
        return gathered

    def _with_model(
        self,
        gathered: JobUnits,
        unit: PreparedUnit,
        pictures: frozenset[int] | None,
        base: Base,
        loading: Callable[[str], None],
    ) -> JobUnits:
        file, device = unit.planned.model, self._policy.device
        if file is None:
            return gathered
        loaded = self.get(file, base, loading=loading)
        match loaded.kind:
            case ControlKind.controlnet | ControlKind.union | ControlKind.control_lora:
                net = net_unit(unit, loaded, pictures=pictures, device=device)
                return replace(gathered, nets=(*gathered.nets, net))
            case ControlKind.adapter:
                adapter = adapter_unit(unit, loaded, pictures=pictures, device=device)
                return replace(gathered, adapters=(*gathered.adapters, adapter))
            case ControlKind.ip_adapter:
                vectors = self._encoders.vectors(
                    unit.pictures,
                    cast(IpAdapter, loaded.network),
                    loaded.name,
                    hidden=unit.hidden,
                    loading=loading,
                )
                image = image_unit(
                    unit, loaded, vectors, pictures=pictures, device=device, unet=base.unet
                )
                # Without weight it would only be in the way.
                images = (*gathered.images, image) if any(image.scales) else gathered.images
                return replace(gathered, images=images)

    def trim(self, most: int) -> None:
        """Let the models that were used longest ago go, down to `most`."""
        while len(self._models) > most:
            self._models.popitem(last=False)

    def rest(self) -> None:
        """Leave the device between jobs where everything else does, too."""
        if self._policy.offload is not Offload.none:
            for loaded in self._models.values():
                loaded.network.to("cpu")

    def __len__(self) -> int:
        return len(self._models)


def _fingerprint(file: ModelFile) -> Hashable:
    try:
        return fingerprint(file.path)
    except OSError as error:
        raise ModelNotFound(f"model {file.name!r} is no longer at {file.path}.") from error
