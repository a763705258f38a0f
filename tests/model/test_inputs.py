"""Types of input that `predict` accepts, and pickling of models and predictions."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from decimal import Decimal
from multiprocessing import get_context
from types import MappingProxyType, SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pydantic
import pytest
from pydantic import create_model

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import CategoryColumn, NumberColumn
from fitmodel.model import inputs
from fitmodel.model._scored_frames import FEW_ROWS
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.inputs import (
    PREDICTED,
    arrow_schema,
    empty_names,
    empty_warning,
    made_up_prospect,
    normalise_prospects,
    reasons_type,
)
from fitmodel.tables.forms import Forms

AS_OF = date(2026, 3, 1)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return simulate_deals(40, seed=9).deals


@pytest.fixture(scope="module")
def scored(model: FitModel, table: pd.DataFrame) -> pd.DataFrame:
    return model.predict(table, reasons=3)


# ---- tables and records of other libraries ----


def test_a_series_a_pydantic_model_and_a_dataclass_are_accepted_as_a_prospect(model, table):
    row = table.iloc[3]
    expected = model.predict(row.to_dict())
    fields = dict.fromkeys(table.columns, (object, None))
    typed = create_model("Prospect", **fields)(**row.to_dict())
    plain = dataclasses.make_dataclass("Prospect", list(table.columns))(*row)

    assert model.predict(row) == model.predict(typed) == model.predict(plain) == expected
    assert model.predict([row, typed, plain]) == [expected] * 3


def test_a_polars_frame_gives_a_polars_frame_with_the_same_numbers(model, table, scored):
    polars = pytest.importorskip("polars", reason="polars is not installed")
    got = model.predict(polars.from_pandas(table), reasons=3)

    assert isinstance(got, polars.DataFrame)
    probability = got["early_churn_probability"].to_numpy()
    np.testing.assert_array_equal(probability, scored["early_churn_probability"])
    assert got["reasons"][0][0]["sentence"] == scored["reasons"].iloc[0][0].sentence


@pytest.mark.parametrize("kind", [pa.Table, pa.RecordBatch])
def test_an_arrow_table_gives_an_arrow_table_with_the_same_numbers(model, table, scored, kind):
    got = model.predict(kind.from_pandas(table), reasons=1)

    assert isinstance(got, pa.Table)
    assert got["probability_low"].to_pylist() == scored["probability_low"].tolist()


def test_arrow_decimals_and_dates_are_read_as_numbers_and_dates(model, table):
    arrow = pa.Table.from_pandas(table)
    amounts = pa.array([Decimal(f"{value:.2f}") for value in table["annual_value"]])
    position = arrow.column_names.index("annual_value")
    days = arrow.column("closed_on").cast(pa.date32())
    exact = arrow.set_column(position, "annual_value", amounts).set_column(
        arrow.column_names.index("closed_on"), "closed_on", days
    )

    got = model.predict(exact, reasons=0).to_pandas()

    expected = model.predict(table.assign(annual_value=table["annual_value"].round(2)), reasons=0)
    pd.testing.assert_frame_equal(got, expected)


def test_an_unsupported_input_is_refused_with_the_supported_ones(model):
    with pytest.raises(ProspectError, match="polars or pyarrow table"):
        model.predict(5)
    with pytest.raises(ProspectError, match="prospect 1 of the list is int"):
        model.predict([dict.fromkeys(model.attributes), 5])


# ---- short frames ----


def test_an_attribute_that_is_empty_in_every_prospect_gives_a_warning(model, table) -> None:
    emptied = table.assign(segment=None, seats=np.nan)
    with pytest.warns(UserWarning, match="empty in all 40 prospects, but usually") as caught:
        model.predict(emptied)
    (warning,) = caught
    assert "past deals: segment (100% filled), seats (100% filled). " in str(warning.message)
    assert "Remedy: export the column" in str(warning.message)
    assert warning.filename == __file__


def test_emptiness_that_may_be_chance_or_is_usual_gives_none(model, table) -> None:
    """Pytest makes an error of every warning."""
    model.predict(table.assign(segment=None).head(4))
    model.predict(table.assign(segment=[*[None] * 39, "smb"]))


def test_the_share_of_past_deals_with_a_value_decides() -> None:
    def warning(missing: int, prospects: int) -> str | None:
        evidence = SimpleNamespace(band=[0, 1, 1], count=np.array([missing, 100 - missing]))
        card = SimpleNamespace(attributes=("trial",), evidence=(evidence,))
        return empty_warning(card, {"trial"}, prospects)

    assert "trial (60% filled)" in str(warning(40, 8))
    assert warning(40, 7) is None  # 0.4 ** 7 > 0.001
    assert warning(60, 1_000) is None
    assert warning(0, 4) is None


def test_a_word_that_is_a_level_of_past_deals_is_no_missing_value() -> None:
    column = CategoryColumn("discount", {"None": 1, "some": 2}, is_flag=False, words=("None",))
    card = SimpleNamespace(attributes=("discount",), columns=(column,))
    scorer = SimpleNamespace(scorecard=card, forms=Forms())

    def empty(*values: str | None) -> set[str]:
        return empty_names(scorer, [{"discount": value} for value in values], ["discount"])

    assert empty("None", "None") == set()
    assert empty("null", "", None) == {"discount"}
    assert empty_names(scorer, [{}], ["discount"]) == {"discount"}


@pytest.mark.parametrize("rows", [1, 2, FEW_ROWS, FEW_ROWS + 1])
def test_a_short_frame_gives_the_same_predictions_as_the_whole_table(model, table, scored, rows):
    part = table.iloc[5 : 5 + rows]

    pd.testing.assert_frame_equal(model.predict(part), scored.iloc[5 : 5 + rows])
    pd.testing.assert_frame_equal(
        model.predict(part, reasons=0), scored.drop(columns="reasons").iloc[5 : 5 + rows]
    )


def test_the_error_of_a_short_frame_names_the_column_and_the_row(model, table):
    part = table.iloc[[3]].astype({"seats": object})
    part.loc[3, "seats"] = "many"

    with pytest.raises(ProspectError, match=r"seats: 1 value\(s\) cannot be read.*'many' in row 3"):
        model.predict(part)
    with pytest.raises(ProspectError, match="attribute"):
        model.predict(part.drop(columns="seats"))
    with pytest.raises(ProspectError, match="more than one column named"):
        model.predict(pd.concat([part, part[["seats"]]], axis=1))


def test_an_empty_frame_gives_an_empty_frame(model, table, scored):
    pd.testing.assert_frame_equal(model.predict(table.iloc[:0]), scored.iloc[:0])


# ---- pickles and copies ----


def test_a_used_model_and_its_predictions_can_be_sent_to_another_process(model, table):
    prospects = table.head(3).to_dict("records")
    expected = [model.predict(prospect, reasons=2) for prospect in prospects]
    model.predict(table, reasons=2, language="zh")

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        asked = [pool.submit(FitModel.predict, model, each, reasons=2) for each in prospects]
        got = [each.result(timeout=100) for each in asked]

    assert got == expected
    assert [str(each) for each in got] == [str(each) for each in expected]


def _pickled(item: object) -> object:
    return pickle.loads(pickle.dumps(item))  # noqa: S301 - just made


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, _pickled])
def test_models_assessments_reasons_and_frames_can_be_copied(model, table, scored, travel):
    prospect = table.iloc[0].to_dict()
    assessment = model.predict(prospect)

    assert travel(model).predict(prospect) == assessment
    assert travel(assessment) == assessment
    assert travel(assessment).to_dict() == assessment.to_dict()
    assert travel(assessment.reasons[0]).sentence == assessment.reasons[0].sentence
    pd.testing.assert_frame_equal(travel(scored), scored)


def test_a_model_and_a_scored_frame_are_saved_with_joblib(model, table, scored, tmp_path):
    joblib.dump((model, scored), tmp_path / "both.joblib")
    loaded, frame = joblib.load(tmp_path / "both.joblib")

    pd.testing.assert_frame_equal(frame, scored)
    pd.testing.assert_frame_equal(loaded.predict(table, reasons=3), scored)


def test_a_pickled_model_does_not_contain_cached_structures(model, table):
    prospect = table.iloc[0].to_dict()
    fresh = len(pickle.dumps(pickle.loads(pickle.dumps(model))))  # noqa: S301 - just made
    model.predict(prospect)
    model.predict(table, language="zh")

    assert len(pickle.dumps(model)) < 1.01 * fresh


# ---- the column of reasons ----


def test_a_scored_frame_is_written_as_parquet_and_read_back(scored, tmp_path):
    scored.to_parquet(tmp_path / "scored.parquet")
    read = pq.read_table(tmp_path / "scored.parquet")

    first = read["reasons"][0].as_py()
    assert [each["attribute"] for each in first] == [r.attribute for r in scored["reasons"].iloc[0]]
    assert [each["sentence"] for each in first] == [str(r) for r in scored["reasons"].iloc[0]]
    assert [each["contribution"] for each in first] == [
        r.contribution for r in scored["reasons"].iloc[0]
    ]


def test_the_column_of_reasons_works_like_any_other_column(scored):
    reasons = scored["reasons"]

    assert reasons.map(len).tolist() == [3] * len(scored)
    assert reasons.map(lambda each: each[0].attribute).tolist() == [r[0].attribute for r in reasons]
    assert reasons.astype(object).tolist() == reasons.tolist()
    assert reasons.to_numpy().shape == (len(scored),)
    pd.testing.assert_frame_equal(pd.concat([scored.iloc[:9], scored.iloc[9:]]), scored)
    pd.testing.assert_frame_equal(scored.iloc[::-1].sort_index(), scored)
    assert scored.reindex([0, 10**6])["reasons"].isna().tolist() == [False, True]
    assert scored.to_dict("records")[0]["reasons"] == reasons.iloc[0]
    assert len(scored.explode("reasons")) == len(scored)
    assert "Reason(" in scored.head(1).to_string()
    assert (reasons == scored.copy()["reasons"]).all()


# ---- the containers alone, without a model ----


class _Typed(pydantic.BaseModel):
    seats: int
    plan: str = "pro"


@dataclasses.dataclass
class _Plain:
    seats: int
    plan: str = "pro"


RECORD = {"seats": 5, "plan": "pro"}


@pytest.mark.parametrize(
    "one", [RECORD, MappingProxyType(RECORD), pd.Series(RECORD), _Typed(seats=5), _Plain(5)]
)
def test_one_prospect_as_a_mapping_returns_its_assessment_unchanged(one) -> None:
    given = normalise_prospects(one)
    assert dict(given.prospects) == RECORD
    answer = object()
    assert given.convert_back(answer) is answer
    listed = normalise_prospects([one, one])
    assert [dict(each) for each in listed.prospects] == [RECORD, RECORD]


def test_items_of_a_list_are_passed_on_to_the_model() -> None:
    assert normalise_prospects((RECORD, 5)).prospects == [RECORD, 5]
    assert normalise_prospects([]).prospects == []
    frame = pd.DataFrame([RECORD])
    assert normalise_prospects(frame).prospects is frame


@pytest.mark.parametrize("thing", [5, "text", b"bytes", None, _Plain, {1}, object()])
def test_other_types_are_refused_with_the_supported_types(thing: object) -> None:
    with pytest.raises(ProspectError, match=r"prospects are \w+; give a mapping .*polars or pyarr"):
        normalise_prospects(thing)


def test_the_error_for_a_lazy_frame_has_a_hint() -> None:
    lazy = type("LazyFrame", (), {"collect": lambda _: None})()
    with pytest.raises(ProspectError, match=r"LazyFrame.*\(of a LazyFrame, its collect\(\)\)"):
        normalise_prospects(lazy)


def test_an_arrow_table_becomes_a_frame_of_floats_and_days() -> None:
    table = pa.table({
        "amount": pa.array([Decimal("0.20"), None], pa.decimal128(9, 2)),
        "day": pa.array([date(2024, 2, 29), None]), "plan": ["pro", None],
    })  # fmt: skip
    for each in (table, table.to_batches()[0]):
        frame = normalise_prospects(each).prospects
        np.testing.assert_array_equal(frame["amount"], [0.2, np.nan])
        assert frame["day"].tolist() == [pd.Timestamp("2024-02-29"), pd.NaT]
    scored = normalise_prospects(table).convert_back(pd.DataFrame({"p": [0.5]}, index=[7]))
    assert scored.to_pydict() == {"p": [0.5]}


def test_a_single_arrow_column_is_refused_as_no_table() -> None:
    column = pa.chunked_array([[1, 2]])
    with pytest.raises(ProspectError, match="prospects are ChunkedArray; give a mapping"):
        normalise_prospects(column)


def test_arrow_dictionaries_of_numbers_are_read_as_numbers() -> None:
    table = pa.table({
        "discount": pa.DictionaryArray.from_arrays([0, 1, None, 1], pa.array([0.0, -0.0])),
        "plan": pa.array(["pro", None, "pro", "free"]).dictionary_encode(),
    })  # fmt: skip
    frame = normalise_prospects(table).prospects
    np.testing.assert_array_equal(frame["discount"], [0.0, 0.0, np.nan, 0.0])
    assert frame["plan"].tolist()[2:] == ["pro", "free"]


def test_the_schema_of_a_scored_table_has_every_column_in_order() -> None:
    schema = arrow_schema()
    assert schema.names == list(PREDICTED)
    kinds = {name: str(schema.field(name).type) for name in PREDICTED if name != "reasons"}
    assert {name for name, kind in kinds.items() if kind == "bool"} == {
        "poor_fit", "unfamiliar", "escalate",
    }  # fmt: skip
    assert {name for name, kind in kinds.items() if kind == "string"} == {
        "fit", "model_version", "worth",
    }  # fmt: skip
    assert {kinds[name] for name in kinds if "probability" in name or "value" in name} == {"double"}
    assert schema.field("reasons").type == reasons_type()


def test_without_pandas_the_arrow_table_is_built_from_rows_with_horizons() -> None:
    row = dict.fromkeys(PREDICTED) | {
        "early_churn_probability": 0.5, "poor_fit": True, "churn_probability_3m": 0.25,
        "reasons": [{"attribute": "a", "value": [1, "ü"], "contribution": 0.5, "sentence": "s",
                     "label": "A"}],
    }  # fmt: skip
    made = inputs._table_of_rows([SimpleNamespace(to_dict=lambda: row)], pa.table({}))
    assert made.column_names == [*PREDICTED, "churn_probability_3m"]
    (only,) = made.to_pylist()
    assert (only["early_churn_probability"], only["churn_probability_3m"]) == (0.5, 0.25)
    assert only["reasons"] == [
        {"attribute": "a", "value": '[1, "ü"]', "contribution": 0.5, "sentence": "s"}
    ]
    assert inputs._table_of_rows([], pa.table({})).num_rows == 0


def test_the_example_prospect_has_middle_values_frequent_levels_and_no_dates() -> None:
    columns = (
        NumberColumn("seats", (10.0, 20.0, 40.0), 1.0, 90.0),
        NumberColumn("age", (), 1.0, 90.0),
        NumberColumn("demo", (30.0,), 0.0, 90.0, is_date=True),
        CategoryColumn("plan", {"basic": 1, "pro": 2}),
        CategoryColumn("none", {}),
    )
    counts = ([0, 1, 1, 1, 1], [0, 1], [0, 1, 1], [99, 3, 5, 0], [9, 0, 0])
    evidence = [SimpleNamespace(count=np.array(each)) for each in counts]
    scorecard = SimpleNamespace(columns=columns, evidence=evidence)
    made = made_up_prospect(SimpleNamespace(scorecard=scorecard, amount="acv"))
    assert made == {
        "seats": 20.0, "age": None, "demo": None, "plan": "pro", "none": None, "acv": None,
    }  # fmt: skip
    assert made_up_prospect(SimpleNamespace(scorecard=scorecard, amount="seats"))["seats"] == 20.0
