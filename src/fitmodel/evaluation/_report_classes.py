"""Reports of a training and of a backtest, as printed text, plots and JSON."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.evaluation._pages import Page, ShownAsPage, as_json, flags_text, number
from fitmodel.evaluation.metrics import (
    METRIC_NAMES,
    describe_decay,
    describe_provisional,
    describe_skill,
    is_by_chance,
    shows_skill,
)
from fitmodel.renamed import old_fields

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from matplotlib.figure import Figure

    from fitmodel.deals.enough import Regime
    from fitmodel.evaluation.metrics import Metric
    from fitmodel.learning.level import Change, Level

HEADER = ("metric", "value", "95% interval", "level alone")
CUT_HEADER = ("cut at", "trained", "evaluated", "early", "log loss gained", "ROC AUC", "intercept")
ONE_LIFETIME = "net_one_lifetime"
MAX_NOTES = 3  # number of notes that are printed; `notes` has all of them


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Report(ShownAsPage):
    """Base of all reports.

    `metrics`: as `fitmodel.evaluation.metrics.compute_metrics` returns them.
    `notes`: limits of the results that a reader should know.
    `predictions`: one row per evaluated deal, with the columns `early_churn`, `probability` and
        `weight`; kept for the plots and not part of `to_dict`.
    """

    metrics: Mapping[str, Metric]
    predictions: pd.DataFrame = field(metadata={"private": True})
    notes: tuple[str, ...] = ()

    @property
    def has_skill(self) -> bool:
        """Whether the model predicts better than the level alone: see `shows_skill`."""
        return shows_skill(self.metrics)

    @property
    def verdict(self) -> str:
        """One sentence on whether there is evidence of skill, with the interval."""
        return describe_skill(self.metrics)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings: a verdict without skill first, then the notes."""
        return self.notes if self.has_skill else (self.verdict, *self.notes)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the predictions as values that JSON can hold."""
        public_names = [each.name for each in fields(self) if not each.metadata.get("private")]
        result = {name: as_json(getattr(self, name)) for name in public_names}
        return {"has_skill": self.has_skill, "verdict": self.verdict, **result}

    def _note_lines(self) -> tuple[tuple[str, str], ...]:
        shown = tuple(("note", note) for note in self.notes[:MAX_NOTES])
        more = len(self.notes) - MAX_NOTES
        return (*shown, ("note", f"and {more} more, in .notes")) if more > 0 else shown


@old_fields(glass_box_cost="black_box_gap")
@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TrainingReport(Report):
    """How good a model is, measured on deals it was not trained on.

    Parameters
    ----------
    method : {"out-of-time", "blocks in time", "cross-validation"}
        How the deals were split into training and test deals.
    split_date : Timestamp or None
        First closing date of the evaluated deals; None unless the method is "out-of-time".
    n_deals, n_mature, n_censored, n_early_churners : int
        Number of all deals; of those that reached the horizon; of those with an unknown label; of
        early churners.
    base_rate : float
        Early-churn rate of all deals: one minus the Kaplan-Meier survival at the horizon.
    period : (date, date) or (None, None)
        First and last closing date.
    n_train, n_test : int
        Number of deals that the evaluated model was trained on, and of deals it was evaluated on.
    effective_sample_size : float
        Number of equally weighted deals that carry as much information as the weighted deals with
        a label (mature ones, where there are dates).
    capped_weights : int
        Number of deals whose weight for censoring was capped.
    calibration, candidates, leakage, subgroups : DataFrame
        Tables of `compute_calibration`, the learner, the leakage audit and `compute_subgroups`.
    black_box_gap : Metric
        Gap to the black-box reference: log loss of this model minus that of a tuned gradient
        boosting (`compare_log_loss`).
    policy : str
        Description of the decision policy.
    flagged : mapping of str to float
        Results of the policy's flags on the evaluated deals (`compute_flagged`); `expected_share`
        is the share of prospects like the deals learned from that the shipped model flags.
    level : Level or None
        Observed and expected leavers per month, and today's level that was applied.
    changes : tuple of Change
        Groups of customers whose early churn changed lately, apart from that of the others; the
        shipped model predicts them at their own present level.
    pooled_groups : DataFrame
        Observed over expected per subgroup and quarter of signing, with partial pooling
        (`compute_pooled_groups`).
    regime : {"full", "provisional"}
        Regime of learning: "provisional" with few early churners, see `fitmodel.deals.enough`.
    association : float or None
        P value of the test that attributes and outcomes are independent; only for a provisional
        model. With few early churners skill is claimed only if this P value is small too.
    reproduce : mapping of str to str
        What is needed to train this model again: digest of the deals, versions, command.
    money_curve : DataFrame
        Table of `compute_money_curve`; empty without money. Not part of `to_dict`.
    level_error : float or None
        Standard error of the evaluated model's mean, in log-odds; None if it is several models. Not
        part of `to_dict`.
    """

    method: str
    split_date: pd.Timestamp | None
    n_deals: int
    n_mature: int
    n_censored: int
    n_early_churners: int
    base_rate: float
    period: tuple[date | None, date | None]
    n_train: int
    n_test: int
    effective_sample_size: float
    capped_weights: int
    calibration: pd.DataFrame
    candidates: pd.DataFrame
    black_box_gap: Metric
    leakage: pd.DataFrame
    subgroups: pd.DataFrame
    policy: str
    flagged: Mapping[str, float]
    level: Level | None = None
    changes: tuple[Change, ...] = ()
    pooled_groups: pd.DataFrame = field(default_factory=pd.DataFrame)
    regime: Regime = "full"
    association: float | None = None
    reproduce: Mapping[str, str] = field(default_factory=dict)
    money_curve: pd.DataFrame = field(default_factory=pd.DataFrame, metadata={"private": True})
    level_error: float | None = field(default=None, metadata={"private": True})

    @property
    def has_skill(self) -> bool:
        """Whether the model beats the level alone and, with few churners, also beats chance."""
        return shows_skill(self.metrics) and not is_by_chance(self.association)

    @property
    def verdict(self) -> str:
        """One sentence on the evidence of skill; for a provisional model it starts with that."""
        if self.regime == "full":
            return describe_skill(self.metrics)
        return describe_provisional(self.metrics, self.association, self.n_early_churners)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the predictions as values that JSON can hold."""
        result = super().to_dict()
        return result | {"glass_box_cost": result["black_box_gap"]}  # its old name

    def figures(self, language: str = "en") -> dict[str, Figure]:
        """Draw all results, each as a figure of its own.

        Parameters
        ----------
        language : {"en", "zh"}
            Language of the labels.

        Returns
        -------
        dict of str to Figure
            `calibration`, `smooth_calibration`, `roc`, `precision_recall`, `gains`, `bands`,
            `decision_curve`; with money `money_curve`; with groups `groups`; with dates `level`.
        """
        from fitmodel.evaluation._pages import draw_training

        return draw_training(
            self.predictions,
            money_curve=self.money_curve,
            pooled_groups=self.pooled_groups,
            level=self.level,
            language=language,
        )

    def page(self) -> Page:
        """Return the page that is printed or shown in a notebook."""
        split = "" if self.split_date is None else f", split on {self.split_date:%Y-%m-%d}"
        return Page(
            title=f"How well early churn is predicted ({self.method}{split})",
            verdict=self.verdict,
            lines=(
                ("deals", self._deals_text()),
                ("base rate", f"{self.base_rate:.1%} leave early (Kaplan-Meier at the horizon)"),
                ("evaluated", f"{self.n_test:,} deals, by a model of {self.n_train:,} others"),
            ),
            header=HEADER,
            rows=_metric_rows(self.metrics),
            remarks=(*self._decision_lines(), *self._note_lines()),
        )

    def _deals_text(self) -> str:
        first, last = self.period
        signed = f" signed {first:%Y-%m-%d} to {last:%Y-%m-%d}" if first and last else ""
        return (
            f"{self.n_deals:,}{signed}: {self.n_deals - self.n_censored:,} known "
            f"({self.n_early_churners:,} left early), {self.n_censored:,} not known yet"
        )

    def _decision_lines(self) -> tuple[tuple[str, str], ...]:
        gap = self.black_box_gap
        loss = f"log loss {gap.value:+.4f} ({gap.low:+.4f} to {gap.high:+.4f})"
        words = (
            ("gap to black box", f"{loss} against a tuned gradient boosting"),
            ("level", "" if self.level is None else self.level.describe()),
            *(("changed group", change.describe()) for change in self.changes),
            ("policy", self.policy),
            ("flags", flags_text(self.flagged)),
        )
        return tuple((label, text) for label, text in words if text)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BacktestReport(Report):
    """How well a model would have predicted if it had been trained and used at past dates.

    `metrics` evaluate the deals of all cuts together, each against the base rate of its own
    training. There is a note if the level is off, over all cuts or at one.

    Parameters
    ----------
    cuts : DataFrame
        One row per cut: `cut` (from 1), `date`, `until` (last closing date evaluated), `n_train`,
        `n_test`, `early_churners`, `train_rate`, `test_rate`; then for every metric `<metric>`,
        `<metric>_low`, `<metric>_high` and `<metric>_base`.
    ageing : DataFrame
        Comparison of old models with new ones on the same deals (`compute_ageing`).
    decay : Metric or None
        Log loss lost by never retraining since the first cut (`compute_decay`).
    money : DataFrame
        One row per cut and one for all: counts of right and wrong flags and, with money, what they
        saved and cost (`compute_flagged`); empty without a policy. If lifetimes come from each
        customer's own survival curve, also `net_one_lifetime`: the net with one lifetime for all
        customers.
    """

    cuts: pd.DataFrame
    ageing: pd.DataFrame
    decay: Metric | None
    money: pd.DataFrame

    def figures(self, language: str = "en") -> dict[str, Figure]:
        """Draw `stability`, with two cuts or more `ageing`, and the plots of all predictions."""
        from fitmodel.evaluation._plots import draw_predictions, plot_ageing, plot_stability
        from fitmodel.evaluation.drawing import figure_of

        known = (self.predictions[name] for name in ("early_churn", "probability", "weight"))
        drawn = {"stability": plot_stability(self.cuts, language=language)}
        if len(self.ageing):
            drawn["ageing"] = plot_ageing(self.ageing, language=language)
        own_figures = {name: figure_of(ax) for name, ax in drawn.items()}
        return own_figures | draw_predictions(*known, language=language)

    def page(self) -> Page:
        """Return the page that is printed or shown in a notebook."""
        dates = self.cuts["date"]
        return Page(
            title=f"Backtest: {len(dates)} cuts, {dates.min():%Y-%m-%d} to {dates.max():%Y-%m-%d}",
            verdict=self.verdict,
            lines=(("evaluated", f"{len(self.predictions):,} deals, signed after each cut"),),
            header=CUT_HEADER,
            rows=tuple(_cut_row(row) for _, row in self.cuts.iterrows()),
            remarks=(*self._worth_lines(), *(("warning", note) for note in self.notes)),
        )

    def _worth_lines(self) -> tuple[tuple[str, str], ...]:
        ageing_lines = () if self.decay is None else (("ageing", describe_decay(self.decay)),)
        if self.money.empty:
            return ageing_lines
        total = self.money.drop(columns="cut").iloc[-1]
        counts = {str(name): float(total[name]) for name in total.index if name != ONE_LIFETIME}
        flags = (*ageing_lines, ("flags", flags_text(counts)))
        if ONE_LIFETIME not in total.index:
            return flags
        net = number(float(total[ONE_LIFETIME]))
        text = (
            "money by each customer's own curve; with one lifetime for everybody the net would be "
            f"{net} instead of {number(counts['net'])}"
        )
        return (*flags, ("lifetimes", text))


def _metric_rows(metrics: Mapping[str, Metric]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            METRIC_NAMES.get(name, name),
            number(metric.value),
            f"{number(metric.low)} to {number(metric.high)}",
            number(metric.base),
        )
        for name, metric in metrics.items()
    )


def _cut_row(row: pd.Series[Any]) -> tuple[str, ...]:
    skill = [number(row[f"log_loss_skill{end}"]) for end in ("", "_low", "_high")]
    return (
        f"{row['date']:%Y-%m-%d}",
        f"{row['n_train']:,}",
        f"{row['n_test']:,}",
        f"{row['test_rate']:.1%}",
        f"{skill[0]} ({skill[1]} to {skill[2]})",
        number(row["roc_auc"]),
        number(row["calibration_intercept"]),
    )
