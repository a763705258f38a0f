"""Payroll of a plan: the month in which each amount is paid or taken back.

lines of the ledger -> advances, earned and clawed-back amounts -> terms for reps who left
                    -> credit notes for what is not paid yet -> cap -> draw -> bonuses
                    -> one row per amount
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.months import add_months
from fitmodel.exceptions import DealsError
from fitmodel.sales._ledger import PAYROLL
from fitmodel.sales._payroll_limits import accounts_of, carry_forward, with_cap
from fitmodel.sales.people import same_person
from fitmodel.tables.atomic import write_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fitmodel.sales._ledger import Ledger
    from fitmodel.sales.plans import Plan

KINDS = (
    "advance", "earned", "clawed_back", "credit_note", "forfeited", "waived", "carried_forward",
    "capped", "draw", "draw_recovered", "guarantee", "bonus",
)  # fmt: skip
ZERO = Decimal(0)
MAX_NAMES = 10  # names that a message lists


def pay_out(
    plan: Plan,
    lines: pd.DataFrame,
    entries: pd.DataFrame,
    bonuses: pd.DataFrame,
    until: np.datetime64,
) -> pd.DataFrame:
    """Return every amount with the month in which it is paid or taken back.

    `entries`: amounts of the same lines, from `split_commission`.
    `bonuses`: bonuses of the ledger, see `fitmodel.sales._ledger.Ledger`.
    `until`, datetime64[D]: end of the extract; draws are paid until then.
    Returns: columns `month`, `rep`, `kind`, `deal`, `amount`. Kinds for a deal: `advance` at
        signing, `earned` when an amount beyond the advance becomes due, `clawed_back` and
        `credit_note` (negative), `forfeited` and `waived` after the rep left, `carried_forward`
        (what a credit note cannot take back yet, because it was not paid), `capped`. Kinds for a
        rep: `draw` and `draw_recovered`, `guarantee` (a draw that is not recovered), `bonus`.
        Before the terms for reps who left and the cap, the amounts of a deal sum to what the ledger
        reports as paid for it: the earned amount, or the advance as long as less is earned. The
        amounts of a customer sum to 0 or more for each rep, in every month, see
        `fitmodel.sales._payroll_limits`.
    """
    if lines["signed"].isna().all():
        return pd.DataFrame(columns=list(PAYROLL))
    lines = lines.assign(account=accounts_of(lines))
    pairs: Any = zip(lines.to_dict("records"), entries.to_dict("records"), strict=True)
    rows = [
        (*row, line["signed"], line["account"])
        for line, entry in pairs
        for row in _line_amounts(plan, line, entry)
    ]
    columns = ["day", "rep", "kind", "deal", "amount", "signed", "account"]
    dated = pd.DataFrame(rows, columns=columns)
    dated = dated[dated["amount"] != ZERO]
    dated = _with_leavers(dated, plan)
    months = [_month_after(day, plan.payroll_months_later) for day in dated["day"]]
    dated["month"] = pd.Series(months, dated.index, dtype="str")
    dated = carry_forward(dated)
    if plan.cap is not None:
        dated = with_cap(dated, plan.cap)
    table = dated[list(PAYROLL)]
    if plan.draw is not None:
        last = _month_after(pd.Timestamp(until), plan.payroll_months_later)
        table = _with_draw(table, plan, last)
    table = _append_rows(table, list(_bonuses(plan, bonuses)))
    return table.sort_values(["month", "rep", "deal", "kind"], kind="stable", ignore_index=True)


def _line_amounts(
    plan: Plan, line: dict[str, Any], entry: dict[str, Any]
) -> Iterator[tuple[Any, ...]]:
    """Yield the amounts of one line, each with the day on which it is due."""
    rep, deal, nominal = line["rep"], line["deal"], entry["nominal"]
    signed = np.array([line["signed"]], dtype="datetime64[D]")
    if nominal < 0:
        yield line["signed"], rep, "credit_note", deal, nominal
        return
    paid: Decimal = entry["paid_at_signing"]
    yield line["signed"], rep, "advance", deal, paid
    for age, share in plan.steps:
        if plan.reached(age, line["months"], left=line["left"]):
            earned = (
                nominal if share == 1 else plan.rounded(Fraction(nominal) * _share_of(plan, age))
            )
            due = max(earned - paid, ZERO)
            yield pd.Timestamp(add_months(signed, age)[0]), rep, "earned", deal, due
            paid += due
    if pd.notna(line["ended"]):
        final = entry["earned"]
        kind = "earned" if final > paid else "clawed_back"
        yield line["ended"], rep, kind, deal, final - paid


def _share_of(plan: Plan, age: int) -> Fraction:
    return Fraction(next(tier.share for tier in plan.tiers if tier.months == age))


def _bonuses(plan: Plan, bonuses: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Yield decided bonuses; a rep who left before the end of the period forfeits the bonus."""
    terms = plan.leavers
    forfeits = terms is not None and terms.pending == "forfeit"
    left = _last_days(plan) if forfeits else {}
    for row in bonuses.to_dict("records"):
        if row["bonus"] == ZERO or not row["decided_in"]:
            continue
        month = _month_after(row["decided_in"], plan.payroll_months_later)
        yield month, row["rep"], "bonus", "", row["bonus"]
        last = left.get(row["rep"].casefold())
        if last is not None and pd.Period(row["month"], "M").end_time.normalize() > last:
            yield month, row["rep"], "forfeited", "", -row["bonus"]


def refuse_unknown_leavers(plan: Plan, reps: Iterable[str]) -> None:
    """Refuse a plan that names a rep who left but who sold none of the deals.

    `reps`: names of all reps who sold any of the deals, whether or not the amount is known.
    Raises DealsError if the plan names a rep who left, and no rep of these deals has that name.
    """
    known = sorted(set(reps))
    last = {} if plan.leavers is None else plan.leavers.left
    wrong = [name for name in last if not any(same_person(name, rep) for rep in known)]
    if wrong:
        shown = ", ".join(known[:MAX_NAMES]) + (", ..." if len(known) > MAX_NAMES else "")
        raise DealsError(
            f"[leavers.left] of the plan names {wrong[0]!r}, who sold none of these deals; their "
            f"reps are {shown}. Remedy: write the name as the deals have it, or take it out."
        )


def _last_days(plan: Plan) -> dict[str, pd.Timestamp]:
    """Return the last day of each rep who left, by the name in lower case."""
    left = {} if plan.leavers is None else plan.leavers.left
    return {" ".join(name.split()).casefold(): pd.Timestamp(day) for name, day in left.items()}


def _month_after(day: Any, months: int) -> str:
    return str(pd.Period(day, "M") + months)


def _with_leavers(dated: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Add rows that cancel amounts which a rep who left does not get or need not pay back.

    An advance that is forfeited is not clawed back: the rep never got it.
    """
    terms = plan.leavers
    if terms is None:
        return dated.copy()
    last = pd.to_datetime(dated["rep"].str.casefold().map(_last_days(plan)))
    after = (pd.to_datetime(dated["day"]) > last).to_numpy()
    is_positive = dated["amount"].map(lambda amount: amount > 0).to_numpy(dtype=bool)
    never_paid = ((dated["signed"] > last) & (dated["kind"] == "clawed_back")).to_numpy()
    forfeited = (after & (is_positive | never_paid)) & (terms.pending == "forfeit")
    waived = (after & ~is_positive & ~forfeited) & (terms.clawback == "waive")
    reversals = [
        dated[chosen].assign(kind=kind, amount=-dated["amount"][chosen])
        for kind, chosen in (("forfeited", forfeited), ("waived", waived))
    ]
    return pd.concat([dated, *reversals])


def _with_draw(table: pd.DataFrame, plan: Plan, last: str) -> pd.DataFrame:
    """Add rows that raise each month to the draw; if recoverable, later months pay it back."""
    draw = plan.draw
    if draw is None:
        return table
    kind = "draw" if draw.recoverable else "guarantee"
    ends = _last_days(plan)
    sums = table.groupby(["rep", "month"], sort=True)["amount"].sum()
    rows = []
    for rep in sorted(set(table["rep"])):
        rep_sums, owed = sums[rep], ZERO
        end = ends.get(rep.casefold())
        until = last if end is None else min(last, _month_after(end, plan.payroll_months_later))
        first, end_month = rep_sums.index.min(), max(until, rep_sums.index.max())
        for month in map(str, pd.period_range(first, end_month, freq="M")):
            amount = rep_sums.get(month, ZERO)
            missing = draw.amount - amount
            if missing > 0 and month <= until:
                rows.append((month, rep, kind, "", missing))
                owed += missing
            elif draw.recoverable and owed > 0 and missing < 0:
                repayment = min(owed, -missing)
                rows.append((month, rep, "draw_recovered", "", -repayment))
                owed -= repayment
    return _append_rows(table, rows)


def _append_rows(table: pd.DataFrame, rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    return pd.concat([table, pd.DataFrame(rows, columns=list(PAYROLL))]) if rows else table


def write_payroll(ledger: Ledger, path: str | Path) -> None:
    """Write a payroll as CSV or Parquet, whole or not at all; Parquet stores amounts as decimals.

    Raises
    ------
    DealsError
        If the file name ends in neither .csv nor .parquet.
    """
    target = Path(path)
    if target.suffix not in {".csv", ".parquet"}:
        raise DealsError(
            f"{target} ends neither in .csv nor in .parquet. Remedy: give the payroll such a name."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    write_table(target, ledger.payroll)
