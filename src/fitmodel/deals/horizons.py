"""Compare horizons: how many outcomes are known for 3, 5, 12 months."""

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
    """Count what is known of leaving within each of several horizons.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by `fitmodel.deals.reading.read_deals`, or a view of them.
    spec : DealSpec
        Roles of the columns; its own horizon is looked at too.
    horizons : tuple of int
        Months after closing.

    Returns
    -------
    DataFrame indexed by ``horizon_months``, rising, with the columns

    - ``left_by_then``: share of all customers that leave within it, by Kaplan and Meier; NaN where
      nobody was watched that long
    - ``early_churners``, ``stayed``: deals known to have left, or stayed
    - ``too_young``: deals of which that is not known yet
    - ``of_those_that_left``: share of the customers seen to leave that had left by then

    Raises
    ------
    DealsError
        If the outcomes cannot be told; see `fitmodel.deals.outcomes.outcomes`.

    Notes
    -----
    Customers seen to leave are those that left before the extract: their share is not a forecast.

    Examples
    --------
    >>> from fitmodel.deals.horizons import compare_horizons
    >>> sim = fitmodel.simulate_deals(500, seed=1)
    >>> found = compare_horizons(sim.deals, sim.spec)
    >>> found.index.tolist(), bool(found["left_by_then"].is_monotonic_increasing)
    ([3, 5, 12], True)
    """
    wanted = sorted({*horizons, spec.label.horizon_months})
    view = view_of(deals, spec)
    rows = {months: _known_of(view.with_spec(_with_horizon(spec, months))) for months in wanted}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("horizon_months")


def _with_horizon(spec: DealSpec, months: int) -> DealSpec:
    label = spec.label.model_copy(update={"horizon_months": months})
    return spec.model_copy(update={"label": label})


def _known_of(view: HistoryView) -> dict[str, float]:
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


def horizons_text(found: pd.DataFrame) -> str:
    """Write `compare_horizons` as lines of text, a line per horizon below the heads."""
    lines = ["  ".join(_HEADS)]
    for months, row in found.iterrows():
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
    """Tell whether there are enough of both kinds to learn from."""
    return _regime(known) != "base_rate"


def doubts_about_horizon(found: pd.DataFrame, months: int) -> list[str]:
    """Say where the horizon leaves too few to learn from, and which other one does not."""
    rows: dict[int, pd.Series[Any]] = dict(found.iterrows())  # type: ignore[arg-type]
    known = rows[months]
    if enough(known):
        return []
    fitting = [f"{other} months" for other, row in rows.items() if enough(row)]
    remedy = f"{' or '.join(fitting)} would do" if fitting else "add deals"
    return [
        (
            f"horizon_months: within {months} months {known['early_churners']:,.0f} are known to "
            f"have left and {known['stayed']:,.0f} to have stayed, and {MIN_CHURNERS} of each "
            f"are needed; {remedy}"
        )
    ]


MIN_DEALS = 20
"""Deals of one rep, group or value of an attribute; with fewer, nothing is reported or proposed."""
