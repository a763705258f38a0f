"""Old names of modules and their contents, so that old programs and pickles keep working.

A bundle's pickled estimator refers to its classes by the modules of the version that wrote it.
Importing an old module gives a module that looks up its names in their new modules.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOVED = {
    "checks.results": "checks.registry",
    "cli.briefing": "cli.reporting",
    "cli.comparing": "cli.training",
    "cli.exporting": "cli.scoring cli.training",
    "cli.logs": "cli.app",
    "cli.quizzing": "cli.monitoring",
    "crm.later": "crm.timeline",
    "datasets.timeline": "datasets.mechanism",
    "deals.cautions": "deals.validation deals._table_errors",
    "deals.censoring": "deals.outcomes deals._censoring",
    "deals.competing_exits": "deals.history_findings deals._censoring",
    "deals.contract_terms": "deals.history_findings deals._horizons",
    "deals.crm_names": "leakage.names",
    "deals.csv_form": "tables.csv_form",
    "deals.data_warnings": "deals.validation deals._table_errors",
    "deals.dates": "deals.roles tables.values",
    "deals.days": "tables._date_text",
    "deals.decimals": "tables._number_text",
    "deals.errors": "deals.validation deals._table_errors",
    "deals.faults": "deals.validation deals._table_errors",
    "deals.file_faults": "tables.opening",
    "deals.files": "tables.files",
    "deals.guess_attributes": "guessing._roles",
    "deals.guess_money": "guessing._money",
    "deals.guess_text": "guessing._draft",
    "deals.guessing": "guessing.guess",
    "deals.history_sections": "deals.contract deals._history_sections",
    "deals.history_tests": "deals.history_findings",
    "deals.history_view": "deals.history deals._history_view",
    "deals.horizons": "deals.history_findings deals._horizons",
    "deals.ids": "deals.roles",
    "deals.leakage": "leakage.audit",
    "deals.leakage_attribute": "leakage._attribute",
    "deals.leakage_checks": "leakage._checks",
    "deals.leakage_history": "leakage._attribute",
    "deals.leakage_names": "leakage.names",
    "deals.leakage_statistics": "leakage.statistics",
    "deals.leaving": "deals.roles",
    "deals.level_shift": "deals.history_findings",
    "deals.lost": "deals.vocabulary",
    "deals.missing_leavers": "deals.history_findings",
    "deals.money_format": "tables.cells",
    "deals.observation": "deals.outcomes",
    "deals.propensity": "deals.outcomes deals._censoring",
    "deals.protected_names": "leakage.names",
    "deals.role_names": "guessing._names",
    "deals.row_rules": "deals.contract deals._settings_sections",
    "deals.rows": "deals.reading deals._rows",
    "deals.sections": "deals.contract deals._sections",
    "deals.settings_sections": "deals.contract deals._settings_sections",
    "deals.settling": "deals.reading deals._settling",
    "deals.spellings": "tables.cells",
    "deals.survival_replicates": "deals.survival_estimates",
    "deals.tidying": "tables.tidying",
    "deals.training_deals": "deals.outcomes",
    "deals.unknown_days": "deals.survival_estimates",
    "deals.values": "tables.cells tables.values",
    "decision.lifetime": "decision.money_settings",
    "decision.money_lines": "decision.conditions",
    "decision.suggest": "decision.money_settings",
    "evaluation.ageing": "evaluation.backtest",
    "evaluation.calibration": "evaluation.figures evaluation._calibration",
    "evaluation.curves": "evaluation.figures evaluation._curves",
    "evaluation.disagreement": "evaluation.figures evaluation._disagreement",
    "evaluation.flags": "evaluation.figures evaluation._flags",
    "evaluation.fonts": "evaluation.drawing",
    "evaluation.groups": "evaluation.figures evaluation._groups",
    "evaluation.instability": "evaluation.figures evaluation._instability",
    "evaluation.judging": "evaluation.out_of_time",
    "evaluation.learning_curve": "evaluation.figures evaluation.sample_size",
    "evaluation.level_plot": "evaluation._table_plots",
    "evaluation.model_comparison": "evaluation.report",
    "evaluation.net_benefit": "evaluation.figures evaluation._flags",
    "evaluation.pages": "evaluation._pages",
    "evaluation.paired": "evaluation.comparison",
    "evaluation.plots": "evaluation.figures evaluation.drawing evaluation._plots",
    "evaluation.pooled_groups": "evaluation._groups",
    "evaluation.recalibration": "evaluation._calibration",
    "evaluation.rejudging": "evaluation.re_evaluation",
    "evaluation.skill": "evaluation.metrics",
    "evaluation.smooth_calibration": "evaluation.figures evaluation._smooth_calibration",
    "evaluation.splits": "evaluation._splits",
    "evaluation.subgroups": "evaluation._groups",
    "evaluation.survival_plots": "evaluation._table_plots",
    "evaluation.table_plots": "evaluation.figures evaluation._table_plots",
    "evaluation.time_plots": "evaluation.figures evaluation._table_plots",
    "following": "loading",
    "guessing.doubts": "guessing.questions",
    "language.messages": "language.catalogue",
    "leakage.later_values": "leakage.audit",
    "learning._edit_rows": "learning._edit_targets",
    "learning._misfit": "learning._uncertainty",
    "learning._provisional": "learning._evidence",
    "learning._recoding": "learning._edit_targets",
    "learning._unknown_days": "learning.level",
    "learning.additive": "learning._additive",
    "learning.black_box": "learning.stages learning._other_classifiers",
    "learning.book": "learning.scorecard learning.scorecard_checks",
    "learning.book_checks": "learning.scorecard_checks",
    "learning.boosted": "learning.stages learning._additive",
    "learning.bounded": "learning._logistic",
    "learning.components": "learning.stages learning._components",
    "learning.design": "learning._design",
    "learning.edit_targets": "learning._edit_targets",
    "learning.fitting": "learning.stages learning._fitting",
    "learning.flatten": "learning._flatten",
    "learning.folds": "learning.stages learning._sampling",
    "learning.imputation": "learning.stages learning._imputation",
    "learning.isotonic": "learning.calibration",
    "learning.options": "learning.settings",
    "learning.proportional_odds": "learning.stages learning._proportional_odds",
    "learning.recoding": "learning._edit_targets",
    "learning.sampling": "learning.stages learning._sampling",
    "learning.selection": "learning.stages learning._selection",
    "learning.threads": "learning.settings",
    "model.atomic": "tables.atomic",
    "model.batch_reasons": "model._batch_reasons",
    "model.bundle": "bundle.store loading",
    "model.changes": "model.counterfactuals",
    "model.frames": "model.frame_scorer",
    "model.locks": "tables.atomic",
    "model.look_alikes": "model.similar_deals",
    "model.manifest": "bundle.manifest",
    "model.notebook": "model.assessment model._notebook",
    "model.plain_json": "model.scorer",
    "model.reading": "bundle.reading",
    "model.reasons": "model.assessment model._reasons",
    "model.row_encoder": "model.frame_scorer model._row_encoder",
    "model.sentences": "model._sentences",
    "model.steps": "model.frame_scorer model._row_encoder",
    "model.walk": "model._row_scorer",
    "model.workbench": "model._own_estimator",
    "model.writing": "bundle.store",
    "monitoring.exploration": "monitoring.log monitoring.matching",
    "monitoring.log_stores": "monitoring._log_stores",
    "monitoring.propensity": "monitoring.matching",
    "policy_choice": "decision.shipped",
    "reports.card_language": "reports.card",
    "reports.commission_section": "reports._commission_section",
    "reports.contract_words": "deals.history_findings deals._horizons",
    "reports.edits": "reports.card",
    "reports.fragments": "reports.html",
    "reports.history_text": "reports.console",
    "reports.markdown": "reports._markdown",
    "reports.profile_section": "reports._rep_sections",
    "reports.rep_view": "reports.sales_numbers",
    "reports.reproduce": "reports.card_parts",
    "reports.review_section": "reports._loss_sections",
    "reports.sales_page": "reports.sales_report",
    "reports.scoreboard_section": "reports._rep_sections",
    "reports.trend_section": "reports._rep_sections",
    "reports.worth_section": "reports._loss_sections",
    "sales.bands": "sales.worth",
    "sales.bonus": "sales.incentives sales._bonus",
    "sales.chances": "sales.incentives",
    "sales.comparison": "sales.incentives sales._ledger",
    "sales.counts": "sales.rep_performance sales.people",
    "sales.edits": "sales.rep_performance sales._edits",
    "sales.entries": "sales.incentives sales._ledger",
    "sales.expected": "sales.rep_performance sales._expected",
    "sales.hindsight": "sales.reviews sales._retrospective",
    "sales.ledger": "sales.incentives sales._ledger",
    "sales.losses": "sales.rates",
    "sales.missed": "sales._missed",
    "sales.payroll": "sales.incentives sales._payroll",
    "sales.profile_plot": "sales.plots",
    "sales.quiz_scores": "sales.quiz sales._quiz_scores",
    "sales.rep_tests": "sales.rep_performance sales._rep_tests",
    "sales.retrospective": "sales.reviews sales._retrospective",
    "sales.review_words": "sales.reviews",
    "sales.scoreboard": "sales.rep_performance",
    "sales.segment_tests": "sales._segments",
    "sales.segments": "sales._segments",
    "sales.trend": "sales.plots",
    "scoring.batch_log": "scoring._chunks",
    "scoring.chunks": "scoring._chunks",
    "scoring.csv_text": "scoring._file_sink",
    "scoring.database": "tables.databases",
    "scoring.database_sink": "scoring._database_sink",
    "scoring.database_source": "tables.database_rows scoring.sources",
    "scoring.file_sink": "scoring._file_sink",
    "scoring.paths": "scoring._file_sink",
    "scoring.places": "scoring.sources",
    "scoring.resume": "scoring._resume",
    "scoring.service": "",
    "scoring.service.app": "service.app",
    "scoring.service.decisions": "service._routes",
    "scoring.service.desk_routes": "service._page_routes",
    "scoring.service.guard": "service._middleware",
    "scoring.service.holder": "loading",
    "scoring.service.logs": "service.app",
    "scoring.service.metrics": "service._metrics",
    "scoring.service.pipeline": "service._pipeline",
    "scoring.service.routes": "service._routes",
    "scoring.service.schema": "service.schema",
    "scoring.spark_history": "scoring.spark",
    "service.people": "service.settings",
    "serving": "service.app",
    "tables.encodings": "tables.opening",
    "tables.layout": "tables.csv_form tables.extra_rows",
    "tables.missing_words": "tables.tidying",
    "tables.mistaken_dates": "tables.moments",
    "tables.placeholders": "tables.tidying tables._placeholders",
    "tables.scripts": "tables.vocabulary",
    "tables.spool": "tables.files tables._spool",
    "tracking.abandoned": "tracking.lifecycle",
    "tracking.contest": "evaluation.comparison",
    "tracking.facts": "tracking.lifecycle",
    "tracking.in_use": "tracking.promotion",
    "tracking.logged_model": "tracking.run_log",
}
"""Old module, and the modules that have its contents now, without `fitmodel.`."""
MODULES: dict[str, tuple[str, ...]] = {
    f"fitmodel.{old}": tuple(f"fitmodel.{home}" for home in homes.split())
    for old, homes in _MOVED.items()
}
"""Full old name, and the full new names; none for a package."""
NAMES: dict[str, str] = {
    "Book": "Scorecard",
    "Change": "Counterfactual",
    "Eve": "AsOfSnapshot",
    "Guard": "ServiceMiddleware",
    "Hindsight": "Retrospective",
    "Judgement": "Evaluation",
    "LookAlikes": "SimilarDeals",
    "ProspectReader": "RowEncoder",
    "Rejudgement": "ReEvaluation",
    "Scoreboard": "RepPerformance",
    "TrainingFacts": "TrainingMetadata",
    "Walk": "RowScorer",
    "book_from_dict": "scorecard_from_dict",
    "check_book": "check_scorecard",
    "compute_scoreboard": "compute_rep_performance",
    "describe_change": "describe_counterfactual",
    "describe_changes": "describe_counterfactuals",
    "find_cautions": "find_warnings",
    "find_changes": "find_counterfactuals",
    "judge": "evaluate",
    "judge_on_folds": "evaluate_on_folds",
    "load_workbench": "load_estimator",
    "look_back": "score_in_retrospect",
    "notation_cautions": "notation_warnings",
    "rejudge": "re_evaluate",
    "summarise_values": "summarise_seen_values",
}
"""Old name of a class or function, and its new name."""


class OldModule(ModuleType):
    """A module under its old name; it looks up each attribute in the new module."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        for module in map(import_module, MODULES[self.__name__]):
            for candidate in (name, NAMES.get(name, name)):
                if hasattr(module, candidate):
                    return getattr(module, candidate)
        raise AttributeError(
            f"module {self.__name__!r} has no attribute {name!r} any more: it is now "
            f"{', '.join(MODULES[self.__name__]) or 'a package elsewhere'}"
        )


class OldNames(MetaPathFinder, Loader):
    """Import finder for the modules in `MODULES`, called after Python's own finders."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the protocol's own
        target: ModuleType | None = None,  # noqa: ARG002 - the same
    ) -> ModuleSpec | None:
        """Return the spec of an old module; None for any other module."""
        if fullname not in MODULES:
            return None
        return ModuleSpec(fullname, self, is_package=not MODULES[fullname])

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Create the old module, and warn where its names are now."""
        homes = MODULES[spec.name]
        if homes:
            warnings.warn(
                f"{spec.name} is now {' and '.join(homes)}; the old name goes in fitmodel 1.0",
                DeprecationWarning,
                stacklevel=2,
            )
        return OldModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module stays empty, and its names are looked up when they are used."""


def install() -> None:
    """Add the finder after Python's own finders, once."""
    if not any(isinstance(finder, OldNames) for finder in sys.meta_path):
        sys.meta_path.append(OldNames())
