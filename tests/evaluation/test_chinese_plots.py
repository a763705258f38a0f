"""Chinese plots contain no English words, and English plots no Chinese characters."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from fitmodel.evaluation._curves import (
    compute_bands,
    compute_gains,
    compute_precision_recall,
    compute_roc,
)
from fitmodel.evaluation._flags import (
    compute_net_benefit,
    plot_decision_curve,
    plot_money_curve,
)
from fitmodel.evaluation._groups import plot_pooled_groups
from fitmodel.evaluation._instability import plot_flag_changes, plot_instability
from fitmodel.evaluation._pages import draw_training
from fitmodel.evaluation._plots import (
    plot_ageing,
    plot_bands,
    plot_gains,
    plot_precision_recall,
    plot_roc,
    plot_stability,
)
from fitmodel.evaluation._smooth_calibration import (
    compute_probability_distribution,
    compute_smooth_calibration,
    plot_smooth_calibration,
)
from fitmodel.evaluation._table_plots import plot_level
from fitmodel.evaluation.drawing import figure_of
from fitmodel.evaluation.metrics import METRIC_NAMES
from fitmodel.evaluation.sample_size import plot_learning_curve
from fitmodel.learning.level import Level

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

mpl.use("agg")
RANDOM = np.random.default_rng(0)
P = RANDOM.beta(1.5, 5, 600)
Y = (RANDOM.random(600) < P).astype(float)
NAMES = {"ROC", "AUC", "Brier"}
"""What has the same name in both languages."""


def interval(values: list[float], name: str) -> dict[str, list[float]]:
    return {
        name: values,
        f"{name}_low": [value - 0.02 for value in values],
        f"{name}_high": [value + 0.02 for value in values],
    }


def cuts() -> pd.DataFrame:
    frame = pd.DataFrame(
        {"date": pd.to_datetime(["2025-01-01", "2025-07-01"]), "n_test": [1200, 900],
         "early_churners": [120, 130]}
    )  # fmt: skip
    for metric in METRIC_NAMES:
        frame[[metric, f"{metric}_low", f"{metric}_high", f"{metric}_base"]] = [0.5, 0.4, 0.6, 0.3]
    return frame


def instability() -> Any:
    table = pd.DataFrame({"probability": P[:50], "low": 0.8 * P[:50], "high": 1.2 * P[:50],
                          "flag_changes": 0.1})  # fmt: skip
    return SimpleNamespace(table=table, replicates=[0.9 * P[:50], 1.1 * P[:50]])


def drawn() -> dict[str, Callable[..., Axes]]:
    smooth = compute_smooth_calibration(Y, P), compute_probability_distribution(Y, P)
    benefit = compute_net_benefit(Y, P)
    ageing = pd.DataFrame({"months_old": [4.0, 8.0], "n_test": [800, 900]}
                          | interval([0.01, 0.02], "loss"))  # fmt: skip
    learned = pd.DataFrame({"n_train": [200, 400, 800], "fitted": [0.5, 0.48, 0.47],
                            "extrapolated": [False, False, True]}
                           | interval([0.5, 0.48, 0.47], "log_loss"))  # fmt: skip
    group = {"attribute": "所属行业", "level": "媒体", "deals": 90}
    groups = pd.DataFrame([group | {"pooled": 1.2, "low": 0.9, "high": 1.5, "ratio": 1.4}])
    months = tuple((f"2025-{month:02}", 8.0, 6.0) for month in range(1, 13))
    level = Level(1.3, 0.2, 0.9, 2.0, months)
    return {
        "roc": lambda **how: plot_roc(compute_roc(Y, P), **how),
        "precision_recall": lambda **how: plot_precision_recall(
            compute_precision_recall(Y, P), **how
        ),
        "gains": lambda **how: plot_gains(compute_gains(Y, P), **how),
        "bands": lambda **how: plot_bands(compute_bands(Y, P), **how),
        "smooth": lambda **how: plot_smooth_calibration(*smooth, **how),
        "smooth alone": lambda **how: plot_smooth_calibration(smooth[0], **how),
        "decision": lambda **how: plot_decision_curve(benefit, **how),
        "money": lambda **how: plot_money_curve(benefit.assign(perfect=0.1), **how),
        "groups": lambda **how: plot_pooled_groups(groups, **how),
        "instability": lambda **how: plot_instability(instability(), **how),
        "flags": lambda **how: plot_flag_changes(instability(), **how),
        "learning": lambda **how: plot_learning_curve(learned, **how),
        "ageing": lambda **how: plot_ageing(ageing, **how),
        "level": lambda **how: plot_level(level, **how),
        **{
            metric: (lambda metric=metric, **how: plot_stability(cuts(), metric=metric, **how))
            for metric in METRIC_NAMES
        },
    }


def words_on(ax: Axes) -> str:
    return "\n".join(text.get_text() for text in figure_of(ax).findobj(Text))


@pytest.mark.parametrize("name", drawn())
def test_a_plot_has_texts_in_one_language(name: str) -> None:
    english, chinese = (words_on(drawn()[name](language=language)) for language in ("en", "zh"))

    assert set(re.findall("[A-Za-z]{2,}", chinese)) <= NAMES
    assert len(re.findall("[\u4e00-\u9fff]", chinese)) > 8
    assert not re.findall("[\u4e00-\u9fff]", english.replace("所属行业", "").replace("媒体", ""))
    assert english == words_on(drawn()[name]()), "English without a word"


def test_all_plots_of_a_training_are_in_the_requested_language() -> None:
    predictions = pd.DataFrame({"early_churn": Y, "probability": P, "weight": 1.0})
    group = {"attribute": "行业", "level": "媒体", "deals": 90}
    groups = pd.DataFrame([group | {"pooled": 1.2, "low": 0.9, "high": 1.5, "ratio": 1.4}])
    months = tuple((f"2025-{month:02}", 8.0, 6.0) for month in range(1, 13))
    figures = draw_training(
        predictions,
        money_curve=compute_net_benefit(Y, P).assign(perfect=0.1),
        pooled_groups=groups,
        level=Level(1.3, 0.2, 0.9, 2.0, months),
        language="zh",
    )

    assert len(figures) == 10
    for name, figure in figures.items():
        texts = "\n".join(text.get_text() for text in figure.findobj(Text))
        assert set(re.findall("[A-Za-z]{2,}", texts)) <= NAMES, name


@pytest.mark.parametrize(("metric", "words"), METRIC_NAMES.items())
def test_a_metric_has_the_same_name_in_plots_and_texts(metric: str, words: str) -> None:
    assert plot_stability(cuts(), metric=metric).get_ylabel() == words
