"""From a judgement to the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.deals.outcomes import censoring_weights, kaplan_meier, outcomes
from fitmodel.deals.roles import yearly_amounts
from fitmodel.evaluation.calibration import compute_calibration
from fitmodel.evaluation.flags import compute_flagged
from fitmodel.evaluation.judging import glass_box_cost
from fitmodel.evaluation.metrics import compute_metrics
from fitmodel.evaluation.report import TrainingReport
from fitmodel.evaluation.subgroups import compute_subgroups

if TYPE_CHECKING:
    from typing import Protocol

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.deals.contract import DealSpec
    from fitmodel.evaluation.judging import Judgement

    class Flagging(Protocol):
        """A decision policy, of which only the flags and the words are needed here."""

        @property
        def kind(self) -> str: ...  # noqa: D102 - as in Policy
        @property
        def description(self) -> str: ...  # noqa: D102 - as in Policy
        def poor_fit(  # noqa: D102 - as in Policy
            self, p: NDArray[np.float64], amount: NDArray[np.float64] | None = None
        ) -> NDArray[np.bool_]: ...


CROSS_VALIDATED = (
    "only a tenure is known, no closing dates: judged by stratified cross-validation, not out of "
    "time, so a change over the years would not be seen"
)


TUNED = (
    "the flags are counted on the same deals that set the threshold, so their precision and recall "
    "flatter a little; the metrics above do not depend on it"
)


def summarise(
    table: pd.DataFrame,
    spec: DealSpec,
    judgement: Judgement,
    candidates: pd.DataFrame,
    policy: Flagging,
    leakage: pd.DataFrame,
) -> TrainingReport:
    """Gather everything a training says of itself.

    Parameters
    ----------
    table : DataFrame
        All deals.
    spec : DealSpec
    judgement : Judgement
    candidates : DataFrame
        The learner's table of the model shipped.
    policy : Policy
    leakage : DataFrame
        The audit's findings.
    """
    found = outcomes(table, spec)
    judgeable = found[found["mature"]] if spec.has_dates else found
    weights = censoring_weights(judgeable, spec.label.horizon_months)
    curve = kaplan_meier(found["followup_months"].to_numpy(), found["left"].to_numpy())
    judged = judgement.table
    y, p, w = (judged[name].to_numpy() for name in ("early_churn", "probability", "weight"))
    seed = spec.learning.seed
    metrics = compute_metrics(y, p, weight=w, base_rate=judged["base_rate"].to_numpy(), seed=seed)
    closing = None if spec.deals.closed_on is None else table[spec.deals.closed_on]
    notes = () if judgement.method == "out-of-time" else (CROSS_VALIDATED,)
    if policy.kind in {"capacity", "precision"}:
        notes = (*notes, TUNED)
    return TrainingReport(
        method=judgement.method,
        split_date=judgement.split_date,
        n_deals=len(table),
        n_mature=int(found["mature"].sum()),
        n_censored=int(found["early_churn"].isna().sum()),
        n_early_churners=int((found["early_churn"] == 1).sum()),
        n_train=judgement.n_train,
        n_test=len(judged),
        base_rate=float(1 - curve.at(float(spec.label.horizon_months))),
        period=(None, None) if closing is None else (closing.min().date(), closing.max().date()),
        effective_sample_size=weights.effective_sample_size,
        capped_weights=weights.capped,
        metrics=metrics,
        calibration=compute_calibration(y, p, w),
        candidates=candidates,
        glass_box_cost=glass_box_cost(judgement, seed=seed),
        leakage=leakage,
        subgroups=compute_subgroups(judgement.attributes, y, p, w),
        policy=policy.description,
        flagged=_flags(table, spec, judged, policy),
        notes=notes,
        predictions=judged[["early_churn", "probability", "weight"]],
    )


def _flags(
    table: pd.DataFrame, spec: DealSpec, judged: pd.DataFrame, policy: Flagging
) -> dict[str, float]:
    """How the policy's flags did on the judged deals."""
    given = spec.deals.amount is not None
    amount = yearly_amounts(table, spec).loc[judged.index].to_numpy(float) if given else None
    flagged = policy.poor_fit(judged["probability"].to_numpy(), amount)
    return compute_flagged(judged["early_churn"].to_numpy(), flagged, judged["weight"].to_numpy())
