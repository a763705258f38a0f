"""Groups of customers whose early churn changed apart from that of the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fitmodel import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.decision.shipped import decide, predict_held_out
from fitmodel.learning._change_points import MIN_AFTER, MIN_BEFORE
from fitmodel.learning._changes import find_changes, group_factors, in_change, lately
from fitmodel.learning._exposure import Exposure
from fitmodel.learning.columns import MISSING, CategoryColumn, NumberColumn
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import learn
from fitmodel.learning.level import Change

HORIZON, MONTHS, END = 5, 36, pd.Timestamp("2026-06-30")
SECTOR = CategoryColumn("sector", levels={"a": 1, "b": 2, "c": 3})
SIZE = NumberColumn("size", cuts=(1.0, 2.0, 3.0, 4.0, 5.0), low=0.0, high=6.0)
COLUMNS = (SECTOR, SIZE)


def exposure_of(hazard, random, rows=60):
    """One row per deal and month: `hazard(sector, size, month)` is the share that leaves."""
    deals = rows * 3
    sector, size = np.repeat([1, 2, 3], rows), np.tile(np.arange(rows) % 6 + 1, 3)
    codes = np.column_stack([sector, size]).astype(np.int32)
    deal, month = np.repeat(np.arange(deals), MONTHS), np.tile(np.arange(MONTHS), deals)
    expected = np.full(len(deal), 0.1)
    observed = random.poisson(hazard(sector[deal], size[deal], month)).astype(float)
    return Exposure(deal, month, observed, expected, tuple(map(str, range(MONTHS)))), codes


def found(hazard, seed=0, rows=60):
    exposure, codes = exposure_of(hazard, np.random.default_rng(seed), rows)
    return find_changes(exposure, COLUMNS, codes)


def constant(sector, _size, month):
    return np.full(len(month), 0.1) * np.array([0, 0.5, 1.0, 1.5])[sector]


def test_a_level_that_changed_is_found_with_its_factor():
    """Its mean over the past is 1.5 times the former hazard, its present 2.5 times."""

    def hazard(sector, _size, month):
        return 0.1 * np.where((sector == 2) & (month >= 24), 2.5, 1.0)

    changes = [found(hazard, seed)[0] for seed in range(10)]
    for change in changes:
        assert (change.attribute, change.label, change.codes) == ("sector", "= b", (2,))
        assert abs(int(change.since) - 24) <= 2
    assert np.mean([each.factor for each in changes]) == pytest.approx(2.5 / 1.5, rel=0.07)
    assert np.mean([each.times for each in changes]) == pytest.approx(2.5, rel=0.1)


@pytest.mark.parametrize("factor", [0.4, 2.5])
def test_a_part_of_a_number_is_found_in_either_direction(factor):
    def hazard(_sector, size, month):
        return 0.1 * np.where((size <= 2) & (month >= 20), factor, 1.0)

    (change,) = found(hazard, seed=1)
    assert (change.attribute, change.label) == ("size", "< 2")
    assert (change.factor > 1) == (factor > 1)


def test_nothing_is_found_where_groups_only_differ():
    """Of 200 companies with five groups, at most 5% show a change by chance."""
    assert sum(bool(found(constant, seed, rows=20)) for seed in range(200)) <= 10


def test_nothing_is_found_where_months_differ_by_a_fifth():
    """Each sector's months differ by more than chance; that is no change."""

    def hazard_of(seed):
        noise = np.random.default_rng(1_000 + seed).normal(0, 0.2, (4, MONTHS))
        return lambda sector, size, month: (
            constant(sector, size, month) * np.exp(noise[sector, month])
        )

    assert sum(bool(found(hazard_of(seed), seed)) for seed in range(100)) <= 7


def test_leavers_that_come_in_bursts_are_no_change():
    """One month of 18 has ten times the leavers of each sector, the others half as many.

    Bayes factors of Poisson counts alone show a change in a quarter of such companies.
    """

    def hazard_of(seed):
        hit = np.random.default_rng(2_300 + seed).random((4, MONTHS)) < 1 / 18
        burst = np.where(hit, 10.0, 0.47)
        return lambda sector, size, month: constant(sector, size, month) * burst[sector, month]

    assert sum(bool(found(hazard_of(seed), seed)) for seed in range(100)) <= 10


def test_a_change_of_all_customers_is_not_one_of_a_group():
    def hazard(sector, size, month):
        return constant(sector, size, month) * np.where(month >= 24, 2.0, 1.0)

    assert sum(bool(found(hazard, seed)) for seed in range(100)) <= 5


def test_a_group_that_stays_while_the_others_change_is_the_one_that_changed():
    """Two of three sectors double: relative to these, the third falls to half."""

    def hazard(sector, _size, month):
        return 0.1 * np.where((sector != 3) & (month >= 24), 2.0, 1.0)

    (change,) = found(hazard)
    assert change.label == "= c"
    assert change.factor < 1


def test_a_deal_in_two_groups_has_both_factors(learned_pair):
    learned = learned_pair[0]
    attributes = learned.training_set.attributes
    by_sector, *_ = learned.changes
    by_size = replace(by_sector, attribute="size", codes=(1, 2, 3), factor=0.5)
    columns = learned.scorecard.columns
    both = group_factors((by_sector, by_size), columns, attributes)
    apart = [group_factors((each,), columns, attributes) for each in (by_sector, by_size)]
    np.testing.assert_allclose(both, apart[0] * apart[1])
    assert len(set(both)) == 4


def test_two_groups_are_found():
    def hazard(sector, size, month):
        late = month >= 24
        return (
            0.1
            * np.where((sector == 1) & late, 3.0, 1.0)
            * np.where((size >= 5) & (sector != 1) & late, 0.3, 1.0)
        )

    changes = found(hazard, rows=120)
    assert {change.attribute for change in changes} == {"sector", "size"}


def test_no_change_is_found_in_too_few_months_or_leavers():
    def hazard(sector, _size, month):
        return 0.1 * np.where((sector == 2) & (month >= 24), 3.0, 1.0)

    exposure, codes = exposure_of(hazard, np.random.default_rng(0))
    few = MIN_BEFORE + MIN_AFTER - 1
    early = exposure.month < few
    short = Exposure(
        exposure.deal[early], exposure.month[early], exposure.observed[early],
        exposure.expected[early], exposure.names[:few],
    )  # fmt: skip
    assert find_changes(short, COLUMNS, codes) == ()
    rare = exposure._replace(observed=exposure.observed / 40, expected=exposure.expected / 40)
    assert find_changes(rare, COLUMNS, codes) == ()


def test_later_months_do_not_depend_on_the_order_of_the_deals():
    def hazard(sector, _size, month):
        return 0.1 * np.where((sector == 2) & (month >= 24), 2.5, 1.0)

    exposure, codes = exposure_of(hazard, np.random.default_rng(1))
    order = np.random.default_rng(2).permutation(len(exposure.deal))
    mixed = Exposure(*(np.asarray(part)[order] for part in exposure[:4]), names=exposure.names)
    (one,), (other,) = (find_changes(each, COLUMNS, codes) for each in (exposure, mixed))
    assert one.codes == other.codes
    assert one.factor == pytest.approx(other.factor)


def test_missing_values_are_a_group_of_their_own():
    change = Change("size", (MISSING,), "= missing", "2026-01", 3.0, 2.0, 0.1, 6.0)
    codes = np.array([[1, 0], [2, 3]], dtype=np.int32)
    assert in_change(change, COLUMNS, codes).tolist() == [True, False]
    assert lately(SIZE, [change]).tolist() == [2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert lately(SECTOR, [change]) is None


# ---- in the model that is shipped ----


def company(seed, n=3_000, factor=2.5):
    """Sector b leaves more often from the 25th month on; the truth of new prospects is known."""
    random = np.random.default_rng(seed)
    base = np.log(2) / 20  # per month

    def attributes(count):
        sector = random.choice(["a", "b", "c"], count, p=[0.5, 0.25, 0.25])
        size = np.exp(random.normal(3, 1, count)).round()
        return pd.DataFrame({"sector": sector, "size": size}), base * np.exp(
            -0.4 * (np.log(size + 1) - 3)
        )

    deals, hazard = attributes(n)
    signed = random.uniform(0, MONTHS, n)
    changed = (deals["sector"] == "b").to_numpy()
    level, until = random.exponential(size=n), np.maximum(24 - signed, 0)
    early = level / hazard
    late = until + (level - hazard * until) / (hazard * factor)
    stay = np.where(changed & (early > until), late, early)
    day = END - pd.to_timedelta((MONTHS - signed) * 30.436875, unit="D").round("D")
    left = day + pd.to_timedelta(np.ceil(np.minimum(stay, 100) * 30.436875), unit="D")
    deals = deals.assign(signed=day, left=pd.Series(left).where(left <= END))
    asked, rate = attributes(4_000)
    rate = np.where(asked["sector"] == "b", rate * factor, rate)
    return deals, asked, 1 - np.exp(-HORIZON * rate)


def contract(**learning):
    roles = {"closed_on": "signed", "churned_on": "left", "observed_until": END.date()}
    return DealSpec(deals=roles, label={"horizon_months": HORIZON}, learning=learning)


@pytest.fixture(scope="module")
def learned_pair():
    deals, asked, truth = company(3)
    learned = learn(deals, contract())
    without = learn(deals, contract(changes=False), choice=learned.choice)
    return learned, without, asked, truth


def predicted(learned, asked):
    codes = encode(learned.scorecard.columns, asked)
    scores = learned.scorecard.scores(codes)
    return learned.scorecard.probability(codes), *learned.scorecard.interval(*scores)


def test_the_shipped_model_predicts_a_changed_group_at_its_present_level(learned_pair):
    learned, without, asked, truth = learned_pair
    group = (asked["sector"] == "b").to_numpy()
    (p, low, high), (old, old_low, old_high) = (
        predicted(each, asked) for each in (learned, without)
    )

    assert [(each.attribute, each.label) for each in learned.changes] == [("sector", "= b")]
    assert without.changes == ()
    assert p[group].mean() == pytest.approx(truth[group].mean(), rel=0.15)
    assert old[group].mean() < 0.87 * truth[group].mean()
    assert p[~group].mean() == pytest.approx(truth[~group].mean(), rel=0.15)
    assert np.mean((low <= truth) & (truth <= high)) > 0.7
    assert np.mean(((old_low <= truth) & (truth <= old_high))[group]) < 0.4


def test_contributions_still_add_up_and_only_the_group_is_shifted(learned_pair):
    learned, without, asked, _ = learned_pair
    codes = encode(learned.scorecard.columns, asked)
    group = (asked["sector"] == "b").to_numpy()
    shift = learned.scorecard.scores(codes)[0] - without.scorecard.scores(codes)[0]

    assert np.ptp(shift[group]) < 1e-9  # one shift, whatever the other attributes
    assert np.ptp(shift[~group]) < 1e-9
    assert shift[group][0] > shift[~group][0] + 0.3


def test_held_out_predictions_are_at_the_present_level_too(learned_pair):
    """The policy is chosen on them, so a share of flags holds for the model that is shipped."""
    learned, _, _, _ = learned_pair
    held_out = predict_held_out(learned, contract()).to_numpy()
    shipped = learned.estimator.predict_proba(learned.training_set.attributes)[:, 1]
    group = (learned.training_set.attributes["sector"] == "b").to_numpy()
    assert held_out[group].mean() == pytest.approx(shipped[group].mean(), rel=0.1)
    assert held_out[~group].mean() == pytest.approx(shipped[~group].mean(), rel=0.1)


def test_a_promised_share_of_flags_holds_with_a_changed_group():
    """The policy is chosen for the model that is shipped, at the group's present level."""
    deals, asked, _ = company(3)
    spec = contract().replace(decision={"policy": "capacity", "capacity": 0.1})
    learned = learn(deals, spec, replicates=2)
    policy = decide(view_of(deals, spec), spec, learned)
    codes = encode(learned.scorecard.columns, asked)

    assert learned.changes
    flagged = policy.poor_fit(learned.scorecard.probability(codes))
    assert flagged.mean() == pytest.approx(0.1, abs=0.03)


def test_factors_are_those_of_each_deals_group(learned_pair):
    learned, without, _, _ = learned_pair
    group = (learned.training_set.attributes["sector"] == "b").to_numpy()
    factors = learned.change_factors()
    assert set(factors[~group]) == {1.0}
    assert set(factors[group]) == {learned.changes[0].factor}
    assert set(without.change_factors()) == {1.0}
    empty = group_factors((), learned.scorecard.columns, learned.training_set.attributes)
    assert set(empty) == {1.0}


def test_a_past_date_knows_nothing_of_a_later_change():
    deals, _, _ = company(2)
    view = view_of(deals, contract()).as_of(np.datetime64("2025-06-30"))
    assert learn(view, contract(), replicates=2).changes == ()


def test_evidence_carries_the_factor_through_the_scorecard_file(learned_pair):
    from fitmodel.learning.scorecard_checks import scorecard_from_dict

    learned, without, _, _ = learned_pair
    again = scorecard_from_dict(learned.scorecard.to_dict())
    position = learned.scorecard.attributes.index("sector")
    values = again.evidence[position].lately
    code = learned.changes[0].codes[0]
    assert values[code] == learned.changes[0].factor
    assert set(np.delete(values, code)) == {1.0}
    assert again.evidence[1 - position].lately is None
    assert all(each.lately is None for each in without.scorecard.evidence)


@pytest.mark.parametrize("wrong", [[1.0], [0.0] * 5, [float("nan")] * 5])
def test_a_damaged_factor_is_refused(learned_pair, wrong):
    from fitmodel.exceptions import BundleError
    from fitmodel.learning.scorecard_checks import check_scorecard

    scorecard = learned_pair[0].scorecard
    position = scorecard.attributes.index("sector")
    evidence = list(scorecard.evidence)
    evidence[position] = replace(evidence[position], lately=np.array(wrong))
    with pytest.raises(BundleError, match="evidence of 'sector'"):
        check_scorecard(replace(scorecard, evidence=tuple(evidence)))
