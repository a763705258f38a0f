"""The error of a rep's expected number, where equal reps sell segments of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel import DealSpec
from fitmodel.deals.enough import FULL_CHURNERS, MIN_CHURNERS
from fitmodel.deals.history import view_of
from fitmodel.sales import _over_reps
from fitmodel.sales._expected import compute_expected
from fitmodel.sales._rep_figures import UNKNOWN_ERROR, expected_errors
from fitmodel.sales._rep_tests import DRAWS, exact_tails, name_reps, widened
from fitmodel.sales.rates import ratio_to_others
from fitmodel.sales.rep_performance import compute_rep_performance

END = np.datetime64("2026-06-30")
DAYS_PER_MONTH = 30.4375
SPEC = DealSpec(
    deals={"id": "deal", "closed_on": "closed_on", "churned_on": "churned_on", "rep": "rep",
           "observed_until": str(END)},
    label={"horizon_months": 5},
    attributes={"include": ["segment", "seats"]},
    learning={"components": ("logistic",), "penalties": (1.0, 3.0, 10.0), "folds": 3},
)  # fmt: skip
LOG_HAZARD = np.array([-0.6, -0.2, 0.1, 0.5, 0.9, 1.2])


def company(seed, *, times=1.0, deals=1200):
    """Rep n sells 80% of segment n; customers leave by a proportional hazard, R02's `times` it."""
    random = np.random.default_rng(seed)
    segment = random.choice(6, deals, p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.1])
    rep = np.where(random.random(deals) < 0.8, segment, random.integers(0, 8, deals))
    seats = np.exp(random.normal(3, 1, deals)).round() + 1
    hazard = np.exp(-1.8 + LOG_HAZARD[segment] - 0.3 * (np.log(seats) - 3)) / 5
    stayed = random.exponential(1 / (hazard * np.where(rep == 2, times, 1.0)))
    closed = END - random.integers(1, 1095, deals).astype("timedelta64[D]")
    left = closed + np.ceil(stayed * DAYS_PER_MONTH).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "deal": np.arange(deals),
            "rep": [f"R{number:02d}" for number in rep],
            "segment": np.array(list("abcdef"))[segment],
            "seats": seats,
            "closed_on": closed.astype("datetime64[us]"),
            "churned_on": pd.Series(left.astype("datetime64[us]")).where(left <= END),
        }
    )


def boards_of(deals):
    """Rep performance with the error of the expected numbers, and without it."""
    view = view_of(deals, SPEC)
    expected = compute_expected(view, SPEC)
    p, over = expected.probability, expected.over["rep"]
    return (
        compute_rep_performance(view, SPEC, p, over_reps=over, draws=expected.draws["rep"]).reps,
        compute_rep_performance(view, SPEC, p, over_reps=over).reps,
    )


@pytest.fixture(scope="module")
def equal_reps():
    both = [boards_of(company(seed)) for seed in range(6)]
    return tuple(pd.concat(each) for each in zip(*both, strict=True))


@pytest.mark.slow
def test_equal_reps_of_own_segments_are_hardly_marked(equal_reps):
    with_error, without = ((each["beyond_chance"] != "").sum() for each in equal_reps)

    assert without >= 5  # of 48: the others' few deals of a segment show too little
    assert with_error <= 1


@pytest.mark.slow
def test_intervals_of_equal_reps_hold_1(equal_reps):
    for low, high in (("ratio_low", "ratio_high"), ("others_low", "others_high")):
        with_error, without = (each[low].le(1) & each[high].ge(1) for each in equal_reps)

        assert without.mean() < 0.82
        assert with_error.mean() > 0.9


@pytest.mark.slow
def test_with_more_deals_a_rep_with_twice_the_churn_is_marked_and_nobody_else():
    boards = [boards_of(company(seed, times=2.0, deals=3000))[0] for seed in range(3)]
    marks = [each["beyond_chance"] for each in boards]

    assert sum(each["R02"] == "more" for each in marks) >= 2
    assert sum((each.drop("R02") != "").sum() for each in marks) <= 1


def test_without_draws_nothing_is_known_of_the_error():
    assert (expected_errors(None, ["A", "B"]) == 0).all()


def test_the_error_is_that_of_the_share_in_log_odds():
    odds = np.exp(np.linspace(-1, 1, DRAWS))
    draws = pd.DataFrame([odds, np.ones(DRAWS)], index=["A", "B"])
    errors = expected_errors(draws.iloc[::-1], ["A", "B"])  # any order

    assert errors.to_numpy() == pytest.approx(np.full(2, np.log(odds).std(ddof=1)))


def test_without_draws_of_a_rep_the_error_is_large_and_the_others_have_theirs():
    draws = pd.DataFrame([np.exp(np.linspace(-1, 1, DRAWS)), np.ones(DRAWS)], index=["A", "B"])
    errors = expected_errors(draws, ["A", "B", "C"])

    assert errors["C"] == UNKNOWN_ERROR
    assert errors[["A", "B"]].tolist() == expected_errors(draws, ["A", "B"]).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.75, 0.97])
def test_a_rep_with_most_early_churners_is_not_tested_as_if_the_expected_number_were_known(share):
    """The other reps have 15 to 49 early churners, or fewer: too few for a full model."""
    deals = company(3, deals=500)
    early = (deals["churned_on"] - deals["closed_on"]).dt.days < 5 * DAYS_PER_MONTH
    random = np.random.default_rng(3)
    mine = np.where(early, random.random(500) < share, random.random(500) < 0.5)
    deals["rep"] = np.where(mine, "R00", deals["rep"].replace("R00", "R01"))
    others = int((early & ~mine).sum())
    expected = compute_expected(deals, SPEC)
    with_error, without = boards_of(deals)

    assert (others < MIN_CHURNERS) == (share > 0.9)
    assert others < FULL_CHURNERS
    assert expected.draws["rep"].loc["R00"].isna().all() == (others < MIN_CHURNERS)
    assert with_error.loc["R00", "expected_error"] > 0.05
    assert with_error.loc["R00", "others_low"] < without.loc["R00", "others_low"]
    seen = expected.over["rep"] != expected.probability
    assert seen[mine].all() == (others >= MIN_CHURNERS)  # by a model without the rep


@pytest.mark.slow
def test_numbers_by_replicate_are_the_same_in_parts(monkeypatch):
    deals = company(4, deals=700)
    whole = compute_expected(deals, SPEC).draws["rep"]
    monkeypatch.setattr(_over_reps, "PART", 150)
    parts = compute_expected(deals, SPEC).draws["rep"]

    pd.testing.assert_frame_equal(parts, whole)


def test_an_error_never_makes_a_rep_more_suspicious():
    observed, expected = np.array([30.0, 12.0, 9.0]), np.array([15.0, 18.0, 18.0])
    errors = [np.full(3, size) for size in (0.0, 0.1, 0.3, 0.6)]
    more = [exact_tails(observed, expected, each)[0][0] for each in errors]

    assert more[0] == exact_tails(observed, expected)[0][0]
    assert (np.diff(more) > 0).all()
    assert name_reps(observed, expected, errors=errors[-1]).p_more[0] >= more[-1]


def test_the_test_with_an_error_rejects_as_often_as_it_says():
    random = np.random.default_rng(5)
    true_share = np.array([0.25, 0.75])
    tails = []
    for _ in range(2000):
        scale = 0.4 * np.sqrt(random.chisquare(DRAWS - 1) / (DRAWS - 1))  # as estimated
        expected = true_share * np.exp([random.normal(0, 0.4), 0.0])
        observed = random.multinomial(80, true_share).astype(float)
        tails.append(exact_tails(observed, expected, np.array([scale, 0.0]))[0][0])

    assert np.mean(np.array(tails) < 0.05) == pytest.approx(0.05, abs=0.015)


def test_the_width_of_an_interval_is_that_of_both_errors():
    observed, expected = np.array([20.0, 0.0, 60.0]), np.array([16.0, 4.0, 60.0])
    ratio, low, high = ratio_to_others(observed, expected)
    same = widened(ratio, low, high, np.zeros(3))
    wider = widened(ratio, low, high, np.full(3, 0.2))

    assert all((a == b).all() for a, b in zip(same, (low, high), strict=True))
    assert (wider[0] <= low).all()
    assert (wider[1] > high).all()
    half, of_count = np.log(wider[1][0] / ratio[0]), np.log(high[0] / ratio[0])
    assert half**2 == pytest.approx(of_count**2 + (0.2 * 2.030) ** 2, rel=1e-3)


def test_the_interval_of_the_only_rep_with_early_churn_has_a_lower_limit():
    """The ratio to the other reps is infinite, and has no upper limit."""
    ratio, low, high = ratio_to_others(np.array([5.0, 0.0]), np.array([3.0, 2.0]))
    wider = widened(ratio, low, high, np.full(2, 0.2))

    assert 0 < wider[0][0] < low[0]
    assert np.isinf(wider[1][0])
    assert wider[0][1] == 0
    assert wider[1][1] > high[1]
