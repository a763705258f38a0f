"""Skill is claimed only if both intervals are above the values of the level alone."""

from __future__ import annotations

import pytest

from fitmodel.evaluation.metrics import (
    MAX_ASSOCIATION,
    Metric,
    describe_decay,
    describe_provisional,
    describe_skill,
    is_by_chance,
    shows_skill,
)


def metrics(skill=(0.02, 0.01, 0.03), auc=(0.7, 0.65, 0.75)):
    return {
        "log_loss_skill": Metric("log_loss_skill", *skill, base=0.0),
        "roc_auc": Metric("roc_auc", *auc, base=0.5),
    }


@pytest.mark.parametrize(
    ("skill_low", "auc_low", "skilled"),
    [(0.001, 0.501, True), (0.0, 0.501, False), (0.001, 0.5, False), (-0.1, 0.4, False)],
)
def test_an_interval_that_includes_the_value_of_the_level_is_not_evidence(
    skill_low, auc_low, skilled
) -> None:
    given = metrics((0.02, skill_low, 0.03), (0.7, auc_low, 0.75))

    assert shows_skill(given) is skilled
    assert describe_skill(given).startswith("evidence of skill") is skilled


def test_the_sentence_contains_the_gain_and_its_interval() -> None:
    text = describe_skill(metrics())

    assert text == (
        "evidence of skill: log loss gained on the level alone 0.0200 "
        "(95% interval 0.0100 to 0.0300)"
    )


@pytest.mark.parametrize(
    ("skill", "auc", "words"),
    [
        ((-0.02, -0.03, -0.01), (0.4, 0.3, 0.45), "WORSE than the level alone"),
        ((0.01, -0.01, 0.03), (0.6, 0.55, 0.65), "includes the level alone"),
        ((0.0, -0.01, 0.0), (0.6, 0.55, 0.65), "includes the level alone"),
        ((0.02, 0.01, 0.03), (0.52, 0.48, 0.56), "ROC AUC 0.52, whose 95% interval 0.48 to 0.56"),
    ],
)
def test_no_evidence_is_reported_with_the_reason(skill, auc, words) -> None:
    text = describe_skill(metrics(skill, auc))

    assert text.startswith("no evidence of skill: ")
    assert words in text


@pytest.mark.parametrize(("low", "worse"), [(0.0001, True), (0.0, False), (-0.01, False)])
def test_an_older_model_is_worse_only_if_it_is_significant(low, worse) -> None:
    text = describe_decay(Metric("decay", 0.012, low, 0.03, base=0.0))

    assert text.startswith("an older model is worse: ") is worse
    assert text.startswith("no evidence that an older model is worse: ") is not worse
    assert f"+0.0120 log loss ({low:+.4f} to +0.0300)" in text


@pytest.mark.parametrize(
    ("association", "chance"),
    [(None, False), (MAX_ASSOCIATION, False), (0.0501, True), (1.0, True), (0.0, False)],
)
def test_a_p_value_above_5_percent_is_chance_and_a_missing_test_is_not(association, chance) -> None:
    assert is_by_chance(association) is chance


def test_a_provisional_model_with_a_large_p_value_has_no_skill() -> None:
    text = describe_provisional(metrics(), 0.21, 1234)

    assert text.startswith("provisional model, learned from 1,234 early churners: no evidence")
    assert "as much in 21% of such tables" in text


@pytest.mark.parametrize("association", [None, 0.01])
def test_a_provisional_model_with_a_small_p_value_is_described_normally(association) -> None:
    for given in (metrics(), metrics(auc=(0.5, 0.4, 0.6))):
        text = describe_provisional(given, association, 20)
        assert text == (
            f"provisional model, learned from 20 early churners: {describe_skill(given)}"
        )
    no_skill = metrics((0.0, -0.1, 0.1))
    assert describe_provisional(no_skill, 0.9, 20).endswith(describe_skill(no_skill))
