"""Read JSON from an untrusted file: whole, or refused with the reason."""

from __future__ import annotations

import json
from typing import Any

from fitmodel.exceptions import BundleError


def read_json(content: bytes, what: str) -> Any:
    """Read JSON that anybody may have written.

    Raises
    ------
    BundleError
        If it is none, is nested too deeply, takes more memory than there is, or holds half a
        character, which could be neither shown nor written again.
    """
    try:
        data = json.loads(content)
        if b"\\ud" in content.lower():
            json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError, MemoryError) as error:
        raise BundleError(f"the {what} is no JSON: {type(error).__name__}: {error}") from error
    return data
