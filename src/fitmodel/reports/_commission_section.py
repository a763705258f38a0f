"""Section of the sales page: what commission plans would have paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitmodel.language.catalogue import phrases, read_texts
from fitmodel.reports._section import Section
from fitmodel.sales.comparison import compare_plans
from fitmodel.sales.people import NO_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from fitmodel.language.catalogue import Say
    from fitmodel.sales.ledger import Ledger
    from fitmodel.sales.plans import Plan

COLUMNS = ("earned", "withheld", "clawed_back", "pending", "bonus", "bonus_pending")
RECENT_MONTHS = 12
RECENT_PERIODS = 2
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
        "terms": _terms(ledger.plan, say),
        "reps": _rows(ledger.reps, say),
        "months": _rows(recent, say, total=False) if dated else [],
        "shown": say(
            "recent", shown=len(recent), months=len(months) - 1, file=f"{file}_by_month.csv"
        ),
        "bonuses": [_bonus(row, say) for row in shown.to_dict("records")],
        "bonuses_shown": say("recent_periods", file=f"{file}_bonuses.csv"),
    }


def _terms(plan: Plan, say: Say) -> list[str]:
    rate = f"{plan.commission_rate:.1%}"
    whole = "terms" if plan.earned_after_months else "terms_at_signing"
    lines = [say(whole, rate=rate, months=plan.earned_after_months)]
    lines += [say("terms_tier", share=f"{t.share:.0%}", months=t.months) for t in plan.tiers]
    if plan.paid_at_signing:
        lines.append(say("terms_advance", share=f"{plan.paid_at_signing:.0%}"))
    if plan.bonus is not None:
        bonus = plan.bonus
        lines.append(
            say(
                f"terms_bonus_{bonus.period}",
                top=bonus.top,
                amount=f"{bonus.amount:,.2f}",
                deals=bonus.least_deals,
            )
        )
    return lines


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
