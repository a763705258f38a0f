"""A column in which a spreadsheet has exchanged day and month is never read as it stands."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals
from fitmodel.exceptions import DealsError
from fitmodel.guessing.guess import guess_spec
from fitmodel.tables.files import read_file
from fitmodel.tables.moments import exchanged_day_and_month

DAYS = [date(2024, 1, 1) + timedelta(days=9 * number) for number in range(60)]


def opened_abroad(day: date, form: str = "%d/%m/%Y") -> object:
    """What a spreadsheet set to the other order makes of the text of a day."""
    text = day.strftime(form)
    return datetime(day.year, day.day, day.month) if day.day <= 12 else text  # noqa: DTZ001


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%y"])
def test_dates_up_to_the_twelfth_beside_texts_above_it_are_exchanged(form: str) -> None:
    cells = pd.Series([opened_abroad(day, form) for day in DAYS], dtype=object)
    as_csv = cells.map(lambda cell: cell if isinstance(cell, str) else str(cell)[:10]).astype("str")

    for column in (cells, as_csv, as_csv.astype(object)):
        example = exchanged_day_and_month(column)
        assert example is not None
        assert "2024-01-01 is a date" in example


@pytest.mark.parametrize(
    "cells",
    [
        [datetime(day.year, day.month, day.day) for day in DAYS],  # noqa: DTZ001
        [day.strftime("%d/%m/%Y") for day in DAYS],
        [day.isoformat() for day in DAYS],
        [day.isoformat() if number % 2 else day.strftime("%d/%m/%Y")
         for number, day in enumerate(DAYS)],  # two systems, each with its own form
        [opened_abroad(day) for day in DAYS[:20]],  # too few to tell
        ["active", None, 5], [],
    ],
)  # fmt: skip
def test_other_columns_are_not(cells: list[object]) -> None:
    assert exchanged_day_and_month(pd.Series(cells, dtype=object)) is None


@pytest.mark.parametrize("name", ["deals.xlsx", "deals.csv"])
def test_such_deals_are_refused_by_name_in_init_and_in_reading(tmp_path: Path, name: str) -> None:
    left = [day + timedelta(days=30 + 7 * (number % 40)) for number, day in enumerate(DAYS)]
    table = pd.DataFrame({
        "signed": [opened_abroad(day) for day in DAYS],
        "left": [opened_abroad(day) if number % 2 else None for number, day in enumerate(left)],
        "plan": ["a", "b"] * 30,
    })  # fmt: skip
    path = tmp_path / name
    table.to_excel(path, index=False) if name.endswith("x") else table.to_csv(path, index=False)
    spec = DealSpec(
        deals={"closed_on": "signed", "churned_on": "left", "observed_until": "2026-12-31"}
    )
    said = "signed: no date has a day above 12 and every text has one"

    with pytest.raises(DealsError, match=said):
        read_deals(path, spec)
    try:
        assert said in " ".join(guess_spec(read_file(path)).unsure)
    except DealsError as error:
        assert said in str(error)  # noqa: PT017 - init refuses the table, or says why it would be
