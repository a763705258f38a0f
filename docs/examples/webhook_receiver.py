"""Read what MLflow sends when an alias moves, and act on a new champion."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping

MAX_AGE = 300  # seconds; an older delivery may be one that somebody sends again


def new_champion(headers: Mapping[str, str], body: bytes, secret: str, model: str) -> str | None:
    """Return the version that became the model's champion; None where another alias moved.

    `headers` are looked up as a web framework gives them: upper and lower case are the same.
    """
    delivery, sent = headers["X-MLflow-Delivery-Id"], headers["X-MLflow-Timestamp"]
    signed = f"{delivery}.{sent}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    if not hmac.compare_digest(expected, headers["X-MLflow-Signature"]):
        raise PermissionError("the signature is not that of the secret")
    if abs(time.time() - int(sent)) > MAX_AGE:
        raise PermissionError("the delivery is too old")
    moved = json.loads(body)["data"]
    if (moved["name"], moved["alias"]) != (model, "champion"):
        return None
    return str(moved["version"])
