"""The menus of a ControlNet unit: what is listed under a control type, and what is chosen first."""

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.catalog.families import ModelFamily, compatible, family_of_name
from pipelines.control.models import NO_MODEL, ControlModels, without_hash
from pipelines.control.units import UnionType
from pipelines.errors import InvalidRequest
from pipelines.plugins import ALL, ControlType, Plugins, Weights

_PREFERRED = "11"
"""Models of ControlNet 1.1 have it in their names."""


def _wait_and_see(weights: Weights) -> None:
    """Weights that are missing are found out when they are needed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlMenus:
    """Where names of preprocessors and control models are looked up.

    `require` raises MissingWeights for what a preprocessor needs and nobody has, so that a job is
    refused before it waits. Control types are given by label; InvalidRequest for one that is not
    known.
    """

    plugins: Plugins
    models: ControlModels
    require: Callable[[Weights], object] = _wait_and_see

    @property
    def control_types(self) -> tuple[str, ...]:
        """The radio's labels, All first."""
        return (ALL, *(kind.label for kind in self.plugins.control_types))

    def preprocessors(self, control_type: str) -> tuple[str, ...]:
        """Labels of the menu Preprocessor, none first."""
        self._find(control_type)
        return tuple(found.label for found in self.plugins.preprocessors_of(control_type))

    def default_preprocessor(self, control_type: str) -> str:
        """What a control type chooses: the first after none, but nothing for All."""
        labels = self.preprocessors(control_type)
        return labels[0] if control_type == ALL or len(labels) == 1 else labels[1]

    def model_choices(
        self, control_type: str, family: ModelFamily = ModelFamily.unknown
    ) -> tuple[str, ...]:
        """Titles of the menu Model, None first: those whose name fits the type and the checkpoint.

        All filters nothing, not even by family. `family` is the checkpoint's.
        """
        kind = self._find(control_type)
        titles = self.models.titles()
        if kind is not None:
            fragments = (kind.label.lower(), *kind.fragments)
            titles = tuple(
                title
                for title in titles
                if any(fragment in title.lower() for fragment in fragments)
                and compatible(family_of_name(without_hash(title)), family)
            )
        return (NO_MODEL, *titles)

    def default_model(self, control_type: str, family: ModelFamily = ModelFamily.unknown) -> str:
        """What a control type chooses: the first of ControlNet 1.1, else the first of all."""
        titles = self.model_choices(control_type, family)[1:]
        if control_type == ALL or not titles:
            return NO_MODEL
        preferred = (title for title in titles if _PREFERRED in without_hash(title))
        return next(preferred, titles[0])

    def union_type(self, control_type: str) -> UnionType:
        """What a union model is told to take a map for under this control type."""
        kind = self._find(control_type)
        return UnionType.unknown if kind is None else UnionType(kind.union)

    def refresh(self) -> None:
        """Look for models again."""
        self.models.refresh()

    def _find(self, label: str) -> ControlType | None:
        """The control type of this label; None for All."""
        if label == ALL:
            return None
        for kind in self.plugins.control_types:
            if kind.label == label:
                return kind
        known = ", ".join(self.control_types)
        raise InvalidRequest(f"Control Type {label[:80]!r} is not known; there are: {known}.")


NO_CONTROL = ControlMenus(plugins=Plugins(), models=ControlModels(()))
"""Knows no preprocessor and no model."""
