"""What a training says of itself: measured on deals it was not trained on, and frozen."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.evaluation.calibration import compute_calibration
from fitmodel.evaluation.curves import compute_bands, compute_precision_recall, compute_roc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

    from fitmodel.evaluation.metrics import Metric

SHOWN = ("roc_auc", "average_precision", "log_loss", "brier", "calibration_slope",
         "calibration_intercept", "lift_top_tenth")  # fmt: skip
BANDS = 5


@dataclass(frozen=True, eq=False)
class TrainingReport:
    """Results of one training.

    Attributes
    ----------
    method : {"out-of-time", "cross-validation"}
    split_date : Timestamp or None
        Trained on deals signed before it, judged on mature deals signed since.
    n_deals, n_mature, n_censored, n_early_churners : int
    n_train, n_test : int
        Deals with a known outcome on either side.
    base_rate : float
        Early churn of all deals at the horizon, by Kaplan-Meier.
    period : (date or None, date or None)
        First and last closing date.
    effective_sample_size : float
        Of the weighted training deals.
    capped_weights : int
    metrics : mapping of str to Metric
        Value, 95 % interval and the base rate's own value.
    calibration, candidates, leakage, subgroups : DataFrame
    glass_box_cost : Metric
        Log loss against an unrestricted learner's; below 0 the book is better.
    policy : str
        In words.
    flagged : mapping
        Share of deals flagged, precision and recall of the flags.
    notes : tuple of str
    predictions : DataFrame
        Per judged deal: early_churn, probability, weight. Never in `to_dict`.
    """

    method: str
    split_date: pd.Timestamp | None
    n_deals: int
    n_mature: int
    n_censored: int
    n_early_churners: int
    n_train: int
    n_test: int
    base_rate: float
    period: tuple[Any, Any]
    effective_sample_size: float
    capped_weights: int
    metrics: Mapping[str, Metric]
    calibration: pd.DataFrame
    candidates: pd.DataFrame
    glass_box_cost: Metric
    leakage: pd.DataFrame
    subgroups: pd.DataFrame
    policy: str
    flagged: Mapping[str, float]
    notes: tuple[str, ...]
    predictions: pd.DataFrame = field(repr=False)

    @property
    def has_skill(self) -> bool:
        """Whether the 95 % interval of the log loss gained on the base rate lies above 0."""
        return self.metrics["log_loss_skill"].low > 0

    @property
    def verdict(self) -> str:
        """Skill or none, in words."""
        skill = self.metrics["log_loss_skill"]
        numbers = f"{skill.value:.4f} (95 % interval {skill.low:.4f} to {skill.high:.4f})"
        if self.has_skill:
            return f"evidence of skill: log loss better than the base rate's by {numbers}"
        return f"no evidence of skill: the log loss gained on the base rate is {numbers}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form: aggregates only, no deal's prediction."""
        result: dict[str, Any] = {"has_skill": self.has_skill, "verdict": self.verdict}
        for item in fields(self):
            if item.name != "predictions":
                result[item.name] = _plain(getattr(self, item.name))
        return result

    def figures(self) -> dict[str, Figure]:
        """ROC, precision-recall, calibration and bands, each a matplotlib Figure."""
        from fitmodel.evaluation import plots

        y, p, w = (self.predictions[name] for name in ("early_churn", "probability", "weight"))
        drawn = {
            "roc": plots.plot_roc(compute_roc(y, p, w)),
            "precision_recall": plots.plot_precision_recall(compute_precision_recall(y, p, w)),
            "calibration": plots.plot_calibration(compute_calibration(y, p, w)),
            "bands": plots.plot_bands(self.bands()),
        }
        return {name: axes.get_figure() for name, axes in drawn.items()}

    def bands(self) -> pd.DataFrame:
        """Early churn in fifths of the score, from the lowest to the highest."""
        probability = self.predictions["probability"]
        cuts = np.unique(np.quantile(probability, np.linspace(0, 1, BANDS + 1)[1:-1]))
        place = np.searchsorted(cuts, probability, side="right")
        frame = compute_bands(
            place, self.predictions["early_churn"], probability, self.predictions["weight"]
        )
        edges = [0.0, *cuts, 1.0]
        names = [f"{edges[band]:.0%} to {edges[band + 1]:.0%}" for band in frame["band"]]
        return frame.assign(band=names)

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [
            (
                name.replace("_", " "),
                f"{metric.value:.3f}",
                f"{metric.low:.3f} to {metric.high:.3f}",
                "" if math.isnan(metric.base) else f"{metric.base:.3f}",
            )
            for name, metric in self.metrics.items()
            if name in SHOWN
        ]

    def _headline(self) -> str:
        when = "" if self.split_date is None else f" signed since {self.split_date:%Y-%m-%d}"
        return (
            f"{self.n_deals:,} deals, {self.n_censored:,} of them too young to tell; "
            f"{self.base_rate:.1%} leave early. Judged ({self.method}) on {self.n_test:,} "
            f"deals{when}."
        )

    def __str__(self) -> str:
        lines = [
            self._headline(),
            "",
            f"{'':24}{'value':>8}  {'95 % interval':>18}{'base rate':>11}",
        ]
        lines += [f"{a:24}{b:>8}  {c:>18}{d:>11}" for a, b, c, d in self._rows()]
        return "\n".join([*lines, "", self.verdict, self.policy, *self.notes])

    def _repr_html_(self) -> str:
        cells = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._rows()
        )
        head = "<tr><th></th><th>value</th><th>95 % interval</th><th>base rate</th></tr>"
        texts = "".join(
            f"<p>{html.escape(text)}</p>" for text in (self.verdict, self.policy, *self.notes)
        )
        return f"<p>{html.escape(self._headline())}</p><table>{head}{cells}</table>{texts}"


def _plain(value: Any) -> Any:
    """A value as JSON knows it; NaN becomes None."""
    if isinstance(value, pd.DataFrame):
        return [_plain(row) for row in value.to_dict(orient="records")]
    if hasattr(value, "items"):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if hasattr(value, "resamples"):
        return {key: _plain(getattr(value, key)) for key in ("value", "low", "high", "base")}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
