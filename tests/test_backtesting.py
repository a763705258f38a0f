"""The backtest: it uses no later data, shows decay, and reports no skill without signal."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import fitmodel
from fitmodel import backtesting
from fitmodel.exceptions import DealsError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def simulation(simulate_quickly):
    return simulate_quickly(1500, seed=4)


@pytest.fixture(scope="module")
def replayed(simulation):
    """A backtest, and the days and outcomes on which its policy was chosen."""
    seen = []

    def remember(view, *given):
        seen.append((view.day, view.closed.max(), view.left_on[view.left].max()))
        return decide(view, *given)

    decide = backtesting.decide
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backtesting, "decide", remember)
        return fitmodel.backtest(simulation.deals, simulation.spec, n_cuts=2), seen


@pytest.fixture(scope="module")
def report(replayed):
    return replayed[0]


def test_every_deal_is_scored_by_a_model_trained_before_its_signing(report):
    cuts = report.cuts

    assert list(cuts["cut"]) == [1, 2]
    assert (cuts["until"] >= cuts["date"]).all()
    assert cuts["n_test"].sum() == len(report.predictions)
    assert report.predictions["probability"].between(0, 1).all()


def test_a_signal_is_detected_and_expressed_in_money(report):
    assert report.has_skill
    assert report.metrics["log_loss_skill"].low > 0
    assert len(report.money) == len(report.cuts) + 1
    assert "flags" in str(report)


def test_without_a_stated_lifetime_money_uses_each_customers_own_curve(simulation, report):
    open_ended = simulation.spec.replace(decision={"expected_lifetime_months": None})
    money = fitmodel.backtest(simulation.deals, open_ended, n_cuts=1).money
    assert np.isfinite(money[["net", "net_one_lifetime"]]).all(axis=None)
    assert (money["net"] != money["net_one_lifetime"]).all()
    assert simulation.spec.decision.expected_lifetime_months is not None
    assert "net_one_lifetime" not in report.money


def test_the_order_of_the_rows_does_not_matter(simulation, report):
    shuffled = simulation.deals.sample(frac=1, random_state=1)
    again = fitmodel.backtest(shuffled, simulation.spec, n_cuts=2)

    pd.testing.assert_frame_equal(
        again.cuts[["date", "n_train", "n_test", "early_churners"]],
        report.cuts[["date", "n_train", "n_test", "early_churners"]],
    )


def test_the_policy_is_chosen_on_data_known_at_the_first_cut(replayed):
    report, seen = replayed
    first = np.datetime64(report.cuts["date"].iloc[0], "D")
    assert len(seen) == 1
    assert all(moment <= first for moment in seen[0])


def test_shuffled_outcomes_show_no_skill(simulation):
    deals = simulation.deals.copy()
    names = list(simulation.spec.attribute_names(deals.columns))
    order = np.random.default_rng(0).permutation(len(deals))
    deals[names] = deals[names].iloc[order].to_numpy()
    report = fitmodel.backtest(deals, simulation.spec, n_cuts=2)

    assert not report.has_skill
    assert "no evidence of skill" in report.verdict


def test_drifting_deals_show_that_an_older_model_is_worse(simulate_quickly):
    drifting = simulate_quickly(6000, seed=3, drift=3.0, signal=2.0)
    report = fitmodel.backtest(drifting.deals, drifting.spec, n_cuts=3)

    assert report.decay is not None
    assert report.decay.low > 0
    assert "an older model is worse" in str(report)


def test_deals_without_dates_are_refused(simulation):
    deals = simulation.deals.assign(
        tenure=np.arange(len(simulation.deals)) % 30 + 1,
        gone=np.arange(len(simulation.deals)) % 3 == 0,
    )
    names = list(simulation.spec.attribute_names(simulation.deals.columns))
    spec = fitmodel.DealSpec(
        deals={"tenure_months": "tenure", "churned": "gone"}, attributes={"include": names}
    )

    with pytest.raises(DealsError, match="closed_on"):
        fitmodel.backtest(deals, spec)
