"""`monitor` compares deals signed after the training period and reports what was compared."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from fitmodel.deals.history import DealHistory
from fitmodel.decision.policy import Policy
from fitmodel.exceptions import DealsError
from fitmodel.learning.learner import learn
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer
from fitmodel.monitoring.drift import summarise_scores
from fitmodel.monitoring.report import monitor
from fitmodel.reports.monitoring_page import monitoring_page, none_later_words

CUT = pd.Timestamp("2025-07-01")


@pytest.fixture(scope="module")
def sim(simulate_quickly):
    return simulate_quickly(1_500, seed=5, n_attributes=4)


@pytest.fixture(scope="module")
def model(sim):
    """A model trained on the deals signed before `CUT`."""
    learned = learn(DealHistory(sim.deals, sim.spec).as_of(CUT), sim.spec, replicates=2)
    policy = Policy("threshold", 0.3, None, "")
    scorer = Scorer(learned.scorecard, policy, None, sim.spec.deals.closed_on, "")
    scores = FitModel(scorer, {}).predict(sim.deals, reasons=0)["early_churn_probability"]
    manifest = {"scores": summarise_scores(scores), "period": ["2023-07-01", "2025-06-30"]}
    return FitModel(scorer, manifest)


def test_only_deals_signed_after_the_training_period_are_compared(sim, model):
    report = monitor(sim.deals, model, sim.spec)

    assert report.rows == (sim.deals["closed_on"] > pd.Timestamp("2025-06-30")).sum()
    assert report.cohorts["deals"].sum() == report.rows


def test_a_table_without_new_deals_is_compared_completely_without_cohorts(sim, model):
    old = sim.deals[sim.deals["closed_on"] < CUT]

    report = monitor(old, model, sim.spec)

    assert report.rows == len(old)
    assert report.cohorts is report.outcomes is None
    assert not report.has_later
    for language in ("en", "zh"):
        assert "2025-06-30" in none_later_words(report, language)
    assert none_later_words(monitor(sim.deals, model, sim.spec)) == ""


def test_prospects_have_only_drift(sim, model):
    prospects = sim.deals.drop(columns="churned_on").assign(seats=sim.deals["seats"] * 30)

    report = monitor(prospects, model, sim.spec)

    assert report.rows == len(prospects)
    assert report.cohorts is report.overrides is None
    assert "seats" in report.drifted


@pytest.mark.parametrize("overridden", [0, 3])
def test_the_page_mentions_overrides_only_if_there_are_any(sim, model, overridden):
    report = replace(
        monitor(sim.deals, model, sim.spec),
        overrides={"overridden": overridden, "known": 0},
    )

    assert ("that a person signed in spite of" in monitoring_page(report)) is bool(overridden)


def test_metrics_have_the_month_of_signing_as_step(sim, model):
    report = monitor(sim.deals, model, sim.spec, by_month=True)

    months = {
        int(f"{day:%Y%m}") for day in sim.deals["closed_on"] if day > pd.Timestamp("2025-06-30")
    }
    steps = {step for name, step, _ in report.metrics() if name == "drift/seats/index"}
    assert steps == months
    quarters = {step for name, step, _ in report.metrics() if name == "cohort/ratio"}
    assert quarters == {100 * (month // 100) + -(-(month % 100) // 3) * 3 for month in months}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by_month": True}, "needs deals with the contract's dates"),
        ({"log": object()}, "--log needs deals with outcomes. Remedy: name their contract"),
    ],
)
def test_options_that_need_outcomes_are_refused_without_a_contract(sim, model, arguments, message):
    with pytest.raises(DealsError, match=message):
        monitor(sim.deals, model, **arguments)


@pytest.mark.parametrize(
    ("lacking", "roles", "message"),
    [
        ("churned_on", {}, "--log needs deals with outcomes, and the table has no column 'churned"),
        ("", {"id": None}, r"--log needs the id of each deal. Remedy: .* as \[deals\] id"),
        (
            "",
            {"closed_on": None, "churned_on": None, "observed_until": None,
             "tenure_months": "trial_days", "churned": "has_crm_integration"},
            "--log needs the dates of signing and leaving, and the contract has a tenure only",
        ),
    ],
    ids=["outcomes", "id", "dates"],
)  # fmt: skip
def test_what_the_log_needs_and_is_missing_is_named(sim, model, lacking, roles, message):
    spec = sim.spec.replace(deals=roles)
    with pytest.raises(DealsError, match=message):
        monitor(sim.deals.drop(columns=lacking or []), model, spec, log=object())


@pytest.mark.parametrize("texts", [1, 300])
@pytest.mark.parametrize("with_contract", [True, False])
def test_a_text_among_numbers_is_counted_as_drift_and_not_an_error(
    sim, model, texts: int, with_contract: bool
):
    """One is a typing error; three hundred are drift because an export has changed."""
    later = sim.deals[sim.deals["closed_on"] > pd.Timestamp("2025-06-30")].copy()
    later["seats"] = later["seats"].astype(object)
    rows = later.index[:texts]
    later.loc[rows, "seats"] = "viele"
    table = later if with_contract else later.drop(columns="churned_on")
    report = monitor(table, model, sim.spec)
    (seats,) = report.drift[report.drift["attribute"] == "seats"].to_dict("records")

    assert len(later) > 350
    count = min(texts, len(later))
    (note,) = report.notes
    assert note.startswith(f"seats: {count} value(s) cannot be read and count as missing")
    assert note.endswith(f"for example 'viele' in row {rows[0]}")
    assert seats["unreadable"] == pytest.approx(count / len(later))
    assert ("seats" in report.drifted) == (texts == 300)
    assert (report.cohorts is None) == (not with_contract)


def test_a_text_in_an_amount_is_not_an_error(sim, model):
    later = sim.deals.astype({"annual_value": object}).copy()
    later.loc[later.index[:5], "annual_value"] = "tbd."
    report = monitor(later, model, sim.spec)

    assert report.notes[0].startswith("annual_value: 5 value(s) cannot be read")


def test_lost_rows_of_a_pipeline_are_not_compared(sim, model):
    knowing = FitModel(
        model.scorer, {**model.manifest, "spec": {"rows": {"keep": {"stage": ["Won"]}}}}
    )
    table = sim.deals.drop(columns="churned_on").assign(stage="Open")
    table.loc[table.index[:100], "stage"] = "Closed Lost"
    report = monitor(table, knowing, None)

    assert report.rows == len(table) - 100
    (note,) = report.notes
    assert note.startswith(f"100 of {len(table):,} rows are not prospects: ")
    assert "stage is Closed Lost" in note
