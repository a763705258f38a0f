"""A training gives a complete bundle, a report and a run, or nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitmodel.bundle.store import load_estimator
from fitmodel.datasets.simulation import simulate_deals, simulate_prospects
from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import BundleError, DealsError
from fitmodel.loading import load
from fitmodel.model.wording import wording_of
from fitmodel.training import TrainingRun, train

pytestmark = pytest.mark.slow

SIMULATION = simulate_deals(1500, seed=11)
# enough for tests that are not about the model
FEWER = simulate_deals(500, seed=11, n_attributes=6)


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, store_in: Callable[[Path], str]
) -> TrainingRun:
    folder = tmp_path_factory.mktemp("trained")
    spec = SIMULATION.spec.replace(tracking={"uri": store_in(folder)})
    return train(SIMULATION.deals, spec, models=folder / "models")


@pytest.mark.full_training
def test_the_report_is_evaluated_on_later_deals(trained: TrainingRun) -> None:
    report = trained.report
    assert report.method == "out-of-time"
    evaluated = SIMULATION.deals.loc[report.predictions.index, "closed_on"]
    assert (evaluated >= report.split_date).all()
    metric = report.metrics["log_loss"]
    assert metric.low < metric.value < metric.high
    skill, auc = report.metrics["log_loss_skill"], report.metrics["roc_auc"]
    assert report.has_skill == (skill.low > 0 and auc.low > 0.5)
    assert report.has_skill
    json.dumps(report.to_dict(), allow_nan=False)


@pytest.mark.full_training
def test_the_bundle_is_complete_and_the_pointer_names_it(trained: TrainingRun) -> None:
    names = {path.name for path in trained.bundle_path.iterdir()}
    assert {"manifest.json", "scorer.json", "estimator.joblib", "card.md"} <= names
    home = trained.bundle_path.parent
    assert (home / "current").read_text(encoding="utf-8").strip() == trained.bundle_path.name
    assert load(home).version == trained.model.version
    assert trained.model.manifest["run_id"] == trained.run_id


@pytest.mark.full_training
def test_labels_and_horizon_are_stored_in_the_bundle(trained: TrainingRun) -> None:
    wording = load(trained.bundle_path).scorer.wording
    assert wording == wording_of(SIMULATION.spec)
    assert wording.horizon == f"within {SIMULATION.spec.label.horizon_months} months"


@pytest.mark.full_training
def test_the_scorecard_file_equals_the_fitted_estimator_on_ten_thousand_prospects(
    trained: TrainingRun,
) -> None:
    from fitmodel.deals.attributes import attribute_frame

    prospects = simulate_prospects(10_000, seed=1).prospects
    prospects.loc[:50, "segment"] = "unseen"
    prospects.loc[51:99, ["seats", "industry"]] = None
    prospects.loc[100:120, "seats"] = 1e12
    estimator = load_estimator(trained.bundle_path)
    attributes = attribute_frame(
        prospects,
        trained.model.attributes,
        closed_on=prospects["closed_on"],
        dates=("first_contact_on",),
    )
    expected = estimator.predict_proba(attributes)[:, 1]
    predicted = trained.model.predict(prospects, reasons=0)["early_churn_probability"]
    np.testing.assert_allclose(predicted, expected, atol=1e-9)


@pytest.mark.full_training
def test_scoring_loads_no_learning_library(trained: TrainingRun) -> None:
    code = (
        "import sys, fitmodel\n"
        "model = fitmodel.load(sys.argv[1])\n"
        "said = model.predict(dict.fromkeys(model.attributes))\n"
        "assert 0 < said.early_churn_probability < 1 and said.reasons[0].sentence\n"
        "heavy = {'sklearn', 'interpret', 'mlflow', 'matplotlib', 'joblib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    command = [sys.executable, "-c", code, str(trained.bundle_path)]
    subprocess.run(command, check=True)  # noqa: S603 - our own command


def test_a_leak_stops_the_training_unless_allowed(tmp_path: Path) -> None:
    leaky = simulate_deals(800, seed=3, leaks=True)
    with pytest.raises(DealsError, match="knowledge from after the closing") as caught:
        train(leaky.deals, leaky.spec, models=tmp_path)
    assert all(name in str(caught.value) for name in leaky.leaks)
    assert not list(tmp_path.iterdir())


def test_an_unreachable_server_costs_the_run_but_not_the_model(tmp_path: Path) -> None:
    spec = FEWER.spec.replace(tracking={"uri": "http://127.0.0.1:9"}, learning=QUICK)
    run = train(FEWER.deals, spec, models=tmp_path)
    assert run.run_id is None
    assert any("Nothing is lost" in text for text in run.warnings)
    assert load(run.bundle_path).version == run.model.version


def test_a_model_of_noise_is_stored_and_reported_but_not_put_in_use(
    tmp_path: Path, store_in: Callable[[Path], str]
) -> None:
    deals = SIMULATION.deals.copy()
    names = SIMULATION.spec.attribute_names(deals.columns)
    shuffled = deals[list(names)].sample(frac=1, random_state=0).to_numpy()
    deals[list(names)] = pd.DataFrame(shuffled, columns=list(names), index=deals.index)
    kept = [name for name in names if name != "first_contact_on"]
    include = {"include": kept, "actionable": ()}
    spec = _quick(SIMULATION.spec, store_in(tmp_path), attributes=include)
    run = train(deals.infer_objects(), spec, models=tmp_path / "models")
    assert not run.report.has_skill
    assert any("no evidence of skill" in text for text in run.warnings)
    assert run.in_use is None
    assert load(run.bundle_path).version == run.model.version
    with pytest.raises(BundleError, match=rf"in use.*promote --force.*{run.model.version}"):
        load(tmp_path / "models" / "prospect-fit")


def test_ctrl_c_during_training_leaves_no_partial_bundle(tmp_path: Path, mlflow_store: str) -> None:
    def interrupt(step: str) -> None:
        if step == "writing":
            raise KeyboardInterrupt

    spec = FEWER.spec.replace(learning=QUICK, tracking={"uri": mlflow_store})
    with pytest.raises(KeyboardInterrupt):
        train(FEWER.deals, spec, models=tmp_path / "models", progress=interrupt)
    assert [each.name for each in tmp_path.iterdir()] == ["store"]


@pytest.mark.full_training
def test_a_full_disk_ends_the_run_and_keeps_the_model_in_use(
    trained: TrainingRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    store_in: Callable[[Path], str],
) -> None:
    from mlflow import MlflowClient

    from fitmodel import shipping

    def full(*_: object, **__: object) -> None:
        raise BundleError("no space left on the disk")

    uri = store_in(tmp_path)
    monkeypatch.setattr(shipping, "write_bundle", full)
    with pytest.raises(BundleError, match="no space left"):
        train(FEWER.deals, _quick(FEWER.spec, uri), models=tmp_path)
    client = MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("prospect-fit").experiment_id])
    assert run.info.status == "FAILED"
    assert load(trained.bundle_path.parent).version == trained.model.version


@pytest.mark.full_training
def test_the_chosen_settings_are_in_the_manifest_and_in_the_run(trained: TrainingRun) -> None:
    settings = trained.model.manifest["settings"]
    assert settings["share_logistic"] + settings.get("share_boosted", 0.0) == pytest.approx(1.0)
    assert settings["bootstrap_replicates"] == SIMULATION.spec.learning.replicates
    assert settings["level_factor"] == trained.report.level.factor
    assert trained.report.to_dict()["level"]["months"]


QUICK = {"components": ("logistic",), "penalties": (3.0, 30.0), "replicates": 3, "folds": 3}


def _quick(spec, uri: str, **sections):
    return spec.replace(learning=QUICK, tracking={"uri": uri}, **sections)


def test_reported_flags_use_a_policy_chosen_without_the_evaluated_deals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store_in: Callable[[Path], str]
) -> None:
    from fitmodel import training
    from fitmodel.decision import shipped

    chosen = []
    decide = training.decide

    def remember(view, *given, **named):
        chosen.append((view, decide(view, *given, **named)))
        return chosen[-1][1]

    monkeypatch.setattr(training, "decide", remember)
    monkeypatch.setattr(shipped, "decide", remember)
    decision = {"policy": "capacity", "capacity": 0.1}
    spec = _quick(SIMULATION.spec, store_in(tmp_path), decision=decision)
    report = train(SIMULATION.deals, spec, models=tmp_path / "models").report
    (everything, shipped), (then, evaluated) = chosen
    assert len(everything) == len(SIMULATION.deals)
    assert then.day == np.datetime64(report.split_date, "D")
    assert then.closed.max() < np.datetime64(report.split_date, "D")
    probability = report.predictions["probability"].to_numpy()
    flagged = evaluated.poor_fit(probability, None)
    assert report.flagged["share_flagged"] == pytest.approx(
        np.average(flagged, weights=report.predictions["weight"])
    )
    assert report.flagged["expected_share"] == pytest.approx(0.1, abs=0.005)
    assert shipped.description in report.policy


def _growing(n: int, *, seed: int, growth: float = 0.18) -> tuple[pd.DataFrame, DealSpec]:
    """Deals of a company that grows each month, with individual constant hazards."""
    random = np.random.default_rng(seed)
    end, months = pd.Timestamp("2026-06-30"), 30
    age = months - np.log1p(random.random(n) * np.expm1(growth * months)) / growth
    plan = random.choice(["free trial", "sales", "partner"], n)
    seats = random.normal(size=n)
    effect = pd.Series(plan).map({"free trial": 0.9, "sales": 0.0, "partner": -0.7}) - 0.6 * seats
    stays = random.exponential(1 / (0.05 * np.exp(effect)))
    closed_on = end - pd.to_timedelta((age * 30.436875).round(), unit="D")
    churned_on = closed_on + pd.to_timedelta(
        np.minimum(np.ceil(stays * 30.436875), 9_999), unit="D"
    )
    deals = pd.DataFrame(
        {
            "plan": plan,
            "seats": seats.round(3),
            "closed_on": closed_on,
            "churned_on": churned_on.where(churned_on <= end),
        }
    )
    roles = {"closed_on": "closed_on", "churned_on": "churned_on", "observed_until": end.date()}
    return deals, DealSpec(deals=roles)


def test_a_fast_growing_company_is_trained_on_leavers_among_young_deals(
    tmp_path: Path, store_in: Callable[[Path], str]
) -> None:
    deals, spec = _growing(1_000, seed=1)
    run = train(deals, _quick(spec, store_in(tmp_path)), models=tmp_path / "models")
    assert run.report.n_mature < 0.5 * len(deals)
    assert run.report.n_early_churners > 150
    assert run.report.method in {"out-of-time", "blocks in time"}
    assert run.report.metrics["roc_auc"].value > 0.55  # few mature deals: a wide interval
    assert run.report.level_error > (run.report.n_early_churners * 0.8) ** -0.5
    risky, safe = (
        run.model.predict({"plan": plan, "seats": seats}, reasons=0).early_churn_probability
        for plan, seats in (("free trial", -1.0), ("partner", 1.0))
    )
    assert risky > 0.4
    assert safe < 0.15
