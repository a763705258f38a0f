"""Bonus for the reps whose customers stay most: ranks, ties and amounts.

deals of a period -> tested, renewed, expected to renew -> score of each rep -> ranks -> amounts
                  -> deals still to be tested or signed, simulated -> expected bonus of each rep
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.exceptions import DealsError
from fitmodel.sales._renewals import compute_renewals
from fitmodel.sales.people import NO_NAME
from fitmodel.sales.rates import gamma_shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.sales.plans import Bonus

    Floats = NDArray[np.float64]

COLUMNS = (
    "period", "month", "rep", "took_part", "signed", "tested", "renewed", "expected_renewals",
    "renewal_rate", "score", "outcome", "bonus", "bonus_pending", "bonus_expected", "decided_in",
)  # fmt: skip
RATIOS = ("expected_renewals", "renewal_rate", "score")
CENT = Decimal("0.01")
TIE_DIGITS = 2
"""Scores that are equal when rounded to this many decimals are a tie."""
MIN_EXPECTED_LOSSES = 3.0
"""Expected number of lost customers below which a rep's renewals are no evidence."""
FREQUENCIES = {"year": "Y", "quarter": "Q"}


def pay_bonus(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    bonus: Bonus,
    probability: pd.Series[float],
    *,
    earned_after_months: int | None = None,
    unit: Decimal = CENT,
) -> pd.DataFrame:
    """Compute the bonus of each rep in every period of the history.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        Past deals, as read by ``read_deals``, with a rep.
    bonus : Bonus
        Rule of the bonus.
    probability : Series of float
        Probability of early churn of each deal, from `expected_probabilities`.
    earned_after_months : int, optional
        Age of the plan, at which a customer without a longer contract is tested; default and
        instead of 0: the horizon.
    unit : Decimal
        Smallest amount that is paid, such as 1 for yen: shares of tied reps are multiples of it.

    Returns
    -------
    DataFrame
        One row per period and rep, the highest score first, with the columns `COLUMNS`. `outcome`
        is "paid", "pending", or the reason why a rep gets nothing: "too_few" (fewer than
        ``min_deals`` tested, or fewer than `MIN_EXPECTED_LOSSES` expected to leave), "not_above"
        (not more renewals than expected for such customers) or "below_top". `score` is NaN for
        "too_few". The other columns are described in `fitmodel.sales._ledger.Ledger`.

    Raises
    ------
    DealsError
        If the periods need closing dates and the deals have none, or the contract terms that the
        bonus names cannot be read.

    Notes
    -----
    The score is the number of a rep's renewals over the number expected for such customers. It is
    not shrunk, so everybody can check it by counting. Only customers who have come to a renewal, or
    have reached the plan's age, are counted (see `compute_renewals`); the expected losses are
    scaled to the observed losses of the period. A period is decided once it is over and each of its
    deals was tested; until then the bonus is pending for the reps who rank high enough now. The
    expected bonus is the mean over simulations of the rest of the period (see `forecast_bonus`).
    Where no rep has enough evidence, no bonus is paid.
    """
    view = view_of(deals, spec)
    age = earned_after_months or spec.label.horizon_months
    renewals = compute_renewals(view, probability, age, term=bonus.term)
    rows = [
        row
        for period, part in _periods(view, renewals, bonus)
        for row in _paid(part, renewals, bonus, period, spec.learning.seed, unit)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True)
class _Period:
    """A period: name, last month, whether and in which month it was decided, share to come."""

    name: str
    month: str
    decided: bool
    decided_in: str
    share_to_come: float


def _periods(
    view: HistoryView, renewals: pd.DataFrame, bonus: Bonus
) -> Iterator[tuple[_Period, pd.DataFrame]]:
    """Yield each period with the renewals of the deals signed in it."""
    closing, closed = view.spec.deals.closed_on, view.closed
    if bonus.period == "all":
        month = "" if closing is None else f"{view.deals[closing].max():%Y-%m}"
        decided = not _is_open(renewals)
        yield _Period("all", month, decided, _decided_in(renewals, month), 0.0), renewals
        return
    if closing is None or closed is None:
        raise DealsError(
            f"a bonus per {bonus.period} needs closing dates, and the contract names none. "
            'Remedy: write period = "all" under [bonus], or closed_on under [deals].'
        )
    now = pd.Timestamp(view.extract_end)
    periods = view.deals[closing].dt.to_period(FREQUENCIES[bonus.period])
    for period, part in renewals.groupby(periods):
        days = max((period.end_time.normalize() - now).days, 0)
        elapsed = max((now - period.start_time).days + 1, 1)
        month = f"{period.end_time:%Y-%m}"
        decided, decided_in = days == 0 and not _is_open(part), _decided_in(part, month)
        yield _Period(str(period), month, decided, decided_in, days / elapsed), part


def _is_open(part: pd.DataFrame) -> bool:
    """Whether a deal was not tested yet; who left before that will be a loss."""
    return bool((part["alive"] | part["gone"]).any())


def _decided_in(part: pd.DataFrame, month: str) -> str:
    """Return the month in which the last deal is tested, at least `month`; empty without dates."""
    last = part["tested_on"].max()
    return "" if pd.isna(last) else max(month, f"{last:%Y-%m}")


def standings(part: pd.DataFrame, min_deals: int) -> pd.DataFrame:
    """Return one row per rep: deals signed, tested and renewed, expected renewals, and score."""
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
    enough = (table["tested"] >= min_deals) & (table["expected_losses"] >= MIN_EXPECTED_LOSSES)
    enough &= (table["expected_renewals"] > 0) & (table.index != NO_NAME)
    table["score"] = (table["renewed"] / table["expected_renewals"]).where(enough)
    table["renewal_rate"] = table["renewed"] / table["tested"].where(table["tested"] > 0)
    return table


def _paid(
    part: pd.DataFrame,
    renewals: pd.DataFrame,
    bonus: Bonus,
    period: _Period,
    seed: int,
    unit: Decimal,
) -> list[dict[str, Any]]:
    table = standings(part, bonus.min_deals)
    scores = {str(name): float(value) for name, value in table["score"].dropna().items()}
    winners = {name: score for name, score in scores.items() if may_win(score)}
    payments = pay_ranks(winners, bonus.top, bonus.amount, unit=unit)
    expected = (
        {} if period.decided else forecast_bonus(part, renewals, bonus, period.share_to_come, seed)
    )
    table = table.assign(order=-table["score"].fillna(-1.0), name=table.index.astype("str"))
    table = table[table["name"] != NO_NAME].sort_values(["order", "name"], kind="stable")
    return [
        {
            "period": period.name,
            "month": period.month,
            "rep": name,
            "took_part": len(scores),
            **{column: int(row[column]) for column in ("signed", "tested", "renewed")},
            **{column: float(row[column]) for column in RATIOS},
            "outcome": _outcome(name, scores, payments, decided=period.decided),
            "bonus": payments.get(name, Decimal(0)) if period.decided else Decimal(0),
            "bonus_pending": Decimal(0) if period.decided else payments.get(name, Decimal(0)),
            "bonus_expected": expected.get(name, 0.0),
            "decided_in": period.decided_in if period.decided else "",
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


DRAWS = 500
MAX_SHAPE = 30.0
"""Largest gamma shape of reps' true ratios: they differ by a standard deviation of 18% or more."""


def forecast_bonus(
    part: pd.DataFrame, renewals: pd.DataFrame, bonus: Bonus, share_to_come: float, seed: int
) -> dict[str, float]:
    """Return each rep's mean bonus over simulations of the rest of the period.

    `part`: renewals of the deals signed in the period so far, from `compute_renewals`.
    `renewals`: renewals of all deals, from which the rep's true ratio is estimated.
    `share_to_come`: remaining days of the period over the days that have passed.
    Returns: mean bonus by rep, without reps who never win.

    A rep's true ratio is drawn from its gamma posterior given the whole history (Clayton & Kaldor
    1987). Customers not tested yet leave with their own hazard times that ratio. Deals not signed
    yet arrive at the rep's rate in the period so far (Poisson), with the mean hazard of the rep's
    deals in it. Then the rule of the bonus is applied to each simulation.
    """
    if not (reps := [str(name) for name in sorted(set(part["rep"]) - {NO_NAME})]):
        return {}
    random = np.random.default_rng(seed)
    ratio = _ratios(renewals, reps, random)
    ends = [
        _simulate_end(part[part["rep"] == name], ratio[:, at], share_to_come, random)
        for at, name in enumerate(reps)
    ]
    tested, lost, expected = (np.stack(columns, axis=1) for columns in zip(*ends, strict=True))
    scale = lost.sum(axis=1, keepdims=True) / np.maximum(expected.sum(axis=1, keepdims=True), 1e-12)
    losses = expected * scale
    renewed, usual = tested - lost, tested - losses
    enough = (tested >= bonus.min_deals) & (losses >= MIN_EXPECTED_LOSSES) & (usual > 0)
    scores = np.where(enough, renewed / np.where(usual > 0, usual, 1.0), 0.0)
    won = dict.fromkeys(reps, 0.0)
    for row in scores:
        winners = {name: float(s) for name, s in zip(reps, row, strict=True) if may_win(float(s))}
        for name, amount in pay_ranks(winners, bonus.top, bonus.amount).items():
            won[name] += float(amount) / DRAWS
    return {name: value for name, value in won.items() if value > 0}


def _ratios(renewals: pd.DataFrame, reps: list[str], random: np.random.Generator) -> Floats:
    """Return random draws of each rep's true ratio of losses, shape (draws, reps)."""
    tested = renewals[renewals["tested"]]
    sums = tested.groupby("rep")[["lost", "loss"]].sum().astype(float)
    if sums["lost"].sum() > 0 and sums["loss"].sum() > 0:
        sums["loss"] *= sums["lost"].sum() / sums["loss"].sum()
    shape = min(gamma_shape(sums["lost"].to_numpy(), sums["loss"].to_numpy()), MAX_SHAPE)
    own = sums.reindex(reps).fillna(0.0)
    observed, expected = own["lost"].to_numpy(), own["loss"].to_numpy()
    return random.gamma(observed + shape, 1 / (expected + shape), size=(DRAWS, len(reps)))


def _simulate_end(
    own: pd.DataFrame, ratio: Floats, share_to_come: float, random: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Return a rep's tested deals, losses and expected losses at the period's end, per draw."""
    known, alive, gone = (own[own[name]] for name in ("tested", "alive", "gone"))
    leave = 1 - np.exp(-ratio[:, None] * alive["to_come"].to_numpy())
    lost = len(gone) + known["lost"].sum() + (random.random(leave.shape) < leave).sum(axis=1)
    tested = np.full(DRAWS, float(len(known) + len(alive) + len(gone)))
    losses = 1 - np.exp(-own["loss"].to_numpy())
    expected = np.full(DRAWS, float(losses[own["tested"] | own["alive"] | own["gone"]].sum()))
    later = random.poisson(len(own) * share_to_come, DRAWS)
    mean = float(own["loss"].mean())
    lost_later = random.binomial(later, 1 - np.exp(-ratio * mean))
    return tested + later, lost + lost_later, expected + later * (1 - np.exp(-mean))


def may_win(score: float) -> bool:
    """Return whether a rep has more renewals than expected, with the score rounded to 0.01."""
    return bool(round(score, TIE_DIGITS) > 1)


def pay_ranks(
    scores: Mapping[str, float], top: int, amount: Decimal, unit: Decimal = CENT
) -> dict[str, Decimal]:
    """Return the amount of each rep by rank; tied reps share the amounts of their ranks equally.

    `amount`: amount of each rank, a multiple of the unit.
    `unit`: smallest amount that is paid.
    Returns: amounts of the reps who get something. Units that cannot be shared equally go to the
        first reps by name, so that the sum is exactly ``min(top, reps) * amount``.
    """
    rounded = {name: round(score, TIE_DIGITS) for name, score in scores.items()}
    paid: dict[str, Decimal] = {}
    position = 0
    for score in sorted(set(rounded.values()), reverse=True):
        tied = sorted(name for name in rounded if rounded[name] == score)
        prizes = min(max(top - position, 0), len(tied))
        if prizes:
            each, remainder = divmod(int(amount * prizes / unit), len(tied))
            paid |= {name: (each + (at < remainder)) * unit for at, name in enumerate(tied)}
        position += len(tied)
    return paid
