"""fitmodel predicts which prospects will leave early, before the deal is signed.

The public names are listed once, in ``__init__.pyi``. Each is imported when it is first used, so
that ``import fitmodel`` is fast.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

from fitmodel._old_names import install as _install_old_names

_load, _, __all__ = lazy_loader.attach_stub(__name__, __file__)
_install_old_names()


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("fitmodel")
        except PackageNotFoundError:  # the smaller distribution, which can only score
            return version("fitmodel-scoring")
    if name not in __all__:
        raise AttributeError(f"module 'fitmodel' has no attribute {name!r}")
    return _load(name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
