"""Sections of the sales page: rep performance, trend, customer profile and commission."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from fitmodel.language.catalogue import phrases, read_texts
from fitmodel.reports._counts_section import count_cells
from fitmodel.reports._drawing import as_svg
from fitmodel.reports._plan_terms import plan_terms
from fitmodel.reports.html import Section
from fitmodel.sales.comparison import compare_plans
from fitmodel.sales.people import NO_NAME
from fitmodel.sales.plots import plot_funnel, plot_profile
from fitmodel.sales.trend import compute_trend, plot_trend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from fitmodel.language.catalogue import Say
    from fitmodel.sales.ledger import Ledger
    from fitmodel.sales.profile import Profile
    from fitmodel.sales.rep_performance import RepPerformance


MAX_NAMED = 3


def scoreboard_section(board: RepPerformance, *, by: str = "rep", language: str = "en") -> Section:
    """Write each rep (or team) compared with the company.

    Parameters
    ----------
    board : RepPerformance
    by : {"rep", "team"}
    language : {"en", "zh"}
    """
    say = phrases(language, "sales_page")
    kinds = [*board.reps["verdict"], "company"]
    values = {
        "id": f"{by}s",
        "title": say(f"by_{by}"),
        "text": read_texts(language, "sales_page"),
        "funnel": as_svg(plot_funnel(board, language=language)),
        "dispersion": _dispersion(board, say),
        "rows": [
            _row(str(name), kind, row, say)
            for (name, row), kind in zip(board.table.iterrows(), kinds, strict=True)
        ],
        "points": [
            say("point", name=name, recently=row["says_recently"], ever=row["says"])
            for name, row in _to_talk_about(board).iterrows()
        ],
    }
    quarters = board.quarters.set_index("rep").rename_axis(by)
    tables = {f"{by}s.csv": board.table.rename_axis(by), f"{by}s_by_quarter.csv": quarters}
    return Section("_scoreboard.html.j2", values, tables)


def _to_talk_about(board: RepPerformance) -> pd.DataFrame:
    """Active reps who lose more customers than expected now, the furthest first."""
    return board.reps[board.reps["talk_about"].astype(bool)].head(MAX_NAMED)


def _dispersion(board: RepPerformance, say: Say) -> str:
    """Whether reps differ at all; never beside a named rep that nobody differs."""
    p = f"{board.dispersion.p_value:.2g}"
    if board.dispersion.is_suspicious:
        return say("dispersion", p=p)
    named = not board.reps["verdict"].isin(["expected", "too_few"]).all()
    return say("dispersion_named" if named else "no_dispersion", p=p)


def _row(name: str, kind: str, row: pd.Series[Any], say: Say) -> dict[str, str]:
    return {
        "name": name,
        "kind": kind,
        **count_cells(row, say),
        "says": str(row["says"]),
        "says_recently": "" if kind == "company" else str(row["says_recently"]),
        "says_selection": str(row["says_selection"]),
    }


def trend_section(
    board: RepPerformance, *, by: Literal["rep", "team"] = "rep", language: str = "en"
) -> Section:
    """Build the part of the page.

    Parameters
    ----------
    board : RepPerformance
        With quarters, which a contract with dates gives.
    by : {"rep", "team"}
    language : {"en", "zh"}

    Returns
    -------
    Section
        With ``rep_trend.csv`` or ``team_trend.csv``.
    """
    say = phrases(language, "trend")
    few = board.reps.index[board.reps["verdict"] == "too_few"]
    axes = plot_trend(board, language=language)
    values = {
        "id": f"trend_{by}",
        "title": say(f"title_{by}"),
        "text": read_texts(language, "trend"),
        "plot": as_svg(axes[0]) if axes else "",
        "left_out": say("left_out", names=", ".join(map(str, few))) if len(few) else "",
    }
    table = compute_trend(board).set_index("rep").rename_axis(by)
    return Section("_trend.html.j2", values, {f"{by}_trend.csv": table})


def profile_section(profile: Profile, *, language: str = "en") -> Section:
    """Build the part of the page.

    Parameters
    ----------
    profile : Profile
        Computed in the same language.
    language : {"en", "zh"}

    Returns
    -------
    Section
        With ``customer_profile.csv``, everything that was looked at.
    """
    say = phrases(language, "profile")
    basis = say(
        "basis",
        looked=f"{len(profile.table):,}",
        least=profile.least_deals,
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


COLUMNS = ("earned", "withheld", "clawed_back", "pending", "bonus", "bonus_pending")
RECENT_MONTHS = 12
RECENT_PERIODS = 2
RECENT_PAYROLL = 6
"""Periods of a bonus on the page: the running one and the one before."""
FILES = ("commission", "commission_compared")


def commission_section(ledgers: Sequence[Ledger], *, language: str = "en") -> Section:
    """Write what one plan paid, or two side by side.

    Parameters
    ----------
    ledgers : sequence of Ledger
        Of the same deals; where there are two, they are compared.
    language : {"en", "zh"}
    """
    say = phrases(language, "commission")
    points = [compare_plans(*ledgers[:2]).says(language)] if len(ledgers) > 1 else []
    values = {
        "id": "commission",
        "title": say("title"),
        "text": read_texts(language, "commission"),
        "points": points,
        "plans": [_plan(ledger, name, say) for name, ledger in zip(FILES, ledgers, strict=False)],
    }
    tables: dict[str, pd.DataFrame] = {}
    for name, ledger in zip(FILES, ledgers, strict=False):
        tables[f"{name}.csv"] = ledger.reps
        tables[f"{name}_by_month.csv"] = ledger.reps_by_month
        tables[f"{name}_ledger.csv"] = ledger.deals
        if len(ledger.payroll):
            tables[f"{name}_payroll.csv"] = ledger.payroll.set_index("month")
            tables[f"{name}_payroll_by_month.csv"] = ledger.payroll_by_month
        if len(ledger.bonuses):
            tables[f"{name}_bonuses.csv"] = ledger.bonuses.set_index("period")
    return Section("_commission.html.j2", values, tables)


def _plan(ledger: Ledger, file: str, say: Say) -> dict[str, Any]:
    months, recent = ledger.months, ledger.months.iloc[:-1].tail(RECENT_MONTHS)
    dated = bool((ledger.deals["month"] != "").any())
    periods = list(dict.fromkeys(ledger.bonuses["period"]))[-RECENT_PERIODS:]
    shown = ledger.bonuses[ledger.bonuses["period"].isin(periods)]
    return {
        "name": ledger.plan.name,
        "terms": plan_terms(ledger.plan, say),
        "reps": _rows(ledger.reps, say),
        "months": _rows(recent, say, total=False) if dated else [],
        "shown": say(
            "recent", shown=len(recent), months=len(months) - 1, file=f"{file}_by_month.csv"
        ),
        "bonuses": [_bonus(row, say) for row in shown.to_dict("records")],
        "payroll": _payroll(ledger, say),
        "payroll_shown": say("payroll_recent", file=f"{file}_payroll.csv"),
        "bonuses_shown": say("recent_periods", file=f"{file}_bonuses.csv"),
    }


def _payroll(ledger: Ledger, say: Say) -> dict[str, Any]:
    """What each rep is paid in each of the last payroll months: a row per month."""
    if not len(ledger.payroll):
        return {}
    totals: dict[Any, Decimal] = ledger.payroll_by_month["total"].to_dict()
    reps = sorted({rep for _, rep in totals})
    months = sorted({month for month, _ in totals})[-RECENT_PAYROLL:]
    paid = {m: [totals.get((m, rep), Decimal(0)) for rep in reps] for m in months}
    return {
        "reps": [say("no_name") if rep == NO_NAME else str(rep) for rep in reps],
        "rows": [
            {
                "month": month,
                "money": [f"{amount:,.2f}" for amount in row],
                "total": f"{sum(row, Decimal(0)):,.2f}",
            }
            for month, row in paid.items()
        ],
    }


def _rows(table: pd.DataFrame, say: Say, *, total: bool = True) -> list[dict[str, Any]]:
    """Sums as text; the last row is of all, where there is one."""
    kinds = [""] * len(table)
    if total:
        kinds[-1] = "company"
    return [
        {
            "name": say("all") if kind else say("no_name") if name == NO_NAME else str(name),
            "kind": kind,
            "deals": f"{row['deals']:,}",
            "money": [f"{row[column]:,.2f}" for column in COLUMNS],
            "expected": f"{row['expected'] + row['bonus_expected']:,.0f}",
        }
        for kind, (name, row) in zip(kinds, table.iterrows(), strict=True)
    ]


def _bonus(row: Mapping[Any, Any], say: Say) -> dict[str, str]:
    known = row["outcome"] != "too_few"
    return {
        "period": say("whole_history") if row["period"] == "all" else str(row["period"]),
        "rep": str(row["rep"]),
        "signed": f"{row['signed']:,}",
        "tested": f"{row['tested']:,}",
        "renewed": f"{row['renewed']:,}",
        "expected_renewals": f"{row['expected_renewals']:,.1f}",
        "score": f"{row['score']:.2f}" if known else "",
        "outcome": say(f"outcome_{row['outcome']}"),
        "bonus": f"{row['bonus']:,.2f}",
        "pending": f"{row['bonus_pending']:,.2f}",
        "expected": f"{row['bonus_expected']:,.0f}",
    }
