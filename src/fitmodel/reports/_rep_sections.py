"""Sections of the sales page on reps: counts, performance, trend, edits, customer profile."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from fitmodel.language.catalogue import phrases, read_texts, stay_text
from fitmodel.model.wording import Wording
from fitmodel.reports._drawing import as_svg
from fitmodel.reports.html import Section
from fitmodel.sales.plots import compute_trend, plot_funnel, plot_profile, plot_trend
from fitmodel.tables.cells import PLAIN_MONEY

if TYPE_CHECKING:
    from fitmodel.language.catalogue import Say
    from fitmodel.sales.profile import Profile
    from fitmodel.sales.rep_performance import Counts, EditsAfterFlags, RepPerformance

MAX_NAMED = 3
EDIT_COUNTS = ("flagged", "edited", "turned", "unflagged", "unflagged_edited")
FILE_NAMES = {
    "says": "verdict_in_words",
    "says_recently": "recent_verdict_in_words",
    "says_selection": "selects_in_words",
}
"""Names in the file of the columns with sentences; the table in Python keeps its names."""


def scoreboard_section(
    board: RepPerformance, *, by: str = "rep", language: str = "en", money_format: str = PLAIN_MONEY
) -> Section:
    """Write the comparison of each rep (or team) with the company."""
    say = phrases(language, "sales_page")
    kinds = [*board.reps["verdict"], "company"]
    values = {
        "id": f"{by}s",
        "title": say(f"by_{by}"),
        "text": read_texts(language, "sales_page"),
        "funnel": as_svg(plot_funnel(board, language=language)),
        "dispersion": _dispersion(board, say),
        "rows": [
            _row(str(name), kind, row, say, money_format)
            for (name, row), kind in zip(board.table.iterrows(), kinds, strict=True)
        ],
        "points": [
            say("point", name=name, recently=row["says_recently"], ever=row["says"])
            for name, row in _to_talk_about(board).iterrows()
        ],
    }
    quarters = board.quarters.set_index("rep").rename_axis(by)
    shown = board.table.rename_axis(by).rename(columns=FILE_NAMES)
    tables = {f"{by}s.csv": shown, f"{by}s_by_quarter.csv": quarters}
    return Section("_scoreboard.html.j2", values, tables)


def _to_talk_about(board: RepPerformance) -> pd.DataFrame:
    """Return the first reps who are active and lose more customers than expected now."""
    return board.reps[board.reps["talk_about"].astype(bool)].head(MAX_NAMED)


def _dispersion(board: RepPerformance, say: Say) -> str:
    """Return a sentence on whether reps differ; it never contradicts that a rep is named."""
    p = f"{board.dispersion.p_value:.2g}"
    if board.dispersion.is_suspicious:
        return say("dispersion", p=p)
    named = not board.reps["verdict"].isin(["expected", "too_few"]).all()
    return say("dispersion_named" if named else "no_dispersion", p=p)


def _row(name: str, kind: str, row: pd.Series[Any], say: Say, money: str) -> dict[str, str]:
    texts = {key: str(row[key]) for key in ("says", "says_recently", "says_selection")}
    return {"name": name, "kind": kind, **count_cells(row, say, money), **texts}


def trend_section(
    board: RepPerformance, *, by: Literal["rep", "team"] = "rep", language: str = "en"
) -> Section:
    """Write the trend of each rep (or team) over the quarters.

    `board`: rep performance with quarters, for which the contract must have dates.
    Returns: section with the table ``rep_trend.csv`` or ``team_trend.csv``.
    """
    say = phrases(language, "trend")
    few = board.reps.index[board.reps["verdict"] == "too_few"]
    axes = plot_trend(board, language=language)
    values = {
        "id": f"trend_{by}",
        "title": say(f"title_{by}"),
        "text": read_texts(language, "trend"),
        "plot": as_svg(axes[0], width=None) if axes else "",
        "left_out": say("left_out", names=", ".join(map(str, few))) if len(few) else "",
    }
    table = compute_trend(board).set_index("rep").rename_axis(by)
    return Section("_trend.html.j2", values, {f"{by}_trend.csv": table})


def profile_section(profile: Profile, *, language: str = "en") -> Section:
    """Write the ideal customer profile.

    `profile`: profile whose words are in the same language.
    Returns: section with the table ``customer_profile.csv``, which has every tested segment.
    """
    say = phrases(language, "profile")
    basis = say(
        "basis",
        looked=f"{len(profile.table):,}",
        least=profile.min_deals,
        deals=f"{profile.company['deals']:,}",
        horizon=profile.horizon_months,
    )
    worst, best = profile.riskiest, profile.safest
    result = len(worst) + len(best) > 0
    values: dict[str, Any] = {
        "id": "profile",
        "title": say("title"),
        "text": read_texts(language, "profile"),
        "basis": basis,
        "plot": as_svg(plot_profile(profile, language=language)) if result else "",
        "riskiest": _rules(worst),
        "safest": _rules(best),
    }
    table = profile.table.drop(columns="parts").set_index("segment")
    return Section("_profile.html.j2", values, {"customer_profile.csv": table})


def _rules(named: pd.DataFrame) -> list[str]:
    return [str(rule) for rule in named["rule"]]


def edits_section(found: EditsAfterFlags, *, language: str = "en") -> Section:
    """Write how often flagged prospects were edited, compared with the other prospects.

    Returns: section with the tables ``edits_after_flags.csv`` and ``edits_by_rep.csv``.
    """
    say = phrases(language, "edits")
    questions = found.questions(language)
    values = {
        "id": "edits",
        "title": say("title"),
        "text": read_texts(language, "edits"),
        "questions": questions or [say("nothing")],
        "rows": [
            {"name": str(rep), "counts": [f"{row[name]:,}" for name in EDIT_COUNTS]}
            for rep, row in found.reps.iterrows()
        ],
        "points": questions,
    }
    edits = found.edits.set_index("prospect")
    tables = {"edits_after_flags.csv": edits, "edits_by_rep.csv": found.reps}
    return Section("_edits.html.j2", values, tables)


def counts_section(
    counts: Counts,
    *,
    by: str = "rep",
    why: str = "",
    language: str = "en",
    money_format: str = PLAIN_MONEY,
) -> Section:
    """Write the signed and lost deals of each rep (or team).

    `why`: sentence on why the page has counts only.
    Returns: section with the table ``reps.csv`` or ``teams.csv``.
    """
    say = phrases(language, "sales_page")
    kinds = [""] * len(counts.reps) + ["company"]
    values = {
        "id": f"{by}s",
        "title": say(f"by_{by}"),
        "text": read_texts(language, "sales_page"),
        "why": why,
        "rows": [
            {"name": str(name), "kind": kind, **count_cells(row, say, money_format)}
            for (name, row), kind in zip(counts.table.iterrows(), kinds, strict=True)
        ],
        "points": [why] if why else [],
    }
    return Section("_counts.html.j2", values, {f"{by}s.csv": counts.table.rename_axis(by)})


def count_cells(row: pd.Series[Any], say: Say, money_format: str = PLAIN_MONEY) -> dict[str, str]:
    """Return the columns of counts as text; unknown values are empty."""
    value = float(row["lost_value"])
    return {
        "signed": f"{row['signed']:,.0f}",
        "lost": f"{row['lost']:,.0f}",
        "lost_value": "" if math.isnan(value) else Wording(money=money_format).money_text(value),
        "rate": _rate(row),
        "latest": _latest(row, say),
    }


def _rate(row: pd.Series[Any]) -> str:
    rate, low, high = (float(row[name]) for name in ("rate", "rate_low", "rate_high"))
    if math.isnan(rate):
        return ""
    if math.isnan(low) or math.isnan(high):
        return f"{rate:.1%}"
    return f"{rate:.1%} ({low:.1%} – {high:.1%})"  # noqa: RUF001 - an en dash between numbers


def _latest(row: pd.Series[Any], say: Say) -> str:
    if pd.isna(row["latest_lost_on"]):
        return ""
    return say(
        "latest_lost_one",
        deal=row["latest_lost"],
        left=f"{row['latest_lost_on']:%Y-%m-%d}",
        stay=stay_text(say, row["latest_lost_months"]),
    )
