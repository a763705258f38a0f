"""Survival curve and expected lifetime of each prospect, remaining time of signed customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fitmodel.exceptions import ProspectError
from fitmodel.model.horizons import (
    add_horizons,
    check_horizons,
    curve_of,
    horizon_columns,
    own_values,
    strata_of,
)
from fitmodel.model.scorer import as_of_date

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from fitmodel.learning.churn_curve import Floats
    from fitmodel.model.horizons import CurvedModel
    from fitmodel.model.scorer import Scorer


class OwnCurves:
    """Predictions over a customer's whole lifetime; a base class of `FitModel`."""

    manifest: dict[str, Any]
    scorer: Scorer

    @property
    def horizon_months(self) -> int | None:
        """The model's own horizon in months; None where neither curve nor manifest has it."""
        if self.scorer.curve is not None:
            return self.scorer.curve.horizon
        own = (self.manifest.get("spec") or {}).get("label", {}).get("horizon_months")
        return None if own is None else int(own)

    def survival(self, prospects: Any, *, as_of: date | None = None) -> pd.DataFrame:
        """Return the share still a customer after each month, shape (months, prospects).

        Each prospect has its own curve, from month 0 to the last month on which the training
        deals have data. Parameters and errors are those of `predict`; see
        `fitmodel.learning.churn_curve`.
        """
        import pandas as pd

        model, table = cast("CurvedModel", self), _table(prospects)
        curve = curve_of(model)
        probability, _, _ = _predicted(model, table, as_of)
        values = curve.survival(probability, strata_of(model, table, as_of))
        months = pd.RangeIndex(curve.months + 1, name="months")
        return pd.DataFrame(values.T, index=months, columns=table.index)

    def horizon_intervals(
        self, prospects: Any, horizons: Any, *, as_of: date | None = None
    ) -> pd.DataFrame:
        """Return the probability of leaving within each horizon and its 80% interval.

        One row per prospect, with the columns ``churn_probability_3m``,
        ``churn_probability_3m_low``, ``churn_probability_3m_high`` and so on. At the model's own
        horizon they equal those of `predict`. At another horizon the uncertainty of the curve
        between the two horizons is added, see `ChurnCurve.interval_by`. `horizons` is one or
        several numbers of whole months; the other parameters and the errors are those of
        `predict`.
        """
        model, table = cast("CurvedModel", self), _table(prospects)
        months = check_horizons(model, horizons)
        scored = model.predict(table, reasons=0, as_of=as_of)
        return add_horizons(model, scored, table, months, as_of)[list(horizon_columns(months))]

    def expected_lifetime_months(
        self, prospects: Any, *, as_of: date | None = None
    ) -> pd.DataFrame:
        """Return the mean months until each prospect would leave, with an 80% interval.

        One row per prospect, with the columns ``expected_lifetime_months``, ``lifetime_low``,
        ``lifetime_high``, ``curve_ends_month`` (the last month on which the training deals have
        data) and ``still_there_then`` (the share of such customers that has not left by then).
        For that share the lifetime uses a cautious tail; see `ChurnCurve.lifetime`. Parameters
        and errors are those of `predict`.
        """
        import pandas as pd

        model, table = cast("CurvedModel", self), _table(prospects)
        curve, stratum = curve_of(model), strata_of(model, table, as_of)
        probability, low, high = _predicted(model, table, as_of)
        lower, upper = curve.interval_by(probability, low, high, range(curve.months + 1), stratum)
        columns = {
            "expected_lifetime_months": curve.lifetime(probability, stratum),
            "lifetime_low": curve.lifetime_of(1.0 - upper),  # a higher risk is a shorter life
            "lifetime_high": curve.lifetime_of(1.0 - lower),
            "curve_ends_month": np.full(len(table), curve.months),
            "still_there_then": curve.survival(probability, stratum)[:, -1],
        }
        return pd.DataFrame(columns, index=table.index)


def score_signed(
    model: CurvedModel,
    customers: pd.DataFrame,
    months: tuple[int, ...],
    *,
    closed_on: str | None = None,
    as_of: date,
) -> pd.DataFrame:
    """Return the probability that signed customers leave soon, given the time stayed so far.

    Parameters
    ----------
    model : CurvedModel
        Model with a churn curve.
    customers : DataFrame
        Table with the model's attributes and the closing date. Each customer is assessed as of
        its closing date.
    months : tuple of int
        Numbers of months to look ahead, counted from `as_of`.
    closed_on : str, optional
        Column of the closing date; default the contract's.
    as_of : date
        Today's date, up to which the time stayed is counted.

    Returns
    -------
    DataFrame with the index of `customers` and the columns

    - ``months_stayed``: months since closing
    - ``leaves_within_3m`` ...: P(leaves within the next 3 months | stayed so far)
    - ``remaining_months``: mean months from now until the customer leaves
    - ``beyond_data``: whether the longest look ahead ends after the model's curve. The unknown
      part is then replaced by a tail at the upper limit of the observed rate

    Raises
    ------
    ProspectError
        If the model has no curve, there is no column of closing dates, or a closing date cannot
        be read or is after `as_of`.
    """
    import pandas as pd

    curve = curve_of(model)
    stayed = months_stayed(model, customers, closed_on or model.scorer.closed_on, as_of)
    probability, _, _ = _predicted(model, customers, as_of)
    stratum = strata_of(model, customers, as_of)
    columns: dict[str, Any] = {"months_stayed": stayed}
    for ahead in months:
        columns[f"leaves_within_{ahead}m"] = curve.probability_of_leaving(
            probability, stayed, ahead, stratum
        )
    columns["remaining_months"] = curve.remaining_life(probability, stayed, stratum)
    columns["beyond_data"] = stayed + max(months) > curve.months
    return pd.DataFrame(columns, index=customers.index)


def months_stayed(
    model: CurvedModel, customers: pd.DataFrame, column: str | None, as_of: date
) -> Floats:
    """Return the months from each customer's closing date to `as_of`, shape (n,)."""
    from fitmodel.deals.attributes import read_days
    from fitmodel.deals.months import months_between

    if column is None or column not in customers.columns:
        raise ProspectError(
            f"the customers have no column {column or 'closed_on'!r} with the day signed, from "
            "which the time stayed is counted. Remedy: add it."
        )
    days, wrong = read_days(customers[column], model.scorer.forms.date(column))
    day = np.datetime64(cast("date", as_of_date(as_of)), "D")
    for bad, problem, remedy in (
        (wrong | np.isnat(days), "is empty or cannot be read", "give the day signed"),
        (days > day, f"lies after {as_of}", "leave out who is not signed yet, or give --as-of"),
    ):
        if bad.any():
            first = int(bad.argmax())
            raise ProspectError(
                f"{column}: {customers[column].iloc[first]!r} {problem} in {int(bad.sum())} of "
                f"{len(bad)} rows, the first in row {first + 1}. Remedy: {remedy}."
            )
    return months_between(days, np.full(len(days), day))


def _table(prospects: Any) -> pd.DataFrame:
    import pandas as pd

    from fitmodel.model.inputs import normalise_prospects

    given = normalise_prospects(prospects).prospects
    if isinstance(given, pd.DataFrame):
        return given
    return pd.DataFrame(given if isinstance(given, list) else [given])


def _predicted(
    model: CurvedModel, table: pd.DataFrame, as_of: date | None
) -> tuple[Floats, Floats, Floats]:
    """Return the probability at the own horizon and its interval; NaN for lost rows."""
    return own_values(model.predict(table, reasons=0, as_of=as_of))
