"""`FitModel`: predictions, their reasons, and the scorecard's tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from fitmodel.exceptions import ProspectError
from fitmodel.model.assessment import Assessment
from fitmodel.model.horizons import add_horizons, check_horizons, predict_at
from fitmodel.model.inputs import made_up_prospect, normalise_prospects
from fitmodel.model.logged import log_predictions
from fitmodel.model.scorer import assess_at, check_reasons, day_or_none, with_lost_rows
from fitmodel.model.survival import OwnCurves

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    import pandas as pd

    from fitmodel.learning.scorecard import Scorecard
    from fitmodel.model.inputs import ArrowTable, One
    from fitmodel.model.logged import AssessmentLog
    from fitmodel.model.scorer import Scorer

    Horizons: TypeAlias = int | Sequence[int] | None


class FitModel(OwnCurves):
    """A trained prospect-fit model, ready to score.

    Parameters
    ----------
    scorer : Scorer
        The scorecard, the decision policy and the columns' roles.
    manifest : mapping
        Metadata of the bundle: version, spec, metrics, period, digests.
    path : Path or None
        Folder of the bundle.
    """

    def __init__(
        self, scorer: Scorer, manifest: Mapping[str, Any], path: Path | None = None
    ) -> None:
        self.manifest = dict(manifest)
        self.scorer = with_lost_rows(scorer, self.manifest)
        self.path = path

    @property
    def scorecard(self) -> Scorecard:
        """The tables of contributions, one per attribute or pair."""
        return self.scorer.scorecard

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes that a prospect must have, in the scorecard's order."""
        return self.scorecard.attributes

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that a prediction depends on, the required attributes first.

        Then, if the contract names them, those that are read if they are present: the amount, the
        closing date from which dates are counted back, and the columns that show lost rows.
        """
        closing, lost = (self.scorer.closed_on if self._dates else None), self.scorer.lost
        used = dict.fromkeys((*self.attributes, self.scorer.amount, closing, *lost.columns))
        return tuple(name for name in used if name is not None)

    @cached_property
    def _dates(self) -> tuple[str, ...]:
        """Names of the attributes that are dates, counted back from the closing date or today."""
        return tuple(c.name for c in self.scorecard.columns if getattr(c, "is_date", False))

    def today_note(self, columns: Collection[str], as_of: date | None) -> str | None:
        """Return a warning that dates are counted back from today; None if they are not.

        Parameters
        ----------
        columns : collection of str
            Column names of the table to score.
        as_of : date or None
            Day from which dates are to be counted back.
        """
        closing = self.scorer.closed_on
        if as_of is not None or not self._dates or closing is None or closing in columns:
            return None
        return (
            f"{', '.join(self._dates)}: counted back from today, because the table has no column "
            f"{closing!r}. Remedy: keep it (the model reads the columns in model.columns), above "
            "all for past deals, or give as_of."
        )

    @property
    def version(self) -> str:
        """Version of the model, which every prediction contains."""
        return self.scorer.version

    @property
    def regime(self) -> str:
        """How the model was learned: "full", or "provisional" from few early churners."""
        return self.scorer.regime

    @overload
    def predict(
        self,
        prospects: One,
        *,
        reasons: int = ...,
        as_of: date | None = ...,
        language: str = ...,
        log: AssessmentLog | None = ...,
        horizon_months: Horizons = ...,
    ) -> Assessment: ...
    @overload
    def predict(
        self,
        prospects: pd.DataFrame,
        *,
        reasons: int = ...,
        as_of: date | None = ...,
        language: str = ...,
        log: AssessmentLog | None = ...,
        horizon_months: Horizons = ...,
    ) -> pd.DataFrame: ...
    @overload
    def predict(
        self,
        prospects: Sequence[One],
        *,
        reasons: int = ...,
        as_of: date | None = ...,
        language: str = ...,
        log: AssessmentLog | None = ...,
        horizon_months: Horizons = ...,
    ) -> list[Assessment]: ...
    @overload
    def predict(
        self,
        prospects: ArrowTable,
        *,
        reasons: int = ...,
        as_of: date | None = ...,
        language: str = ...,
        log: AssessmentLog | None = ...,
        horizon_months: Horizons = ...,
    ) -> Any: ...
    def predict(
        self,
        prospects: One | Sequence[One] | pd.DataFrame | ArrowTable,
        *,
        reasons: int = 3,
        as_of: date | None = None,
        language: str = "en",
        log: AssessmentLog | None = None,
        horizon_months: Horizons = None,
    ) -> Any:
        """Return how likely prospects are to leave early, and why.

        Parameters
        ----------
        prospects : mapping, sequence of mappings, or DataFrame
            Every attribute must be there; other keys and columns are ignored. A missing value
            (None, NaN, empty) that was rare in training and a level never seen are scored and
            marked unfamiliar. A pandas Series, a pydantic model and a dataclass count as a mapping,
            a polars DataFrame and a pyarrow Table as a DataFrame.
        reasons : int, default=3
            Largest number of reasons per prospect; 0 leaves the column out.
        as_of : date, optional
            Day from which date attributes of prospects without a closing date are counted back;
            default today. A past deal is scored as of its closing date if it has that column.
        language : {"en", "zh"}
            Language of the reasons' sentences.
        log : DecisionLog, optional
            Log in which every assessment is stored before it is returned; each prospect must then
            have the contract's id. The result's `proceed` is whether the prospect may be signed.
        horizon_months : int or sequence of int, optional
            Also return the probability of leaving within these months of signing, in the columns
            ``churn_probability_12m``, ``_low``, ``_high``, or in `Assessment.churn_probabilities`.
            Everything else is for the model's own horizon, at which both are equal to the bit.

        Returns
        -------
        Assessment, list of Assessment, or DataFrame
            The same kind as given, also for a polars or pyarrow table. A DataFrame has the same
            index and the columns early_churn_probability, probability_low, probability_high,
            poor_fit, fit, expected_value, unfamiliar, reasons, model_version, worth, escalate,
            expected_value_low, expected_value_high and own_evidence.

        Raises
        ------
        ProspectError
            If an attribute is absent (the message lists the difference), a number or date cannot
            be read (the message has column, count, example and remedy), a prospect in a mapping
            is lost according to `[rows]` of the contract, or a horizon is beyond the model's curve.
        SpecError
            If there are no texts in that language.

        Warns
        -----
        UserWarning
            If rows of a frame are lost according to `[rows]` of the contract: they get no
            prediction, and the warning counts them by value. Also if dates are counted back from
            today (no closing date, no `as_of`) and many are then outside the range of all past
            deals: the rows may be past deals, or their dates are out of date.

        Examples
        --------
        >>> model = fitmodel.load("models/prospect-fit")
        >>> scored = model.predict(pd.read_csv("prospects.csv"), reasons=1)
        >>> len(scored), len(scored["reasons"].iloc[0])
        (50, 1)
        """
        check_reasons(reasons)
        if horizon_months is not None:
            options = {"reasons": reasons, "as_of": as_of, "language": language, "log": log}
            return predict_at(self, prospects, horizon_months, **options)
        if log is None and isinstance(prospects, Mapping):  # the fastest path
            return self._assess(prospects, reasons, as_of, language)
        given = normalise_prospects(prospects)
        known = given.prospects
        if log is not None:
            predictions = self.predict(known, reasons=reasons, as_of=as_of, language=language)
            return given.convert_back(log_predictions(self, log, known, predictions))
        if isinstance(known, Mapping):
            return self._assess(known, reasons, as_of, language)
        predict = self._assess_listed if isinstance(known, list) else self._predict_frame
        return given.convert_back(predict(known, reasons, as_of, language))

    def _assess(self, prospect: Any, reasons: int, as_of: Any, language: str) -> Assessment:
        return self.scorer.assess(prospect, reasons, day_or_none(as_of), language)

    def _assess_listed(self, prospects: list[Any], *options: Any) -> list[Assessment]:
        return [assess_at(self._assess, *item, *options) for item in enumerate(prospects)]

    def _predict_frame(
        self, table: pd.DataFrame, reasons: int, as_of: Any, language: str
    ) -> pd.DataFrame:
        from fitmodel.model.frame_scorer import predict_frame

        note = self.today_note(table.columns, as_of)
        return predict_frame(self.scorer, table, reasons, as_of, language, note=note)

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
        """Return the predictions of all readable rows, and the errors of the others.

        With `as_json` the reasons are JSON text, which is made once per distinct reason and is
        therefore fast for large tables.

        Returns
        -------
        predictions, errors : DataFrame, Series of str or None
            The columns of `predict`, missing in rows with an error; None in rows without one.
        """
        from fitmodel.model.frame_scorer import predict_leniently

        check_reasons(reasons)
        months = check_horizons(self, horizons)
        given = (self.scorer, prospects, reasons, as_of)
        scored, errors = predict_leniently(*given, as_json=as_json, language=language)
        return add_horizons(self, scored, prospects, months, as_of) if months else scored, errors

    def to_sql(
        self,
        dialect: str,
        table: str = "prospects",
        *,
        reasons: int = 0,
        as_of: date | None = None,
        absent: Sequence[str] = (),
        horizons: Sequence[int] = (),
    ) -> str:
        """Return the model as one SELECT that gives the numbers of `predict`, to 1e-9.

        Parameters
        ----------
        dialect : {"duckdb", "postgres", "snowflake", "bigquery", "databricks"}
        table : str, default="prospects"
            ``table`` or ``schema.table``, or dbt's ``{{ ref('table') }}``.
        reasons : int, default=0
            How many reasons to add: ``reason_1``, its value, its contribution, the number of past
            deals with such a value, and their rate of early churn.
        as_of : date, optional
            As for `predict`; default the day on which the query runs.
        absent : sequence of str
            Which of the columns of closing date and amount the table does not have.
        horizons : sequence of int
            Further horizons in months: columns ``churn_probability_3m``, ``_low`` and ``_high``.

        Returns
        -------
        str
            The query. It returns every column of the table, then those of `predict_table`. A row
            that cannot be read has no prediction, but an ``error``.

        Raises
        ------
        SpecError
            If there is no such dialect, or the table's name is not valid.
        BundleError
            If the model is a user's own estimator, or so old that its rare levels are digests
            that no database computes.

        Examples
        --------
        >>> model = fitmodel.load("models/prospect-fit")
        >>> print(model.to_sql("duckdb", "crm.prospects")[:20])
        -- Early churn of pr
        """
        from fitmodel.model._sql import scorer_to_sql

        options: dict[str, Any] = {"reasons": reasons, "as_of": as_of, "absent": absent}
        months = check_horizons(self, horizons)
        return scorer_to_sql(self.scorer, dialect, table, horizons=months, **options)

    def table(self, attribute: str) -> pd.DataFrame:
        """Return one attribute's table: value, log_odds, deviation, deals and early_churn."""
        import pandas as pd

        if attribute not in self.attributes:
            raise ProspectError(
                f"the model has no attribute {attribute!r}; it has {', '.join(self.attributes)}"
            )
        return pd.DataFrame(self.scorecard.table(attribute))

    def example(self) -> pd.DataFrame:
        """Return one made-up prospect: the middle of each number, the most frequent level."""
        import pandas as pd

        return pd.DataFrame([made_up_prospect(self.scorer)])

    def __repr__(self) -> str:
        attributes, rule = len(self.attributes), self.scorer.policy.kind
        return f"<FitModel {self.version}: {attributes} attributes, {rule} policy>"

    def _repr_html_(self) -> str:
        from fitmodel.model._notebook import model_html

        return model_html(self)
