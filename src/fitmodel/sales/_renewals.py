"""Customers who came to a renewal: which of them stayed, and how many were expected to stay.

contract term, plan's age -> age at which a deal is tested -> tested, renewed, expected to renew
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.history_findings import candidate_columns, find_bound_deals, terms_of
from fitmodel.deals.months import add_months
from fitmodel.exceptions import DealsError
from fitmodel.sales.people import NO_NAME, people_of
from fitmodel.sales.rates import expected_leavers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals.history import HistoryView

    Floats = NDArray[np.float64]

GRACE_MONTHS = 1
"""Months after the end of a contract term at which a customer who is still there has renewed."""
TERMS = {"month": 1, "quarter": 3, "half": 6, "semi": 6, "biannual": 6, "annual": 12, "year": 12}
NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*[- ]?\s*(y|m|$)")
COUNT = re.compile(r"(\d+)[- ]?(quarters?\b|half[- ]?years?\b|halves\b)")
"""Periods that are counted: 2 quarters are 6 months, while "quarterly" is 3."""
YEARS_AND_MONTHS = re.compile(
    r"(\d+)\s*y(?:ears?|rs?)?\b[\s,]*(?:and\s*)?(\d+)\s*m(?:onths?|os?)?$"
)
PLURAL = re.compile(r"\b(?:years|quarters|months)\b")
"""Without a number in digits before it, such as "two years": the count cannot be read."""


def compute_renewals(
    view: HistoryView, probability: pd.Series[float], age_months: float, *, term: str | None = None
) -> pd.DataFrame:
    """Return which customers came to a renewal, which stayed, and their expected hazard of leaving.

    `probability`: probability of early churn of every deal.
    `age_months`: age at which a customer without a longer contract counts as tested.
    `term`: column that holds the length of the contract: months, or text such as "12 months",
        "annual". Without it ``[deals] contract_months`` applies to all deals; if that is not given
        either, terms are inferred from the attributes (see
        `fitmodel.deals.history_findings.find_bound_deals`).
    Returns: indexed like the deals: `rep`, `age` (months at which the deal is tested: one month
        after its contract can end, at least `age_months`), `tested_on` (the day of that age, or of
        an end for another reason; NaT without dates), `tested` (old enough to have reached it),
        `lost` (tested and left by that age), `renewed` (tested and still there), `loss` (expected
        cumulative hazard to that age), `alive` and `gone` (not tested yet, and still there or
        already left) and `to_come` (the part of `loss` still ahead; 0 unless `alive`).
    Raises DealsError if there is no such column, or a term cannot be read.

    The hazard is that of the deal's own probability up to the horizon, and that of the company's
    survival curve after it. A customer who left counts only once the deal is old enough for a
    customer who stayed to count too; otherwise all counted young deals would be losses. Deals that
    ended earlier for another reason are not tested.
    """
    p = np.asarray(probability.loc[view.index], dtype=np.float64)
    terms = _terms(view, age_months) if term is None else read_terms(view.deals, term)
    age = np.where(terms >= age_months, terms + GRACE_MONTHS, float(age_months))
    observable, reached = view.observable_months, view.left | (view.followup_months >= age)
    old_enough = np.where(np.isnan(observable), reached, observable >= age)
    tested = old_enough & ~(view.exited & (view.followup_months < age))
    lost = tested & view.left & (view.followup_months <= age)
    loss = _hazard(view, p, age)
    alive = ~tested & ~view.left & ~view.exited
    gone = ~tested & view.left
    hazard_so_far = _hazard(view, p, np.minimum(view.followup_months, age))
    columns = {
        "rep": people_of(view.deals[str(view.spec.deals.rep)]).fillna(NO_NAME),
        "age": age,
        "tested_on": _tested_on(view, age),
        "tested": tested,
        "lost": lost,
        "renewed": tested & ~lost,
        "loss": loss,
        "alive": alive,
        "gone": gone,
        "to_come": np.where(alive, np.maximum(loss - hazard_so_far, 0.0), 0.0),
    }
    return pd.DataFrame(columns, index=view.index)


def read_terms(deals: pd.DataFrame, column: str) -> Floats:
    """Return contract terms in months; 0 where a deal has none.

    Raises DealsError if there is no such column, or a value cannot be read.
    """
    if column not in deals:
        raise DealsError(
            f"{column}: no such column, but [bonus] term names it. Remedy: name the column that "
            "holds the length of the contract in months."
        )
    values = deals[column]
    read = {value: _months(value) for value in values.dropna().unique().tolist()}
    wrong = [value for value, months in read.items() if months is None]
    if wrong:
        rows = values.index[values.isin(wrong)]
        raise DealsError(
            f"{column}: {len(rows)} contract term(s) cannot be read, e.g. {wrong[0]!r} in "
            f"row {rows.tolist()[0]!r}. Remedy: write months (12) or words such as "
            '"annual", "24 months".'
        )
    return np.asarray(values.map(read).astype("float64").fillna(0.0), dtype=np.float64)


def _months(value: Any) -> float | None:
    """Return the months of a number or text such as "12 months", "2 years"; None if unreadable."""
    text = str(value).strip().casefold()
    if years_and_months := YEARS_AND_MONTHS.match(text):
        return 12 * float(years_and_months[1]) + float(years_and_months[2])
    if result := NUMBER.match(text):
        return float(result[1]) * (12 if result[2] == "y" else 1)
    if counted := COUNT.match(text):
        return float(counted[1]) * TERMS["quarter" if counted[2].startswith("q") else "half"]
    if PLURAL.search(text):
        return None
    return next((float(months) for word, months in TERMS.items() if word in text), None)


def _tested_on(view: HistoryView, age: Floats) -> Any:
    """Return the day on which each deal is tested or ends for another reason; NaT without dates."""
    if view.closed is None:
        return np.full(len(view), np.datetime64("NaT"), "datetime64[s]")
    day = add_months(view.closed, np.ceil(age).astype(np.int64))
    exited = view.exited & (view.followup_months < age)
    return np.where(exited, view.watched_until, day).astype("datetime64[s]")


def _terms(view: HistoryView, age_months: float) -> Floats:
    if view.spec.deals.contract_months is not None:  # one length for all deals
        return np.full(len(view), float(view.spec.deals.contract_months))
    return terms_of(view, find_bound_deals(view, age_months, candidate_columns(view)))


def _hazard(view: HistoryView, p: Floats, age: Floats) -> Floats:
    """Return the cumulative hazard of each deal from its signing to an age."""
    horizon, curve = float(view.spec.label.horizon_months), view.survival
    end = float(curve.times[-1])
    at_horizon = max(float(curve.at(min(horizon, end))), 1e-12)
    at_age = np.clip(curve.at(np.clip(age, min(horizon, end), end)), 1e-12, None)
    to_horizon = expected_leavers(p, age, curve, horizon)
    after_horizon: Floats = np.where(age > horizon, np.log(at_horizon / at_age), 0.0)
    return to_horizon + after_horizon
