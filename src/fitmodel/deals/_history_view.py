"""Deals signed by a day, with what was known of their outcome on it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals._censoring import (
    Weights,
    censoring_weights,
    effective_sample_size,
    propensity_weights,
)
from fitmodel.deals._outcome_columns import NEVER, Followup, day_as_of, followup_as_of, frozen
from fitmodel.deals.attributes import ReadAttributes, read_attributes
from fitmodel.deals.months import add_months, months_between
from fitmodel.deals.survival_estimates import survival_with_unknown_days
from fitmodel.deals.training_set import LabelledDeals, TrainingSet, early_churn_of
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals._outcome_columns import Moment, OutcomeDates, OutcomeTenures, ParsedHistory
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.months import Days
    from fitmodel.deals.survival import SurvivalCurve

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]


class HistoryView:
    """Deals signed by a day, with what was known of their outcome on it; immutable and cached.

    `DealHistory.as_of` returns it. Attributes that are arrays have one value per deal, in the order
    of the table, and are read-only. ``day`` is the last day for which anything is known; None is
    the end of the extract.
    """

    def __init__(
        self,
        history: ParsedHistory,
        day: np.datetime64 | None,
        parent: HistoryView | None = None,
        within: NDArray[np.intp] | None = None,
    ) -> None:
        self.history, self.day = history, day
        self._parent = parent
        self._within = np.arange(0) if within is None else within
        self._read: dict[tuple[str, ...] | None, ReadAttributes] = {}

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def spec(self) -> DealSpec:
        """The contract of these deals."""
        return self.history.spec

    @cached_property
    def positions(self) -> NDArray[np.intp]:
        """Positions of these deals in the table of the history."""
        if self._parent is not None:
            return frozen(self._parent.positions[self._within])
        if self.day is None:
            return frozen(np.arange(len(self.history.deals)))
        return frozen(np.flatnonzero(self._dates.closed <= self.day))

    @cached_property
    def index(self) -> pd.Index[Any]:
        """Row labels of these deals."""
        return self.history.deals.index[self.positions]

    @cached_property
    def deals(self) -> pd.DataFrame:
        """These rows of the table; as of an earlier day without the outcome columns."""
        table = self.history.deals
        if self.day is not None:
            table = table.drop(columns=list(self.spec.outcome_columns), errors="ignore")
        is_complete = len(self) == len(table) and self._parent is None
        return table if is_complete else table.iloc[self.positions]

    @cached_property
    def closed(self) -> Days | None:
        """Day on which each deal was signed; None if the contract gives a tenure."""
        return frozen(self._dates.closed[self.positions]) if self.spec.has_dates else None

    @cached_property
    def extract_end(self) -> np.datetime64:
        """Last day on which any deal was observed; NaT without deals or dates."""
        if self._parent is not None:
            return self._parent.extract_end
        if not len(self):
            return NEVER
        return np.datetime64(self._followup.extracted_until.max(), "D")

    @cached_property
    def followup_months(self) -> Floats:
        """Calendar months from closing to leaving, or to the last observation."""
        if not self.spec.has_dates:
            return frozen(self._tenures.months[self.positions])
        end = np.where(self.left, self.left_on, self.watched_until)
        return frozen(months_between(self._dates.closed[self.positions], end))

    @cached_property
    def observable_months(self) -> Floats:
        """Months from closing in which leaving would have been observed, had the customer stayed.

        NaN if only a tenure is known: it does not say how long a leaver would have been observed.
        """
        if not self.spec.has_dates:
            return frozen(np.full(len(self), np.nan))
        end = np.where(self.left, self.extract_end, self.watched_until)
        return frozen(months_between(self._dates.closed[self.positions], end))

    @property
    def watched_until(self) -> Days:
        """Last day on which leaving would have been recorded; needs dates."""
        return self._followup.watched_until

    @cached_property
    def left(self) -> Mask:
        """Whether leaving was observed."""
        if not self.spec.has_dates:
            return frozen(self._tenures.left[self.positions])
        return frozen(~np.isnat(self.left_on))

    @cached_property
    def left_on(self) -> Days:
        """Day on which the customer left, if known by the view's day; otherwise NaT."""
        return frozen(self._followup.left_on)

    @property
    def left_by_months(self) -> Floats:
        """For leavers without a date: age in months by which they had left; NaN for all others."""
        return self._followup.left_by_months

    @cached_property
    def exited(self) -> Mask:
        """Whether a customer that did not leave was censored before the extract ended."""
        ended_early = self.watched_until < self.extract_end
        return frozen(~self.left & (self.exited_for_other_cause | ended_early))

    @cached_property
    def exited_for_other_cause(self) -> Mask:
        """Whether ``exited_on`` is not after the view's day, whatever happened later."""
        return frozen(self._followup.exited_on <= self.extract_end)

    @cached_property
    def entry_months(self) -> Floats:
        """Age in months when observation of a deal began (delayed entry); at most the follow-up."""
        # a deal that ended before `observed_from` was never observed
        return frozen(np.minimum(self._age_at_start, self.followup_months))

    @cached_property
    def from_signing(self) -> Mask:
        """Whether the deal was observed from its signing on."""
        return frozen(self._age_at_start == 0)

    @cached_property
    def mature(self) -> Mask:
        """Whether the horizon has passed since closing; with a tenure, whether the label is known.

        With dates this depends on the end of the extract only, never on the outcome.
        """
        if self.closed is None:
            return frozen(~np.isnan(self.early_churn))
        return frozen(add_months(self.closed, self.spec.label.horizon_months) <= self.extract_end)

    @cached_property
    def early_churn(self) -> Floats:
        """Label: 1.0 left within the horizon, 0.0 still a customer after it, NaN unknown.

        `labelled` leaves out deals with a delayed entry, since their early leavers are missing.
        """
        horizon = self.spec.label.horizon_months
        return frozen(early_churn_of(self.followup_months, self.left, horizon))

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """Table of follow-up, left, early churn, mature and entry; see `outcomes`."""
        names = ("followup_months", "left", "early_churn", "mature", "entry_months")
        return pd.DataFrame({name: getattr(self, name) for name in names}, index=self.index)

    @cached_property
    def survival(self) -> SurvivalCurve:
        """Kaplan-Meier curve of these deals, with delayed entry.

        Raises
        ------
        DealsError
            If there is no deal, or none was observed from its signing.
        """
        return self.survival_of(np.ones(len(self), dtype=bool))

    def survival_of(self, chosen: Mask, *, at: Any = None) -> SurvivalCurve:
        """Return the Kaplan-Meier curve of some deals; for `at` see `kaplan_meier`."""
        rows = chosen & (self._age_at_start <= self.followup_months)
        months, left, by = self.followup_months[rows], self.left[rows], self.left_by_months[rows]
        return survival_with_unknown_days(months, left, by, self.entry_months[rows], at=at)

    @cached_property
    def label_weights(self) -> Weights:
        """Censoring weights of the deals with a usable label; 0 for the others.

        A label is usable if the deal was observed from signing and, with dates, is mature.
        """
        usable = self._may_be_labelled & ~self._followup.undated
        weights = censoring_weights(self.outcomes[usable], self.spec.label.horizon_months)
        values = np.zeros(len(self))
        values[usable] = weights.values * self._followup.represented[usable]  # noqa: PD011 - an array
        return Weights(frozen(values), effective_sample_size(values), weights.capped)

    def attributes(self, dates: tuple[str, ...] | None = None) -> ReadAttributes:
        """Return the attributes of all these deals.

        Parameters
        ----------
        dates : tuple of str, optional
            Names of the attributes that are dates; by default they are detected in the deals.

        Raises
        ------
        DealsError
            If an attribute has no column, or is a date while the deals have no closing date.
        """
        if dates not in self._read:
            self._read[dates] = self._read_attributes(dates)
        return self._read[dates]

    def labelled(self, dates: tuple[str, ...] | None = None) -> LabelledDeals:
        """Return the deals whose label is known, weighted to represent the others; may be empty.

        If deals have dates, only mature ones are returned: among young deals only leavers have a
        known label. Deals signed before ``observed_from`` are left out, because their leavers
        before that date are not in the table; `LabelledDeals.late_entries` counts them. The
        parameter and the errors are those of `attributes`.
        """
        known = np.flatnonzero(self._may_be_labelled & ~np.isnan(self.early_churn))
        read = self.attributes(dates)
        return LabelledDeals(
            attributes=read.frame.iloc[known],
            early_churn=self.early_churn[known],
            weight=self.label_weights.values[known] * self._propensity[known],  # noqa: PD011
            closed_on=self._closed_on(known),
            dates=read.dates,
            late_entries=int((~self.from_signing).sum()),
        )

    def training_set(self, dates: tuple[str, ...] | None = None) -> TrainingSet:
        """Return every deal signed by the day, also without a label; see `attributes`."""
        read = self.attributes(dates)
        return TrainingSet(
            attributes=read.frame,
            followup_months=self.followup_months,
            left=self.left,
            entry_months=self.entry_months,
            observable_months=self.observable_months,
            weight=self._propensity * (1.0 if self.day is None else self._followup.represented),
            closed_on=self._closed_on(np.arange(len(self))),
            horizon_months=self.spec.label.horizon_months,
            dates=read.dates,
            left_by_months=self.left_by_months,
        )

    def subset(self, chosen: Any) -> HistoryView:
        """Return some of these deals, chosen by a boolean mask or positions within the view."""
        return HistoryView(self.history, self.day, self, np.arange(len(self))[np.asarray(chosen)])

    def as_of(self, day: Moment) -> HistoryView:
        """Return the deals of this view that were signed by a day, with what was known then."""
        last_day = day_as_of(day)
        if self.day is not None and self.day <= last_day:
            return self
        view: HistoryView = self.history.as_of(last_day)
        if self._parent is None:
            return view
        return view.subset(np.isin(view.positions, self.positions))

    def signed_before(self, day: Moment) -> HistoryView:
        """Return the deals of this view signed before a day, with all that this view knows."""
        return self.subset(self._dates.closed[self.positions] < day_as_of(day))

    def with_spec(self, spec: DealSpec) -> HistoryView:
        """Return the same deals on the same day under another contract."""
        if spec is self.spec or spec == self.spec:
            return self
        if self._parent is not None:
            parent = self._parent.with_spec(spec)
            return HistoryView(parent.history, self.day, parent, self._within)
        return self.history.with_spec(spec).as_of(self.day)  # type: ignore[no-any-return]

    @property
    def _dates(self) -> OutcomeDates:
        return self.history.columns  # type: ignore[return-value]  # only used with dates

    @property
    def _tenures(self) -> OutcomeTenures:
        return self.history.columns  # type: ignore[return-value]  # only used without dates

    @cached_property
    def _followup(self) -> Followup:
        if not self.spec.has_dates:
            return Followup.without_dates(len(self))
        horizon = self.spec.label.horizon_months
        return followup_as_of(self._dates, self.positions, self.day, horizon)

    @cached_property
    def _age_at_start(self) -> Floats:
        """Months from closing to ``observed_from``; 0 for deals signed since."""
        start = self._dates.observed_from if self.spec.has_dates else NEVER
        if self.closed is None or np.isnat(start):
            return np.zeros(len(self))
        age = months_between(self.closed, np.full(len(self), start))
        return np.maximum(age, 0.0)

    @cached_property
    def _may_be_labelled(self) -> Mask:
        return self.from_signing & self.mature if self.spec.has_dates else self.from_signing

    @cached_property
    def _propensity(self) -> Floats:
        return frozen(propensity_weights(self.deals, self.spec))

    def _closed_on(self, chosen: NDArray[np.intp]) -> pd.Series[Any] | None:
        column = self.spec.deals.closed_on
        return None if column is None else self.deals[column].iloc[chosen]

    def _read_attributes(self, dates: tuple[str, ...] | None) -> ReadAttributes:
        if self._parent is not None:
            parent = self._parent.attributes(dates)
            unreadable = {name: rows[self._within] for name, rows in parent.unreadable.items()}
            return ReadAttributes(parent.frame.iloc[self._within], parent.dates, unreadable)
        read = read_attributes(self.deals, self.spec, closed_on=self.closed, dates=dates)
        if read.dates and self.closed is None:
            raise DealsError(
                f"attributes {list(read.dates)} are dates, but the deals have no closing date to "
                "count from; exclude them or give closed_on"
            )
        return read
