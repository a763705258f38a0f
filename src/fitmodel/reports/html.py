"""Parts of pages: templates with escaping, style sheets, safe CSV, and element trees for the app.

HTML of our own templates -> [{"tag", "attributes", "children"}, "text", ...]

The app's policy does not allow text to become markup, so a part is sent as such a tree. Tags and
attributes that are not listed here are left out; the text of left-out tags is kept.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from jinja2 import Environment

STYLES = ("tokens.css", "components.css", "document.css")
"""Style sheets, in the order in which a page includes them."""
FORMULA_STARTS = (*"=+-@\t\r\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - Excel takes the wide ones too
BLOCKS = frozenset(
    {"section", "div", "p", "h2", "h3", "h4", "ul", "ol", "li", "table", "thead", "tbody", "tr"}
    | {"th", "td", "strong", "em", "code", "pre", "br", "blockquote", "figure", "figcaption"}
    | {"span", "details", "summary", "h1", "hr"}
)
DRAWN = frozenset({"svg", "g", "defs", "path", "use", "text", "tspan", "clippath", "rect", "image"})
VOID = frozenset({"br", "hr"})
PLAIN = frozenset({"class", "id", "role", "aria-label", "aria-hidden", "data-label"})
SHAPES = frozenset(
    {"d", "x", "y", "width", "height", "viewbox", "transform", "clip-path", "href", "fill"}
    | {"stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "fill-opacity", "opacity"}
    | {"text-anchor", "font-size", "dominant-baseline", "preserveaspectratio"}
)
CASES = {"clippath": "clipPath", "viewbox": "viewBox", "preserveaspectratio": "preserveAspectRatio"}
"""Names that the HTML parser converts to lower case, but that SVG needs with capitals."""

Node = dict[str, Any] | str


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


def section_tree(section: Section) -> dict[str, Any]:
    """Return the id, the title and the tree of a section of a page."""
    values = section.values  # noqa: PD011 - a field
    nodes = html_tree(render(section.template, values=values))
    return {"id": values["id"], "title": values["title"], "nodes": nodes}


def html_tree(text: str) -> list[Node]:
    """Return the tree of a fragment of HTML."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.roots


class _Reader(HTMLParser):
    """Builds the tree; elements that are not listed are left out, but their text is kept."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.roots: list[Node] = []
        self._open: list[tuple[str, list[Node]]] = []

    @property
    def _current_children(self) -> list[Node]:
        return self._open[-1][1] if self._open else self.roots

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in BLOCKS | DRAWN:
            return
        allowed = PLAIN | SHAPES if tag in DRAWN else PLAIN
        attributes = {
            CASES.get(name, name): value or "" for name, value in attrs if name in allowed
        }
        children: list[Node] = []
        self._current_children.append(
            {"tag": CASES.get(tag, tag), "attributes": attributes, "children": children}
        )
        if tag not in VOID:
            self._open.append((tag, children))

    def handle_endtag(self, tag: str) -> None:
        if any(name == tag for name, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if data.strip() or (data and self._open and self._current_children):
            self._current_children.append(data)
