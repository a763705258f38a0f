"""Aliasing: the effect of a rep and of a segment that only this rep sells cannot be separated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.sales._expected import compute_expected
from fitmodel.sales._over_reps import fold_of_reps, with_mean
from fitmodel.sales._rep_figures import find_aliases
from fitmodel.sales.rep_performance import compute_rep_performance

END = np.datetime64("2026-06-30")
SPEC = DealSpec(
    deals={
        "id": "deal", "closed_on": "closed_on", "churned_on": "churned_on", "rep": "rep",
        "observed_until": str(END),
    },
    label={"horizon_months": 5},
    attributes={"include": ["kind", "territory"]},
)  # fmt: skip


def company(*, times, own_territory, risky_territory=1.0, deals=1800, seed=1):
    """Eight reps; the first has a fifth of the deals, `times` the churn, maybe an own territory."""
    random = np.random.default_rng(seed)
    share = np.r_[0.2, np.full(7, 0.8 / 7)]
    rep = random.choice(8, deals, p=share)
    kind = random.integers(0, 3, deals)
    territory = random.integers(0, 3, deals)
    if own_territory:
        territory = np.where(rep == 0, 3, territory)
    probability = 1 / (1 + np.exp(-(-2.3 + 0.8 * (kind - 1))))
    ratio = np.where(rep == 0, times, 1.0) * np.where(territory == 3, risky_territory, 1.0)
    left = random.random(deals) < 1 - (1 - probability) ** ratio
    closed = END - random.integers(160, 1000, deals).astype("timedelta64[D]")
    stayed = random.integers(10, 140, deals).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "deal": np.arange(deals),
            "rep": [f"R{number:02d}" for number in rep],
            "kind": np.array(["a", "b", "c"])[kind],
            "territory": np.array(["north", "south", "east", "retail"])[territory],
            "closed_on": closed.astype("datetime64[us]"),
            "churned_on": pd.Series((closed + stayed).astype("datetime64[us]")).where(left),
        }
    )


def board_of(deals, **options):
    expected = compute_expected(deals, SPEC)
    return compute_rep_performance(
        deals, SPEC, expected.probability, over_reps=expected.over["rep"], **options
    )


@pytest.fixture(scope="module")
def alone():
    return board_of(company(times=2.5, own_territory=True))


def test_a_bad_rep_with_an_own_territory_is_reported_as_inseparable(alone):
    rep = alone.reps.loc["R00"]

    assert rep["verdict"] == "inseparable_more"
    assert rep["only_seller_of"] == "territory = retail"
    assert rep["says"].count("Only R00 sells territory = retail (100% of the deals of R00)") == 1


def test_expected_numbers_with_and_without_the_territory_are_shown(alone):
    rep = alone.reps.loc["R00"]

    # about 2.5 times as many as expected; as many as expected if the territory explains it
    assert rep["observed"] / rep["expected"] > 1.6
    assert rep["observed"] / rep["knowing_expected"] < 1.25
    assert f"{rep['expected']:,.1f} expected if such customers are like" in rep["says"]
    assert f"{rep['knowing_expected']:,.1f} expected if it is territory = retail" in rep["says"]


def test_no_other_rep_is_named(alone):
    others = alone.reps.drop("R00")
    assert others["verdict"].isin(["expected", "too_few"]).all()
    assert (others["only_seller_of"] == "").all()


def test_no_risk_selection_is_reported_for_an_own_territory(alone):
    assert alone.reps.loc["R00", "selects"] in {"alike", "inseparable"}
    assert (alone.reps.drop("R00")["selects"] == "alike").all()


def test_a_bad_rep_with_shared_territories_is_named_without_reservation():
    rep = board_of(company(times=2.5, own_territory=False)).reps.loc["R00"]
    assert rep["verdict"] == "more"
    assert rep["only_seller_of"] == ""


def test_the_only_seller_is_named_in_chinese():
    deals = company(times=2.5, own_territory=True, deals=900)
    expected = pd.Series(0.1, deals.index)
    rep = compute_rep_performance(deals, SPEC, expected, language="zh").reps.loc["R00"]
    assert "只有 R00 销售 territory = retail" in rep["says"]


def test_a_segment_with_several_sellers_is_not_an_alias():
    deals = company(times=1.0, own_territory=True)
    retail = np.flatnonzero(deals["territory"] == "retail")
    deals.loc[retail[: len(retail) // 3], "rep"] = "R05"
    assert find_aliases(view_of(deals, SPEC), SPEC, deals["rep"]) == {}


def test_several_levels_of_one_seller_are_one_alias():
    deals = company(times=1.0, own_territory=True)
    retail = deals["territory"] == "retail"
    deals.loc[retail & (deals["kind"] == "a"), "territory"] = "shops"
    alias = find_aliases(view_of(deals, SPEC), SPEC, deals["rep"])["R00"]
    assert alias.share_of_rep == 1.0
    assert {segment.level for segment in alias.segments} == {"retail", "shops"}


def test_a_rep_with_nearly_all_deals_is_not_the_only_seller():
    deals = company(times=1.0, own_territory=False)
    most = np.random.default_rng(5).random(len(deals)) < 0.9
    deals = deals.assign(rep=deals["rep"].mask(most, "R00"))
    assert find_aliases(view_of(deals, SPEC), SPEC, deals["rep"]) == {}


def test_a_single_rep_has_no_alias():
    deals = company(times=1.0, own_territory=False).assign(rep="R00")
    assert find_aliases(view_of(deals, SPEC), SPEC, deals["rep"]) == {}


def test_all_deals_of_a_rep_are_in_one_fold_and_folds_have_similar_sizes():
    who = pd.Series(np.repeat([f"R{n}" for n in range(13)], np.arange(20, 33)))
    folds = fold_of_reps(who)
    assert len(pd.DataFrame({"fold": folds, "who": who}).drop_duplicates()) == 13
    sizes = folds.value_counts()
    assert len(sizes) == 6
    assert sizes.max() < 2 * sizes.min()
    pd.testing.assert_series_equal(fold_of_reps(who[::-1])[::-1], folds)


def test_a_shift_to_a_level_keeps_the_order_and_gives_the_mean():
    given = np.array([0.01, 0.2, 0.5, 0.9, 0.0, 0.999])
    for mean in (0.05, 0.4, 0.8):
        shifted = with_mean(given, mean)
        assert shifted.mean() == pytest.approx(mean, abs=1e-6)
        assert (np.argsort(shifted) == np.argsort(given)).all()
    middle = given[1:4]
    odds = np.log(middle / (1 - middle))
    moved = with_mean(middle, 0.3)
    assert np.diff(np.log(moved / (1 - moved)) - odds) == pytest.approx([0, 0], abs=1e-6)


def test_equal_reps_have_equal_expected_numbers_with_and_without_the_rep():
    deals = company(times=1.0, own_territory=False)
    reps = board_of(deals).reps
    assert reps["verdict"].isin(["expected", "too_few"]).all()
    assert (reps["expected"] / reps["knowing_expected"]).between(0.85, 1.18).all()
