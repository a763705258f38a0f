"""The trend of each rep with enough deals, next to that of the company."""

from __future__ import annotations

import numpy as np
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.evaluation.drawing import figure_of
from fitmodel.sales.plots import MIN_EXPECTED, compute_trend, plot_trend
from fitmodel.sales.rates import exact_ratio_interval
from fitmodel.sales.rep_performance import compute_rep_performance


@pytest.fixture(scope="module")
def boards():
    sim = simulate_deals(1500, seed=6)
    return {
        by: compute_rep_performance(sim.deals, sim.spec, sim.true_probability, by=by)
        for by in ("rep", "team")
    }


@pytest.mark.parametrize("by", ["rep", "team"])
def test_a_rep_with_too_few_deals_has_no_trend(boards, by):
    board = boards[by]
    trend = compute_trend(board)
    enough = board.reps.index[board.reps["verdict"] != "too_few"]

    shown = list(trend["rep"].unique())
    assert shown == [
        name for name in enough if name in shown
    ]  # in the rep performance table's order
    assert len(shown) > 2
    assert (trend["expected"] >= MIN_EXPECTED).all()
    low, high = exact_ratio_interval(trend["observed"].to_numpy(), trend["expected"].to_numpy())
    assert np.allclose(trend["low"], low)
    assert np.allclose(trend["high"], high)


def test_the_companys_line_is_the_sum_of_all_reps(boards):
    quarters = boards["rep"].quarters
    for quarter, rows in compute_trend(boards["rep"]).groupby("quarter"):
        all_reps = quarters[quarters["quarter"] == quarter]
        ratio = all_reps["observed"].sum() / all_reps["expected"].sum()
        assert rows["company_ratio"].tolist() == pytest.approx([ratio] * len(rows))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_figure_has_a_small_plot_per_rep(boards, language):
    axes = plot_trend(boards["team"], language=language)
    figure = figure_of(axes[0])

    titles = [ax.get_title(loc="left") for ax in axes]
    names = compute_trend(boards["team"])["rep"].unique()
    assert len(titles) == len(names)
    assert all(title.startswith(name) for title, name in zip(titles, names, strict=True))
    assert figure.axes == axes
    assert all(any(line.get_linestyle() == "--" for line in ax.get_lines()) for ax in axes)


def test_without_enough_deals_there_is_no_plot():
    sim = simulate_deals(120, seed=1)
    board = compute_rep_performance(sim.deals, sim.spec, sim.true_probability, min_deals=1000)
    assert plot_trend(board) == []
