"""A simulated company: its reps, the dates and risks of its deals, and columns with leakage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fitmodel.datasets import _attributes, mechanism
from fitmodel.datasets._attributes import Array, stream
from fitmodel.deals.months import DAYS_PER_MONTH, add_months
from fitmodel.exceptions import SpecError

if TYPE_CHECKING:
    from typing import Any

    from fitmodel.datasets._attributes import Raw


REFERENCE_SIZE = 20_000
REFERENCE_SEED = 19_720_301


@dataclass(frozen=True)
class Company:
    """Parameters of a simulated company; see `simulate_deals`."""

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
        """Raise an error if a parameter is out of range."""
        minimum = {"horizon_months": 1, "n_reps": 1, "n_teams": 1, "months": 1}
        for name, smallest in minimum.items():
            if getattr(self, name) < smallest:
                raise SpecError(f"{name} must be at least {smallest}, got {getattr(self, name)}")
        if self.n_attributes is not None and self.n_attributes < 1:
            raise SpecError(f"n_attributes must be at least 1, got {self.n_attributes}")
        for name in ("base_rate", "recent_share"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise SpecError(f"{name} must be between 0 and 1, got {value}")

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """Names of the table's attributes, in order."""
        return _attributes.attribute_names(self.n_attributes)

    @cached_property
    def last(self) -> np.datetime64:
        """Day on which the extract ends."""
        return np.datetime64(self.observed_until, "D")

    @cached_property
    def first(self) -> np.datetime64:
        """Day before the first possible closing date."""
        day: np.datetime64 = add_months(np.array([self.last]), -self.months)[0]
        return day

    @cached_property
    def reps(self) -> pd.DataFrame:
        """Table of the reps: team, share of the deals, selection and effect."""
        return make_reps(
            self.n_reps, self.n_teams, selection=self.rep_selection,
            effects=self.rep_effects, company=self.seed,
        )  # fmt: skip

    def closing_dates(self, n: int, seed: int) -> Array:
        """Draw ascending closing dates."""
        recent = self.horizon_months / self.months
        growth = (
            0.0 if self.recent_share is None else mechanism.growth_for(self.recent_share, recent)
        )
        return mechanism.closing_dates(n, seed, first=self.first, last=self.last, growth=growth)

    def draw(self, n: int, seed: int) -> tuple[Array, Raw]:
        """Draw the reps (as positions in `reps`) and the attributes of `n` prospects."""
        bounds = np.cumsum(self.reps["share"].to_numpy())[:-1]
        rep = np.searchsorted(bounds, _attributes.stream(seed, "rep").random(n))
        selection = self.reps["selection"].to_numpy()[rep]
        return rep, _attributes.draw_attributes(n, seed, selection, self.attributes)

    def log_odds(self, raw: Raw, closed_on: Array) -> Array:
        """Return the true log-odds of early churn without the rep's effect."""
        return self.intercept + self._uncentred(raw, closed_on)

    @cached_property
    def intercept(self) -> float:
        """Intercept at which the mean probability of the deals is `base_rate`."""
        return _intercept(self)

    def _uncentred(self, raw: Raw, closed_on: Array) -> Array:
        age = (closed_on - self.first) / (self.last - self.first)
        effects = mechanism.attribute_log_odds(raw, self.attributes, age, self.drift)
        return self.signal * effects + self.drift * (age - 0.5)


@lru_cache(maxsize=64)
def _intercept(company: Company) -> float:
    rep, raw = company.draw(REFERENCE_SIZE, REFERENCE_SEED)
    closed_on = company.closing_dates(REFERENCE_SIZE, REFERENCE_SEED)
    log_odds = company._uncentred(raw, closed_on) + company.reps["effect"].to_numpy()[rep]  # noqa: SLF001 (same module)
    return mechanism.centre_at(log_odds, company.base_rate)


LARGEST_TO_SMALLEST_REP = 60.0
SELECTION = 0.8
REP_EFFECT = 0.8


def make_reps(
    n_reps: int, n_teams: int, *, selection: bool, effects: bool, company: int
) -> pd.DataFrame:
    """Return the reps of a company; they are the same for every sample of its deals.

    `selection`, `effects`: whether a third of the reps sign riskier or safer prospects, and whether
        a third have an effect on the risk. If False, all reps are equal in that respect.
    Returns: index `rep`; columns `team`, `share` of the deals, `selection` (how much riskier their
        prospects are), `effect` (added to the log-odds of their deals).
    """
    share = LARGEST_TO_SMALLEST_REP ** -np.linspace(0.0, 1.0, n_reps)
    return pd.DataFrame(
        {
            "team": [f"Team {chr(65 + number % n_teams)}" for number in range(n_reps)],
            "share": share / share.sum(),
            "selection": SELECTION * _contrasts(np.ones(n_reps), company, "selection") * selection,
            "effect": REP_EFFECT * _contrasts(share, company, "effect") * effects,
        },
        index=pd.Index([f"Rep {number + 1:02d}" for number in range(n_reps)], name="rep"),
    )


def _contrasts(weight: Array, company: int, purpose: str) -> Array:
    """Return +1 and a balancing negative value for a third of the pairs of neighbours, else 0.

    The reps with exactly 0 are needed to count false alarms.
    """
    contrast = np.zeros(len(weight))
    random = stream(company, purpose)
    first_positions = np.arange(0, len(weight) - 1, 2)
    for first in random.choice(first_positions, size=-(-len(first_positions) // 3), replace=False):
        worse, better = random.permutation([first, first + 1])
        contrast[worse] = 1.0
        contrast[better] = -weight[worse] / weight[better]
    return contrast


LEAKS = ("csat_90d", "cancellation_reason", "support_tickets_90d", "last_login_on", "total_paid")
REASONS = ("did not need it", "missing feature", "price", "support", "went to a competitor")
SURVEY_DAY = 90


def leak_columns(
    closed_on: Array, left_on: Array, last: np.datetime64, annual_value: Array, seed: int
) -> dict[str, Any]:
    """Return the columns of `LEAKS`, with their values on the day the extract ends.

    `closed_on`, `left_on`, ndarray of datetime64[D] of shape (n,): closing day, and day on which
        the customer leaves, also if that is after the extract.
    `annual_value`, shape (n,): yearly contract value.
    Returns: `csat_90d` is answered mostly by those who stay, `cancellation_reason` is filled only
        for those who left, `support_tickets_90d` counts the first 90 days, `last_login_on` is a day
        after closing, and `total_paid` is the yearly value / 12 times the months observed.
    """
    tenure = (left_on - closed_on).astype(np.int64)
    observed = np.minimum(tenure, (last - closed_on).astype(np.int64))
    return {
        "csat_90d": _satisfaction(tenure, observed, stream(seed, "csat_90d")),
        "cancellation_reason": _reason(left_on <= last, stream(seed, "cancellation_reason")),
        "support_tickets_90d": _tickets(tenure, observed, stream(seed, "support_tickets_90d")),
        "last_login_on": _last_login(closed_on, observed, stream(seed, "last_login_on")),
        "total_paid": np.round(annual_value / 12 * observed / DAYS_PER_MONTH, 2),
    }


def _satisfaction(tenure: Array, observed: Array, random: np.random.Generator) -> Array:
    """Return marks of 1 to 10 given on day 90 by most customers who stay and few who leave."""
    leaves_soon = tenure < 2 * SURVEY_DAY
    answered = (observed >= SURVEY_DAY) & (
        random.random(len(tenure)) < np.where(leaves_soon, 0.25, 0.85)
    )
    score = np.clip(
        np.rint(np.where(leaves_soon, 5.0, 7.8) + 1.6 * random.standard_normal(len(tenure))), 1, 10
    )
    return np.where(answered, score, np.nan)


def _reason(left: Array, random: np.random.Generator) -> Any:
    drawn = random.integers(0, len(REASONS), len(left))
    return pd.array(list(REASONS), dtype="str").take(np.where(left, drawn, -1), allow_fill=True)


def _tickets(tenure: Array, observed: Array, random: np.random.Generator) -> Array:
    rate = np.where(tenure < 2 * SURVEY_DAY, 4.0, 1.2)
    return random.poisson(rate * np.minimum(observed, SURVEY_DAY) / SURVEY_DAY)


def _last_login(closed_on: Array, observed: Array, random: np.random.Generator) -> Array:
    idle = np.minimum(random.poisson(3.0, len(observed)), observed)
    return np.asarray(
        (closed_on + (observed - idle).astype("timedelta64[D]")).astype("datetime64[us]")
    )
