"""Inputs of predict: a mapping, a list, a frame. Mirrors no room of the source.

The result is right or a ProspectError names the problem: there is never another error, an invalid
probability, another order of rows or a missing row.
"""

# ruff: noqa: PT017 - what may be answered or refused is not always refused

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitmodel.exceptions import FitModelError, ProspectError
from fitmodel.model.assessment import Assessment

careless = settings.get_profile("hostile")
NUMBERS = ["early_churn_probability", "probability_low", "probability_high", "expected_value"]


def assert_sound(message: Assessment) -> None:
    assert (
        0
        <= message.probability_low
        <= message.early_churn_probability
        <= message.probability_high
        <= 1
    )
    assert message.fit in {"good", "watch", "poor"}
    assert math.isfinite(sum(reason.contribution for reason in message.reasons))
    json.loads(json.dumps(message.to_dict(), allow_nan=False))
    assert str(message)


def assert_frame_sound(scored: pd.DataFrame, given: pd.DataFrame) -> None:
    assert scored.index.equals(given.index)
    assert len(scored) == len(given)
    numbers = scored[NUMBERS[:3]].to_numpy(dtype=float)
    assert ((numbers >= 0) & (numbers <= 1)).all()


def answer(question):
    """Return the result, or the error if it is one of fitmodel's."""
    try:
        return question()
    except FitModelError as error:
        assert len(str(error)) > 20
        return error


def cells_of(items: list) -> np.ndarray:
    cells = np.empty(len(items), dtype=object)
    for position, item in enumerate(items):
        cells[position] = item
    return cells


@pytest.mark.slow
@careless
@given(data=st.data())
def test_any_value_is_scored_or_named_alone_and_in_a_frame(model, prospects, values, data):
    name = data.draw(st.sampled_from([*model.attributes, "closed_on"]))
    value = data.draw(values)
    prospect = prospects.iloc[0].to_dict() | {name: value}

    predicted = answer(lambda: model.predict(prospect, reasons=20))
    frame = prospects.head(3).astype(object)
    frame[name] = cells_of([value, *frame[name].tolist()[1:]])
    scored = answer(lambda: model.predict(frame, reasons=20))

    if isinstance(predicted, FitModelError):
        assert isinstance(predicted, ProspectError)
        assert isinstance(scored, ProspectError)
        assert name in str(predicted)
        assert name in str(scored)
        return
    assert_sound(predicted)
    assert_frame_sound(scored, frame)
    first = scored.iloc[0]
    assert first["early_churn_probability"] == predicted.early_churn_probability
    assert first["unfamiliar"] == predicted.unfamiliar
    assert len([item.to_dict() for row in scored["reasons"] for item in row]) > 0


@pytest.mark.slow
@careless
@given(data=st.data())
def test_any_table_keeps_its_rows_and_reports_each_lost_row(model, prospects, values, data):
    frame = prospects.astype(object).copy()
    names = data.draw(st.lists(st.sampled_from(list(frame.columns)), min_size=1, unique=True))
    for name in names:
        frame[name] = cells_of([data.draw(values) for _ in range(len(frame))])

    scored, errors = model.predict_table(frame, reasons=3, as_json=True)

    assert scored.index.equals(frame.index)
    has_error = errors.notna().to_numpy()
    probability = scored["early_churn_probability"].astype(float).to_numpy()
    assert (np.isfinite(probability) == ~has_error).all()
    for position, text in zip(
        np.flatnonzero(~has_error), scored.loc[~has_error, "reasons"], strict=True
    ):
        alone = model.predict(frame.iloc[position].to_dict(), reasons=3)
        assert json.loads(text) == json.loads(json.dumps([r.to_dict() for r in alone.reasons]))
        assert probability[position] == alone.early_churn_probability
    for position in np.flatnonzero(has_error):
        with pytest.raises(ProspectError):
            model.predict(frame.iloc[position].to_dict())


@pytest.mark.slow
@careless
@given(data=st.data())
def test_row_order_and_chunking_do_not_change_the_predictions(model, prospects, values, data):
    column = data.draw(st.sampled_from(model.attributes))
    frame = prospects.astype(object).copy()
    frame[column] = cells_of(data.draw(st.lists(values, min_size=12, max_size=12)))
    order = data.draw(st.permutations(range(12)))
    cut = data.draw(st.integers(1, 11))

    whole, errors = model.predict_table(frame)
    turned, turned_errors = model.predict_table(frame.iloc[order])
    parts = [model.predict_table(part)[0] for part in (frame.iloc[:cut], frame.iloc[cut:])]

    pd.testing.assert_frame_equal(whole.iloc[order].astype(object), turned.astype(object))
    assert errors.iloc[order].tolist() == turned_errors.tolist()
    pd.testing.assert_frame_equal(whole.astype(object), pd.concat(p.astype(object) for p in parts))


@careless
@given(data=st.data())
def test_extra_keys_are_ignored_and_missing_keys_are_named(model, prospects, values, data):
    prospect = prospects.iloc[0].to_dict()
    more = data.draw(st.dictionaries(st.one_of(st.text(), st.integers(), st.none()), values))
    lost = data.draw(st.sets(st.sampled_from(model.attributes)))
    fewer = {name: value for name, value in prospect.items() if name not in lost}

    predicted = answer(lambda: model.predict({**more, **fewer}))

    absent = [name for name in lost if name not in more]
    if absent:
        assert all(name in str(predicted) for name in absent)
        assert "missing" in str(predicted)
    elif not lost:
        assert predicted == model.predict(prospect)


@careless
@given(data=st.data())
def test_an_object_that_is_not_a_prospect_is_named_in_the_error(model, values, data):
    thing = data.draw(values)

    for wrong in (thing, [thing]):
        predicted = answer(lambda wrong=wrong: model.predict(wrong))
        assert isinstance(predicted, ProspectError) or len(predicted) == 0


def test_prospects_in_any_container_are_scored_or_named(model, prospects):
    listed = prospects.to_dict("records")

    assert len(model.predict(tuple(listed))) == 12
    assert model.predict([]) == []
    for wrong in (prospects["seats"], iter(listed), {1: 2}, prospects.to_numpy(), prospects.T):
        with pytest.raises(ProspectError):
            model.predict(wrong)


INDEXES = {
    "repeated": [0] * 12,
    "of text": list("mlkjihgfedcb"),
    "of nothing": [None] * 12,
    "mixed": [1, "1", 1.5, None, (1, 2), True, pd.NaT, "é", "", 2**70, b"x", float("nan")],
    "of dates": pd.date_range("2024-02-28", periods=12, tz="Asia/Kolkata"),
    "of two levels": pd.MultiIndex.from_product([["a", "b"], range(6)]),
    "two levels, repeated": pd.MultiIndex.from_tuples([("a", 1)] * 12),
    "falling": range(12, 0, -1),
    "of categories": pd.CategoricalIndex(["x", "y"] * 6),
    "of intervals": pd.interval_range(0, 12),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
@pytest.mark.parametrize("problem", [False, True], ids=["good", "one bad row"])
def test_any_index_is_returned_unchanged(model, prospects, index, problem):
    frame = prospects.set_axis(index if isinstance(index, pd.Index) else pd.Index(index), axis=0)
    expected = model.predict(prospects)["early_churn_probability"].to_numpy()
    if problem:
        frame = frame.astype({"seats": object})
        frame.iloc[3, frame.columns.get_loc("seats")] = "many"
        with pytest.raises(ProspectError, match=r"seats: 1 value.*'many'"):
            model.predict(frame)

    scored, errors = model.predict_table(frame, reasons=2)

    assert scored.index.equals(frame.index)
    assert errors.notna().tolist() == [problem and number == 3 for number in range(12)]
    got = scored["early_churn_probability"].astype(float).to_numpy()
    assert (got[errors.isna()] == expected[errors.isna()]).all()


KINDS = {
    "category": lambda column: column.astype("category"),
    "object": lambda column: column.astype(object),
    "nullable": lambda column: column.convert_dtypes(),
    "arrow": lambda column: column.convert_dtypes(dtype_backend="pyarrow"),
    "arrow dictionary": lambda column: pd.Series(
        pd.array(
            pa.array(column).dictionary_encode(),
            dtype=pd.ArrowDtype(pa.array(column).dictionary_encode().type),
        )
    ),
    "python text": lambda column: column.astype(str).astype(object),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_any_kind_of_column_gives_the_same_numbers(model, prospects, kind):
    frame = prospects.assign(**{name: kind(prospects[name]) for name in model.attributes})

    expected = model.predict(prospects)
    scored = model.predict(frame)

    for name in NUMBERS:
        assert scored[name].tolist() == expected[name].tolist()


FOREIGN = {
    "complex": lambda n: np.full(n, 1 + 1j),
    "time spans": lambda n: pd.to_timedelta(np.arange(n), unit="D"),
    "periods": lambda n: pd.period_range("2024-01", periods=n, freq="M"),
    "intervals": lambda n: pd.interval_range(0, n),
    "zoned times": lambda n: pd.date_range("2024-02-28", periods=n, tz="America/New_York"),
    "sparse": lambda n: pd.arrays.SparseArray([0.0] * n),
    "lists of arrow": lambda n: pd.array([[1, 2]] * n, dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
    "decimals of arrow": lambda n: pd.array([1] * n, dtype=pd.ArrowDtype(pa.decimal128(9, 2))),
    "maps of arrow": lambda n: pd.array(
        [{"a": 1}] * n, dtype=pd.ArrowDtype(pa.struct([("a", pa.int64())]))
    ),
    "bytes of arrow": lambda n: pd.array([b"x"] * n, dtype=pd.ArrowDtype(pa.binary())),
    "days of arrow": lambda n: pd.array(
        [pd.Timestamp("2024-02-29").date()] * n, dtype=pd.ArrowDtype(pa.date32())
    ),
    "nulls of arrow": lambda n: pd.array([None] * n, dtype=pd.ArrowDtype(pa.null())),
    "unsigned": lambda n: np.full(n, 2**64 - 1, dtype=np.uint64),
    "half floats": lambda n: np.full(n, np.inf, dtype=np.float16),
    "bools": lambda n: np.zeros(n, dtype=bool),
    "nothing": lambda n: [None] * n,
    "years": lambda n: np.full(n, np.datetime64("2024", "Y")),
}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize(
    "name", ["seats", "segment", "first_contact_on", "has_crm_integration", "closed_on"]
)
@pytest.mark.filterwarnings("ignore:empty in all 12 prospects:UserWarning")
def test_a_column_of_an_unusual_type_is_scored_or_named(model, prospects, make, name):
    frame = prospects.assign(**{name: make(12)})

    scored = answer(lambda: model.predict(frame, reasons=2))
    lenient, errors = model.predict_table(frame, reasons=2, as_json=True)

    if isinstance(scored, FitModelError):
        assert name in str(scored)
        assert errors.notna().all()
    else:
        assert_frame_sound(scored, frame)
        assert errors.isna().all()
        assert lenient["reasons"].map(json.loads).map(len).max() > 0


def test_duplicate_and_multi_level_columns_are_refused(model, prospects):
    twice = pd.concat([prospects, prospects[["seats"]]], axis=1)
    with pytest.raises(ProspectError, match="more than one column named.*seats"):
        model.predict(twice)
    levels = prospects.set_axis(pd.MultiIndex.from_product([["a"], prospects.columns]), axis=1)
    with pytest.raises(ProspectError, match="missing"):
        model.predict(levels)


def test_a_duplicate_column_that_is_not_an_attribute_is_accepted(model, prospects):
    more = pd.concat([prospects, prospects[["rep", "rep"]]], axis=1)

    assert len(model.predict(more)) == 12


def test_a_frame_without_rows_gives_a_frame_without_rows(model, prospects):
    scored = model.predict(prospects.head(0), reasons=3)

    assert len(scored) == 0
    assert {"early_churn_probability", "reasons", "model_version"} <= set(scored.columns)


def test_a_frame_without_columns_names_every_attribute(model):
    with pytest.raises(ProspectError, match="seats"):
        model.predict(pd.DataFrame(index=range(3)))
