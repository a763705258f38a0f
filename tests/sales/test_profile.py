"""The ideal customer profile finds the planted segments, and none without differences."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.stats import CensoredData, logrank

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.deals.outcomes import kaplan_meier, outcomes
from fitmodel.sales._segments import (
    Segment,
    Segmented,
    adjusted_p_values,
    distances,
    log_rank_scores,
    segment_deals,
)
from fitmodel.sales.plots import plot_profile
from fitmodel.sales.profile import compute_profile, segment_rates

SPEC = DealSpec(
    deals={
        "closed_on": "closed_on",
        "churned_on": "churned_on",
        "observed_until": "2026-06-30",
        "rep": "rep",
    }
)


def make_deals(n, seed, rate):
    """Deals whose early churn follows `rate`, a function of kind, source and seats."""
    random = np.random.default_rng(seed)
    kind = random.choice(["a", "b", "c"], n)
    source = random.choice(["x", "y", "z"], n)
    seats = random.integers(1, 100, n)
    closed = pd.Timestamp("2026-06-30") - pd.to_timedelta(random.integers(0, 900, n), "D")
    early = random.random(n) < rate(kind, source, seats)
    days = np.where(early, random.integers(1, 150, n), random.integers(160, 3000, n))
    left = pd.Series(closed + pd.to_timedelta(days, "D"))
    return pd.DataFrame(
        {
            "closed_on": closed,
            "churned_on": left.where(left <= pd.Timestamp("2026-06-30")),
            "rep": random.choice(["Kim", "Lee"], n),
            "kind": kind,
            "source": source,
            "seats": seats,
        }
    )


@pytest.fixture(scope="module")
def planted():
    def rate(kind, source, seats):
        return np.where((kind == "a") & (source == "x"), 0.6, 0.15) - 0.1 * (seats > 75)

    return make_deals(2500, 0, rate)


@pytest.fixture(scope="module")
def profile(planted):
    return compute_profile(planted, SPEC, shuffles=199)


def test_the_planted_segments_are_first(profile):
    assert profile.riskiest.iloc[0]["segment"] == "kind = a and source = x"
    assert set(profile.safest["attributes"]) <= {1, 2}
    assert profile.safest["segment"].str.contains("seats 7[4-6] to 99").any()
    flat = profile.table[profile.table["segment"].isin(["kind = b", "source = y"])]
    assert (flat["distance"] < 0).all()


def test_a_combination_is_named_only_if_it_differs_from_both_parts(profile):
    alone = profile.table[profile.table["attributes"] == 1]
    rate = {row["parts"][0]: row["rate"] for _, row in alone.iterrows()}
    both = profile.table[(profile.table["attributes"] == 2) & profile.table["named"]]

    assert len(both) > 0
    for _, row in both.iterrows():
        parts = [rate[part] for part in row["parts"]]
        assert row["low"] > max(parts) or row["high"] < min(parts)


@pytest.mark.slow
def test_without_differences_a_segment_is_named_in_at_most_1_of_20_companies():
    named = [
        compute_profile(
            make_deals(500, seed, lambda kind, _source, _seats: np.full(len(kind), 0.25)),
            SPEC,
            min_deals=30,
            shuffles=99,
        )
        .table["named"]
        .any()
        for seed in range(60)
    ]
    assert sum(named) <= 6  # 3 and two standard errors


def test_a_rate_is_a_kaplan_meier_rate_with_interval_and_count(planted, profile):
    row = profile.table.set_index("segment").loc["kind = a"]
    result = outcomes(planted, SPEC)[planted["kind"] == "a"]
    curve = kaplan_meier(result["followup_months"], result["left"], at=[5.0])

    assert row["deals"] == len(result)
    assert row["left_early"] == int((result["early_churn"] == 1).sum())
    assert [row["rate"], row["low"], row["high"]] == pytest.approx(
        [1 - curve.survival[0], 1 - curve.high[0], 1 - curve.low[0]]
    )
    assert f"{row['rate']:.0%} of {row['deals']:,} deals leave early" in row["rule"]


def test_the_test_agrees_with_scipys_log_rank():
    random = np.random.default_rng(3)
    months = random.exponential(10, 800).round(1)
    left = random.random(800) < 0.6
    group = (random.random(800) < 0.3).astype(int)
    scores = log_rank_scores(months, left, 5.0)
    early, seen = left & (months <= 5), np.minimum(months, 5.0)
    sides = [
        CensoredData(uncensored=seen[(group == side) & early], right=seen[(group == side) & ~early])
        for side in (1, 0)
    ]
    away = distances([Segmented(((Segment("a"),), (Segment("b"),)), group)], scores)

    assert scores.sum() == pytest.approx(0, abs=1e-9)
    assert abs(away[1]) == pytest.approx(abs(logrank(*sides).statistic), rel=0.05)
    assert away[0] == pytest.approx(-away[1])


def test_testing_more_segments_never_decreases_a_p_value():
    random = np.random.default_rng(4)
    scores = random.normal(size=600)
    scores -= scores.mean()
    groups = [
        Segmented(((Segment("a", "0"),), (Segment("a", "1"),)), random.integers(0, 2, 600))
        for _ in range(20)
    ]
    first = [adjusted_p_values(groups[:k], scores, shuffles=199)[0] for k in (1, 5, 20)]

    assert all(a <= b for a, b in pairwise(first))
    assert min(first) >= 1 / 200


def test_the_rep_is_a_segment_only_on_request(planted):
    with_rep = SPEC.replace(attributes={"include": ["kind", "source", "rep"]})

    assert (
        not compute_profile(planted, with_rep, shuffles=9)
        .table["segment"]
        .str.contains("rep")
        .any()
    )
    asked = compute_profile(planted, SPEC, shuffles=9, people=True)
    assert asked.table["segment"].str.contains("rep = Kim").any()


def test_every_deal_is_in_one_segment_per_attribute_and_missing_is_a_segment(planted):
    holed = planted.assign(seats=planted["seats"].mask(planted["seats"] < 20).astype(float))
    seats = next(
        item
        for item in segment_deals(holed, SPEC, min_deals=1)
        if item.segments[0][0].attribute == "seats"
    )

    assert (seats.codes >= 0).all()
    for position, (part,) in enumerate(seats.segments):
        values = holed["seats"][seats.codes == position]
        inside = values.isna() if np.isnan(part.low) else values.between(part.low, part.high)
        assert inside.all()
    assert any(np.isnan(part.low) for (part,) in seats.segments)


def test_a_segment_of_only_young_deals_has_no_rate(planted):
    young = planted["closed_on"] > pd.Timestamp("2026-04-30")
    table = compute_profile(
        planted.assign(wave=np.where(young, "new", "old")), SPEC, shuffles=9
    ).table.set_index("segment")

    assert np.isnan(table.loc["wave = new", "rate"])
    assert not table.loc["wave = new", "named"]
    assert table.loc["wave = new", "rule"].endswith("too young to know")


def test_the_plot_has_a_line_per_segment_and_one_for_the_company():
    sim = simulate_deals(1500, seed=2, n_attributes=6)
    profile = compute_profile(sim.deals, sim.spec, shuffles=99, language="zh")
    ax = plot_profile(profile, language="zh")

    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert len(labels) == len(profile.riskiest) + len(profile.safest) > 0
    assert labels[-1].startswith(profile.riskiest.iloc[0]["segment"])
    assert ax.get_legend().get_texts()[0].get_text().startswith("全公司")


def test_rates_of_segments_equal_those_of_separate_curves():
    sim = simulate_deals(900, seed=2)
    view = view_of(sim.deals, sim.spec)
    codes = np.random.default_rng(0).integers(-1, 25, len(view))
    for position, figures in enumerate(segment_rates(view, codes, 25)):
        curve = view.survival_of(codes == position, at=[5.0])
        assert figures["deals"] == (codes == position).sum()
        assert figures["rate"] == pytest.approx(1 - curve.survival[0], abs=1e-12)
        assert figures["low"] == pytest.approx(1 - curve.high[0], abs=1e-9)
        assert figures["high"] == pytest.approx(1 - curve.low[0], abs=1e-9)


def test_a_translated_profile_equals_one_computed_in_that_language():
    sim = simulate_deals(800, seed=1)
    labels = {"words": {"labels": {"segment": "客户规模"}}}
    spec = sim.spec.replace(**labels)
    there = compute_profile(sim.deals, sim.spec, shuffles=99).in_language(spec, "zh")
    again = compute_profile(sim.deals, spec, shuffles=99, language="zh")
    pd.testing.assert_frame_equal(there.table, again.table)
    assert there.table["rule"].str.contains("客户规模").any()
