"""Reports of a training and of a backtest, and the comparison of two models."""

from __future__ import annotations

from fitmodel.evaluation._model_comparison import ModelComparison
from fitmodel.evaluation._report_classes import BacktestReport, TrainingReport

__all__ = ["BacktestReport", "ModelComparison", "TrainingReport"]
