"""Raw invalid bytes sent to the service: each gets one response, and the service continues."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn

from fitmodel.loading import load
from fitmodel.service.app import create_app
from fitmodel.service.schema import example_prospect
from fitmodel.service.settings import Settings

Ask = Callable[[bytes], bytes]
HEAD = (
    b"POST /v1/assessments HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer t\r\n"
)
GET = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
CHUNK = b"4000\r\n" + b" " * 0x4000 + b"\r\n"


@pytest.fixture(scope="module")
def ask(bundle: Path) -> Iterator[Ask]:
    """Send bytes to a service as `fitmodel serve` runs it, and return the response."""
    app = create_app(bundle, Settings(reload_seconds=0, token="t", max_bytes=100_000))  # noqa: S106
    limits = {"http": "h11", "h11_max_incomplete_event_size": 16_384, "ws": "none"}
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, **limits))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()

    def send(sent: bytes) -> bytes:
        parts = []
        with socket.create_connection(listener.getsockname(), timeout=20) as client:
            try:
                client.sendall(sent)
                while part := client.recv(65_536):
                    parts.append(part)
            except (ConnectionResetError, BrokenPipeError):  # it does not read more than it needs
                pass
        return b"".join(parts)

    yield send
    server.should_exit = True
    thread.join(timeout=20)
    listener.close()


@pytest.fixture(scope="module")
def prospect(bundle: Path) -> bytes:
    return json.dumps(example_prospect(load(bundle))).encode()


def with_length(body: bytes, more: bytes = b"") -> bytes:
    return HEAD + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


SENT = {
    "two lengths": (HEAD + b"Content-Length: 2\r\nContent-Length: 50\r\n\r\n{}", 400),
    "a length below nothing": (HEAD + b"Content-Length: -1\r\n\r\n{}", 400),
    "a length of 1e3": (HEAD + b"Content-Length: 1e3\r\n\r\n{}", 400),
    "a length of +2": (HEAD + b"Content-Length: +2\r\n\r\n{}", 400),
    "a length of many digits": (HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
    "a length that is awaited": (HEAD + b"Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n",
                                 413),
    "length and chunks": (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                          b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "chunks of another name": (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    "chunks beyond the limit": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK * 20 + b"0\r\n\r\n", 413),
    "a long header": (HEAD + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n", 400),
    "many headers": (HEAD + b"X: a\r\n" * 20_000 + b"\r\n", 400),
    "NUL in a header": (HEAD + b"X: a\x00b\r\nContent-Length: 2\r\n\r\n{}", 400),
    "two tokens": (b"GET /v1/model" + GET + b"Authorization: Bearer t\r\nAuthorization: no\r\n\r\n",
                   401),
    "a path of two slashes": (b"GET //metrics" + GET + b"\r\n", 401),
    "a health check's neighbour": (b"GET /healthz/" + GET + b"\r\n", 401),
    "a path that climbs": (b"GET /desk/%2e%2e/routes.py" + GET
                           + b"Authorization: Bearer t\r\n\r\n", 404),
    "bytes in a path": (b"GET /\xff" + GET + b"\r\n", 400),
    "a packed body": (with_length(gzip.compress(b"{}"), b"Content-Encoding: gzip\r\n"), 400),
    "no protocol": (b"GET /healthz\r\n\r\n", 400),
    "the greeting of TLS": (b"\x16\x03\x01\x02\x00\x01\x00" * 50, 400),
}  # fmt: skip


@pytest.mark.parametrize("name", SENT)
def test_an_invalid_request_gets_one_refusal_and_the_next_client_is_served(
    ask: Ask, prospect: bytes, name: str
) -> None:
    sent, status = SENT[name]
    answer = ask(sent)
    # a client that is disconnected while it still sends may not see the reason
    assert answer.startswith(b"HTTP/1.1 %d " % status) or (not answer and len(sent) > 100_000)
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert b"Traceback" not in answer
    assert ask(with_length(prospect)).startswith(b"HTTP/1.1 200 ")
