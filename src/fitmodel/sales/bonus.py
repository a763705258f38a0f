"""Pay a bonus to the reps whose customers stay most: ranks, ties and amounts.

deals of a period -> tested, renewed, expected to renew -> score of each rep -> places -> Decimal
                  -> deals still to be tested or signed, simulated -> what each rep may expect
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.exceptions import DealsError
from fitmodel.sales._bonus_forecast import forecast_bonus
from fitmodel.sales._bonus_places import MIN_EXPECTED_LOSSES, may_win, share_places
from fitmodel.sales._renewals import compute_renewals
from fitmodel.sales.people import NO_NAME

__all__ = ["COLUMNS", "pay_bonus", "share_places", "standings"]

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.sales.plans import Bonus

COLUMNS = (
    "period", "month", "rep", "took_part", "signed", "tested", "renewed", "expected_renewals",
    "renewal_rate", "score", "outcome", "bonus", "bonus_pending", "bonus_expected",
)  # fmt: skip
FREQUENCIES = {"year": "Y", "quarter": "Q"}


def pay_bonus(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    bonus: Bonus,
    probability: pd.Series[float],
    *,
    earned_after_months: int | None = None,
) -> pd.DataFrame:
    """Pay a bonus over every period of the history.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by ``read_deals``, with a rep.
    spec : DealSpec
    bonus : Bonus
    probability : Series of float
        Of early churn, from `expected_probabilities`.
    earned_after_months : int, optional
        Age at which a customer without a longer contract counts as tested: the plan's; default,
        and in place of 0, the horizon.

    Returns
    -------
    DataFrame
        A row per period and rep, the highest score first; columns `COLUMNS`. `outcome` says why
        somebody gets nothing: "paid", "pending", "too_few" (fewer than ``least_deals`` tested, or
        fewer than `MIN_EXPECTED_LOSSES` expected to leave), "not_above" (no more renewals than such
        customers give anyway) or "below_top". `score` is NaN for those with too few. See
        `fitmodel.sales.ledger.Ledger`.

    Raises
    ------
    DealsError
        If the periods need closing dates and the deals have none, or the contract terms that the
        bonus names cannot be read.

    Notes
    -----
    The score is a rep's own renewals over the renewals that such customers give: it is not
    shrunken, so everybody can check it by counting. Only customers who have come to a renewal, or
    have reached the plan's age, are counted (see `compute_renewals`); the expected losses are
    scaled to those of the period. A period is decided once it is over and each of its deals has
    been tested; until then the bonus is pending for those who hold the places now. What each may
    expect of it is the mean over simulations of what is still to come, deals not signed yet
    included (see `fitmodel.sales._bonus_forecast`). Where nobody has the evidence, nobody is paid.
    """
    view = view_of(deals, spec)
    age = earned_after_months or spec.label.horizon_months
    renewals = compute_renewals(view, probability, age, term=bonus.term)
    rows = [
        row
        for period, part in _periods(view, renewals, bonus)
        for row in _paid(part, renewals, bonus, period, spec.learning.seed)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True)
class _Period:
    """A period: its name, its last month, whether all is known, and how much is still to come."""

    name: str
    month: str
    decided: bool
    share_to_come: float


def _periods(
    view: HistoryView, renewals: pd.DataFrame, bonus: Bonus
) -> Iterator[tuple[_Period, pd.DataFrame]]:
    """Each period with the renewals of the deals signed in it."""
    spec, closed = view.spec, view.closed
    closing = spec.deals.closed_on
    if bonus.period == "all":
        month = "" if closing is None else f"{view.deals[closing].max():%Y-%m}"
        yield _Period("all", month, not renewals["alive"].any(), 0.0), renewals
        return
    if closing is None or closed is None:
        raise DealsError(
            f"a bonus per {bonus.period} needs closing dates, and the contract names none. "
            'Remedy: write period = "all" under [bonus], or closed_on under [deals].'
        )
    now = pd.Timestamp(view.extract_end)
    for period, part in renewals.groupby(
        view.deals[closing].dt.to_period(FREQUENCIES[bonus.period])
    ):
        days = max((period.end_time.normalize() - now).days, 0)
        passed = max((now - period.start_time).days + 1, 1)
        open_ = days > 0 or bool((part["alive"] | part["gone"]).any())
        yield _Period(str(period), f"{period.end_time:%Y-%m}", not open_, days / passed), part


def standings(part: pd.DataFrame, least_deals: int) -> pd.DataFrame:
    """A row per rep: signed, tested, renewed, what such customers do, and the score."""
    tested = part[part["tested"]]
    losses = 1 - np.exp(-tested["loss"])
    total = float(losses.sum())
    scale = float(tested["lost"].sum()) / total if total > 0 else 1.0
    by_rep = part.groupby("rep")
    table = pd.DataFrame({"signed": by_rep.size(), "tested": by_rep["tested"].sum()})
    table["renewed"] = by_rep["renewed"].sum()
    losses_of = (losses * scale).groupby(tested["rep"]).sum()
    table["expected_losses"] = losses_of.reindex(table.index).fillna(0.0)
    table["expected_renewals"] = table["tested"] - table["expected_losses"]
    enough = (table["tested"] >= least_deals) & (table["expected_losses"] >= MIN_EXPECTED_LOSSES)
    enough &= (table["expected_renewals"] > 0) & (table.index != NO_NAME)
    table["score"] = (table["renewed"] / table["expected_renewals"]).where(enough)
    table["renewal_rate"] = table["renewed"] / table["tested"].where(table["tested"] > 0)
    return table


def _paid(
    part: pd.DataFrame, renewals: pd.DataFrame, bonus: Bonus, period: _Period, seed: int
) -> list[dict[str, Any]]:
    table = standings(part, bonus.least_deals)
    scores = {str(name): float(value) for name, value in table["score"].dropna().items()}
    winners = {name: score for name, score in scores.items() if may_win(score)}
    now = share_places(winners, bonus.top, bonus.amount)
    hoped = (
        {} if period.decided else forecast_bonus(part, renewals, bonus, period.share_to_come, seed)
    )
    table = table.assign(order=table["score"].fillna(-1.0), name=table.index.astype("str"))
    table = table[table["name"] != NO_NAME].sort_values(
        ["order", "name"], ascending=[False, True], kind="stable"
    )
    return [
        {
            "period": period.name,
            "month": period.month,
            "rep": name,
            "took_part": len(scores),
            "signed": int(row["signed"]),
            "tested": int(row["tested"]),
            "renewed": int(row["renewed"]),
            "expected_renewals": float(row["expected_renewals"]),
            "renewal_rate": float(row["renewal_rate"]),
            "score": float(row["score"]),
            "outcome": _outcome(name, scores, now, decided=period.decided),
            "bonus": now.get(name, Decimal(0)) if period.decided else Decimal(0),
            "bonus_pending": Decimal(0) if period.decided else now.get(name, Decimal(0)),
            "bonus_expected": hoped.get(name, 0.0),
        }
        for name, row in zip(table["name"], table.to_dict("records"), strict=True)
    ]


def _outcome(
    name: str, scores: Mapping[str, float], paid: Mapping[str, Decimal], *, decided: bool
) -> str:
    if name not in scores:
        return "too_few"
    if name in paid:
        return "paid" if decided else "pending"
    return "below_top" if may_win(scores[name]) else "not_above"
