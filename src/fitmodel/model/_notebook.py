"""HTML of an assessment or a model for notebooks: escaped, for light and dark themes."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fitmodel.model._reasons import Reason

# Medium colours, readable on white and on black; text keeps the notebook's own colour.
RAISES, LOWERS, WATCH = "#d1495b", "#2a9d8f", "#c98a1b"
BAND_COLOURS = {"good": LOWERS, "watch": WATCH, "poor": RAISES}
WIDEST = 7.0  # em


class Shown(Protocol):
    """The parts of an assessment that are shown."""

    @property
    def fit(self) -> str:
        """Band: good, watch or poor."""

    @property
    def sentences(self) -> Sequence[str]:
        """Sentences on verdict, money and warnings."""

    @property
    def reasons(self) -> Sequence[Reason]:
        """The reasons, largest first."""


def assessment_html(assessment: Shown) -> str:
    """Return the verdict, the money and the reasons, each with a bar, as HTML."""
    colour = BAND_COLOURS[assessment.fit]
    verdict, *others = assessment.sentences
    first = f'<b style="font-size:1.1em">{escape(verdict)}</b>'
    head = "<br>".join([first, *map(escape, others)])
    return (
        f'<div style="border-left:.35em solid {colour};padding:.2em .8em;line-height:1.5;'
        f'max-width:60em">{head}{_bars(assessment.reasons)}</div>'
    )


class ShownModel(Protocol):
    """The parts of a model that are shown."""

    manifest: dict[str, Any]

    @property
    def scorer(self) -> Any:
        """Scorecard, policy and words."""

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes."""


def model_html(model: ShownModel) -> str:
    """Return version, period, policy and quality of a model, as HTML."""
    metrics = model.manifest.get("metrics", {})
    period = model.manifest.get("period") or ()
    scorer = model.scorer
    rows = [
        ("version", scorer.version),
        ("learned from deals of", " – ".join(map(str, period))),  # noqa: RUF001 - an en dash between days
        ("leave early", scorer.wording.percent(scorer.scorecard.base_rate)),
        ("policy", scorer.policy.description or scorer.policy.kind),
        ("attributes", ", ".join(model.attributes)),
        *((name, f"{metrics[name]:.3f}") for name in ("log_loss", "roc_auc") if name in metrics),
    ]
    return rows_html("FitModel", ((name, value) for name, value in rows if value))


def rows_html(title: str, rows: Iterable[tuple[str, object]]) -> str:
    """Return a title and a table of names and values as HTML; everything is escaped here."""
    return f"<b>{escape(title)}</b>{_table((escape(a), escape(str(b))) for a, b in rows)}"


def _bars(reasons: Iterable[Reason]) -> str:
    shown = list(reasons)
    widest = max((abs(reason.contribution) for reason in shown), default=1.0)
    return _table((_bar(reason.contribution, widest), escape(reason.sentence)) for reason in shown)


def _bar(contribution: float, widest: float) -> str:
    colour = RAISES if contribution > 0 else LOWERS
    width = WIDEST * abs(contribution) / widest
    return (
        f'<span style="display:inline-block;height:.7em;border-radius:.2em;background:{colour};'
        f'width:{width:.2f}em"></span>'
    )


def _table(rows: Iterable[tuple[Any, Any]]) -> str:
    """Return a table of two columns as HTML; the cells must be escaped already."""
    cell = "text-align:left;vertical-align:top;padding:.1em .8em .1em 0;background:none"
    body = "".join(
        f'<tr style="background:none"><td style="{cell};white-space:nowrap">{a}</td>'
        f'<td style="{cell}">{b}</td></tr>'
        for a, b in rows
    )
    return (
        f'<table style="border:0;margin:.3em 0;color:inherit;font-size:inherit">{body}</table>'
        if body
        else ""
    )
