"""Verdicts on reps are corrected for multiple testing, and their words depend on the figures."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, poisson

from fitmodel.language.catalogue import phrases
from fitmodel.sales._rep_tests import DRAWS
from fitmodel.sales._rep_verdicts import (
    MIN_EXPECTED,
    MIN_EXPECTED_RECENTLY,
    _beyond_chance,
    add_verdicts,
    holm,
    recent_text,
    selection_text,
    still_more,
    verdict_text,
)

SAY = phrases("en", "scoreboard")


def test_holms_correction_equals_the_published_example() -> None:
    # sorted: .005 * 4, .01 * 3 raised to .03, .03 * 2, .04 raised to .06
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holms_correction_with_weights_equals_the_one_by_hand() -> None:
    # p over weight: .00125, .005, .03, .04; times the weights that remain: 8, 4, 2, 1
    weights = np.array([2.0, 1.0, 1.0, 4.0])
    result = holm(np.array([0.01, 0.04, 0.03, 0.005]), weights)
    assert result == pytest.approx([0.02, 0.06, 0.06, 0.01])
    assert (
        holm(np.array([0.01, 0.04]), np.ones(2)).tolist() == holm(np.array([0.01, 0.04])).tolist()
    )


def test_a_corrected_p_value_is_at_most_1() -> None:
    assert holm(np.array([0.5, 0.9, 0.8])).tolist() == [1.0, 1.0, 1.0]
    assert holm(np.array([])).tolist() == []
    assert holm(np.array([0.04])).tolist() == [0.04]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holms_correction_is_the_closed_bonferroni_test(values) -> None:
    """A hypothesis is rejected where Bonferroni rejects every set that it is in."""
    p = np.array(values)
    positions = range(len(p))
    sets = [
        list(each)
        for size in range(1, len(p) + 1)
        for each in itertools.combinations(positions, size)
    ]
    closed = [
        max(min(1.0, len(each) * p[each].min()) for each in sets if at in each) for at in positions
    ]

    assert holm(p) == pytest.approx(closed)


def test_the_last_quarters_are_compared_with_the_ratio_by_likelihood() -> None:
    observed, expected, ratio = (
        pd.Series(values) for values in ([3.0, 1.0, 5.0, 0.0], [2.0, 2.0, 2.0, 1.0], [2.0] * 4)
    )
    likelier = [
        poisson.logpmf(int(o), r * e) > poisson.logpmf(int(o), e)
        for o, e, r in zip(observed, expected, ratio, strict=True)
    ]

    assert still_more(observed, expected, ratio).tolist() == likelier == [True, False, True, False]


def test_a_ratio_below_1_is_never_still_more_and_an_infinite_ratio_is_read_as_100() -> None:
    one = pd.Series([9.0])

    assert not still_more(one, one, pd.Series([0.5])).iloc[0]
    assert not still_more(one, one, pd.Series([np.inf])).iloc[0]
    assert still_more(pd.Series([30.0]), one / 9, pd.Series([np.inf])).iloc[0]


def table_of(observed, expected, **columns) -> pd.DataFrame:
    observed, expected = np.array(observed, float), np.array(expected, float)
    others = (observed.sum() - observed) / np.maximum(expected.sum() - expected, 1e-12)
    table = pd.DataFrame(
        {
            "signed": 100, "observed": observed, "expected": expected, "recent_observed": 0.0,
            "recent_expected": 0.5, "recent_signed": 5.0, "expected_error": 0.0,
            "others_ratio": observed / expected / others,
        },
        index=[f"R{number}" for number in range(len(observed))],
    )  # fmt: skip
    return table.assign(**columns)


def figures_of(table, probabilities) -> pd.DataFrame:
    who = np.repeat(table.index.to_numpy(), [len(each) for each in probabilities])
    return pd.DataFrame({"who": who, "probability": np.concatenate(probabilities), "bound": False})


FIVE = [30.0, 30.0, 30.0, 30.0, 90.0]


def verdicts(table, figures=None, least=20, **options):
    given = (
        figures_of(table, [np.linspace(0.1, 0.3, 30)] * len(table)) if figures is None else figures
    )
    add_verdicts(table, given, least, **options)
    return table


def test_only_a_rep_with_three_times_the_leavers_is_named() -> None:
    table = verdicts(table_of(FIVE, [40.0] * 5))

    assert table["verdict"].tolist()[-1] == "more"
    assert "more" not in table["verdict"].tolist()[:-1]
    assert (table["p_value"].between(0, 1)).all()
    assert table["p_value"].idxmin() == "R4"


@pytest.mark.parametrize(
    ("signed", "expected", "few"),
    [
        (19, 40.0, True),
        (20, 40.0, False),
        (20, MIN_EXPECTED - 0.01, True),
        (20, MIN_EXPECTED, False),
    ],
)
def test_a_verdict_needs_20_deals_and_3_expected_leavers(signed, expected, few) -> None:
    table = table_of(FIVE, [40.0] * 4 + [expected])
    table.loc["R4", "signed"] = signed
    verdicts(table)

    assert (table.loc["R4", "verdict"] == "too_few") is few


@pytest.mark.parametrize(("recent", "known"), [(MIN_EXPECTED_RECENTLY, True), (0.99, False)])
def test_the_last_quarters_need_one_expected_leaver_for_a_verdict(recent, known) -> None:
    table = verdicts(table_of([40.0] * 5, [40.0] * 5, recent_expected=recent, recent_observed=1.0))

    assert set(table["recent_verdict"]) == {"expected" if known else "too_few"}


def test_only_an_active_rep_who_still_loses_more_is_listed_for_the_week() -> None:
    lasting = {"recent_observed": [4.0] * 4 + [12.0], "recent_expected": 4.0}
    assert verdicts(table_of(FIVE, [40.0] * 5, **lasting))["talk_about"].tolist() == [False] * 4 + [
        True
    ]

    gone = verdicts(table_of(FIVE, [40.0] * 5, **lasting, recent_signed=0.0))
    assert not gone["talk_about"].any()
    better = {"recent_observed": [4.0] * 4 + [3.0], "recent_expected": 4.0}
    assert not verdicts(table_of(FIVE, [40.0] * 5, **better))["talk_about"].any()


def test_risk_selection_is_tested_by_ranks_with_holms_correction() -> None:
    table = table_of([40.0] * 3, [40.0] * 3)
    random = np.random.default_rng(3)
    groups = [
        random.uniform(0.1, 0.2, 60),
        random.uniform(0.1, 0.2, 60),
        random.uniform(0.25, 0.3, 60),
    ]
    figures = figures_of(table, groups)
    verdicts(table, figures)

    p = [
        mannwhitneyu(
            own,
            np.concatenate([other for other in groups if other is not own]),
            method="asymptotic",
        ).pvalue
        for own in groups
    ]
    assert table["selection_p_value"].tolist() == pytest.approx(holm(np.array(p)).tolist())
    assert table.loc["R2", "selects"] == "riskier"
    assert set(table["selects"].iloc[:2]) <= {"safer", "alike"}


def test_bound_contracts_are_left_out_of_the_comparison() -> None:
    table = table_of([40.0] * 3, [40.0] * 3)
    figures = figures_of(table, [np.full(30, 0.2), np.full(30, 0.2), np.full(30, 0.01)])
    figures.loc[figures["who"] == "R2", "bound"] = True
    verdicts(table, figures)

    assert table["selects"].tolist() == ["alike", "alike", "bound"]


def test_a_difference_of_the_only_seller_of_a_segment_is_inseparable() -> None:
    alone = np.array([False] * 4 + [True])
    table = verdicts(table_of(FIVE, [40.0] * 5), is_sole_seller=alone)

    assert table.loc["R4", "verdict"] == "inseparable_more"
    assert not table["verdict"].iloc[:4].str.startswith("inseparable").any()


def row_of(**changes) -> pd.Series:
    values = {
        "verdict": "more", "beyond_chance": "", "signed": 1234.0, "observed": 20.0,
        "expected": 9.96, "others_ratio": 2.004, "others_low": 1.2, "others_high": np.inf,
        "only_seller_of": "", "recent_verdict": "more", "recent_observed": 3.0,
        "recent_expected": 1.04, "selects": "riskier", "selection": 0.256,
        "company_selection": 0.2, "share_of_own_segments": 1.0, "share_in_own_segments": 0.5,
        "knowing_expected": 18.0,
    }  # fmt: skip
    return pd.Series(values | changes, name="Kim", dtype=object)


@pytest.mark.parametrize("verdict", ["more", "fewer", "expected", "inseparable_more"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_words_of_a_verdict_contain_its_counts(verdict, language) -> None:
    words = verdict_text(row_of(verdict=verdict), phrases(language, "scoreboard"))

    for figure in ("20", "10.0", "2.00", "1.20"):
        assert figure in words
    assert "inf" not in words.replace("information", "")


def test_the_words_mention_an_expected_verdict_that_is_significant_alone() -> None:
    plain, marked = (
        verdict_text(row_of(verdict="expected", beyond_chance=side), SAY) for side in ("", "more")
    )

    assert plain != marked
    named = verdict_text(row_of(verdict="more", beyond_chance="more"), SAY)
    assert named == verdict_text(row_of(verdict="more"), SAY)


@pytest.mark.parametrize(
    ("share", "verdict", "mentioned"),
    [(1.0, "expected", True), (0.995, "more", True), (0.9, "more", True), (1.0, "too_few", False)],
)
def test_the_words_name_the_segment_of_an_only_seller(share, verdict, mentioned) -> None:
    row = row_of(verdict=verdict, only_seller_of="plan = gold", share_of_own_segments=share)
    words = verdict_text(row, SAY)

    assert ("plan = gold" in words) is mentioned
    if mentioned:
        assert words.startswith(verdict_text(row_of(verdict=verdict), SAY).rstrip(". "))
        almost = verdict_text(row_of(verdict=verdict, only_seller_of="plan = gold",
                                      share_of_own_segments=0.9), SAY)  # fmt: skip
        assert (words == almost) is (share < 0.995)


def test_recent_and_selection_words_contain_their_figures() -> None:
    assert "3" in recent_text(row_of(), SAY)
    assert "1.0" in recent_text(row_of(), SAY)
    assert recent_text(row_of(recent_verdict="inseparable_more"), SAY) == recent_text(row_of(), SAY)
    for selects in ("riskier", "safer", "alike"):
        words = selection_text(row_of(selects=selects), SAY)
        assert "25.6%" in words
        assert "20.0%" in words
    few = selection_text(row_of(selects="too_few"), SAY)
    assert "25.6%" not in few
    assert "1,234" in few


def _marks(observed, expected, error: float) -> np.ndarray:
    """Marks of a page's reps."""
    scale = sum(observed) / sum(expected)
    columns = {
        "observed": np.asarray(observed, dtype=float),
        "expected": np.asarray(expected) * scale,
        "expected_error": np.full(len(expected), error),
    }
    return _beyond_chance(pd.DataFrame(columns), pd.Series(np.ones(len(expected), bool)), 0.05)


def test_nearly_all_of_the_error_of_a_mark_is_for_reps_with_more() -> None:
    expected = [25, 22, 20, 18, 15, 12, 10, 8]
    more, fewer = (
        _marks([25, 22, lost, 18, 15, 12, 10, 8], expected, error)
        for lost, error in ((44, 0.2), (6, 0.0))
    )
    assert more.tolist() == ["", "", "more", "", "", "", "", ""]  # not with half of the error
    assert set(fewer) == {""}


@pytest.mark.slow
@pytest.mark.parametrize(("times", "least", "most"), [(1.0, 0.0, 0.05), (3.0, 0.65, 1.0)])
def test_equal_reps_are_rarely_marked_and_one_with_three_times_the_churn_often(
    times: float, least: float, most: float
) -> None:
    """Expected numbers are off by 30%, and that error is estimated from a few replicates."""
    random, marked = np.random.default_rng(6), []
    expected = np.array([25.0, 22, 20, 18, 15, 12, 10, 8])
    for _ in range(600):
        true = expected * np.exp(random.normal(0, 0.3, 8)) * np.where(np.arange(8) == 2, times, 1)
        error = 0.3 * np.sqrt(random.chisquare(DRAWS - 1) / (DRAWS - 1))
        marks = _marks(random.poisson(true), expected, error)
        marked.append((marks != "").any() if times == 1 else marks[2] == "more")
    assert least <= np.mean(marked) <= most
