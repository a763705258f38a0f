"""Write every command's help into the page that asks for it, so that it cannot grow old."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER = "<!-- every command -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill the page in, when mkdocs reads it."""
    return markdown.replace(MARKER, "\n\n".join(_sections())) if MARKER in markdown else markdown


def every_command() -> Iterator[tuple[str, Any]]:
    """Name (as it is typed) and command of everything that can be run."""
    from typer.main import get_command

    from fitmodel.cli.main import app

    yield from _within("fitmodel", get_command(app))


def _within(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for key, item in sorted(below.items()):
        yield from _within(f"{name} {key}", item)


def _sections() -> Iterator[str]:
    os.environ["COLUMNS"] = "100"
    for name, command in every_command():
        context = command.make_context(name, [], resilient_parsing=True)
        help_text = re.sub(r"^\n", "", command.get_help(context)).rstrip()
        yield f"## {name}\n\n```text\n{help_text}\n```"
