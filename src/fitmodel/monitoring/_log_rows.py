"""Values as a decision log keeps them: digests of attributes, text, times."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fitmodel.model.wording import plain_value


def digest_of(attributes: Mapping[str, Any]) -> str:
    """SHA-256 of the attributes as canonical JSON: the same prospect gives the same digest."""
    plain = {str(name): plain_value(value) for name, value in attributes.items()}
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def storable(text: str) -> str:
    """The text with what no database takes, half characters and zero bytes, written out."""
    whole = text.encode(errors="backslashreplace").decode()
    return whole.replace("\x00", "\\x00")


def now_in_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
