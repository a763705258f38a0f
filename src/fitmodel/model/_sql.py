"""Export of a model as one SELECT, with which a data warehouse scores its own tables.

the scorecard's tables -> small tables in the statement -> joined with the table of prospects
                       -> the same sums, probability and decision as `FitModel.predict`
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from numbers import Integral
from typing import TYPE_CHECKING

from fitmodel.exceptions import SpecError
from fitmodel.model._sql_decision import add_decision, add_reasons
from fitmodel.model._sql_dialects import DIALECTS, dialect_named
from fitmodel.model._sql_reading import read_prospects
from fitmodel.model._sql_scores import add_horizons, add_scores
from fitmodel.model._sql_steps import Steps
from fitmodel.model.horizons import horizon_columns

if TYPE_CHECKING:
    from fitmodel.model.scorer import Scorer

__all__ = ["SQL_DIALECTS", "scorer_to_sql"]

SQL_DIALECTS = tuple(DIALECTS)
"""Names of the databases that SQL can be written for."""
_PREDICTED = (
    ("early_churn_probability", "fm_p"),
    ("probability_low", "fm_low"),
    ("probability_high", "fm_high"),
    ("poor_fit", "fm_poor"),
    ("fit", "fm_fit"),
    ("expected_value", "fm_value"),
    ("unfamiliar", "fm_unfamiliar"),
)
_AFTER = (
    ("worth", "fm_worth"),
    ("escalate", "fm_escalate"),
    ("expected_value_low", "fm_least"),
    ("expected_value_high", "fm_most"),
    ("own_evidence", "fm_own"),
)


def scorer_to_sql(
    scorer: Scorer,
    dialect: str,
    table: str,
    *,
    reasons: int = 0,
    as_of: date | None = None,
    absent: Iterable[str] = (),
    horizons: Sequence[int] = (),
) -> str:
    """Return a scorer as one SELECT; see `FitModel.to_sql`."""
    sql = dialect_named(dialect).for_table(table)
    if isinstance(reasons, bool) or not isinstance(reasons, Integral) or reasons < 0:
        raise SpecError(f"reasons is {reasons!r}. Remedy: give 0 or more.")
    without = frozenset(absent)
    steps = Steps(sql, sql.table(table))
    read_prospects(steps, scorer, without, as_of)
    add_scores(steps, scorer.scorecard, reasons=reasons > 0)
    add_horizons(steps, scorer, horizons)
    has_amount = scorer.amount is not None and scorer.amount not in without
    add_decision(steps, scorer.policy, has_amount=has_amount)
    reason_columns = list(add_reasons(steps, scorer.sentences("en"), reasons))
    predicted = [(name, _if_readable(column)) for name, column in (*_PREDICTED, *_AFTER)]
    version = ("model_version", _if_readable(sql.literal(scorer.version)))
    split = len(_PREDICTED)
    made = (f"fm_{name}{month}" for month in horizons for name in ("p", "low", "high"))
    at = [*zip(horizon_columns(horizons), map(_if_readable, made), strict=True)]
    end = ("error", "fm_error")
    columns = [*predicted[:split], *reason_columns, version, *predicted[split:], *at, end]
    return _header(scorer, sql.name) + steps.finish(columns)


def _if_readable(column: str) -> str:
    return f"CASE WHEN fm_error IS NULL THEN {column} END"


def _header(scorer: Scorer, dialect: str) -> str:
    return (
        f"-- Early churn of prospects by the model {scorer.version}, in the SQL of {dialect}.\n"
        "-- Written by `fitmodel export sql`: do not edit, export again.\n"
    )
