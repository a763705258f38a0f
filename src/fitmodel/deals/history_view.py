"""Deals signed by a day, with what was known of their outcome on it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.deals._outcome_columns import NEVER, day_as_of, frozen, look
from fitmodel.deals.attributes import ReadAttributes, read_attributes
from fitmodel.deals.censoring import Weights, censoring_weights, propensity_weights
from fitmodel.deals.months import add_months, months_between
from fitmodel.deals.training_set import LabelledDeals, TrainingSet, early_churn_of
from fitmodel.deals.unknown_days import survival_with_unknown_days
from fitmodel.exceptions import DealsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fitmodel.deals._outcome_columns import (
        Moment,
        OutcomeDates,
        OutcomeTenures,
        ParsedHistory,
        Seen,
    )
    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.months import Days
    from fitmodel.deals.survival import SurvivalCurve

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]


class HistoryView:
    """Deals signed by a day, with what was known of their outcome on it; frozen, all computed once.

    Made by `DealHistory.as_of`. Attributes that are arrays have a value per deal, in the order of
    the table, and cannot be written to. ``day`` is the last day of which anything is known, None
    for the end of the extract.
    """

    def __init__(
        self,
        history: ParsedHistory,
        day: np.datetime64 | None,
        whole: HistoryView | None = None,
        within: NDArray[np.intp] | None = None,
    ) -> None:
        self.history, self.day = history, day
        self._whole = whole
        self._within = np.arange(0) if within is None else within
        self._read: dict[tuple[str, ...] | None, ReadAttributes] = {}

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def spec(self) -> DealSpec:
        """The contract."""
        return self.history.spec

    @cached_property
    def positions(self) -> NDArray[np.intp]:
        """Rows of the table these deals are."""
        if self._whole is not None:
            return frozen(self._whole.positions[self._within])
        if self.day is None:
            return frozen(np.arange(len(self.history.deals)))
        return frozen(np.flatnonzero(self._dates.closed <= self.day))

    @cached_property
    def index(self) -> pd.Index[Any]:
        """Row labels of these deals."""
        return self.history.deals.index[self.positions]

    @cached_property
    def deals(self) -> pd.DataFrame:
        """Rows of the table; as of an earlier day without what became of them."""
        table = self.history.deals
        if self.day is not None:
            table = table.drop(columns=list(self.spec.outcome_columns), errors="ignore")
        everything = len(self) == len(table) and self._whole is None
        return table if everything else table.iloc[self.positions]

    @cached_property
    def closed(self) -> Days | None:
        """Day signed; None where the contract gives a tenure."""
        return frozen(self._dates.closed[self.positions]) if self.spec.has_dates else None

    @cached_property
    def extract_end(self) -> np.datetime64:
        """Last day on which any deal was looked at; NaT without deals or dates."""
        if self._whole is not None:
            return self._whole.extract_end
        if not self.spec.has_dates or not len(self):
            return NEVER
        return np.datetime64(self._seen.looked_at_until.max(), "D")

    @cached_property
    def followup_months(self) -> Floats:
        """Calendar months from closing to leaving or to the last look."""
        if not self.spec.has_dates:
            return frozen(self._tenures.months[self.positions])
        end = np.where(self.left, self.left_on, self.watched_until)
        return frozen(months_between(self._dates.closed[self.positions], end))

    @cached_property
    def observable_months(self) -> Floats:
        """Months from closing for which leaving would have been seen, had the customer stayed.

        NaN where only a tenure is known: it does not say how long one who left could be seen.
        """
        if not self.spec.has_dates:
            return frozen(np.full(len(self), np.nan))
        end = np.where(self.left, self.extract_end, self.watched_until)
        return frozen(months_between(self._dates.closed[self.positions], end))

    @property
    def watched_until(self) -> Days:
        """Last day on which leaving would have been seen; needs dates."""
        return self._seen.watched_until

    @cached_property
    def left(self) -> Mask:
        """Whether the customer was seen to leave."""
        if not self.spec.has_dates:
            return frozen(self._tenures.left[self.positions])
        return frozen(~np.isnat(self.left_on))

    @cached_property
    def left_on(self) -> Days:
        """Day left, if that was seen by the day; NaT else, and where the contract has no dates."""
        if not self.spec.has_dates:
            return frozen(np.full(len(self), NEVER))
        return frozen(self._seen.left_on)

    @property
    def left_by_months(self) -> Floats:
        """Age by which a customer had left, where the day is unknown; NaN for all others."""
        return self._seen.left_by_months if self.spec.has_dates else np.full(len(self), np.nan)

    @cached_property
    def exited(self) -> Mask:
        """Whether a customer that did not leave was censored before the extract ended."""
        if not self.spec.has_dates:
            return frozen(np.zeros(len(self), dtype=bool))
        stopped = self.watched_until < self.extract_end
        return frozen(~self.left & (self.exited_for_other_cause | stopped))

    @cached_property
    def exited_for_other_cause(self) -> Mask:
        """Whether ``exited_on`` had come by the day, whatever happened later."""
        if not self.spec.has_dates:
            return frozen(np.zeros(len(self), dtype=bool))
        return frozen(self._dates.exited[self.positions] <= self.extract_end)

    @cached_property
    def entry_months(self) -> Floats:
        """Age in months at which observation of a deal began (delayed entry).

        At most the follow-up: of a deal that ended before ``observed_from`` nothing was observed.
        """
        return frozen(np.minimum(self._age_at_start, self.followup_months))

    @cached_property
    def from_signing(self) -> Mask:
        """Whether the deal was under observation from its signing on."""
        return frozen(self._age_at_start == 0)

    @cached_property
    def mature(self) -> Mask:
        """Whether the horizon has passed since closing; with a tenure, whether the label is known.

        It looks at the end of the extract, never at the outcome.
        """
        if self.closed is None:
            return frozen(~np.isnan(self.early_churn))
        return frozen(add_months(self.closed, self.spec.label.horizon_months) <= self.extract_end)

    @cached_property
    def early_churn(self) -> Floats:
        """1.0 left within the horizon, 0.0 was there after it, NaN unknown.

        A late entry has it only because its customer was there at entry: `labelled` leaves it out.
        """
        horizon = self.spec.label.horizon_months
        return frozen(early_churn_of(self.followup_months, self.left, horizon))

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """Follow-up, left, early churn, mature and entry as a table; see `outcomes`."""
        names = ("followup_months", "left", "early_churn", "mature", "entry_months")
        return pd.DataFrame({name: getattr(self, name) for name in names}, index=self.index)

    @cached_property
    def survival(self) -> SurvivalCurve:
        """Kaplan-Meier curve with entry times.

        Raises
        ------
        DealsError
            If there is no deal, or none was watched from its signing.
        """
        return self.survival_of(np.ones(len(self), dtype=bool))

    def survival_of(self, chosen: Mask, *, at: Any = None) -> SurvivalCurve:
        """Kaplan-Meier curve of some of the deals; `at` as of `kaplan_meier`."""
        seen = chosen & (self._age_at_start <= self.followup_months)
        months, left, by = self.followup_months[seen], self.left[seen], self.left_by_months[seen]
        return survival_with_unknown_days(months, left, by, self.entry_months[seen], at=at)

    @cached_property
    def label_weights(self) -> Weights:
        """Censoring weights of the deals with a usable label, 0 for the others.

        Usable are those watched from their signing and, where there are dates, mature.
        """
        asked = self._may_be_labelled
        weights = censoring_weights(self.outcomes[asked], self.spec.label.horizon_months)
        values = np.zeros(len(self))
        values[asked] = weights.values  # noqa: PD011 - ours
        return Weights(frozen(values), weights.effective_sample_size, weights.capped)

    def attributes(self, dates: tuple[str, ...] | None = None) -> ReadAttributes:
        """Attributes of all these deals, read once.

        Parameters
        ----------
        dates : tuple of str, optional
            Attributes that are dates; found in the deals where it is not given.

        Raises
        ------
        DealsError
            If an attribute has no column, or is a date where there is no closing date.
        """
        if dates not in self._read:
            self._read[dates] = self._read_attributes(dates)
        return self._read[dates]

    def labelled(self, dates: tuple[str, ...] | None = None) -> LabelledDeals:
        """Deals whose label is known, with weights for those whose label is not; may be empty.

        Where deals have dates these are mature ones: of the young only the leavers are known.
        Deals signed before ``observed_from`` are left out: their labels are selected, since those
        of them that left before it are not in the table. `LabelledDeals.late_entries` counts them.
        Parameter and errors as of `attributes`.
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
        """Return every deal signed by the day, whatever is known of it; see `attributes`."""
        read = self.attributes(dates)
        return TrainingSet(
            attributes=read.frame,
            followup_months=self.followup_months,
            left=self.left,
            entry_months=self.entry_months,
            observable_months=self.observable_months,
            weight=self._propensity,
            closed_on=self._closed_on(np.arange(len(self))),
            horizon_months=self.spec.label.horizon_months,
            dates=read.dates,
            left_by_months=self.left_by_months,
        )

    def subset(self, chosen: Any) -> HistoryView:
        """Some of these deals, by boolean mask or positions within the view."""
        return HistoryView(self.history, self.day, self, np.arange(len(self))[np.asarray(chosen)])

    def as_of(self, day: Moment) -> HistoryView:
        """Those of these deals that were signed by an earlier day, with what was known then."""
        cut = day_as_of(day)
        if self.day is not None and self.day <= cut:
            return self
        then: HistoryView = self.history.as_of(cut)
        if self._whole is None:
            return then
        return then.subset(np.isin(then.positions, self.positions))

    def signed_before(self, day: Moment) -> HistoryView:
        """Those of these deals that were signed before a day, with what this view knows of them."""
        return self.subset(self._dates.closed[self.positions] < day_as_of(day))

    def with_spec(self, spec: DealSpec) -> HistoryView:
        """Return the same deals on the same day under another contract."""
        if spec is self.spec or spec == self.spec:
            return self
        if self._whole is not None:
            whole = self._whole.with_spec(spec)
            return HistoryView(whole.history, self.day, whole, self._within)
        return self.history.with_spec(spec).as_of(self.day)  # type: ignore[no-any-return]

    @property
    def _dates(self) -> OutcomeDates:
        return self.history.columns  # type: ignore[return-value]  # asked for with dates only

    @property
    def _tenures(self) -> OutcomeTenures:
        return self.history.columns  # type: ignore[return-value]  # asked for without dates only

    @cached_property
    def _seen(self) -> Seen:
        return look(self._dates, self.positions, self.day, self.spec.label.horizon_months)

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
        if self._whole is not None:
            whole = self._whole.attributes(dates)
            wrong = {name: rows[self._within] for name, rows in whole.unreadable.items()}
            return ReadAttributes(whole.frame.iloc[self._within], whole.dates, wrong)
        read = read_attributes(self.deals, self.spec, closed_on=self.closed, dates=dates)
        if read.dates and self.closed is None:
            raise DealsError(
                f"attributes {list(read.dates)} are dates, but the deals have no closing date to "
                "count from; exclude them or give closed_on"
            )
        return read
