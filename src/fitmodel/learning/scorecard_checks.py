"""Rebuild a scorecard from its JSON form, and reject one that is damaged or forged.

The file may contain any number. Without these checks, a position outside a table, a band that does
not exist or a number that overflows would raise an error in the middle of a prediction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitmodel.exceptions import BundleError
from fitmodel.learning.calibration import CalibrationMap
from fitmodel.learning.columns import NumberColumn, column_from_dict
from fitmodel.learning.scorecard import FORMAT, Evidence, PairTerm, Scorecard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitmodel.learning.columns import Column

DAMAGE_ERRORS = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)
"""Errors that reading a field of a damaged or forged file may raise."""
MAX_LOG_ODDS = 1e6
"""Largest log-odds that are accepted; sums and squares of such numbers stay finite."""


def scorecard_from_dict(data: Mapping[str, Any]) -> Scorecard:
    """Rebuild a scorecard from its JSON form.

    Raises
    ------
    BundleError
        If the format is unknown or a part is missing or of the wrong shape.
    """
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        result = data.get("format") if isinstance(data, Mapping) else type(data).__name__
        raise BundleError(
            f"the scorer has format {result!r}; this fitmodel reads format {FORMAT}. "
            "Remedy: install the fitmodel version named in the bundle's manifest, or train again."
        )
    try:
        scorecard = Scorecard(
            columns=tuple(column_from_dict(item) for item in data["columns"]),
            pairs=tuple(_pair_from_dict(item) for item in data["pairs"]),
            tables=np.array(data["tables"], dtype=np.float64),
            intercept=np.array(data["intercept"], dtype=np.float64),
            calibration=CalibrationMap.from_dict(data["calibration"]),
            spread=float(data["spread"]),
            evidence=tuple(_evidence_from_dict(item) for item in data["evidence"]),
            base_rate=float(data["base_rate"]),
            unusual_pairs=tuple(map(_unusual_pair_from_list, data[_unusual_pairs_key(data)])),
            own=None if data.get("own") is None else np.array(data["own"], dtype=np.float64),
        )
    except DAMAGE_ERRORS as error:
        raise BundleError(f"the scorer is damaged: {type(error).__name__}: {error}") from error
    check_scorecard(scorecard)
    return scorecard


def _pair_from_dict(item: Mapping[str, Any]) -> PairTerm:
    return PairTerm(
        int(item["first"]),
        int(item["second"]),
        np.array(item["first_map"], dtype=np.int64),
        np.array(item["second_map"], dtype=np.int64),
    )


def _evidence_from_dict(item: Mapping[str, Any]) -> Evidence:
    rate = [np.nan if value is None else float(value) for value in item["rate"]]
    return Evidence(
        np.array(item["band"], dtype=np.int64),
        np.array(item["count"], dtype=np.int64),
        np.array(rate),
        tuple(str(label) for label in item["label"]),
        lately=_optional_array(item.get("lately"), np.float64),
        left=_optional_array(item.get("left"), np.int64),
        unknown=_optional_array(item.get("unknown"), np.int64),
    )


def _optional_array(values: Sequence[float] | None, dtype: type) -> NDArray[Any] | None:
    return None if values is None else np.array(values, dtype=dtype)


def _unusual_pairs_key(data: Mapping[str, Any]) -> str:
    """Return the key of the unusual pairs; bundles up to 0.1.0 call it ``odd_pairs``."""
    return "unusual_pairs" if "unusual_pairs" in data else "odd_pairs"


def _unusual_pair_from_list(item: Sequence[Any]) -> tuple[int, int, int, int]:
    first, first_code, second, second_code = (int(part) for part in item)
    return first, first_code, second, second_code


def check_scorecard(scorecard: Scorecard) -> None:
    """Check that the parts of a scorecard fit together.

    Raises
    ------
    BundleError
        If they do not; the message names the part.
    """
    if len(set(scorecard.attributes)) < len(scorecard.attributes):
        raise _damaged("two attributes have the same name")
    _check_tables(scorecard)
    _check_calibration(scorecard)
    if len(scorecard.evidence) != len(scorecard.columns):
        raise _damaged(
            f"{len(scorecard.columns)} attributes have {len(scorecard.evidence)} pieces of evidence"
        )
    for column, evidence in zip(scorecard.columns, scorecard.evidence, strict=True):
        _check_column(column)
        _check_evidence(column, evidence)
    for pair in scorecard.pairs:
        _check_pair(pair, scorecard.columns)
    _check_unusual_pairs(scorecard)
    _check_own(scorecard)


def _check_own(scorecard: Scorecard) -> None:
    own, rows = scorecard.own, sum(column.size + 2 for column in scorecard.columns)
    if own is not None and not (own.shape == (rows,) and ((own >= 0) & (own <= 1)).all()):
        raise _damaged("its shares of own evidence do not fit its tables")


def _check_tables(scorecard: Scorecard) -> None:
    tables, intercept = scorecard.tables, scorecard.intercept
    if tables.ndim != 2 or intercept.shape != tables.shape[1:] or len(intercept) == 0:  # noqa: PLR2004
        raise _damaged(
            f"tables of shape {tables.shape} do not go with {intercept.shape} intercepts"
        )
    largest = max(float(np.abs(part).max(initial=0.0)) for part in (tables, intercept))
    if largest > MAX_LOG_ODDS:
        raise _damaged(f"its tables hold {largest:g}, which is not a log-odds value")
    if not 0 <= scorecard.spread <= MAX_LOG_ODDS:
        raise _damaged(f"its spread is {scorecard.spread}")
    if not 0 <= scorecard.base_rate <= 1:
        raise _damaged(f"its base rate is {scorecard.base_rate}")


def _check_calibration(scorecard: Scorecard) -> None:
    points = np.array([scorecard.calibration.knots, scorecard.calibration.values])
    if not (np.abs(points) <= MAX_LOG_ODDS).all():
        raise _damaged("its calibration map holds a number that is not a log-odds value")
    steps = np.diff(points)
    if not (steps[1] <= steps[0] * MAX_LOG_ODDS).all():
        raise _damaged("its calibration map is steeper than any map of probabilities")


def _check_column(column: Column) -> None:
    if not isinstance(column, NumberColumn):
        return
    if not all(map(math.isfinite, column.cuts)):
        raise _damaged(f"a cut of {column.name!r} is not finite")
    seen = (column.low, column.high)
    if not all(map(math.isnan, seen)) and not -math.inf < column.low <= column.high < math.inf:
        raise _damaged(f"{column.name!r} was seen between {column.low} and {column.high}")


def _check_evidence(column: Column, evidence: Evidence) -> None:
    bands = len(evidence.label)
    has_right_sizes = (
        evidence.band.shape == (column.size + 2,)
        and evidence.count.shape == evidence.rate.shape == (bands,)
        and bool(((evidence.band >= 0) & (evidence.band < bands)).all())
        and bool((evidence.count >= 0).all())
        and not bool(((evidence.rate < 0) | (evidence.rate > 1)).any())
    )
    lately = evidence.lately
    if lately is not None:
        has_right_sizes &= lately.shape == evidence.band.shape
        has_right_sizes &= bool((np.isfinite(lately) & (lately > 0)).all())
    for known in (evidence.left, evidence.unknown):
        if known is not None:
            has_right_sizes = (
                has_right_sizes
                and known.shape == (bands,)
                and bool(((known >= 0) & (known <= evidence.count)).all())
            )
    # a level that an edit split off shares the band of its former code
    has_levels = isinstance(column, NumberColumn) or not column.levels or bands > 2  # noqa: PLR2004
    if not (has_right_sizes and has_levels):
        raise _damaged(f"the evidence of {column.name!r} does not fit its values")


def _check_pair(pair: PairTerm, columns: tuple[Column, ...]) -> None:
    for position, grid in ((pair.first, pair.first_map), (pair.second, pair.second_map)):
        if not 0 <= position < len(columns):
            raise _damaged(f"a pair names attribute {position} of {len(columns)}")
        if grid.shape != (columns[position].size + 2,) or grid.min() < 0:
            raise _damaged(f"a pair does not fit the values of {columns[position].name!r}")


def _check_unusual_pairs(scorecard: Scorecard) -> None:
    sizes = [len(evidence.label) for evidence in scorecard.evidence]
    for first, first_band, second, second_band in scorecard.unusual_pairs:
        for position, band in ((first, first_band), (second, second_band)):
            if not (0 <= position < len(sizes) and 0 <= band < sizes[position]):
                raise _damaged(f"an unusual combination names band {band} of attribute {position}")


def _damaged(what: str) -> BundleError:
    return BundleError(f"the scorer is damaged: {what}. Remedy: take the bundle from its source")
