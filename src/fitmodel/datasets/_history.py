"""Simulate the history and events of deals: what the CRM recorded before and after closing.

latent inactivity of a deal -> its meetings, calls and e-mails -> a risk that only these show
fields -> changes before closing -> overwritten later, mostly if the customer left
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fitmodel.datasets import mechanism
from fitmodel.datasets._attributes import Array, stream
from fitmodel.datasets._company import REFERENCE_SEED, REFERENCE_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fitmodel.datasets._company import Company

STAGES = ("new", "qualified", "demo", "offer", "won")
KINDS = ("email", "call", "meeting")
LAST_90 = 90
MAX_SILENCE = 120
HISTORY = {
    "fields": {
        "table": "field_history.parquet",
        "id": "deal_id",
        "field": "field",
        "value": "new_value",
        "old_value": "old_value",
        "changed_at": "changed_at",
        "stage": "stage",
        "stages": STAGES,
    }
}
EVENTS = {
    "activities": {
        "table": "activities.parquet",
        "id": "deal_id",
        "at": "happened_at",
        "kind": "kind",
        "who": "contact",
        "amount": "minutes",
    }
}
# Shares of leavers with fewer seats, of other customers with more seats, and of leavers whose
# decision maker is no longer known.
SHARE_CUT, SHARE_GROWN, SHARE_FORGOTTEN = 0.6, 0.3, 0.7
# Shares of deals that first wanted fewer seats, with a known decision maker, without a demo, and
# with a postponed closing date.
SHARE_DOUBLED, SHARE_KNOWN, SHARE_SKIPPED, SHARE_POSTPONED = 0.4, 0.7, 0.25, 0.3


@dataclass(frozen=True, eq=False)
class Contacts:
    """Contacts with the customers of all deals.

    `deal`, `person`, `kind`, `minutes`, ndarray of int of shape (contacts,): position of the deal,
        code of the person, code of the kind, and duration of each contact.
    `days_before`, ndarray of int of shape (contacts,): whole days before closing, at least 1.
    `silence`, ndarray of int of shape (deals,): days from the last contact to closing.
    `people`, ndarray of int of shape (deals,): number of distinct people in contact in the last 90
        days.
    """

    deal: Array
    days_before: Array
    person: Array
    kind: Array
    minutes: Array
    silence: Array
    people: Array


def draw_contacts(n: int, seed: int, length: Array) -> Contacts:
    """Draw the contacts of deals whose first contact was `length` days before closing."""
    random = stream(seed, "contacts")
    passivity = random.standard_normal(n)
    longest = np.clip(length.astype(np.int64), 2, MAX_SILENCE)
    silence = 1 + np.floor(random.exponential(5.0 * np.exp(0.9 * passivity))).astype(np.int64)
    silence = np.minimum(silence, longest)
    counts = 1 + random.poisson(np.exp(1.9 - 0.5 * passivity))
    deal = np.repeat(np.arange(n), counts)
    first = np.append(True, deal[1:] != deal[:-1])
    spread = random.random(len(deal)) * (longest - silence)[deal]
    days = silence[deal] + np.where(first, 0, np.floor(spread)).astype(np.int64)
    number_of_persons = 1 + random.poisson(np.exp(0.7 - 0.4 * passivity))
    person = np.floor(random.random(len(deal)) * number_of_persons[deal]).astype(np.int64)
    recent = days <= LAST_90
    pairs = np.unique(deal[recent] * 1000 + person[recent]) // 1000
    kind = random.choice(len(KINDS), size=len(deal), p=(0.5, 0.3, 0.2))
    minutes = np.where(kind == 0, 0, 15 * (1 + random.integers(0, 4, len(deal))))
    return Contacts(deal, days, person, kind, minutes, silence, np.bincount(pairs, minlength=n))


def warning(contacts: Contacts) -> Array:
    """Return the effect of the contacts on the log-odds: silence and few people raise the risk."""
    few = np.clip(3.0 - contacts.people, -2.0, 2.0)
    return np.asarray(0.9 * np.tanh((contacts.silence - 12) / 10) + 0.35 * few)


@lru_cache(maxsize=64)
def offset(company: Company) -> float:
    """Return the log-odds to add so that the mean probability of deals is the base rate."""
    size, seed = REFERENCE_SIZE, REFERENCE_SEED
    rep, raw = company.draw(size, seed)
    log_odds = company.log_odds(raw, company.closing_dates(size, seed))
    log_odds = log_odds + company.reps["effect"].to_numpy()[rep]
    with_warning = log_odds + warning(draw_contacts(size, seed, raw["first_contact_on"]))
    return float(mechanism.centre_at(with_warning, company.base_rate))


@dataclass(frozen=True, eq=False)
class Moments:
    """When each deal closed, when its customer leaves, and when the extract ends."""

    closed_on: Array
    left_on: Array
    last: np.datetime64


def make_events(
    ids: pd.Series[Any], moments: Moments, contacts: Contacts, seed: int
) -> pd.DataFrame:
    """Return the table of activities before and after closing, up to the end of the extract."""
    random = stream(seed, "events")
    closed_on, last = moments.closed_on, moments.last
    n = len(closed_on)
    later = np.repeat(np.arange(n), random.poisson(2.0, n))
    deal = np.concatenate([contacts.deal, later])
    days = np.concatenate([-contacts.days_before, random.integers(0, 60, len(later))])
    at = closed_on[deal] + days.astype("timedelta64[D]")
    seconds = (8 * 3600 + random.integers(0, 10 * 3600, len(deal))).astype("timedelta64[s]")
    kind = np.concatenate([contacts.kind, random.integers(0, len(KINDS), len(later))])
    person = np.concatenate([contacts.person, random.integers(0, 3, len(later))])
    minutes = np.concatenate([contacts.minutes, np.full(len(later), 30)])
    table = pd.DataFrame(
        {
            "deal_id": pd.array(list(ids), dtype="str").take(deal),
            "happened_at": at.astype("datetime64[us]") + seconds,
            "kind": pd.array(list(KINDS), dtype="str").take(kind),
            "contact": pd.Series(deal).astype("str") + "-" + pd.Series(person).astype("str"),
            "minutes": minutes,
        }
    )
    return _shuffled(table[at <= last], random)


def overwritten(
    deals: pd.DataFrame, moments: Moments, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the deals with today's values, and the table of all changes.

    After closing, the seats of customers grow, and those of customers who left are often reduced.
    The decision maker of most leavers is no longer known. This is leakage that no test of a single
    column finds with certainty, and that the values as of closing do not have.
    """
    random = stream(seed, "overwritten")
    n, last = len(deals), moments.last
    left = moments.left_on <= last
    clock = _Clock(moments.closed_on, random)
    seats = deals["seats"].to_numpy() if "seats" in deals else np.ones(n, dtype=np.int64)
    more_seats = np.ceil(seats * (1.2 + random.random(n))).astype(np.int64)
    fewer_seats = np.maximum(1, np.floor(seats * 0.4)).astype(np.int64)
    seats_today = np.where(left & (random.random(n) < SHARE_CUT), fewer_seats, seats)
    seats_today = np.where(~left & (random.random(n) < SHARE_GROWN), more_seats, seats_today)
    known = random.random(n) < SHARE_KNOWN
    known_today = known & ~(left & (random.random(n) < SHARE_FORGOTTEN))
    after = clock.after(np.where(left, moments.left_on, last))
    parts = list(_pipeline(clock, n, random))
    doubled = random.random(n) < SHARE_DOUBLED
    parts.append(_rows("seats", np.maximum(1, seats // 2), seats, clock.before(), doubled))
    parts.append(_rows("seats", seats, seats_today, after, seats_today != seats))
    parts.append(
        _rows("decision_maker_known", _yes_or_no(~known), _yes_or_no(known), clock.before(), known)
    )
    forgotten = known & ~known_today
    parts.append(
        _rows("decision_maker_known", _yes_or_no(known), _yes_or_no(known_today), after, forgotten)
    )
    history = pd.concat(parts, ignore_index=True)
    ids = deals["deal_id"].astype("str").reset_index(drop=True)
    history.insert(0, "deal_id", ids.take(history.pop("deal").to_numpy()).reset_index(drop=True))
    history = history[history["changed_at"].to_numpy() < last + np.timedelta64(1, "D")]
    today = deals.assign(decision_maker_known=pd.array(_yes_or_no(known_today), dtype="str"))
    if "seats" in deals:
        today["seats"] = seats_today
    return today, _shuffled(history, random)


@dataclass(frozen=True, eq=False)
class _Clock:
    """Draws times before and after closing."""

    closed_on: Array
    random: np.random.Generator

    def before(self, low: int = 2, high: int = 20) -> Array:
        """Return a time some days before closing, for each deal."""
        days = self.random.integers(low, high, len(self.closed_on)).astype("timedelta64[D]")
        return self._at(self.closed_on - days)

    def after(self, end: Array) -> Array:
        """Return a time after closing, at the given end or a few days before it."""
        days = self.random.integers(0, 5, len(end)).astype("timedelta64[D]")
        return self._at(np.maximum(end - days, self.closed_on))

    def _at(self, day: Array) -> Array:
        seconds = 8 * 3600 + self.random.integers(0, 10 * 3600, len(day))
        moments: Array = day.astype("datetime64[us]") + seconds.astype("timedelta64[s]")
        return moments


def _pipeline(clock: _Clock, n: int, random: np.random.Generator) -> Iterator[pd.DataFrame]:
    """Yield the changes before closing: creation, stages, and postponed closing dates."""
    all_deals = np.ones(n, dtype=bool)
    no_value = np.full(n, None, dtype=object)
    yield _rows("created", no_value, no_value, clock.before(60, 61), all_deals)
    skips = random.random(n) < SHARE_SKIPPED
    yield _rows("stage", _text("new", n), _text("qualified", n), clock.before(40, 50), all_deals)
    yield _rows("stage", _text("qualified", n), _text("demo", n), clock.before(26, 40), ~skips)
    before = np.where(skips, "qualified", "demo").astype(object)
    yield _rows("stage", before, _text("offer", n), clock.before(2, 25), all_deals)
    yield _rows("stage", _text("offer", n), _text("won", n), clock.before(0, 1), all_deals)
    planned = (clock.closed_on - 10).astype("datetime64[D]").astype(str).astype(object)
    final = clock.closed_on.astype("datetime64[D]").astype(str).astype(object)
    yield _rows(
        "closed_on", planned, final, clock.before(11, 30), random.random(n) < SHARE_POSTPONED
    )


def _rows(field: str, old: Array, new: Array, at: Array, selected: Array) -> pd.DataFrame:
    def text(values: Array) -> Any:
        return pd.array([None if v is None else str(v) for v in values[selected]], dtype="str")

    return pd.DataFrame(
        {
            "deal": np.flatnonzero(selected),
            "field": field,
            "old_value": text(old),
            "new_value": text(new),
            "changed_at": at[selected],
        }
    )


def _yes_or_no(flags: Array) -> Array:
    return np.where(flags, "yes", "no").astype(object)


def _text(text: str, n: int) -> Array:
    return np.full(n, text, dtype=object)


def _shuffled(table: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Return the rows in random order, because exports have no order."""
    return table.iloc[random.permutation(len(table))].reset_index(drop=True)
