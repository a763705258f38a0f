"""Parts of the card: measured results or that there are none, and what is needed to repeat it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import fitmodel
from fitmodel.checks.registry import code_of
from fitmodel.deals.contract import DealSpec
from fitmodel.evaluation.metrics import Metric
from fitmodel.reports.card_parts import (
    METRICS,
    PACKAGES,
    flagged,
    glass_box_cost,
    leakage,
    metrics,
    reproduce,
    reproduce_block,
    silenced,
)


def rows_of(markdown) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in markdown.split("\n")
    ]


def test_metrics_have_their_interval_and_base_in_the_order_of_the_card() -> None:
    measured = {
        "own": Metric("own", 3.0, 2.0, 4.0, 1.0),
        "brier": Metric("brier", 0.12341, 0.1, 0.15, 0.16),
        "roc_auc": Metric("roc_auc", 0.7, 0.65, 0.75, 0.5),
    }
    head, _, first, second, third = rows_of(metrics(measured))

    assert head == ["Metric", "This model", "95% interval", "Level alone"]
    assert first == [METRICS["roc_auc"], "0.7", "0.65 to 0.75", "0.5"]
    assert second == [METRICS["brier"], "0.1234", "0.1 to 0.15", "0.16"]
    assert third == ["own", "3", "2 to 4", "1"]


def test_the_gap_to_the_reference_has_its_interval() -> None:
    text = glass_box_cost(Metric("gap", -0.0012, -0.004, 0.002, 0.0))

    assert "-0.0012 (95% interval -0.004 to 0.002); below 0 the scorecard is the better" in text


def test_only_suspicious_findings_of_the_audit_are_listed_and_all_are_counted() -> None:
    findings = pd.DataFrame(
        {"attribute": ["a|b", "c", "d"], "verdict": ["stop", "fine", "look"], "evidence": "x"}
    )
    text = leakage(findings)

    assert text.startswith("Of the findings on the attributes 1 are fine; 2 need a look.")
    assert "a\\|b" in text
    assert "| d | look | x |" in text
    assert "| c |" not in text
    fine = leakage(findings[findings["verdict"] == "fine"])
    assert "1 are fine; 0 need a look" in fine
    assert "|" not in fine
    assert leakage(findings.head(0)).startswith("No attribute looked as if")


@pytest.mark.parametrize("none", [{}, {"share_flagged": 0.0}])
def test_without_flags_no_precision_is_reported(none) -> None:
    assert flagged(none) == "No deal that it was evaluated on was flagged."


def test_flags_are_reported_with_precision_and_recall() -> None:
    text = flagged({"share_flagged": 0.1, "precision": 0.4321, "recall": 0.25})

    assert text == (
        "In the evaluation above 10% of the deals were flagged; 43.2% of these flags were right, "
        "and they caught 25% of the early churners."
    )
    unknown = flagged({"share_flagged": 0.1, "precision": float("nan"), "recall": None})
    assert "nan" not in unknown.casefold().replace("churners", "")


def test_only_silenced_checks_are_listed_with_their_reason() -> None:
    roles = {"closed_on": "a", "churned_on": "b", "observed_until": "2026-06-30"}

    assert silenced(DealSpec(deals=roles)) == ""
    code = f"{code_of('leakage:name').code}:plan"
    ignoring = DealSpec(deals=roles, checks={"ignore": {code: "a|b is known before"}})
    assert silenced(ignoring).split("\n")[2:] == [f"| {code} | a\\|b is known before |"]


def test_a_command_is_formatted_as_code_and_other_values_as_text() -> None:
    block = {"deals": "1,234 as read", "command": "fitmodel train a|b.csv", "seed": "*7*"}
    rows = reproduce(block).split("\n")

    assert rows[2] == "| deals | 1,234 as read |"
    assert rows[3] == "| command | `fitmodel train a/b.csv` |"
    assert rows[4] == "| seed | \\*7\\* |"
    assert reproduce({}) == ""


SPEC = DealSpec(deals={"tenure_months": "tenure", "churned": "left"})


def block(source="deals.csv", spec=SPEC, **more):
    return reproduce_block(source, spec, "ab" * 16, 1234, **more)


def test_the_block_names_deals_contract_seed_and_versions() -> None:
    result = block()

    assert result["deals"] == "1,234 as read"
    assert result["deals digest"] == "ab" * 16
    assert result["seed"] == "0"
    assert f"fitmodel {fitmodel.__version__}" in result["versions"]
    assert all(name in result["versions"] for name in PACKAGES)


def test_the_contract_digest_changes_with_the_contract() -> None:
    other = SPEC.replace(label={"horizon_months": 6})

    assert block()["contract digest"] == block(source="elsewhere.csv")["contract digest"]
    assert block()["contract digest"] != block(spec=other)["contract digest"]


def test_the_command_names_the_file_without_its_folder() -> None:
    result = block(Path("/home/me/my deals.csv"), allow=("last login",))

    assert result["command"] == "fitmodel train 'my deals.csv' --allow 'last login'"
    assert "/home" not in str(result)


def test_for_a_frame_or_an_own_classifier_a_python_call_is_shown() -> None:
    assert block(pd.DataFrame())["command"] == "fitmodel.train(deals, spec)"
    own = block("deals.csv", estimator="LogisticRegression()", allow=("a",))
    assert own["command"] == "fitmodel.train(deals, spec, allow=('a',), estimator=estimator)"
    assert own["estimator"] == "LogisticRegression()"


def test_the_order_in_which_a_contract_names_its_labels_does_not_change_its_digest() -> None:
    labels = {"seats": "number of seats", "plan": "price plan"}
    turned = dict(reversed(labels.items()))
    one, other = (SPEC.replace(words={"labels": each}) for each in (labels, turned))

    assert block(spec=one)["contract digest"] == block(spec=other)["contract digest"]
    third = SPEC.replace(words={"labels": labels | {"plan": "plan"}})
    assert block(spec=third)["contract digest"] != block(spec=one)["contract digest"]
