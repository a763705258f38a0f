"""The browser in which tests open pages."""

from __future__ import annotations

import shutil

BROWSER = shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""Chromium without a user interface, which opens a page three times as fast; else Chromium."""
BROWSER_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NO_BROWSER = "pages are opened in Debian's chromium-headless-shell or chromium: neither is here"
