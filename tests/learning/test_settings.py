"""Settings reach the fit unchanged, and are tracked as plain values."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import SpecError
from fitmodel.learning.calibration import CalibrationMap
from fitmodel.learning.encoding import EncodingOptions, fit_columns
from fitmodel.learning.learner import learn
from fitmodel.learning.settings import LearnerOptions, ReplicateSettings, Settings

ROLES = {"closed_on": "signed", "churned_on": "gone", "observed_until": "2026-06-30"}
CHOSEN = {
    "components": ("logistic",),
    "penalties": (2.0, 20.0),
    "shares": (0.5,),
    "pairs": 3,
    "folds": 3,
    "replicates": 7,
    "time_budget_seconds": 60.0,
    "seed": 9,
    "threads": 2,
    "effect_deals": 5_000,
    "bends": False,
}


def test_every_choice_of_the_contract_reaches_the_learner():
    options = LearnerOptions.from_spec(DealSpec(deals=ROLES, learning=CHOSEN), ("first_seen",))
    assert {name: getattr(options, name) for name in CHOSEN} == CHOSEN
    assert options.encoding.dates == ("first_seen",)
    reference = LearnerOptions.from_spec(DealSpec(deals=ROLES), ())
    assert reference == LearnerOptions(), "defaults of the contract and of Python differ"


def test_only_the_chosen_settings_are_used():
    past = simulate_deals(600, seed=2, n_attributes=3)
    spec = past.spec.replace(learning=CHOSEN | {"threads": 1})
    learned = learn(past.deals, spec)
    assert set(learned.choice.table["penalty"]) == {2.0, 20.0}
    assert set(learned.choice.table["component"]) == {"logistic"}
    assert len(learned.choice.settings.replicates) == 7


@pytest.mark.parametrize(
    ("learning", "message"),
    [
        ({"components": ("boosted",)}, 'needs "logistic"'),
        ({"penalties": ()}, "penalties"),
        ({"penalties": (0.0,)}, "penalties"),
        ({"shares": (1.5,)}, "shares"),
        ({"folds": 1}, "folds"),
        ({"replicates": 2}, "replicates"),
        ({"pairs": -1}, "pairs"),
        ({"time_budget_seconds": 0.0}, "time_budget_seconds"),
    ],
)
def test_an_invalid_setting_is_refused_by_name(learning, message):
    with pytest.raises(SpecError, match=message):
        DealSpec(deals=ROLES, learning=learning)


def test_settings_are_frozen_and_tracked_as_plain_values():
    settings = Settings(
        penalty=10.0,
        shares=(("logistic", 0.75), ("boosted", 0.25)),
        pairs=5,
        slope=0.9,
        timing="contract_term",
        replicates=(ReplicateSettings(3.0),) * 4,
    )
    with pytest.raises(FrozenInstanceError):
        settings.penalty = 1.0
    params = settings.to_params()
    assert json.loads(json.dumps(params)) == params
    assert params["share_logistic"] + params["share_boosted"] == 1.0
    assert (params["calibration"], params["calibration_slope"]) == ("slope", 0.9)
    assert (params["timing_attribute"], params["bootstrap_replicates"]) == ("contract_term", 4)
    assert settings.boosting_share == 0.25
    bent = Settings(isotonic=CalibrationMap.linear(1.0, 0.0, "isotonic"))
    assert bent.to_params()["calibration"] == "isotonic"
    assert bent.boosting_share == 0.0
    assert params["regime"] == settings.regime
    assert "prior_weight" not in params  # no parent
    assert replace(settings, prior_weight=0.5).to_params()["prior_weight"] == 0.5
    assert {field.name for field in fields(Settings)} == {
        "penalty", "shares", "pairs", "slope", "isotonic", "timing", "replicates", "regime",
        "prior_weight",
    }, "a new setting must be tracked too"  # fmt: skip


def test_directions_and_parents_are_looked_up_by_name():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"seats": random.normal(size=40), "price": random.normal(size=40)})
    columns = fit_columns(frame, EncodingOptions())
    options = LearnerOptions(
        increasing=("price",), decreasing=("seats",), parents=(("seats", "price"), ("x", "seats"))
    )
    by_name = dict(
        zip((column.name for column in columns), options.directions(columns), strict=True)
    )
    assert by_name == {"seats": -1, "price": 1}
    names = [column.name for column in columns]
    parents = options.parent_positions(columns)
    assert parents[names.index("seats")] == names.index("price")
    assert parents[names.index("price")] is None
