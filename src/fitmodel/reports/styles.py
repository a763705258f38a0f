"""The style sheets that the app and its printable pages share."""

from __future__ import annotations

from importlib.resources import files

STYLES = ("tokens.css", "components.css", "document.css")
"""In the order in which a page reads them."""


def read_style(name: str) -> str:
    """Return one of `STYLES` as text."""
    return files("fitmodel.reports").joinpath("design", name).read_text(encoding="utf-8")
