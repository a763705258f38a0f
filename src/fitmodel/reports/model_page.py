"""The model card as a page, and the tables of a scorecard as plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.evaluation.figures import compute_table, plot_calibration, plot_level, plot_table
from fitmodel.language.catalogue import phrases
from fitmodel.learning.level import Level
from fitmodel.reports._drawing import as_svg
from fitmodel.reports.html import html_tree, render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.decision.policy import Policy
    from fitmodel.learning.scorecard import Scorecard
    from fitmodel.reports.html import Node


def card_html(card: str) -> str:
    """Return a Markdown model card as a fragment of HTML; raw HTML in it is shown as text."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    page = str(reader.render(card))
    page = page.replace("<table>", '<div class="wide"><table>')  # scrolls inside, on a phone
    return page.replace("</table>", "</table></div>")


def card_page(card: str, language: str = "en") -> str:
    """Return a model card as a self-contained HTML page."""
    return render("card.html.j2", language=language, title=_title(card), card=card_html(card))


def card_tree(card: str) -> list[Node]:
    """Return a model card as the tree from which the app builds its page."""
    return html_tree(card_html(card))


def attribute_table(
    scorecard: Scorecard, attribute: str, language: str = "en", *, label: str | None = None
) -> dict[str, Any]:
    """Return one attribute's table of a scorecard as rows, and its plot as a tree.

    `label` is the name of the attribute in the plot.

    Raises
    ------
    EditError
        If the model has no such attribute; the message lists its attributes.
    """
    rows = compute_table(scorecard, attribute)
    ax = plot_table(scorecard, attribute, language=language, label=label)
    ax.title.set(fontsize=9, wrap=True)
    drawing = as_svg(ax).markup(label or attribute)
    plain = rows.astype(object).where(rows.notna(), None)
    return {
        "attribute": attribute,
        "rows": plain.to_dict("records"),
        "plot": html_tree(_figure(drawing)),
    }


def rule_text(policy: Policy, language: str = "en", *, money_format: str = "{:,.0f}") -> str:
    """Return in words which deals a policy flags, and which deals a manager decides on."""
    say = phrases(language, "desk", "fit")

    def percent(share: float) -> str:
        return say("percent", number=f"{100 * share:.3g}")

    parts = []
    if policy.kind == "value":
        parts.append(say("rule_value"))
        if policy.risk_threshold is not None:
            parts.append(say("rule_value_risk", threshold=percent(policy.risk_threshold)))
    elif policy.threshold is None:
        parts.append(say("rule_nothing"))
    else:
        parts.append(say(f"rule_{policy.kind}", threshold=percent(policy.threshold)))
    if policy.level is not None:
        parts.append(say("rule_level", level=percent(policy.level)))
    if policy.big_deal is not None:
        parts.append(say("rule_big", amount=money_format.format(policy.big_deal)))
    return (" " if language == "en" else "").join(parts)


def model_plots(manifest: Mapping[str, Any], language: str = "en") -> list[dict[str, Any]]:
    """Return the plots of a model's evaluation: calibration, and the level over time.

    Each has a `title` and its `plot` as a tree; a plot is left out if the bundle lacks its data.
    """
    say, report = phrases(language, "desk"), manifest.get("report") or {}
    plots = []
    if report.get("calibration"):
        frame = pd.DataFrame(report["calibration"])
        plots.append((say("model_calibration"), plot_calibration(frame, language=language)))
    if (report.get("level") or {}).get("months"):
        plots.append((say("model_level"), plot_level(_level(report["level"]), language=language)))
    for _, ax in plots:
        ax.set_title("")  # the page shows the title as a heading
    return [
        {"title": title, "plot": html_tree(_figure(as_svg(ax).markup(title)))}
        for title, ax in plots
    ]


def _level(data: Mapping[str, Any]) -> Level:
    """Level of a bundle, as far as the plot shows it; older bundles have other parameters."""
    months = tuple((month, observed, expected) for month, observed, expected in data["months"])
    return Level(factor=data["factor"], gain=data["gain"], months=months)


def _figure(drawing: str) -> str:
    return f'<figure class="plot">{drawing}</figure>'


def _title(card: str) -> str:
    first = next(iter(card.splitlines()), "")
    return first.removeprefix("# ")
