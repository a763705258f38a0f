"""Train, score, serve and monitor with attributes as of closing."""

from __future__ import annotations

import io
import re
import sqlite3
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

import fitmodel
from fitmodel.checking import check_deals
from fitmodel.crm.prospects import add_history, contract_of
from fitmodel.crm.reading import open_deals
from fitmodel.crm.timeline import timeline
from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import ProspectError
from fitmodel.model.fitmodel import FitModel
from fitmodel.monitoring.report import monitor
from fitmodel.reports.brief import make_brief
from fitmodel.service._routes import assess_many
from fitmodel.service.app import create_app
from fitmodel.service.settings import Settings

pytestmark = pytest.mark.slow
STILL = Settings(reload_seconds=0)
TODAY = date(2026, 6, 30)


@pytest.fixture(scope="module")
def home(tmp_path_factory, store_in):
    """A model trained with history, the folder of its tables, and the simulation."""
    folder = tmp_path_factory.mktemp("home")
    sim = fitmodel.simulate_deals(600, seed=1, history=True, n_attributes=4)
    paths = {"fields": folder / "fields.parquet", "activities": folder / "activities.parquet"}
    for name, path in paths.items():
        sim.tables[name].to_parquet(path)
    sections = {
        key: {
            name: {
                **table.model_dump(exclude_none=True),
                **({"windows_days": [90], "amount": None} if key == "events" else {}),
                "table": str(paths[name]),
            }
            for name, table in getattr(sim.spec, key).items()
        }
        for key in ("history", "events")
    }
    spec = sim.spec.replace(
        learning={"components": ["logistic"], "replicates": 3, "penalties": (10.0,)},
        tracking={"uri": store_in(folder)},
        **sections,
    )
    run = fitmodel.train(sim.deals, spec, models=folder / "models")
    return folder, sim, run


def test_the_bundle_keeps_the_settings_that_prospects_need(home):
    _, _, run = home
    spec = run.model.manifest["spec"]

    assert spec["events"]["activities"]["kinds"] == ["email", "call", "meeting"]
    assert spec["events"]["activities"]["recorded_from"] is not None
    assert "seats" in spec["history"]["fields"]["fields"]
    assert "activities_days_since_last" in run.model.attributes


def test_a_file_scored_in_chunks_gives_the_same_as_a_frame(home, monkeypatch):
    folder, sim, run = home
    monkeypatch.chdir(folder)
    past = sim.deals.tail(50).drop(columns="churned_on")
    past.to_csv("prospects.csv", index=False)
    expected = run.model.predict(add_history(past, run.model), reasons=0)

    for rows in (7, 50):
        done = fitmodel.score_file(
            "prospects.csv", run.model, f"scored{rows}.csv", chunk_rows=rows, reasons=0
        )
        assert (done.rows, done.errors) == (50, 0)
        scored = pd.read_csv(f"scored{rows}.csv")
        # the columns of the file are kept
        assert scored["seats"].tolist() == past["seats"].tolist()
        np.testing.assert_array_equal(
            scored["early_churn_probability"], expected["early_churn_probability"]
        )


def test_current_values_would_give_other_predictions(home):
    _, sim, run = home
    past = sim.deals.drop(columns="churned_on")
    known = add_history(past, run.model)
    overwritten = known.assign(seats=past["seats"])

    probability = run.model.predict(known, reasons=0)["early_churn_probability"]
    other = run.model.predict(overwritten, reasons=0)["early_churn_probability"]

    changed = known["seats"] != past["seats"]
    assert (probability != other)[changed].any()
    assert (probability == other)[~changed].all()


def test_a_request_with_its_rows_gets_the_same_answer(home):
    _, sim, run = home
    past = sim.deals.tail(1).drop(columns="churned_on")
    (prospect,) = past.astype(object).where(past.notna(), None).to_dict("records")
    prospect = {k: v.date().isoformat() if hasattr(v, "date") else v for k, v in prospect.items()}
    rows = {
        name: table[table["deal_id"] == prospect["deal_id"]].astype(str).to_dict("records")
        for name, table in sim.tables.items()
    }

    (answer,) = assess_many(run.model, [{**prospect, "tables": rows}], 3)
    expected = run.model.predict(add_history(past, run.model), reasons=0)

    assert answer.early_churn_probability == pytest.approx(
        expected["early_churn_probability"].iloc[0], abs=1e-12
    )
    (refused,) = assess_many(run.model, [{**prospect, "tables": {"x": []}}], 3)
    assert "the model has no table 'x'" in refused


def test_drift_is_measured_on_attributes_as_of_closing(home):
    _, sim, run = home

    report = monitor(sim.deals, run.model, sim.spec)
    prospects = monitor(sim.deals.drop(columns="churned_on"), run.model)

    for each in (report, prospects):
        measured = set(each.drift["attribute"])
        assert {"seats", "activities_days_since_last"} <= measured


def test_a_reason_describes_missing_activity_in_words(home):
    _, sim, run = home
    known = add_history(sim.deals.drop(columns="churned_on"), run.model)
    silent = known.sort_values("activities_days_since_last").iloc[-1].to_dict()
    name = "activities_days_since_last"

    english = run.model.predict(silent, reasons=50)
    chinese = run.model.predict(silent, reasons=50, language="zh")

    for assessment, words in (
        (
            english,
            r"No Activities for \d+ days before signing: \d+% of \d+ such deals \([^)]+\) left",
        ),
        (chinese, r"签约前已有 \d+ 天没有“Activities”.*\d+"),
    ):
        (reason,) = (each for each in assessment.reasons if each.attribute == name)
        assert re.search(words, reason.sentence), reason.sentence


def test_an_interrupted_batch_is_resumed_while_the_tables_are_the_same(home, monkeypatch):
    folder, sim, run = home
    monkeypatch.chdir(folder)
    sim.deals.tail(20).drop(columns="churned_on").to_csv("batch.csv", index=False)
    asked = {"chunk_rows": 5, "reasons": 0, "workers": 1, "tables": sim.tables}

    def stop(_rows):
        raise KeyboardInterrupt

    fitmodel.score_file("batch.csv", run.model, "whole.csv", **asked)
    with pytest.raises(KeyboardInterrupt):
        fitmodel.score_file("batch.csv", run.model, "out.csv", resume=True, progress=stop, **asked)
    fewer = {**sim.tables, "activities": sim.tables["activities"].iloc[1:]}
    with pytest.raises(ProspectError, match="other tables of history and events, or they have"):
        fitmodel.score_file(
            "batch.csv", run.model, "out.csv", resume=True, **{**asked, "tables": fewer}
        )
    done = fitmodel.score_file("batch.csv", run.model, "out.csv", resume=True, **asked)

    assert done.resumed >= 5
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()


@pytest.mark.parametrize("separator", [",", ";"])
def test_the_deal_desk_shows_a_pipeline_with_attributes_from_its_history(
    home, monkeypatch, separator
):
    folder, sim, run = home
    monkeypatch.chdir(folder)
    past = sim.deals.tail(10).drop(columns="churned_on")
    decimal = "," if separator == ";" else "."
    past.to_csv("pipeline.csv", index=False, sep=separator, decimal=decimal)
    app = create_app(run.bundle_path, Settings(reload_seconds=0), pipeline=Path("pipeline.csv"))
    expected = run.model.predict(add_history(past, run.model), reasons=0)
    expected = expected["early_churn_probability"].tolist()

    with TestClient(app) as client:
        shown = pd.read_csv(
            io.BytesIO(client.get("/v1/pipeline").content), sep=separator, decimal=decimal
        )
        sent = shown[[*run.model.attributes, "closed_on"]].astype(object)
        rows = sent.where(sent.notna(), None).to_dict("records")
        answers = client.post("/v1/assessments/batch", json=rows).json()["assessments"]
        # a rep's tool sends only the columns of the CRM; the service finds the history by the id
        plain = past.astype(object).where(past.notna(), None).assign(closed_on=None)
        result = client.post("/v1/assessments", json=plain.to_dict("records")[0]).json()
        brief = client.post("/v1/brief", json=plain.to_dict("records")[0])
        lacking = plain.drop(columns="deal_id").to_dict("records")[0]
        refused = client.post("/v1/assessments", json=lacking)

    assert [each["early_churn_probability"] for each in answers] == pytest.approx(
        expected, abs=1e-12
    )
    now = past.assign(closed_on=None)
    today = run.model.predict(add_history(now, run.model), reasons=0)["early_churn_probability"]
    assert result["early_churn_probability"] == pytest.approx(today.iloc[0], abs=1e-12)
    assert brief.status_code == 200
    assert (refused.status_code, "send deal_id" in refused.json()["detail"]) == (422, True)


def test_a_model_without_tables_is_compared_with_one_that_has_them(home):
    _, sim, run = home
    manifest = {**run.model.manifest, "period": ["2020-01-01", "2024-12-31"]}
    plain = {**manifest, "spec": {**manifest["spec"], "history": {}, "events": {}}}
    one, other = FitModel(run.model.scorer, plain), FitModel(run.model.scorer, manifest)

    compared = fitmodel.compare_models(one, other, sim.deals)

    assert compared.n_deals >= 50
    assert (compared.better, compared.flags.changed) == (None, 0)


def test_a_count_of_1_is_not_shown_as_yes(home):
    _, sim, run = home
    known = add_history(sim.deals.drop(columns="churned_on"), run.model)
    row = known.iloc[-1].to_dict() | {"seats_changes": 1.0}

    predicted = run.model.predict(row, reasons=99)
    table = run.model.predict(known.iloc[[-1]].assign(seats_changes=1.0), reasons=99)

    sentences = {each.attribute: each.sentence for each in predicted.reasons}
    assert sentences["seats_changes"].startswith("1 change(s) of Seats before signing: ")
    assert sentences["seats_changes"] in {each.sentence for each in table["reasons"].iloc[0]}


@pytest.fixture
def in_database(home, tmp_path):
    """The same model with a contract that names database tables, and that contract."""
    _, sim, run = home
    path = tmp_path / "crm.db"
    with sqlite3.connect(path) as connection:
        for name, table in sim.tables.items():
            table.astype(str).to_sql(name, connection, index=False)
    connection.close()
    spec = DealSpec(**run.model.manifest["spec"]).to_dict()
    for key in ("history", "events"):
        for name, section in spec[key].items():
            section["table"] = f"sqlite:///{path}/{name}"
    return FitModel(run.model.scorer, {**run.model.manifest, "spec": spec}), DealSpec(**spec)


def test_all_ways_of_scoring_read_tables_of_a_database(home, in_database, tmp_path, monkeypatch):
    _, sim, run = home
    model, spec = in_database
    monkeypatch.chdir(tmp_path)
    past = sim.deals.tail(12).drop(columns="churned_on")
    past.to_csv("prospects.csv", index=False)
    expected = run.model.predict(add_history(past, run.model), reasons=0)
    expected = expected["early_churn_probability"].to_numpy()
    rows = past.astype({"closed_on": str}).astype(object).to_dict("records")

    known = add_history(past, model)
    fitmodel.score_file("prospects.csv", model, "scored.csv", reasons=0)
    answers = assess_many(model, rows, 0)
    drift = monitor(sim.deals, model, spec).drift
    brief = make_brief(model, known.iloc[0].to_dict(), name="D")
    checked = check_deals(sim.deals, spec)

    for computed in (
        model.predict(known, reasons=0)["early_churn_probability"],
        pd.read_csv("scored.csv")["early_churn_probability"],
        [each.early_churn_probability for each in answers],
    ):
        np.testing.assert_allclose(computed, expected, rtol=0, atol=1e-12)
    assert brief.assessment.early_churn_probability == pytest.approx(expected[0], abs=1e-12)
    assert "activities_days_since_last" in set(drift["attribute"])
    assert "FM111" in {result.code for result in checked.results}
    assert all(result.file == "" and result.row is None for result in checked.results)


def test_the_app_scores_its_pipeline_with_history_and_shows_each_timeline(home):
    folder, sim, run = home
    past = sim.deals.tail(5).drop(columns="churned_on")
    past.to_csv(folder / "open.csv", index=False)
    expected = run.model.predict(add_history(past, run.model), reasons=0)

    app = create_app(run.bundle_path.parent, STILL, pipeline=folder / "open.csv")
    with TestClient(app) as service:
        rows = service.get("/v1/pipeline/rows").json()["rows"]
        chances = [row["early_churn_probability"] for row in rows]
        assert chances == expected["early_churn_probability"].tolist()
        assert service.get("/v1/desk").json()["has"]["history"]
        answer = service.get("/v1/pipeline/timeline", params={"key": rows[0]["key"]}).json()

    name = past["deal_id"].iloc[0]
    opened = open_deals(past, contract_of(run.model.manifest), sim.tables)
    shown = timeline(opened.today, opened.spec, opened.tables, opened.result, name)
    label = run.model.scorer.wording.label
    changes = (str(what).partition(": ") for what in shown.records["what"])
    labelled = [f"{label(name)}{mark}{value}" if mark else name for name, mark, value in changes]
    assert any(": " in what for what in labelled)
    assert [record["what"] for record in answer["records"]] == labelled
    assert [record["known"] for record in answer["records"]] == shown.records["known"].tolist()
    values = {field["label"]: field["value"] for field in answer["fields"]}
    assert values["Seats"] == shown.fields.set_index("attribute").loc["seats", "value"]


def test_a_model_trained_with_tables_is_compared_with_one_trained_without(home):
    folder, sim, run = home
    spec = DealSpec(**run.model.manifest["spec"])
    overwritten = {"exclude": ["seats", "decision_maker_known"]}
    plain_spec = spec.replace(history={}, events={}, attributes=overwritten)
    plain = fitmodel.train(sim.deals, plain_spec, models=folder / "plain").model
    period = {"period": ["2020-01-01", "2024-12-31"]}
    one = FitModel(run.model.scorer, run.model.manifest | period)
    other = FitModel(plain.scorer, plain.manifest | period)

    compared = fitmodel.compare_models(one, other, sim.deals)

    predicted = compared.predictions
    deals = sim.deals.loc[predicted.index].drop(columns="churned_on")
    alone = one.predict(add_history(deals, one), reasons=0)["early_churn_probability"]
    np.testing.assert_array_equal(predicted["probability_a"], alone)
    today = other.predict(deals, reasons=0)["early_churn_probability"]
    np.testing.assert_array_equal(predicted["probability_b"], today)
    assert (predicted["probability_a"] != predicted["probability_b"]).any()
