"""Segments contain each deal once; their distances equal those over all permutations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals
from fitmodel.language.catalogue import phrases
from fitmodel.sales._segments import (
    Segment,
    Segmented,
    adjusted_p_values,
    cross,
    distances,
    log_rank_scores,
    segment_deals,
)

SAY = phrases("en", "profile")


def group_of(codes, names="abc"):
    segments = tuple((Segment("plan", level=name),) for name in names[: max(codes) + 1])
    return Segmented(segments, np.array(codes, dtype=np.int64))


def test_a_combination_has_both_parts_and_enough_deals_or_is_left_out() -> None:
    first = group_of([0, 0, 0, 0, 1, 1, -1])
    second = group_of([0, 0, 1, 1, 1, -1, 0], "xy")
    both = cross(first, second, min_deals=2)

    names = [tuple(part.level for part in segment) for segment in both.segments]
    assert names == [("a", "x"), ("a", "y")]
    assert both.codes.tolist() == [0, 0, 1, 1, -1, -1, -1]
    all_of_them = cross(first, second, min_deals=1)
    assert [tuple(part.level for part in each) for each in all_of_them.segments] == [
        ("a", "x"), ("a", "y"), ("b", "y")
    ]  # fmt: skip
    assert cross(first, second, min_deals=3).segments == ()


@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 2)), min_size=3, max_size=30))
def test_a_deal_is_in_a_combination_if_it_is_in_both_parts(pairs) -> None:
    pairs = [*pairs, (2, 2)]
    one, other = (group_of([pair[at] for pair in pairs]) for at in (0, 1))
    both = cross(one, other, min_deals=1)

    for (first, second), code in zip(pairs, both.codes.tolist(), strict=True):
        if min(first, second) < 0:
            assert code == -1
        else:
            assert both.segments[code] == one.segments[first] + other.segments[second]


@pytest.mark.parametrize(
    ("segment", "words"),
    [
        (Segment("plan_code", level="gold"), SAY("is_level", attribute="plan code", level="gold")),
        (Segment("seats"), SAY("is_missing", attribute="seats")),
        (
            Segment("seats", low=1.0, high=99.96),
            SAY("is_between", attribute="seats", low="1", high="100"),
        ),
        (Segment("seats", low=7.0, high=7.0), SAY("is_level", attribute="seats", level="7")),
        (Segment("discount", low=-0.0, high=0.0), "discount = 0"),
        (
            Segment("value", low=999.0, high=12345.6),
            SAY("is_between", attribute="value", low="999", high="12,346"),
        ),
        (
            Segment("trial", low=1.0, high=30.0, days=True),
            SAY("is_days", attribute="trial", low="1", high="30"),
        ),
        (Segment("trial", low=9.0, high=9.0, days=True), "trial 9 days before signing"),
        (Segment("trial", level="yes"), "trial = yes"),
    ],
)
def test_a_segment_is_described_in_readable_words(segment, words) -> None:
    assert segment.text(SAY) == words


@pytest.mark.parametrize(("level", "word"), [("yes", "是"), ("no", "否"), ("none", "none")])
def test_yes_and_no_are_written_in_the_language_of_the_page(level, word) -> None:
    assert Segment("trial", level=level).text(phrases("zh", "profile")) == f"trial = {word}"


@pytest.mark.parametrize("spelling", [("yes", "no"), ("Ja", "NEIN"), (True, False), (1, 0)])
def test_a_flag_is_shown_as_yes_or_no_for_any_spelling(spelling) -> None:
    sim = simulate_deals(400, seed=2)
    flags = sim.deals["has_crm_integration"].map(dict(zip(("yes", "no"), spelling, strict=True)))
    deals = sim.deals.assign(has_crm_integration=flags)
    groups = segment_deals(read_deals(deals, sim.spec), sim.spec, min_deals=10)
    (levels,) = (
        {part.level for (part,) in group.segments}
        for group in groups
        if group.segments[0][0].attribute == "has_crm_integration"
    )
    assert levels == {"yes", "no"}


def test_a_word_such_as_none_is_a_segment_beside_the_deals_without_a_value() -> None:
    sim = simulate_deals(400, seed=2)
    systems = np.resize(["None", "SAP", ""], 400)
    deals = read_deals(sim.deals.assign(system=systems), sim.spec)
    groups = segment_deals(deals, sim.spec, min_deals=10)

    (texts,) = (
        {segment[0].text(SAY) for segment in group.segments}
        for group in groups
        if group.segments[0][0].attribute == "system" and len(group.segments[0]) == 1
    )
    assert texts == {"system = None", "system = SAP", "system not filled in"}


def test_the_label_of_the_contract_replaces_the_name() -> None:
    assert Segment("seats", level="4").text(SAY, "number of seats").startswith("number of seats")


def test_scores_are_leavers_minus_the_nelson_aalen_hazard_and_add_up_to_0() -> None:
    months = np.array([1.0, 2.0, 2.0, 3.0, 9.0])
    left = np.array([True, True, False, False, True])  # the last leaves after the horizon
    first, second = 1 / 5, 1 / 5 + 1 / 4
    scores = log_rank_scores(months, left, 5.0)

    assert scores == pytest.approx([1 - first, 1 - second, -second, -second, -second])
    assert scores.sum() == pytest.approx(0)


def test_a_deal_with_delayed_entry_counts_from_its_entry() -> None:
    months, left = np.array([1.0, 2.0, 4.0, 4.0]), np.array([True, True, False, False])
    entry = np.array([0.0, 0.0, 1.5, 6.0])
    scores = log_rank_scores(months, left, 5.0, entry_months=entry)

    # month 1: 2 at risk; month 2: the second, and the third who has entered; the fourth never is
    assert scores == pytest.approx([1 - 1 / 2, 1 - (1 / 2 + 1 / 2), -1 / 2, 0])
    assert scores.sum() == pytest.approx(0)


@given(
    st.lists(st.tuples(st.floats(0.1, 12), st.booleans()), min_size=1, max_size=30),
    st.integers(1, 12),
)
def test_scores_of_any_deals_add_up_to_0(deals, horizon) -> None:
    months, left = (np.array(each) for each in zip(*deals, strict=True))

    assert log_rank_scores(months, left, float(horizon)).sum() == pytest.approx(0, abs=1e-9)


SCORES = np.array([0.8, 0.5, -0.2, -0.4, -0.7])
CODES = [0, 0, 1, 1, -1]


def test_a_distance_is_in_standard_deviations_over_all_permutations() -> None:
    result = distances([group_of(CODES)], SCORES)
    shuffles = np.array(list(itertools.permutations(SCORES)))

    for code, distance in enumerate(result):
        inside = np.array(CODES) == code
        sums = shuffles[:, inside].sum(axis=1)
        assert distance == pytest.approx(SCORES[inside].sum() / sums.std())


def test_a_segment_of_all_deals_has_no_distance() -> None:
    everybody = Segmented(((Segment("plan", level="a"),),), np.zeros(5, dtype=np.int64))

    assert distances([everybody], SCORES).tolist() == [0.0]


def test_a_p_value_is_the_share_of_permutations_with_a_distance_as_large() -> None:
    groups = [group_of(CODES), group_of([0, 1, 0, 1, 0], "xy")]
    seen = np.abs(distances(groups, SCORES))
    largest = [
        np.abs(distances(groups, np.array(each))).max() for each in itertools.permutations(SCORES)
    ]
    exact = [np.mean(np.array(largest) >= distance - 1e-9) for distance in seen]
    p = adjusted_p_values(groups, SCORES, shuffles=4000, seed=3)

    assert p == pytest.approx(exact, abs=0.03)
    assert p.min() >= 1 / 4001


def test_the_smallest_p_value_is_1_over_the_number_of_permutations_plus_1() -> None:
    scores = np.r_[np.full(10, 1.0), np.full(90, -1 / 9)]
    p = adjusted_p_values([group_of([0] * 10 + [1] * 90)], scores, shuffles=99)

    assert p.tolist() == [0.01, 0.01]


@pytest.mark.parametrize(
    ("language", "money", "expected"),
    [
        ("en", "€{:,.0f}", ("€1,200", "€45,000")),
        ("zh", "{:,.2f} 元", ("1,200.00 元", "45,000.00 元")),
    ],
)
def test_amounts_are_in_the_currency_of_the_contract(language, money, expected) -> None:
    deals = {"closed_on": "a", "churned_on": "b", "observed_until": "2026-01-01", "amount": "acv"}
    spec = DealSpec(deals=deals, words={"money": money, "labels": {"acv": "Price"}})
    say = phrases(language, "profile")

    band = Segment("acv", low=1200.0, high=45000.0).in_words(say, spec)
    assert all(amount in band for amount in ("Price", *expected))
    assert expected[0] in Segment("acv", low=1200.0, high=1200.0).in_words(say, spec)
    other = Segment("seats", low=1200.0, high=45000.0).in_words(say, spec)
    assert "1,200" in other
    assert "€" not in other
    assert "元" not in other
