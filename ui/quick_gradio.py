"""Makes `import gradio` twice as fast, if `install` is called before it.

For each of its 80 component classes gradio parses its own source, renders the type stub that lies
beside it and compares the two, at every import: half of the time the import takes. The stubs come
with the package, so that this is of use to gradio's developers only. A gradio without that function
is imported as it is.
"""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

MODULE, FUNCTION = "gradio.component_meta", "create_or_modify_pyi"


def _leave_stubs_alone(*_: object) -> None:
    """What takes the place of gradio's function."""


class _Loader(importlib.abc.Loader):
    def __init__(self, usual: importlib.abc.Loader) -> None:
        self._usual = usual

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._usual.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._usual.exec_module(module)
        if hasattr(module, FUNCTION):
            setattr(module, FUNCTION, _leave_stubs_alone)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != MODULE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


def install() -> None:
    """Act on the coming import of gradio; does nothing the second time."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
