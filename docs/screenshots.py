"""The README's pictures of the app, taken from the demonstration.

    python docs/screenshots.py [--output docs/images] [--deals 2500]

Needs Debian's Chromium and the extra `dev`. The demonstration's company is simulated and its model
trained, the service shows it as `fitmodel demo --serve` does, and a headless browser looks at it.
"""

from __future__ import annotations

import argparse
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, expect, sync_playwright

from fitmodel.demonstration import DEALS, Demo, make_demo
from fitmodel.service.app import create_app

CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def served(demo: Demo) -> Iterator[str]:
    """Address of the service while it runs."""
    listener = socket.create_server(("127.0.0.1", 0))  # a browser that is early waits here
    app = create_app(
        demo.model, log=demo.log, pipeline=demo.pipeline, deals=demo.deals, spec=demo.spec
    )
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
    """Simulate, train, serve, look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--deals", type=int, default=DEALS)
    asked = parser.parse_args()
    output: Path = asked.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        demo = make_demo(Path(folder) / "demo", Path(folder) / "models", deals=asked.deals)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        with served(demo) as url:
            shoot(browser, url, output)
        browser.close()
        demo.log.close()


if __name__ == "__main__":
    main()
