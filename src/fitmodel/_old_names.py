"""Old names of modules and of what is in them, so that programs and pickles go on working.

A bundle's estimator names its classes by the modules of the version that wrote it. Importing an
old module gives a stand-in that looks its names up where they are now.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

MODULES: dict[str, tuple[str, ...]] = {
    "fitmodel.deals.cautions": ("fitmodel.deals.data_warnings",),
    "fitmodel.deals.guessing": ("fitmodel.guessing.guess",),
}
"""Old module to those that hold its names now; none for a package."""
NAMES: dict[str, str] = {
    "find_cautions": "find_warnings",
    "notation_cautions": "notation_warnings",
}
"""Old name of a class or function to its new one."""


class OldModule(ModuleType):
    """A module of another name, empty but for what is looked up."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        for module in map(import_module, MODULES[self.__name__]):
            for candidate in (name, NAMES.get(name, name)):
                if hasattr(module, candidate):
                    return getattr(module, candidate)
        raise AttributeError(
            f"module {self.__name__!r} has no attribute {name!r} any more: it is now "
            f"{', '.join(MODULES[self.__name__]) or 'a package elsewhere'}"
        )


class OldNames(MetaPathFinder, Loader):
    """Finds the modules in `MODULES`, after Python's own finders found none."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the protocol's own
        target: ModuleType | None = None,  # noqa: ARG002 - the same
    ) -> ModuleSpec | None:
        """Return how to load an old module, None for any other."""
        if fullname not in MODULES:
            return None
        return ModuleSpec(fullname, self, is_package=not MODULES[fullname])

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Make the stand-in, and say where its names are now."""
        homes = MODULES[spec.name]
        if homes:
            warnings.warn(
                f"{spec.name} is now {' and '.join(homes)}; the old name goes in fitmodel 1.0",
                DeprecationWarning,
                stacklevel=2,
            )
        return OldModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave it empty: its names are looked up when they are asked for."""


def install() -> None:
    """Add the finder behind Python's own, once."""
    if not any(isinstance(finder, OldNames) for finder in sys.meta_path):
        sys.meta_path.append(OldNames())
