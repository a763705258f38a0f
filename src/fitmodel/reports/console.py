"""Texts of results that the command line prints."""

from __future__ import annotations

import math
import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.checks.registry import code_of
from fitmodel.crm.timeline import SOURCES
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from fitmodel.bundle.store import ListedBundle
    from fitmodel.crm.timeline import Timeline
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.language.catalogue import Say
    from fitmodel.leakage.audit import LaterValue, LeakageReport
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.tracking.registry import RegisteredVersion

DEMO_DEALS = 4_000
DEMO_PROSPECTS = 200
METRICS = ("roc_auc", "average_precision", "log_loss", "brier")
SIX_DIGITS = 100_000
_KEYS = {text: f"source_{code}" for code, text in SOURCES.items()}


def demo_deals(data: str) -> tuple[pd.DataFrame, DealSpec, pd.DataFrame, str]:
    """Return deals for a demonstration, their contract, separate prospects and a description."""
    if data == "saas":
        from fitmodel.datasets.simulation import simulate_deals, simulate_prospects

        simulated = simulate_deals(DEMO_DEALS, seed=0)
        prospects = simulate_prospects(DEMO_PROSPECTS, seed=1).prospects
        origin = (
            f"{DEMO_DEALS:,} simulated deals of a software company, and {DEMO_PROSPECTS} simulated "
            "prospects that are not signed yet."
        )
        return simulated.deals, simulated.spec, prospects, origin
    from fitmodel.datasets.telco import load_telco

    table, spec = load_telco()
    prospects = table.sample(DEMO_PROSPECTS, random_state=0)
    origin = (
        f"Telco: {len(table):,} customers of a telephone company. {DEMO_PROSPECTS} of them, drawn "
        "at random, are set\napart before training and play the prospects."
    )
    return table.drop(index=prospects.index), spec, prospects, origin


def next_steps(spec: DealSpec, bundle: Path) -> str:
    """Return commands to try after the demonstration."""
    from fitmodel.tracking.connection import tracking_uri, without_password

    store = without_password(tracking_uri(spec.tracking.uri))
    lines = (
        "Next, with a table of your own:",
        "  fitmodel init deals.csv       guesses the columns and writes fitmodel.toml",
        "  fitmodel train deals.csv",
        "  fitmodel score prospects.csv --model models/prospect-fit --output scored.csv",
        "or look at this run and this model:",
        f"  mlflow ui --backend-store-uri {store}",
        f"  fitmodel models show --model {bundle.parent}",
    )
    return "\n".join(lines)


def riskiest(model: FitModel, prospects: pd.DataFrame, number: int = 5) -> str:
    """Return the prospects with the highest probability of early churn, each with its reasons."""
    predictions = model.predict(prospects, reasons=0)
    highest = predictions["early_churn_probability"].nlargest(number).index
    lines = []
    for label in highest:
        verdict, *others = str(model.predict(prospects.loc[label].to_dict())).splitlines()
        lines += [f"prospect {label}: {verdict}", *(f"    {line}" for line in others)]
    flagged, escalated = (int(predictions[name].sum()) for name in ("poor_fit", "escalate"))
    lines.append(f"{flagged} of {len(prospects)} prospects are flagged as poor fit")
    if escalated:
        lines.append(f"{escalated} of these are for a manager to decide")
    return "\n".join(lines)


def labels_text(view: HistoryView) -> str:
    """Return the number of deals by outcome, and their Kaplan-Meier rate of early churn."""
    horizon = view.spec.label.horizon_months
    early, known = view.early_churn == 1, ~np.isnan(view.early_churn)
    undated = int((~known & ~np.isnan(view.left_by_months)).sum())
    try:
        rate = 1.0 - view.survival.at(float(horizon))
    except DealsError:  # no deal was followed from its signing
        rate = math.nan
    shown = "unknown" if math.isnan(rate) else f"{rate:.1%}"
    left = f", {undated:,} that left on an unknown day" if undated else ""
    return (
        f"{len(view):,} deals without errors: {int(known.sum()):,} with a known outcome, of which "
        f"{int(early.sum()):,} left early (within {horizon} months){left}, and "
        f"{int((~known).sum()) - undated:,} too young to tell\n"
        f"early-churn rate {shown} (Kaplan-Meier: a young deal counts for as long as it was seen)"
    )


def audit_text(audit: LeakageReport) -> str:
    """Return the findings of the leakage audit that are not fine, with their remedies."""
    lines = [
        f"  {item.verdict:5} {code_of(item.source).code} {item.attribute}: {item.evidence}. "
        f"Remedy: {item.remedy}"
        for item in audit.findings
        if item.verdict != "fine"
    ]
    if audit.stopped:
        names = " ".join(f"--allow {shlex.quote(name)}" for name in audit.stopped)
        lines.append(
            f"  Training refuses {len(audit.stopped)} of them until they are excluded, or, where "
            f"surely known before signing, allowed by name: {names}"
        )
    return "\n".join(lines) or "  no attribute looks like knowledge from after the closing"


def bundles_text(
    bundles: tuple[ListedBundle, ...], registered: tuple[RegisteredVersion, ...] = ()
) -> str:
    """Return a line per version: name, version, in use, registry number, aliases, age, skill."""
    lines = []
    numbers = {(item.name, item.bundle_version): _number(item) for item in registered}
    for item in bundles:
        number = numbers.pop((item.name, item.version), "")
        mark = "*" if item.is_current else " "
        if item.bundle is None:
            lines.append(f"{mark} {item.name} {item.version}  damaged: {item.problem}")
            continue
        manifest = item.bundle.manifest
        auc = manifest.get("metrics", {}).get("roc_auc")
        period = _period(manifest.get("period", ()))
        skill = "" if auc is None else f"  AUC {auc:.3f}"
        if manifest.get("report", {}).get("has_skill") is False:
            skill += " (no evidence of skill)"
        if manifest.get("report", {}).get("regime") == "provisional":
            skill += " (provisional)"
        age = _age(manifest.get("created_at"))
        edited = "  edited by hand" if manifest.get("edits") else ""
        lines.append(f"{mark} {item.name} {item.version}{number}{age}{skill}{period}{edited}")
    lines += [
        f"  {name} {version or '?'}{number}  in the registry, not in this folder"
        for (name, version), number in numbers.items()
    ]
    return "\n".join(lines) or "no models yet; the next step is: fitmodel train DEALS"


def _number(item: RegisteredVersion) -> str:
    """Return the registry's number and aliases of a version."""
    return f"  version {item.version}" + (f" {' '.join(item.aliases)}" if item.aliases else "")


def _age(created_at: str | None) -> str:
    from datetime import UTC, datetime

    if created_at is None:
        return ""
    days = (datetime.now(UTC) - datetime.fromisoformat(created_at)).days
    return "  made today" if days < 1 else f"  {days:,} days old"


def model_text(model: FitModel) -> str:
    """Return a description of a model: version, period, quality, flags and required columns."""
    manifest = model.manifest
    metrics = manifest.get("metrics", {})
    rows = {
        "version": model.version,
        "deals": _period(manifest.get("period", ())).removeprefix("  deals ") or "no dates",
        "run": manifest.get("run_id") or "not tracked",
        **{name: f"{metrics[name]:.4f}" for name in METRICS if name in metrics},
        "policy": model.scorer.policy.description,
        "attributes": ", ".join(model.attributes),
        **_edits(manifest),
    }
    return "\n".join(f"{name:17}  {text}" for name, text in rows.items())


def _edits(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"edited by hand {number}": f"{edit['words']} (by {edit['by']}, because: {edit['reason']})"
        for number, edit in enumerate(manifest.get("edits", ()), start=1)
    }


def _period(days: list[str] | tuple[str, ...]) -> str:
    known = [day for day in days if day != "None"]
    return f"  deals {' to '.join(known)}" if known else ""


@contextmanager
def progress_bar(total: int | None) -> Iterator[Callable[[int], object]]:
    """Yield a function that counts rows; it shows a bar on a terminal, and nothing in a pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    columns = ("scoring", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("scoring", total=total)
        yield lambda rows: bar.advance(task, rows)


def later_values_text(changed: Sequence[LaterValue], language: str = "en") -> str:
    """Return the columns that changed after closing, for how many deals, and their effect."""
    say = phrases(language, "history")
    if not changed:
        return say("later_none")
    lines = [f"  {later_value_text(item, language)}" for item in changed]
    return "\n".join([say("later_head"), *lines])


def later_value_text(item: LaterValue, language: str = "en") -> str:
    """Return a text on one column whose values today differ from those at closing."""
    return phrases(language, "history")(
        "later",
        column=item.column,
        deals=f"{item.deals:,}",
        known=f"{item.known:,}",
        leavers=f"{item.among_leavers:.0%}",
        others=f"{item.among_others:.0%}",
        then=f"{item.auc_then:.2f}",
        today=f"{item.auc_today:.2f}",
    )


def timeline_text(shown: Timeline, language: str = "en") -> str:
    """Return a text on one deal: each field at closing and today, its attributes and events."""
    say = phrases(language, "history")
    lines = [say("timeline", deal=shown.deal, day=str(shown.moment.astype("datetime64[D]")))]
    fields: Any = shown.fields.itertuples()
    lines += [f"  {_field_text(row, say)}" for row in fields]
    lines += [
        f"  {name}: {say('not_known') if pd.isna(value) else _rounded(value)}"
        for name, value in shown.derived.items()
    ]
    lines.append(say("recorded"))
    records: Any = shown.records.itertuples()
    for row in records:
        mark = " " if row.known else "x"
        lines.append(f"  {mark} {row.at:%Y-%m-%d %H:%M}  {row.table}  {row.what}")
    lines.append(say("too_late"))
    return "\n".join(lines)


def _rounded(value: Any) -> str:
    """Six digits, or all before the point: an amount of millions is not written as 1e+06."""
    return f"{value:.0f}" if abs(value) >= SIX_DIGITS else f"{value:g}"


def _field_text(row: Any, say: Say) -> str:
    since = "" if pd.isna(row.recorded_at) else f" {row.recorded_at:%Y-%m-%d %H:%M}"
    later = say("later_changes", number=row.later_changes) if row.later_changes else ""
    return say(
        "field",
        name=row.attribute,
        value=say("empty") if pd.isna(row.value) else row.value,
        today=say("empty") if pd.isna(row.today) else row.today,
        source=say(_KEYS[row.source]) + since,
        later=later,
    )
