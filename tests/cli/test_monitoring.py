"""The commands `monitor`, `decide` and `forget`."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from typer.testing import CliRunner

from fitmodel.bundle.store import write_bundle
from fitmodel.cli.main import app
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.outcomes import outcomes
from fitmodel.deals.reading import read_deals
from fitmodel.decision.policy import Policy
from fitmodel.learning.learner import learn
from fitmodel.model.assessment import Assessment
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import Scorer
from fitmodel.monitoring.drift import summarise_scores
from fitmodel.monitoring.log import DecisionLog

pytestmark = pytest.mark.slow

FLAGGED = Assessment(
    early_churn_probability=0.4,
    probability_low=0.3,
    probability_high=0.5,
    poor_fit=True,
    fit="poor",
    expected_value=float("nan"),
    unfamiliar=False,
    reasons=(),
    model_version="v1",
)


def run(*arguments: object):
    return CliRunner().invoke(app, [str(item) for item in arguments])


@pytest.fixture(scope="module")
def home(tmp_path_factory, simulate_quickly):
    """A model trained in 2025, and deals known in the middle of 2026."""
    folder = tmp_path_factory.mktemp("home")
    sim = simulate_quickly(2_500, seed=5)
    cut = pd.Timestamp("2025-07-01")
    learned = learn(sim.deals, sim.spec, as_of=cut)
    roles = sim.spec.deals
    scorer = Scorer(
        learned.scorecard, Policy("threshold", 0.3, None, ""), None, roles.closed_on, ""
    )
    predicted = FitModel(scorer, {}).predict(sim.deals, reasons=0)["early_churn_probability"]
    manifest = {"scores": summarise_scores(predicted), "period": ["2023-07-01", "2025-06-30"]}
    files = {SCORER_FILE: scorer.to_json()}
    write_bundle(folder / "models", "fit", files=files, manifest=manifest)
    (folder / "fitmodel.toml").write_text(sim.spec.to_toml())
    sim.deals.to_csv(folder / "deals.csv", index=False)
    prospects = sim.deals.drop(columns=["churned_on"])
    prospects.assign(seats=prospects["seats"] * 30).to_csv(folder / "changed.csv", index=False)
    return folder


@pytest.fixture
def at_home(home, monkeypatch):
    monkeypatch.chdir(home)
    return home


@pytest.mark.parametrize("language", ["en", "zh"])
def test_deals_with_outcomes_give_a_page_with_drift_and_cohorts(at_home, language) -> None:
    done = run("monitor", "deals.csv", "--model", "models/fit", "--language", language)
    assert done.exit_code == 0, done.output
    page = (at_home / "monitor" / "index.html").read_text()
    assert f'lang="{language}"' in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)  # nothing is loaded from other hosts
    cohorts = pd.read_csv(at_home / "monitor" / "cohorts.csv")
    assert cohorts["cohort"].min() == "2025Q3"
    assert set(pd.read_csv(at_home / "monitor" / "drift.csv")["verdict"]) <= {
        *("drift", "unclear", "stable")
    }


def test_drift_is_named_and_can_fail_a_scheduled_run(at_home) -> None:
    done = run("monitor", "changed.csv", "--model", "models/fit", "-o", "changed")
    assert done.exit_code == 0, done.output
    assert "drifted: seats" in done.output.replace("early_churn_probability, ", "")
    assert not (at_home / "changed" / "cohorts.csv").exists()
    again = run(
        *("monitor", "changed.csv", "--model", "models/fit", "-o", "changed", "--fail-on-drift")
    )
    assert again.exit_code == 1


@pytest.mark.parametrize("fill", ["", "smb"], ids=["empty", "constant"])
def test_an_empty_or_constant_column_is_drift_and_not_an_error(at_home, fill) -> None:
    name = "segment" if fill else "seats"
    pd.read_csv("deals.csv").assign(**{name: fill}).to_csv("drifted.csv", index=False)
    done = run("monitor", "drifted.csv", "--model", "models/fit", "-o", "drifted")
    assert done.exit_code == 0, done.output
    drift = pd.read_csv(at_home / "drifted" / "drift.csv").set_index("attribute")
    assert drift.loc[name, "verdict"] == "drift"
    assert drift.loc[name, "missing"] == (0 if fill else 1)


def test_deals_without_leavers_are_compared(at_home) -> None:
    pd.read_csv("deals.csv").assign(churned_on="").to_csv("stayed.csv", index=False)
    done = run("monitor", "stayed.csv", "--model", "models/fit", "-o", "stayed")
    assert done.exit_code == 0, done.output
    assert (at_home / "stayed" / "drift.csv").exists()


def test_by_month_each_month_is_compared_separately(at_home) -> None:
    done = run("monitor", "deals.csv", "--model", "models/fit", "-o", "months", "--by-month")
    assert done.exit_code == 0, done.output
    months = pd.read_csv(at_home / "months" / "drift.csv")["group"]
    signed = pd.read_csv("deals.csv")["closed_on"]
    assert set(months) == set(signed[signed > "2025-06-30"].str[:7])
    pd.read_csv("deals.csv").drop(columns="churned_on").to_csv("open.csv", index=False)
    refused = run("monitor", "open.csv", "--model", "models/fit", "--by-month")
    assert refused.exit_code == 1
    assert "--by-month needs deals with the contract's dates" in refused.output


def test_overrides_are_compared_with_the_observed_outcomes(at_home, tmp_path) -> None:
    deals = pd.read_csv("deals.csv").head(40)
    log = DecisionLog(tmp_path / "log.db", salt="pepper")
    for name in deals["deal_id"]:
        log.append(name, FLAGGED, {})
        log.decide(name, "overridden", by="Kim")
    command = ("monitor", "deals.csv", "--model", "models/fit", "-o", "judged")
    done = run(*command, "--log", tmp_path / "log.db", "--salt", "pepper")
    assert done.exit_code == 0, done.output
    left = outcomes(*known_deals())["early_churn"].head(40).sum()
    page = (at_home / "judged" / "index.html").read_text()
    of_flagged = "Of 40 flagged deals that a person signed in spite of the flag, 40 have an outcome"
    assert f"{of_flagged}: {left:.0f} left" in page
    assert "16.0 were expected" in page


def test_deals_drawn_at_random_are_not_overrides_of_a_person(at_home, tmp_path) -> None:
    deals = pd.read_csv("deals.csv").head(40)
    log = DecisionLog(tmp_path / "log.db")
    for number, name in enumerate(deals["deal_id"]):
        log.append(name, FLAGGED, {}, proceed=number < 30, propensity=0.2)
        log.decide(name, "signed" if number < 30 else "overridden", by="Kim")
    command = ("monitor", "deals.csv", "--model", "models/fit", "-o", "drawn")
    done = run(*command, "--log", tmp_path / "log.db")
    assert done.exit_code == 0, done.output
    page = (at_home / "drawn" / "index.html").read_text()
    known = outcomes(*known_deals())["early_churn"]
    drawn = "Of 30 flagged deals that were drawn at random to be signed, 30 have an outcome"
    picked = "Of 10 flagged deals that a person signed in spite of the flag, 10 have an outcome"
    assert f"{drawn}: {known.head(30).sum():.0f} left" in page
    assert f"{picked}: {known.iloc[30:40].sum():.0f} left" in page


@pytest.mark.usefixtures("at_home")
def test_prospects_of_the_log_without_a_deal_are_counted(tmp_path) -> None:
    """Where ids changed, flagged deals have no outcome for another reason than their age."""
    log = DecisionLog(tmp_path / "log.db")
    for name in ("D0000001", *(f"new-{number}" for number in range(3))):
        log.append(name, FLAGGED, {})
        log.decide(name, "overridden", by="Kim")
    command = ("monitor", "deals.csv", "--model", "models/fit", "-o", "renamed")
    done = run(*command, "--log", tmp_path / "log.db")
    assert done.exit_code == 0, done.output
    assert "decision log: 4 prospects logged" in done.output
    assert "3 without a deal of that id" in done.output


def test_more_leavers_than_predicted_are_named_and_can_fail_a_scheduled_run(at_home) -> None:
    """No attribute drifts where the company's level rises: only outcomes show it."""
    deals = pd.read_csv("deals.csv", parse_dates=["closed_on"])
    later = (deals["closed_on"] > "2025-06-30") & (deals["closed_on"] < "2026-01-01")
    month = (deals["closed_on"] + pd.Timedelta(days=30)).dt.strftime("%Y-%m-%d")
    level = deals.assign(churned_on=deals["churned_on"].mask(later & (deals.index % 2 == 0), month))
    level.to_csv("worse.csv", index=False)
    command = ("monitor", "worse.csv", "--model", "models/fit", "-o", "worse")
    done = run(*command)
    assert done.exit_code == 0, done.output
    assert "outcomes: All quarters together:" in done.output
    assert "More customers leave early than predicted" in done.output
    assert "drifted: nothing" in done.output
    cohorts = pd.read_csv(at_home / "worse" / "cohorts.csv")
    page = (at_home / "worse" / "index.html").read_text()
    assert f"{cohorts['observed'].sum()} left early so far" in page
    assert run(*command, "--fail-on-drift").exit_code == 1


def known_deals():
    spec = DealSpec.from_toml("fitmodel.toml")
    return read_deals("deals.csv", spec), spec


def test_decisions_are_stored_and_a_customer_can_be_forgotten(tmp_path) -> None:
    path = tmp_path / "decisions.db"
    log = DecisionLog(path)
    log.append("D-17", FLAGGED, {"seats": 4})
    done = run(
        "decide", "D-17", "overridden", "--by", "Kim", "--reason", "knows them", "--log", path
    )
    assert done.exit_code == 0, done.output
    assert done.output.strip() == "D-17: overridden"
    again = run(
        "decide", "D-17", "overridden", "--by", "Kim", "--reason", "knows them", "--log", path
    )
    assert again.output.strip() == "D-17: overridden (recorded already)"
    assert log.decisions()["action"].tolist() == ["overridden"]
    assert log.latest().loc["D-17", "action"] == "overridden"
    assert "signed, declined" in run("decide", "D-17", "x", "--by", "K", "--log", path).output
    assert "removed 2 row(s)" in run("forget", "D-17", "--log", path).output
    assert log.assessments().empty
    assert "check the id, and the salt" in run("forget", "D-17", "--log", path).output


def test_without_a_log_no_file_is_created(tmp_path) -> None:
    done = run("forget", "D-17", "--log", tmp_path / "none.db")
    assert done.exit_code == 1
    assert "there is no decision log" in done.output
    assert not (tmp_path / "none.db").exists()


def test_results_are_tracked_as_a_run_by_month(at_home, mlflow_store) -> None:
    from fitmodel.tracking.connection import connected

    command = ("monitor", "deals.csv", "--model", "models/fit", "-o", "kept", "--by-month")
    done = run(*command, "--track")
    assert done.exit_code == 0, done.output
    run_id = done.output.split()[-1]
    drift = pd.read_csv(at_home / "kept" / "drift.csv").query("attribute == 'seats'")
    with connected(mlflow_store) as client:
        kept = client.get_metric_history(run_id, "drift/seats/index")
        assert {file.path for file in client.list_artifacts(run_id)} == {
            *("index.html", "drift.csv", "cohorts.csv")
        }
        result = client.get_run(run_id)
    steps = {metric.step: metric.value for metric in kept}
    months = drift["group"].str.replace("-", "").astype(int)
    assert steps == pytest.approx(dict(zip(months, drift["index"], strict=True)))
    assert result.info.status == "FINISHED"
    assert result.data.metrics["cohort/ratio"] > 0


def test_young_deals_do_not_count_against_overrides(at_home, tmp_path) -> None:
    """For a young deal only a bad outcome can be known yet."""
    deals, spec = known_deals()
    young = deals[~outcomes(deals, spec)["mature"]]
    log = DecisionLog(tmp_path / "log.db")
    for name in young["deal_id"]:
        log.append(name, FLAGGED, {})
        log.decide(name, "overridden", by="Kim")
    command = ("monitor", "deals.csv", "--model", "models/fit", "-o", "young")
    assert run(*command, "--log", tmp_path / "log.db").exit_code == 0
    page = (at_home / "young" / "index.html").read_text()
    picked = f"Of {len(young)} flagged deals that a person signed in spite of the flag"
    assert f"{picked}, none has a known outcome" in page
    assert "nan" not in page
