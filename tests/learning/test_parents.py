"""Prior knowledge from another model or an expert, and pooling over companies."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.history import view_of
from fitmodel.exceptions import BundleError
from fitmodel.learning.columns import CategoryColumn, NumberColumn
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import learn
from fitmodel.learning.parents import (
    EXPECTED,
    Levels,
    Parent,
    Steps,
    _random_effects,
    _shrunk_to_0,
    expected_tables,
    parent_from_dict,
    pool,
)

LAW = {"n_attributes": 12, "company": 23, "base_rate": 0.25, "rep_effects": False}
QUICK = {"components": ("logistic",), "replicates": 4, "penalties": (3.0, 10.0, 30.0)}


@pytest.fixture(scope="module")
def scorecard():
    sim = simulate_deals(900, seed=500, **LAW)
    return learn(sim.deals, sim.spec.replace(learning=QUICK)).scorecard


def with_parent(spec, parent):
    return spec.model_copy(update={"learning": spec.learning.with_parent(parent)})


def with_reversed_signs(scorecard, positions):
    """The scorecard with the signs of some attributes' tables reversed."""
    tables = scorecard.tables.copy()
    for position in positions:
        start = scorecard.offsets[position]
        tables[start : start + scorecard.columns[position].size + 2] *= -1
    return Parent.of_scorecard(replace(scorecard, tables=tables))


def test_parent_tables_match_levels_and_numbers_and_are_0_elsewhere() -> None:
    parent = Parent(
        {
            "source": Levels({"partner": 0.5, "event": -0.2}, {"partner": 0.1, "event": 0.1}),
            "seats": Steps((10.0, 20.0), (0.3, 0.0, -0.4), (0.1, 0.1, 0.1)),
        }
    )
    columns = (
        CategoryColumn("source", {"event": 1, "cold call": 2}),
        NumberColumn("seats", (15.0,), 1.0, 90.0, False, (4.0, 40.0)),  # noqa: FBT003 - no date
        NumberColumn("users", (15.0,), 1.0, 90.0, False, (4.0, 40.0)),  # noqa: FBT003 - no date
    )
    source, seats, users = parent.tables(columns)
    assert source.tolist() == [0.0, -0.2, 0.0, 0.0]
    assert seats.tolist() == [0.0, 0.3, -0.4, 0.0]
    assert not users.any()


def test_a_parent_read_from_a_scorecard_has_the_scorecards_contributions(scorecard) -> None:
    tables = Parent.of_scorecard(scorecard).tables(scorecard.columns)
    for position, (column, start) in enumerate(
        zip(scorecard.columns, scorecard.offsets, strict=False)
    ):
        own = scorecard.tables[start + 1 : start + column.size + 1, 0]
        assert tables[position][1 : column.size + 1] == pytest.approx(own, abs=1e-9)


@pytest.mark.slow
def test_the_weight_of_a_parent_is_estimated_and_a_wrong_parent_does_little_harm(scorecard) -> None:
    """Parents with equal effects, with half of the signs reversed, and with all signs reversed."""
    new = simulate_deals(1_000, seed=99, **LAW)
    positions = range(len(scorecard.columns))
    parents = {
        "none": None,
        "alike": with_reversed_signs(scorecard, ()),
        "half": with_reversed_signs(scorecard, positions[::2]),
        "opposite": with_reversed_signs(scorecard, positions),
    }
    gained, weight = {}, {}
    for name, parent in parents.items():
        losses, weights = [], []
        for seed in range(6):
            past = simulate_deals(90, seed=seed, **LAW)
            learned = learn(past.deals, with_parent(past.spec, parent), min_churners=8)
            frame = view_of(new.deals, new.spec).attributes(learned.training_set.dates).frame
            truth = new.true_probability.loc[frame.index].to_numpy()
            priors = learned.scorecard.probability(encode(learned.scorecard.columns, frame))
            losses.append(-np.mean(truth * np.log(priors) + (1 - truth) * np.log(1 - priors)))
            weights.append(learned.choice.settings.prior_weight)
        gained[name], weight[name] = np.array(losses), weights
    assert np.mean(weight["alike"]) > 0.7
    assert np.mean(weight["opposite"]) < 0.0
    assert weight["none"] == [None] * 6
    assert (gained["alike"] < gained["none"]).mean() >= 5 / 6
    for name in ("half", "opposite"):  # the correct half is used
        assert (gained[name] - gained["none"]).mean() < 0.0
    assert learned.chosen["prior_weight"] == weight["opposite"][-1]


@pytest.mark.slow
def test_with_many_deals_the_prior_component_is_one_more_candidate(scorecard) -> None:
    past = simulate_deals(300, seed=3, **LAW)
    learned = learn(
        past.deals,
        with_parent(past.spec.replace(learning=QUICK), with_reversed_signs(scorecard, ())),
    )
    assert learned.regime == "full"
    assert "posterior" in set(learned.choice.table["component"])


def test_a_level_called_riskier_by_an_expert_gets_a_higher_contribution() -> None:
    past = simulate_deals(90, seed=4, **LAW)
    risky = past.spec.replace(learning={"expect": {"partner": "riskier"}})
    effects = []
    for spec in (past.spec, risky):
        scorecard = learn(past.deals, spec, min_churners=8).scorecard
        column = scorecard.columns[scorecard.attributes.index("lead_source")]
        rows = scorecard.table("lead_source")
        effects.append(rows[column.levels["partner"]]["log_odds"])
    assert effects[0] < effects[1] < effects[0] + 3 * EXPECTED


def test_an_expectation_applies_only_to_levels_with_their_own_code() -> None:
    column = CategoryColumn("source", {"a": 1, "b": 2, "c": 2})
    (table,) = expected_tables((column,), {"a": "safer", "b": "riskier", "z": "riskier"})
    assert table.tolist() == [0.0, -EXPECTED, 0.0, 0.0]


def levels(value: float, variance: float = 0.04) -> Parent:
    return Parent({"source": Levels({"a": value, "b": -value}, {"a": variance, "b": variance})})


def test_pooled_levels_are_between_the_companies_and_shrunk_towards_0() -> None:
    pooled = pool([levels(0.4), levels(0.6), levels(0.8)]).attributes["source"]
    assert 0.3 < pooled.log_odds["a"] < 0.6
    assert pooled.log_odds["b"] == pytest.approx(-pooled.log_odds["a"])


def test_an_imprecise_company_has_little_weight_and_disagreement_adds_variance() -> None:
    sure, unsure = levels(0.5, 0.01), levels(-1.0, 4.0)
    assert pool([sure, unsure]).attributes["source"].log_odds["a"] > 0.35
    agree = pool([levels(0.5), levels(0.5)]).attributes["source"].variance["a"]
    differ = pool([levels(1.0), levels(-1.0)]).attributes["source"].variance["a"]
    assert differ > 5 * agree


def test_pooled_numbers_have_all_cuts_and_levels_of_one_company_are_kept() -> None:
    one = Parent(
        {"seats": Steps((10.0,), (0.5, -0.5), (0.01, 0.01)), "only": levels(1).attributes["source"]}
    )
    other = Parent({"seats": Steps((20.0,), (0.5, -0.5), (0.01, 0.01))})
    pooled = pool([one, other])
    assert pooled.attributes["seats"].cuts == (10.0, 20.0)
    low, middle, high = pooled.attributes["seats"].log_odds
    assert low > middle > high
    assert set(pooled.attributes) == {"seats", "only"}


def test_a_parent_is_rebuilt_from_its_file() -> None:
    parent = Parent(levels(0.5).attributes | {"n": Steps((1.0,), (0.1, 0.2), (0.3, 0.4))})
    assert parent_from_dict(parent.to_dict()) == parent


@pytest.mark.parametrize(
    "data",
    [
        {"format": 2, "attributes": {}},
        {"attributes": {}},
        [],
        {
            "format": 1,
            "attributes": {"n": {"cuts": [2, 1], "log_odds": [0, 0, 0], "variance": [1, 1, 1]}},
        },
        {"format": 1, "attributes": {"n": {"cuts": [1], "log_odds": [0], "variance": [0, 0]}}},
        {"format": 1, "attributes": {"s": {"levels": {"a": [float("nan"), 1.0]}}}},
        {"format": 1, "attributes": {"s": {"levels": {"a": "x"}}}},
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused(data) -> None:
    with pytest.raises(BundleError):
        parent_from_dict(data)


def test_a_scorecard_without_replicates_gives_variance_0(scorecard) -> None:
    for chosen in (1, 2):  # one replicate has no standard deviation
        parent = Parent.of_scorecard(replace(scorecard, tables=scorecard.tables[:, :chosen]))
        for of in parent.attributes.values():
            known = of.variance.values() if isinstance(of, Levels) else of.variance
            assert set(known) == {0.0}


def test_the_mean_over_companies_is_the_dersimonian_laird_estimate() -> None:
    """Computed by hand: between variance by moments, then weights 1 / (within + between)."""
    values, within = np.array([0.2, 0.8, 0.5]), np.array([0.01, 0.04, 0.02])
    weight = 1 / within
    mean = (weight * values).sum() / weight.sum()
    between = ((weight * (values - mean) ** 2).sum() - 2) / (
        weight.sum() - (weight**2).sum() / weight.sum()
    )
    assert between > 0
    weight = 1 / (within + between)

    result, variance = _random_effects(values, within)
    assert result == pytest.approx((weight * values).sum() / weight.sum())
    assert variance == pytest.approx(1 / weight.sum() + between)


def test_companies_that_agree_have_no_between_variance_and_one_company_keeps_its_own() -> None:
    mean, variance = _random_effects(np.array([0.5, 0.5]), np.array([0.02, 0.02]))
    assert (mean, variance) == (pytest.approx(0.5), pytest.approx(0.01))
    assert _random_effects(np.array([0.3]), np.array([0.04])) == (
        pytest.approx(0.3),
        pytest.approx(0.04),
    )


def test_means_are_shrunk_to_0_by_the_share_of_sampling_variance() -> None:
    means, variances = np.array([1.0, -1.0]), np.array([0.25, 0.25])
    assert _shrunk_to_0(means, variances) == pytest.approx(means * 0.75)
    noise = np.array([0.1, -0.1])  # not larger than their variance: the minimum signal is a tenth
    assert _shrunk_to_0(noise, np.array([0.09, 0.09])) == pytest.approx(noise * 0.001 / 0.091)
    assert _shrunk_to_0(np.zeros(2), np.ones(2)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("first", [10.0, -10.0, 0.0])
def test_a_column_without_centres_is_read_at_one_number_inside_each_bin(first: float) -> None:
    parent = Parent({"seats": Steps((first, 50.0), (0.3, 0.0, -0.4), (0.1, 0.1, 0.1))})
    column = NumberColumn("seats", (first, 50.0), -99.0, 90.0)
    (table,) = parent.tables((column,))
    assert table.tolist() == [0.0, 0.3, 0.0, -0.4, 0.0]


def test_levels_that_share_a_code_get_the_mean_of_the_parents_known_levels() -> None:
    parent = Parent({"source": Levels({"a": 0.6, "b": 0.2}, {"a": 0.1, "b": 0.1})})
    column = CategoryColumn("source", {"x": 1, "a": 2, "b": 2, "z": 2})
    (table,) = parent.tables((column,))
    assert table == pytest.approx([0.0, 0.0, 0.4, 0.0])
    (other,) = parent.tables((NumberColumn("source", (1.0,), 0.0, 2.0),))
    assert not other.any(), "a category does not match a number"


def test_the_variance_of_a_parent_matches_the_interval_of_its_scorecard() -> None:
    """The square of the standard deviation over replicates times the interval's factor."""
    tables = np.array([[0.0, 0, 0], [0.5, 0.1, 0.3], [-0.5, 0.2, 0.2], [0.0, 0, 0]])
    card = SimpleNamespace(
        columns=(CategoryColumn("plan", {"a": 1, "b": 2}),), offsets=(0,), tables=tables, spread=2.0
    )
    result = Parent.of_scorecard(card).attributes["plan"]
    assert result.log_odds == {"a": 0.5, "b": -0.5}
    assert result.variance == pytest.approx({"a": (2.0 * np.sqrt(0.02)) ** 2, "b": 0.0})


def test_the_first_company_decides_the_kind_of_a_pooled_attribute() -> None:
    number = Parent({"source": Steps((1.0,), (0.5, -0.5), (0.01, 0.01))})
    result = pool([levels(0.5), number, levels(0.7)]).attributes["source"]
    assert isinstance(result, Levels)
    assert 0.4 < result.log_odds["a"] < 0.65
    assert isinstance(pool([number, levels(0.5)]).attributes["source"], Steps)
