"""Selection: the simplest candidate within one standard error of the best is chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import DealHistory
from fitmodel.learning import _selection as selection
from fitmodel.learning._evidence import observed_outcomes
from fitmodel.learning._link import bent_by_link
from fitmodel.learning._sampling import make_folds
from fitmodel.learning._selection import Candidate, _differences, _simplest_near_best, choose
from fitmodel.learning.calibration import (
    SETTLED_SLOPE_SD,
    CalibrationMap,
    HeldOut,
    expit,
    fit_slope,
)
from fitmodel.learning.settings import MIN_CHURNERS_TO_BOOST, LearnerOptions

QUICK = LearnerOptions(penalties=(1.0, 10.0), shares=(0.5, 1.0), pairs=2, replicates=3, folds=2)


def chosen(company, options=QUICK):
    view = DealHistory(company.deals, company.spec).as_of(None)
    folds = make_folds(view, (), folds=options.folds, seed=options.seed)
    return choose(folds, view.training_set(), options)


@pytest.fixture(scope="module")
def company(make_company):
    return make_company(1_200, seed=1, rate=0.3)


@pytest.fixture(scope="module")
def choice(company):
    return chosen(company)


def test_the_chosen_candidate_is_within_one_standard_error_of_the_best(choice, learned):
    for result in (choice, learned.choice):
        (row,) = result.table[result.table["chosen"]].to_dict("records")
        assert row["behind_best"] <= row["standard_error"]
        assert row["penalty"] == result.settings.penalty
        assert result.table["log_loss"].is_monotonic_increasing
        assert result.table["behind_best"].min() == 0.0


def test_no_simpler_candidate_is_within_one_standard_error_of_the_best(choice):
    near = choice.table[choice.table["behind_best"] <= choice.table["standard_error"]]
    (row,) = choice.table[choice.table["chosen"]].to_dict("records")
    ranks = [Candidate(1.0, share=share, pairs=pairs).complexity
             for share, pairs in zip(near["share"], near["pairs"], strict=True)]  # fmt: skip
    assert Candidate(1.0, share=row["share"], pairs=row["pairs"]).complexity == min(ranks)


def test_among_equally_simple_candidates_the_penalty_has_the_largest_evidence(choice):
    table = choice.table
    near = table[(table["behind_best"] <= table["standard_error"]) & (table["share"] == 0)]
    (row,) = table[table["chosen"]].to_dict("records")
    assert row["share"] == 0
    assert row["log_evidence"] == near["log_evidence"].max()
    assert table["log_evidence"].max() == 0.0


def test_with_linear_effects_boosting_is_compared_and_not_chosen(choice):
    assert set(choice.table["component"]) == {"logistic", "boosted"}
    assert choice.settings.shares == (("logistic", 1.0),)
    assert choice.settings.pairs == 0


def test_with_nonlinear_effects_boosting_is_chosen(make_company):
    company = make_company(2_000, seed=2, rate=0.3)
    random = np.random.default_rng(2)
    hump = random.uniform(-2, 2, 2_000)
    left = random.random(2_000) < expit(np.where(np.abs(hump) < 1, 1.2, -2.5))
    departed = company.deals["closed_on"] + pd.to_timedelta(
        random.integers(1, 140, 2_000), unit="D"
    )
    company.deals["churned_on"] = departed.where(left & (departed <= "2026-06-30"))
    company.deals["hump"] = hump
    settings = chosen(company, replace(QUICK, bends=False)).settings
    assert settings.boosting_share > 0
    assert sum(share for _, share in settings.shares) == pytest.approx(1.0)


def test_after_the_time_budget_no_further_component_is_fitted(company):
    table = chosen(company, replace(QUICK, time_budget_seconds=1e-9)).table
    assert set(table["component"]) == {"logistic"}
    assert set(table["penalty"]) == {1.0, 10.0}


def test_with_few_churners_only_the_logistic_component_is_fitted(make_company):
    few = make_company(500, seed=0)
    assert few.follow_up.left.sum() < MIN_CHURNERS_TO_BOOST
    table = chosen(few).table
    assert (table["share"] == 0).all()
    assert set(table["component"]) == {"logistic"}


def test_without_pairs_no_candidate_has_pairs(company):
    assert set(chosen(company, replace(QUICK, pairs=0)).table["pairs"]) == {0}


def test_a_fluctuating_level_does_not_change_the_choice(company, monkeypatch):
    """Candidates are compared after a shift is fitted per fold."""
    reference = chosen(company, replace(QUICK, components=("logistic",)))
    scores = selection._logistic_scores

    def shifted(trained, options):
        result = scores(trained, options)
        sizes = [len(fold.test_codes) for fold in trained]
        by = np.repeat(np.linspace(-1, 1, len(sizes)), sizes)
        return {candidate: values + by for candidate, values in result.items()}

    monkeypatch.setattr(selection, "_logistic_scores", shifted)
    moved = chosen(company, replace(QUICK, components=("logistic",)))
    assert moved.settings.penalty == reference.settings.penalty
    assert moved.settings.slope == pytest.approx(reference.settings.slope, abs=0.02)
    np.testing.assert_allclose(
        moved.table["log_loss"].sort_values(), reference.table["log_loss"].sort_values(), atol=0.005
    )


def test_each_replicate_has_its_own_settings(choice):
    assert len(choice.settings.replicates) == QUICK.replicates
    assert {item.penalty for item in choice.settings.replicates} <= set(QUICK.penalties)
    assert len({item.slope for item in choice.settings.replicates}) == QUICK.replicates


def test_the_outcome_of_a_test_deal_is_that_at_the_end_of_its_observation(make_company):
    company = make_company(400, seed=3, growth=0.1)
    training_set = DealHistory(company.deals, company.spec).as_of(None).training_set()
    outcome, weight, until = observed_outcomes(training_set)
    young = training_set.observable_months < 5
    np.testing.assert_array_equal(until[~young], 5.0)
    np.testing.assert_allclose(until[young], training_set.observable_months[young])
    np.testing.assert_array_equal(outcome[~young], training_set.early_churn[~young])
    np.testing.assert_array_equal(outcome[young], training_set.left[young].astype(float))
    assert (weight[until > 0] == 1).all()


def test_a_deal_with_delayed_entry_has_weight_0_in_the_test(make_company):
    company = make_company(800, seed=3)
    start = pd.Timestamp("2025-06-30")
    deals = company.deals[~(company.deals["churned_on"] < start)]
    spec = company.spec.replace(deals={"observed_from": start.date()})
    training_set = DealHistory(deals, spec).as_of(None).training_set()
    _, weight, _ = observed_outcomes(training_set)
    late = (training_set.closed_on < start).to_numpy()
    assert late.sum() > 100
    assert (weight[late] == 0).all()
    assert (weight[~late & (training_set.observable_months > 0)] > 0).all()


def test_deals_without_dates_are_weighted_for_censoring():
    random = np.random.default_rng(0)
    stays, seen = random.exponential(12, 2_000), random.uniform(0, 12, 2_000)
    deals = pd.DataFrame({"tenure": np.minimum(stays, seen), "gone": stays <= seen, "seats": 1.0})
    spec = DealSpec(deals={"tenure_months": "tenure", "churned": "gone"})
    training_set = DealHistory(deals, spec).as_of(None).training_set()
    outcome, weight, until = observed_outcomes(training_set)
    assert set(until) == {5.0}
    assert (weight[~training_set.is_known] == 0).all()
    true = 1 - np.exp(-5 / 12)
    assert np.average(outcome, weights=weight) == pytest.approx(true, abs=0.03)


def held_out(n: int = 400, *, seed: int = 0) -> tuple[HeldOut, np.ndarray]:
    """Deals of one fold with weights, and log-odds that discriminate between them."""
    random = np.random.default_rng(seed)
    raw = random.normal(-1.0, 1.0, n)
    outcome = (random.random(n) < expit(raw)).astype(float)
    return HeldOut(outcome, random.uniform(0.2, 3.0, n), np.zeros(n, int), np.zeros(n)), raw


def test_the_standard_error_of_a_difference_is_paired_and_weighted() -> None:
    outcomes, raw = held_out()
    scores = {Candidate(1.0): raw, Candidate(10.0): 0.4 * raw}
    gaps = _differences(scores, outcomes)
    one, other = (selection.level_adjusted_losses(values, outcomes) for values in scores.values())
    weight = outcomes.weight / outcomes.weight.sum()
    gap = weight @ (other - one)
    error = np.sqrt((weight**2).sum() * (weight @ (other - one - gap) ** 2))

    assert gaps[Candidate(1.0)] == (pytest.approx(weight @ one), 0.0, 0.0)
    assert gaps[Candidate(10.0)] == (
        pytest.approx(weight @ other), pytest.approx(gap), pytest.approx(error),
    )  # fmt: skip


def test_the_simplest_near_candidate_is_chosen_then_the_largest_evidence() -> None:
    outcomes, raw = held_out(2_000)
    noise = 0.02 * np.random.default_rng(1).normal(size=2_000)
    scores = {
        Candidate(1.0): raw + noise,
        Candidate(10.0): raw - noise,
        Candidate(1.0, "boosted", 0.5, 2): raw,
        Candidate(100.0): 0.0 * raw,
    }
    evidence = {1.0: -5.0, 10.0: -4.0, 100.0: 0.0}
    near = [c for c, (_, gap, error) in _differences(scores, outcomes).items() if gap <= error]
    assert Candidate(100.0) not in near

    assert _simplest_near_best(scores, outcomes, evidence) == Candidate(10.0)
    evidence[1.0] = -3.0
    assert _simplest_near_best(scores, outcomes, evidence) == Candidate(1.0)


def test_complexity_orders_pairs_above_a_second_component_above_none() -> None:
    reference, blended, paired = (
        Candidate(1.0), Candidate(1.0, "boosted", 0.25), Candidate(1.0, "boosted", 0.25, 3),
    )  # fmt: skip
    assert reference.complexity < blended.complexity < paired.complexity
    assert reference.shares == (("logistic", 1.0),)
    assert paired.shares == (("logistic", 0.75), ("boosted", 0.25))


def test_a_deal_signed_on_the_last_day_has_weight_0_in_the_test(make_company):
    company = make_company(400, seed=3)
    deals = company.deals.copy()
    deals.loc[deals.index[:3], ["closed_on", "churned_on"]] = [pd.Timestamp("2026-06-30"), pd.NaT]
    training_set = DealHistory(deals, company.spec).as_of(None).training_set()
    _, weight, until = observed_outcomes(training_set)
    today = (training_set.closed_on == "2026-06-30").to_numpy()

    assert today.sum() >= 3
    assert (until[today] == 0).all()
    assert (weight[today] == 0).all()
    assert (weight[until > 0] == 1).all()


def test_without_an_isotonic_map_a_slope_is_fitted_and_a_map_uses_complete_horizons(monkeypatch):
    outcomes, raw = held_out(600)
    half = np.arange(600) % 2 == 0
    outcomes = HeldOut(
        outcomes.early_churn, outcomes.weight, outcomes.fold, np.where(half, 0.0, -1.0)
    )
    scores = {Candidate(1.0): 0.7 * raw, Candidate(10.0): 0.6 * raw}
    options = replace(QUICK, penalties=(1.0, 10.0))
    calls = []

    def settings(result):
        def isotonic(log_odds, deals):
            calls.append((log_odds, deals))
            return result

        monkeypatch.setattr(selection, "fit_isotonic", isotonic)
        return selection._settings(
            scores, Candidate(1.0), outcomes, {1.0: 0.0, 10.0: 0.0}, None, options
        )

    line = settings(None)
    assert line.isotonic is None
    assert line.slope == fit_slope(0.7 * raw, outcomes, prior_sd=SETTLED_SLOPE_SD)[0] != 1.0
    bent = CalibrationMap((-1.0, 0.0, 1.0), (-1.0, 0.0, 0.5), "isotonic")
    curve = settings(bent)
    assert (curve.isotonic, curve.slope) == (bent, 1.0)
    complete = outcomes.subset(half)
    bent_raw = bent_by_link(0.7 * raw[half], complete)  # to be better than the learned link
    expected = [0.7 * raw[half], 0.7 * raw[half], bent_raw]
    for (log_odds, deals), own in zip(calls, expected, strict=True):
        np.testing.assert_array_equal(log_odds, own)
        assert len(deals) == 300
        assert not deals.offset.any()
