"""The rep performance table names reps whose customers leave more often, and few by chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel import DealSpec
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.sales.people import names_of, people_of
from fitmodel.sales.rates import (
    DRAWS,
    exact_ratio_interval,
    gamma_shape,
    overdispersion,
    shrunken_ratio,
)
from fitmodel.sales.rep_performance import compute_rep_performance, expected_probabilities


@pytest.fixture(scope="module")
def simulation():
    return simulate_deals(3000, seed=1)


@pytest.fixture(scope="module")
def probability(simulation):
    # the simulation's true probability knows the rep
    return expected_probabilities(simulation.deals, simulation.spec)


@pytest.fixture(scope="module")
def board(simulation, probability):
    return compute_rep_performance(simulation.deals, simulation.spec, probability)


def test_the_reps_add_up_to_the_company(board):
    for column in ("signed", "lost", "lost_value", "observed", "expected"):
        assert board.reps[column].sum() == pytest.approx(board.company[column])
    assert board.company["ratio"] == pytest.approx(1)
    assert board.quarters["observed"].sum() == board.company["observed"]


def test_the_true_worst_and_best_reps_have_the_highest_and_lowest_ratio(simulation, board):
    effect = simulation.reps["effect"]
    large = board.reps[board.reps["signed"] >= 100]

    assert large["shrunken_ratio"].idxmax() == effect.loc[large.index].idxmax()
    assert large["shrunken_ratio"].idxmin() == effect.loc[large.index].idxmin()
    assert large.loc[effect.loc[large.index].idxmax(), "beyond_chance"] == "more"
    assert large.loc[effect.loc[large.index].idxmin(), "beyond_chance"] == "fewer"


def _far_apart():
    """8,000 deals, with doubled effects of the worst and the best rep."""
    sim = simulate_deals(8000, seed=1)
    rep, effect = sim.deals["rep"], sim.reps["effect"]
    blind = 1 / (1 + np.exp(-(sim.true_log_odds - rep.map(effect).to_numpy())))
    blind = blind.where(rep != effect.idxmax(), blind / 2)
    return sim, blind.where(rep != effect.idxmin(), np.minimum(2 * blind, 0.95))


@pytest.fixture(scope="module")
def large_board():
    sim, blind = _far_apart()
    return sim.reps["effect"], compute_rep_performance(sim.deals, sim.spec, blind)


def test_reps_with_usual_differences_are_not_named():
    sim = simulate_deals(8000, seed=1)
    own = sim.deals["rep"].map(sim.reps["effect"]).to_numpy()
    blind = 1 / (1 + np.exp(-(sim.true_log_odds - own)))
    reps = compute_rep_performance(sim.deals, sim.spec, blind).reps

    assert reps.loc[sim.reps["effect"].idxmax(), "beyond_chance"] == "more"
    assert (reps["verdict"] == "expected").all()


def test_with_enough_deals_only_the_worst_and_the_best_reps_are_named(large_board):
    effect, board = large_board
    large = board.reps[board.reps["signed"] >= 100]
    effect = effect.loc[large.index]

    assert large.loc[effect.idxmax(), "verdict"] == "more"
    assert large.loc[effect.idxmax(), "talk_about"]
    assert large.loc[effect.idxmin(), "verdict"] == "fewer"
    assert (large.loc[effect == 0, "verdict"] == "expected").all()
    assert not large.loc[effect == 0, "talk_about"].any()


def test_risk_selection_is_separated_from_losing_customers():
    chosen = simulate_deals(4000, seed=3, rep_effects=False, rep_selection=True)
    board = compute_rep_performance(chosen.deals, chosen.spec, chosen.true_probability)
    riskier = chosen.reps.index[(chosen.reps["selection"] > 0) & (chosen.reps["deals"] >= 40)]

    assert (board.table.loc[riskier, "selects"] == "riskier").all()
    assert (board.table.loc[riskier, "verdict"] != "more").all()


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_yearly_contracts_are_not_reported_as_risk_selection(language):
    # reps with monthly contracts were reported as selecting riskier prospects
    random = np.random.default_rng(12)
    size, end = 1200, pd.Timestamp("2026-06-30")
    rep = random.integers(0, 6, size)
    yearly = rep < 2
    stay = np.where(yearly, 12 + random.exponential(8.0, size), random.exponential(30.0, size))
    closed = end - pd.to_timedelta(random.integers(0, 1000, size), unit="D")
    left = closed + pd.to_timedelta(np.ceil(stay * 30.44), unit="D")
    deals = pd.DataFrame(
        {
            "closed_on": closed,
            "churned_on": left.where(left <= end),
            "rep": [f"R{number}" for number in rep],
            "term": np.where(yearly, "annual", "monthly"),
        }
    )
    roles = {name: name for name in ("closed_on", "churned_on", "rep")}
    spec = DealSpec(
        deals={**roles, "observed_until": "2026-06-30"}, attributes={"include": ["term"]}
    )
    probability = pd.Series(np.where(yearly, 0.01, 0.15) * random.uniform(0.8, 1.2, size))

    reps = compute_rep_performance(deals, spec, probability, language=language).reps

    assert reps["selects"].to_dict() == {
        f"R{number}": "bound" if number < 2 else "alike" for number in range(6)
    }
    words = {"en": "cannot end within the horizon", "zh": "不能在早期流失期限内终止"}
    assert reps["says_selection"].str.contains(words[language]).sum() == 2


def test_at_most_5_percent_of_equal_reps_are_named():
    accused = evaluated = on_top_small = 0
    for seed in range(60):
        alike = simulate_deals(1500, seed=500 + seed, rep_effects=False)
        board = compute_rep_performance(alike.deals, alike.spec, alike.true_probability)
        verdicts = board.reps.loc[board.reps["verdict"] != "too_few", "verdict"]
        evaluated += len(verdicts)
        accused += int((verdicts != "expected").sum())
        on_top_small += int(board.reps.iloc[0]["signed"] < 20)

    assert evaluated > 400
    assert accused / evaluated <= 0.05
    assert on_top_small == 0


@pytest.mark.slow
def test_at_most_5_percent_of_average_reps_are_named_among_different_reps():
    accused = evaluated = worst_found = on_top_small = 0
    for seed in range(40):
        sim = simulate_deals(3000, seed=700 + seed, rep_selection=False)
        effect = sim.reps["effect"]
        own = sim.deals["rep"].map(effect).to_numpy()
        blind = 1 / (1 + np.exp(-(sim.true_log_odds - own)))
        board = compute_rep_performance(sim.deals, sim.spec, blind)
        verdicts = board.reps["verdict"]
        alike = verdicts[(effect.reindex(verdicts.index) == 0) & (verdicts != "too_few")]
        evaluated += len(alike)
        accused += int((alike != "expected").sum())
        large = board.reps[board.reps["signed"] >= 100]
        worst_found += large["shrunken_ratio"].idxmax() == effect[large.index].idxmax()
        on_top_small += int(board.reps.iloc[0]["signed"] < 20)

    assert evaluated > 150
    assert accused / evaluated <= 0.05
    assert worst_found >= 36
    assert on_top_small == 0


def test_a_young_deal_counts_for_the_hazard_up_to_its_age(simulation):
    deals, spec = simulation.deals, simulation.spec
    young = deals["closed_on"] > pd.Timestamp("2026-06-30") - pd.DateOffset(months=1)
    board = compute_rep_performance(deals, spec, simulation.true_probability)
    without = compute_rep_performance(deals[~young], spec, simulation.true_probability[~young])

    assert young.any()
    assert 0 <= board.company["expected"] - without.company["expected"] < young.sum() * 0.1


def test_the_expected_number_does_not_use_the_rep(simulation):
    spec = simulation.spec.replace(
        attributes={"include": ["segment", "seats", "rep"], "actionable": []}
    )
    without = simulation.spec.replace(
        attributes={"include": ["segment", "seats"], "actionable": []}
    )
    deals = simulation.deals.head(900)

    pd.testing.assert_series_equal(
        expected_probabilities(deals, spec), expected_probabilities(deals, without)
    )


def test_teams_are_compared_and_worded_in_chinese(simulation):
    deals = simulation.deals.assign(team=simulation.deals["team"].where(lambda t: t != "Team A"))
    board = compute_rep_performance(
        deals, simulation.spec, simulation.true_probability, by="team", language="zh"
    )

    say = phrases("zh", "scoreboard")
    assert set(board.table.index) == {"Team B", "Team C", say("no_rep"), say("company")}
    assert board.reps["says"].str.contains("预期").all()


def test_the_company_is_not_compared_with_itself(simulation):
    board = compute_rep_performance(simulation.deals, simulation.spec, simulation.true_probability)
    words = ["says", "says_recently", "says_selection"]
    assert board.company[words].tolist() == ["", "", ""]
    assert (board.reps[words] != "").all(axis=None)


def test_deals_without_a_rep_column_are_refused(simulation):
    spec = simulation.spec.replace(deals={"rep": None})

    with pytest.raises(DealsError, match=r'names no rep.*rep = "COLUMN"'):
        compute_rep_performance(simulation.deals, spec, simulation.true_probability)


def test_the_exact_interval_equals_the_published_one():
    # Garwood 1936: 10 observed, 95%: 4.795 to 18.39
    low, high = exact_ratio_interval(np.array([10.0, 0.0]), np.array([1.0, 1.0]))

    assert low == pytest.approx([4.795, 0], abs=1e-3)
    assert high == pytest.approx([18.39, 3.689], abs=1e-2)


def test_equal_reps_are_shrunk_to_the_company_and_different_reps_less():
    generator = np.random.default_rng(0)
    expected = generator.uniform(5, 60, 40)
    alike = generator.poisson(expected).astype(float)
    differing = generator.poisson(expected * generator.gamma(4, 1 / 4, 40)).astype(float)

    assert gamma_shape(alike, expected) > 50
    assert gamma_shape(differing, expected) == pytest.approx(4, rel=0.6)
    assert overdispersion(alike, expected).p_value > 0.05
    assert overdispersion(differing, expected).p_value == 1 / (DRAWS + 1)  # no draw was as extreme
    ratio = shrunken_ratio(np.array([0.0, 30.0]), np.array([1.0, 10.0]), 4.0)
    assert ratio == pytest.approx([0.8, 34 / 14])


def test_a_rep_named_the_company_and_a_missing_probability_are_refused(simulation):
    deals = simulation.deals.assign(rep=simulation.deals["rep"].replace("Rep 02", "the company"))
    with pytest.raises(DealsError, match="a rep is named 'the company'.*rename it"):
        compute_rep_performance(deals, simulation.spec, simulation.true_probability)
    holed = simulation.true_probability.mask(simulation.deals.index == 7)
    with pytest.raises(DealsError, match="1 deal.*in row 7.*expected_probabilities"):
        compute_rep_performance(simulation.deals, simulation.spec, holed)


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 10, 40])
def test_equal_reps_are_rarely_reported_as_overdispersed(size):
    generator = np.random.default_rng(size)
    expected = generator.uniform(0.5, 1.5, 15) * size
    suspected = [
        overdispersion(generator.poisson(expected).astype(float), expected).is_suspicious
        for _ in range(300)
    ]
    assert np.mean(suspected) < 0.085  # 5% and three standard errors


def test_a_named_rep_is_outside_the_limits_of_the_funnel(large_board):
    _, board = large_board
    named = board.reps[board.reps["verdict"].isin(["more", "fewer"])]
    assert board.dispersion.is_suspicious
    assert len(named) > 1
    low, high = board.dispersion.limits(named["expected"].to_numpy())
    assert ((named["ratio"] < low) | (named["ratio"] > high)).all()


def test_only_an_active_rep_is_listed_for_this_week(large_board):
    sim, blind = _far_apart()
    worst = large_board[1].reps.query("talk_about").index[0]
    gone = (sim.deals["rep"] == worst) & (sim.deals["closed_on"] > "2025-11-30")
    board = compute_rep_performance(sim.deals[~gone], sim.spec, blind[~gone])

    assert board.table.loc[worst, "verdict"] == "more"
    assert board.table.loc[worst, "recent_signed"] == 0
    assert not board.table.loc[worst, "talk_about"]


def test_the_last_two_quarters_of_reps_add_up_to_the_company(board):
    for column in ("recent_observed", "recent_expected", "recent_signed"):
        assert board.reps[column].sum() == pytest.approx(board.company[column])
    assert 0 < board.company["recent_observed"] < board.company["observed"]
    assert board.company["recent_observed"] == pytest.approx(board.company["recent_expected"])


def test_a_column_without_names_gives_only_missing_names():
    for column in (pd.Series([np.nan, np.nan], name="rep"), pd.Series([None, "  "], index=[7, 3])):
        names = people_of(column)

        assert names.isna().all()
        assert names.index.equals(column.index)
        assert names.name == column.name


def test_names_that_differ_in_case_or_spaces_are_one_person():
    names = people_of(pd.Series(["R01", "r01 ", "R01", " ", None, "R 02", "R  02", "r 02"]))
    assert names.tolist()[:3] == ["R01"] * 3
    assert names.isna().tolist() == [False] * 3 + [True, True] + [False] * 3
    assert names.nunique() == 2


def test_rep_numbers_stay_integers_if_some_are_missing():
    names = names_of(pd.Series([7.0, np.nan, 12.0]))
    assert names.tolist()[0] == "7"
    assert names.isna().tolist() == [False, True, False]
    assert names_of(pd.Series([7.5, 1.0])).tolist() == ["7.5", "1.0"]
    assert names_of(pd.Series(["Kim", None])).isna().tolist() == [False, True]


def test_rows_that_share_an_index_are_refused():
    sim = simulate_deals(300, seed=4)
    twice = pd.concat([sim.deals, sim.deals.head(2)])
    with pytest.raises(DealsError, match="4 rows share their index"):
        compute_rep_performance(twice, sim.spec, sim.true_probability)
