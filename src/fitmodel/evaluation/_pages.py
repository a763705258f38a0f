"""Write results as plain text, HTML or JSON; and every figure of a training report."""

from __future__ import annotations

import math
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.evaluation._flags import (
    compute_net_benefit,
    plot_decision_curve,
    plot_money_curve,
)
from fitmodel.evaluation._groups import plot_pooled_groups
from fitmodel.evaluation._plots import draw_predictions
from fitmodel.evaluation._smooth_calibration import (
    compute_probability_distribution,
    compute_smooth_calibration,
    plot_smooth_calibration,
)
from fitmodel.evaluation._table_plots import plot_level
from fitmodel.evaluation.drawing import figure_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fitmodel.learning.level import Level

WIDTH = 80
"""Maximum number of characters in a line of text, unless a single word is longer."""
LARGE = 100

_CELL = "padding:.15em .8em .15em 0;text-align:left;border-bottom:1px solid rgba(128,128,128,.35)"
_BLOCK = "color:inherit;background:transparent;max-width:52em;line-height:1.4"
MAX_GROUPS = 40
"""Number of groups in the plot: those with the largest deviation. The report has all groups."""


_FLAG_NAMES = {
    "share_flagged": "share flagged",
    "precision": "precision",
    "recall": "recall",
    "expected_share": "expected of new prospects",
}
"""Numbers about flags that are shares, and how the text calls them."""


@dataclass(frozen=True)
class Page:
    """Short form of a report: title, verdict, lines of text, one table, remarks.

    `title`, `verdict`: title of the report, and its main result in one sentence.
    `lines`: lines shown above the table.
    `header`: column headings of the table.
    `rows`: rows of the table; the first column holds names.
    `remarks`: lines shown below the table.
    """

    title: str
    verdict: str
    lines: tuple[tuple[str, str], ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remarks: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """Write the page for a terminal, in lines of at most `WIDTH` characters."""
        head = [*_wrapped(self.title), *_wrapped(self.verdict), *_labelled(self.lines)]
        return "\n".join([*head, "", *self._table_lines(), "", *_labelled(self.remarks)]).rstrip()

    def html(self) -> str:
        """Write the page for a notebook; colours are inherited, so dark themes stay dark."""
        head = "".join(f'<th style="{_CELL}">{escape(cell)}</th>' for cell in self.header)
        body = "".join(
            "<tr>" + "".join(f'<td style="{_CELL}">{escape(cell)}</td>' for cell in row) + "</tr>"
            for row in self.rows
        )
        return (
            f'<div style="{_BLOCK}"><strong>{escape(self.title)}</strong>'
            f"<p>{escape(self.verdict)}</p>{_html_lines(self.lines)}"
            f'<table style="border-collapse:collapse;color:inherit;background:transparent">'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"{_html_lines(self.remarks)}</div>"
        )

    def _table_lines(self) -> list[str]:
        table = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        gap = "  " if sum(widths) + 2 * len(widths) - 2 <= WIDTH else " "
        return [
            gap.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in table
        ]


class ShownAsPage(ABC):
    """Base of results that are printed, and shown in a notebook, as a page."""

    @property
    @abstractmethod
    def verdict(self) -> str:
        """The main result in one sentence."""

    @abstractmethod
    def page(self) -> Page:
        """Return the page that is printed or shown in a notebook."""

    def __str__(self) -> str:
        """Write the page for a terminal, in about 20 lines."""
        return self.page().text()

    def __repr__(self) -> str:
        """Return the verdict as a short text."""
        return f"<{type(self).__name__}: {self.verdict}>"

    def _repr_html_(self) -> str:
        return self.page().html()


def _labelled(pairs: tuple[tuple[str, str], ...]) -> list[str]:
    width = max((len(label) for label, _ in pairs), default=0)
    return [
        line
        for label, text in pairs
        for line in _wrapped(text, label.ljust(width) + "  ", " " * (width + 2))
    ]


def _html_lines(pairs: tuple[tuple[str, str], ...]) -> str:
    lines = "<br>".join(f"{escape(label)}: {escape(text)}" for label, text in pairs)
    return f"<p>{lines}</p>" if lines else ""


def _wrapped(text: str, first: str = "", then: str = "") -> list[str]:
    """Return all of a text in lines; paths and commands are not broken, so they can be copied."""
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [first]


def number(value: float) -> str:
    """Format a number: four decimals, none if it is whole or 100 or more, "-" if not finite."""
    if not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= LARGE or value == int(value) else f"{value:.4f}"


def percent(share: float) -> str:
    """Format a share in percent with one decimal; "-" if it is not finite."""
    return f"{share:.1%}" if math.isfinite(share) else "-"


def flags_text(counts: Mapping[str, float]) -> str:
    """Format numbers about flags as one line of text, the shares in percent."""
    return ", ".join(
        f"{_FLAG_NAMES.get(name, name.replace('_', ' '))} "
        f"{percent(value) if name in _FLAG_NAMES else number(value)}"
        for name, value in counts.items()
    )


def as_json(value: Any) -> Any:
    """Convert a result to values that JSON can hold; a number that is not finite becomes None."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, date):
        return value.isoformat().removesuffix("T00:00:00")
    return _container_as_json(value)


def _container_as_json(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        return [as_json(row) for row in value.to_dict(orient="records")]
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, list | tuple | np.ndarray):
        return [as_json(item) for item in value]
    return str(value)


def draw_training(
    predictions: pd.DataFrame,
    *,
    money_curve: pd.DataFrame,
    pooled_groups: pd.DataFrame,
    level: Level | None,
    language: str = "en",
) -> dict[str, Figure]:
    """Return the figures of a training by name; parameters and names as in `TrainingReport`."""
    y, p, weight = (predictions[name] for name in ("early_churn", "probability", "weight"))
    figures = draw_predictions(y, p, weight, language=language)
    smooth_axes = plot_smooth_calibration(
        compute_smooth_calibration(y, p, weight),
        compute_probability_distribution(y, p, weight),
        language=language,
    )
    figures["smooth_calibration"] = figure_of(smooth_axes)
    benefit = compute_net_benefit(y, p, weight)
    figures["decision_curve"] = figure_of(plot_decision_curve(benefit, language=language))
    if len(money_curve):
        figures["money_curve"] = figure_of(plot_money_curve(money_curve, language=language))
    if len(pooled_groups):
        deviation = (pooled_groups["pooled"] - 1).abs().sort_values(ascending=False)
        chosen = pooled_groups.loc[sorted(deviation.index[:MAX_GROUPS])]
        figures["groups"] = figure_of(plot_pooled_groups(chosen, language=language))
    if level is not None and level.months:
        figures["level"] = figure_of(plot_level(level, language=language))
    return figures
