"""Numbers of a training under the names that people search for in MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fitmodel.tracking.lifecycle import TrainingMetadata

_FLAGGED = ("precision", "recall", "share_flagged", "expected_share", "net", "saved", "cost")
_COUNTS = {
    "base_rate": "early_churn_rate",
    "n_deals": "deals",
    "n_early_churners": "early_churners",
    "n_train": "train_deals",
    "n_test": "test_deals",
}


def metrics_of_flags_and_deals(facts: TrainingMetadata) -> dict[str, Any]:
    """Return what the policy flags, the counts of deals, today's level and the duration.

    Returns
    -------
    dict of str to float or None
        ``precision``, ``recall`` and ``share_flagged`` are those of the flags among the deals
        evaluated on; ``level`` is today's hazard of leaving over the long-run one.
    """
    report: Any = facts.report
    flagged = getattr(report, "flagged", {})
    level = getattr(report, "level", None)
    counts = {name: getattr(report, field, None) for field, name in _COUNTS.items()}
    return (
        {name: flagged[name] for name in _FLAGGED if name in flagged}
        | counts
        | {
            "level": None if level is None else level.factor,
            "training_seconds": facts.seconds,
        }
    )
