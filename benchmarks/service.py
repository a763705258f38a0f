"""The service on loopback: answers, errors and the time that clients wait.

    python benchmarks/service.py [--clients 16] [--seconds 60]

The service and the clients are processes of their own. Each client sends one prospect, waits for
the assessment with three reasons, and sends the next.

The clients share the cores with the service: it cannot show what a network adds, nor what the
service reaches alone.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import multiprocessing
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _needs import need

import fitmodel
from fitmodel.bundle.store import write_bundle
from fitmodel.decision.policy import Policy
from fitmodel.learning.learner import learn
from fitmodel.loading import load
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import Scorer
from fitmodel.service.schema import example_prospect


def shipped(root: Path) -> Path:
    """A model on disk."""
    sim = fitmodel.simulate_deals(2_000, seed=0)
    scorecard = learn(sim.deals, sim.spec).scorecard
    scorer = Scorer(scorecard, Policy("threshold", 0.3, None, ""), sim.spec.deals.amount, None, "")
    write_bundle(root, "fit", files={SCORER_FILE: scorer.to_json()}, manifest={})
    return root / "fit"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(port: int) -> None:
    for _ in range(200):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the service did not begin")


async def client(port: int, request: bytes, until: float) -> tuple[list[float], int]:
    """One connection kept open: seconds of each answer, and how many were no 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    waits, errors = [], 0
    while time.perf_counter() < until:
        start = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        waits.append(time.perf_counter() - start)
        errors += not head.startswith(b"HTTP/1.1 200")
    writer.close()
    return waits, errors


def clients(port: int, body: bytes, count: int, seconds: float, results: object) -> None:
    """All clients, in a process of their own."""
    head = (
        f"POST /v1/assessments HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n"
    )

    async def together() -> list[tuple[list[float], int]]:
        until = time.perf_counter() + seconds
        request = head.encode() + body
        return await asyncio.gather(*(client(port, request, until) for _ in range(count)))

    results.put(asyncio.run(together()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    need("fastapi", "uvicorn")
    with tempfile.TemporaryDirectory() as folder:
        source, port = shipped(Path(folder)), free_port()
        command = [sys.executable, "-m", "fitmodel.cli", "serve", "--model", str(source)]
        service = subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.DEVNULL)  # noqa: S603 - our own command
        try:
            wait_until_ready(port)
            body = json.dumps(example_prospect(load(source))).encode()
            results = multiprocessing.Queue()
            asking = multiprocessing.Process(
                target=clients, args=(port, body, given.clients, given.seconds, results)
            )
            asking.start()
            result = results.get()
            asking.join()
        finally:
            service.terminate()
            code = service.wait(timeout=20)
    waits = np.concatenate([part for part, _ in result]) * 1e3
    errors = sum(count for _, count in result)
    print("| clients | seconds | answers a second | errors | p50 ms | p99 ms | longest ms |")
    print("|---|---|---|---|---|---|---|")
    p50, p99 = np.percentile(waits, [50, 99])
    rate = len(waits) / given.seconds
    print(
        f"| {given.clients} | {given.seconds:g} | {rate:,.0f} | {errors} | {p50:.1f} | {p99:.1f} "
        f"| {waits.max():.1f} |"
    )
    print(f"the service ended with code {code}")
    if errors:
        raise SystemExit("answers that are errors say nothing about speed")


if __name__ == "__main__":
    main()
