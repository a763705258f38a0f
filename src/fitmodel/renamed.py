"""Old names of parameters, attributes and functions, which still work with a warning."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)


def old_parameters(**new_names: str) -> Callable[[F], F]:
    """Return a decorator with which a function also accepts old names of its parameters.

    Parameters
    ----------
    **new_names : str
        Old names of keyword parameters, each with its new name.

    Examples
    --------
    >>> from fitmodel.renamed import old_parameters
    >>> @old_parameters(least="min_deals")
    ... def enough(deals, *, min_deals=2):
    ...     return deals >= min_deals
    >>> enough(3, min_deals=4)
    False
    """

    def decorated(function: F) -> F:
        name = function.__qualname__.removesuffix(".__init__")

        @functools.wraps(function)
        def accepting(*args: Any, **given: Any) -> Any:
            if given.keys().isdisjoint(new_names):
                return function(*args, **given)
            return function(*args, **_with_new_names(name, given, new_names))

        return cast("F", accepting)

    return decorated


def old_fields(**new_names: str) -> Callable[[C], C]:
    """Return a decorator with which a class also has old names of its fields.

    The old names can be passed to the constructor, and read from an instance.

    Parameters
    ----------
    **new_names : str
        Old names of fields, each with its new name.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from fitmodel.renamed import old_fields
    >>> @old_fields(most="limit")
    ... @dataclass
    ... class Settings:
    ...     limit: int
    >>> Settings(limit=3).limit
    3
    """

    def decorated(of: C) -> C:
        of.__init__ = old_parameters(**new_names)(of.__init__)  # type: ignore[misc]
        for old, new in new_names.items():
            setattr(of, old, old_attribute(old, new))
        return of

    return decorated


def old_attribute(old: str, new: str) -> Any:
    """Return a property that gives the attribute `new`, and warns that `old` is its old name."""

    def value(self: Any) -> Any:
        _warn(f"{type(self).__name__}.{old}", f"{type(self).__name__}.{new}")
        return getattr(self, new)

    return property(value, doc=f"Old name of `{new}`.")


def old_function(old: str, function: F) -> F:
    """Return a function or method that calls `function`, and warns that `old` is its old name."""
    new = f"{function.__module__}.{function.__qualname__}"
    old = f"{new.removesuffix(function.__name__)}{old}"

    @functools.wraps(function)
    def calling(*args: Any, **given: Any) -> Any:
        _warn(old, new)
        return function(*args, **given)

    calling.__doc__ = f"Old name of `{function.__name__}`."
    return cast("F", calling)


def _with_new_names(
    function: str, given: dict[str, Any], new_names: dict[str, str]
) -> dict[str, Any]:
    """Return keyword arguments with new names in the place of old ones."""
    for old in given.keys() & new_names.keys():
        new = new_names[old]
        if new in given:
            raise TypeError(f"{function}: {old!r} is the old name of {new!r}; give one of them")
        _warn(f"the parameter {old!r} of {function}", repr(new), level=4)
    return {new_names.get(name, name): value for name, value in given.items()}


def _warn(old: str, new: str, *, level: int = 3) -> None:
    warnings.warn(
        f"{old} is now {new}; the old name goes in fitmodel 1.0",
        DeprecationWarning,
        stacklevel=level,
    )
