"""A date of another event, or of a later day, is never the outcome without a question."""

from __future__ import annotations

import tomllib

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import DealsError
from fitmodel.guessing.guess import guess_spec
from fitmodel.guessing.questions import find_questions, read_with_questions
from tables import customers

DEALS = {"closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"}


def asked(table: pd.DataFrame, **deals: object) -> dict[str, str]:
    spec = DealSpec(deals={**DEALS, **deals})
    return {question.code: str(question) for question in find_questions(table, spec)}


def steady() -> pd.DataFrame:
    """Customers signed until the last day on which anybody left."""
    table = customers(8)
    end = table["signed"].max()
    return table.assign(left=table["left"].where(table["left"] <= end))


def announced(rows: int = 12) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Some customers have announced that they will leave within the next ten months."""
    table = steady()
    end = table["signed"].max()
    still = table.index[table["left"].isna()][:rows]
    table.loc[still, "left"] = end + pd.to_timedelta(np.linspace(60, 300, rows).astype(int), "D")
    return table, end


def test_init_does_not_end_the_extract_with_a_date_that_is_announced() -> None:
    table, end = announced()
    guess = guess_spec(table)
    plain = guess_spec(steady())

    assert tomllib.loads(guess.toml)["deals"]["observed_until"] == str(end.date())
    assert "12 dates in 'left' are later" in " ".join(guess.unsure)
    assert tomllib.loads(plain.toml)["deals"]["observed_until"] == str(end.date())


@pytest.mark.parametrize("column", ["signed", "left"])
def test_years_of_the_buddhist_calendar_are_said_and_asked_about(column: str) -> None:
    table = steady()
    days = table[column].dropna()
    written = {row: f"{day.day}/{day.month}/{day.year + 543}" for row, day in days.items()}
    table[column] = [written.get(row) for row in table.index]
    guess = guess_spec(table)
    spec = DealSpec(**tomllib.loads(guess.toml))
    first = days.index[0]

    (question,) = (each for each in guess.questions if each.code == "buddhist-years")
    assert f"'{written[first]}' is {days[first].date()}" in question.message
    assert f"{len(days):,} of {len(days):,} dates" in question.message
    settled = spec.replace(rows={"acknowledged": ["buddhist-years"]})
    assert "buddhist-years" not in {each.code for each in find_questions(table, settled)}
    assert "buddhist-years" not in {each.code for each in guess_spec(steady()).questions}


def test_customers_who_were_followed_longer_go_on_leaving() -> None:
    """A table of older deals only: the extract ends with the last date of leaving."""
    table = customers(8)
    latest = table["left"].max()

    assert (latest - table["signed"].max()).days > 90
    assert tomllib.loads(guess_spec(table).toml)["deals"]["observed_until"] == str(latest.date())


def test_an_extract_that_ends_with_announced_dates_is_asked_about() -> None:
    table, end = announced()
    latest = str(table["left"].max().date())

    assert (
        "12 dates are later than the last closing"
        in (asked(table, observed_until=latest)["announced-leaving"])
    )
    assert "announced-leaving" not in asked(table, observed_until=str(end.date()))


def test_a_second_date_of_leaving_is_asked_about_with_what_it_changes() -> None:
    table = customers(8).rename(columns={"left": "cancelled_at"})
    table["ended_at"] = table["cancelled_at"] + pd.Timedelta(days=60)
    message = asked(table, churned_on="cancelled_at")["other-date-of-leaving"]

    def early(name: str) -> int:
        return int((table[name] <= table["signed"] + pd.DateOffset(months=5)).sum())

    assert "typically 60 days later" in message
    assert f"By it {early('ended_at')} customers left within 5 months" in message
    assert f"by 'cancelled_at' {early('cancelled_at')}" in message
    assert early("ended_at") < early("cancelled_at")


@pytest.mark.parametrize(
    ("name", "days"),
    [("ended_at", 0), ("refunded_at", 60), ("next_billing_date", 60), ("renewal_date", 60)],
)
def test_the_same_day_or_another_event_is_no_second_date_of_leaving(name: str, days: int) -> None:
    table = customers(8)
    table[name] = table["left"] + pd.Timedelta(days=days)

    assert "other-date-of-leaving" not in asked(table)


def test_a_day_with_many_times_the_dates_of_any_other_is_asked_about() -> None:
    table = customers(8)
    imported = table.assign(signed=table["signed"].where(table.index >= 50, table["signed"].min()))
    closed = table["left"].where(~table.index.isin(table.index[table["left"].notna()][:50]))
    cleaned = table.assign(left=closed.mask(closed.isna() & table["left"].notna(), "2025-12-30"))

    assert " of 240 dates are 2023-" in asked(imported)["one-day"]
    assert asked(cleaned)["one-day"].startswith("left: 50 of ")
    assert asked(table) == {}


def test_contracts_that_begin_on_the_first_of_a_month_are_usual() -> None:
    table = customers(8)
    first = table["signed"].dt.to_period("M").dt.start_time

    assert "one-day" not in asked(table.assign(signed=first))


@pytest.mark.parametrize(
    ("first", "second"),
    [("Contract 1 End", "Contract 2 End"), ("end_1", "end_2"), ("Ended 1", "Ended 2")],
)
def test_the_end_of_the_first_of_several_contracts_must_be_answered(
    first: str, second: str
) -> None:
    table = customers(8).rename(columns={"left": first})
    table[second] = (table[first] + pd.Timedelta(days=90)).where(table.index % 3 == 0)
    spec = DealSpec(deals={**DEALS, "churned_on": first})

    with pytest.raises(DealsError, match=rf"{first}: the table also has '{second}'"):
        read_with_questions(table, spec)
    assert "numbered-contracts" not in asked(table.drop(columns=second), churned_on=first)


def test_an_expected_closing_date_stays_in_question() -> None:
    table = customers(8).rename(columns={"signed": "Est. Close Date"})

    assert "date-by-content" in asked(table, closed_on="Est. Close Date")


def test_months_of_leaving_beside_days_of_closing_are_asked_about() -> None:
    table = customers(8)
    month = table["left"].dt.to_period("M").dt.start_time.clip(lower=table["signed"])
    months = table.assign(left=table["left"].dt.to_period("M").dt.start_time)
    written = table.assign(left=table["left"].dt.strftime("%Y-%m"))
    begin = months.assign(signed=table["signed"].dt.to_period("M").dt.start_time)

    for each in (months, written):
        assert "are the first day of a month" in asked(each)["month-of-leaving"]
    for each in (
        table,
        table.assign(left=month),
        begin,
    ):  # terms that begin on the first may end so
        assert "month-of-leaving" not in asked(each)


def test_customers_that_left_on_the_day_of_signing_are_asked_about() -> None:
    table = customers(8)
    gone = table.index[table["left"].notna()]
    same = table.assign(left=table["left"].where(~table.index.isin(gone[:30]), table["signed"]))

    assert asked(same)["left-on-signing-day"].startswith(f"left: 30 of {len(gone)} customers")
    assert "left-on-signing-day" not in asked(table)


@pytest.mark.parametrize(
    ("used", "other"), [("Signup Date", "Start Date"), ("signed_on", "Close Date")]
)
def test_a_second_closing_date_is_asked_about_with_what_it_changes(used: str, other: str) -> None:
    table = customers(8).rename(columns={"signed": used})
    table[other] = table[used] - pd.Timedelta(days=40)
    message = asked(table, closed_on=used)["other-closing-date"]

    def early(name: str) -> int:
        return int((table["left"] <= table[name] + pd.DateOffset(months=5)).sum())

    assert "typically 40 days earlier" in message
    assert f"By it {early(other)} customers left within 5 months, by '{used}' {early(used)}" in (
        message
    )
    same = table.assign(**{other: table[used]})
    assert "other-closing-date" not in asked(same, closed_on=used)


@pytest.mark.parametrize("other", ["created_at", "Est. Close Date", "first_demo", "Expected start"])
def test_a_weaker_name_or_an_expected_date_is_no_second_closing_date(other: str) -> None:
    table = customers(8).rename(columns={"signed": "Close Date"})
    table[other] = table["Close Date"] - pd.Timedelta(days=40)

    assert "other-closing-date" not in asked(table, closed_on="Close Date")


@pytest.mark.parametrize(("zero", "asks"), [("1960-01-01", True), ("1899-12-30", False)])
def test_numbers_that_are_counted_from_another_day_are_asked_about(zero: str, asks: bool) -> None:
    """Statistics programs count days from 1960, spreadsheets from 1899."""
    table = customers(12)
    days = {name: (table[name] - pd.Timestamp(zero)).dt.days for name in ("signed", "left")}

    assert ("counted-days" in asked(table.assign(**days))) is asks
    assert "counted-days" not in asked(table)


@pytest.mark.parametrize(
    ("times", "asks"),
    [("T23:00:00Z", True), ("T15:00:00+00:00", True), (" 22:00 UTC", True), ("T05:00:00Z", False),
     ("T12:00:00Z", False), ("T00:00:00Z", False), ("T23:00:00", False),
     ("T23:00:00+01:00", False)],
)  # fmt: skip
def test_midnights_of_a_zone_ahead_of_utc_are_asked_about(times: str, asks: bool) -> None:
    table = customers(13)
    table["signed"] = table["signed"].dt.strftime("%Y-%m-%d") + times
    assert ("midnights-in-utc" in asked(table)) is asks


def test_times_at_which_people_work_are_no_midnights() -> None:
    table = customers(13)
    hours = pd.to_timedelta(13 + np.arange(len(table)) % 8, "h")
    table["signed"] = (table["signed"] + hours).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert "midnights-in-utc" not in asked(table)
