"""Reports of a training, a backtest and a comparison of two models, and what builds the first."""

from __future__ import annotations

from fitmodel.evaluation._model_comparison import ModelComparison
from fitmodel.evaluation._report_classes import BacktestReport, TrainingReport
from fitmodel.evaluation._summary import summarise

__all__ = ["BacktestReport", "ModelComparison", "TrainingReport", "summarise"]
