"""Fixtures of scoring and service: a small model, and prospects to score with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitmodel.bundle.store import write_bundle
from fitmodel.datasets.simulation import Simulation, simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.learning.churn_curve import ChurnCurve
from fitmodel.loading import load
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import Scorer
from fitmodel.model.wording import wording_of


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    return simulate_deals(700, seed=5)


@pytest.fixture(scope="session")
def model(simulation: Simulation, learned_on) -> FitModel:
    scorecard = learned_on(700, seed=5).scorecard
    policy = Policy("threshold", 0.3, None, "flags from 30%")
    roles = simulation.spec.deals
    return FitModel(Scorer(scorecard, policy, roles.amount, roles.closed_on, version="test"), {})


@pytest.fixture(scope="session")
def prospects(simulation: Simulation) -> pd.DataFrame:
    """The first 60 deals as prospects."""
    return simulation.deals.head(60).drop(columns=["churned_on"])


CURVE_END = 18


def _made_curve(model: FitModel, *, timing: bool) -> ChurnCurve:
    months = np.arange(1, CURVE_END + 1)
    shift = np.where(months == 5, 0.0, 1.1 * np.log(months / 5))
    rows = np.stack([shift, 0.4 * shift, shift * 0.8 - 0.1 * (months > 5)])
    column = model.scorecard.columns[model.attributes.index("segment")]
    strata = tuple(code % 3 for code in range(column.size + 2))
    return ChurnCurve(
        horizon=5,
        slope=np.where(months == 5, 1.0, 1 - 0.01 * np.abs(months - 5)),
        shift=rows if timing else rows[:1],
        deviation=0.02 * np.abs(months - 5),
        slope_deviation=0.01 * np.abs(months - 5),
        centre=-1.4,
        monthly_rate=0.02,
        attribute="segment" if timing else None,
        stratum_by_code=strata if timing else (),
    )


@pytest.fixture(scope="session", params=[False, True], ids=["one timing", "timing by segment"])
def curved(model: FitModel, request: pytest.FixtureRequest) -> FitModel:
    scorer = replace(model.scorer, curve=_made_curve(model, timing=request.param))
    return FitModel(scorer, {"spec": {"label": {"horizon_months": 5}}})


LEVEL, FLAG, BIG = 0.15, 0.40, 50_000.0
SMALL_AMOUNT, BIG_AMOUNT = 1_200.0, 120_000.0
MONEY = Money(
    0.8, 12.0, 3.0, 100.0, "10%", "5%", 0.1, word_of_mouth_cost="150%", opportunity_cost=40.0
)


@dataclass(frozen=True)
class Twelve:
    """Twelve prospects: small or big, of low, medium or high risk, familiar or not.

    `prospects` has the columns of a table of prospects, `expected` the fit, worth and escalation
    that each must get at every door, written down by rules of the test's own.
    """

    model: FitModel
    path: Path
    prospects: pd.DataFrame
    expected: pd.DataFrame


@pytest.fixture(scope="session")
def twelve(simulation, model, tmp_path_factory) -> Twelve:
    spec = simulation.spec.replace(words={"money": "€ {:,.0f}"})
    policy = Policy("risk", FLAG, MONEY, "by risk", level=LEVEL, big_deal=BIG)
    scorer = replace(model.scorer, policy=policy, wording=wording_of(spec))
    root = tmp_path_factory.mktemp("twelve")
    path = write_bundle(
        root, "fit", files={SCORER_FILE: scorer.to_json()}, manifest={"spec": spec.to_dict()}
    )
    ready = load(path)
    deals = simulation.deals.drop(columns=["churned_on"])
    picked, rules = [], []
    for amount in (SMALL_AMOUNT, BIG_AMOUNT):
        for unfamiliar in (False, True):
            table = deals.assign(annual_value=amount)
            if unfamiliar:
                table = table.assign(region="a region never seen")
            predictions = ready.predict(table, reasons=0)
            predictions = predictions[predictions["unfamiliar"] == unfamiliar]
            p, high = predictions["early_churn_probability"], predictions["probability_high"]
            risks = {
                "low": (p <= LEVEL) & (high < FLAG),
                "medium": (p > LEVEL) & (p < FLAG),
                "high": p >= FLAG,
            }
            for risk, has_it in risks.items():
                label = predictions.index[has_it][0]
                picked.append(table.loc[label])
                rules.append(_expected(risk, amount, predictions.loc[label], unfamiliar=unfamiliar))
    index = pd.RangeIndex(12)
    prospects = pd.DataFrame(picked).set_index(index)
    prospects["deal_id"] = [f"T{position:02d}" for position in index]
    return Twelve(ready, path, prospects, pd.DataFrame(rules, index))


def _expected(
    risk: str, amount: float, predicted: pd.Series, *, unfamiliar: bool
) -> dict[str, object]:
    """The expected results computed by hand; the worth from an independent sum."""

    def value(p: float) -> float:
        stays = 0.8 * amount - 100 - 0.1 * amount - 40
        leaves = 0.8 * amount / 4 - (0.1 + 3 * 0.05 + 0.1 + 1.5) * amount - 40
        return (1 - p) * stays + p * leaves

    ends = sorted(value(predicted[f"probability_{end}"]) for end in ("low", "high"))
    worth = "gains" if ends[0] > 0 else "loses" if ends[1] < 0 else "unclear"
    return {
        "fit": "poor"
        if risk == "high"
        else "good"
        if risk == "low" and not unfamiliar
        else "watch",
        "worth": worth,
        "escalate": risk == "high" and amount == BIG_AMOUNT,
        "expected_value": value(predicted["early_churn_probability"]),
        "expected_value_low": ends[0],
        "expected_value_high": ends[1],
        "low": predicted["probability_low"],
        "chance": predicted["early_churn_probability"],
        "high": predicted["probability_high"],
        "unfamiliar": unfamiliar,
    }
