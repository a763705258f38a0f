"""Settings of one simulated company: reps, dates of deals and risk of each deal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.datasets import _attributes, _mechanism, _reps, timeline
from fitmodel.deals.months import add_months
from fitmodel.exceptions import SpecError

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.datasets._attributes import Array, Raw

REFERENCE_SIZE = 20_000
REFERENCE_SEED = 19_720_301


@dataclass(frozen=True)
class Company:
    """The law that simulated deals follow; see `simulate_deals` for the parameters."""

    horizon_months: int = 5
    drift: float = 0.0
    n_reps: int = 12
    n_teams: int = 3
    rep_effects: bool = True
    rep_selection: bool = True
    n_attributes: int | None = None
    months: int = 36
    observed_until: str = "2026-06-30"
    recent_share: float | None = None
    base_rate: float = 0.22
    signal: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no company can be."""
        least = {"horizon_months": 1, "n_reps": 1, "n_teams": 1, "months": 1}
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise SpecError(f"{name} must be at least {smallest}, got {getattr(self, name)}")
        if self.n_attributes is not None and self.n_attributes < 1:
            raise SpecError(f"n_attributes must be at least 1, got {self.n_attributes}")
        for name in ("base_rate", "recent_share"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise SpecError(f"{name} must lie between 0 and 1, got {value}")

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """Attributes that the table shows, in its order."""
        return _attributes.attribute_names(self.n_attributes)

    @cached_property
    def last(self) -> np.datetime64:
        """Day the extract ends."""
        return np.datetime64(self.observed_until, "D")

    @cached_property
    def first(self) -> np.datetime64:
        """Day before the first on which a deal can be signed."""
        day: np.datetime64 = add_months(np.array([self.last]), -self.months)[0]
        return day

    @cached_property
    def reps(self) -> pd.DataFrame:
        """Roster: team, share of the deals, selection and effect of every rep."""
        return _reps.make_reps(
            self.n_reps, self.n_teams, selection=self.rep_selection,
            effects=self.rep_effects, company=self.seed,
        )  # fmt: skip

    def closing_dates(self, n: int, seed: int) -> Array:
        """Draw ascending closing dates."""
        recent = self.horizon_months / self.months
        growth = (
            0.0 if self.recent_share is None else timeline.growth_for(self.recent_share, recent)
        )
        return timeline.closing_dates(n, seed, first=self.first, last=self.last, growth=growth)

    def draw(self, n: int, seed: int) -> tuple[Array, Raw]:
        """Draw the rep (position in the roster) and the attributes of `n` prospects."""
        upto = np.cumsum(self.reps["share"].to_numpy())[:-1]
        rep = np.searchsorted(upto, _attributes.stream(seed, "rep").random(n))
        selection = self.reps["selection"].to_numpy()[rep]
        return rep, _attributes.draw_attributes(n, seed, selection, self.attributes)

    def log_odds(self, raw: Raw, closed_on: Array) -> Array:
        """Return the true log-odds without the rep's own effect."""
        return self.intercept + self._uncentred(raw, closed_on)

    @cached_property
    def intercept(self) -> float:
        """What brings the mean probability of the company's deals to `base_rate`."""
        return _intercept(self)

    def _uncentred(self, raw: Raw, closed_on: Array) -> Array:
        age = (closed_on - self.first) / (self.last - self.first)
        effects = _mechanism.attribute_log_odds(raw, self.attributes, age, self.drift)
        return self.signal * effects + self.drift * (age - 0.5)


@lru_cache(maxsize=64)
def _intercept(company: Company) -> float:
    rep, raw = company.draw(REFERENCE_SIZE, REFERENCE_SEED)
    closed_on = company.closing_dates(REFERENCE_SIZE, REFERENCE_SEED)
    log_odds = company._uncentred(raw, closed_on) + company.reps["effect"].to_numpy()[rep]  # noqa: SLF001 (its own)
    return _mechanism.centre_at(log_odds, company.base_rate)
