"""Pay a bonus to the reps whose customers stay most: ranks, ties and amounts.

deals of a period -> observed, expected -> renewal rate, shrunken -> places, ties shared -> Decimal
young deals       -> what is still to come, drawn -> what each rep may expect
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.deals.months import add_months
from fitmodel.exceptions import DealsError
from fitmodel.sales.entries import CENT
from fitmodel.sales.people import NO_NAME, names_of
from fitmodel.sales.rates import expected_leavers, gamma_shape, shrunken_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.sales.plans import Bonus

COLUMNS = (
    "period", "month", "rep", "took_part", "signed", "renewal_rate",
    "bonus", "bonus_pending", "bonus_expected",
)  # fmt: skip
TIE_DIGITS = 4
"""Renewal rates that agree to a hundredth of a percent are a tie."""
DRAWS = 500
FREQUENCIES = {"year": "Y", "quarter": "Q"}


def share_places(rates: Mapping[str, float], top: int, amount: Decimal) -> dict[str, Decimal]:
    """Pay the places; reps that tie share equally what the places they hold pay.

    Parameters
    ----------
    rates : mapping of str to float
        Renewal rate of each rep that takes part.
    top : int
        Places that pay.
    amount : Decimal
        Of each place.

    Returns
    -------
    dict of str to Decimal
        Of those who get something. A cent that cannot be shared goes to the first by name, so
        that the sum is ``min(top, reps) * amount`` to the cent.
    """
    rounded = {name: round(rate, TIE_DIGITS) for name, rate in rates.items()}
    paid: dict[str, Decimal] = {}
    place = 0
    for rate in sorted(set(rounded.values()), reverse=True):
        tied = sorted(name for name in rounded if rounded[name] == rate)
        prizes = min(max(top - place, 0), len(tied))
        if prizes:
            paid |= _split_evenly(amount * prizes, tied)
        place += len(tied)
    return paid


def _split_evenly(total: Decimal, names: list[str]) -> dict[str, Decimal]:
    each = (total / len(names)).quantize(CENT, rounding=ROUND_DOWN)
    over = int((total - each * len(names)) / CENT)
    return {name: each + (CENT if place < over else 0) for place, name in enumerate(names)}


def pay_bonus(
    deals: pd.DataFrame | HistoryView, spec: DealSpec, bonus: Bonus, probability: pd.Series[float]
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

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; see `fitmodel.sales.ledger.Ledger`.

    Raises
    ------
    DealsError
        If the periods need closing dates and the deals have none.

    Notes
    -----
    The renewal rate is 1 minus the shrunken early-churn rate, as the scoreboard has it, of the
    period's deals: a rep with few deals is not on top by chance, and a young deal counts for the
    risk it has been through. A period is decided once it is over and each of its deals is as old
    as the horizon; until then the bonus is pending for those who hold the places now. What each
    may expect of it is the mean over draws of what is still to come: a rep's true ratio from its
    gamma posterior (Clayton & Kaldor 1987), the leavers to come from the Poisson law given it.
    """
    view = view_of(deals, spec)
    facts = _facts(view, spec, probability)
    rows = [
        row
        for period, part, decided in _periods(view, facts, bonus)
        for row in _paid(_standings(part), bonus, period, decided, spec.learning.seed)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True)
class _Period:
    name: str
    month: str


def _facts(view: HistoryView, spec: DealSpec, probability: pd.Series[float]) -> pd.DataFrame:
    """One row per deal: left early, expected to have by now, and still to come."""
    horizon = float(spec.label.horizon_months)
    p = probability.loc[view.index].to_numpy(dtype=np.float64)
    by_now = expected_leavers(
        p, view.followup_months, view.survival, horizon, entry_months=view.entry_months
    )
    up_to_now = expected_leavers(p, view.followup_months, view.survival, horizon)
    whole = -np.log1p(-np.clip(p, 0, 1 - 1e-9))
    columns = {
        "rep": names_of(view.deals[str(spec.deals.rep)]).fillna(NO_NAME),
        "probability": p,
        "observed": (view.early_churn == 1).astype(float),
        "expected": by_now,
        "to_come": np.where(np.isnan(view.early_churn), whole - up_to_now, 0.0),
        "mature": view.mature,
    }
    return pd.DataFrame(columns, index=view.index)


def _periods(
    view: HistoryView, facts: pd.DataFrame, bonus: Bonus
) -> Iterator[tuple[_Period, pd.DataFrame, bool]]:
    """Each period with its deals and whether it is decided."""
    spec, closed = view.spec, view.closed
    closing = spec.deals.closed_on
    if bonus.period == "all":
        month = "" if closing is None else f"{view.deals[closing].max():%Y-%m}"
        yield _Period("all", month), facts, bool(facts["mature"].all())
        return
    if closing is None or closed is None:
        raise DealsError(
            f"a bonus per {bonus.period} needs closing dates, and the contract names none. "
            'Remedy: write period = "all" under [bonus], or closed_on under [deals].'
        )
    for period, part in facts.groupby(view.deals[closing].dt.to_period(FREQUENCIES[bonus.period])):
        last = np.array([period.end_time.normalize()], dtype="datetime64[D]")
        over = add_months(last, spec.label.horizon_months)[0] <= view.extract_end
        named = _Period(str(period), f"{period.end_time:%Y-%m}")
        yield named, part, bool(over and part["mature"].all())


def _standings(part: pd.DataFrame) -> pd.DataFrame:
    """A row per rep: counts, scaled to the company's observed, and the shrunken renewal rate."""
    table = part.groupby("rep")[["observed", "expected", "to_come"]].sum()
    observed, expected = table["observed"].sum(), table["expected"].sum()
    if observed > 0 and expected > 0:
        table[["expected", "to_come"]] *= observed / expected
    table["signed"] = part.groupby("rep").size()
    table["hazard"] = -np.log1p(-part.groupby("rep")["probability"].mean().clip(upper=1 - 1e-9))
    counts = table["observed"].to_numpy(), table["expected"].to_numpy()
    table["shape"] = gamma_shape(*counts)
    ratio = shrunken_ratio(*counts, float(table["shape"].iloc[0]))
    table["renewal_rate"] = np.exp(-ratio * table["hazard"])
    return table


def _paid(
    table: pd.DataFrame, bonus: Bonus, period: _Period, decided: bool, seed: int
) -> list[dict[str, Any]]:
    table = table[(table["signed"] >= bonus.least_deals) & (table.index != NO_NAME)]
    rates = {str(name): float(rate) for name, rate in table["renewal_rate"].items()}
    now = share_places(rates, bonus.top, bonus.amount)
    hoped = {} if decided else _expected(table, bonus, seed)
    names = sorted({*now, *hoped}, key=lambda name: (-rates[name], name))
    return [
        {
            "period": period.name,
            "month": period.month,
            "rep": name,
            "took_part": len(table),
            "signed": int(table["signed"][name]),
            "renewal_rate": rates[name],
            "bonus": now.get(name, Decimal(0)) if decided else Decimal(0),
            "bonus_pending": Decimal(0) if decided else now.get(name, Decimal(0)),
            "bonus_expected": hoped.get(name, 0.0),
        }
        for name in names
    ]


def _expected(table: pd.DataFrame, bonus: Bonus, seed: int) -> dict[str, float]:
    """Mean bonus of each rep over draws of what its young deals will still do."""
    random = np.random.default_rng(seed)
    observed, expected, to_come, shape, hazard = (
        table[name].to_numpy() for name in ("observed", "expected", "to_come", "shape", "hazard")
    )
    won = dict.fromkeys(map(str, table.index), 0.0)
    for _ in range(DRAWS):
        ratio = random.gamma(observed + shape, 1 / (expected + shape))
        later = observed + random.poisson(ratio * to_come)
        rates = np.exp(-(later + shape) / (expected + to_come + shape) * hazard)
        drawn = share_places(dict(zip(won, rates, strict=True)), bonus.top, bonus.amount)
        for name, amount in drawn.items():
            won[name] += float(amount) / DRAWS
    return {name: value for name, value in won.items() if value > 0}
