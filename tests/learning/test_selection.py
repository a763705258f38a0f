"""The simplest settings within one error of the best are chosen, on deals not trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import DealHistory
from fitmodel.learning import selection
from fitmodel.learning._evidence import outcome_when_seen
from fitmodel.learning._slope import HeldOut
from fitmodel.learning.calibration import expit
from fitmodel.learning.folds import make_folds
from fitmodel.learning.selection import Candidate, _gaps, _simplest_of_the_best, choose
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


def test_the_choice_is_in_the_table_and_within_one_error_of_the_best(choice, learned):
    for found in (choice, learned.choice):
        (row,) = found.table[found.table["chosen"]].to_dict("records")
        assert row["behind_best"] <= row["standard_error"]
        assert row["penalty"] == found.settings.penalty
        assert found.table["log_loss"].is_monotonic_increasing
        assert found.table["behind_best"].min() == 0.0


def test_nothing_simpler_than_the_choice_is_within_one_error_of_the_best(choice):
    near = choice.table[choice.table["behind_best"] <= choice.table["standard_error"]]
    (row,) = choice.table[choice.table["chosen"]].to_dict("records")
    ranks = [Candidate(1.0, share=share, pairs=pairs).complexity
             for share, pairs in zip(near["share"], near["pairs"], strict=True)]  # fmt: skip
    assert Candidate(1.0, share=row["share"], pairs=row["pairs"]).complexity == min(ranks)


def test_among_equally_simple_ones_the_penalty_has_the_most_evidence(choice):
    table = choice.table
    near = table[(table["behind_best"] <= table["standard_error"]) & (table["share"] == 0)]
    (row,) = table[table["chosen"]].to_dict("records")
    assert row["share"] == 0
    assert row["log_evidence"] == near["log_evidence"].max()
    assert table["log_evidence"].max() == 0.0


def test_where_a_line_is_all_there_is_boosting_is_tried_and_left_out(choice):
    assert set(choice.table["component"]) == {"logistic", "boosted"}
    assert choice.settings.shares == (("logistic", 1.0),)
    assert choice.settings.pairs == 0


def test_where_a_line_is_not_enough_boosting_is_taken(make_company):
    company = make_company(2_000, seed=2, rate=0.3)
    random = np.random.default_rng(2)
    hump = random.uniform(-2, 2, 2_000)
    left = random.random(2_000) < expit(np.where(np.abs(hump) < 1, 1.2, -2.5))
    gone = company.deals["closed_on"] + pd.to_timedelta(random.integers(1, 140, 2_000), unit="D")
    company.deals["churned_on"] = gone.where(left & (gone <= "2026-06-30"))
    company.deals["hump"] = hump
    settings = chosen(company, replace(QUICK, bends=False)).settings
    assert settings.boosting_share > 0
    assert sum(share for _, share in settings.shares) == pytest.approx(1.0)


def test_a_time_budget_that_is_spent_tries_no_further_component(company):
    table = chosen(company, replace(QUICK, time_budget_seconds=1e-9)).table
    assert set(table["component"]) == {"logistic"}
    assert set(table["penalty"]) == {1.0, 10.0}


def test_below_the_stated_number_of_churners_only_the_logistic_part_is_tried(make_company):
    few = make_company(500, seed=0)
    assert few.follow_up.left.sum() < MIN_CHURNERS_TO_BOOST
    table = chosen(few).table
    assert (table["share"] == 0).all()
    assert set(table["component"]) == {"logistic"}


def test_without_pairs_none_are_tried(company):
    assert set(chosen(company, replace(QUICK, pairs=0)).table["pairs"]) == {0}


def test_a_level_that_swings_changes_no_choice(company, monkeypatch):
    """Candidates are compared after each fold's own level is taken out."""
    plain = chosen(company, replace(QUICK, components=("logistic",)))
    scores = selection._logistic_scores

    def shifted(trained, options):
        found = scores(trained, options)
        sizes = [len(fold.test_codes) for fold in trained]
        by = np.repeat(np.linspace(-1, 1, len(sizes)), sizes)
        return {candidate: values + by for candidate, values in found.items()}

    monkeypatch.setattr(selection, "_logistic_scores", shifted)
    moved = chosen(company, replace(QUICK, components=("logistic",)))
    assert moved.settings.penalty == plain.settings.penalty
    assert moved.settings.slope == pytest.approx(plain.settings.slope, abs=0.02)
    np.testing.assert_allclose(
        moved.table["log_loss"].sort_values(), plain.table["log_loss"].sort_values(), atol=0.005
    )


def test_each_replicate_has_settings_of_its_own(choice):
    assert len(choice.settings.replicates) == QUICK.replicates
    assert {item.penalty for item in choice.settings.replicates} <= set(QUICK.penalties)
    assert len({item.slope for item in choice.settings.replicates}) == QUICK.replicates


def test_a_deal_is_tested_on_up_to_the_time_it_could_be_seen(make_company):
    company = make_company(400, seed=3, growth=0.1)
    training_set = DealHistory(company.deals, company.spec).as_of(None).training_set()
    outcome, weight, until = outcome_when_seen(training_set)
    young = training_set.observable_months < 5
    np.testing.assert_array_equal(until[~young], 5.0)
    np.testing.assert_allclose(until[young], training_set.observable_months[young])
    np.testing.assert_array_equal(outcome[~young], training_set.early_churn[~young])
    np.testing.assert_array_equal(outcome[young], training_set.left[young].astype(float))
    assert (weight[until > 0] == 1).all()


def test_a_deal_that_entered_late_is_not_tested_on(make_company):
    company = make_company(800, seed=3)
    start = pd.Timestamp("2025-06-30")
    deals = company.deals[~(company.deals["churned_on"] < start)]
    spec = company.spec.replace(deals={"observed_from": start.date()})
    training_set = DealHistory(deals, spec).as_of(None).training_set()
    _, weight, _ = outcome_when_seen(training_set)
    late = (training_set.closed_on < start).to_numpy()
    assert late.sum() > 100
    assert (weight[late] == 0).all()
    assert (weight[~late & (training_set.observable_months > 0)] > 0).all()


def test_a_tenure_alone_is_weighted_for_censoring():
    random = np.random.default_rng(0)
    stays, seen = random.exponential(12, 2_000), random.uniform(0, 12, 2_000)
    deals = pd.DataFrame({"tenure": np.minimum(stays, seen), "gone": stays <= seen, "seats": 1.0})
    spec = DealSpec(deals={"tenure_months": "tenure", "churned": "gone"})
    training_set = DealHistory(deals, spec).as_of(None).training_set()
    outcome, weight, until = outcome_when_seen(training_set)
    assert set(until) == {5.0}
    assert (weight[~training_set.is_known] == 0).all()
    true = 1 - np.exp(-5 / 12)
    assert np.average(outcome, weights=weight) == pytest.approx(true, abs=0.03)


def held_out(n: int = 400, *, seed: int = 0) -> tuple[HeldOut, np.ndarray]:
    """Deals of one fold with weights, and log-odds that tell them apart."""
    random = np.random.default_rng(seed)
    raw = random.normal(-1.0, 1.0, n)
    outcome = (random.random(n) < expit(raw)).astype(float)
    return HeldOut(outcome, random.uniform(0.2, 3.0, n), np.zeros(n, int), np.zeros(n)), raw


def test_the_error_of_a_gap_is_the_paired_one_of_a_weighted_mean() -> None:
    held, raw = held_out()
    scores = {Candidate(1.0): raw, Candidate(10.0): 0.4 * raw}
    gaps = _gaps(scores, held)
    one, other = (selection.level_free_losses(values, held) for values in scores.values())
    weight = held.weight / held.weight.sum()
    gap = weight @ (other - one)
    error = np.sqrt((weight**2).sum() * (weight @ (other - one - gap) ** 2))

    assert gaps[Candidate(1.0)] == (pytest.approx(weight @ one), 0.0, 0.0)
    assert gaps[Candidate(10.0)] == (
        pytest.approx(weight @ other), pytest.approx(gap), pytest.approx(error),
    )  # fmt: skip


def test_the_simplest_within_an_error_wins_and_among_these_the_most_evidence() -> None:
    held, raw = held_out(2_000)
    noise = 0.02 * np.random.default_rng(1).normal(size=2_000)
    scores = {
        Candidate(1.0): raw + noise,
        Candidate(10.0): raw - noise,
        Candidate(1.0, "boosted", 0.5, 2): raw,
        Candidate(100.0): 0.0 * raw,
    }
    evidence = {1.0: -5.0, 10.0: -4.0, 100.0: 0.0}
    near = [c for c, (_, gap, error) in _gaps(scores, held).items() if gap <= error]
    assert Candidate(100.0) not in near

    assert _simplest_of_the_best(scores, held, evidence) == Candidate(10.0)
    evidence[1.0] = -3.0
    assert _simplest_of_the_best(scores, held, evidence) == Candidate(1.0)


def test_pairs_are_less_simple_than_a_second_component_and_that_than_none() -> None:
    plain, blended, paired = (
        Candidate(1.0), Candidate(1.0, "boosted", 0.25), Candidate(1.0, "boosted", 0.25, 3),
    )  # fmt: skip
    assert plain.complexity < blended.complexity < paired.complexity
    assert plain.shares == (("logistic", 1.0),)
    assert paired.shares == (("logistic", 0.75), ("boosted", 0.25))


def test_a_deal_signed_on_the_last_day_is_not_tested_on(make_company):
    company = make_company(400, seed=3)
    deals = company.deals.copy()
    deals.loc[deals.index[:3], ["closed_on", "churned_on"]] = [pd.Timestamp("2026-06-30"), pd.NaT]
    training_set = DealHistory(deals, company.spec).as_of(None).training_set()
    _, weight, until = outcome_when_seen(training_set)
    today = (training_set.closed_on == "2026-06-30").to_numpy()

    assert today.sum() >= 3
    assert (until[today] == 0).all()
    assert (weight[today] == 0).all()
    assert (weight[until > 0] == 1).all()
