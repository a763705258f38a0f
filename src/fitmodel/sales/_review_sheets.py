"""Review sheets: each rep's latest lost customers, with what was known at signing.

early leavers -> the latest of each rep -> prediction as of signing, with its evidence
              -> the most similar deals of that time whose customers stayed, and the differences
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.deals.history import view_of
from fitmodel.deals.roles import per_year
from fitmodel.model.similar_deals import PastDeals
from fitmodel.renamed import old_fields
from fitmodel.sales._missed import WARNING, compute_missed_warnings, compute_surprises
from fitmodel.sales._retrospective import require_dates, score_in_retrospect
from fitmodel.sales.people import people_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.history import HistoryView
    from fitmodel.model.assessment import Assessment, Reason
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.model.similar_deals import SimilarDeals
    from fitmodel.sales._retrospective import AsOfSnapshot, Retrospective

N_SIMILAR = 50
N_STAYED = 3
MAX_WARNINGS = 4
ALL_REASONS = 10_000


@dataclass(frozen=True, eq=False)
class RetainedSimilarDeal:
    """A similar deal, signed before the lost one, whose customer stayed.

    Parameters
    ----------
    deal : object
        Id of the deal, or its index where the contract names no id.
    signed : Timestamp
        Day on which the deal was signed.
    differs : tuple of (attribute, lost deal's value, this deal's value)
        At most two attributes in which the lost deal was riskier according to the model as of
        signing, the largest difference first.
    """

    deal: Any
    signed: pd.Timestamp
    differs: tuple[tuple[str, Any, Any], ...]


@old_fields(alike="similar_deals", said="assessment")
@dataclass(frozen=True, eq=False)
class ReviewSheet:
    """Review of one lost customer.

    Parameters
    ----------
    rep : str or None
        Rep who signed the deal.
    deal : object
        Id of the deal, or its index where the contract names no id.
    signed, left : Timestamp
        Day on which the deal was signed, and day on which the customer left.
    months : float
        Months that the customer stayed.
    worth : float
        Yearly contract value; NaN where not known.
    snapshot : AsOfSnapshot
        The model as of signing.
    assessment : Assessment or None
        Prediction of that model; None where too little was known at signing to learn a model.
    warnings : tuple of Reason
        Reasons that raised the odds by a quarter or more, the strongest first; empty where the
        probability was not above the level of that time.
    similar_deals : SimilarDeals or None
        The most similar deals signed before, with their outcome as known now.
    stayed : tuple of RetainedSimilarDeal
        The most similar of these whose customers stayed.
    """

    rep: str | None
    deal: Any
    signed: pd.Timestamp
    left: pd.Timestamp
    months: float
    worth: float
    snapshot: AsOfSnapshot
    assessment: Assessment | None
    warnings: tuple[Reason, ...] = ()
    similar_deals: SimilarDeals | None = None
    stayed: tuple[RetainedSimilarDeal, ...] = ()


@old_fields(surprise_facts="surprise_counts")
@dataclass(frozen=True, eq=False)
class TeamReviews:
    """All review sheets, and what the lost deals have in common.

    Parameters
    ----------
    sheets : tuple of ReviewSheet
        Review sheets by rep, the latest lost customer first.
    without : tuple of str
        Reps who lost no customer early.
    missed : DataFrame
        Warnings that lost deals had in common; see `compute_missed_warnings`.
    surprises : DataFrame
        Early leavers whose predicted probability was low; see `compute_surprises`. It also has the
        columns `rep` and `deal`.
    surprise_counts : dict of str to float
        Observed and expected counts; see `compute_surprises`.
    retrospective : Retrospective
        Predictions as of signing.
    language : {"en", "zh"}
        Language of the names of the signals.
    """

    spec: DealSpec
    sheets: tuple[ReviewSheet, ...]
    without: tuple[str, ...]
    missed: pd.DataFrame
    surprises: pd.DataFrame
    surprise_counts: dict[str, float]
    retrospective: Retrospective
    language: str = "en"

    def in_language(self, view: HistoryView, spec: DealSpec, language: str) -> TeamReviews:
        """Return the same reviews with the names of the signals in a language.

        Parameters
        ----------
        view : HistoryView
            View of the same deals.
        spec : DealSpec
            Contract with the labels of attributes in that language.
        """
        if (language, spec.words.labels) == (self.language, self.spec.words.labels):
            return replace(self, spec=spec)
        missed = compute_missed_warnings(view, spec, self.retrospective, language=language)
        return replace(self, spec=spec, missed=missed, language=language)


def compute_reviews(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    *,
    latest: int = 1,
    retrospective: Retrospective | None = None,
    language: str = "en",
    progress: Callable[[str], None] | None = None,
) -> TeamReviews:
    """Build review sheets of each rep's latest lost customers.

    A customer counts as lost here if it left early; leaving after years is not a question of fit.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        Past deals, as read by ``read_deals``, with a rep.
    spec : DealSpec
        A contract with dates.
    latest : int
        Number of lost customers per rep, the last to leave first.
    retrospective : Retrospective, optional
        From `score_in_retrospect`, if it is computed already.
    language : {"en", "zh"}
        Language of the names of the signals.
    progress : callable, optional
        Function that is called with a text that names the date of each training.

    Raises
    ------
    DealsError
        If the contract names no rep or no dates, or rows share an index.

    Examples
    --------
    >>> sim = fitmodel.simulate_deals(800, seed=1, months=15, n_reps=3)
    >>> reviews = compute_reviews(sim.deals, sim.spec)
    >>> [sheet.rep for sheet in reviews.sheets]
    ['Rep 01', 'Rep 02', 'Rep 03']
    """
    require_dates(spec)
    view = view_of(deals, spec)
    reps = people_in(view.deals, spec, "rep")
    predicted = retrospective or score_in_retrospect(view, spec, progress=progress)
    lost = _latest_lost(view, reps, latest)
    writer = _Writer(view, spec, predicted)
    sheets = tuple(writer.sheet(deal, reps.loc[deal]) for deal in lost)
    surprises, figures = compute_surprises(view, spec, predicted)
    surprises.insert(0, "rep", reps.loc[surprises.index])
    surprises.insert(1, "deal", [writer.name(deal) for deal in surprises.index])
    return TeamReviews(
        spec=spec,
        sheets=sheets,
        without=tuple(sorted(set(reps.dropna()) - {str(sheet.rep) for sheet in sheets})),
        missed=compute_missed_warnings(view, spec, predicted, language=language),
        surprises=surprises,
        surprise_counts=figures,
        retrospective=predicted,
        language=language,
    )


def _latest_lost(view: HistoryView, reps: pd.Series[str], latest: int) -> list[Any]:
    """Return the index of each rep's last early leavers, by rep and then the latest first."""
    left = pd.DataFrame({"rep": reps, "left": view.left_on})[view.early_churn == 1]
    left = left.sort_values(["rep", "left"], ascending=[True, False], kind="stable")
    return list(left.groupby("rep", sort=True).head(latest).index)


class _Writer:
    """Builds review sheets; the past deals of each snapshot are prepared only once."""

    def __init__(self, view: HistoryView, spec: DealSpec, retrospective: Retrospective) -> None:
        self._view, self._deals = view, view.deals
        self._left_on = pd.Series(view.left_on, view.index)
        self._spec = spec
        self._retrospective = retrospective
        self._outcomes = view.outcomes
        self._past: dict[pd.Timestamp, PastDeals] = {}

    def name(self, deal: Any) -> Any:
        """Return the id of a deal, or its index where the contract names no id."""
        identity = self._spec.deals.id
        return deal if identity is None else self._deals.loc[deal, identity]

    def _worth(self, row: pd.Series[Any]) -> float:
        """Return the yearly contract value of a deal; NaN where the contract names no amount."""
        amount = self._spec.deals.amount
        return float("nan") if amount is None else float(row[amount]) * per_year(self._spec)

    def sheet(self, deal: Any, rep: str) -> ReviewSheet:
        """Return the review sheet of one lost customer."""
        roles, row = self._spec.deals, self._deals.loc[deal]
        snapshot = self._retrospective.of(deal)
        fields: dict[str, Any] = {
            "rep": rep,
            "deal": self.name(deal),
            "signed": row[roles.closed_on],
            "left": self._left_on[deal],
            "months": float(self._outcomes.loc[deal, "followup_months"]),
            "worth": self._worth(row),
            "snapshot": snapshot,
        }
        if snapshot.model is None:
            return ReviewSheet(**fields, assessment=None)
        prospect = {str(name): value for name, value in row.items()}
        assessment = snapshot.model.predict(prospect, reasons=ALL_REASONS)
        warnings = _warnings(assessment, snapshot.model.scorecard.base_rate)
        similar = self._past_deals(snapshot.as_of, snapshot.model).like(prospect, N_SIMILAR)
        return ReviewSheet(
            **fields,
            assessment=assessment,
            warnings=warnings,
            similar_deals=similar,
            stayed=tuple(self._stayed(deal, snapshot.model, similar)),
        )

    def _past_deals(self, as_of: pd.Timestamp, model: FitModel) -> PastDeals:
        if as_of not in self._past:
            before = self._view.signed_before(as_of + pd.Timedelta(days=1))
            self._past[as_of] = PastDeals(model, before, self._spec)
        return self._past[as_of]

    def _stayed(
        self, deal: Any, model: FitModel, similar: SimilarDeals
    ) -> list[RetainedSimilarDeal]:
        stayed = similar.deals[similar.deals["early_churn"] == 0].head(N_STAYED)
        columns = [name for name in model.columns if name in self._deals]
        table = self._deals[columns].loc[[deal, *stayed.index]]
        reasons = model.predict(table, reasons=ALL_REASONS)["reasons"]
        contributions = [{r.attribute: r.contribution for r in item} for item in reasons]
        values = {name: self._readable_values(name, table) for name in model.attributes}
        signed = stayed[str(self._spec.deals.closed_on)]
        found = []
        for position, other in enumerate(stayed.index, start=1):
            pairs = {name: (row[0], row[position]) for name, row in values.items()}
            differs = _differs(pairs, contributions[0], contributions[position])
            day = pd.Timestamp(signed[other])
            found.append(RetainedSimilarDeal(self.name(other), day, differs))
        return found

    def _readable_values(self, name: str, table: pd.DataFrame) -> list[Any]:
        """Return the values of an attribute; of a date, the time from it to each deal's signing."""
        read = self._view.attributes()
        if name not in read.dates:
            return table[name].tolist()
        return [pd.Timedelta(days=day) for day in read.frame.loc[table.index, name]]


def _warnings(assessment: Assessment, level: float) -> tuple[Reason, ...]:
    """Return the reasons that raised the odds by a quarter or more; none at or below the level."""
    if assessment.early_churn_probability <= level:
        return ()
    raising_reasons = (reason for reason in assessment.reasons if reason.contribution >= WARNING)
    return tuple(raising_reasons)[:MAX_WARNINGS]


MIN_GAP = 0.05
"""Log-odds up to which a difference is too small to mention."""


def _differs(
    values: dict[str, tuple[Any, Any]], lost: dict[str, float], stayed: dict[str, float]
) -> tuple[tuple[str, Any, Any], ...]:
    """Return at most two attributes in which the lost deal was riskier, the largest gap first."""
    gaps = {
        name: lost.get(name, 0.0) - stayed.get(name, 0.0)
        for name, pair in values.items()
        if not _is_equal(*pair)
    }
    ordered = sorted((gap, name) for name, gap in gaps.items() if gap > MIN_GAP)[::-1]
    return tuple((name, *values[name]) for _, name in ordered[:2])


def _is_equal(first: Any, second: Any) -> bool:
    missing = [pd.api.types.is_scalar(value) and pd.isna(value) for value in (first, second)]
    return all(missing) if any(missing) else bool(first == second)
