"""Evaluation of a manual edit on later deals, applied to a model that did not see them.

The model in use learned from all deals, so no deal is left to evaluate it on. The edit itself can
be evaluated: learn again from what was known at a date, apply the edit to THAT scorecard, and
compare it, deal by deal, with the same scorecard unedited on the deals signed next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fitmodel.deals.history import view_of
from fitmodel.evaluation._splits import latest_possible_split
from fitmodel.evaluation.metrics import compare_log_loss, compute_metrics
from fitmodel.evaluation.out_of_time import EVALUATION_FOLDS, options_of_a_part
from fitmodel.learning.editing import apply_edits
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import learn, learn_from_set, regime_allowed
from fitmodel.learning.stages import random_folds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.outcomes import LabelledDeals
    from fitmodel.evaluation.metrics import Metric
    from fitmodel.learning.editing import Edit
    from fitmodel.learning.learner import Learned

OPTIMISM_NOTE = (
    "Whoever made the edit may have known the outcomes of these deals. The evaluation is then too "
    "good, and only deals signed from now on can show whether the edit helps."
)


@dataclass(frozen=True, eq=False)
class ReEvaluation:
    """Comparison of the edited with the unedited model, on deals that neither learned from.

    Parameters
    ----------
    method : {"out-of-time", "cross-validation"}
        How the deals were split into training and test deals.
    split_date : Timestamp or None
        Date as of which both models were trained; None for cross-validation.
    n_deals, n_touched : int
        Number of deals evaluated, and of those whose probability the edit changes.
    difference : Metric
        Log loss with the edit minus without; below 0 the edit helps. Paired 95% interval.
    before, after : mapping of str to Metric
        All metrics without and with the edit.
    """

    method: str
    split_date: pd.Timestamp | None
    n_deals: int
    n_touched: int
    difference: Metric
    before: Mapping[str, Metric]
    after: Mapping[str, Metric]

    @property
    def verdict(self) -> str:
        """One of "nothing to evaluate", "better", "worse" and "no difference beyond chance"."""
        if self.n_touched == 0:
            return "nothing to evaluate"
        if self.difference.high < 0:
            return "better"
        return "worse" if self.difference.low > 0 else "no difference beyond chance"

    def __str__(self) -> str:
        """Describe the result, the deals it was measured on, and its limits."""
        signed = (
            "held out in turn (no order in time is known)"
            if self.split_date is None
            else f"signed since {self.split_date:%Y-%m-%d}"
        )
        evaluated = f"{self.n_deals:,} deals {signed}"
        if self.n_touched == 0:
            return f"nothing to evaluate: the edit moves the probability of none of {evaluated}"
        gap = self.difference
        return (
            f"{self.verdict}: log loss {gap.value:+.5f} with the edit ({gap.low:+.5f} to "
            f"{gap.high:+.5f}) on {evaluated}, {self.n_touched:,} of them moved by it. "
            f"The same edit was evaluated on a model that had not seen these deals. {OPTIMISM_NOTE}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the result as a dict that JSON can hold."""
        numbers = {
            name: {"without": metric.value, "with": self.after[name].value}
            for name, metric in self.before.items()
        }
        return {
            "method": self.method,
            "split_date": None if self.split_date is None else f"{self.split_date:%Y-%m-%d}",
            "n_deals": self.n_deals,
            "n_touched": self.n_touched,
            "log_loss_difference": self.difference.value,
            "low": self.difference.low,
            "high": self.difference.high,
            "verdict": self.verdict,
            "metrics": numbers,
        }


def re_evaluate(
    deals: pd.DataFrame, spec: DealSpec, edit: Edit, *, earlier: Sequence[Edit] = ()
) -> ReEvaluation:
    """Evaluate an edit on deals that the edited model did not learn from.

    Parameters
    ----------
    spec : DealSpec
        The contract that the edited model was trained with.
    edit : Edit
        The edit to evaluate.
    earlier : sequence of Edit
        Edits made before to the model in use; both models compared have them.

    Raises
    ------
    DealsError
        If there are too few early churners to learn from or to evaluate on.
    EditError
        If the model fitted again does not have the pair that the edit drops: then the effect of
        dropping it cannot be measured.
    """
    parts = []
    date, refits = _refits(deals, spec)
    for learned, test in refits:
        unedited = apply_edits(learned.scorecard, earlier)
        edited = apply_edits(unedited, [edit])
        probabilities = [
            scorecard.probability(encode(scorecard.columns, test.attributes))
            for scorecard in (unedited, edited)
        ]
        base = np.full(len(test), learned.scorecard.base_rate)
        parts.append((test.early_churn, test.weight, base, *probabilities))
    y, weight, base, p_without, p_with = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    seed = spec.learning.seed
    before, after = (
        compute_metrics(y, p, weight=weight, base_rate=base, seed=seed) for p in (p_without, p_with)
    )
    return ReEvaluation(
        "cross-validation" if date is None else "out-of-time",
        date,
        len(y),
        int((p_without != p_with).sum()),
        compare_log_loss(y, p_with, p_without, weight=weight, seed=seed),
        before,
        after,
    )


def _refits(
    deals: pd.DataFrame, spec: DealSpec
) -> tuple[pd.Timestamp | None, list[tuple[Learned, LabelledDeals]]]:
    """Return models in the regime of all deals, each with deals that it did not see."""
    view = view_of(deals, spec)
    labelled, training_set = view.labelled(), view.training_set()
    options = options_of_a_part(regime_allowed(training_set))
    if spec.has_dates:
        split = latest_possible_split(view, spec)
        learned = learn(split.train, spec, **options)
        return split.date, [(learned, split.test.labelled(learned.training_set.dates))]
    refits = []
    for fold in random_folds(training_set, seed=spec.learning.seed, n_folds=EVALUATION_FOLDS):
        learned = learn_from_set(fold.train, spec, **options)
        refits.append((learned, labelled.subset(labelled.index.isin(fold.test.index))))
    return None, refits
