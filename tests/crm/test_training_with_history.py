"""Train, score, serve, monitor: what was recorded before closing goes through every door."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest

import fitmodel
from fitmodel.crm.prospects import add_history
from fitmodel.monitoring.report import monitor
from fitmodel.service._routes import assess_many

pytestmark = pytest.mark.slow
TODAY = date(2026, 6, 30)


@pytest.fixture(scope="module")
def home(tmp_path_factory, store_in):
    """A model learned with history, the folder of its tables, and the simulation."""
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


def test_the_bundle_keeps_what_prospects_need(home):
    _, _, run = home
    spec = run.model.manifest["spec"]

    assert spec["events"]["activities"]["kinds"] == ["email", "call", "meeting"]
    assert spec["events"]["activities"]["recorded_from"] is not None
    assert "seats" in spec["history"]["fields"]["fields"]
    assert "activities_days_since_last" in run.model.attributes


def test_a_file_is_scored_as_a_frame_is_in_chunks_of_any_size(home, monkeypatch):
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
        assert scored["seats"].tolist() == past["seats"].tolist()  # the file's own columns stay
        np.testing.assert_array_equal(
            scored["early_churn_probability"], expected["early_churn_probability"]
        )


def test_values_of_today_would_give_other_answers(home):
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

    assert answer["early_churn_probability"] == pytest.approx(
        expected["early_churn_probability"].iloc[0], abs=1e-12
    )
    (refused,) = assess_many(run.model, [{**prospect, "tables": {"x": []}}], 3)
    assert "the model has no table 'x'" in refused["error"]


def test_drift_is_measured_on_attributes_as_of_closing(home):
    _, sim, run = home

    report = monitor(sim.deals, run.model, sim.spec)
    prospects = monitor(sim.deals.drop(columns="churned_on"), run.model)

    for each in (report, prospects):
        measured = set(each.drift["attribute"])
        assert {"seats", "activities_days_since_last"} <= measured


def test_a_reason_tells_of_silence_in_words(home):
    _, sim, run = home
    known = add_history(sim.deals.drop(columns="churned_on"), run.model)
    silent = known.sort_values("activities_days_since_last").iloc[-1].to_dict()
    name = "activities_days_since_last"

    english = run.model.predict(silent, reasons=50)
    chinese = run.model.predict(silent, reasons=50, language="zh")

    for assessment, words in (
        (
            english,
            r"No Activities for \d+ days before signing: \d+ % of \d+ such deals \([^)]+\) left",
        ),
        (chinese, r"签约前已有 \d+ 天没有Activities.*\d+"),
    ):
        (reason,) = (each for each in assessment.reasons if each.attribute == name)
        assert re.search(words, reason.sentence), reason.sentence
