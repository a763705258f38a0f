"""The stability of a model's flags on its latest deals or on given prospects."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from fitmodel import stability
from fitmodel.cli.main import app
from fitmodel.datasets.simulation import simulate_deals, simulate_prospects
from fitmodel.decision.policy import Policy
from fitmodel.evaluation import _instability as instability
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer
from fitmodel.stability import LATEST, check_stability

SIMULATION = simulate_deals(700, seed=5)


class BySeats:
    """A learner whose predictions depend on the mean seats and the seats of the prospect."""

    def __init__(self, view) -> None:
        self.shift = float(view.deals["seats"].mean()) / 1000
        self.estimator = self

    def predict_proba(self, attributes):
        p = np.clip(attributes["seats"].to_numpy(dtype=float) / 200 + self.shift, 0.01, 0.99)
        return np.column_stack([1 - p, p])


@pytest.fixture
def model(learned_on, monkeypatch) -> FitModel:
    monkeypatch.setattr(instability, "_learn", lambda view, *_: BySeats(view))
    policy = Policy("threshold", 0.4)
    card = learned_on(1500, seed=5).scorecard
    scorer = Scorer(card, policy, "annual_value", "closed_on", "v1")
    return FitModel(scorer, {"spec": SIMULATION.spec.to_dict()})


def test_the_latest_deals_are_used_unless_prospects_are_given(model) -> None:
    result = check_stability(model, SIMULATION.deals, replicates=5)
    latest = SIMULATION.deals.sort_values("closed_on", kind="stable").tail(LATEST)

    assert list(result.table.index) == list(latest.index)
    assert (result.table["mape"] > 0).any()


def test_the_flags_are_those_of_the_models_policy(model) -> None:
    result = check_stability(model, SIMULATION.deals, replicates=8)
    flagged = result.table["probability"] >= 0.4
    changed = (result.replicates >= 0.4) != flagged.to_numpy()

    assert list(result.table["flag_changes"]) == pytest.approx(list(changed.mean(axis=0)))


def test_a_file_of_prospects_is_read_like_the_deals(model, tmp_path) -> None:
    prospects = simulate_prospects(20, seed=2).prospects
    file = tmp_path / "prospects.csv"
    prospects.to_csv(file, index=False)
    result = check_stability(model, SIMULATION.deals, prospects=file, replicates=5)
    same = check_stability(model, SIMULATION.deals, prospects=prospects, replicates=5)

    assert len(result.table) == 20
    assert list(result.table["probability"]) == pytest.approx(list(same.table["probability"]))


def test_prospects_may_lack_the_amount_if_it_is_no_attribute(model) -> None:
    spec = SIMULATION.spec.replace(attributes={"exclude": ["annual_value"]})
    prospects = simulate_prospects(20, seed=2).prospects
    without = prospects.drop(columns="annual_value")
    scored = [
        check_stability(model, SIMULATION.deals, spec, prospects=table, replicates=5).table
        for table in (prospects, without)
    ]

    pd.testing.assert_frame_equal(*scored)


def test_the_command_writes_a_row_per_prospect(model, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(stability, "load", lambda *_, **__: model)
    deals, output = tmp_path / "deals.csv", tmp_path / "stability.csv"
    SIMULATION.deals.to_csv(deals, index=False)
    done = CliRunner().invoke(
        app,
        ["stability", str(deals), "--model", "x", "--replicates", "5", "--output", str(output)],
    )

    assert done.exit_code == 0, done.output
    assert "percentage points per prospect" in done.output
    written = pd.read_csv(output)
    assert len(written) == LATEST
    assert {"row", "probability", "mape", "flag_changes"} <= set(written)
