"""Reports of a training and of a backtest, and the comparison of two models on later deals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.evaluation._pages import Page, ShownAsPage, as_json, number
from fitmodel.evaluation._report_classes import BacktestReport, TrainingReport
from fitmodel.evaluation.comparison import LOWER_IS_BETTER, PAIRED
from fitmodel.evaluation.metrics import METRIC_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from fitmodel.evaluation._disagreement import FlagChanges
    from fitmodel.evaluation.metrics import Metric

__all__ = ["BacktestReport", "ModelComparison", "TrainingReport"]
HEADER = ("metric", "A", "B", "B minus A", "95% interval", "better")
SHOWN_GROUPS, SHOWN_DEALS = 5, 5
NO_DIFFERENCE = "no difference beyond chance"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ModelComparison(ShownAsPage):
    """Comparison of two models on the same deals, which neither learned from.

    Parameters
    ----------
    names : (str, str)
        Names of A and B as the caller gave them, with their versions.
    signed_after : date
        Latest closing date of the deals that either model learned from.
    n_deals, n_early_churners : int
        Number of deals compared (signed later, mature, with a known outcome), and of the early
        churners among them.
    n_too_young : int
        Number of deals signed later whose outcome is not known yet.
    differences : mapping of str to Metric
        `log_loss`, `roc_auc` and `brier` of B minus A, as `compare_metrics` returns them.
    metrics_a, metrics_b : mapping of str to Metric
        Metrics of each model alone, as `compute_metrics` returns them.
    groups : DataFrame
        Differences within groups of deals, as `compute_group_disagreement` returns them.
    deals : DataFrame
        Deals with the largest difference, as `find_disagreeing_deals` returns them.
    flags : FlagChanges
        Flags that differ between the models, and their money.
    money_of : str or None
        Model whose money the flags are valued with: "A" or "B"; None if neither policy has money.
    predictions : DataFrame
        One row per deal compared: `early_churn`, `weight`, `probability_a`, `probability_b`,
        `poor_fit_a`, `poor_fit_b`; not part of `to_dict`.
    """

    names: tuple[str, str]
    signed_after: Any
    n_deals: int
    n_early_churners: int
    n_too_young: int
    differences: Mapping[str, Metric]
    metrics_a: Mapping[str, Metric]
    metrics_b: Mapping[str, Metric]
    groups: pd.DataFrame
    deals: pd.DataFrame
    flags: FlagChanges
    money_of: str | None
    predictions: pd.DataFrame

    @property
    def better(self) -> str | None:
        """Model whose log loss is lower beyond chance, "A" or "B"; None if neither."""
        return better_of(self.differences["log_loss"])

    @property
    def verdict(self) -> str:
        """One sentence that names the model that predicts better, with the interval."""
        gap = self.differences["log_loss"]
        numbers = f"log loss {gap.value:+.4f} for B minus A ({gap.low:+.4f} to {gap.high:+.4f})"
        if self.better is None:
            return f"{NO_DIFFERENCE}: {numbers}"
        return f"{self.better} is better: {numbers}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the predictions as values that JSON can hold."""
        deals = self.deals.assign(deal=list(map(str, self.deals.index)))
        flags = self.flags.table.rename_axis("flags").reset_index()
        changed = self.flags.deals.assign(deal=list(map(str, self.flags.deals.index)))
        return {
            "better": self.better,
            "verdict": self.verdict,
            "a": self.names[0],
            "b": self.names[1],
            "signed_after": as_json(self.signed_after),
            "n_deals": self.n_deals,
            "n_early_churners": self.n_early_churners,
            "n_too_young": self.n_too_young,
            "differences": as_json(self.differences),
            "metrics_a": as_json(self.metrics_a),
            "metrics_b": as_json(self.metrics_b),
            "groups": as_json(self.groups),
            "deals": as_json(deals),
            "flags": {
                "counts": as_json(flags),
                "changed": self.flags.changed,
                "deals": as_json(changed),
                "net_a": as_json(self.flags.net_a),
                "net_b": as_json(self.flags.net_b),
                "net_difference": as_json(self.flags.difference),
                "without_amount": self.flags.without_amount,
                "money_of": self.money_of,
            },
        }

    def page(self) -> Page:
        """Return the page that is printed or shown in a notebook."""
        young = f"; {self.n_too_young:,} more are too young to tell" if self.n_too_young else ""
        return Page(
            title="Comparison of two models on later deals",
            verdict=self.verdict,
            lines=(
                ("A", self.names[0]),
                ("B", self.names[1]),
                (
                    "deals",
                    (
                        f"{self.n_deals:,} signed after {self.signed_after}, new to both models, "
                        f"{self.n_early_churners:,} of them left early{young}"
                    ),
                ),
            ),
            header=HEADER,
            rows=tuple(self._metric_rows()),
            remarks=(*self._group_lines(), *self._deal_lines(), *self._flag_lines()),
        )

    def _metric_rows(self) -> Iterator[tuple[str, ...]]:
        for name in PAIRED:
            gap = self.differences[name]
            yield (
                METRIC_NAMES[name],
                number(self.metrics_a[name].value),
                number(self.metrics_b[name].value),
                f"{gap.value:+.4f}",
                f"{gap.low:+.4f} to {gap.high:+.4f}",
                better_of(gap) or "neither, beyond chance",
            )

    def _group_lines(self) -> Iterator[tuple[str, str]]:
        differing = self.groups[self.groups["difference"] != 0]
        for _, row in differing.head(SHOWN_GROUPS).iterrows():
            comparison = ""
            if row["low"] > 0 or row["high"] < 0:
                better = "A" if row["low"] > 0 else "B"
                comparison = (
                    f"; {better} is better there ({row['log_loss_difference']:+.4f} log loss)"
                )
            text = (
                f"{row['attribute']} = {row['level']}: A says {row['mean_a']:.1%}, B says "
                f"{row['mean_b']:.1%}, {row['observed']:.1%} of {row['deals']:,} left early"
                f"{comparison}"
            )
            yield "group", text

    def _deal_lines(self) -> Iterator[tuple[str, str]]:
        differing = self.deals[self.deals["difference"] != 0]
        for label, row in differing.head(SHOWN_DEALS).iterrows():
            result = "left early" if row["early_churn"] == 1 else "stayed"
            text = (
                f"{row.get('id', label)}: A says {row['probability_a']:.1%}, B says "
                f"{row['probability_b']:.1%}, the customer {result}"
            )
            yield "deal", text

    def _flag_lines(self) -> Iterator[tuple[str, str]]:
        flags = self.flags
        single_flags = (("A", "flagged by A only"), ("B", "flagged by B only"))
        counts = flags.table[["deals", "early_churners"]].astype(int).to_dict("index")
        parts = [
            f"{counts[row]['deals']:,} by {model} only ({counts[row]['early_churners']:,} of them "
            "left early)"
            for model, row in single_flags
        ]
        flagged_by_both = counts["flagged by both"]["deals"]
        yield "flags", f"{flagged_by_both:,} deals flagged by both models, {' and '.join(parts)}"
        for label, row in flags.deals.head(SHOWN_DEALS).iterrows():
            result = "left early" if row["early_churn"] == 1 else "stayed"
            made = (
                f"; declining it makes {row['net']:+,.0f}"
                if np.isfinite(row.get("net", np.nan))
                else ""
            )
            yield (
                "flag",
                f"{row.get('id', label)}: by {row['flagged_by']} only, the customer {result}{made}",
            )
        if self.money_of is None:
            yield (
                "money",
                "neither model has money in its policy: what a flag is worth is not known",
            )
            return
        gap = flags.difference
        left_out = f"; {flags.without_amount:,} deals without an amount" * bool(
            flags.without_amount
        )
        text = (
            f"declining what is flagged makes {flags.net_a:,.0f} with A and {flags.net_b:,.0f} "
            f"with B: {gap.value:+,.0f} ({gap.low:+,.0f} to {gap.high:+,.0f}) for B, in the "
            f"contract's currency and the money of {self.money_of}{left_out}"
        )
        yield "money", text


def better_of(difference: Metric) -> str | None:
    """Return the model, "A" or "B", that is better beyond chance; None if neither.

    `difference` is the metric of B minus that of A.
    """
    if not (difference.low > 0 or difference.high < 0):  # also true for an interval of NaN
        return None
    b_is_lower = difference.high < 0
    return "B" if b_is_lower == (difference.name in LOWER_IS_BETTER) else "A"
