"""Parts of all HTML pages: templates with escaping, style sheets, and CSV safe in a spreadsheet."""

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
"""Style sheets, in the order in which a page includes them."""
FORMULA_STARTS = (*"=+-@\t\r\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - Excel takes the wide ones too


def read_style(name: str) -> str:
    """Return one of `STYLES` as text."""
    return files("fitmodel.reports").joinpath("design", name).read_text(encoding="utf-8")


def render(template: str, **values: Any) -> str:
    """Fill a template of this room; every value is escaped, and a missing value is an error."""
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
    """Return the Content-Security-Policy of a page: its own style sheet, no script, no request."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def safe_csv(table: pd.DataFrame) -> str:
    """Write a table as CSV in which no text can start a formula in a spreadsheet.

    Notes
    -----
    OWASP, "CSV Injection": an apostrophe is added before a text that starts with = + - @ (also in
    full width), a tab or a new line. Lines end as in RFC 4180, so that a single carriage return
    inside a text is quoted; otherwise a spreadsheet starts a new row after it.
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
        File name of the partial template in ``templates/``.
    values : dict
        Values that the template reads as ``values``; always with `id` and `title`.
    tables : dict of str to DataFrame
        Tables by file name, which are written as CSV into the folder of the page.
    """

    template: str
    values: dict[str, Any]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
