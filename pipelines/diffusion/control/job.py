"""Control models from job to job: loaded when a unit wants one, and kept for the next."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

from pipelines.catalog.models import ModelFile
from pipelines.control.naming import named
from pipelines.control.planned import PreparedUnit
from pipelines.diffusion.control.kinds import ControlKind
from pipelines.diffusion.control.laid_on import JobUnits
from pipelines.diffusion.control.load import Base, LoadedControl, load_control
from pipelines.diffusion.control.units import adapter_unit, net_unit, shares_of_batch
from pipelines.diffusion.device import DevicePolicy
from pipelines.diffusion.load import fingerprint
from pipelines.errors import ModelNotFound
from pipelines.plan import Plan


class ControlModels:
    """Loaded control models; of those that no unit wants any more, the last few stay.

    What a job uses stays for its length, however many that are. For one thread at a time.
    """

    def __init__(self, policy: DevicePolicy) -> None:
        self._policy = policy
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
        for unit, pictures in zip(prepared, shares, strict=True):
            with named(unit.planned.unit):
                gathered = self._add(gathered, unit, pictures, base, loading)
        self.trim(max(plan.settings.control_net_model_cache_size, len(gathered)))
        return gathered

    def _add(
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

    def trim(self, most: int) -> None:
        """Let the models that were used longest ago go, down to `most`."""
        while len(self._models) > most:
            self._models.popitem(last=False)

    def __len__(self) -> int:
        return len(self._models)


def _fingerprint(file: ModelFile) -> Hashable:
    try:
        return fingerprint(file.path)
    except OSError as error:
        raise ModelNotFound(f"model {file.name!r} is no longer at {file.path}.") from error
