"""Lines of a ledger: one per deal and rep who shares it, with the commission that it may earn.

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
    from collections.abc import Iterator

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.sales._plan_clauses import Accelerators, ExcludedCauses
    from fitmodel.sales.plans import Plan


NO_DAY = np.datetime64("NaT", "s")
MAX_DENOMINATOR = 1_000_000
"""Limit for payments per year as a fraction: those of a contract of 7 months are 12/7."""


def make_lines(view: HistoryView, plan: Plan, rows: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the lines of a ledger.

    `view`: view of the deals that have an amount.
    `rows`: the rows of the deals before the rows of each customer were combined.
    Returns: indexed like the deals (a shared deal has two lines): `deal`, `account` (a number that
        the lines of a customer share), `rep`, `signed` and `ended` (datetime64[s]; NaT where not
        known, or where the deal has not ended), `months` followed, `left`, `exited`, `excused`
        (left for a cause that the plan excludes) and `nominal` (Decimal), the whole commission.
    Raises DealsError if a column that the plan names is missing, or a share is not between 0 and 1.
    """
    spec, deals = view.spec, view.deals
    closed = view.closed
    has_ended = view.left | view.exited_for_other_cause
    id_column = spec.deals.id
    reps = people_of(deals[str(spec.deals.rep)])
    lines = pd.DataFrame(
        {
            "deal": names_of(deals.index.to_series() if id_column is None else deals[id_column]),
            "account": np.arange(len(deals)),
            "rep": reps.fillna(NO_NAME),
            "signed": np.full(len(view), NO_DAY) if closed is None else closed.astype("M8[s]"),
            "ended": _end_days(view, has_ended),
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
    lines = _with_second_lines(lines)
    lines["nominal"] = pd.Series(_nominal(lines, plan), lines.index, dtype=object)
    return lines.drop(columns=["amount", "other", "portion", "second"])


def month_of(day: Any) -> str:
    """Return the month of a day, such as "2026-03"; empty where the day is missing."""
    return "" if pd.isna(day) else f"{day:%Y-%m}"


def _yearly(value: Any, spec: DealSpec) -> Fraction:
    """Return the exact yearly amount: in floats, 12 times 0.35 is 4.199999999999999."""
    return Fraction(str(float(value))) * Fraction(per_year(spec)).limit_denominator(MAX_DENOMINATOR)


def _end_days(view: HistoryView, over: Any) -> Any:
    if view.closed is None:
        return np.full(len(view), NO_DAY)
    day = np.where(view.left, view.left_on, view.watched_until)
    return np.where(over, day, NO_DAY).astype("datetime64[s]")


def _excused(view: HistoryView, plan: Plan, rows: pd.DataFrame | None) -> Any:
    """Return whether a customer left for an excluded cause, read from the row that ended it."""
    clause, spec = plan.excluded_causes, view.spec
    if clause is None:
        return np.zeros(len(view), dtype=bool)
    causes = {value.strip().casefold() for value in clause.causes}

    def has_excluded_cause(table: pd.DataFrame) -> pd.Series[bool]:
        texts = _column(table, clause.column, "excluded_causes").astype("str").str.strip()
        return texts.str.casefold().isin(causes)

    _refuse_misspelt_causes(clause, view.deals if rows is None else rows)
    own = has_excluded_cause(view.deals).to_numpy()
    customer, leaving = spec.rows.customer, spec.deals.churned_on
    if rows is None or customer is None or leaving is None:
        return own
    ended = pd.MultiIndex.from_frame(rows.loc[has_excluded_cause(rows), [customer, leaving]])
    by_row = pd.MultiIndex.from_frame(view.deals[[customer, leaving]]).isin(ended)
    return np.where(view.deals[customer].isna(), own, by_row)


def _refuse_misspelt_causes(clause: ExcludedCauses, deals: pd.DataFrame) -> None:
    """Refuse a cause that no deal has if it is nearly that of some deal."""
    found = _column(deals, clause.column, "excluded_causes").dropna().astype("str").str.strip()
    causes_by_key = {text.casefold(): text for text in found.unique()}
    listed = {cause.strip().casefold() for cause in clause.causes}
    unlisted_causes = [text for folded, text in causes_by_key.items() if folded not in listed]
    for cause in clause.causes:
        suggested = (
            None if cause.strip().casefold() in causes_by_key else nearest(cause, unlisted_causes)
        )
        if suggested is not None:
            raise DealsError(
                f"[excluded_causes] of the plan names {cause!r}, which no deal has in "
                f"{clause.column!r}; did you mean {suggested!r}? Remedy: write it as the deals do, "
                "or leave it out, since it excuses nobody here."
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
    until = pd.Series(view.watched_until.astype("datetime64[s]"), view.index)
    later = _with_reps(rows[rows[str(spec.deals.amount)].notna()], view, plan)
    new_lines: list[dict[str, Any]] = []
    index: list[Any] = []
    for name, part in later.groupby(later[customer].astype("str"), sort=True):
        if name not in first.index or len(part) == 1:
            continue
        deal = first[name]
        base: Any = lines.loc[deal].to_dict()
        end = base["ended"]
        last = until[deal] if pd.isna(end) else end
        found = list(_lines_of_customer(part.iloc[1:], base, last, plan, spec))
        new_lines += found
        index += [deal] * len(found)
    return pd.DataFrame(new_lines, index=index, columns=lines.columns).astype(lines.dtypes)


def _with_reps(rows: pd.DataFrame, view: HistoryView, plan: Plan) -> pd.DataFrame:
    """Return rows in the order of signing, with their days and their reps as the deals spell them.

    The new columns are `_signed`, `_rep`, `_other` and `_portion`.
    """
    roles = view.spec.deals
    reps = people_of(view.deals[str(roles.rep)])
    rows = rows.assign(
        _signed=to_days(rows[str(roles.closed_on)]).astype("datetime64[s]"),
        _rep=spelled_as(people_of(rows[str(roles.rep)]), reps).fillna(NO_NAME),
    )
    second = _second_reps(rows, plan, reps)
    rows = rows.assign(**{f"_{name}": values for name, values in second.items()})
    return rows.sort_values("_signed", kind="stable")


def _lines_of_customer(
    rows: pd.DataFrame, base: dict[str, Any], last: Any, plan: Plan, spec: DealSpec
) -> Iterator[dict[str, Any]]:
    """Yield the upgrades and credit notes among the later rows of a customer who stayed to a day.

    `base`: the line of the customer's first row.
    """
    highest = base["amount"]
    for row in rows.to_dict("records"):
        amount = _yearly(row[str(spec.deals.amount)], spec)
        is_upgrade = plan.upgrades == "increase" and amount > highest and row["_signed"] <= last
        if not is_upgrade and not (amount < 0 and plan.credit_notes == "deduct"):
            continue
        days = np.array([row["_signed"], max(row["_signed"], last)], dtype="datetime64[D]")
        yield {
            **base,
            "deal": str(row[spec.deals.id]) if spec.deals.id else base["deal"],
            "rep": row["_rep"],
            "signed": row["_signed"],
            "months": float(months_between(days[:1], days[1:])[0]),
            "amount": amount - highest if is_upgrade else amount,
            "other": row["_other"],
            "portion": row["_portion"],
        }
        highest = max(highest, amount)


def _second_reps(deals: pd.DataFrame, plan: Plan, reps: pd.Series[str]) -> dict[str, Any]:
    """Return each deal's second rep, spelled as in `reps` (None where there is none), and share."""
    clause = plan.split
    if clause is None:
        no_shares = pd.Series([Fraction(0)] * len(deals), deals.index, dtype=object)
        return {"other": pd.Series(None, deals.index, dtype=object), "portion": no_shares}
    second = spelled_as(people_of(_column(deals, clause.rep, "split")), reps)
    if isinstance(clause.share, str):
        given = pd.to_numeric(_column(deals, clause.share, "split"), errors="coerce")
        wrong = second.notna() & ~given.between(0, 1)
        if wrong.any():
            raise DealsError(
                f"{clause.share}: {int(wrong.sum())} shared deal(s) have no share between 0 and 1, "
                f"the first in row {deals.index[wrong].tolist()[0]!r}. Remedy: write .3 for 30%."
            )
        shares = [Fraction(str(value)) for value in given.fillna(0.0)]
    else:
        shares = [Fraction(clause.share)] * len(deals)
    second_rep = second.astype(object).where(second.notna(), None)
    return {"other": second_rep, "portion": pd.Series(shares, deals.index, dtype=object)}


def _with_second_lines(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of the first rep, each followed by that of the second if there is one."""
    shared = lines["other"].notna().to_numpy()
    second_lines = lines[shared].assign(rep=lines["other"][shared].to_numpy(), second=True)
    own_shares = [
        1 - share if is_shared else Fraction(1)
        for share, is_shared in zip(lines["portion"], shared, strict=True)
    ]
    first = lines.assign(portion=pd.Series(own_shares, lines.index, dtype=object), second=False)
    order = np.argsort(np.r_[np.arange(len(lines)), np.flatnonzero(shared)], kind="stable")
    return pd.concat([first, second_lines]).iloc[order]


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
    for position, row in enumerate(rows):
        if row.second:
            result.append(seconds[position])
            continue
        shared = position + 1 < len(seconds) and bool(lines["second"].iloc[position + 1])
        second_amount = seconds[position + 1] if shared else Decimal(0)
        result.append(plan.rounded(row.amount * rate) - second_amount)
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
    for position in order.tolist():
        key = (lines["rep"].iloc[position], period.iloc[position])
        before = sums.get(key, Fraction(0))
        after = before + lines["amount"].iloc[position] * lines["portion"].iloc[position]
        sums[key] = after
        paid_before = _commission_on(before, thresholds, rates)
        result[position] = _commission_on(after, thresholds, rates) - paid_before
    return result


def _commission_on(signed: Fraction, thresholds: list[Fraction], rates: list[Fraction]) -> Fraction:
    """Return the commission on a signed value, each part at its rate; at the first if negative."""
    if signed <= 0:
        return signed * rates[0]
    ends = [*thresholds[1:], None]
    total = Fraction(0)
    for start, end, rate in zip(thresholds, ends, rates, strict=True):
        part = signed - start if end is None else min(signed, end) - start
        total += max(part, Fraction(0)) * rate
    return total
