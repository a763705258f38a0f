"""The warning about many prospects unlike past deals names the attributes and what they had."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.model.unlike import assessed, list_warnings, unlike_warning


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return simulate_deals(40, seed=9).deals.drop(columns="churned_on").astype(object)


def warning(model, table: pd.DataFrame) -> str | None:
    sample = list(assessed(model.scorer, table.to_dict("records")))
    unlike = sum(bool(because) for _, because in sample)
    return unlike_warning(model.scorer, sample, unlike, len(sample))


def test_few_prospects_unlike_past_deals_give_no_warning(model, rows) -> None:
    assert warning(model, rows) is None


def test_numbers_are_named_with_the_range_of_past_deals(model, rows) -> None:
    text = str(warning(model, rows.assign(seats=7_000_000)))
    column = model.scorecard.columns[model.scorecard.attributes.index("seats")]
    low, high = column.low, column.high

    assert text.startswith("40 of 40 are unlike the deals learned from (column unfamiliar)")
    assert f"seats (40 of 40, such as 7000000, while past deals had {low:,.6g} to {high:,.6g})" in (
        text
    )


def test_levels_are_named_with_those_of_past_deals(model, rows) -> None:
    text = str(warning(model, rows.assign(segment=rows["segment"].str.upper())))
    assert "segment (40 of 40, such as '" in text
    assert "while past deals had '" in text


def test_exchanged_columns_are_both_named(model, rows) -> None:
    exchanged = rows.rename(columns={"segment": "lead_source", "lead_source": "segment"})
    text = str(warning(model, exchanged))

    assert "segment (40 of 40" in text
    assert "lead_source (40 of 40" in text
    assert "check that no two columns are exchanged" in text


def test_a_column_that_is_empty_everywhere_is_left_to_the_warning_about_it(model, rows) -> None:
    emptied = rows.assign(segment=None)
    answers = [model.scorer.assess(row, 0) for row in emptied.to_dict("records")]
    found = list_warnings(model.scorer, emptied.to_dict("records"), answers, ["segment", "seats"])

    assert warning(model, emptied) is None
    assert [text[:12] for text in found] == ["empty in all"]


def test_dates_count_back_from_the_day_of_the_batch(model, rows) -> None:
    """Without closing dates; counted from today all first contacts would be too long ago."""
    table = rows.drop(columns="closed_on").assign(first_contact_on="2020-01-10")
    records = table.to_dict("records")
    far, near = (
        {name for _, because in assessed(model.scorer, records, day) for name in because}
        for day in (None, date(2020, 2, 1))
    )
    assert "first_contact_on" in far - near


def test_rows_that_cannot_be_assessed_are_not_counted(model, rows) -> None:
    table = rows.assign(seats=["many" if row % 2 else 9_000_000 for row in range(40)])
    assert "seats (20 of 20" in str(warning(model, table))


def test_a_few_prospects_of_a_list_give_no_warning(model, rows) -> None:
    table = rows.head(4).assign(seats=9_000_000).to_dict("records")
    answers = [model.scorer.assess(row, 0) for row in table]
    assert list_warnings(model.scorer, table, answers, []) == []
