"""Plots as SVG in the colours of the page, light and dark, with text that can be selected.

matplotlib axes -> SVG -> elements without styles, every colour a token of the page -> markup
"""

from __future__ import annotations

import hashlib
import io
import re
import threading
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET  # our own text # nosec B405

from fitmodel.evaluation.drawing import figure_of, readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

TOKENS = {
    "#000000": "ink",
    "#ffffff": "card",
    "#0072b2": "plot-blue",
    "#1f77b4": "plot-blue",
    "#d55e00": "plot-orange",
    "#c0392b": "poor",
    "#1e8449": "good",
    "#d4a017": "watch",
    "#34495e": "ink",
    "#6f6f6f": "soft",
    "#7f8c8d": "soft",
    "#808080": "soft",
    "#444444": "soft",
    "#dddddd": "line",
    "#d9d9d9": "line",
    "#cccccc": "line",
    "#b0b0b0": "line",
}
"""Colours that the plots use, and the colour token of the page that replaces each of them."""
ALLOWED_TAGS = frozenset(
    {"svg", "g", "defs", "path", "use", "text", "tspan", "clipPath", "rect", "image"}
)
_STYLES = frozenset(
    {"fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "fill-opacity"}
    | {"opacity", "text-anchor", "dominant-baseline"}
)
_GEOMETRY = frozenset({"d", "x", "y", "width", "height", "viewBox", "transform", "clip-path", "id"})
_SIZE = re.compile(r"([\d.]+)px")
_CONTROL = re.compile(  # and marks that turn the words after them around
    r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufffe\uffff]|[\ud800-\udfff]"
)
_SETTINGS = threading.Lock()  # a service draws several pages at once
GREY_LEVELS = 255
WIDTH = 4.4
"""Inches of a plot on a page: so its letters can be read on a phone without scrolling."""


@dataclass(frozen=True)
class Drawing:
    """One plot as SVG.

    `body`: escaped content and attributes of the SVG element, without the text alternative.
    """

    body: str
    view: str

    def markup(self, text: str) -> str:
        """Return the SVG element; `text` is its text alternative for people who cannot see it."""
        label = escape(text)
        return f'<svg role="img" viewBox="{self.view}" aria-label="{label}">{self.body}</svg>'


def as_svg(ax: Axes, width: float | None = WIDTH) -> Drawing:
    """Return the figure of the axes as SVG, in a width in inches; None: its own width."""
    from matplotlib.text import Text

    figure = figure_of(ax)
    if width is not None:
        figure.set_figwidth(width)
    _plain_numbers(figure)
    texts: list[Any] = figure.findobj(Text)  # searched only once, because it visits every artist
    _replace_control_characters(texts)
    root = ET.fromstring(_svg(figure, texts))  # noqa: S314 - our own # nosec B314
    view = root.get("viewBox", "")
    prefix = hashlib.blake2s(ET.tostring(root), digest_size=4).hexdigest()
    return Drawing("".join(_as_html(child, f"p{prefix}") for child in root), view)


def _svg(figure: Figure, texts: Sequence[Text]) -> str:
    from matplotlib import rc_context

    content = io.StringIO()
    as_text: Any = {"svg.fonttype": "none", "svg.hashsalt": "fitmodel"}
    # Fonts that have all letters; text stays text. Both are settings of the whole process.
    with _SETTINGS, readable(texts), rc_context(as_text):
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()


def _plain_numbers(figure: Figure) -> None:
    """Label logarithmic axes with 1, 10, 100 instead of powers of ten."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    for ax in figure.axes:
        for axis, scale in ((ax.xaxis, ax.get_xscale()), (ax.yaxis, ax.get_yscale())):
            if scale == "log":
                axis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:,.10g}"))
                axis.set_minor_formatter(NullFormatter())


def _replace_control_characters(texts: Sequence[Text]) -> None:
    """Replace characters that XML does not allow, or that turn words; names may contain them."""
    for text in texts:
        if _CONTROL.search(text.get_text()):
            text.set_text(_CONTROL.sub("\ufffd", text.get_text()))


def _as_html(element: ET.Element, prefix: str) -> str:
    """Return an element with its content as HTML; "" for elements that a page does not need."""
    tag = element.tag.rpartition("}")[2]
    if tag not in ALLOWED_TAGS:
        return ""
    content = "".join(
        f"{_as_html(child, prefix)}{escape((child.tail or '').strip(chr(10)))}" for child in element
    )
    listed = _attributes(element, prefix)
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in listed)
    text = escape((element.text or "").strip("\n")) if tag in {"text", "tspan"} else ""
    if tag in {"defs", "g"} and not content.strip():
        return ""
    return f"<{tag}{attributes}>{text}{content.strip() if tag != 'text' else content}</{tag}>"


def _attributes(element: ET.Element, prefix: str) -> Iterator[tuple[str, str]]:
    for qualified, value in element.attrib.items():
        name = qualified.rpartition("}")[2]
        if name == "href":
            yield "href", f"#{prefix}{value[1:]}" if value.startswith("#") else value
        elif name == "id":
            yield "id", f"{prefix}{value}"
        elif name == "clip-path":
            yield name, value.replace("url(#", f"url(#{prefix}")
        elif name == "style":
            yield from _style_attributes(value)
        elif name in _GEOMETRY:
            yield name, value


def _style_attributes(style: str) -> Iterator[tuple[str, str]]:
    """Yield a style as attributes, because the page's policy allows no inline styles."""
    for part in filter(None, (item.strip() for item in style.split(";"))):
        name, _, value = (text.strip() for text in part.partition(":"))
        if name in {"font", "font-size"}:
            size = _SIZE.search(value)
            yield from [("font-size", size[1])] if size else []
        elif name in {"fill", "stroke"}:
            yield from _colour_attributes(name, value)
        elif name in _STYLES:
            yield name, value.removesuffix("px")


def _colour_attributes(name: str, value: str) -> Iterator[tuple[str, str]]:
    if not value.startswith("#"):
        yield name, value
        return
    token = TOKENS.get(value.lower())
    if token is not None:
        yield name, f"var(--{token})"
        return
    red, green, blue = (int(value[start : start + 2], 16) for start in (1, 3, 5))
    yield name, "var(--ink)"  # a shade of grey is the ink colour with some opacity
    yield f"{name}-opacity", f"{1 - (red + green + blue) / 3 / GREY_LEVELS:.3f}"
