"""Without capacity the service refuses at once, stays alive, and accepts requests later."""

from __future__ import annotations

import asyncio
import json
import threading
from types import SimpleNamespace
from typing import Any

from fitmodel.service._routes import ASSESSMENTS, IN_THE_LOOP
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings


async def ask(app: Any, method: str, path: str, payload: Any = None) -> Any:
    """One request to the app, as a server would pass it on."""
    body = b"" if payload is None else json.dumps(payload).encode()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "root_path": "",
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    headers = dict(sent[0]["headers"])
    return SimpleNamespace(status=sent[0]["status"], headers=headers, body=body.decode())


class Slow:
    """A model that waits for an event before it scores, like on a busy core."""

    def __init__(self, model: Any) -> None:
        self.model, self.begun, self.go = model, threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def predict(self, prospect: Any, *, reasons: int, language: str) -> Any:
        self.begun.set()
        assert self.go.wait(timeout=60), "nobody let the model go"
        return self.model.predict(prospect, reasons=reasons, language=language)


def test_a_request_beyond_capacity_is_told_to_retry_while_a_long_one_runs(source, prospect) -> None:
    app = create_app(source, Settings(reload_seconds=0, max_requests=1))
    slow = Slow(app.state.holder.model)
    app.state.holder._model = slow
    many = [prospect] * (IN_THE_LOOP + 1)

    async def meanwhile() -> dict[str, Any]:
        long = asyncio.create_task(ask(app, "POST", ASSESSMENTS, many))
        await asyncio.to_thread(slow.begun.wait, 60)
        result = {
            "turned away": await ask(app, "POST", ASSESSMENTS, prospect),
            "alive": await ask(app, "GET", "/healthz"),
            "ready": await ask(app, "GET", "/readyz"),
        }
        slow.go.set()
        result["long"] = await long
        return result | {
            "again": await ask(app, "POST", ASSESSMENTS, prospect),
            "counts": await ask(app, "GET", "/metrics"),
        }

    result = asyncio.run(meanwhile())
    assert {name: answer.status for name, answer in result.items()} == {
        "turned away": 503,
        "alive": 200,
        "ready": 200,
        "long": 200,
        "again": 200,
        "counts": 200,
    }
    assert result["turned away"].headers[b"retry-after"] == b"1"
    assert "too many requests" in json.loads(result["turned away"].body)["detail"]
    assert len(json.loads(result["long"].body)["assessments"]) == len(many)
    turned = f'fitmodel_requests_total{{method="POST",route="{ASSESSMENTS}",status="503"}} 1'
    assert turned in result["counts"].body
