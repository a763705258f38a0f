"""Parts of the model card: measurements, findings of the audit, and how to train it again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from fitmodel.reports._markdown import Markdown, code, escape, percent, sentence, table, table_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.reading import DealsRead
    from fitmodel.evaluation.metrics import Metric


METRICS = {
    "roc_auc": "ROC AUC (higher is better; 0.5 is chance)",
    "average_precision": "average precision (higher is better)",
    "log_loss": "log loss (lower is better)",
    "log_loss_skill": "log loss gained on the base rate (above 0 is skill)",
    "brier": "Brier score (lower is better)",
    "brier_skill": "Brier score gained on the base rate (above 0 is skill)",
    "calibration_slope": "calibration slope (1 is right; below 1: too extreme)",
    "calibration_intercept": "calibration intercept (0 is right; above 0: too low)",
    "calibration_error": "calibration error (lower is better)",
    "lift_top_tenth": "lift in the riskiest tenth (higher is better)",
}

COLUMNS = {
    "low": "from",
    "high": "to",
    "count": "deals",
    "mean_predicted": "predicted, mean",
    "observed": "left early",
    "observed_low": "at least (95%)",
    "observed_high": "at most (95%)",
    "observed_over_expected": "left early / predicted",
    "roc_auc": "ROC AUC",
    "early_churners": "left early",
    "ratio": "as seen",
    "pooled": "pooled",
    "half_life_months": "a deal this many months older counts half",
    "boosting_share": "share of boosting",
    "strength": "spread of log-odds expected",
    "behind_best": "log loss behind the best",
    "standard_error": "standard error of that",
    "log_evidence": "log evidence of the penalty, against the best",
}


def metrics(metrics: Mapping[str, Metric]) -> Markdown:
    """Write the metrics with their intervals and those of the level alone."""
    order = [
        *(key for key in METRICS if key in metrics),
        *(key for key in metrics if key not in METRICS),
    ]
    rows = [
        (METRICS.get(key, key), each.value, f"{escape(each.low)} to {escape(each.high)}", each.base)
        for key, each in ((key, metrics[key]) for key in order)
    ]
    return table(("Metric", "This model", "95% interval", "Level alone"), rows)


def glass_box_cost(cost: Metric) -> Markdown:
    """Write the gap to the black-box reference, measured in log loss."""
    return Markdown(
        f"Gap to the black-box reference (bagged gradient boosting with early stopping), in log "
        f"loss on the same deals: {escape(cost.value)} (95% interval {escape(cost.low)} to "
        f"{escape(cost.high)}); below 0 the scorecard is the better one."
    )


def leakage(findings: pd.DataFrame) -> Markdown:
    """Write the findings of the leakage audit that are not fine, and the number of fine ones."""
    if findings.empty:
        return Markdown("No attribute looked as if it was learned after closing.")
    is_fine = findings["verdict"] == "fine"
    summary = (
        f"Of the findings on the attributes {int(is_fine.sum()):,} are fine; "
        f"{int((~is_fine).sum()):,} need a look. A verdict of stop means that it was "
        "allowed by name."
    )
    return Markdown(f"{summary}\n\n{table_of(findings[~is_fine])}".rstrip())


def flagged(flagged: Mapping[str, float]) -> Markdown:
    """Write the quality of the flags on the evaluated deals."""
    if not flagged.get("share_flagged"):
        return Markdown("No deal that it was evaluated on was flagged.")
    precision, recall = percent(flagged.get("precision")), percent(flagged.get("recall"))
    share = percent(flagged["share_flagged"])
    return Markdown(
        f"In the evaluation above {share} of the deals were flagged; {precision} of these flags "
        f"were right, and they caught {recall} of the early churners."
    )


def silenced(spec: DealSpec) -> Markdown:
    """Write the checks that the contract silences, each with its reason."""
    rows = list(spec.checks.ignore.items())
    return table(("Check", "Silenced because"), rows) if rows else Markdown("")


def reproduce(block: Mapping[str, str]) -> Markdown:
    """Write everything that is needed to train the model again."""
    rows = [
        (name, code(value) if name == "command" else sentence(value))
        for name, value in block.items()
    ]
    return table(("To train it again", ""), rows) if rows else Markdown("")


PACKAGES = ("fitmodel", "scikit-learn", "interpret-core", "numpy", "pandas", "scipy")


def reproduce_block(
    source: pd.DataFrame | str | Path | DealsRead,
    spec: DealSpec,
    deals_digest: str,
    n_deals: int,
    *,
    allow: tuple[str, ...] = (),
    estimator: str | None = None,
) -> dict[str, str]:
    """Return a description of everything on which a training depends.

    Parameters
    ----------
    source : DataFrame or path
        Deals as given to `train`; of a path only the file name is kept.
    spec : DealSpec
        Contract as given to `train`.
    deals_digest : str
        Digest of the deals that were read.
    n_deals : int
        Number of deals.
    allow : tuple of str
        Attributes that were allowed by name although the leakage audit refuses them.
    estimator : str, optional
        The user's own classifier, as text.

    Returns
    -------
    dict of str to str
        `deals`, `deals digest`, `contract digest`, `seed`, `versions`, `platform` and `command`.
        The same digests, versions and seed give the same model.
    """
    contract = json.dumps(spec.to_dict(), sort_keys=True, ensure_ascii=False, default=str)
    block = {
        "deals": f"{n_deals:,} as read",
        "deals digest": deals_digest,
        "contract digest": hashlib.sha256(contract.encode()).hexdigest()[:32],
        "seed": str(spec.learning.seed),
        "versions": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES),
        "platform": f"Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        "command": _command(source, allow, estimator),
    }
    return block if estimator is None else block | {"estimator": estimator}


def _command(
    source: pd.DataFrame | str | Path | DealsRead, allow: tuple[str, ...], estimator: str | None
) -> str:
    """Return the command, or the call in Python without a file or with the user's classifier."""
    if isinstance(source, (str, Path)) and estimator is None:
        allowed = (f"--allow {shlex.quote(name)}" for name in allow)
        return " ".join(["fitmodel train", shlex.quote(Path(source).name), *allowed])
    allow_argument = f", allow={allow!r}" if allow else ""
    estimator_argument = "" if estimator is None else ", estimator=estimator"
    return f"fitmodel.train(deals, spec{allow_argument}{estimator_argument})"
