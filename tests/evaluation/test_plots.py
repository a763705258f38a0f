"""Plots show the values of the frames, on a new figure or on given axes."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score

from fitmodel.evaluation import _plots as plots
from fitmodel.evaluation import drawing
from fitmodel.evaluation._calibration import compute_calibration
from fitmodel.evaluation._curves import (
    compute_bands,
    compute_gains,
    compute_precision_recall,
    compute_roc,
)

PLOTS = {
    plots.plot_roc: compute_roc,
    plots.plot_precision_recall: compute_precision_recall,
    plots.plot_gains: compute_gains,
    plots.plot_calibration: compute_calibration,
    plots.plot_bands: compute_bands,
}


@pytest.fixture
def cuts():
    frame = pd.DataFrame(
        {
            "date": pd.to_datetime(["2024-01-01", "2024-07-01", "2025-01-01"]),
            "n_test": [1200, 900, 800],
            "early_churners": [120, 130, 90],
        }
    )
    for name, base in (("log_loss_skill", 0.0), ("roc_auc", 0.5)):
        frame[name] = [0.6, 0.7, 0.5]
        frame[f"{name}_low"], frame[f"{name}_high"] = frame[name] - 0.1, 0.8
        frame[f"{name}_base"] = base
    return frame


@pytest.fixture
def ageing():
    return pd.DataFrame(
        {
            "months_old": [4.0, 8.0],
            "n_test": [800, 900],
            "loss": [0.01, 0.02],
            "loss_low": [0.0, 0.01],
            "loss_high": [0.02, 0.03],
        }
    )


def words(ax):
    """Title, axis labels and legend as a list, and all texts including tick labels."""
    texts = [ax.get_title(), ax.get_xlabel(), ax.get_ylabel()]
    texts += [each.get_text() for each in ax.get_legend().get_texts()]
    return texts, " ".join([*texts, *(label.get_text() for label in ax.get_xticklabels())])


@pytest.mark.slow
@pytest.mark.parametrize("plot", PLOTS)
def test_a_plot_makes_its_own_figure_and_is_labelled_with_counts(plot, evaluated):
    ax = plot(PLOTS[plot](evaluated.y, evaluated.p, evaluated.weight))
    figure = plots.figure_of(ax)
    assert isinstance(figure, Figure)
    figure.savefig(io.BytesIO(), format="png")
    texts, everything = words(ax)
    assert all(texts)
    assert "deals" in everything


@pytest.mark.parametrize("plot", PLOTS)
def test_a_plot_draws_on_given_axes(plot, evaluated):
    given = Figure().subplots()
    assert plot(PLOTS[plot](evaluated.y, evaluated.p), given) is given


@pytest.mark.slow
def test_pyplot_is_never_loaded():
    code = (
        "import sys, numpy as np\n"
        "from fitmodel.evaluation._plots import draw_predictions\n"
        "assert 'matplotlib' not in sys.modules\n"
        "draw_predictions(np.arange(50) % 2, np.linspace(.1, .9, 50))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603  our own code


@pytest.mark.parametrize(("plot", "compute"), PLOTS.items(), ids=lambda each: each.__name__)
def test_chinese_plots_have_no_english_words(evaluated, plot, compute):
    ax = plot(compute(evaluated.y, evaluated.p), language="zh")
    text = re.sub(r"\bROC\b", "", words(ax)[1])
    assert not re.findall("[A-Za-z]{2,}", text)
    assert re.findall("[\u4e00-\u9fff]", text)


def test_the_roc_plot_shows_the_auc_of_the_metric(evaluated):
    texts, _ = words(plots.plot_roc(compute_roc(evaluated.y, evaluated.p)))
    assert f"area {roc_auc_score(evaluated.y, evaluated.p):.3f}, 1,500 deals" in " ".join(texts)


def test_the_gains_plot_marks_the_riskiest_tenth(evaluated):
    frame = compute_gains(evaluated.y, evaluated.p)
    covered = np.interp(0.1, frame["share_flagged"], frame["share_found"])
    assert f"holds {covered:.0%} of early churners" in words(plots.plot_gains(frame))[1]


def test_calibration_error_bars_equal_the_intervals(evaluated):
    frame = compute_calibration(evaluated.y, evaluated.p)
    (container,) = plots.plot_calibration(frame).containers
    ends = np.array([segment[:, 1] for segment in container.lines[2][0].get_segments()])
    np.testing.assert_allclose(ends, frame[["observed_low", "observed_high"]])


def test_every_band_has_a_bar_with_its_rate_and_count(evaluated):
    frame = compute_bands(evaluated.y, evaluated.p)
    ax = plots.plot_bands(frame)
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches], frame["observed"])
    for label, count in zip(ax.get_xticklabels(), frame["count"], strict=True):
        assert f"{count:,} deals" in label.get_text()


@pytest.mark.parametrize("metric", ["log_loss_skill", "roc_auc"])
def test_stability_shows_a_metric_over_the_cuts_with_its_base(cuts, metric):
    ax = plots.plot_stability(cuts, metric=metric)
    _, everything = words(ax)
    for text in ("1,200 deals", "120 early", "base rate alone"):
        assert text in everything
    drawn = [np.asarray(line.get_ydata(), dtype=float) for line in ax.lines]
    assert any(np.array_equal(line, cuts[f"{metric}_base"]) for line in drawn)
    assert any(np.array_equal(line, cuts[metric]) for line in drawn)


def test_ageing_shows_every_pair_of_models(ageing):
    ax = plots.plot_ageing(ageing)
    assert "900 deals" in words(ax)[1]
    (container,) = ax.containers
    drawn = np.asarray(container.lines[0].get_ydata(), dtype=float)
    np.testing.assert_allclose(drawn, ageing["loss"])


def test_draw_predictions_returns_all_five_plots(evaluated):
    drawn = plots.draw_predictions(evaluated.y, evaluated.p, evaluated.weight)
    assert list(drawn) == ["roc", "precision_recall", "calibration", "bands", "gains"]
    assert len({id(figure) for figure in drawn.values()}) == 5


def test_axes_without_a_figure_are_an_error():
    ax = plots.new_axes()
    ax.remove()
    with pytest.raises(ValueError, match="belong to no figure"):
        plots.figure_of(ax)


def test_chinese_texts_use_an_installed_chinese_font(monkeypatch):
    monkeypatch.setattr(drawing, "_families", lambda: ("DejaVu Sans", "Some CJK"))
    frame = compute_calibration([0, 1] * 100, np.tile([0.2, 0.6], 100))
    chinese = plots.plot_calibration(frame, language="zh")
    assert chinese.title.get_fontfamily() == ["DejaVu Sans", "Some CJK"]
    assert "Some CJK" not in plots.plot_calibration(frame).title.get_fontfamily()
    monkeypatch.setattr(drawing, "_families", lambda: None)
    assert "Some CJK" not in plots.plot_calibration(frame, language="zh").title.get_fontfamily()


def test_labels_of_many_cuts_do_not_overlap(cuts):
    many = pd.concat([cuts.head(1)] * 14, ignore_index=True)
    many["date"] = pd.date_range("2023-01-01", periods=14, freq="2MS")
    figure = plots.figure_of(plots.plot_stability(many))
    figure.draw_without_rendering()
    labels = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(left.x1 <= right.x0 for left, right in pairwise(labels))
