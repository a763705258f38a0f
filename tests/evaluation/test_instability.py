"""Replicates of the whole procedure show the instability of probabilities and flags."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.evaluation import _instability as instability
from fitmodel.evaluation._instability import (
    compute_instability,
    plot_flag_changes,
    plot_instability,
    summarise_replicates,
)
from fitmodel.exceptions import DealsError

ORIGINAL = np.array([0.1, 0.39, 0.8])
REPLICATES = np.array([[0.1, 0.5, 0.7], [0.2, 0.3, 0.9], [0.0, 0.45, 0.8], [0.1, 0.2, 0.8]])


def flagged(p: np.ndarray) -> np.ndarray:
    return p >= 0.4


def summarised() -> instability.Instability:
    return summarise_replicates(ORIGINAL, REPLICATES, flagged, pd.Index(["x", "y", "z"]))


def test_the_error_of_a_prospect_is_the_mean_absolute_difference() -> None:
    result = summarised()

    assert list(result.table["mape"]) == pytest.approx(
        [0.05, (0.11 + 0.09 + 0.06 + 0.19) / 4, 0.05]
    )
    assert result.mape == pytest.approx(result.table["mape"].mean())
    assert list(result.table.index) == ["x", "y", "z"]


def test_a_flag_changes_in_replicates_on_the_other_side_of_the_threshold() -> None:
    result = summarised()

    assert list(result.table["flag_changes"]) == [0.0, 0.5, 0.0]
    assert "change 16.7% of the flags (4 bootstrap samples)" in str(result)


def test_the_procedure_is_run_on_bootstrap_samples_of_the_deals(monkeypatch) -> None:
    sim = simulate_deals(600, seed=1)
    seen = []

    class Learned:
        def __init__(self, view) -> None:
            self.mean = float(view.deals["seats"].mean())
            self.estimator = self

        def predict_proba(self, attributes):
            p = np.full(len(attributes), self.mean / 1000)
            return np.column_stack([1 - p, p])

    def learn(view, spec, _estimator, _regime):
        assert view.index.is_unique
        assert spec is sim.spec
        seen.append(view.deals["deal_id"].tolist())
        return Learned(view)

    monkeypatch.setattr(instability, "_learn", learn)
    result = compute_instability(sim.deals, sim.spec, sim.deals.head(7), flagged, replicates=6)

    assert len(seen) == 7
    assert seen[0] == sim.deals["deal_id"].tolist()  # the model of all deals comes first
    assert all(len(ids) == 600 and len(set(ids)) < 450 for ids in seen[1:])
    assert set(map(len, seen)) == {600}
    assert result.replicates.shape == (6, 7)
    assert len(np.unique(result.replicates[:, 0])) == 6
    again = compute_instability(sim.deals, sim.spec, sim.deals.head(7), flagged, replicates=6)
    assert (again.replicates == result.replicates).all()


def test_samples_that_cannot_be_trained_on_are_counted(monkeypatch) -> None:
    sim = simulate_deals(200, seed=1)
    calls = iter(range(100))

    def learn(_view, _spec, _estimator, _regime):
        if next(calls) % 2:
            raise DealsError("too little to learn from")
        estimator = type("Same", (), {"predict_proba": lambda _, x: np.full((len(x), 2), 0.5)})()
        return type("Learned", (), {"estimator": estimator})()

    monkeypatch.setattr(instability, "_learn", learn)
    result = compute_instability(sim.deals, sim.spec, sim.deals.head(3), flagged, replicates=10)
    assert (len(result.replicates), result.failed) == (5, 5)
    calls = iter(range(100))
    with pytest.raises(DealsError, match=r"4 of 7 bootstrap samples .* Remedy: more deals"):
        compute_instability(sim.deals, sim.spec, sim.deals.head(3), flagged, replicates=7)


def test_too_few_replicates_are_refused() -> None:
    sim = simulate_deals(100, seed=1)
    with pytest.raises(DealsError, match="4 replicates are too few: ask for 5 or more"):
        compute_instability(sim.deals, sim.spec, sim.deals, flagged, replicates=4)


@pytest.mark.slow
def test_fewer_deals_are_less_stable(quick_learner) -> None:
    prospects = simulate_deals(60, seed=9).deals
    few, many = (
        compute_instability(
            sim.deals, sim.spec.replace(learning=quick_learner), prospects, flagged, replicates=5
        )
        for sim in (
            simulate_deals(500, seed=1, n_attributes=6),
            simulate_deals(3000, seed=1, n_attributes=6),
        )
    )

    assert few.mape > 1.3 * many.mape


def test_both_plots_show_the_computed_values() -> None:
    result = summarised()
    ax, flags = plot_instability(result), plot_flag_changes(result)

    assert len([line for line in ax.lines if line.get_marker() == "."]) == 4
    assert list(flags.lines[0].get_ydata()) == list(result.table["flag_changes"])
    assert plot_instability(result, ax) is ax
    assert plot_flag_changes(result, flags) is flags


def test_the_band_includes_replicates_of_the_riskiest_and_safest_prospects() -> None:
    p = np.linspace(0.01, 0.9, 60)
    replicates = p + np.linspace(-0.01, 0.01, 9)[:, None]
    result = summarise_replicates(p, replicates, flagged, pd.RangeIndex(60))
    low, high = (line for line in plot_instability(result).lines if line.get_color() == "black")

    np.testing.assert_allclose(low.get_ydata(), result.table["low"], atol=1e-12)
    np.testing.assert_allclose(high.get_ydata(), result.table["high"], atol=1e-12)
