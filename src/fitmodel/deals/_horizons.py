"""Compare horizons such as 3, 5 and 12 months: known outcomes, longer terms, and other exits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals._censoring import EXITED, LEFT, STILL_THERE, cumulative_incidence
from fitmodel.deals.enough import FULL_CHURNERS, MIN_CHURNERS, Regime, regime_of
from fitmodel.deals.history import HistoryView, view_of
from fitmodel.language.catalogue import phrases
from fitmodel.renamed import old_function

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec

HORIZONS = (3, 5, 12)
_SHARES, _COUNTS = ("left_by_then", "of_those_that_left"), ("early_churners", "stayed", "too_young")
MIN_LEAVERS = 10
MAX_LEVELS = 12
MAX_EARLY_SHARE = 0.1
"""A group is bound only if at most this share of its leavers left by the age."""
ERROR = 0.001
"""Significance level of the test, over all groups together."""
TERM_QUANTILE = 0.05
"""The term ends at this quantile of the months after which the group's leavers left."""
MIN_EXITS = 5  # exits within the horizon; fewer are too few to report a difference
MIN_DIFFERENCE = 0.002  # smallest difference of the early-churn rates that is reported
MIN_DEALS = 20
"""Minimum number of deals of a rep, group or attribute value; with fewer nothing is reported."""


def compare_horizons(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, horizons: tuple[int, ...] = HORIZONS
) -> pd.DataFrame:
    """Count the known outcomes within each of several horizons.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        Past deals, as returned by `fitmodel.deals.reading.read_deals`, or a view of them.
    spec : DealSpec
        The contract: roles of the columns. Its own horizon is added to `horizons`.
    horizons : tuple of int
        Horizons in months after closing.

    Returns
    -------
    DataFrame
        Indexed by ``horizon_months``, in ascending order, with the columns

        - ``left_by_then``: share of all customers that leave within the horizon (Kaplan-Meier); NaN
          if nobody was observed that long
        - ``early_churners``, ``stayed``: number of deals known to have left, or to have stayed
        - ``too_young``: number of deals whose outcome is not known yet
        - ``of_those_that_left``: share within the horizon among the customers known to have left

    Raises
    ------
    DealsError
        If the outcomes cannot be computed; see `fitmodel.deals.outcomes.outcomes`.

    Notes
    -----
    ``of_those_that_left`` counts customers that left before the extract only. It is not a forecast.

    Examples
    --------
    >>> from fitmodel.deals.history_findings import compare_horizons
    >>> sim = fitmodel.simulate_deals(500, seed=1)
    >>> known = compare_horizons(sim.deals, sim.spec)
    >>> known.index.tolist(), bool(known["left_by_then"].is_monotonic_increasing)
    ([3, 5, 12], True)
    """
    compared = sorted({*horizons, spec.label.horizon_months})
    view = view_of(deals, spec)
    rows = {
        months: _count_outcomes(view.with_spec(_with_horizon(spec, months))) for months in compared
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("horizon_months")


def _with_horizon(spec: DealSpec, months: int) -> DealSpec:
    label = spec.label.model_copy(update={"horizon_months": months})
    return spec.model_copy(update={"label": label})


def _count_outcomes(view: HistoryView) -> dict[str, float]:
    """Return one row of `compare_horizons`: the known outcomes for the view's horizon."""
    early, left = view.early_churn, view.left
    months = float(view.spec.label.horizon_months)
    return {
        "left_by_then": 1.0 - view.survival.at(months),
        "early_churners": int((early == 1).sum()),
        "stayed": int((early == 0).sum()),
        "too_young": int(np.isnan(early).sum()),
        "of_those_that_left": float((early[left] == 1).mean()) if left.any() else float("nan"),
    }


_HEADERS = ("months", "leave by then", "of all who left", "early churners", "stayed", "too young")


def horizons_text(table: pd.DataFrame) -> str:
    """Return the table of `compare_horizons` as text: a header and one line per horizon."""
    lines = ["  ".join(_HEADERS)]
    for months, row in table.iterrows():
        shares = ("?" if pd.isna(row[name]) else f"{row[name]:.1%}" for name in _SHARES)
        cells = (str(months), *shares, *(f"{row[name]:,.0f}" for name in _COUNTS))
        line = "  ".join(cell.rjust(len(head)) for cell, head in zip(cells, _HEADERS, strict=True))
        lines.append(line + _REGIME_TEXTS[_regime(row)])
    return "\n".join(lines)


_REGIME_TEXTS: dict[Regime, str] = {
    "full": "",
    "provisional": f"  provisional ({FULL_CHURNERS} for a full model)",
    "base_rate": f"  too few ({MIN_CHURNERS} needed)",
}


def _regime(counts: pd.Series[Any]) -> Regime:
    return regime_of(counts["early_churners"], counts["stayed"] + counts["too_young"])


def enough(counts: pd.Series[Any]) -> bool:
    """Return whether one row of `compare_horizons` has enough deals to learn from."""
    return _regime(counts) != "base_rate"


def questions_about_horizon(table: pd.DataFrame, months: int) -> list[str]:
    """Return a message if a horizon leaves too few deals, with horizons that leave enough.

    Parameters
    ----------
    table : DataFrame
        Table returned by `compare_horizons`.
    months : int
        The horizon to check; one of the table's rows.
    """
    rows: dict[int, pd.Series[Any]] = dict(table.iterrows())  # type: ignore[arg-type]
    known = rows[months]
    if enough(known):
        return []
    suitable = [f"{other} months" for other, row in rows.items() if enough(row)]
    remedy = f"choose {' or '.join(suitable)}" if suitable else "add deals"
    return [
        (
            f"horizon_months: within {months} months {known['early_churners']:,.0f} customers are "
            f"known to have left and {known['stayed']:,.0f} to have stayed; {MIN_CHURNERS} of each "
            f"are needed. Remedy: {remedy}"
        )
    ]


doubts_about_horizon = old_function("doubts_about_horizon", questions_about_horizon)


@dataclass(frozen=True)
class BoundDeals:
    """Deals with one value of a column whose customers rarely leave by an age, but leave later.

    `term_months`: whole months after which the first customers leave.
    """

    column: str
    value: Any
    deals: int
    left_by_age: int
    left_later: int
    term_months: int


def find_bound_deals(
    view: HistoryView, age_months: float, columns: Iterable[str]
) -> list[BoundDeals]:
    """Find column values whose customers are bound beyond an age, such as a yearly contract.

    Parameters
    ----------
    age_months : float
        Age in months, such as the horizon, or the age at which commission is earned.
    columns : iterable of str
        Columns of the table to test; those with more than `MAX_LEVELS` values are skipped.

    Returns
    -------
    list of BoundDeals
        One entry per group of deals that is bound.

    Notes
    -----
    For each group, the share of its leavers that left by the age is compared with the share
    expected from the company's survival curve and each deal's follow-up: exact binomial test,
    Bonferroni-corrected for the number of groups tested.
    """
    from scipy.stats import binom

    by_age, by_end = _hazards(view, age_months)
    months, left = view.followup_months, view.left
    groups = [
        (name, value, rows)
        for name in columns
        if name in view.deals and 1 < view.deals[name].nunique() <= MAX_LEVELS
        for value, rows in sorted(  # as texts: values of several types cannot be compared
            view.deals.groupby(name, sort=False).indices.items(), key=lambda item: str(item[0])
        )
        if len(rows) >= MIN_DEALS and left[rows].sum() >= MIN_LEAVERS
    ]
    result = []
    for name, value, rows in groups:
        months_until_left = months[rows][left[rows]]
        early = int((months_until_left <= age_months).sum())
        share = float(by_age[rows].sum() / max(by_end[rows].sum(), 1e-12))
        is_rare = float(binom.cdf(early, len(months_until_left), min(share, 1.0))) < ERROR / len(
            groups
        )
        if is_rare and early <= MAX_EARLY_SHARE * len(months_until_left):
            term = int(
                np.quantile(months_until_left[months_until_left > age_months], TERM_QUANTILE)
            )
            later = len(months_until_left) - early
            result.append(BoundDeals(str(name), value, len(rows), early, later, term))
    return result


def terms_of(view: HistoryView, bound: Iterable[BoundDeals]) -> NDArray[np.float64]:
    """Return the months for which each deal is bound, of shape (deals,); 0 if it is not bound."""
    terms = np.zeros(len(view))
    for group in bound:
        is_bound = (
            (view.deals[group.column] == group.value).fillna(value=False).to_numpy(dtype=bool)
        )
        terms[is_bound] = np.maximum(terms[is_bound], group.term_months)
    return terms


def _hazards(
    view: HistoryView, age_months: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each deal's cumulative hazard up to the age, and over its whole follow-up."""
    curve, followup = view.survival, view.followup_months
    entry = np.minimum(view.entry_months, followup)
    start = -np.log(np.clip(curve.at(entry), 1e-12, 1))
    early = np.clip(np.minimum(followup, age_months), entry, None)
    by_age = -np.log(np.clip(curve.at(early), 1e-12, 1)) - start
    by_end = -np.log(np.clip(curve.at(followup), 1e-12, 1)) - start
    return by_age, by_end


def candidate_columns(view: HistoryView) -> list[str]:
    """Return the attributes and the rep's column, since a rep may sell one contract term only."""
    names = list(view.attributes().frame.columns)
    return names if view.spec.deals.rep is None else [*names, view.spec.deals.rep]


def contract_warnings(view: HistoryView, language: str = "en") -> list[str]:
    """Return warnings about values whose customers cannot leave within the horizon.

    An example is a contract term of one year.

    Parameters
    ----------
    view : HistoryView
        View of the deals with their labels.

    Returns
    -------
    list of str
        One sentence per value found by `fitmodel.deals._horizons.find_bound_deals`.
    """
    say, age = phrases(language, "sales_page"), view.spec.label.horizon_months
    return [
        say(
            "bound",
            column=group.column,
            value=group.value,
            early=group.left_by_age,
            deals=group.deals,
            later=group.left_later,
            term=group.term_months,
            age=age,
            remedy=group.term_months + 1,
        )
        for group in find_bound_deals(view, age, candidate_columns(view))
    ]


def causes_of(view: HistoryView) -> NDArray[np.intp]:
    """Return the cause of each deal's end: 0 still there, 1 left, 2 exited on ``exited_on``."""
    exited = view.exited & view.exited_for_other_cause
    return np.where(view.left, LEFT, np.where(exited, EXITED, STILL_THERE))


def note_on_exits(view: HistoryView) -> str | None:
    """Return a sentence on how exits change the early-churn rate.

    None if the contract gives no ``exited_on``, or the difference is too small to matter.
    """
    horizon, cause = view.spec.label.horizon_months, causes_of(view)
    early = (cause == EXITED) & (view.followup_months <= horizon)
    if int(early.sum()) < MIN_EXITS:
        return None
    observed = view.followup_months >= view.entry_months
    incidence = cumulative_incidence(
        view.followup_months[observed], cause[observed], entry_months=view.entry_months[observed]
    )
    left, exited = incidence.at(float(horizon))
    censored = 1.0 - float(view.survival.at(float(horizon)))
    if not abs(censored - left) >= MIN_DIFFERENCE:
        return None
    return (
        f"{exited:.1%} of customers exit for another reason ({view.spec.deals.exited_on}) within "
        f"{horizon} months. Predicted probabilities are those of leaving if nobody exited: "
        f"{censored:.1%} on average. If exits continue, {left:.1%} leave (Aalen-Johansen)."
    )
