"""Metadata of a training to be tracked, and what tracking returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

    from fitmodel.deals.contract import DealSpec
    from fitmodel.evaluation.metrics import Metric


class ReportLike(Protocol):
    """A training report: its out-of-time metrics and everything as JSON."""

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Name to value, interval and the base rate's own value."""

    @property
    def has_skill(self) -> bool:
        """Whether it is better than the base rate, beyond noise."""

    def to_dict(self) -> dict[str, Any]:
        """Give all results."""


@dataclass(frozen=True, eq=False)
class Begun:
    """A run that has been opened, or why it could not be."""

    run_id: str | None
    warning: str | None = None


@dataclass(frozen=True, eq=False)
class TrainingMetadata:
    """Everything `fitmodel.tracking.runs.track` stores of one training.

    Parameters
    ----------
    bundle_path
        The written bundle, ``models/<name>/<version>``; logged whole.
    spec
        The contract; its ``tracking`` section says where to.
    report
        Out-of-time metrics and all results as JSON.
    deals
        The training deals: only digest, schema and counts are stored, no row.
    example
        One made-up or typical prospect with the columns that ``predict`` reads; it is stored, so
        it must not be a real one.
    card
        The model card (Markdown).
    figures
        Name to plot: ``roc``, ``precision_recall``, ``calibration``, ``bands``.
    candidates
        The learners that were compared, one row each.
    chosen
        Settings that the learner chose, and today's level; logged as parameters ``chosen.*``.
    begun
        What `fitmodel.tracking.runs.begin` gave; without it a run is opened here.
    """

    bundle_path: Path
    spec: DealSpec
    report: ReportLike
    deals: pd.DataFrame
    example: pd.DataFrame
    card: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    candidates: pd.DataFrame | None = None
    chosen: Mapping[str, Any] = field(default_factory=dict)
    begun: Begun | None = None


@dataclass(frozen=True)
class Tracked:
    """Where a training was tracked; ``warning`` says what did not work."""

    run_id: str | None
    model_uri: str | None = None
    registry_version: int | None = None
    warning: str | None = None
