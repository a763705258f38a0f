"""Predictions at horizons other than the model's own, from its churn curve.

early_churn_probability, the level of the timing attribute -> the model's churn curve
-> churn_probability_3m and its interval

`fitmodel.model.survival` uses the same curve for survival per month, lifetime, and the probability
of leaving given the time stayed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Integral
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fitmodel.exceptions import ProspectError
from fitmodel.model.inputs import normalise_prospects

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.learning.churn_curve import ChurnCurve, Floats, Strata
    from fitmodel.model.scorer import Scorer

MAX_HORIZONS = 24
OWN_COLUMNS = ("early_churn_probability", "probability_low", "probability_high")


class CurvedModel(Protocol):
    """The part of a model that predictions at other horizons need; a `FitModel` has it."""

    @property
    def scorer(self) -> Scorer:
        """Scorecard, policy, roles and the churn curve."""

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes, in order."""

    @property
    def horizon_months(self) -> int | None:
        """The model's own horizon."""

    @property
    def predict(self) -> Callable[..., Any]:
        """As `FitModel.predict`."""


def horizon_column(months: int) -> str:
    """Return the column name of the probability of leaving within a number of months."""
    return f"churn_probability_{months}m"


def horizon_columns(horizons: Sequence[int]) -> tuple[str, ...]:
    """Return the column names of some horizons: for each the probability and its interval."""
    names = map(horizon_column, horizons)
    return tuple(f"{name}{end}" for name in names for end in ("", "_low", "_high"))


def check_horizons(model: CurvedModel, horizons: Any) -> tuple[int, ...]:
    """Return the horizons in whole months, ascending and without repeats.

    Parameters
    ----------
    model : CurvedModel
        Model with its churn curve, or without one if it is older.
    horizons : int or sequence of int
        Horizons in months since signing.

    Raises
    ------
    ProspectError
        If a horizon is not a whole number of months, or is beyond the model's curve, or is not
        the model's own horizon and the model has no curve; or if there are more than 24.
    """
    listed = [*horizons] if isinstance(horizons, Iterable) else [horizons]
    for months in listed:
        if isinstance(months, bool) or not isinstance(months, Integral) or months < 1:
            raise ProspectError(
                f"a horizon is {months!r}; give whole months, 1 or more, such as 3 or 12"
            )
    requested = tuple(sorted({int(months) for months in listed}))
    if len(requested) > MAX_HORIZONS:
        raise ProspectError(f"{len(requested)} horizons are more than {MAX_HORIZONS} at once")
    curve, own = model.scorer.curve, model.horizon_months
    for months in requested:
        if curve is None and months != own:
            raise ProspectError(f"horizon {months}: {_no_curve(model)}")
        if curve is not None and months > curve.months:
            raise ProspectError(
                f"horizon {months}: the model's curve ends at month {curve.months}, the last at "
                "which ten or more customers were watched, so what is later is not known. Remedy: "
                f"ask for at most {curve.months} months, or train again when deals are older."
            )
    return requested


def curve_of(model: CurvedModel) -> ChurnCurve:
    """Return the model's churn curve.

    Raises
    ------
    ProspectError
        If the model has no curve.
    """
    if model.scorer.curve is None:
        raise ProspectError(_no_curve(model))
    return model.scorer.curve


def _no_curve(model: CurvedModel) -> str:
    own = model.horizon_months
    text = "unknown" if own is None else f"{own} months"
    return (
        f"the model was trained before there were churn curves, and answers at its own horizon "
        f"({text}) only. Remedy: train it again with this version of fitmodel."
    )


def churn_at(
    model: CurvedModel,
    own: tuple[Floats, Floats, Floats],
    horizons: Sequence[int],
    stratum: Strata | None,
) -> Floats:
    """Return the probability of leaving within each horizon and the ends of its 80% interval.

    Parameters
    ----------
    model : CurvedModel
        Model with its churn curve, or without one if it is older.
    own : tuple of ndarray, shape (n,)
        Probability and the ends of its interval at the model's own horizon; NaN gives NaN.
    horizons : sequence of int
        Horizons in months since signing.
    stratum : ndarray of int, shape (n,), optional
        Row of the curve for each prospect; None where the curve has one stratum.

    Returns
    -------
    ndarray, shape (n, 3 * horizons)
        The columns in the order of `horizon_columns`.
    """
    curve = model.scorer.curve
    if curve is None:  # `check_horizons` allows only the model's own horizon then
        return np.tile(np.stack(own, axis=1), len(horizons))
    centre = curve.left_by(own[0], horizons, stratum)
    ends = curve.interval_by(*own, horizons, stratum)
    return np.stack([centre, *ends], axis=2).reshape(len(centre), -1)


def strata_of(model: CurvedModel, table: pd.DataFrame, as_of: date | None) -> Strata | None:
    """Return the curve's stratum of each row of a table; None where the model has only one."""
    position = timing_position(model)
    if position is None:
        return None
    from fitmodel.model.frame_scorer import code_table

    return curve_of(model).strata[code_table(model.scorer, table, as_of).codes[:, position]]


def timing_position(model: CurvedModel) -> int | None:
    """Return the position of the attribute by which the curve is stratified; None without one."""
    curve = model.scorer.curve
    if curve is None or curve.attribute is None:
        return None
    return model.attributes.index(curve.attribute)


def add_horizons(
    model: CurvedModel,
    scored: pd.DataFrame,
    table: pd.DataFrame,
    horizons: Sequence[int],
    as_of: date | None,
) -> pd.DataFrame:
    """Return a scored table with the columns of each horizon added."""
    stratum = strata_of(model, table, as_of)
    values = churn_at(model, own_values(scored), horizons, stratum)
    names = horizon_columns(horizons)
    return scored.assign(**{name: values[:, position] for position, name in enumerate(names)})


def own_values(scored: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Return the probability at the own horizon and its interval; NaN for rows without one."""
    import pandas as pd

    probability, low, high = (
        pd.to_numeric(scored[name]).to_numpy(dtype=np.float64, na_value=np.nan)
        for name in OWN_COLUMNS
    )
    return probability, low, high


def predict_at(model: CurvedModel, prospects: Any, horizon_months: Any, **options: Any) -> Any:
    """Predict as `FitModel.predict` does, and add the probability at other horizons."""
    horizons = check_horizons(model, horizon_months)
    given = normalise_prospects(prospects)
    predictions = model.predict(given.prospects, **options)
    if isinstance(given.prospects, Mapping):
        return _at_horizons(model, [predictions], [given.prospects], horizons, options["as_of"])[0]
    if isinstance(given.prospects, list):
        listed = _at_horizons(model, predictions, given.prospects, horizons, options["as_of"])
        return given.convert_back(listed)
    return given.convert_back(
        add_horizons(model, predictions, given.prospects, horizons, options["as_of"])
    )


def _at_horizons(
    model: CurvedModel,
    predictions: Sequence[Any],
    prospects: Sequence[Mapping[str, Any]],
    horizons: Sequence[int],
    as_of: date | None,
) -> list[Any]:
    probability, low, high = (
        np.array([getattr(item, name) for item in predictions], dtype=np.float64)
        for name in OWN_COLUMNS
    )
    stratum = _strata_of_rows(model, prospects, as_of)
    values = churn_at(model, (probability, low, high), horizons, stratum)
    parts = values.reshape(len(predictions), -1, 3).tolist()
    return [
        replace(
            item,
            churn_probabilities=tuple(
                (months, row[0]) for months, row in zip(horizons, rows, strict=True)
            ),
            churn_intervals=tuple(
                (months, *row[1:]) for months, row in zip(horizons, rows, strict=True)
            ),
        )
        for item, rows in zip(predictions, parts, strict=True)
    ]


def _strata_of_rows(
    model: CurvedModel, prospects: Sequence[Mapping[str, Any]], as_of: date | None
) -> NDArray[np.intp] | None:
    position = timing_position(model)
    if position is None:
        return None
    codes = [model.scorer.codes(prospect, as_of)[position] for prospect in prospects]
    return curve_of(model).strata[np.asarray(codes, dtype=np.intp)]
