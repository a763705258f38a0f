"""Section of the sales page: what each rep earns under one or two commission plans."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fitmodel.language.catalogue import phrases, read_texts
from fitmodel.reports.html import Section
from fitmodel.sales.incentives import compare_plans
from fitmodel.sales.people import NO_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from fitmodel.language.catalogue import Say
    from fitmodel.sales.incentives import Ledger
    from fitmodel.sales.plans import Plan

    Money = Callable[..., str]

COLUMNS = ("earned", "withheld", "clawed_back", "pending", "bonus", "bonus_pending")
RECENT_MONTHS = 12
RECENT_PERIODS = 2
"""Number of bonus periods on the page: the current one and the one before."""
RECENT_PAYROLL = 6
FILES = ("commission", "commission_compared")


def commission_section(ledgers: Sequence[Ledger], *, language: str = "en") -> Section:
    """Write what each commission plan pays; two plans are compared.

    `ledgers`: ledgers of the same deals; if there are two, they are compared.
    """
    say = phrases(language, "commission")
    points = [compare_plans(*ledgers[:2]).in_words(language)] if len(ledgers) > 1 else []
    values = {
        "id": "commission",
        "title": say("title"),
        "text": read_texts(language, "commission"),
        "points": points,
        "plans": [
            _plan_values(ledger, name, say) for name, ledger in zip(FILES, ledgers, strict=False)
        ],
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


def _plan_values(ledger: Ledger, file: str, say: Say) -> dict[str, Any]:
    money = ledger.money_text
    months, recent = ledger.months, ledger.months.iloc[:-1].tail(RECENT_MONTHS)
    dated = bool((ledger.deals["month"] != "").any())
    periods = list(dict.fromkeys(ledger.bonuses["period"]))[-RECENT_PERIODS:]
    shown = ledger.bonuses[ledger.bonuses["period"].isin(periods)]
    return {
        "name": ledger.plan.name,
        "terms": _plan_terms(ledger.plan, say, money),
        "reps": _rows(ledger.reps, say, money),
        "months": _rows(recent, say, money, total=False) if dated else [],
        "shown": say(
            "recent", shown=len(recent), months=len(months) - 1, file=f"{file}_by_month.csv"
        ),
        "bonuses": [_bonus(row, say, money) for row in shown.to_dict("records")],
        "payroll": _payroll(ledger, say, money),
        "payroll_shown": say("payroll_recent", file=f"{file}_payroll.csv"),
        "bonuses_shown": say("recent_periods", file=f"{file}_bonuses.csv"),
    }


def _payroll(ledger: Ledger, say: Say, money: Money) -> dict[str, Any]:
    """Return what each rep is paid in each of the last payroll months, one row per month."""
    if not len(ledger.payroll):
        return {}
    totals: dict[Any, Decimal] = ledger.payroll_by_month["total"].to_dict()
    reps = sorted({rep for _, rep in totals})
    months = sorted({month for month, _ in totals})[-RECENT_PAYROLL:]
    paid = {month: [totals.get((month, rep), Decimal(0)) for rep in reps] for month in months}
    return {
        "reps": [say("no_name") if rep == NO_NAME else str(rep) for rep in reps],
        "rows": [
            {
                "month": month,
                "money": [money(amount) for amount in row],
                "total": money(sum(row, Decimal(0))),
            }
            for month, row in paid.items()
        ],
    }


def _rows(
    table: pd.DataFrame, say: Say, money: Money, *, total: bool = True
) -> list[dict[str, Any]]:
    """Return the sums as text; the last row is the total if `total` is True."""
    kinds = [""] * len(table)
    if total:
        kinds[-1] = "company"
    return [
        {
            "name": say("all") if kind else say("no_name") if name == NO_NAME else str(name),
            "kind": kind,
            "deals": f"{row['deals']:,}",
            "money": [money(row[column]) for column in COLUMNS],
            "expected": money(row["expected"] + row["bonus_expected"], digits=0),
        }
        for kind, (name, row) in zip(kinds, table.iterrows(), strict=True)
    ]


def _bonus(row: Mapping[Any, Any], say: Say, money: Money) -> dict[str, str]:
    is_tested = row["outcome"] != "too_few"
    return {
        "period": say("whole_history") if row["period"] == "all" else str(row["period"]),
        "rep": str(row["rep"]),
        "signed": f"{row['signed']:,}",
        "tested": f"{row['tested']:,}",
        "renewed": f"{row['renewed']:,}",
        "expected_renewals": f"{row['expected_renewals']:,.1f}",
        "score": f"{row['score']:.2f}" if is_tested else "",
        "outcome": say(f"outcome_{row['outcome']}"),
        "bonus": money(row["bonus"]),
        "pending": money(row["bonus_pending"]),
        "expected": money(row["bonus_expected"], digits=0),
    }


def _plan_terms(plan: Plan, say: Say, money: Money) -> list[str]:
    """Return a sentence per clause of a plan; `say` must have the texts of "commission"."""
    rate = _percent(plan.commission_rate, 1)
    key = "terms" if plan.earned_after_months else "terms_at_signing"
    lines = [say(key, rate=rate, months=plan.earned_after_months)]
    lines += [
        say("terms_tier", share=_percent(tier.share), months=tier.months) for tier in plan.tiers
    ]
    if plan.paid_at_signing:
        lines.append(say("terms_advance", share=_percent(plan.paid_at_signing)))
    lines += _clauses(plan, say, money)
    if plan.bonus is not None:
        bonus = plan.bonus
        lines.append(
            say(
                f"terms_bonus_{bonus.period}",
                top=bonus.top,
                amount=money(bonus.amount),
                deals=bonus.min_deals,
            )
        )
    return lines


def _percent(share: Decimal, digits: int = 0) -> str:
    """A share of a plan in per cent: as exact as the plan has it, with `digits` or more."""
    exact = (100 * share).normalize()
    return f"{exact:.{max(digits, -int(exact.as_tuple().exponent))}f}%"


def _clauses(plan: Plan, say: Say, money: Money) -> list[str]:
    """Return a sentence for each further clause of a plan."""
    lines = []
    if plan.clawback == "unused_months":
        lines.append(say("terms_unused_months"))
    if plan.excluded_causes is not None:
        lines.append(say("terms_excluded", causes=", ".join(plan.excluded_causes.causes)))
    if plan.split is not None:
        lines.append(say("terms_split", column=plan.split.rep))
    if plan.credit_notes == "deduct":
        lines.append(say("terms_credit_notes"))
    if plan.upgrades == "increase":
        lines.append(say("terms_upgrades"))
    return [*lines, *_period_clauses(plan, say, money), *_payroll_clauses(plan, say, money)]


def _period_clauses(plan: Plan, say: Say, money: Money) -> list[str]:
    """Return sentences on the clauses that depend on what a rep signs or is paid in a period."""
    lines = []
    if plan.accelerators is not None:
        steps = [
            say("terms_step", rate=_percent(step.rate, 1), above=money(step.above))
            for step in plan.accelerators.steps
        ]
        period = say(f"a_{plan.accelerators.period}")
        lines.append(say("terms_accelerators", period=period, steps="; ".join(steps)))
    if plan.cap is not None:
        period = say(f"a_{plan.cap.period}")
        lines.append(say("terms_cap", amount=money(plan.cap.amount), period=period))
    return lines


def _payroll_clauses(plan: Plan, say: Say, money: Money) -> list[str]:
    """Return sentences on the clauses about the months in which a rep is paid."""
    lines = []
    if plan.draw is not None:
        key = "terms_draw" if plan.draw.recoverable else "terms_guarantee"
        lines.append(say(key, amount=money(plan.draw.amount)))
    if plan.leavers is not None:
        lines.append(say(f"terms_leavers_{plan.leavers.pending}_{plan.leavers.clawback}"))
    if plan.payroll_months_later:
        lines.append(say("terms_later", months=plan.payroll_months_later))
    return lines
