"""Compare horizons such as 3, 5 and 12 months: how many outcomes are known for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.enough import FULL_CHURNERS, MIN_CHURNERS, Regime, regime_of
from fitmodel.deals.history import HistoryView, view_of

if TYPE_CHECKING:
    from fitmodel.deals.contract import DealSpec


HORIZONS = (3, 5, 12)
_SHARES, _COUNTS = ("left_by_then", "of_those_that_left"), ("early_churners", "stayed", "too_young")


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
    >>> from fitmodel.deals.horizons import compare_horizons
    >>> sim = fitmodel.simulate_deals(500, seed=1)
    >>> known = compare_horizons(sim.deals, sim.spec)
    >>> known.index.tolist(), bool(known["left_by_then"].is_monotonic_increasing)
    ([3, 5, 12], True)
    """
    wanted = sorted({*horizons, spec.label.horizon_months})
    view = view_of(deals, spec)
    rows = {months: _count_known(view.with_spec(_with_horizon(spec, months))) for months in wanted}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("horizon_months")


def _with_horizon(spec: DealSpec, months: int) -> DealSpec:
    label = spec.label.model_copy(update={"horizon_months": months})
    return spec.model_copy(update={"label": label})


def _count_known(view: HistoryView) -> dict[str, float]:
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


_HEADS = ("months", "leave by then", "of all who left", "early churners", "stayed", "too young")


def horizons_text(table: pd.DataFrame) -> str:
    """Return the table of `compare_horizons` as text: a header and one line per horizon."""
    lines = ["  ".join(_HEADS)]
    for months, row in table.iterrows():
        shares = ("?" if pd.isna(row[name]) else f"{row[name]:.1%}" for name in _SHARES)
        cells = (str(months), *shares, *(f"{row[name]:,.0f}" for name in _COUNTS))
        line = "  ".join(cell.rjust(len(head)) for cell, head in zip(cells, _HEADS, strict=True))
        lines.append(line + _WORDS[_regime(row)])
    return "\n".join(lines)


_WORDS: dict[Regime, str] = {
    "full": "",
    "provisional": f"  provisional ({FULL_CHURNERS} for a full model)",
    "base_rate": f"  too few ({MIN_CHURNERS} needed)",
}


def _regime(known: pd.Series[Any]) -> Regime:
    return regime_of(known["early_churners"], known["stayed"] + known["too_young"])


def enough(known: pd.Series[Any]) -> bool:
    """Return whether one row of `compare_horizons` has enough deals to learn from."""
    return _regime(known) != "base_rate"


def doubts_about_horizon(table: pd.DataFrame, months: int) -> list[str]:
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
    fitting = [f"{other} months" for other, row in rows.items() if enough(row)]
    remedy = f"choose {' or '.join(fitting)}" if fitting else "add deals"
    return [
        (
            f"horizon_months: within {months} months {known['early_churners']:,.0f} customers are "
            f"known to have left and {known['stayed']:,.0f} to have stayed; {MIN_CHURNERS} of each "
            f"are needed. Remedy: {remedy}"
        )
    ]


MIN_DEALS = 20
"""Minimum number of deals of a rep, group or attribute value; with fewer nothing is reported."""
