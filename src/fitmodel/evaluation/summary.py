"""Construction of the training report from an evaluation."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.deals.roles import yearly_amounts
from fitmodel.evaluation._calibration import NORMAL_95, compute_calibration
from fitmodel.evaluation._flags import compute_flagged, compute_money_curve
from fitmodel.evaluation._groups import compute_pooled_groups, compute_subgroups
from fitmodel.evaluation._report_classes import TrainingReport
from fitmodel.evaluation.metrics import Metric, compute_metrics
from fitmodel.evaluation.out_of_time import gap_to_black_box

if TYPE_CHECKING:
    from typing import Any, Protocol

    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.enough import Regime
    from fitmodel.deals.history import HistoryView
    from fitmodel.evaluation.out_of_time import Evaluation
    from fitmodel.learning.level import Change, Level

    class Flagging(Protocol):
        """A decision policy; only its flags, its description and its money are used here."""

        @property
        def kind(self) -> str: ...  # noqa: D102 - as in Policy
        @property
        def description(self) -> str: ...  # noqa: D102 - as in Policy
        @property
        def money(self) -> Any: ...  # noqa: D102 - as in Policy
        def poor_fit(  # noqa: D102 - as in Policy
            self, p: NDArray[np.float64], amount: NDArray[np.float64] | None = None
        ) -> NDArray[np.bool_]: ...


MISFIT = 0.52
"""Standard deviation, in log-odds, of what no scorecard of the attributes contains: the two priors
of the interval, 0.44 and 0.28, together (docs/concepts/learning.md)."""


def summarise(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    evaluation: Evaluation,
    candidates: pd.DataFrame,
    policy: Flagging,
    leakage: pd.DataFrame,
    *,
    evaluated_policy: Flagging | None = None,
    expected_share: float | None = None,
    level: Level | None = None,
    changes: tuple[Change, ...] = (),
    regime: Regime = "full",
    association: float | None = None,
) -> TrainingReport:
    """Build the report of a training.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        All deals.
    evaluation : Evaluation
        Predictions of deals that the model was not trained on.
    candidates : DataFrame
        The learner's table of candidates for the shipped model.
    policy : Policy
        Decision policy shipped with the model.
    leakage : DataFrame
        Findings of the leakage audit.
    evaluated_policy : Policy, optional
        Policy chosen on the deals that the evaluated model learned from; its flags are evaluated on
        later deals. Default: the shipped policy, which must then not depend on these deals.
    expected_share : float, optional
        Share of prospects like those learned from that the shipped model flags.
    level : Level, optional
        Today's level of early churn in the shipped model.
    changes : tuple of Change
        Groups that the shipped model predicts at their own present level.
    regime : {"full", "provisional"}
        Regime of learning of the shipped model.
    association : float, optional
        P value of the global test of a provisional model, see `TrainingReport`.
    """
    view = view_of(deals, spec)
    table, early = view.deals, view.early_churn
    evaluated = evaluation.table
    y, p, w = (evaluated[name].to_numpy() for name in ("early_churn", "probability", "weight"))
    seed = spec.learning.seed
    metrics = compute_metrics(
        y, p, weight=w, base_rate=evaluated["base_rate"].to_numpy(), seed=seed
    )
    closing = None if spec.deals.closed_on is None else table[spec.deals.closed_on]
    return TrainingReport(
        method=evaluation.method,
        split_date=evaluation.split_date,
        n_deals=len(table),
        n_mature=int(view.mature.sum()),
        n_censored=int(np.isnan(early).sum()),
        n_early_churners=int((early == 1).sum()),
        n_train=evaluation.n_train,
        n_test=len(evaluated),
        base_rate=float(1 - view.survival.at(float(spec.label.horizon_months))),
        period=(None, None) if closing is None else (closing.min().date(), closing.max().date()),
        effective_sample_size=view.label_weights.effective_sample_size,
        capped_weights=view.label_weights.capped,
        metrics=metrics,
        calibration=compute_calibration(y, p, w),
        candidates=candidates,
        black_box_gap=gap_to_black_box(evaluation, seed=seed),
        leakage=leakage,
        subgroups=compute_subgroups(evaluation.attributes, y, p, w),
        policy=policy.description,
        flagged=_flags(table, spec, evaluated, evaluated_policy or policy, expected_share),
        notes=evaluation.notes,
        level=level,
        changes=changes,
        regime=regime,
        association=association,
        pooled_groups=compute_pooled_groups(
            evaluation.attributes,
            y,
            p,
            w,
            closed_on=None if closing is None else closing.loc[evaluated.index].to_numpy(),
        ),
        money_curve=_money_curve(table, spec, evaluated, policy),
        predictions=evaluated[["early_churn", "probability", "weight"]],
        level_error=level_error(evaluation),
    )


def _money_curve(
    table: pd.DataFrame, spec: DealSpec, evaluated: pd.DataFrame, policy: Flagging
) -> pd.DataFrame:
    """Return the money saved by flagging from each threshold on; empty without money or amounts."""
    if policy.money is None or spec.deals.amount is None:
        return pd.DataFrame()
    amounts = np.asarray(yearly_amounts(table, spec).loc[evaluated.index], dtype=np.float64)
    return compute_money_curve(
        evaluated["early_churn"],
        evaluated["probability"],
        policy.money.value_if_leaves(amounts, evaluated["probability"].to_numpy()),
        policy.money.value_if_stays(amounts, evaluated["probability"].to_numpy()),
        evaluated["weight"],
    )


def _flags(
    table: pd.DataFrame,
    spec: DealSpec,
    evaluated: pd.DataFrame,
    policy: Flagging,
    expected_share: float | None,
) -> dict[str, float]:
    """Evaluate the policy's flags, and add the share that the shipped policy will flag."""
    amount = None
    if spec.deals.amount is not None:
        amount = np.asarray(yearly_amounts(table, spec).loc[evaluated.index], dtype=np.float64)
    flagged = policy.poor_fit(evaluated["probability"].to_numpy(), amount)
    counts = compute_flagged(
        evaluated["early_churn"].to_numpy(), flagged, evaluated["weight"].to_numpy()
    )
    return counts if expected_share is None else {**counts, "expected_share": expected_share}


def level_is_off(report: TrainingReport) -> bool:
    """Return whether more, or fewer, customers left early than predicted, beyond chance.

    The interval of the calibration intercept treats the model as fixed. It is widened by the error
    of the evaluated model, see `level_error`; else one company in nine whose level never changes
    would get a warning.
    """
    error = report.level_error
    if error is None:
        churners = report.n_early_churners * report.n_train / max(report.n_deals, 1)
        error = _error_of_level(churners * (1 - report.base_rate))
    return _is_off(report.metrics["calibration_intercept"], error)


def level_error(evaluation: Evaluation) -> float | None:
    """Return the standard error of the evaluated model's mean, in log-odds; None without one model.

    It learned its level from few early churners, whose information is smaller where predictions
    differ much. Its effects are uncertain too, and the tested deals are not the mean deal: each
    attribute adds 1/n of both samples (as in a linear regression). What no scorecard contains does
    not cancel out over the tested deals (`MISFIT`). What a moving level may do until the deals were
    signed is not allowed for: that is what the warning is about.
    """
    learned = evaluation.learned
    if learned is None:
        return None
    p, weight = (evaluation.table[name].to_numpy() for name in ("probability", "weight"))
    mean = float(np.average(p, weights=weight))
    spread = float(np.average(p * (1 - p), weights=weight)) / max(mean * (1 - mean), 1e-12)
    churners = float((learned.training_set.early_churn == 1).sum())
    tested = weight.sum() ** 2 / (weight**2).sum()
    mix = 1 + evaluation.attributes.shape[1] * (1 / tested + 1 / max(evaluation.n_train, 1))
    variance = _error_of_level(churners * (1 - mean) * spread) ** 2 * mix + MISFIT**2 / tested
    return float(np.sqrt(variance))


def _error_of_level(information: float) -> float:
    return float(1 / np.sqrt(max(information, 1e-12)))


def _is_off(intercept: Metric, error: float, looks: int = 1) -> bool:
    """Return whether an intercept is beyond chance and the error of the model's level.

    With several looks, all together are wrong in 5% of the cases.
    """
    wider = NormalDist().inv_cdf(1 - 0.025 / looks) / NORMAL_95
    half = NORMAL_95 * error
    down = wider * np.hypot(intercept.value - intercept.low, half)
    up = wider * np.hypot(intercept.high - intercept.value, half)
    return bool(intercept.value > down or intercept.value < -up)


def describe_level_of_cuts(pooled: Metric, cuts: pd.DataFrame) -> str | None:
    """Return a warning if predictions of a backtest are too high or too low; None if they are not.

    Parameters
    ----------
    pooled : Metric
        Calibration intercept of all cuts together.
    cuts : DataFrame
        The cuts, as in `BacktestReport`.
    """
    columns = ["date", "calibration_intercept", "calibration_intercept_low",
               "calibration_intercept_high", "n_train", "train_rate"]  # fmt: skip
    rows = list(cuts[columns].itertuples(index=False, name=None))
    *_, n_first, rate = rows[0]
    texts = []
    looks = 1 if len(rows) == 1 else 1 + len(rows)  # at all cuts together, and at each
    if _is_off(pooled, _error_of_level(n_first * rate * (1 - rate)), looks):
        texts.append(f"over all cuts {_intercept_text(pooled)}")
    for date, value, low, high, n_train, rate in rows if len(rows) > 1 else ():
        own = Metric("calibration_intercept", value, low, high, base=0.0, resamples=0)
        if _is_off(own, _error_of_level(n_train * rate * (1 - rate)), looks):
            texts.append(f"after {date:%Y-%m-%d} {_intercept_text(own)}")
    if not texts:
        return None
    return (
        f"customers left early more or less often than predicted, beyond chance: {'; '.join(texts)}"
        " (calibration intercept in log-odds). Remedy: look at the level over time (`fitmodel "
        "check`, FM204), and retrain on later deals"
    )


def _intercept_text(intercept: Metric) -> str:
    often = "more" if intercept.value > 0 else "less"
    return f"{often} often, {intercept.value:+.2f} ({intercept.low:+.2f} to {intercept.high:+.2f})"
