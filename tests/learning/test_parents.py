"""Contributions of another model draw those of few deals, as far as the deals agree."""

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
    _drawn_to_0,
    _random_effects,
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


def turned(scorecard, places):
    """The scorecard with the sign of some attributes' tables turned."""
    tables = scorecard.tables.copy()
    for place in places:
        start = scorecard.offsets[place]
        tables[start : start + scorecard.columns[place].size + 2] *= -1
    return Parent.of_scorecard(replace(scorecard, tables=tables))


def test_tables_match_by_level_and_by_number_and_are_0_elsewhere() -> None:
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


def test_a_scorecard_read_as_parent_gives_its_own_contributions_back(scorecard) -> None:
    tables = Parent.of_scorecard(scorecard).tables(scorecard.columns)
    for place, (column, start) in enumerate(
        zip(scorecard.columns, scorecard.offsets, strict=False)
    ):
        own = scorecard.tables[start + 1 : start + column.size + 1, 0]
        assert tables[place][1 : column.size + 1] == pytest.approx(own, abs=1e-9)


@pytest.mark.slow
def test_the_weight_is_learned_and_a_parent_never_does_harm(scorecard) -> None:
    """Alike, half of the attributes turned, all turned."""
    new = simulate_deals(1_000, seed=99, **LAW)
    places = range(len(scorecard.columns))
    parents = {
        "none": None,
        "alike": turned(scorecard, ()),
        "half": turned(scorecard, places[::2]),
        "opposite": turned(scorecard, places),
    }
    gained, weight = {}, {}
    for name, parent in parents.items():
        losses, weights = [], []
        for seed in range(6):
            past = simulate_deals(90, seed=seed, **LAW)
            learned = learn(past.deals, with_parent(past.spec, parent), least=8)
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
    for name in ("half", "opposite"):  # half of it is right: that half is followed
        assert (gained[name] - gained["none"]).mean() < 0.0
    assert learned.chosen["prior_weight"] == weight["opposite"][-1]


@pytest.mark.slow
def test_with_many_deals_the_prior_is_one_more_candidate(scorecard) -> None:
    past = simulate_deals(300, seed=3, **LAW)
    learned = learn(
        past.deals, with_parent(past.spec.replace(learning=QUICK), turned(scorecard, ()))
    )
    assert learned.regime == "full"
    assert "posterior" in set(learned.choice.table["component"])


def test_a_level_that_an_expert_calls_riskier_is_riskier_than_without() -> None:
    past = simulate_deals(90, seed=4, **LAW)
    risky = past.spec.replace(learning={"expect": {"partner": "riskier"}})
    effects = []
    for spec in (past.spec, risky):
        scorecard = learn(past.deals, spec, least=8).scorecard
        column = scorecard.columns[scorecard.attributes.index("lead_source")]
        rows = scorecard.table("lead_source")
        effects.append(rows[column.levels["partner"]]["log_odds"])
    assert effects[0] < effects[1] < effects[0] + 3 * EXPECTED


def test_what_is_expected_stands_at_levels_of_their_own_only() -> None:
    column = CategoryColumn("source", {"a": 1, "b": 2, "c": 2})
    (table,) = expected_tables((column,), {"a": "safer", "b": "riskier", "z": "riskier"})
    assert table.tolist() == [0.0, -EXPECTED, 0.0, 0.0]


def levels(value: float, variance: float = 0.04) -> Parent:
    return Parent({"source": Levels({"a": value, "b": -value}, {"a": variance, "b": variance})})


def test_pooled_levels_lie_between_the_companies_and_nearer_to_0() -> None:
    pooled = pool([levels(0.4), levels(0.6), levels(0.8)]).attributes["source"]
    assert 0.3 < pooled.log_odds["a"] < 0.6
    assert pooled.log_odds["b"] == pytest.approx(-pooled.log_odds["a"])


def test_a_company_that_knows_little_weighs_little_and_disagreement_is_variance() -> None:
    sure, unsure = levels(0.5, 0.01), levels(-1.0, 4.0)
    assert pool([sure, unsure]).attributes["source"].log_odds["a"] > 0.35
    agree = pool([levels(0.5), levels(0.5)]).attributes["source"].variance["a"]
    differ = pool([levels(1.0), levels(-1.0)]).attributes["source"].variance["a"]
    assert differ > 5 * agree


def test_pooled_numbers_keep_every_cut_and_levels_of_one_company_stay() -> None:
    one = Parent(
        {"seats": Steps((10.0,), (0.5, -0.5), (0.01, 0.01)), "only": levels(1).attributes["source"]}
    )
    other = Parent({"seats": Steps((20.0,), (0.5, -0.5), (0.01, 0.01))})
    pooled = pool([one, other])
    assert pooled.attributes["seats"].cuts == (10.0, 20.0)
    low, middle, high = pooled.attributes["seats"].log_odds
    assert low > middle > high
    assert set(pooled.attributes) == {"seats", "only"}


def test_its_file_gives_the_same_parent_back() -> None:
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


def test_a_scorecard_without_replicates_says_nothing_of_its_variance(scorecard) -> None:
    for kept in (1, 2):  # of a single replicate no spread is known
        parent = Parent.of_scorecard(replace(scorecard, tables=scorecard.tables[:, :kept]))
        for of in parent.attributes.values():
            known = of.variance.values() if isinstance(of, Levels) else of.variance
            assert set(known) == {0.0}


def test_the_mean_over_companies_is_that_of_dersimonian_and_laird() -> None:
    """By hand: the variance between companies by moments, then weights 1 / (within + between)."""
    values, within = np.array([0.2, 0.8, 0.5]), np.array([0.01, 0.04, 0.02])
    weight = 1 / within
    mean = (weight * values).sum() / weight.sum()
    between = ((weight * (values - mean) ** 2).sum() - 2) / (
        weight.sum() - (weight**2).sum() / weight.sum()
    )
    assert between > 0
    weight = 1 / (within + between)

    found, variance = _random_effects(values, within)
    assert found == pytest.approx((weight * values).sum() / weight.sum())
    assert variance == pytest.approx(1 / weight.sum() + between)


def test_companies_that_agree_have_no_variance_between_them_and_one_has_its_own() -> None:
    mean, variance = _random_effects(np.array([0.5, 0.5]), np.array([0.02, 0.02]))
    assert (mean, variance) == (pytest.approx(0.5), pytest.approx(0.01))
    assert _random_effects(np.array([0.3]), np.array([0.04])) == (
        pytest.approx(0.3),
        pytest.approx(0.04),
    )


def test_means_are_drawn_to_0_by_the_share_of_their_variance_that_is_noise() -> None:
    means, variances = np.array([1.0, -1.0]), np.array([0.25, 0.25])
    assert _drawn_to_0(means, variances) == pytest.approx(means * 0.75)
    noise = np.array([0.1, -0.1])  # no more than their variance: a tenth of it is taken as signal
    assert _drawn_to_0(noise, np.array([0.09, 0.09])) == pytest.approx(noise * 0.001 / 0.091)
    assert _drawn_to_0(np.zeros(2), np.ones(2)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("first", [10.0, -10.0, 0.0])
def test_a_column_without_centres_takes_a_number_inside_each_bin(first: float) -> None:
    parent = Parent({"seats": Steps((first, 50.0), (0.3, 0.0, -0.4), (0.1, 0.1, 0.1))})
    column = NumberColumn("seats", (first, 50.0), -99.0, 90.0)
    (table,) = parent.tables((column,))
    assert table.tolist() == [0.0, 0.3, 0.0, -0.4, 0.0]


def test_levels_that_share_a_code_take_the_mean_of_those_that_the_parent_knows() -> None:
    parent = Parent({"source": Levels({"a": 0.6, "b": 0.2}, {"a": 0.1, "b": 0.1})})
    column = CategoryColumn("source", {"x": 1, "a": 2, "b": 2, "z": 2})
    (table,) = parent.tables((column,))
    assert table == pytest.approx([0.0, 0.0, 0.4, 0.0])
    (other,) = parent.tables((NumberColumn("source", (1.0,), 0.0, 2.0),))
    assert not other.any(), "a category says nothing of a number"


def test_the_variance_of_a_parent_is_that_of_its_interval() -> None:
    """Deviation over replicates times the factor that makes the interval, squared."""
    tables = np.array([[0.0, 0, 0], [0.5, 0.1, 0.3], [-0.5, 0.2, 0.2], [0.0, 0, 0]])
    card = SimpleNamespace(
        columns=(CategoryColumn("plan", {"a": 1, "b": 2}),), offsets=(0,), tables=tables, spread=2.0
    )
    found = Parent.of_scorecard(card).attributes["plan"]
    assert found.log_odds == {"a": 0.5, "b": -0.5}
    assert found.variance == pytest.approx({"a": (2.0 * np.sqrt(0.02)) ** 2, "b": 0.0})


def test_an_attribute_that_is_a_number_in_one_company_and_a_category_in_another_is_the_firsts() -> (
    None
):
    number = Parent({"source": Steps((1.0,), (0.5, -0.5), (0.01, 0.01))})
    found = pool([levels(0.5), number, levels(0.7)]).attributes["source"]
    assert isinstance(found, Levels)
    assert 0.4 < found.log_odds["a"] < 0.65
    assert isinstance(pool([number, levels(0.5)]).attributes["source"], Steps)
