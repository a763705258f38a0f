"""Parts of the card say what was measured, and that there was nothing where there was nothing."""

from __future__ import annotations

import pandas as pd
import pytest

from fitmodel.checks.registry import code_of
from fitmodel.deals.contract import DealSpec
from fitmodel.evaluation.metrics import Metric
from fitmodel.reports._card_evidence import (
    METRICS,
    flagged,
    glass_box_cost,
    leakage,
    metrics,
    reproduce,
    silenced,
)


def rows_of(markdown) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in markdown.split("\n")
    ]


def test_metrics_have_their_interval_and_that_of_the_level_in_the_order_of_the_card() -> None:
    measured = {
        "own": Metric("own", 3.0, 2.0, 4.0, 1.0),
        "brier": Metric("brier", 0.12341, 0.1, 0.15, 0.16),
        "roc_auc": Metric("roc_auc", 0.7, 0.65, 0.75, 0.5),
    }
    head, _, first, second, third = rows_of(metrics(measured))

    assert head == ["Metric", "This model", "95 % interval", "Level alone"]
    assert first == [METRICS["roc_auc"], "0.7", "0.65 to 0.75", "0.5"]
    assert second == [METRICS["brier"], "0.1234", "0.1 to 0.15", "0.16"]
    assert third == ["own", "3", "2 to 4", "1"]


def test_the_gap_to_the_reference_is_said_with_its_interval() -> None:
    text = glass_box_cost(Metric("gap", -0.0012, -0.004, 0.002, 0.0))

    assert "-0.0012 (95 % interval -0.004 to 0.002); below 0 the scorecard is the better" in text


def test_of_the_audit_only_what_needs_a_look_is_listed_and_all_is_counted() -> None:
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
def test_where_nothing_was_flagged_no_share_of_right_flags_is_claimed(none) -> None:
    assert flagged(none) == "No deal that it was evaluated on was flagged."


def test_flags_are_said_with_how_many_were_right_and_what_they_caught() -> None:
    text = flagged({"share_flagged": 0.1, "precision": 0.4321, "recall": 0.25})

    assert text == "Of these flags 43.2 % were right; they caught 25 % of the early churners."
    unknown = flagged({"share_flagged": 0.1, "precision": float("nan"), "recall": None})
    assert "nan" not in unknown.casefold().replace("churners", "")


def test_checks_that_are_silenced_are_listed_with_their_reason_and_else_nothing() -> None:
    roles = {"closed_on": "a", "churned_on": "b", "observed_until": "2026-06-30"}

    assert silenced(DealSpec(deals=roles)) == ""
    code = f"{code_of('leakage:name').code}:plan"
    ignoring = DealSpec(deals=roles, checks={"ignore": {code: "a|b is known before"}})
    assert silenced(ignoring).split("\n")[2:] == [f"| {code} | a\\|b is known before |"]


def test_a_command_is_code_and_other_facts_are_text() -> None:
    block = {"deals": "1,234 as read", "command": "fitmodel train a|b.csv", "seed": "*7*"}
    rows = reproduce(block).split("\n")

    assert rows[2] == "| deals | 1,234 as read |"
    assert rows[3] == "| command | `fitmodel train a/b.csv` |"
    assert rows[4] == "| seed | \\*7\\* |"
    assert reproduce({}) == ""
