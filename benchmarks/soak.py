"""Ask the service a great many mixed requests and watch its memory: good, bad, long and forged.

    python benchmarks/soak.py --requests 1000000 --seconds 3600

In this process, through the whole application with its guard, without a network: each request
takes a turn of the event loop, as one from a socket would (asyncio clears its cancelled timers
then). Prints requests, answers by status, and the memory in use after each tenth of them.

It cannot show leaks of a server's own sockets: see service.py.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import logging
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fitmodel.bundle.store import write_bundle
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.learning.learner import learn
from fitmodel.model.scorer import Scorer
from fitmodel.service.app import create_app
from fitmodel.service.schema import example_prospect
from fitmodel.service.settings import Settings

TOKEN = "soak"  # noqa: S105 - no secret of anybody


def requests(prospect: dict[str, Any]) -> Iterator[tuple[str, str, bytes, bytes]]:
    """Method, path, body and token, without end; every level, number and id is another."""
    for turn in itertools.count():
        unusual = prospect | {"segment": f"level {turn}", "seats": turn, "deal_id": f"D{turn}"}
        yield "POST", "/v1/assessments", json.dumps(unusual).encode(), b"Bearer soak"
        yield (
            "POST",
            "/v1/assessments",
            json.dumps([prospect, {}, unusual]).encode(),
            b"Bearer soak",
        )
        yield "POST", "/v1/assessments", b"{" * (turn % 5000), b"Bearer soak"
        yield "POST", "/v1/assessments", json.dumps({f"x{turn}": turn}).encode(), b"Bearer soak"
        yield "GET", f"/nowhere/{turn}", b"", b"Bearer soak"
        yield "GET", "/v1/model", b"", f"Bearer {turn}".encode()
        yield "GET", "/metrics", b"", b"Bearer soak"
        yield f"M{turn}", "/healthz", b"", b""


async def ask(app: Any, method: str, path: str, body: bytes, token: bytes) -> int:
    """One request, as a server would pass it on."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
        "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"authorization", token)], "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80), "root_path": "",
    }  # fmt: skip
    status = 0

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    return status


def megabytes() -> float:
    """Memory in use by this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


async def soak(app: Any, prospect: dict[str, Any], number: int, seconds: float) -> None:
    """Ask until there were so many or the time is over."""
    answers: Counter[int] = Counter()
    start, marks = time.monotonic(), []
    for done, request in enumerate(requests(prospect), start=1):
        answers[await ask(app, *request)] += 1
        spent = time.monotonic() - start
        if done % max(number // 10, 1) == 0 or spent > seconds * (len(marks) + 1) / 10:
            gc.collect()
            marks.append((done, megabytes()))
        if done >= number or spent > seconds:
            break
    print(f"{sum(answers.values()):,} requests in {time.monotonic() - start:.0f} s")
    print("answers", dict(sorted(answers.items())))
    print("memory in MB", ", ".join(f"{done:,}: {size:.1f}" for done, size in marks))


def main() -> None:
    """Make a small model and soak its service."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=3600)
    asked = parser.parse_args()
    from _needs import need  # the tests run this file from elsewhere

    need("fastapi")
    logging.getLogger("fitmodel.service").setLevel(logging.CRITICAL)
    deals = simulate_deals(700, seed=5)
    scorer = Scorer(
        learn(deals.deals, deals.spec).scorecard, Policy("threshold", 0.3, None, ""), None, None, ""
    )
    with tempfile.TemporaryDirectory() as folder:
        files = {"scorer.json": scorer.to_json()}
        path = write_bundle(Path(folder), "soak", files=files, manifest={})
        app = create_app(path, Settings(token=TOKEN, reload_seconds=0))
        prospect = example_prospect(app.state.holder.model)
        asyncio.run(soak(app, prospect, asked.requests, asked.seconds))


if __name__ == "__main__":
    main()
