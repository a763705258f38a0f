"""Exploration: who proceeds is random, repeatable, and has a known probability."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.exceptions import DealsError, FitModelError
from fitmodel.model.assessment import Assessment
from fitmodel.monitoring.log import DecisionLog, choose_exploration
from fitmodel.monitoring.matching import with_propensity

IDS = [f"deal-{number}" for number in range(20_000)]
FLAGGED = np.arange(20_000) % 4 == 0


def test_unflagged_prospects_and_a_share_of_the_flagged_proceed() -> None:
    result = choose_exploration(IDS, FLAGGED, share=0.1, salt="s")
    assert result.proceed[~FLAGGED].all()
    assert abs(result.proceed[FLAGGED].mean() - 0.1) < 0.015
    assert set(result.propensity[FLAGGED]) == {0.1}
    assert set(result.propensity[~FLAGGED]) == {1.0}


def test_the_draw_depends_only_on_id_and_salt() -> None:
    whole = choose_exploration(IDS, FLAGGED, share=0.1, salt="s")
    turned = choose_exploration(IDS[::-1], FLAGGED[::-1], share=0.1, salt="s")
    np.testing.assert_array_equal(whole.proceed, turned.proceed[::-1])
    again = choose_exploration(IDS, FLAGGED, share=0.1, salt="t")
    assert (whole.proceed != again.proceed).any()


def test_a_larger_share_includes_the_prospects_of_a_smaller_one() -> None:
    few = choose_exploration(IDS, FLAGGED, share=0.1, salt="s").proceed
    many = choose_exploration(IDS, FLAGGED, share=0.3, salt="s").proceed
    assert (many | ~few).all()


def test_the_propensity_weighted_mean_equals_the_overall_mean() -> None:
    random = np.random.default_rng(0)
    left = random.random(len(IDS)) < np.where(FLAGGED, 0.6, 0.1)
    result = choose_exploration(IDS, FLAGGED, share=0.1, salt="s")
    signed = result.proceed
    weight = 1 / result.propensity[signed]
    assert abs(np.average(left[signed], weights=weight) - left.mean()) < 0.02
    assert left[signed].mean() < left.mean() - 0.05


def test_an_impossible_share_is_refused() -> None:
    with pytest.raises(FitModelError, match="from 0 to 1"):
        choose_exploration(["a"], [True], share=1.5, salt="s")


def assessed(*, poor_fit: bool) -> Assessment:
    fit = "poor" if poor_fit else "good"
    return Assessment(
        0.3, 0.2, 0.4, poor_fit, fit, -1.0, unfamiliar=False, reasons=(), model_version="v"
    )


def test_deals_get_the_propensity_that_was_logged_before_they_were_signed(tmp_path) -> None:
    simulation = simulate_deals(60, seed=0, observed_until="2035-01-31", months=12)
    deals, spec = simulation.deals, simulation.spec
    drawn, picked, before_draws, unflagged, unknown = deals["deal_id"].iloc[:5]
    log = DecisionLog(tmp_path / "log.db", salt="pepper")
    log.append(drawn, assessed(poor_fit=True), {}, proceed=True, propensity=0.1)
    log.append(picked, assessed(poor_fit=True), {}, proceed=False, propensity=0.1)
    log.append(before_draws, assessed(poor_fit=True), {})
    log.append(unflagged, assessed(poor_fit=False), {})
    table, contract = with_propensity(deals, spec, log)
    assert contract.deals.propensity == "propensity"
    result = table.set_index("deal_id")["propensity"]
    assert result[drawn] == 0.1
    assert result[[before_draws, unflagged, unknown]].isna().all()
    # prospects picked by a rep against the draw differ from those declined
    assert set(deals["deal_id"]) - set(result.index) == {picked}
    signed_before = deals.assign(closed_on=deals["closed_on"] - pd.DateOffset(years=30))
    early = with_propensity(signed_before, spec, log)[0]
    assert early["propensity"].isna().all()
    assert len(early) == len(deals)


def test_deals_missing_in_the_log_are_refused(tmp_path) -> None:
    simulation = simulate_deals(20, seed=0)
    log = DecisionLog(tmp_path / "log.db")
    with pytest.raises(DealsError, match="by their id"):
        with_propensity(simulation.deals, simulation.spec.replace(deals={"id": None}), log)
    with pytest.raises(DealsError, match="a column 'propensity' already"):
        with_propensity(simulation.deals.assign(propensity=1.0), simulation.spec, log)
