"""The end of the extract is guessed from the dates, and never from announced ones."""

from __future__ import annotations

import tomllib

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals
from fitmodel.exceptions import DealsError
from fitmodel.guessing._columns import Column
from fitmodel.guessing._extract import (
    announced_leavers,
    find_announced,
    isolated_dates,
    whole_years,
)
from fitmodel.guessing.guess import guess_spec
from tables import customers

START = np.datetime64("2024-01-01")


def days(*numbers: int) -> np.ndarray:
    return START + np.array(numbers, dtype="timedelta64[D]")


def test_dates_long_after_the_last_closing_are_announced_if_leaving_hardly_goes_on() -> None:
    closed = days(*range(0, 730, 3))
    left = days(*range(300, 730, 4), 800, 900, 1000)
    found = announced_leavers(closed, left)

    assert found is not None
    assert (found.last_closing, found.last_leaving) == (days(729)[0], days(1000)[0])
    assert found.count == 3


@pytest.mark.parametrize(
    ("closed", "left"),
    [
        (range(0, 730, 3), range(300, 740, 4)),  # a few days without a closing
        (range(0, 730, 3), range(300, 1000, 4)),  # they go on leaving as before
        (range(0, 730, 60), [*range(300, 730, 4), 790]),  # closings are rare
        ([], [5]), (range(9), []),
    ],
)  # fmt: skip
def test_other_dates_are_not_announced(closed: range, left: range) -> None:
    assert announced_leavers(days(*closed), days(*left)) is None


def test_years_of_another_calendar_are_refused_with_an_example() -> None:
    table = customers(3)
    for name in ("signed", "left"):
        table[name] = table[name].map(
            lambda day: f"{day.day:02}/{day.month:02}/{day.year - 579}", na_action="ignore"
        )

    with pytest.raises(DealsError, match="signed: no date is between 1900 and 2200.*'../../14"):
        guess_spec(table)


def test_planned_ends_of_terms_are_no_going_on() -> None:
    """A date of leaving for those who left, and the end of the term for some of the others."""
    closed = days(*range(0, 730, 3))
    left = days(*range(300, 730, 4), *range(735, 1095, 3))

    assert announced_leavers(closed, left) is None
    found = announced_leavers(closed, left, planned=110)
    assert found is not None
    assert found.last_closing == days(729)[0]


def test_whole_years_are_counted_up_to_two_days() -> None:
    numbers = np.array([0, 2, 364, 365, 366, 368, 370, 730, 731, 733, 740])
    assert whole_years(numbers).tolist() == [
        False, False, True, True, True, False, False, True, True, False, False
    ]  # fmt: skip


def test_planned_ends_are_counted_also_if_a_closing_date_is_missing() -> None:
    numbers = np.arange(0, 730, 3)
    left = np.where(numbers % 36 == 0, numbers + 80, np.where(numbers % 2 == 0, numbers + 731, -1))
    closed = pd.Series(days(*numbers), name="signed")
    leaving = pd.Series(days(*left), name="left").where((left < 729) ^ (left > 731) & (left >= 0))
    for each in (closed, closed.mask(closed.index == 1)):
        found = find_announced(Column(each), Column(leaving))
        assert found is not None
        assert found.last_closing == days(729)[0]


def test_init_ends_the_extract_before_the_planned_ends() -> None:
    table = customers(3)
    closed = table["signed"].max()
    table["left"] = table["left"].where(table["left"] <= closed)
    still = table["left"].isna()
    years = 1 + (closed - table["signed"]).dt.days // 365
    ends = [
        day + pd.DateOffset(years=int(n)) for day, n in zip(table["signed"], years, strict=True)
    ]
    table["end_date"] = table.pop("left").where(~still | (table.index % 4 > 0), pd.Series(ends))
    guess = guess_spec(table)

    assert tomllib.loads(guess.toml)["deals"]["observed_until"] == str(closed.date())


def test_one_or_two_dates_far_from_all_others_do_not_end_the_extract() -> None:
    closed = days(*range(0, 730, 3))
    for late in ([1000], [900, 1000]):
        found = isolated_dates(closed, np.concatenate([closed, days(*late)]))

        assert found is not None
        assert (found.last_usual, found.count) == (days(729)[0], len(late))
        assert found.latest == days(1000)[0]


@pytest.mark.parametrize(
    "late",
    [[740], [], [900, 950, 1000], range(740, 1000, 10)],  # near, none, several, going on
)
def test_other_last_dates_end_it(late: object) -> None:
    closed = days(*range(0, 730, 3))

    assert isolated_dates(closed, np.concatenate([closed, days(*late)])) is None  # type: ignore[misc]


def test_a_closing_date_of_next_year_is_refused_and_ends_no_extract() -> None:
    """One typing error made every young deal a customer that stayed."""
    table = customers(3)
    table["left"] = table["left"].where(table["left"] <= table["signed"].max())
    usual = max(table["signed"].drop(5).max(), table["left"].max())
    table.loc[5, ["signed", "left"]] = [usual + pd.Timedelta(days=190), pd.NaT]
    guess = guess_spec(table)
    spec = DealSpec(**tomllib.loads(guess.toml))

    assert spec.deals.observed_until == usual.date()
    assert "far from all others" in " ".join(guess.unsure)
    with pytest.raises(DealsError, match="signed: 1 row.* after observed_until"):
        read_deals(table, spec)
