"""The model card says everything it must, and nothing from a user's table acts in it."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.decision.policy import Policy
from fitmodel.evaluation.metrics import Metric
from fitmodel.reports.card import METRICS, model_card

EVIL = "x|y\n<script>alert(1)</script>"
MANIFEST = {
    "name": "prospect-fit",
    "run_id": "0123abcd",
    "fitmodel": "0.1.0",
    "python": "3.11.9",
    "packages": {"numpy": "2.4.1"},
}


@pytest.fixture
def spec():
    return DealSpec(
        deals={"closed_on": "closed", "churned_on": "left", "observed_until": "2026-06-30"},
        attributes={"exclude": ("csat_90d", "renewals")},
    )


def make_report(**changes):
    fields = {
        "method": "deals signed later than those trained on",
        "split_date": date(2025, 3, 1),
        "n_deals": 5000,
        "n_mature": 4200,
        "n_censored": 800,
        "n_early_churners": 900,
        "base_rate": 0.2143,
        "period": (date(2023, 1, 2), date(2026, 6, 30)),
        "metrics": {
            "log_loss": Metric("log_loss", 0.4312, 0.41, 0.4523, 0.5196),
            "roc_auc": Metric("roc_auc", 0.7812, 0.75, 0.81, 0.5),
        },
        "calibration": pd.DataFrame(
            {"bin": [0, 1], "mean_predicted": [0.1, 0.4], "observed": [0.11, 0.38], "count": [9, 8]}
        ),
        "candidates": [{"candidate": "logistic", "log_loss": 0.44, "chosen": True}],
        "glass_box_cost": Metric("glass_box_cost", -0.0031, -0.011, 0.005, 0.0),
        "leakage": [
            {"attribute": EVIL, "verdict": "warn", "evidence": "decides 99 %"},
            {"attribute": "seats", "verdict": "fine", "evidence": "nothing"},
        ],
        "subgroups": pd.DataFrame({"segment": [EVIL, "smb"], "count": [12, 400]}),
        "policy": Policy("capacity", 0.4, description="Flags the riskiest 10 % of deals."),
        "flagged": 0.098,
        "has_skill": True,
        "verdict": "Better than the base rate.",
        "notes": ("41 deals had no amount.",),
    }
    return SimpleNamespace(**(fields | changes))


def test_every_section_is_there_in_order(spec):
    card = model_card(make_report(), MANIFEST, spec)
    headings = [line for line in card.splitlines() if line.startswith("#")]
    assert headings == [
        "# Model card: prospect-fit",
        "## Intended use",
        "## Data",
        "## How good it is",
        "### Calibration",
        "### Subgroups",
        "## How it was chosen",
        "## Leakage audit",
        "## Decision policy",
        "## Limits",
        "## Privacy",
        "## Versions",
        "## How to load it",
    ]


@pytest.mark.parametrize(
    "said",
    [
        "**Better than the base rate.**",
        "within 5 months of signing",
        "| deals | 5,000 |",
        "| signed | 2023-01-02 to 2026-06-30 |",
        "(mature) | 4,200 |",
        "(censored) | 800 |",
        "| base rate of early churn | 21.4 % |",
        "only after closing: `csat_90d`, `renewals`.",
        "split on 2025-03-01",
        "| log loss (lower is better) | 0.4312 | 0.41 to 0.4523 | 0.5196 |",
        "| 0 | 0.1 | 0.11 | 9 |",
        "| smb | 400 |",
        "| logistic | 0.44 | yes |",
        "lower by -0.0031 (95 % interval -0.011 to 0.005)",
        "Findings: 1 fine, 1 not.",
        "Flags the riskiest 10 % of deals.",
        "it flagged 9.8 %",
        "- 41 deals had no amount.",
        "| MLflow run | 0123abcd |",
        "| numpy | 2.4.1 |",
        'fitmodel.load("models/prospect-fit")',
    ],
)
def test_the_card_says(spec, said):
    assert said in model_card(make_report(), MANIFEST, spec)


def test_metrics_stand_in_the_order_people_read_them(spec):
    card = model_card(make_report(), MANIFEST, spec)
    assert card.index(METRICS["roc_auc"]) < card.index(METRICS["log_loss"])


def test_nothing_from_the_table_acts_in_the_card(spec):
    card = model_card(
        make_report(verdict=EVIL, method=EVIL, notes=(EVIL,), policy=EVIL), MANIFEST, spec
    )
    assert "<script>" not in card
    assert card.count("x\\|y &lt;script&gt;alert(1)&lt;/script&gt;") == 6


def test_a_model_without_skill_opens_with_a_warning(spec):
    card = model_card(make_report(has_skill=False), MANIFEST, spec)
    assert "no evidence that this model tells early churners" in card.split("## Intended use")[0]
    assert "no evidence" not in model_card(make_report(), MANIFEST, spec)


def test_without_dates_the_limits_say_that_nothing_later_was_judged(spec):
    report = make_report(split_date=None, period=None, method="cross-validation")
    card = model_card(report, MANIFEST, spec)
    assert "Judged by cross-validation. Intervals" in card
    assert "| signed | not known: the deals have no closing dates |" in card
    assert "could not be judged on deals signed later" in card


def test_few_early_churners_are_a_limit(spec):
    assert "from 61 early churners. That is few" in model_card(
        make_report(n_early_churners=61), MANIFEST, spec
    )


def test_what_was_not_measured_is_left_out(spec):
    report = make_report(
        calibration=None, subgroups=None, candidates=(), glass_box_cost=None, flagged=None
    )
    card = model_card(report, MANIFEST, spec)
    for absent in ("### Calibration", "### Subgroups", "glass box costs", "it flagged"):
        assert absent not in card


@pytest.mark.parametrize(
    ("leakage", "said"),
    [
        (None, "The audit was not run."),
        ((), "No attribute looked as if it was learned after closing."),
        ([{"attribute": "seats", "verdict": "fine"}], "Findings: 1 fine, 0 not."),
    ],
)
def test_the_leakage_audit_is_reported_whatever_it_found(spec, leakage, said):
    assert said in model_card(make_report(leakage=leakage), MANIFEST, spec)


@pytest.mark.parametrize(
    ("flagged", "said"),
    [(37, "it flagged 37."), (0.25, "it flagged 25 %."), ({"share": 0.25}, "| share | 0.25 |")],
)
def test_flagged_deals_are_told_as_a_count_a_share_or_both(spec, flagged, said):
    assert said in model_card(make_report(flagged=flagged), MANIFEST, spec)


def test_the_calibration_plot_is_shown_where_it_lies(spec):
    card = model_card(make_report(), MANIFEST, spec, calibration_plot="plots/calibration 1.png")
    assert "![Predicted against observed early churn](plots/calibration%201.png)" in card


def test_without_a_manifest_the_card_names_what_made_it(spec):
    card = model_card(make_report(), {}, spec)
    assert "# Model card: prospect-fit" in card
    assert "| scikit-learn | " in card
    assert "as in manifest.json beside this card" in card
