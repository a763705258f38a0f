"""The README's pictures of the deal desk, from simulated deals.

    python docs/screenshots.py [--output docs/images]

Needs Debian's Chromium and the extra `dev`. A model is trained on simulated deals, the service
shows later ones as its pipeline, and a headless browser looks at it.
"""

from __future__ import annotations

import argparse
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, expect, sync_playwright

import fitmodel
from fitmodel.bundle.store import write_bundle
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.learning.learner import learn
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import Scorer
from fitmodel.model.wording import wording_of
from fitmodel.service.app import create_app

CHROMIUM = "/usr/bin/chromium"
LEVEL, FLAG, BIG_DEAL = 0.23, 0.37, 20_000.0  # twice the odds of the level
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def shipped(folder: Path) -> tuple[Path, Path]:
    """A bundle and the file of an open pipeline."""
    sim = fitmodel.simulate_deals(2_000, seed=1)
    past, spec = sim.deals.head(1_950), sim.spec
    money = Money(0.8, 24.0, 3.0, 600.0, 1_800.0, 300.0, 0.15)
    policy = Policy("risk", FLAG, money, "", level=LEVEL, big_deal=BIG_DEAL)
    words = wording_of(spec)
    scorecard = learn(past, spec).scorecard
    scorer = Scorer(scorecard, policy, "annual_value", "closed_on", "", words)
    files = {SCORER_FILE: scorer.to_json()}
    write_bundle(folder, "prospect-fit", files=files, manifest={"spec": spec.to_dict()})
    prospects = folder / "prospects.csv"
    sim.deals.tail(50).drop(columns="churned_on").to_csv(prospects, index=False)
    return folder / "prospect-fit", prospects


@contextmanager
def served(model: Path, pipeline: Path) -> Iterator[str]:
    """Address of the service while it runs."""
    listener = socket.create_server(("127.0.0.1", 0))  # a browser that is early waits here
    app = create_app(model, pipeline=pipeline)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


def shoot(browser: Browser, url: str, output: Path) -> None:
    """Take the pictures."""
    wide = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    wide.goto(url)
    expect(wide.locator("#rows tr").first).to_be_visible()
    wide.screenshot(path=output / "desk-light.png")
    phone = browser.new_page(viewport={"width": 390, "height": 1180}, color_scheme="dark")
    phone.goto(url)
    phone.locator("#rows tr", has_text="Poor").locator("a").first.click()
    expect(phone.locator("#reasons .sentence").first).to_be_visible()
    phone.screenshot(path=output / "desk-dark-phone.png")


def main() -> None:
    """Train, serve, look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "images")
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        model, pipeline = shipped(Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        with served(model, pipeline) as url:
            shoot(browser, url, output)
        browser.close()


if __name__ == "__main__":
    main()
