"""What all plots share: new axes, colours, the finish, and fonts that have all letters.

Axes are made outside pyplot: no global state, no display, no memory leak.
The colours are those of Okabe and Ito (2008), which people with any colour vision can distinguish;
no information is shown by colour alone.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#6f6f6f"
MAX_LABELS = 12
"""Number of bars or points above which their labels get a smaller font, so as not to overlap."""

CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",  # the first font of Noto's collection file; matplotlib reads no other
    "Source Han Sans SC",
    "PingFang SC",
    "Heiti SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
    "Noto Serif CJK SC",
    "Noto Serif CJK JP",
)
"""Names of fonts with Chinese letters on Linux, macOS and Windows, best first."""


def new_axes(width: float = 5.5, height: float = 4.5) -> Axes:
    """Return axes on a new figure."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained").subplots()


def figure_of(ax: Axes) -> Figure:
    """Return the figure that axes belong to.

    Raises
    ------
    ValueError
        If they belong to no figure.
    """
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes belong to no figure")
    return figure


def short_name(name: object, most: int) -> str:
    """Return a name for a label, cut to at most so many characters."""
    text = str(name)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def in_percent(ax: Axes, *, x: bool = False) -> None:
    """Format the vertical axis, and with `x` the horizontal one too, in per cent."""
    from matplotlib.ticker import PercentFormatter

    for axis in (ax.xaxis, ax.yaxis) if x else (ax.yaxis,):
        axis.set_major_formatter(PercentFormatter(1.0, symbol="%"))


def finished(ax: Axes, location: Any) -> Axes:
    """Add the grid and legend that all plots have, and remove the upper and right frame line."""
    ax.grid(visible=True, color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc=location, fontsize=8, framealpha=0.85, edgecolor="none")
    return with_all_letters(ax)


@contextmanager
def readable(texts: Sequence[Text]) -> Iterator[None]:
    """Context in which the texts of a figure use a fallback font for letters their font lacks.

    If no such font is installed, a box is drawn for the letter, without a warning: the table next
    to the picture has the same words.
    """
    from matplotlib import rc_context

    more = any(not text.get_text().isascii() for text in texts)
    families = _families() if more else None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        if families is None:
            yield
            return
        with rc_context({"font.family": list(families)}):
            for text in texts:
                text.set_fontfamily(list(families))
            yield


def with_all_letters(ax: Axes) -> Axes:
    """Set a font that has all letters for the texts of the whole figure, if one is installed."""
    from matplotlib.text import Text

    figure = ax.get_figure(root=True) or ax
    words = [text for text in figure.findobj(Text) if not text.get_text().isascii()]
    families = _families() if words else None
    for text in words if families else ():
        text.set_fontfamily(list(families or ()))
    return ax


@cache
def _families() -> tuple[str, ...] | None:
    """Return the usual font and the first installed one with Chinese letters; None without one."""
    from matplotlib import font_manager, rcParamsDefault

    installed = set(font_manager.get_font_names())
    result = next((name for name in CHINESE_FONTS if name in installed), None)
    return None if result is None else (rcParamsDefault["font.sans-serif"][0], result)
