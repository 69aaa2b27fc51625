"""Everything that extends Redraw: its own extensions, then those of installed packages."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import TypeVar, cast

from extensions.controlnet.types import CONTROL_TYPES
from extensions.preprocessors import BUILT_IN
from extensions.preprocessors.unsupported import UNSUPPORTED
from pipelines.plugins import ALL, ControlType, Plugins, Preprocessor

log = logging.getLogger(__name__)

Extension = TypeVar("Extension")

PREPROCESSORS_GROUP = "redraw.preprocessors"
CONTROL_TYPES_GROUP = "redraw.control_types"


def discover() -> Plugins:
    """The built-in preprocessors and control types, and what entry points add to them.

    An entry point names a `Preprocessor` or `ControlType`, or a tuple of them. One that cannot be
    imported, is something else, or has a name that is taken is logged and left out; the others
    stay. The built-in ones depend on no entry point, since those exist only once installed.
    """
    installed = entry_points()
    preprocessors = installed.select(group=PREPROCESSORS_GROUP)
    control_types = installed.select(group=CONTROL_TYPES_GROUP)
    return Plugins(
        preprocessors=_extended(BUILT_IN, preprocessors, Preprocessor, _problem_among),
        control_types=_extended(CONTROL_TYPES, control_types, ControlType, _type_problem_among),
        unsupported=UNSUPPORTED,
    )


def problem_of(preprocessor: Preprocessor) -> str | None:
    """What a preprocessor's data promise and do not keep, as half a sentence; None if all is well.

    Its function is not called.
    """
    if not preprocessor.key or not preprocessor.label:
        return "it has no key or no label"
    if len(preprocessor.sliders) > 2:
        return f"it has {len(preprocessor.sliders)} sliders, and at most 2 are drawn"
    resolution = () if preprocessor.resolution is None else (preprocessor.resolution,)
    for slider in (*resolution, *preprocessor.sliders):
        if not slider.minimum <= slider.default <= slider.maximum or slider.step <= 0:
            return f"the default or the step of its slider {slider.label!r} is out of range"
    return None


def _problem_among(found: Preprocessor, others: Sequence[Preprocessor]) -> str | None:
    taken = {text.lower() for known in others for text in (known.key, known.label)}
    if taken & {found.key.lower(), found.label.lower()}:
        return "its key or label is taken"
    return problem_of(found)


def _type_problem_among(found: ControlType, others: Sequence[ControlType]) -> str | None:
    taken = {ALL.lower(), *(known.label.lower() for known in others)}
    return "its label is taken" if found.label.lower() in taken else None


def _extended(
    built_in: Sequence[Extension],
    points: EntryPoints,
    kind: type[Extension],
    problem_among: Callable[[Extension, Sequence[Extension]], str | None],
) -> tuple[Extension, ...]:
    """`built_in`, then what `points` offer, in the order of their names."""
    extensions = list(built_in)
    for point in sorted(points, key=lambda point: (point.name, point.value)):
        for offered in _load(point):
            problem = f"it is no {kind.__name__}"
            if isinstance(offered, kind):
                problem = _or_wrong_types(partial(problem_among, offered, extensions))
                if problem is None:
                    extensions.append(offered)
            if problem is not None:
                name = repr(getattr(offered, "label", offered))[:80]
                source = f"{point.name} ({point.value})"
                log.warning("%s, offered by %s, is left out: %s.", name, source, problem)
    return tuple(extensions)


def _or_wrong_types(problem: Callable[[], str | None]) -> str | None:
    """The problem, or that the data could not even be looked through."""
    try:
        return problem()
    except (AttributeError, TypeError) as error:
        return f"its data are not of the right types ({error})"


def _load(point: EntryPoint) -> tuple[object, ...]:
    try:
        loaded: object = point.load()
    # Whatever a stranger's module raises on import, the program must come up without it.
    except Exception:
        log.exception("The extension %s (%s) cannot be loaded.", point.name, point.value)
        return ()
    return cast("tuple[object, ...]", loaded) if isinstance(loaded, tuple) else (loaded,)
