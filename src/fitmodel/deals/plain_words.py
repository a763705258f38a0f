"""Write messages about errors in a contract, and the contract as TOML."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tomli_w

from fitmodel.tables.cells import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic_core import ErrorDetails

__all__ = [
    "as_toml",
    "expected_of",
    "listed",
    "nearest",
    "sentences",
    "shortened",
    "suggestion",
    "toml_value",
]
_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a table of names",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "model_type": "a section of keys",
    "string_too_short": "a text that is not empty",
    "string_type": "a text",
    "tuple_type": "a list of column names",
}
_LIMITS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the most similar name, ignoring case, spaces and underscores; None if none is."""
    names_by_letters = {
        re.sub(r"[\W_]+", "", known).lower(): known for known in reversed(list(names))
    }
    matches = difflib.get_close_matches(
        re.sub(r"[\W_]+", "", name).lower(), names_by_letters, n=1, cutoff=0.6
    )
    return names_by_letters[matches[0]] if matches else None


def listed(problems: Sequence[str], subject: str) -> str:
    """Return one message with the problems of `subject`, each on its own line."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n".join(
        [f"{subject} is not valid ({count}):", *(f"  - {problem}" for problem in problems)]
    )


def sentences(
    errors: Iterable[ErrorDetails], sections: Mapping[str, Sequence[str]], within: str | None = None
) -> list[str]:
    """Return pydantic's errors as sentences in plain words.

    Parameters
    ----------
    errors : iterable of pydantic error details
        The errors, as returned by `ValidationError.errors()`.
    sections : mapping of str to sequence of str
        Names of all sections and their keys; the most similar key is suggested from them.
    within : str, optional
        The section with the errors, if that section was validated alone.
    """
    return [line for error in errors for line in _error_lines(error, sections, within)]


def _error_lines(
    error: ErrorDetails, sections: Mapping[str, Sequence[str]], within: str | None
) -> list[str]:
    location = (within, *error["loc"]) if within else error["loc"]
    if error["type"] == "extra_forbidden":
        return [_unknown_key_text(tuple(map(str, location)), sections)]
    if error["type"] == "value_error":  # raised by our validators, one line per problem
        return str(error["ctx"]["error"]).split("\n")
    if error["type"] == "missing":
        return [f"[{location[0]}] lacks {location[-1]}"]
    return [f"{_location_text(location)} {_requirement_text(error)}"]


def _unknown_key_text(location: tuple[str, ...], sections: Mapping[str, Sequence[str]]) -> str:
    key = location[-1]
    if len(location) == 1:
        return f"there is no section [{key}]; {suggestion(key, sections, '[{}]')}"
    section = next((name for name, keys in sections.items() if key in keys), None)
    if section:
        return f"[{location[0]}] has no key '{key}'; it belongs to [{section}]"
    hint = suggestion(key, sections[location[0]], "'{}'")
    return f"[{location[0]}] has no key '{key}'; {hint}"


def suggestion(name: str, names: Iterable[str], form: str = "'{}'") -> str:
    """Return "did you mean" and the most similar of `names`, or all of them if none is similar."""
    known = list(names)
    match = nearest(name, known)
    if match:
        return f"did you mean {form.format(match)}?"
    return f"known are {', '.join(form.format(each) for each in known)}"


def _location_text(location: Sequence[Any]) -> str:
    """Return section, key and position of a value as text."""
    section, *keys = location
    words = [f"item {key + 1}" if isinstance(key, int) else str(key) for key in keys if key]
    return " ".join([f"[{section}]", ", ".join(words)]).strip()


def _requirement_text(error: ErrorDetails) -> str:
    """Return what a value must be, and what it is."""
    given = shortened(error["input"])
    if error["type"] in _LIMITS:
        return f"must be {expected_of(error)}, not {given}"
    return f"must be {expected_of(error)}, not {given} ({type(error['input']).__name__})"


def expected_of(error: ErrorDetails, names: Mapping[str, str] = _EXPECTED) -> str:
    """Return what pydantic expected instead of a value, such as "at most 20" or "a whole number".

    Parameters
    ----------
    error : pydantic error details
        The error.
    names : mapping of str to str
        Words for the types of errors; for others pydantic's own message is returned.
    """
    kind = error["type"]
    if kind in _LIMITS:
        bound, words = _LIMITS[kind]
        return f"{words} {error['ctx'][bound]}"
    if kind == "literal_error":
        return f"one of {error['ctx']['expected']}"
    return names.get(kind) or error["msg"]


def as_toml(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Return sections of plain values as TOML text; None and empty values are left out.

    An empty list of `missing` is kept: it means that no word is a missing value.
    """
    return tomli_w.dumps(_without_empty(sections))


def _without_empty(table: Mapping[str, Any], inside: str = "") -> dict[str, Any]:
    filled = {
        key: _without_empty(value, key) if isinstance(value, Mapping) else value
        for key, value in table.items()
    }
    return {
        key: value
        for key, value in filled.items()
        if value not in (None, (), {}, []) or ("missing" in {key, inside} and value in ((), []))
    }


def toml_value(value: str | Sequence[str]) -> str:
    """Return one text, or a list of texts, as a TOML value."""
    return tomli_w.dumps({"value": value}).removeprefix("value = ").rstrip("\n")
