"""Has modules changed as they are imported, without importing any."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from threading import local
from types import ModuleType

Change = Callable[[ModuleType], None]


class OnImport(MetaPathFinder):
    """Finds nothing itself: it has those modules changed that others find. On `sys.meta_path` while it is installed."""

    def __init__(self, names: Collection[str], change: Change) -> None:
        self._names, self._change, self._busy = names, change, local()

    def install(self) -> None:
        """Changes the modules that are there, and those that come later as they come."""
        sys.meta_path.insert(0, self)
        for name in self._names:
            if sys.modules.get(name) is not None:
                self._change(import_module(name))  # waits for another thread that is just importing it

    def remove(self) -> None:
        """Changes no module any more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the others find, with a loader that changes the module. Another of us may ask meanwhile."""
        if fullname not in self._names or getattr(self._busy, "name", None) == fullname:
            return None
        self._busy.name = fullname
        try:
            specs = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
            spec = next((found for found in specs if found is not None), None)
        finally:
            self._busy.name = None
        if spec is not None and spec.loader is not None:
            spec.loader = _Changing(spec.loader, self._change)
        return spec


class _Changing(Loader):
    """Loads a module as its own loader does, and changes it then."""

    def __init__(self, loader: Loader, change: Change) -> None:
        self._loader, self._change = loader, change

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        if spec is not None:
            spec.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._change(module)
