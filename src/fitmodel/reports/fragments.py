"""Parts of a page as trees of plain values, from which the app builds its elements.

HTML of our own templates -> [{"tag", "attributes", "children"}, "text", ...]

The app's policy does not allow text to become markup, so a part is sent as such a tree. Tags and
attributes that are not listed here are left out; the text of left-out tags is kept.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from fitmodel.reports.html import Section, render

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
CASES = {
    "clippath": "clipPath",
    "viewbox": "viewBox",
    "preserveaspectratio": "preserveAspectRatio",
}
"""Names that the HTML parser converts to lower case, but that SVG needs with capitals."""

Node = dict[str, Any] | str


def section_tree(section: Section) -> dict[str, Any]:
    """Return the id, the title and the tree of a section of a page."""
    values = section.values
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
    def _here(self) -> list[Node]:
        return self._open[-1][1] if self._open else self.roots

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in BLOCKS | DRAWN:
            return
        kept = PLAIN | SHAPES if tag in DRAWN else PLAIN
        attributes = {CASES.get(name, name): value or "" for name, value in attrs if name in kept}
        children: list[Node] = []
        self._here.append(
            {"tag": CASES.get(tag, tag), "attributes": attributes, "children": children}
        )
        if tag not in VOID:
            self._open.append((tag, children))

    def handle_endtag(self, tag: str) -> None:
        if any(name == tag for name, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if data.strip() or (data and self._open and self._here):
            self._here.append(data)
