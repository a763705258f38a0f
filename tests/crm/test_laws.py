"""Laws of attributes as of a moment, on generated tables."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fitmodel.crm import _opening
from fitmodel.crm.attributes import attributes_as_of, read_crm_tables
from fitmodel.deals.contract import DealSpec

CLOSED = date(2026, 3, 10)
IDS = ["D0", "D1", "D2"]
SPEC = DealSpec(
    deals={
        "id": "deal_id",
        "closed_on": "closed_on",
        "churned_on": "churned_on",
        "observed_until": "2026-09-01",
    },
    history={
        "fields": {
            "table": "h",
            "id": "deal",
            "field": "field",
            "value": "new",
            "old_value": "old",
            "changed_at": "at",
            "stage": "stage",
            "fields": ["stage", "plan"],
        }
    },
    events={
        "calls": {
            "table": "e",
            "id": "deal",
            "at": "at",
            "kind": "kind",
            "who": "who",
            "amount": "minutes",
            "windows_days": [14, 90],
            "kinds": ["call", "mail"],
            "recorded_from": "2020-01-01",
        }
    },
)
DAYS = st.integers(-100, 60)
MOMENTS = st.builds(
    lambda day, second: datetime(2026, 3, 10) + timedelta(days=day, seconds=second),  # noqa: DTZ001
    DAYS,
    st.sampled_from([0, 1, 43_200, 86_399]),
)
VALUES = st.sampled_from(["a", "b", "c", None])
CHANGES = st.lists(
    st.tuples(st.sampled_from(IDS), st.sampled_from(["stage", "plan"]), VALUES, MOMENTS),
    min_size=1,
    max_size=25,
    unique_by=lambda row: (row[0], row[1], row[3]),
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(IDS),
        MOMENTS,
        st.sampled_from(["call", "mail"]),
        st.sampled_from(["Ann", "Bob", "Cid", None]),
        st.floats(0, 100).map(lambda x: round(x, 2)),
    ),
    min_size=1,
    max_size=25,
)


def _deals():
    return pd.DataFrame(
        {"deal_id": IDS, "closed_on": [CLOSED] * 3, "plan": ["x", "y", "z"], "stage": ["w"] * 3}
    )


def _history(rows):
    """A table of changes in which each old value is the previous new value."""
    rows = [row for row in rows if row[2] is not None]
    rows = rows or [("D0", "plan", "a", datetime(2026, 1, 1))]  # noqa: DTZ001
    table = pd.DataFrame(rows, columns=["deal", "field", "new", "at"])
    ordered = table.sort_values("at", kind="stable")
    table["old"] = ordered.groupby(["deal", "field"])["new"].shift(1).reindex(table.index)
    table["old"] = table["old"].fillna("first")
    return table.astype({"old": object, "new": object})


def _events(rows):
    return pd.DataFrame(rows, columns=["deal", "at", "kind", "who", "minutes"])


def _frame(history, events, deals=None, as_of=None):
    tables = read_crm_tables(SPEC, {"fields": history, "calls": events})
    return attributes_as_of(_deals() if deals is None else deals, SPEC, tables, as_of).frame


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(CHANGES, EVENTS, st.randoms(use_true_random=False))
def test_shuffling_rows_after_closing_changes_no_attribute(changes, events, random):
    history, calls = _history(changes), _events(events)
    cut = pd.Timestamp(CLOSED)
    expected = _frame(history, calls)

    later = history["at"] >= cut
    other = history.copy()
    first = history[later].sort_values("at").groupby(["deal", "field"]).head(1).index
    for row in history.index[later]:
        other.loc[row, "new"] = random.choice(["a", "b", "c", "zzz"])
        other.loc[row, "at"] = cut + pd.Timedelta(seconds=random.randint(1, 10**6))
        if row not in first:
            other.loc[row, "old"] = random.choice(["a", "b"])
    # the first change after closing still gives the value before it
    earliest = (
        other[later].sort_values("at", kind="stable").groupby(["deal", "field"]).head(1).index
    )
    for row in earliest:
        key = (history["deal"] == history.loc[row, "deal"]) & (
            history["field"] == history.loc[row, "field"]
        )
        other.loc[row, "old"] = history.loc[next(each for each in first if key[each]), "old"]
    moved = calls.copy()
    gone = moved["at"] >= cut
    moved.loc[gone, "who"] = "Zoe"
    moved.loc[gone, "minutes"] = 1e9
    moved.loc[gone, "at"] = [
        cut + pd.Timedelta(seconds=random.randint(0, 10**7)) for _ in range(int(gone.sum()))
    ]
    extra = pd.DataFrame([("D1", cut, "call", "Zoe", 7.0)], columns=calls.columns)

    result = _frame(other, pd.concat([moved, extra], ignore_index=True))

    pd.testing.assert_frame_equal(result, expected, check_exact=True)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(CHANGES, EVENTS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(changes, events, random):
    history, calls = _history(changes), _events(events)
    positions = [random.sample(range(len(t)), len(t)) for t in (history, calls)]

    shuffled = _frame(history.iloc[positions[0]], calls.iloc[positions[1]])

    pd.testing.assert_frame_equal(shuffled, _frame(history, calls), check_exact=True)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(CHANGES, EVENTS)
def test_a_deal_alone_has_the_same_attributes_as_among_others(changes, events):
    history, calls = _history(changes), _events(events)
    together = _frame(history, calls)

    alone = pd.concat([_frame(history, calls, _deals().iloc[[n]]) for n in range(len(IDS))])

    for name in together:
        assert alone[name].astype(object).where(alone[name].notna(), None).tolist() == (
            together[name].astype(object).where(together[name].notna(), None).tolist()
        )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(CHANGES, EVENTS)
def test_the_attributes_equal_those_of_a_simple_loop(changes, events):
    history, calls = _history(changes), _events(events)
    frame = _frame(history, calls)
    cut = datetime(2026, 3, 10)  # noqa: DTZ001

    for position, deal in enumerate(IDS):
        known = [row for row in calls.itertuples() if row.deal == deal and row.at < cut]
        for days in (14, 90):
            near = [row for row in known if row.at >= cut - timedelta(days=days)]
            assert frame[f"calls_count_{days}d"].iloc[position] == len(near)
            people = {row.who for row in near} - {None, np.nan}
            people = {who for who in people if isinstance(who, str)}
            assert frame[f"calls_people_{days}d"].iloc[position] == len(people)
            mails = [row for row in near if row.kind == "mail"]
            assert np.isclose(
                frame[f"calls_mail_minutes_{days}d"].iloc[position], sum(r.minutes for r in mails)
            )
        silence = min(((cut.date() - row.at.date()).days for row in known), default=365)
        assert frame["calls_days_since_last"].iloc[position] == silence
        rows = history[(history["deal"] == deal) & (history["at"] < cut)].sort_values("at")
        plans = rows[rows["field"] == "plan"]
        if len(plans):
            assert frame["plan"].iloc[position] == plans["new"].iloc[-1]
            steps = [plans["old"].iloc[0], *plans["new"]]
            moves = sum(one != other for one, other in pairwise(steps))
            assert frame["plan_changes"].iloc[position] == moves
        elif not len(rows):
            assert pd.isna(frame["plan"].iloc[position])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(CHANGES, st.integers(-60, 30))
def test_attributes_as_of_a_past_day_equal_a_snapshot_of_that_day(changes, days):
    history = _history(changes)
    day = CLOSED + timedelta(days=days)
    taken = datetime(day.year, day.month, day.day) + timedelta(hours=23, minutes=59, seconds=59)  # noqa: DTZ001
    open_deals = _deals().assign(closed_on=None)
    calls = _events([("D0", datetime(2026, 1, 1), "call", None, 1.0)])  # noqa: DTZ001

    frame = _frame(history, calls, open_deals, as_of=day)

    for position, deal in enumerate(IDS):
        rows = history[(history["deal"] == deal) & (history["field"] == "plan")]
        standing = rows[rows["at"] <= taken].sort_values("at")["new"]
        if len(standing):
            assert frame["plan"].iloc[position] == standing.iloc[-1]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=30)
@given(CHANGES, EVENTS)
def test_a_table_read_in_parts_gives_the_same_attributes(changes, events):
    history, calls = _history(changes), _events(events)
    whole = _frame(history, calls)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_opening, "MAX_ROWS_IN_ONE_PART", 0)
        patch.setattr(_opening, "PART_ROWS", 1)
        patch.setattr(_opening, "PIECE_ROWS", 3)

        parts = _frame(history, calls)

    pd.testing.assert_frame_equal(parts, whole, check_exact=True)
