"""Thousands of requests leave no memory behind. A million: `python benchmarks/soak.py`."""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fitmodel.monitoring.log import DecisionLog
from fitmodel.service.app import create_app
from fitmodel.service.schema import example_prospect
from fitmodel.service.settings import Settings

SOAK = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "soak.py"))
# asyncio keeps a hundred cancelled timers before it clears its list, each of some
# blocks of memory; caches are filled as well.
FEW = 1_000


@pytest.fixture(params=["plain", "logged"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DecisionLog | None]:
    if request.param == "plain":
        yield None
        return
    log = DecisionLog(tmp_path / "decisions.db", salt="s")
    yield log
    log.close()


def blocks_after(app: Any, number: int, asked: Iterator[tuple[Any, ...]]) -> int:
    """Blocks of memory in use after a number of requests, for objects of every kind."""

    async def ask_all() -> int:
        for request in itertools.islice(asked, number):
            await SOAK["ask"](app, *request)
        gc.collect()
        return sys.getallocatedblocks()

    return asyncio.run(ask_all())


@pytest.mark.slow
def test_requests_leave_no_memory_behind(
    bundle: Path, log: DecisionLog | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "fitmodel.service")  # pytest would keep every record
    app = create_app(bundle, Settings(token=SOAK["TOKEN"], reload_seconds=0), log=log)
    asked = SOAK["requests"](example_prospect(app.state.holder.model))
    before = blocks_after(app, 800, asked)

    assert blocks_after(app, 1_600, asked) - before < FEW


def test_a_text_kept_per_request_would_be_detected() -> None:
    kept: dict[str, str] = {}

    async def forgetful(scope: Any, _receive: Any, _send: Any) -> None:
        position = f"{scope['path']} {len(kept)}"
        kept[position] = position

    asked = SOAK["requests"]({})
    before = blocks_after(forgetful, 800, asked)

    assert blocks_after(forgetful, 1_600, asked) - before > FEW
