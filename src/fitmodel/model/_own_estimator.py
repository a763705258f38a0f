"""A model with a user's own estimator; unpickled only on request.

Reading prospects, marking unfamiliar ones and applying the decision policy work as for a
scorecard. The probability comes from the estimator, the reasons from `shap`. There is no interval:
both its ends are NaN.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.bundle.store import load_estimator
from fitmodel.exceptions import BundleError, ProspectError
from fitmodel.model._batch_reasons import largest_terms
from fitmodel.model._reasons import Reason
from fitmodel.model._scored_frames import (
    reasons_column,
    refuse_unreadable,
    warn_of_today,
    without_lost,
)
from fitmodel.model.assessment import Assessment
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.frame_scorer import code_table, listed_reasons, row_errors, score_coded
from fitmodel.model.horizons import add_horizons, check_horizons
from fitmodel.model.scorer import READER_FILE, day_or_none, scorer_from_json

if TYPE_CHECKING:
    from datetime import date

    from fitmodel.bundle.reading import Bundle
    from fitmodel.model._sentences import Sentences
    from fitmodel.model.scorer import Scorer


_PREDICTED = (
    "early_churn_probability", "poor_fit", "fit", "expected_value", "unfamiliar", "model_version",
    "worth", "escalate", "expected_value_low", "expected_value_high",
)  # fmt: skip


class EstimatorModel(FitModel):
    """A user's estimator as a model: the same prediction columns, but without an interval.

    Reasons need the package shap; without it, `predict` raises DependencyError.

    `scorer`: scorer whose scorecard has no tables; it reads prospects and applies the policy.
    `path`: folder of the bundle.
    """

    def __init__(self, scorer: Scorer, own: Any, manifest: Mapping[str, Any], path: Any) -> None:
        super().__init__(scorer, manifest, path)
        self.own = own

    def predict_table(
        self,
        prospects: pd.DataFrame,
        *,
        reasons: int = 0,
        as_of: date | None = None,
        as_json: bool = False,
        language: str = "en",
        horizons: Sequence[int] = (),
    ) -> tuple[pd.DataFrame, pd.Series]:
        """Score as `FitModel.predict_table` does; shap computes the reasons row by row."""
        coded = code_table(self.scorer, prospects, as_of)
        errors = row_errors(prospects, coded, self.scorer.lost.of_table(prospects))
        months = check_horizons(self, horizons)
        good = errors.isna().to_numpy()
        scored = self._score(prospects[good], reasons, as_of, language)
        if months:
            scored = add_horizons(self, scored, prospects[good], months, as_of)
        if as_json and reasons > 0:
            reasons_json = [
                json.dumps([each.to_dict() for each in row], ensure_ascii=False)
                for row in scored["reasons"]
            ]
            scored["reasons"] = pd.Series(reasons_json, index=scored.index, dtype="str")
        if good.all():
            return scored, errors
        rows = np.full(len(prospects), len(scored))  # the last row is empty
        rows[good] = np.arange(len(scored))
        cells = scored.astype(object).to_numpy()
        all_cells = np.vstack([cells, np.full((1, cells.shape[1]), None)])[rows]
        return pd.DataFrame(all_cells, prospects.index, scored.columns, dtype=object), errors

    def to_sql(self, *_: Any, **__: Any) -> str:
        """Raise BundleError: only a scorecard can be written as SQL."""
        raise BundleError("this model is your own estimator: only a scorecard can be SQL")

    def table(self, attribute: str) -> pd.DataFrame:
        """Raise BundleError: an estimator has no tables."""
        raise BundleError(
            f"your own estimator has no table of {attribute!r}: it is not a scorecard"
        )

    def _predict_frame(
        self, table: pd.DataFrame, reasons: int, as_of: Any, language: str
    ) -> pd.DataFrame:
        note = self.today_note(table.columns, as_of)
        return self._score(table, reasons, as_of, language, note)

    def _score(
        self, table: pd.DataFrame, reasons: int, as_of: Any, language: str, note: str | None = None
    ) -> pd.DataFrame:
        coded, lost = code_table(self.scorer, table, as_of), self.scorer.lost.of_table(table)
        refuse_unreadable(table, coded.unreadable, lost)
        warn_of_today(self.scorer, coded.days, note)
        values = coded.attributes
        result = score_coded(self.scorer, coded, 0)
        probability = self.own.predict_proba(values)[:, 1] if len(values) else np.empty(0)
        policy = self.scorer.policy
        result["early_churn_probability"] = probability
        result["probability_low"] = result["probability_high"] = np.nan
        unknown = np.full(len(probability), np.nan)
        verdict = policy.verdicts(probability, unknown, unknown, coded.amount, coded.unfamiliar)
        for name, answers in verdict._asdict().items():
            is_text = name in {"fit", "worth"}
            result[name] = pd.Series(answers, result.index, "str" if is_text else None)
        if reasons > 0:
            listed = self._reasons(values, coded, reasons, self.scorer.sentences(language))
            column = pd.Series(reasons_column(listed), result.index)
            result.insert(list(result.columns).index("model_version"), "reasons", column)
        return without_lost(result, lost)

    def _reasons(
        self, values: pd.DataFrame, coded: Any, number: int, sentences: Sentences
    ) -> list[list[Reason]]:
        if len(values) == 0:
            return []
        log_odds = self.own.log_odds(values).tolist()
        contributions = self.own.contributions(values)
        order = largest_terms(contributions, number)
        return listed_reasons(sentences, coded, contributions, log_odds, order)

    def _assess(self, prospect: Any, reasons: int, as_of: Any, language: str) -> Assessment:
        return self._assess_together([prospect], reasons, as_of, language)[0]

    def _assess_listed(self, prospects: list[Any], *options: Any) -> list[Assessment]:
        """Assess a list as one frame; if that fails, one by one, so that the error says where."""
        if prospects and all(isinstance(each, Mapping) for each in prospects):
            try:
                return self._assess_together(prospects, *options)
            except ProspectError:
                pass
        return super()._assess_listed(prospects, *options)

    def _assess_together(
        self, prospects: list[Any], reasons: int, as_of: Any, language: str
    ) -> list[Assessment]:
        frame = pd.DataFrame(prospects)
        for why in self.scorer.lost.of_table(frame).values():
            raise ProspectError(f"{why}: it is not a prospect any more, and gets no prediction")
        result = self._score(frame, reasons, as_of, language).to_dict("records")
        wording = self.scorer.sentences(language).wording
        day = day_or_none(as_of)
        return [
            Assessment(
                **{str(name): row[name] for name in _PREDICTED},
                probability_low=np.nan,
                probability_high=np.nan,
                reasons=tuple(row.get("reasons", ())),
                unfamiliar_because=self.scorer.assess(prospect, 0, day).unfamiliar_because,
                wording=wording,
            )
            for prospect, row in zip(prospects, result, strict=True)
        ]


def open_estimator_model(bundle: Bundle) -> EstimatorModel:
    """Unpickle the estimator of a bundle, after checking its digest, and return the model."""
    scorer = scorer_from_json(bundle.read(READER_FILE), bundle.version)
    return EstimatorModel(scorer, load_estimator(bundle), bundle.manifest, bundle.path)
