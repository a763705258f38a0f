"""Convert the containers in which callers pass prospects, and convert the results back.

mapping, pydantic model, dataclass, pandas, polars or Arrow table
-> a mapping, a list of mappings or a pandas DataFrame

pandas and polars are recognised without an import, and pyarrow is imported only for a table: a
caller who does not use them does not need them.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import MISSING, CategoryColumn
from fitmodel.tables.cells import is_missing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import pandas as pd
    import pyarrow as pa
    from pydantic import BaseModel

    from fitmodel.learning.scorecard import Scorecard
    from fitmodel.model.assessment import Assessment
    from fitmodel.model.scorer import Scorer

    One: TypeAlias = Mapping[str, Any] | pd.Series[Any] | BaseModel
    """Types that one prospect may have."""


class ArrowTable(Protocol):
    """A table that Arrow can read: a polars DataFrame, a pyarrow Table, a DuckDB result."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the columns through Arrow's C stream interface."""


PREDICTED = (
    "early_churn_probability",
    "probability_low",
    "probability_high",
    "poor_fit",
    "fit",
    "expected_value",
    "unfamiliar",
    "reasons",
    "model_version",
    "worth",
    "escalate",
    "expected_value_low",
    "expected_value_high",
    "own_evidence",
)
"""The columns of a scored table, in order."""

MIN_EMPTY = 5  # prospects; a few may lack a value by chance
MIN_FILLED = 0.5  # share of past deals with a value; else an empty attribute is usual
MAX_CHANCE = 0.001  # that no prospect has a value, if each has one as often as past deals
SHOWN = 5  # attributes that a warning names


class Given(NamedTuple):
    """Prospects in one of the forms that `FitModel.predict` works with.

    Parameters
    ----------
    prospects : mapping, list or DataFrame
        One prospect, a list of prospects, or a table.
    convert_back : callable
        Function that converts the result into the kind of table that was given.
    """

    prospects: Any
    convert_back: Callable[[Any], Any]


def made_up_prospect(scorer: Scorer) -> dict[str, Any]:
    """Return a made-up prospect: the middle of each number and the most frequent level."""
    values: dict[str, Any] = {}
    for column, evidence in zip(scorer.scorecard.columns, scorer.scorecard.evidence, strict=True):
        if isinstance(column, CategoryColumn):
            commonest = int(evidence.count[1:-1].argmax())
            values[column.name] = list(column.levels)[commonest] if column.levels else None
        elif column.is_date:
            values[column.name] = None
        else:
            values[column.name] = column.cuts[len(column.cuts) // 2] if column.cuts else None
    if scorer.amount is not None:
        values.setdefault(scorer.amount, None)
    return values


def empty_warning(scorecard: Scorecard, empty: Collection[str], prospects: int) -> str | None:
    """Return a warning about attributes without a value in every prospect; None if it is usual.

    Parameters
    ----------
    scorecard : Scorecard
        Scorecard of the model; its evidence says how often past deals had a value.
    empty : collection of str
        Attributes without a value in every prospect.
    prospects : int
        Number of prospects.

    Examples
    --------
    >>> from fitmodel.model.inputs import empty_warning
    >>> model = fitmodel.load("models/prospect-fit")
    >>> empty_warning(model.scorecard, {"seats"}, 40)[:66]
    'empty in all 40 prospects, but usually filled in past deals: seats'
    """
    filled = {}
    for name, evidence in zip(scorecard.attributes, scorecard.evidence, strict=True):
        if name in empty:
            share = 1 - evidence.count[evidence.band[MISSING]] / max(evidence.count.sum(), 1)
            if share > MIN_FILLED and (1 - share) ** prospects <= MAX_CHANCE:
                filled[name] = float(share)
    if not filled or prospects < MIN_EMPTY:
        return None
    listed = [f"{name} ({share:.0%} filled)" for name, share in list(filled.items())[:SHOWN]]
    return (
        f"empty in all {prospects:,} prospects, but usually filled in past deals: "
        f"{', '.join(listed)}{', …' if len(filled) > SHOWN else ''}. These prospects are scored as "
        "deals without the value. Remedy: export the column with its values; if it is no longer "
        "recorded, train without it"
    )


def empty_names(scorer: Scorer, prospects: Sequence[Any], names: Iterable[str]) -> set[str]:
    """Return the attributes that no prospect of a list has a value of."""
    known = [item for item in prospects if isinstance(item, Mapping)]
    return {
        name
        for name in names
        if known and are_missing(scorer, name, (item.get(name) for item in known))
    }


def are_missing(scorer: Scorer, name: str, values: Iterable[Any]) -> bool:
    """Return whether a model reads all values of an attribute as missing; the first one ends it.

    A word such as "None" is a value if it is a level of the attribute in past deals.
    """
    column = scorer.scorecard.columns[scorer.scorecard.attributes.index(name)]
    return all(
        (is_missing(value) and not (isinstance(column, CategoryColumn) and column.is_word(value)))
        or scorer.forms.is_empty(name, value)
        for value in values
    )


def normalise_prospects(prospects: Any) -> Given:
    """Return prospects from any supported container as a mapping, list or pandas DataFrame.

    Parameters
    ----------
    prospects : mapping, Series, pydantic model, dataclass, a sequence of these, or a table
        A table is a pandas or polars DataFrame, a pyarrow Table or RecordBatch, or anything else
        that has Arrow's C stream (``__arrow_c_stream__``).

    Raises
    ------
    ProspectError
        If the container is none of these; the message lists what is supported.
    """
    if _is_pandas(prospects, "DataFrame"):
        return Given(prospects, _unchanged)
    record = _record(prospects)
    if record is not None:
        return Given(record, _unchanged)
    if hasattr(prospects, "__arrow_c_stream__") or hasattr(prospects, "__arrow_c_array__"):
        arrow = _arrow_table(prospects)
        if find_spec("pandas") is None:  # an installation only for scoring: row by row
            return Given(arrow.to_pylist(), partial(_table_of_rows, given=prospects))
        from fitmodel.tables.files import plain_frame

        return Given(plain_frame(arrow), partial(_table_of_frame, given=prospects))
    if isinstance(prospects, Sequence) and not isinstance(prospects, str | bytes):
        records = (_record(item) for item in prospects)
        listed = [
            item if record is None else record
            for item, record in zip(prospects, records, strict=True)
        ]
        return Given(listed, _unchanged)
    raise _unknown_container(prospects)


def _unknown_container(prospects: Any) -> ProspectError:
    hint = " (of a LazyFrame, its collect())" if hasattr(prospects, "collect") else ""
    return ProspectError(
        f"prospects are {type(prospects).__name__}; give a mapping (attribute to value), a "
        f"list of mappings or a pandas DataFrame, or a polars or pyarrow table{hint}"
    )


def _arrow_table(prospects: Any) -> pa.Table:
    """Return an Arrow table; a single column, such as a polars Series, is no table."""
    import pyarrow as pa

    try:
        return pa.table(prospects)
    except (pa.ArrowInvalid, TypeError, ValueError) as error:
        raise _unknown_container(prospects) from error


def _unchanged(scored: Any) -> Any:
    return scored


def _is_pandas(value: Any, name: str) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, getattr(pandas, name))


def _record(prospect: Any) -> Mapping[str, Any] | None:
    """Return one prospect as a mapping; None if it is not a single prospect."""
    if isinstance(prospect, Mapping):
        return prospect
    if _is_pandas(prospect, "Series"):
        return dict(prospect.items())
    if hasattr(type(prospect), "model_fields") and hasattr(prospect, "model_dump"):  # pydantic
        dumped: Mapping[str, Any] = prospect.model_dump()
        return dumped
    if dataclasses.is_dataclass(prospect) and not isinstance(prospect, type):
        fields = dataclasses.fields(prospect)
        return {field.name: getattr(prospect, field.name) for field in fields}
    return None


def _table_of_frame(scored: pd.DataFrame, given: Any) -> Any:
    import pyarrow as pa

    return _as_given(pa.Table.from_pandas(scored, preserve_index=False), given)


def _table_of_rows(assessments: list[Assessment], given: Any) -> Any:
    """Return the columns of a scored frame, without pandas."""
    import pyarrow as pa

    rows = [assessment.to_dict() for assessment in assessments]
    for row in rows:
        for reason in row["reasons"]:
            reason["value"] = json.dumps(reason["value"], ensure_ascii=False)
    schema = arrow_schema()
    for name in (name for name in rows[0] if name.startswith("churn_probability_")) if rows else ():
        schema = schema.append(pa.field(name, pa.float64()))
    return _as_given(pa.Table.from_pylist(rows, schema), given)


def arrow_schema() -> pa.Schema:
    """Return the Arrow schema of a scored table."""
    import pyarrow as pa

    text, number, flag = pa.string(), pa.float64(), pa.bool_()
    kinds = {"poor_fit": flag, "unfamiliar": flag, "escalate": flag, "fit": text, "worth": text}
    kinds |= {"model_version": text, "reasons": reasons_type()}
    return pa.schema([(name, kinds.get(name, number)) for name in PREDICTED])


def reasons_type() -> pa.DataType:
    """Return the Arrow type of a column of reasons."""
    import pyarrow as pa

    text, number = pa.string(), pa.float64()
    fields = {"attribute": text, "value": text, "contribution": number, "sentence": text}
    return pa.list_(pa.struct(list(fields.items())))


def _as_given(table: pa.Table, given: Any) -> Any:
    if type(given).__module__.partition(".")[0] == "polars":
        return sys.modules["polars"].from_arrow(table)
    return table
