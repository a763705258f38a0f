"""Monitoring of a model: a table compared with its training deals, outcomes with predictions.

table -> deals signed after the training period -> drift of each attribute
      -> cohorts of those deals: observed over expected early churn
      -> decision log: outcomes of flagged deals that were signed, picked by a person or drawn
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.crm.prospects import add_history, with_tables_of
from fitmodel.crm.reading import read_with_history
from fitmodel.deals.outcomes import outcomes
from fitmodel.exceptions import DealsError
from fitmodel.monitoring.drift import compute_drift, without_unreadable
from fitmodel.monitoring.matching import match_log
from fitmodel.monitoring.performance import (
    compute_cohorts,
    evaluate_drawn,
    evaluate_overrides,
    observed_over_expected,
)
from fitmodel.tables.cells import row_name, shown
from fitmodel.tables.values import read_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.monitoring.log import DecisionLog


@dataclass(frozen=True, eq=False)
class MonitoringReport:
    """Whether a model in use still fits the deals that are signed now.

    Attributes
    ----------
    model : FitModel
        The model that is monitored.
    rows : int
        Number of deals compared with those the model learned from.
    drift : DataFrame
        Result of `fitmodel.monitoring.drift.compute_drift`.
    cohorts : DataFrame or None
        Result of `fitmodel.monitoring.performance.compute_cohorts`; None without outcomes, or if no
        deal was signed after the training period.
    overrides : dict or None
        Result of `fitmodel.monitoring.performance.evaluate_overrides`; None without a decision log.
    notes : tuple of str
        Number of rows that [rows] of the contract left out or merged, of rows that are not
        prospects, and of values that cannot be read.
    drawn : dict or None
        Result of `fitmodel.monitoring.performance.evaluate_drawn`; None without a decision log.
    has_later : bool
        Whether only deals signed after the training period are compared; False if there are none,
        so that all are compared, which the model may have learned from.
    log_match : str or None
        How many prospects of the decision log were matched with deals, and why others were not.
    """

    model: FitModel
    rows: int
    drift: pd.DataFrame
    cohorts: pd.DataFrame | None = None
    overrides: dict[str, float] | None = None
    notes: tuple[str, ...] = ()
    drawn: dict[str, float] | None = None
    log_match: str | None = None
    has_later: bool = True

    @property
    def drifted(self) -> list[str]:
        """Names of the attributes that have drifted, in any group."""
        names = self.drift.loc[self.drift["verdict"] == "drift", "attribute"]
        return [str(name) for name in names.unique()]

    @property
    def outcomes(self) -> dict[str, float] | None:
        """Early churners of all cohorts against those expected by now; None if none is expected.

        See `fitmodel.monitoring.performance.observed_over_expected`.
        """
        if self.cohorts is None:
            return None
        learned = _learned_churners(self.model)
        found = observed_over_expected(self.cohorts, learned_churners=learned)
        return found if found["expected"] > 0 else None

    @property
    def is_off_level(self) -> bool:
        """Whether more or fewer customers left early than predicted, beyond chance."""
        found = self.outcomes
        return found is not None and (found["ratio_low"] > 1 or found["ratio_high"] < 1)

    def metrics(self) -> Iterator[tuple[str, int, float]]:
        """Yield name, step and value of each metric to track; a step is a month such as 202603."""
        for row in self.drift.to_dict("records"):
            step = int(str(row.get("group", "0")).replace("-", ""))
            for name in ("index", "missing", "unseen"):
                yield f"drift/{row['attribute']}/{name}", step, row[name]
        cohorts = [] if self.cohorts is None else self.cohorts.reset_index().to_dict("records")
        for row in cohorts:
            year, quarter = row["cohort"].split("Q")
            step = 100 * int(year) + 3 * int(quarter)  # the quarter's last month
            for name in ("ratio", "ratio_low", "ratio_high", "slope", "auc", "auc_estimated"):
                yield f"cohort/{name}", step, row[name]
        for kind in ("outcomes", "overrides", "drawn"):
            for name, value in (getattr(self, kind) or {}).items():
                yield f"{kind}/{name}", 0, value


def monitor(
    table: pd.DataFrame,
    model: FitModel,
    spec: DealSpec | None = None,
    *,
    log: DecisionLog | None = None,
    by_month: bool = False,
    progress: Callable[[str], None] = lambda _step: None,
) -> MonitoringReport:
    """Compare a table with the deals a model learned from, and outcomes with its predictions.

    Parameters
    ----------
    table : DataFrame
        Prospects, or deals with the contract's outcome columns. If there are deals signed after the
        model's training period, only these are compared.
    model : FitModel
        The model to monitor.
    spec : DealSpec, optional
        The contract; without it, or without its outcome columns in the table, only drift is
        measured.
    log : DecisionLog, optional
        Decision log, to compare the outcomes of flagged deals that were signed with their
        probabilities.
    by_month : bool
        Whether to measure drift separately for each month of signing.
    progress : callable
        Called with the name of each step when it begins.

    Raises
    ------
    DealsError
        If `by_month` is given without closing dates, `log` without outcomes or an id, or the deals
        cannot be read.

    Examples
    --------
    >>> model = fitmodel.load("models/prospect-fit")
    >>> report = monitor(pd.read_csv("prospects.csv"), model)
    >>> report.rows, report.cohorts is None
    (50, True)
    """
    deals, contract, notes = _as_deals(table, spec, model)
    if contract is None:
        deals, lost = _without_lost(deals, model)
        notes = (*notes, *lost)
    readable, unreadable = without_unreadable(deals, model)
    notes = (*notes, *_unreadable_notes(deals, unreadable))
    is_later = _is_signed_later(readable, contract, model)
    chosen = is_later if is_later.any() else np.ones(len(readable), dtype=bool)
    compared = readable[chosen]
    progress("drift")
    drift = compute_drift(
        compared,
        model,
        by=_months(compared, contract) if by_month else None,
        unreadable={name: rows[chosen] for name, rows in unreadable.items()},
    )
    progress("cohorts")
    evaluated = {} if log is None else _against_log(deals, contract, log, model, spec)
    return MonitoringReport(
        model,
        len(compared),
        drift,
        None if contract is None else _cohorts(deals, readable[is_later], contract, model),
        notes=notes,
        has_later=bool(is_later.any()),
        **evaluated,
    )


def _amount_notes(table: pd.DataFrame, spec: DealSpec) -> Iterator[str]:
    """Yield a note on amounts that are not numbers, which are read as missing in past deals."""
    name = spec.deals.amount
    if name is not None and name in table.columns:
        unreadable = read_numbers(table[name], spec.reading.forms.numbers.get(name)).unreadable
        if unreadable.any():
            yield from _unreadable_notes(table, {name: unreadable})


def _without_lost(table: pd.DataFrame, model: FitModel) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the rows of a pipeline that are prospects, and a note on how many are not."""
    lost = model.scorer.lost.of_table(table)
    if not lost:
        return table, ()
    positions = np.delete(np.arange(len(table)), list(lost))
    note = f"{len(lost):,} of {len(table):,} rows are not prospects: {next(iter(lost.values()))}"
    return table.iloc[positions], (note,)


def _unreadable_notes(
    table: pd.DataFrame, unreadable: dict[str, NDArray[np.bool_]]
) -> Iterator[str]:
    """Yield a note per column on values that cannot be read, which count as missing."""
    for name, rows in unreadable.items():
        first = int(np.flatnonzero(rows)[0])
        yield (
            f"{name}: {int(rows.sum()):,} value(s) cannot be read and count as missing, for "
            f"example {shown(table[name].iloc[first])} in {row_name(table.index[first])}"
        )


def _as_deals(
    table: pd.DataFrame, spec: DealSpec | None, model: FitModel
) -> tuple[pd.DataFrame, DealSpec | None, tuple[str, ...]]:
    """Return the table read as deals if it has the outcome columns, else with its history added."""
    if spec is not None and spec.has_dates and set(spec.outcome_columns) <= set(table.columns):
        contract = with_tables_of(model.manifest, spec)
        read = read_with_history(table, contract, to_learn=False)
        return read.table, spec, (*read.notes, *_amount_notes(table, spec))
    return add_history(table, model), None, ()


def _is_signed_later(
    deals: pd.DataFrame, spec: DealSpec | None, model: FitModel
) -> NDArray[np.bool_]:
    """Return which deals were signed after the last training deal: only these can show a change."""
    period = model.manifest.get("period")
    if spec is None or not period or period[-1] == "None":  # a model of tenures has no dates
        return np.ones(len(deals), dtype=bool)
    return np.asarray(deals[spec.deals.closed_on] > pd.Timestamp(period[-1]), dtype=bool)


def _cohorts(
    deals: pd.DataFrame, later: pd.DataFrame, spec: DealSpec, model: FitModel
) -> pd.DataFrame | None:
    if later.empty:
        return None
    predicted = model.predict(later, reasons=0)["early_churn_probability"]
    return compute_cohorts(deals, spec, predicted)


def _months(deals: pd.DataFrame, spec: DealSpec | None) -> pd.Series[Any]:
    """Return the month of signing of each deal, such as "2026-03"."""
    if spec is None or spec.deals.closed_on is None:
        raise DealsError(
            "--by-month needs deals with the contract's dates. Remedy: name the contract with -c "
            "and give a table that has its columns."
        )
    months: pd.Series[Any] = deals[spec.deals.closed_on].dt.strftime("%Y-%m")
    return months


def _learned_churners(model: FitModel) -> float:
    """Return the early churners that the model learned its level from; infinite if not known."""
    report = model.manifest.get("report") or {}
    return float(report.get("n_early_churners") or np.inf)


def _lacking_for_log(read_by: DealSpec | None, given: DealSpec | None, deals: pd.DataFrame) -> str:
    """Return what is missing to compare outcomes with the decision log, and the remedy.

    `read_by`: the contract by which the deals were read; None if they were read as prospects.
    """
    if given is None:
        return "needs deals with outcomes. Remedy: name their contract with -c"
    if not given.has_dates:
        return "needs the dates of signing and leaving, and the contract has a tenure only"
    if read_by is None:
        missing = ", ".join(repr(name) for name in given.outcome_columns if name not in deals)
        return f"needs deals with outcomes, and the table has no column {missing}"
    return "needs the id of each deal. Remedy: name its column in the contract, as [deals] id"


def _against_log(
    deals: pd.DataFrame,
    spec: DealSpec | None,
    log: DecisionLog,
    model: FitModel,
    given: DealSpec | None,
) -> dict[str, Any]:
    """Return the outcomes of flagged deals that were signed, and how the log was matched."""
    if spec is None or spec.deals.id is None:
        raise DealsError(f"--log {_lacking_for_log(spec, given, deals)}")
    match = match_log(deals, spec, log)
    known = outcomes(deals, spec)
    # A leaver is known at once, a stayer only at the horizon: so only mature deals are unbiased.
    churn = known["early_churn"].where(known["mature"] & (known["entry_months"] == 0))
    names = match.prospect.reindex(churn.index)
    is_usable = names.notna() & ~names.duplicated()
    signed, latest = churn[is_usable].set_axis(names[is_usable].to_numpy()), log.latest()
    learned = _learned_churners(model)
    return {
        "overrides": evaluate_overrides(latest, signed, learned_churners=learned),
        "drawn": evaluate_drawn(latest, signed, learned_churners=learned),
        "log_match": match.in_words(),
    }
