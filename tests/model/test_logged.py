"""Predictions are written to a decision log before they are returned."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fitmodel.exceptions import ProspectError, TrackingError
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.logged import (
    _draw_keys,
    customer_column,
    explore_share,
    id_column,
    id_error,
)
from fitmodel.monitoring.log import DecisionLog, digest_of


@pytest.fixture(scope="module")
def logging_model(model: FitModel) -> FitModel:
    """A model whose contract names an id and an exploration share of one half."""
    spec = {"deals": {"id": "deal_id"}, "decision": {"explore_share": 0.5}}
    return FitModel(model.scorer, {"spec": spec})


@pytest.fixture(scope="module")
def prospects(simulation: Any) -> Any:
    return simulation.deals.drop(columns=["churned_on"]).head(400)


@pytest.fixture
def log(tmp_path) -> DecisionLog:
    return DecisionLog(tmp_path / "log.db")


def test_a_frame_is_logged_with_the_returned_predictions(logging_model, prospects, log) -> None:
    predicted = logging_model.predict(prospects, reasons=0, log=log)
    kept = log.assessments()
    assert kept["prospect"].tolist() == prospects["deal_id"].tolist()
    assert kept["probability"].tolist() == predicted["early_churn_probability"].tolist()
    assert kept["proceed"].tolist() == predicted["proceed"].tolist()
    assert predicted.drop(columns="proceed").equals(logging_model.predict(prospects, reasons=0))


def test_about_half_of_the_flagged_and_all_others_proceed(logging_model, prospects, log) -> None:
    predicted = logging_model.predict(prospects, reasons=0, log=log)
    flagged = predicted["poor_fit"]
    assert predicted.loc[~flagged, "proceed"].all()
    assert 0.3 < predicted.loc[flagged, "proceed"].mean() < 0.7
    kept = log.assessments()
    assert set(kept.loc[kept["poor_fit"], "propensity"]) == {0.5}
    assert set(kept.loc[~kept["poor_fit"], "propensity"]) == {1.0}


def test_one_prospect_a_list_and_a_frame_are_logged_the_same(logging_model, prospects, log) -> None:
    records = prospects.head(20).to_dict("records")
    frame = logging_model.predict(prospects.head(20), reasons=0, log=log)
    listed = logging_model.predict(records, log=log)
    single = [logging_model.predict(record, log=log) for record in records]
    assert [item.proceed for item in listed] == frame["proceed"].tolist()
    assert [item.to_dict() for item in single] == [item.to_dict() for item in listed]
    kept = log.assessments().drop(columns=["number", "time"])
    first, second, third = (kept.iloc[at : at + 20].reset_index(drop=True) for at in (0, 20, 40))
    pd.testing.assert_frame_equal(first, second, rtol=1e-12)
    pd.testing.assert_frame_equal(second, third)
    attributes = {name: records[0][name] for name in logging_model.attributes}
    assert kept["digest"].iloc[0] == digest_of(attributes)


def test_without_an_exploration_share_no_flagged_prospect_proceeds(model, prospects, log) -> None:
    plain = FitModel(model.scorer, {"spec": {"deals": {"id": "deal_id"}}})
    predicted = plain.predict(prospects, reasons=0, log=log)
    assert (predicted["proceed"] == ~predicted["poor_fit"]).all()
    assert set(log.assessments()["propensity"]) == {1.0}


def test_the_assessment_says_that_a_prospect_proceeds_for_exploration(
    logging_model, prospects, log
) -> None:
    predicted = logging_model.predict(prospects.to_dict("records"), log=log)
    drawn = next(item for item in predicted if item.poor_fit and item.proceed)
    assert "proceed anyway, for learning" in str(drawn)
    assert drawn.to_dict()["proceed"] is True
    unlogged = logging_model.predict(prospects.to_dict("records")[0])
    assert "proceed" not in unlogged.to_dict()


def test_a_prospect_without_an_id_is_refused_and_nothing_is_logged(
    logging_model, model, prospects, log
) -> None:
    records = prospects.head(2).to_dict("records")
    with pytest.raises(ProspectError, match="a prospect has no 'deal_id'"):
        logging_model.predict([records[0], records[1] | {"deal_id": None}], log=log)
    with pytest.raises(ProspectError, match="a prospect has no 'deal_id'"):
        logging_model.predict(prospects.drop(columns="deal_id"), log=log)
    with pytest.raises(ProspectError, match="names no id"):
        model.predict(records[0], log=log)
    assert log.assessments().empty


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "has an empty 'deal_id'"),
        (" ", "has an empty 'deal_id'"),
        (True, "has a 'deal_id' that is neither text nor number"),
        (["a"], "has a 'deal_id' that is neither text nor number"),
        ({"a": 1}, "has a 'deal_id' that is neither text nor number"),
        (float("nan"), "has no 'deal_id'"),
    ],
)
def test_an_empty_or_invalid_id_is_refused(logging_model, prospects, log, name, message) -> None:
    record = prospects.iloc[0].to_dict() | {"deal_id": name}
    with pytest.raises(ProspectError, match=f"a prospect {message}, without which .*Remedy"):
        logging_model.predict(record, log=log)
    assert log.assessments().empty


def test_without_a_log_entry_no_prediction_is_returned(logging_model, prospects, tmp_path) -> None:
    log = DecisionLog(tmp_path / "log.db")
    with log._store.writing() as cursor:
        cursor.execute("DROP TABLE assessments")
    with pytest.raises(TrackingError, match="no such table"):
        logging_model.predict(prospects.head(1), log=log)


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "名前", "x" * 10_000])
def test_any_text_is_a_valid_id(logging_model, prospects, log, name) -> None:
    record = prospects.iloc[0].to_dict() | {"deal_id": name}
    logging_model.predict(record, log=log)
    log.decide(name, "signed", by="Kim\ud800", reason="\x00")
    assert log.latest()["action"].tolist() == ["signed"]
    assert log.forget(name) == 2


@pytest.mark.parametrize("way", ["frame", "list", "one"])
def test_a_prospect_reopened_under_a_new_id_is_not_drawn_again(model, prospects, log, way) -> None:
    spec = {
        "deals": {"id": "deal_id"},
        "decision": {"explore_share": 0.5},
        "rows": {"customer": "account"},
    }
    tied = FitModel(model.scorer, {"spec": spec})

    def asked(table: pd.DataFrame) -> list[bool]:
        if way == "frame":
            return tied.predict(table, reasons=0, log=log)["proceed"].tolist()
        records = table.to_dict("records")
        if way == "list":
            return [item.proceed for item in tied.predict(records, log=log)]
        return [tied.predict(record, log=log).proceed for record in records]

    first = prospects.assign(account=[f"A{number}" for number in range(len(prospects))])
    first = first[tied.predict(first, reasons=0)["poor_fit"]].head(30)
    again = first.assign(
        deal_id=[f"new-{number}" for number in range(len(first))],
        account=first["account"] + " ",  # an id as written by hand
    )
    drawn = asked(first)
    assert asked(again) == drawn
    assert 0 < sum(drawn) < len(drawn)
    # without the customer a new id is drawn again
    untied = FitModel(model.scorer, {"spec": spec | {"rows": {}}})
    assert untied.predict(again, reasons=0, log=log)["proceed"].tolist() != drawn


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("D1", None), (" x ", None), (7, None), (7.5, None), (np.int64(7), None),
        ("", "has an empty 'deal_id'"), ("  ", "has an empty 'deal_id'"),
        (None, "has no 'deal_id'"), (float("nan"), "has no 'deal_id'"),
        (pd.NaT, "has no 'deal_id'"),
        (True, "neither text nor number"), (np.bool_(0), "neither text nor number"),
        (["D1"], "neither text nor number"), (b"D1", "neither text nor number"),
        ({"a": 1}, "neither text nor number"),
    ],
)  # fmt: skip
def test_an_id_is_a_text_or_a_number(name: object, problem: str | None) -> None:
    error = id_error(name, "deal_id")
    assert (error is None) if problem is None else problem in str(error)


def test_id_customer_and_exploration_share_are_read_from_the_contract() -> None:
    def model(spec: dict) -> SimpleNamespace:
        return SimpleNamespace(manifest={"spec": spec}, attributes=())

    share = {"explore_share": "0.25"}
    full = model({"deals": {"id": "d"}, "rows": {"customer": "c"}, "decision": share})
    assert (id_column(full), customer_column(full), explore_share(full)) == ("d", "c", 0.25)
    for bare in (model({}), model({"rows": None}), SimpleNamespace(manifest={}, attributes=())):
        assert (id_column(bare), customer_column(bare), explore_share(bare)) == (None, None, 0.0)


def test_exploration_is_drawn_by_customer_or_by_the_id_without_a_customer() -> None:
    prospects = [{"c": "acme"}, {"c": None}, {"c": " "}, {}, {"c": 7}, {"c": ["x"]}]
    names = ["p0", "p1", "p2", "p3", "p4", "p5"]
    assert _draw_keys(prospects, names, "c") == ["acme", "p1", "p2", "p3", "7", "p5"]
    assert _draw_keys(prospects, names, None) == names
