"""Everything that extends Redraw: its own extensions, then those of installed packages."""

import logging
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import TypeVar, cast

from extensions.controlnet.types import CONTROL_TYPES
from extensions.preprocessors import BUILT_IN
from pipelines.plugins import ALL, ControlType, Plugins, Preprocessor

log = logging.getLogger(__name__)

Extension = TypeVar("Extension", Preprocessor, ControlType)

PREPROCESSORS_GROUP = "redraw.preprocessors"
CONTROL_TYPES_GROUP = "redraw.control_types"


def discover() -> Plugins:
    """The built-in preprocessors and control types, and what entry points add to them.

    An entry point names a `Preprocessor` or `ControlType`, or a tuple of them. One that cannot be
    imported, is something else, or has a name that is taken is logged and left out; the others
    stay. The built-in ones depend on no entry point, since those exist only once installed.
    """
    installed = entry_points()
    preprocessors = list(BUILT_IN)
    for name, found in _offered(installed.select(group=PREPROCESSORS_GROUP), Preprocessor):
        taken = {text.lower() for known in preprocessors for text in (known.key, known.label)}
        problem = problem_of(found)
        if problem is None and taken & {found.key.lower(), found.label.lower()}:
            problem = "its key or label is taken"
        if problem is None:
            preprocessors.append(found)
        else:
            log.warning("Preprocessor %r of %s is left out: %s.", found.key, name, problem)
    control_types = list(CONTROL_TYPES)
    for name, found in _offered(installed.select(group=CONTROL_TYPES_GROUP), ControlType):
        if found.label.lower() in {ALL.lower(), *(known.label.lower() for known in control_types)}:
            log.warning("Control type %r of %s is left out: it exists.", found.label, name)
        else:
            control_types.append(found)
    return Plugins(preprocessors=tuple(preprocessors), control_types=tuple(control_types))


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


def _offered(points: EntryPoints, kind: type[Extension]) -> Iterator[tuple[str, Extension]]:
    """Each extension of `kind` with the name of its entry point, in the order of those names."""
    for point in sorted(points, key=lambda point: (point.name, point.value)):
        for found in _load(point):
            if isinstance(found, kind):
                yield point.name, found
            else:
                log.warning(
                    "The extension %s (%s) is left out: it is a %s, and a %s is wanted.",
                    *(point.name, point.value, type(found).__name__, kind.__name__),
                )


def _load(point: EntryPoint) -> tuple[object, ...]:
    try:
        loaded: object = point.load()
    # Whatever a stranger's module raises on import, the program must come up without it.
    except Exception:
        log.exception("The extension %s (%s) cannot be loaded.", point.name, point.value)
        return ()
    return cast("tuple[object, ...]", loaded) if isinstance(loaded, tuple) else (loaded,)
