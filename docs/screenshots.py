"""Pictures of the app, taken from the demonstration.

    python docs/screenshots.py                                  # the README's, in docs/images
    python docs/screenshots.py --all --output build/pictures    # every page, to be looked at

With --all every page is taken in both languages, light and dark, at 1280 and 360 px, and the pages
to print as they come out on A4. Needs Debian's Chromium and the extra `dev`. The demonstration's
company is simulated, its model trained, the service shows it as `fitmodel demo --serve` does, and
a headless browser looks at it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from fitmodel.demonstration import DEALS, Demo, make_demo
from fitmodel.language.catalogue import LANGUAGES
from fitmodel.service.app import create_app

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
PHONE = 600  # pixels; narrower screens are phones
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
        demo.model,
        log=demo.log,
        pipeline=demo.pipeline,
        deals=demo.deals,
        spec=demo.spec,
        plans=(demo.plan,),
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
    phone.locator("#rows a").first.click()  # the big poor fit
    expect(phone.locator("#reasons .sentence").first).to_be_visible()
    phone.screenshot(path=output / "desk-dark-phone.png")


def shoot_all(browser: Browser, url: str, output: Path) -> None:
    """Take every page as people may see it, and on paper."""
    for language in LANGUAGES:
        for theme, width in product(("light", "dark"), (1280, 360)):
            size = {"width": width, "height": 900 if width > PHONE else 740}
            page = browser.new_page(viewport=size, color_scheme=theme)
            for name, path in pages_of(browser, url).items():
                open_page(page, f"{url}/?language={language}#/{path}")
                whole = name != "pipeline"  # a long table; its head says how it looks
                picture = output / f"{name}-{language}-{theme}-{width}.png"
                page.screenshot(path=picture, full_page=whole)
                if (theme, width) == ("light", 1280):
                    page.pdf(path=output / f"{name}-{language}.pdf", format="A4")
            page.close()


def pages_of(browser: Browser, url: str) -> dict[str, str]:
    """Name and place of every page; the deals are the first one, and the first unlike past ones."""
    page = browser.new_page()
    open_page(page, url)
    first = page.locator("#rows tr").first.get_attribute("data-key")
    unlike = page.locator("#rows tr", has=page.locator(".odd")).last.get_attribute("data-key")
    page.close()
    deals = {"deal-big": f"deal/{first}", "deal-unfamiliar": f"deal/{unlike}"}
    return {"pipeline": "", **deals, **{name: name for name in ("team", "quiz", "model", "watch")}}


def open_page(page: Page, address: str) -> None:
    """Open a page and wait until nothing in it is on its way."""
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_load_state("networkidle")
    expect(page.locator(".progress:visible")).to_have_count(0, timeout=600_000)  # Team is dear


def main() -> None:
    """Simulate, train, serve, look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--deals", type=int, default=DEALS)
    parser.add_argument("--all", action="store_true", help="every page, to be looked at")
    asked = parser.parse_args()
    output: Path = asked.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        demo = make_demo(Path(folder) / "demo", Path(folder) / "models", deals=asked.deals)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        with served(demo) as url:
            (shoot_all if asked.all else shoot)(browser, url, output)
        browser.close()
        demo.log.close()


if __name__ == "__main__":
    main()
