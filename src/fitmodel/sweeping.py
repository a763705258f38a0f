"""Training of several variants of a contract: other horizons, other attributes, other policies.

contract -> variants -> one training each, as a child run of one run -> a table that compares them
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.exceptions import DealsError, SpecError
from fitmodel.tracking.lifecycle import RunOptions
from fitmodel.tracking.run_log import begin_sweep, end_sweep
from fitmodel.training import train_as

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fitmodel.deals.contract import DealSpec
    from fitmodel.training import TrainingRun

COMPARED = ("log_loss_skill", "log_loss", "roc_auc", "average_precision", "brier")
_FLAGS = ("precision", "recall", "share_flagged")
_INVALID_IN_FOLDER_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, eq=False, repr=False)
class Sweep:
    """Result of `sweep`.

    Attributes
    ----------
    table : DataFrame
        One row per variant: horizon in months, mature deals, early-churn rate, metrics on held-out
        deals, results of its policy's flags, run, bundle, and an error if it could not be trained.
        Losses of different horizons are not comparable: compare ``log_loss_skill`` and
        ``roc_auc``.
    runs : dict of str to TrainingRun
        Trainings by variant, of those that could be trained.
    run_id : str or None
        The parent MLflow run of the variants' runs; None if the store did not answer.
    """

    table: pd.DataFrame
    runs: dict[str, TrainingRun]
    run_id: str | None

    def __repr__(self) -> str:
        return f"<Sweep of {len(self.table)} variants>\n{self.table.to_string(index=False)}"

    def _repr_html_(self) -> str:
        html: str = self.table.to_html(index=False)
        return html


def sweep(
    deals: pd.DataFrame | str | Path,
    spec: DealSpec,
    *,
    horizons: Iterable[float] = (),
    variants: Mapping[str, Mapping[str, Any]] | None = None,
    models: str | Path = "sweep",
    allow: tuple[str, ...] = (),
    run_name: str = "sweep",
    tags: Mapping[str, str] | None = None,
    experiment: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Sweep:
    """Train variants of a contract and compare them; none is registered or put in use.

    Parameters
    ----------
    deals : DataFrame or path
        Past deals, as for `train`.
    spec : DealSpec
        The contract from which the variants differ.
    horizons : iterable of number
        Horizons in months, within which leaving is early churn; one variant for each.
    variants : mapping of str to mapping, optional
        Name of each variant, and its changed sections, as `DealSpec.replace` takes them.
    models : path, default="sweep"
        Folder for the bundles, with one subfolder per variant.
    allow : tuple of str
        Attributes to keep although the leakage audit rejects them, as for `train`.
    run_name, tags, experiment
        Name, tags and experiment of the parent MLflow run of the variants' runs.
    progress : callable, optional
        Called with the name of each variant when it begins.

    Returns
    -------
    Sweep
        Table of the variants, and their trainings.

    Raises
    ------
    SpecError
        If there is no variant, or a variant changes a setting that does not exist.
    DealsError
        If no variant can be trained; the message has the reason of each.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(700, seed=1)
    >>> result = fitmodel.sweep(sim.deals, sim.spec, horizons=[3, 5])  # doctest: +SKIP
    >>> result.table[["variant", "roc_auc"]]  # doctest: +SKIP
    """
    specs = _specs(spec, horizons, variants or {})
    report_step = progress or (lambda _step: None)
    parent = begin_sweep(spec, RunOptions(run_name, tags or {}, experiment))
    runs: dict[str, TrainingRun] = {}
    rows = []
    try:
        for name, each in specs.items():
            report_step(name)
            options = RunOptions(name, {"fitmodel.variant": name}, register=False, parent=parent)
            folder = Path(models) / _INVALID_IN_FOLDER_NAME.sub("_", name)
            try:
                runs[name] = train_as(options, deals, each, folder, allow)
                rows.append(_row(name, each, runs[name]))
            except DealsError as error:
                rows.append({"variant": name, "horizon": _horizon(each), "error": str(error)})
    finally:
        table = pd.DataFrame(rows)
        end_sweep(spec, parent, table)
    if not runs:
        reasons = "\n".join(f"{row['variant']}: {row['error']}" for row in rows)
        raise DealsError(f"not one of {len(rows)} variant(s) can be trained:\n{reasons}")
    return Sweep(table, runs, parent)


def _specs(
    spec: DealSpec, horizons: Iterable[float], variants: Mapping[str, Mapping[str, Any]]
) -> dict[str, DealSpec]:
    specs = {
        f"{months:g} months": spec.replace(label={"horizon_months": months}) for months in horizons
    }
    specs |= {name: spec.replace(**sections) for name, sections in variants.items()}
    if not specs:
        raise SpecError("there is nothing to compare. Remedy: give horizons or variants.")
    return specs


def _horizon(spec: DealSpec) -> float:
    return float(spec.label.horizon_months)


def _row(name: str, spec: DealSpec, run: TrainingRun) -> dict[str, Any]:
    report = run.report
    metrics = {key: report.metrics[key].value for key in COMPARED if key in report.metrics}
    flags = {key: report.flagged[key] for key in _FLAGS if key in report.flagged}
    return {
        "variant": name,
        "horizon": _horizon(spec),
        "deals": report.n_mature,
        "early_churn_rate": report.base_rate,
        **metrics,
        **flags,
        "run_id": run.run_id,
        "bundle": str(run.bundle_path),
        "error": None,
    }
