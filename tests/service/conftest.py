"""A service over a bundle on disk, called in this process."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import uvicorn
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, expect, sync_playwright

from browsers import BROWSER, BROWSER_ARGUMENTS, NO_BROWSER
from fitmodel.bundle.store import write_bundle
from fitmodel.deals.contract import DealSpec
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.loading import load
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import Scorer
from fitmodel.service import _pages
from fitmodel.service.app import create_app
from fitmodel.service.schema import example_prospect
from fitmodel.service.settings import Settings
from scoring_fixtures import curved, model, prospects, simulation, twelve

__all__ = ["curved", "model", "prospects", "simulation", "twelve"]
SCRIPT = "<script>alert(1)</script>"
MONEY = Money(0.8, 24.0, 3.0, 600.0, 1_800.0, 300.0, 0.15)


def ship(model: FitModel, root: Path, note: str) -> Path:
    files = {SCORER_FILE: model.scorer.to_json()}
    return write_bundle(root, "fit", files=files, manifest={"note": note})


@pytest.fixture(scope="session", autouse=True)
def _past_models_are_learned_once() -> Iterator[None]:
    """Services of one table and contract share past models instead of training them again."""
    known: dict[tuple[str, str, str], Any] = {}

    def shared(compute: Callable[..., Any]) -> Callable[..., Any]:
        def computed(deals: pd.DataFrame, spec: DealSpec, **options: Any) -> Any:
            key = (compute.__name__, deals.to_csv(), spec.to_toml())
            if key not in known:
                known[key] = compute(deals, spec, **options)
            return known[key]

        return computed

    with pytest.MonkeyPatch.context() as patch:
        for compute in (_pages.score_in_retrospect, _pages.compute_numbers):
            patch.setattr(_pages, compute.__name__, shared(compute))
        yield


@pytest.fixture(scope="session")
def source(model: FitModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    ship(model, root, "first")
    return root / "fit"


@pytest.fixture(scope="session")
def prospect(model: FitModel) -> dict[str, Any]:
    return example_prospect(model)


@pytest.fixture(scope="session")
def client(source: Path) -> Iterator[TestClient]:
    limits = Settings(reload_seconds=0, max_bytes=200_000, max_prospects=300)
    with TestClient(create_app(source, limits), raise_server_exceptions=False) as ready:
        yield ready


# -- the desk in a browser ------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # per module: an event loop runs in this thread as long as it is open
    if BROWSER is None:
        pytest.skip(NO_BROWSER)
    expect.set_options(timeout=20_000)  # the machine may be busy
    with sync_playwright() as playwright:
        ready = playwright.chromium.launch(executable_path=BROWSER, args=BROWSER_ARGUMENTS)
        yield ready
        ready.close()


@pytest.fixture(scope="module")
def shop(model, simulation, quick_learner, tmp_path_factory) -> FitModel:
    """The small model with money and a contract, as a bundle; past models learn quickly."""
    root = tmp_path_factory.mktemp("shop")
    words = {
        "labels": {"seats": "Seat licences"},
        "units": {"seats": "people"},
        "money": "€{:,.0f}",
    }
    spec = simulation.spec.replace(words=words, learning=quick_learner)
    policy = Policy("value", 0.5, MONEY, "")
    scorer = Scorer(model.scorecard, policy, spec.deals.amount, spec.deals.closed_on, "")
    files = {SCORER_FILE: scorer.to_json()}
    write_bundle(root, "fit", files=files, manifest={"spec": spec.to_dict()})
    return load(root / "fit")


@pytest.fixture(scope="module")
def table(prospects) -> pd.DataFrame:
    """Prospects, one of them with a dangerous name."""
    table = prospects.copy()
    table.loc[table.index[3], "deal_id"] = SCRIPT
    table.loc[table.index[4], "rep"] = "=HYPERLINK(1)"
    return table


@pytest.fixture(scope="module")
def pipeline(table, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("pipeline") / "prospects.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def predictions(shop, table) -> pd.DataFrame:
    """Predictions for the table and the money at risk, by id."""
    predictions = shop.predict(table).assign(rep=table["rep"], amount=table["annual_value"])
    cost = MONEY.value_if_stays(predictions["amount"]) - MONEY.value_if_leaves(
        predictions["amount"]
    )
    predictions["risk"] = predictions["early_churn_probability"] * cost
    return predictions.set_axis(table["deal_id"])


@pytest.fixture(scope="module")
def serve() -> Callable[..., AbstractContextManager[str]]:
    """Serves a model; see `_served`."""
    return _served


@contextmanager
def _served(
    model: FitModel,
    pipeline: Path | None = None,
    *,
    deals=None,
    spec=None,
    log=None,
    tour=False,
    **limits,
) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))  # a browser that connects early waits here
    settings = Settings(reload_seconds=0, **limits)
    app = create_app(
        model.path, settings, pipeline=pipeline, deals=deals, spec=spec, log=log, tour=tour
    )
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()


@pytest.fixture(scope="module")
def url(shop, pipeline) -> Iterator[str]:
    with _served(shop, pipeline) as address:
        yield address


@pytest.fixture(scope="module")
def bare(shop) -> Iterator[str]:
    with _served(shop, max_prospects=100, max_bytes=100_000) as address:
        yield address


@pytest.fixture(scope="module")
def opened(browser: Browser) -> Callable[..., AbstractContextManager[Page]]:
    """Opens an address in a fresh session; see `_opened`."""
    return partial(_opened, browser)


@contextmanager
def _opened(browser: Browser, address: str, expected: str = "^$", **context) -> Iterator[Page]:
    """A page of a fresh session; no request to other hosts and no console error is allowed."""
    session = browser.new_context(**{"locale": "en-GB", "reduced_motion": "reduce"} | context)
    session.set_default_timeout(15_000)
    page = session.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
    page.goto(address)
    yield page
    session.close()
    origin = address.split("?", maxsplit=1)[0].split("#", maxsplit=1)[0]
    assert [
        position for position in asked if not position.startswith((origin, f"blob:{origin}"))
    ] == []
    assert [line for line in complaints if not re.search(expected, line)] == []


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Save a picture of a scene in the folder FITMODEL_PICTURES, if that is set."""
    scene = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")
    asked = os.environ.get("FITMODEL_PICTURES")

    def keep(page: Page, moment: str) -> None:
        if asked:
            folder = Path(asked).resolve()
            folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=folder / f"{scene[:80]}-{moment}.png", full_page=True)

    return keep


@pytest.fixture
def page(opened, url) -> Iterator[Page]:
    with opened(url) as page:
        expect(page.locator("#rows tr")).to_have_count(60)
        yield page
