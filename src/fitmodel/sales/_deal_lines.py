"""
Lines of a ledger: one per deal and rep who shares it, with the commission that it may earn.

deals -> amounts, upgrades, splits -> rates by how much a rep has signed -> nominal commission
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.months import months_between, to_days
from fitmodel.deals.plain_words import nearest
from fitmodel.deals.roles import per_year
from fitmodel.exceptions import DealsError
from fitmodel.sales.people import NO_NAME, names_of, people_of, spelled_as

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.sales._plan_clauses import Accelerators, ExcludedCauses
    from fitmodel.sales.plans import Plan


def make_lines(view: HistoryView, plan: Plan, rows: pd.DataFrame | None = None) -> pd.DataFrame:
    """
    Return the lines of a ledger.

    Parameters
    ----------
    view : HistoryView
        View of the deals that have an amount.
    plan : Plan
        The commission plan.
    rows : DataFrame, optional
        The rows of the deals before the rows of each customer were combined.

    Returns
    -------
    DataFrame
        Indexed like the deals (a shared deal has two lines): `deal`, `rep`, `signed` and `ended`
        (datetime64[s]; NaT where not known, or where the deal has not ended), `months` followed,
        `left`, `exited`, `excused` (left for a cause that the plan excludes) and `nominal`
        (Decimal), the whole commission.

    Raises
    ------
    DealsError
        If a column that the plan names is missing, or a share is not between 0 and 1.
    """
    spec, deals = view.spec, view.deals
    closed = view.closed
    over = view.left | view.exited_for_other_cause
    number = spec.deals.id
    reps = people_of(deals[str(spec.deals.rep)])
    lines = pd.DataFrame(
        {
            "deal": names_of(deals.index.to_series() if number is None else deals[number]),
            "rep": reps.fillna(NO_NAME),
            "signed": np.full(len(view), np.datetime64("NaT"), "datetime64[D]").astype("M8[s]")
            if closed is None
            else closed.astype("M8[s]"),
            "ended": _ended(view, over),
            "months": view.followup_months,
            "left": view.left,
            "exited": view.exited_for_other_cause,
            "excused": _excused(view, plan, rows),
            "amount": [_yearly(value, spec) for value in deals[str(spec.deals.amount)]],
            **_second_reps(deals, plan, reps),
        },
        index=deals.index,
    )
    if plan.upgrades == "increase" or (plan.credit_notes == "deduct" and spec.rows.customer):
        lines = pd.concat([lines, _later_rows(lines, view, plan, rows)])
    lines = _shared(lines)
    lines["nominal"] = pd.Series(_nominal(lines, plan), lines.index, dtype=object)
    return lines.drop(columns=["amount", "other", "portion", "second"])


def month_of(day: Any) -> str:
    """Return the month of a day, such as "2026-03"; empty where the day is missing."""
    return "" if pd.isna(day) else f"{day:%Y-%m}"


def _yearly(value: Any, spec: DealSpec) -> Fraction:
    times = per_year(spec)
    return Fraction(str(float(value) * times)) if times != 1 else Fraction(str(float(value)))


def _ended(view: HistoryView, over: Any) -> Any:
    if view.closed is None:
        return np.full(len(view), np.datetime64("NaT"), "datetime64[s]")
    day = np.where(view.left, view.left_on, view.watched_until)
    return np.where(over, day, np.datetime64("NaT")).astype("datetime64[s]")


def _excused(view: HistoryView, plan: Plan, rows: pd.DataFrame | None) -> Any:
    """Return whether a customer left for an excluded cause, read from the row that ended it."""
    clause, spec = plan.excluded_causes, view.spec
    if clause is None:
        return np.zeros(len(view), dtype=bool)
    causes = {value.strip().casefold() for value in clause.causes}

    def named(table: pd.DataFrame) -> pd.Series[bool]:
        texts = _column(table, clause.column, "excluded_causes").astype("str").str.strip()
        return texts.str.casefold().isin(causes)

    _refuse_misspelt_causes(clause, view.deals if rows is None else rows)
    own = named(view.deals).to_numpy()
    customer, leaving = spec.rows.customer, spec.deals.churned_on
    if rows is None or customer is None or leaving is None:
        return own
    ended = pd.MultiIndex.from_frame(rows.loc[named(rows), [customer, leaving]])
    by_row = pd.MultiIndex.from_frame(view.deals[[customer, leaving]]).isin(ended)
    return np.where(view.deals[customer].isna(), own, by_row)


def _refuse_misspelt_causes(clause: ExcludedCauses, deals: pd.DataFrame) -> None:
    """Refuse a cause that no deal has if it is nearly that of some deal."""
    found = _column(deals, clause.column, "excluded_causes").dropna().astype("str").str.strip()
    there = {text.casefold(): text for text in found.unique()}
    listed = {cause.strip().casefold() for cause in clause.causes}
    others = [text for folded, text in there.items() if folded not in listed]
    for cause in clause.causes:
        near = None if cause.strip().casefold() in there else nearest(cause, others)
        if near is not None:
            raise DealsError(
                f"[excluded_causes] of the plan names {cause!r}, which no deal has in "
                f"{clause.column!r}; did you mean {near!r}? Remedy: write it as the deals do, or "
                "leave it out, since it excuses nobody here."
            )


def _column(deals: pd.DataFrame, name: str, clause: str) -> pd.Series[Any]:
    if name not in deals.columns:
        raise DealsError(
            f"the plan's clause {clause} needs the column {name!r}, which the deals do not have. "
            f"Remedy: name a column of theirs in [{clause}], or leave the clause out."
        )
    return deals[name]


def _later_rows(
    lines: pd.DataFrame, view: HistoryView, plan: Plan, rows: pd.DataFrame | None
) -> pd.DataFrame:
    """Return a line for each later row of a customer that is an upgrade or a credit note.

    An upgrade adds to the customer's yearly value. Each line has its own rep, second rep and date;
    it ends when the customer ends.
    """
    spec = view.spec
    customer = spec.rows.customer
    if customer is None or view.closed is None or rows is None:
        raise DealsError(
            "a plan that pays for upgrades, or deducts credit notes of customers with several "
            'rows, needs to know whose deals they are. Remedy: write customer = "COLUMN" under '
            "[rows], with closing dates, and give the rows before they are made one per customer."
        )
    first = pd.Series(view.index, view.deals[customer].astype("str"))
    later = rows[rows[str(spec.deals.amount)].notna()].copy()
    later["_signed"] = to_days(later[str(spec.deals.closed_on)]).astype("datetime64[s]")
    reps = people_of(view.deals[str(spec.deals.rep)])
    later["_rep"] = spelled_as(people_of(later[str(spec.deals.rep)]), reps).fillna(NO_NAME)
    second = _second_reps(later, plan, reps)
    later = later.assign(**{f"_{name}": values for name, values in second.items()})
    later = later.sort_values("_signed", kind="stable")
    until = pd.Series(view.watched_until.astype("datetime64[s]"), view.index)
    made: list[dict[str, Any]] = []
    index: list[Any] = []
    for name, part in later.groupby(later[customer].astype("str"), sort=True):
        if name not in first.index or len(part) == 1:
            continue
        deal = first[name]
        base, end = lines.loc[deal], lines["ended"][deal]
        highest, last = base["amount"], until[deal] if pd.isna(end) else end
        for row in part.iloc[1:].to_dict("records"):
            amount = _yearly(row[str(spec.deals.amount)], spec)
            adds = plan.upgrades == "increase" and amount > highest and row["_signed"] <= last
            if not adds and not (amount < 0 and plan.credit_notes == "deduct"):
                continue
            days = np.array([row["_signed"], max(row["_signed"], last)], dtype="datetime64[D]")
            made.append(
                {
                    **base.to_dict(),
                    "deal": str(row[spec.deals.id]) if spec.deals.id else base["deal"],
                    "rep": row["_rep"],
                    "signed": row["_signed"],
                    "months": float(months_between(days[:1], days[1:])[0]),
                    "amount": amount - highest if adds else amount,
                    "other": row["_other"],
                    "portion": row["_portion"],
                }
            )
            index.append(deal)
            highest = max(highest, amount)
    return pd.DataFrame(made, index=index, columns=lines.columns).astype(lines.dtypes)


def _second_reps(deals: pd.DataFrame, plan: Plan, reps: pd.Series[str]) -> dict[str, Any]:
    """Return each deal's second rep, spelled as in `reps` (None where there is none), and share."""
    clause = plan.split
    if clause is None:
        alone = pd.Series([Fraction(0)] * len(deals), deals.index, dtype=object)
        return {"other": pd.Series(None, deals.index, dtype=object), "portion": alone}
    second = spelled_as(people_of(_column(deals, clause.rep, "split")), reps)
    if isinstance(clause.share, str):
        given = pd.to_numeric(_column(deals, clause.share, "split"), errors="coerce")
        wrong = second.notna() & ~given.between(0, 1)
        if wrong.any():
            raise DealsError(
                f"{clause.share}: {int(wrong.sum())} shared deal(s) have no share between 0 and 1, "
                f"the first in row {deals.index[wrong].tolist()[0]!r}. Remedy: write .3 for 30 %."
            )
        shares = [Fraction(str(value)) for value in given.fillna(0.0)]
    else:
        shares = [Fraction(clause.share)] * len(deals)
    other = second.astype(object).where(second.notna(), None)
    return {"other": other, "portion": pd.Series(shares, deals.index, dtype=object)}


def _shared(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of the first rep, each followed by that of the second if there is one."""
    shared = lines["other"].notna().to_numpy()
    others = lines[shared].assign(rep=lines["other"][shared].to_numpy(), second=True)
    own = [
        1 - share if both else Fraction(1)
        for share, both in zip(lines["portion"], shared, strict=True)
    ]
    first = lines.assign(portion=pd.Series(own, lines.index, dtype=object), second=False)
    order = np.argsort(np.r_[np.arange(len(lines)), np.flatnonzero(shared)], kind="stable")
    return pd.concat([first, others]).iloc[order]


def _nominal(lines: pd.DataFrame, plan: Plan) -> list[Decimal]:
    """Return each line's whole commission; with one rate, the shares of a deal sum to the whole."""
    if plan.accelerators is not None:
        return [plan.rounded(value) for value in _accelerated(lines, plan, plan.accelerators)]
    rate = Fraction(plan.commission_rate)
    rows: list[Any] = list(lines.itertuples())
    seconds = [
        plan.rounded(row.amount * row.portion * rate) if row.second else Decimal(0) for row in rows
    ]
    result = []
    for at, row in enumerate(rows):
        if row.second:
            result.append(seconds[at])
            continue
        shared = at + 1 < len(seconds) and bool(lines["second"].iloc[at + 1])
        taken = seconds[at + 1] if shared else Decimal(0)
        result.append(plan.rounded(row.amount * rate) - taken)
    return result


def _accelerated(lines: pd.DataFrame, plan: Plan, clause: Accelerators) -> list[Fraction]:
    """Return the commission of each line at the rates for the rep's signed value in the period."""
    thresholds = [Fraction(0), *(Fraction(step.above) for step in clause.steps)]
    rates = [Fraction(plan.commission_rate), *(Fraction(step.rate) for step in clause.steps)]
    if lines["signed"].isna().any():
        raise DealsError(
            "accelerators count what is signed in a period, and the contract names no closing "
            "dates. Remedy: write closed_on under [deals], or leave the clause out."
        )
    unit = {"month": "M", "quarter": "Q", "year": "Y"}[clause.period]
    period = lines["signed"].dt.to_period(unit)
    sums: dict[Any, Fraction] = {}
    result = [Fraction(0)] * len(lines)
    order = np.argsort(lines["signed"].to_numpy(), kind="stable")
    for at in order.tolist():
        key = (lines["rep"].iloc[at], period.iloc[at])
        before = sums.get(key, Fraction(0))
        after = before + lines["amount"].iloc[at] * lines["portion"].iloc[at]
        sums[key] = after
        result[at] = _of(after, thresholds, rates) - _of(before, thresholds, rates)
    return result


def _of(signed: Fraction, thresholds: list[Fraction], rates: list[Fraction]) -> Fraction:
    """Return the commission on a signed value, each part at its rate; at the first if negative."""
    if signed <= 0:
        return signed * rates[0]
    ends = [*thresholds[1:], None]
    total = Fraction(0)
    for start, end, rate in zip(thresholds, ends, rates, strict=True):
        part = signed - start if end is None else min(signed, end) - start
        total += max(part, Fraction(0)) * rate
    return total
