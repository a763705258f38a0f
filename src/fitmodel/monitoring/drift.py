"""Drift: comparison of the distribution of each attribute and of the score with training.

table -> codes of the scorecard -> bands -> shares now, and shares of the deals learned from
      -> population stability index -> test whether it is above the tolerated value beyond chance

The reference is the scorecard's own evidence (deals per band) and a summary of the scores in the
manifest: no past deals are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.exceptions import DealsError
from fitmodel.learning.columns import MISSING, CategoryColumn
from fitmodel.model.frame_scorer import code_table
from fitmodel.monitoring.changes import NO_CHANGE, find_change

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    from numpy.typing import NDArray

    from fitmodel.model.fitmodel import FitModel

TOLERATED = 0.1  # the usual limit between "no change" and "some change" (Siddiqi 2006)
LEVEL = 0.05
SCORE = "early_churn_probability"
SCORE_BANDS = 10


@dataclass(frozen=True)
class Stability:
    """Population stability index of two distributions, with its standard error and a test.

    Parameters
    ----------
    index : float
        Sum over bands of (now - then) x ln(now / then) of the shares, minus its expectation under
        chance alone.
    deviation : float
        Standard error of the index.
    p_value : float
        P value of the null hypothesis that the change is at most the tolerated one.
    """

    index: float
    deviation: float
    p_value: float


def compare_counts(
    now: NDArray[np.int64], then: NDArray[np.int64], *, tolerated: float = TOLERATED
) -> Stability:
    """Measure the shift of shares, and test it against the tolerated one.

    Parameters
    ----------
    now, then : ndarray of int, shape (bands,)
        Number of deals per band.
    tolerated : float
        Index up to which a change is tolerated.

    Notes
    -----
    Chance alone gives an index of about (bands - 1)(1/n + 1/N) (Yurdakul 2018), which is
    subtracted; the standard error is that of the delta method for two multinomials. The null
    hypothesis is "at most `tolerated`", not "equal": so even with a million deals a tiny change is
    no alarm.
    """
    from scipy.stats import norm

    used = (now > 0) | (then > 0)
    n, m = now[used] + 0.5, then[used] + 0.5  # half a deal is added: log(0) is not defined
    q, p = n / n.sum(), m / m.sum()
    ratio = np.log(q / p)
    chance = (len(q) - 1) * (1 / n.sum() + 1 / m.sum())
    index = float(((q - p) * ratio).sum() - chance)
    variance = _variance(ratio + 1 - p / q, q) / n.sum()
    variance += _variance(-ratio + 1 - q / p, p) / m.sum()
    # For equal shares the first-order variance is 0; the second-order one is of a chi-squared.
    variance += 2 * chance**2 / max(len(q) - 1, 1)
    deviation = float(np.sqrt(variance))
    p_value = float(norm.sf((index - tolerated) / deviation)) if deviation > 0 else 1.0
    return Stability(max(index, 0.0), deviation, p_value)


def _variance(slope: NDArray[np.float64], share: NDArray[np.float64]) -> float:
    return float((share * slope**2).sum() - (share * slope).sum() ** 2)


def summarise_scores(probability: npt.ArrayLike) -> dict[str, Any]:
    """Return edges and counts of the scores' deciles, for the manifest, as reference of drift."""
    scores = np.asarray(probability, dtype=np.float64)
    inner_edges = np.unique(np.quantile(scores, np.linspace(0, 1, SCORE_BANDS + 1)[1:-1]))
    return {"edges": inner_edges.tolist(), "counts": _score_counts(scores, inner_edges).tolist()}


def _score_counts(scores: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    position = np.searchsorted(edges, scores, side="right")
    return np.bincount(position, minlength=len(edges) + 1)


def compute_drift(
    table: pd.DataFrame,
    model: FitModel,
    *,
    by: pd.Series | None = None,
    tolerated: float = TOLERATED,
    unreadable: Mapping[str, NDArray[np.bool_]] | None = None,
) -> pd.DataFrame:
    """Compare a table's attributes and scores with those of the deals learned from.

    Parameters
    ----------
    table : DataFrame
        Prospects or deals with the model's attributes.
    model : FitModel
        The model, which has the reference distributions.
    by : Series, optional
        Group of each row, such as its month; each group is compared separately.
    tolerated : float
        Population stability index up to which a change is tolerated.
    unreadable : mapping of str to ndarray of bool, optional
        Per attribute, the rows whose value could not be read and was made missing, as
        `without_unreadable` returns them; their share is reported.

    Returns
    -------
    DataFrame
        One row per group and attribute, and one per group for the score. Columns: group (only with
        `by`), attribute, deals, index, deviation; missing, missing_then, unseen, unreadable (shares
        of the values); p_value (adjusted for multiple comparisons, Benjamini and Hochberg 1995);
        and verdict: "drift", "moved" (no drift, but one level's share or the median of the number
        changed by a quarter or more, beyond chance), "unclear" (above the tolerated index, but
        chance may explain it) or "stable". The largest change of the attribute is in level (empty
        for a number), now and then (share of the level, or median of the number) and moved (whether
        it is beyond chance, corrected for all comparisons of the table, Bonferroni).
        A value that cannot be read, such as a text among numbers, counts as missing.

    Raises
    ------
    DealsError
        If there are no rows, or not one group per row.
    ProspectError
        If an attribute is absent, or values cannot be read.

    Examples
    --------
    >>> model = fitmodel.load("models/prospect-fit")
    >>> drift = compute_drift(pd.read_csv("prospects.csv"), model)
    >>> set(drift["verdict"]) <= {"stable", "unclear", "moved", "drift"}
    True
    """
    from scipy.stats import false_discovery_control

    if len(table) == 0:
        raise DealsError("there are no deals to compare. Remedy: give a table with rows.")
    if by is not None and len(by) != len(table):
        raise DealsError(f"there are {len(by)} groups for {len(table)} deals; give one per deal")
    probability = model.predict(table, reasons=0)[SCORE].to_numpy()
    coded = code_table(model.scorer, table, None)
    all_readable = np.zeros(len(table), dtype=bool)
    rows = []
    for name, positions in _groups(by, len(table)):
        group_column = {} if name is None else {"group": name}
        result = _attribute_rows(model, coded.codes[positions], tolerated)
        for row in result:
            is_unreadable = (unreadable or {}).get(row["attribute"], all_readable)
            row["unreadable"] = float(is_unreadable[positions].mean())
        result += _score_row(model, probability[positions], tolerated)
        rows += [group_column | row for row in result]
    frame = pd.DataFrame(rows)
    frame["p_value"] = false_discovery_control(frame["p_value"])
    verdict = np.where(frame["index"] > tolerated, "unclear", "stable")
    chance = frame.pop("change_p") * frame.pop("tests").sum()
    frame["moved"] = chance < LEVEL
    verdict = np.where(frame["moved"], "moved", verdict)
    frame["verdict"] = np.where(frame["p_value"] < LEVEL, "drift", verdict)
    return frame


def without_unreadable(
    table: pd.DataFrame, model: FitModel
) -> tuple[pd.DataFrame, dict[str, NDArray[np.bool_]]]:
    """Return the table with unreadable values made missing, and the rows of these per column.

    A column that has become text is a change of the data, which drift should report and not fail
    on.
    """
    unreadable = code_table(model.scorer, table, None).unreadable
    emptied = {
        name: table[name].astype(object).mask(pd.Series(rows, index=table.index), None)
        for name, rows in unreadable.items()
    }
    return table.assign(**emptied) if emptied else table, unreadable


def _groups(by: pd.Series | None, size: int) -> list[tuple[Any, NDArray[np.intp]]]:
    if by is None:
        return [(None, np.arange(size))]
    positions = pd.Series(np.arange(size)).groupby(by.to_numpy(), sort=True, dropna=False)
    return [(name, part.to_numpy()) for name, part in positions]


def _attribute_rows(
    model: FitModel, codes: NDArray[np.int32], tolerated: float
) -> list[dict[str, Any]]:
    rows = []
    for position, (column, evidence) in enumerate(
        zip(model.scorecard.columns, model.scorecard.evidence, strict=True)
    ):
        code = codes[:, position]
        now = np.bincount(evidence.band[code], minlength=len(evidence.count))
        is_category = isinstance(column, CategoryColumn)
        unseen = float((code == column.size + 1).mean()) if is_category else 0.0
        change = find_change(column, evidence, code)
        missing_then = evidence.count[evidence.band[MISSING]] / max(evidence.count.sum(), 1)
        rows.append(
            _row(column.name, compare_counts(now, evidence.count, tolerated=tolerated), len(code))
            | {
                "missing": float((code == MISSING).mean()),
                "missing_then": float(missing_then),
                "unseen": unseen,
                "level": change.level,
                "now": change.now,
                "then": change.then,
                "change_p": change.p_value,
                "tests": change.tests,
            }
        )
    return rows


def _score_row(
    model: FitModel, probability: NDArray[np.float64], tolerated: float
) -> list[dict[str, Any]]:
    """Return the row of the score, or no row for older bundles without a summary of the scores."""
    summary: Mapping[str, Any] | None = model.manifest.get("scores")
    if summary is None:
        return []
    now = _score_counts(probability, np.asarray(summary["edges"], dtype=np.float64))
    then = np.asarray(summary["counts"], dtype=np.int64)
    result = compare_counts(now, then, tolerated=tolerated)
    return [_row(SCORE, result, len(probability))]


def _row(name: str, stability: Stability, deals: int) -> dict[str, Any]:
    return {
        "attribute": name,
        "deals": deals,
        "index": stability.index,
        "deviation": stability.deviation,
        "missing": np.nan,
        "missing_then": np.nan,
        "unseen": np.nan,
        "unreadable": np.nan,
        "p_value": stability.p_value,
        **NO_CHANGE,
        "change_p": 1.0,
        "tests": 0,
    }
