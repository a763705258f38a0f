"""Frame scorer: score many prospects at once with numpy, equal to the row scorer to the bit.

table -> attribute columns -> codes -> log-odds, deviation -> probability, interval
      -> policy -> poor_fit, fit, expected_value -> a frame with the table's index
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals.attributes import read_attributes, read_days
from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import NumberColumn
from fitmodel.learning.encoding import column_codes, read_numbers
from fitmodel.model._batch_reasons import largest_terms, ranked, reasons_as_json
from fitmodel.model._reasons import NO_DATES, Reason
from fitmodel.model._row_encoder import missing_attributes, unfamiliar_codes
from fitmodel.model._row_scorer import MAX_AMOUNT, UNFAMILIAR_WIDENING, unseen_bands
from fitmodel.model._scored_frames import (
    predict_few,
    reasons_column,
    refuse_unreadable,
    warn_of_empty,
    warn_of_today,
    without_lost,
)
from fitmodel.model.scorer import as_of_date
from fitmodel.tables import values as readers
from fitmodel.tables.cells import shown
from fitmodel.tables.values import today

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from numpy.typing import NDArray

    from fitmodel.model._sentences import Sentences
    from fitmodel.model.scorer import Scorer

__all__ = ["code_table", "missing_attributes", "predict_frame"]

BANDS = ("good", "poor", "watch")  # in alphabetical order, as searchsorted needs them
WORTHS = ("", "gains", "loses", "unclear")  # in alphabetical order too


@dataclass(frozen=True, eq=False)
class CodedTable:
    """A table of prospects, encoded for the scorecard.

    Parameters
    ----------
    given : DataFrame
        The attributes as given; numbers in a special format as numbers, placeholders as missing.
    attributes : DataFrame
        The same with dates as days before closing.
    codes : ndarray of int, shape (prospects, attributes)
        Code of each attribute's value, which selects a row of its table.
    unfamiliar : ndarray of bool, shape (prospects,)
        Whether a prospect is unlike the deals in the training set.
    unreadable : dict of str to ndarray of bool
        From a column to the rows whose value could not be read.
    amount : ndarray of float, shape (prospects,)
        Yearly contract value; NaN where it is not known.
    days : dict of int to ndarray of float
        From the position of each date attribute to the days between that date and closing.
    """

    given: pd.DataFrame
    attributes: pd.DataFrame
    codes: NDArray[np.int32]
    unfamiliar: NDArray[np.bool_]
    unreadable: dict[str, NDArray[np.bool_]]
    amount: NDArray[np.float64]
    days: dict[int, NDArray[np.float64]]


def predict_frame(
    scorer: Scorer,
    table: pd.DataFrame,
    reasons: int,
    as_of: date | None = None,
    language: str = "en",
    *,
    note: str | None = None,
) -> pd.DataFrame:
    """Return the prediction columns for every row of a table, with its index.

    `note` starts a warning, given if dates counted back from today are unlike those of past deals.

    Raises
    ------
    ProspectError
        If an attribute's column is absent, or values cannot be read.
    """
    few = predict_few(scorer, table, reasons, as_of, language)
    if few is not None:
        warn_of_today(scorer, _days_from_today(scorer, table) if note else {}, note)
        return few
    coded, lost = code_table(scorer, table, as_of), scorer.lost.of_table(table)
    refuse_unreadable(table, coded.unreadable, lost)
    warn_of_today(scorer, coded.days, note)
    warn_of_empty(scorer, coded.codes)
    return without_lost(score_coded(scorer, coded, reasons, language), lost)


def _days_from_today(scorer: Scorer, table: pd.DataFrame) -> dict[int, NDArray[np.float64]]:
    """Return, for the position of each date attribute, the days between that date and today."""
    positions = {
        position: column.name
        for position, column in enumerate(scorer.scorecard.columns)
        if isinstance(column, NumberColumn) and column.is_date
    }
    names = list(positions.values())
    closing = np.full(len(table), np.datetime64(today(), "D"))
    read = read_attributes(table, names, closed_on=closing, dates=names, forms=scorer.forms).frame
    return {position: read[name].to_numpy(dtype=float) for position, name in positions.items()}


def predict_leniently(
    scorer: Scorer,
    table: pd.DataFrame,
    reasons: int,
    as_of: date | None = None,
    *,
    as_json: bool = False,
    language: str = "en",
) -> tuple[pd.DataFrame, pd.Series]:
    """Return prediction columns, and an error text per row (None where there is no error).

    Rows with an error, and rows that are lost according to `[rows]` of the contract, have missing
    predictions. With `as_json` the reasons are JSON text.
    """
    coded, lost = code_table(scorer, table, as_of), scorer.lost.of_table(table)
    predictions = score_coded(scorer, coded, 0 if as_json else reasons, language)
    if as_json and reasons > 0:
        sentences = scorer.sentences(language)
        texts = reasons_as_json(sentences, coded.codes, coded.given, reasons, coded.days)
        as_column: Any = pd.array(texts, dtype=pd.ArrowDtype(texts.type))
        position = list(predictions.columns).index("model_version")
        predictions.insert(position, "reasons", as_column)
    errors = row_errors(table, coded, lost)
    bad = errors.notna().to_numpy()
    if not bad.any():
        return predictions, errors
    return predictions.astype(object).mask(pd.Series(bad, index=table.index), None, axis=0), errors


def row_errors(table: pd.DataFrame, coded: CodedTable, lost: Mapping[int, str]) -> pd.Series:
    """Return why each row gets no prediction; None for a row that gets one."""
    errors: list[str | None] = [None] * len(table)
    for name, rows in coded.unreadable.items():
        for position in np.flatnonzero(rows).tolist():
            text = f"{name}: {shown(table[name].iloc[position])} cannot be read"
            before = errors[position]
            errors[position] = text if before is None else f"{before}; {text}"
    for position, why in lost.items():
        errors[position] = why
    return pd.Series(errors, index=table.index, dtype=object)


def code_table(scorer: Scorer, table: pd.DataFrame, as_of: date | None) -> CodedTable:
    """Return the prospects of a table, encoded for the scorecard.

    Raises
    ------
    ProspectError
        If the column of an attribute is absent, or a column name occurs more than once.
    """
    scorecard = scorer.scorecard
    absent = [name for name in scorecard.attributes if name not in table.columns]
    if absent:
        raise missing_attributes(scorecard.attributes, list(table.columns))
    _refuse_duplicate_columns(scorer, table)
    plain = _with_numbers(scorer, _without_placeholders(scorer, table))
    values, unreadable = _attribute_values(scorer, plain, as_of)
    codes = np.empty((len(table), len(scorecard.columns)), dtype=np.int32)
    unfamiliar = np.zeros(len(table), dtype=bool)
    days: dict[int, NDArray[np.float64]] = {}
    for position, (column, unfamiliar_here) in enumerate(
        zip(scorecard.columns, unfamiliar_codes(scorecard), strict=True)
    ):
        read = values[column.name]
        if isinstance(column, NumberColumn):
            numbers, bad = read_numbers(read, scorer.forms.number(column.name))
            codes[:, position] = column.codes(numbers)
            unfamiliar |= column.outside(numbers)
            if column.is_date:
                days[position] = numbers
        else:
            codes[:, position], bad = column_codes(column, read)
        if bad.any():
            unreadable[column.name] = bad
        if unfamiliar_here:
            is_unfamiliar = np.zeros(column.size + 2, dtype=bool)
            is_unfamiliar[unfamiliar_here] = True
            unfamiliar |= is_unfamiliar[codes[:, position]]
    unfamiliar |= _unfamiliar_combinations(scorer, codes)
    amount = _amounts(scorer, table, unreadable)
    given = plain[list(scorecard.attributes)]
    return CodedTable(given, values, codes, unfamiliar, unreadable, amount, days)


def _refuse_duplicate_columns(scorer: Scorer, table: pd.DataFrame) -> None:
    used = {*scorer.scorecard.attributes, scorer.amount, scorer.closed_on}
    duplicates = sorted(map(str, used.intersection(table.columns[table.columns.duplicated()])))
    if duplicates:
        raise ProspectError(
            f"the table has more than one column named {duplicates}. Remedy: rename or drop them."
        )


def score_coded(
    scorer: Scorer, coded: CodedTable, reasons: int, language: str = "en"
) -> pd.DataFrame:
    """Return the prediction columns of encoded prospects."""
    scorecard, policy = scorer.scorecard, scorer.policy
    log_odds, deviation = scorecard.scores(coded.codes)
    deviation = np.where(coded.unfamiliar, deviation * UNFAMILIAR_WIDENING, deviation)
    probability = scorecard.calibration.probability(log_odds)
    low, high = scorecard.interval(log_odds, deviation)
    verdict = policy.verdicts(probability, low, high, coded.amount, coded.unfamiliar)
    columns: dict[str, Any] = {
        "early_churn_probability": probability,
        "probability_low": low,
        "probability_high": high,
        "poor_fit": verdict.poor_fit,
        "fit": _texts(BANDS, np.searchsorted(BANDS, verdict.fit)),
        "expected_value": verdict.expected_value,
        "unfamiliar": coded.unfamiliar,
    }
    index = coded.given.index
    result = pd.DataFrame(columns, index=index)
    if reasons > 0:
        listed = _reasons(scorer.sentences(language), coded, reasons)
        result["reasons"] = reasons_column(listed)
    result["model_version"] = _texts((scorer.version,), np.zeros(len(index), dtype=np.intp))
    result["worth"] = _texts(WORTHS, np.searchsorted(WORTHS, verdict.worth))
    result["escalate"] = verdict.escalate
    result["expected_value_low"] = verdict.expected_value_low
    result["expected_value_high"] = verdict.expected_value_high
    result["own_evidence"] = scorecard.own_evidence(coded.codes)
    return result


def _texts(distinct: tuple[str, ...], positions: NDArray[np.intp]) -> Any:
    """Return a text column from its few distinct texts, which is faster than row by row."""
    return pd.array(list(distinct), dtype="str").take(positions)


def _attribute_values(
    scorer: Scorer, table: pd.DataFrame, as_of: date | None
) -> tuple[pd.DataFrame, dict[str, NDArray[np.bool_]]]:
    """Return the attributes with dates as days before closing, and the unreadable dates."""
    dates = [c.name for c in scorer.scorecard.columns if isinstance(c, NumberColumn) and c.is_date]
    if not dates:
        return table[list(scorer.scorecard.attributes)], {}
    closing = np.full(len(table), np.datetime64(as_of_date(as_of) or today(), "D"))
    wrong = np.zeros(len(table), dtype=bool)
    if scorer.closed_on is not None and scorer.closed_on in table.columns:
        given, wrong = read_days(table[scorer.closed_on], scorer.forms.date(scorer.closed_on))
        closing = np.where(np.isnat(given), closing, given)
    read = read_attributes(
        table, scorer.scorecard.attributes, closed_on=closing, dates=dates, forms=scorer.forms
    )
    wrong &= read.frame[dates].notna().any(axis=1).to_numpy()  # needed only where a date is known
    return read.frame, ({str(scorer.closed_on): wrong} if wrong.any() else {}) | read.unreadable


def _with_numbers(scorer: Scorer, table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with numbers in the format of training as numbers; other text stays."""
    for name in scorer.forms.numbers.keys() & set(scorer.scorecard.attributes):
        reading = readers.read_numbers(table[name], scorer.forms.number(name))
        values, bad = reading.series, reading.unreadable
        cells = values.astype(object).mask(bad, table[name]) if bad.any() else values
        table = table.assign(**{name: cells})
    return table


def _without_placeholders(scorer: Scorer, table: pd.DataFrame) -> pd.DataFrame:
    """Return the table without the texts that mean missing in columns of the past deals."""
    for name in scorer.forms.empty.keys() & set(table.columns):
        empty = [scorer.forms.is_empty(name, value) for value in table[name]]
        table = table.assign(**{name: table[name].mask(pd.Series(empty, index=table.index))})
    return table


def _amounts(
    scorer: Scorer, table: pd.DataFrame, unreadable: dict[str, NDArray[np.bool_]]
) -> NDArray[np.float64]:
    if scorer.amount is None or scorer.amount not in table.columns:
        return np.full(len(table), np.nan)
    numbers, bad = read_numbers(table[scorer.amount], scorer.forms.number(scorer.amount))
    if bad.any():
        unreadable[scorer.amount] = bad
    return np.where(np.abs(numbers) < MAX_AMOUNT, numbers, np.nan) * scorer.per_year


def _unfamiliar_combinations(scorer: Scorer, codes: NDArray[np.int32]) -> NDArray[np.bool_]:
    result = np.zeros(len(codes), dtype=bool)
    for first, second, forbidden in unseen_bands(scorer.scorecard):
        bands = [scorer.scorecard.evidence[position].band for position in (first, second)]
        is_forbidden = np.zeros([int(band.max()) + 1 for band in bands], dtype=bool)
        is_forbidden[tuple(np.transpose(list(forbidden)))] = True
        by_code = is_forbidden[np.ix_(*bands)]
        result |= by_code[codes[:, first], codes[:, second]]
    return result


def _reasons(sentences: Sentences, coded: CodedTable, number: int) -> list[list[Reason]]:
    scorecard = sentences.scorecard
    contributions = scorecard.contributions(coded.codes)
    log_odds = (scorecard.baseline + contributions.sum(axis=1)).tolist()
    order = largest_terms(ranked(sentences, contributions), number)
    return listed_reasons(sentences, coded, contributions, log_odds, order)


def listed_reasons(
    sentences: Sentences, coded: CodedTable, contributions: Any, log_odds: list[float], order: Any
) -> list[list[Reason]]:
    """Return the reasons of each prospect, in an order of terms; contributions of 0 are none."""
    picked = np.take_along_axis(contributions, order, axis=1).tolist()
    values, days = coded.given.to_numpy(dtype=object).tolist(), _days_by_row(coded)
    columns = (order.tolist(), picked, coded.codes.tolist(), values, log_odds, days)
    return [
        [
            Reason(sentences, term, codes, row, contribution, total, days_of_row)
            for term, contribution in zip(terms, listed, strict=True)
            if contribution
        ]
        for terms, listed, codes, row, total, days_of_row in zip(*columns, strict=True)
    ]


def _days_by_row(coded: CodedTable) -> list[Mapping[int, float]]:
    """Return per prospect: for the position of each date, the days between it and closing."""
    if not coded.days:
        return [NO_DATES] * len(coded.codes)
    rows = np.column_stack(list(coded.days.values())).tolist()
    return [dict(zip(coded.days, row, strict=True)) for row in rows]
