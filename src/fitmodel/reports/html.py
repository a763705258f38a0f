"""What all HTML pages share: escaping, the style sheets, CSV that is safe in a spreadsheet."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from jinja2 import Environment

STYLES = ("tokens.css", "components.css", "document.css")
"""In the order in which a page reads them."""
FORMULA_STARTS = (*"=+-@\t\r\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - Excel takes the wide ones too


def read_style(name: str) -> str:
    """Return one of `STYLES` as text."""
    return files("fitmodel.reports").joinpath("design", name).read_text(encoding="utf-8")


def render(template: str, **values: Any) -> str:
    """Fill a template of this room; every value is escaped, and none may be missing."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("fitmodel.reports"), autoescape=True, undefined=StrictUndefined
    )
    style = "\n".join(read_style(name) for name in STYLES)
    environment.globals.update(style=style, policy=_policy(style))
    return environment


def _policy(style: str) -> str:
    """Content-Security-Policy of a page in a file: its own style sheet, no script, no request."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def safe_csv(table: pd.DataFrame) -> str:
    """Write a table as CSV in which no text can start a formula in a spreadsheet.

    Notes
    -----
    OWASP, "CSV Injection": a text that starts with = + - @, wide or not, a tab or a new line gets
    an apostrophe before it. Lines end as in RFC 4180, so that a lone carriage return inside a text
    is quoted: otherwise a spreadsheet takes what follows it for a new row.
    """
    plain = table.reset_index()
    for name in plain.select_dtypes(exclude=["number", "bool", "datetime"]).columns:
        plain[name] = plain[name].astype(object).map(_harmless)
    return plain.rename(columns=_harmless).to_csv(index=False, lineterminator="\r\n")


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


@dataclass(frozen=True, eq=False)
class Section:
    """One part of a page.

    Parameters
    ----------
    template : str
        Name of the partial template in ``templates/``.
    values : dict
        What the partial reads as ``values``; `id` and `title` are always there.
    tables : dict of str to DataFrame
        File name to table, to be written as CSV beside the page.
    """

    template: str
    values: dict[str, Any]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
