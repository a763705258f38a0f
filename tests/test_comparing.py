"""Two models are compared on deals new to both; too few deals or different models are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import fitmodel
from fitmodel.cli.main import app
from fitmodel.comparing import compare_models
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.evaluation.metrics import Metric
from fitmodel.evaluation.report import ModelComparison, better_of
from fitmodel.exceptions import BundleError, DealsError, ProspectError
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer

SIMULATION = simulate_deals(1500, seed=5)
PERIOD = ["2023-07-01", "2025-03-31"]
MONEY = Money(gross_margin=0.8, expected_lifetime_months=30.0, months_until_early_churn=3.0)


class Fixed(FitModel):
    """A model with given probabilities by row label of the deals."""

    probability: pd.Series

    def predict(self, prospects: Any, **_: Any) -> pd.DataFrame:
        assert "churned_on" not in prospects  # no model sees the outcome
        p = self.probability.loc[prospects.index]
        return pd.DataFrame({"early_churn_probability": p, "poor_fit": p >= 0.4})


@pytest.fixture
def scorer(learned_on) -> Scorer:
    policy = Policy("threshold", 0.4, MONEY)
    card = learned_on(1500, seed=5).scorecard
    return Scorer(card, policy, "annual_value", "closed_on", "v1")


def model_of(scorer: Scorer, version: str, period: list[str] | None = PERIOD) -> FitModel:
    manifest = {"spec": SIMULATION.spec.to_dict(), "period": period}
    return FitModel(replace(scorer, version=version), manifest)


def fixed(scorer: Scorer, version: str, probability: pd.Series, period: Any = PERIOD) -> Fixed:
    model = Fixed(replace(scorer, version=version), model_of(scorer, version, period).manifest)
    model.probability = probability
    return model


def constant(value: float = 0.25) -> pd.Series:
    return pd.Series(value, SIMULATION.deals.index)


def test_the_truth_is_better_than_the_level_alone(scorer: Scorer) -> None:
    truth = fixed(scorer, "truth", SIMULATION.true_probability)
    result = compare_models(fixed(scorer, "level", constant()), truth, SIMULATION.deals)

    assert result.better == "B"
    assert result.verdict.startswith("B is better: log loss -0.")
    assert result.differences["roc_auc"].low > 0
    turned = compare_models(truth, fixed(scorer, "level", constant()), SIMULATION.deals)
    assert turned.better == "A"
    gap, back = (each.differences["log_loss"].value for each in (result, turned))
    assert gap == pytest.approx(-back)


def test_only_deals_signed_after_both_training_periods_are_compared(scorer: Scorer) -> None:
    later = ["2023-07-01", "2025-06-30"]
    result = compare_models(
        model_of(scorer, "v1"), model_of(scorer, "v2", later), SIMULATION.deals, SIMULATION.spec
    )
    closed = SIMULATION.deals.loc[result.predictions.index, "closed_on"]

    assert str(result.signed_after) == "2025-06-30"
    assert closed.min() > pd.Timestamp("2025-06-30")
    assert closed.max() <= pd.Timestamp("2026-01-31")  # mature on 2026-06-30
    assert result.n_deals == len(closed) > 50
    after = SIMULATION.deals["closed_on"] > pd.Timestamp("2025-06-30")
    assert result.n_too_young == after.sum() - len(closed)


def test_a_model_does_not_differ_from_itself(scorer: Scorer) -> None:
    model = model_of(scorer, "v1")
    result = compare_models(model, model, SIMULATION.deals)

    assert result.better is None
    assert result.verdict.startswith("no difference beyond chance")
    assert result.flags.changed == 0
    assert result.flags.difference.value == 0
    assert (result.groups["difference"] == 0).all()


def test_changed_flags_have_their_money(scorer: Scorer) -> None:
    truth = fixed(scorer, "truth", SIMULATION.true_probability)
    result = compare_models(fixed(scorer, "level", constant()), truth, SIMULATION.deals)
    known = result.predictions

    assert not known["poor_fit_a"].any()
    assert result.flags.net_a == 0
    amounts = SIMULATION.deals.loc[known.index, "annual_value"].to_numpy()
    left = known["early_churn"].to_numpy() == 1
    worth = np.where(left, MONEY.value_if_leaves(amounts), MONEY.value_if_stays(amounts))
    made = -(worth * known["weight"])[known["poor_fit_b"]].sum()
    assert result.flags.net_b == pytest.approx(made)
    assert result.money_of == "B"


def test_each_deal_with_a_changed_flag_is_listed_with_its_money(scorer: Scorer) -> None:
    truth = fixed(scorer, "truth", SIMULATION.true_probability)
    some = fixed(
        scorer, "some", SIMULATION.true_probability.where(SIMULATION.deals.index % 2 == 0, 0.5)
    )
    result = compare_models(some, truth, SIMULATION.deals)
    changed, known = result.flags.deals, result.predictions

    assert set(changed.index) == set(known.index[known["poor_fit_a"] != known["poor_fit_b"]])
    assert (changed["flagged_by"] == np.where(changed["poor_fit_a"], "A", "B")).all()
    assert (np.diff(changed["net"].abs()) <= 0).all()
    signed = np.where(changed["flagged_by"] == "B", changed["net"], -changed["net"])
    assert signed.sum() == pytest.approx(result.flags.difference.value)
    first = changed.iloc[0]
    assert f"{first['id']}: by {first['flagged_by']} only, the customer" in str(result)
    assert len(result.to_dict()["flags"]["deals"]) == result.flags.changed == len(changed)


def test_the_error_says_that_later_deals_need_their_own_contract(scorer: Scorer) -> None:
    earlier = model_of(scorer, "v2")
    spec = SIMULATION.spec.replace(deals={"observed_until": "2025-06-30"})
    earlier.manifest["spec"] = spec.to_dict()
    with pytest.raises(DealsError, match=r"contract that B was trained with.*2025-06-30.*--config"):
        compare_models(model_of(scorer, "v1"), earlier, SIMULATION.deals)
    with pytest.raises(DealsError) as of_own:
        compare_models(model_of(scorer, "v1"), earlier, SIMULATION.deals, spec)
    assert "--config" not in str(of_own.value)


def test_deals_are_read_without_the_column_that_a_decision_log_added_in_training(
    scorer: Scorer,
) -> None:
    with_log = SIMULATION.spec.replace(deals={"propensity": "propensity"})
    models = [fixed(scorer, version, constant()) for version in "ab"]
    models[1].manifest["spec"] = with_log.to_dict()
    compared = compare_models(*models, SIMULATION.deals)
    assert compared.n_deals == compare_models(*models, SIMULATION.deals, SIMULATION.spec).n_deals
    with pytest.raises(DealsError, match="propensity: there is no such column"):
        compare_models(*models, SIMULATION.deals, with_log)  # a contract that was given counts


def test_a_comparison_is_printed_and_written_as_json(scorer: Scorer) -> None:
    truth = fixed(scorer, "truth", SIMULATION.true_probability)
    result = compare_models(fixed(scorer, "level", constant()), truth, SIMULATION.deals, worst=3)
    text, written = str(result), json.loads(json.dumps(result.to_dict(), allow_nan=False))

    assert f"{result.n_deals:,} signed after 2025-03-31, new to both models" in text
    assert "flagged by both models" in text
    assert "declining what is flagged makes" in text
    assert written["differences"]["log_loss"]["value"] == result.differences["log_loss"].value
    assert len(written["deals"]) == 3
    assert written["deals"][0]["id"] in set(SIMULATION.deals["deal_id"])
    assert sum(row["deals"] for row in written["flags"]["counts"]) == result.n_deals
    assert "<table" in result._repr_html_()
    assert repr(result) == f"<ModelComparison: {result.verdict}>"


def test_too_few_later_deals_are_counted_and_refused(scorer: Scorer) -> None:
    late = model_of(scorer, "late", ["2023-07-01", "2026-06-30"])
    with pytest.raises(
        DealsError, match=r"^0 deals were signed after 2026-06-30.* Remedy: a later"
    ):
        compare_models(model_of(scorer, "v1"), late, SIMULATION.deals)
    nearly = model_of(scorer, "nearly", ["2023-07-01", "2026-01-20"])
    with pytest.raises(DealsError, match=r"\d+ are too young to tell. 50 known deals are needed"):
        compare_models(nearly, model_of(scorer, "v1"), SIMULATION.deals)


def test_a_model_without_a_training_period_is_refused(scorer: Scorer) -> None:
    for period in (None, [], ["None", "None"]):
        unknown = model_of(scorer, "v0", period)
        with pytest.raises(BundleError, match=r"model B \(v0\) does not say when"):
            compare_models(model_of(scorer, "v1"), unknown, SIMULATION.deals)


def test_models_with_different_horizons_are_refused(scorer: Scorer) -> None:
    other = model_of(scorer, "v3")
    other.manifest["spec"] = SIMULATION.spec.replace(label={"horizon_months": 3}).to_dict()
    with pytest.raises(BundleError, match=r"model B \(v3\) predicts early churn within 3 months"):
        compare_models(model_of(scorer, "v1"), other, SIMULATION.deals, SIMULATION.spec)


def test_deals_without_dates_are_refused(scorer: Scorer) -> None:
    spec = fitmodel.DealSpec(deals={"tenure_months": "tenure", "churned": "left"})
    table = pd.DataFrame(
        {"tenure": [1.0, 9.0] * 60, "left": ["yes", "no"] * 60, "seats": range(120)}
    )
    with pytest.raises(DealsError, match="Remedy: add closed_on and churned_on"):
        compare_models(model_of(scorer, "v1"), model_of(scorer, "v2"), table, spec)


def test_the_error_for_a_missing_attribute_names_the_model(scorer: Scorer) -> None:
    table = SIMULATION.deals.drop(columns="industry")
    with pytest.raises(ProspectError, match=r"model A \(v1\) cannot score [^|]*industry"):
        compare_models(model_of(scorer, "v1"), model_of(scorer, "v2"), table)


@pytest.mark.parametrize(
    ("name", "low", "high", "better"),
    [
        ("log_loss", -0.2, -0.1, "B"),
        ("log_loss", 0.1, 0.2, "A"),
        ("roc_auc", 0.01, 0.2, "B"),
        ("roc_auc", -0.2, -0.01, "A"),
        ("brier", -0.1, 0.1, None),
        ("brier", 0.0, 0.1, None),
        ("log_loss", float("nan"), float("nan"), None),
    ],
)
def test_a_model_is_better_only_if_the_interval_excludes_0(
    name: str, low: float, high: float, better: str | None
) -> None:
    assert better_of(Metric(name, (low + high) / 2, low, high, 0.0)) == better


@pytest.mark.slow
def test_the_command_prints_text_or_json(tmp_path, monkeypatch, scorer: Scorer) -> None:
    deals = tmp_path / "deals.csv"
    SIMULATION.deals.to_csv(deals, index=False)
    models = {"one": model_of(scorer, "v1"), "two": model_of(scorer, "v2")}
    monkeypatch.setattr("fitmodel.comparing.load", lambda path, **_: models[path])

    text = CliRunner().invoke(app, ["compare", "one", "two", str(deals)])
    done = CliRunner().invoke(app, ["compare", "one", "two", str(deals), "--format", "json"])

    assert text.exit_code == done.exit_code == 0
    assert "A      one (v1)" in text.output
    assert json.loads(done.output)["n_deals"] > 50


@pytest.mark.parametrize("option", ["--unpickle", "--workbench"])
def test_the_old_name_of_an_option_works_and_is_not_shown(option, tmp_path, monkeypatch) -> None:
    given = []
    monkeypatch.setattr("fitmodel.comparing.compare_models", lambda *_, **more: given.append(more))
    (tmp_path / "deals.csv").touch()

    done = CliRunner().invoke(app, ["compare", "one", "two", str(tmp_path / "deals.csv"), option])
    shown = CliRunner().invoke(app, ["compare", "--help"]).output

    assert done.exit_code == 0, done.output
    assert given[0]["unpickle"] is True
    assert "--unpickle" in shown
    assert "--workbench" not in shown


def test_compare_models_is_a_public_name() -> None:
    assert fitmodel.compare_models is compare_models
    assert ModelComparison.__module__ == "fitmodel.evaluation.report"
