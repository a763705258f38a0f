"""The manifest of a bundle: its metadata, the software that made it, and every file's digest.

A manifest is plain JSON. Its content is not trusted, because anybody could have written it.
Therefore the limits (names, sizes, formats) are defined in this module, never in the manifest.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib.metadata
import json
import math
import os
import platform
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, NoReturn

from fitmodel.exceptions import BundleError

FORMAT = 1
MANIFEST_LIMIT = 8 * 2**20
FILE_LIMIT = 2**30
JSON_LIMIT = 64 * 2**20  # smaller, since parsed JSON takes up to twenty times as much memory
FILE_COUNT_LIMIT = 100
SIGNING_KEY = "FITMODEL_SIGNING_KEY"
REMEDY = "Remedy: copy the bundle again from where it was written, or train again"

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_NAME_LENGTH = 100
_VERSION = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
OWN_FIELDS = frozenset(
    {"format", "name", "version", "created_at", "fitmodel", "python", "packages", "files", "digest"}
)
"""Fields that every manifest has; all others are the caller's."""
_PACKAGES = (
    "interpret-core",
    "joblib",
    "mlflow",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
)


def make_manifest(
    caller_fields: Mapping[str, Any],
    *,
    name: str,
    version: str,
    created_at: str,
    files: Mapping[str, bytes],
) -> bytes:
    """Return the manifest of these files as JSON; ``caller_fields`` are the caller's own fields."""
    own_fields = {
        "format": FORMAT,
        "name": name,
        "version": version,
        "created_at": created_at,
        "fitmodel": installed_version("fitmodel"),
        "python": platform.python_version(),
        "packages": {package: installed_version(package) for package in _PACKAGES},
        "files": {
            file: {"sha256": digest(content), "size": len(content)}
            for file, content in sorted(files.items())
        },
    }
    fields = own_fields | plain(caller_fields)
    fields["digest"] = _digest_of(fields)
    text = json.dumps(fields, indent=1, ensure_ascii=False, allow_nan=False)
    content = text.encode(errors="backslashreplace")  # a lone surrogate becomes its JSON escape
    if len(content) > MANIFEST_LIMIT:
        raise BundleError(
            f"the manifest of {name!r} would have {len(content):,} bytes, more than "
            f"{MANIFEST_LIMIT:,}; put long tables into a file of the bundle instead"
        )
    return content


def _digest_of(fields: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest's fields without their digest, whatever their order."""
    stated = {name: value for name, value in fields.items() if name != "digest"}
    return digest(json.dumps(stated, sort_keys=True).encode())  # 1e999 is read as infinity


def check_fields(caller_fields: Mapping[str, Any]) -> None:
    """Refuse fields that would overwrite the bundle's own, or that a reader would refuse."""
    for field in _FIELD_CHECKS.keys() & caller_fields.keys():
        value = {field: plain(caller_fields[field])}
        _check(value, field, _FIELD_CHECKS[field], "Remedy: give a value of the right type")
    taken = sorted(OWN_FIELDS & set(caller_fields))
    if taken:
        raise BundleError(f"the manifest states {taken} itself; leave them out of the fields given")


def check_file_name(file: str) -> None:
    """Refuse everything but plain file names: no folder, no "..", no hidden file."""
    if len(file) > _NAME_LENGTH or not _FILE_NAME.fullmatch(file):
        raise BundleError(
            f"{file!r} cannot be a file of a bundle; plain names like 'scorer.json' can"
        )


def file_limit(file: str) -> int:
    """Return the largest allowed size of a bundle's file, in bytes; it is smaller for JSON."""
    return JSON_LIMIT if file.endswith(".json") else FILE_LIMIT


def is_version(text: str) -> bool:
    """Return whether the text has the form ``YYYYMMDD-HHMMSS-<8 hex digits>``."""
    return _VERSION.fullmatch(text) is not None


def digest(content: bytes) -> str:
    """Return the SHA-256 of the content, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def plain(value: Any) -> Any:
    """Return a value converted to one that JSON can hold; numbers that are not finite are null."""
    match value:
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
        case None | bool() | int() | str():
            return value
        case float():
            return float(value) if math.isfinite(value) else None
        case date():
            return value.isoformat()
    if hasattr(value, "tolist"):  # numbers and arrays of numpy
        return plain(value.tolist())
    raise BundleError(
        f"the manifest cannot hold {value!r} of type {type(value).__name__}; "
        "give text, numbers, dates, lists or mappings"
    )


def read_manifest(content: bytes) -> dict[str, Any]:
    """Return the fields of a manifest in any supported format, after checking them."""
    manifest = _parse(content)
    form = manifest.get("format")
    reader = _READERS.get(form) if type(form) is int else None
    if reader is None:
        raise BundleError(
            f"the bundle has format {form!r}; this fitmodel ({installed_version('fitmodel')}) "
            f"reads {sorted(_READERS)}. Remedy: install the fitmodel it was written with: "
            f"{manifest.get('fitmodel')!r}"
        )
    result = reader(manifest)
    if "digest" in manifest and manifest["digest"] != _digest_of(manifest):
        raise BundleError(
            "the manifest was changed after it was written: its fields do not have the digest that "
            f"it states. {REMEDY}; `fitmodel edit` changes a table, and another policy needs a new "
            "training"
        )
    return result


def sign(manifest: bytes) -> str | None:
    """Return the signature with the key in FITMODEL_SIGNING_KEY; None without a key.

    It is an HMAC-SHA256 (RFC 2104).
    """
    key = os.environ.get(SIGNING_KEY)
    return hmac.new(key.encode(), manifest, hashlib.sha256).hexdigest() if key else None


def is_signature_required() -> bool:
    """Return whether FITMODEL_SIGNING_KEY is set, so that every opened bundle's signature holds."""
    return bool(os.environ.get(SIGNING_KEY))


def check_signature(manifest: bytes, signature: str | None) -> None:
    """Refuse an unsigned or wrongly signed manifest if a signing key is set."""
    expected = sign(manifest)
    if expected is None:
        return
    if signature is None:
        raise BundleError(
            f"{SIGNING_KEY} is set but the bundle is not signed; train it again with the key, "
            "or unset the key if you trust where the bundle comes from"
        )
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise BundleError(
            f"the bundle's signature does not hold with {SIGNING_KEY}: it was signed with another "
            "key or changed afterwards; do not use it"
        )


def _parse(content: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(
            content.decode(), object_pairs_hook=_unique_fields, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise BundleError(
            f"the manifest is not the JSON it should be: {error}. {REMEDY}"
        ) from error
    if not isinstance(manifest, dict):
        raise BundleError(f"the manifest is not a JSON object. {REMEDY}")
    return manifest


def _unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):  # two JSON readers could use different values
        raise ValueError("a field appears twice")
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _read_format_1(manifest: dict[str, Any]) -> dict[str, Any]:
    _check(manifest, "name", lambda name: isinstance(name, str))
    _check(manifest, "version", lambda version: isinstance(version, str) and is_version(version))
    _check(manifest, "created_at", _is_timestamp)
    _check(manifest, "files", _is_file_table)
    for file in manifest["files"]:
        check_file_name(file)
    renamed = _with_new_names(manifest)
    for field, is_valid in _FIELD_CHECKS.items():
        if field in renamed:
            _check(renamed, field, is_valid)
    return renamed


def _with_new_names(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with new names for those that older versions wrote under another name."""
    fields = {_OLD_FIELDS.get(name, name): value for name, value in manifest.items()}
    if isinstance(fields.get("edits"), list):
        fields["edits"] = [_edit_with_new_names(edit) for edit in fields["edits"]]
    return fields


def _edit_with_new_names(edit: Any) -> Any:
    if not isinstance(edit, dict):
        return edit
    return {_OLD_EDIT_FIELDS.get(name, name): value for name, value in edit.items()}


_OLD_FIELDS = {"contest": "comparison"}
_OLD_EDIT_FIELDS = {"judged": "evaluation"}


# One reader for each format since the first: each returns the fields of the present format.
_READERS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _read_format_1}


def _check(
    manifest: dict[str, Any], field: str, is_valid: Callable[[Any], bool], remedy: str = REMEDY
) -> None:
    if field not in manifest or not is_valid(manifest[field]):
        result = repr(manifest.get(field))
        raise BundleError(f"the manifest's {field!r} is missing or wrong: {result[:200]}. {remedy}")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_spec(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(part, dict) for part in value.values())


# Types of the fields that other modules read without checking. A field may be absent, but must not
# have another type.
_FIELD_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "spec": _is_spec,
    "metrics": lambda value: isinstance(value, dict),
    "report": lambda value: isinstance(value, dict),
    "comparison": lambda value: value is None or isinstance(value, dict),
    "seen_values": lambda value: isinstance(value, dict),
    "period": lambda value: _is_texts(value) and len(value) in {0, 2},  # the first and last day
    "observed_until": lambda value: value is None or isinstance(value, str),
    "attributes": _is_texts,
    "estimator": lambda value: isinstance(value, str),
    "policy": lambda value: isinstance(value, str),
    "edits": lambda value: isinstance(value, list) and all(isinstance(e, dict) for e in value),
}


def _is_timestamp(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_file_table(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= FILE_COUNT_LIMIT
        and all(_is_file_entry(file, entry) for file, entry in value.items())
    )


def _is_file_entry(file: str, entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("sha256"), str)
        and _DIGEST.fullmatch(entry["sha256"]) is not None
        and type(entry.get("size")) is int
        and 0 <= entry["size"] <= file_limit(file)
    )


@cache
def installed_version(package: str) -> str | None:
    """Return the version of an installed package; None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
