"""What the command line shows of results, as plain text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.leakage import LeakageReport
    from fitmodel.model.bundle import ListedBundle

NAMED = ("company", "id", "name")


def riskiest(prospects: pd.DataFrame, predictions: pd.DataFrame, number: int = 5) -> str:
    """The prospects likeliest to leave early, each with its reasons."""
    worst = predictions.sort_values("early_churn_probability", ascending=False).head(number)
    lines = []
    for label, row in worst.iterrows():
        value = row["expected_value"]
        money = "" if math.isnan(value) else f", expected value {value:,.0f}"
        lines.append(
            f"prospect {label}: {row['early_churn_probability']:.0%} "
            f"({row['probability_low']:.0%} to {row['probability_high']:.0%}), "
            f"{row['fit']} fit{money}"
        )
        lines += [f"    {reason}" for reason in row["reasons"]]
    flagged = int(predictions["poor_fit"].sum())
    lines.append(f"{flagged} of {len(prospects)} prospects are flagged as poor fit")
    return "\n".join(lines)


def audit_text(found: LeakageReport) -> str:
    """Findings of the leakage audit that need a look."""
    lines = [
        f"  {item.verdict:5} {item.attribute}: {item.evidence}. Remedy: {item.remedy}"
        for item in found.findings
        if item.verdict != "fine"
    ]
    return "\n".join(lines) or "  no attribute looks like knowledge from after the closing"


def bundles_text(bundles: tuple[ListedBundle, ...]) -> str:
    """A line per version: name, version, in use, period, skill."""
    lines = []
    for item in bundles:
        mark = "*" if item.is_current else " "
        if item.bundle is None:
            lines.append(f"{mark} {item.name} {item.version}  damaged: {item.fault}")
            continue
        manifest = item.bundle.manifest
        auc = manifest.get("metrics", {}).get("roc_auc")
        period = " to ".join(manifest.get("period", ()))
        skill = "" if auc is None else f"AUC {auc:.3f}"
        lines.append(f"{mark} {item.name} {item.version}  {skill}  deals {period}".rstrip())
    return "\n".join(lines) or "no models yet; the next step is: fitmodel train DEALS"
