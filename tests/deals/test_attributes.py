"""A date is a number of days before closing, the same in training and in scoring."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.attributes import attribute_frame, read_attributes
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.outcomes import label_deals
from fitmodel.exceptions import DealsError, ProspectError
from fitmodel.tables.values import today

ROLES = {"closed_on": "closed", "churned_on": "churned", "observed_until": "2024-12-31"}
SPEC = DealSpec(deals={**ROLES, "id": "deal", "rep": "rep", "amount": "value"})
DEALS = pd.DataFrame(
    {
        "deal": ["a", "b", "c"],
        "closed": pd.to_datetime(["2024-03-01", "2024-03-10", "2023-01-01"]),
        "churned": pd.to_datetime([None, None, "2023-02-01"]),
        "rep": ["ann", "bob", "ann"],
        "value": [1.0, 2.0, np.nan],
        "first_contact": ["2024-02-28", None, "2023-01-11"],
        "plan": ["s", "m", None],
    },
    index=[10, 20, 30],
)


def test_attributes_are_the_columns_without_a_role_and_a_date_becomes_days_before_closing():
    frame = attribute_frame(DEALS, SPEC)
    assert list(frame) == ["value", "first_contact", "plan"]
    assert frame.index.tolist() == [10, 20, 30]
    np.testing.assert_array_equal(frame["first_contact"], [2, np.nan, -10])  # negative: after it
    pd.testing.assert_series_equal(frame["plan"], DEALS["plan"])


def test_the_callers_table_is_not_changed():
    before = DEALS.copy()
    frame = attribute_frame(DEALS, SPEC)
    frame["value"] = 0.0
    pd.testing.assert_frame_equal(DEALS, before)


@pytest.mark.parametrize(
    "contact",
    [
        pd.to_datetime(DEALS["first_contact"]),
        pd.to_datetime(DEALS["first_contact"]).dt.tz_localize("Asia/Tokyo"),
        DEALS["first_contact"] + "T23:59:59+02:00",
        DEALS["first_contact"].map(lambda text: None if pd.isna(text) else f" {text} "),
        pd.to_datetime(DEALS["first_contact"]).dt.date,
        DEALS["first_contact"].astype(object),
    ],
    ids=["datetime", "zone", "text with hours", "text with blanks", "date", "object"],
)
def test_every_spelling_of_a_day_is_the_same_day(contact):
    frame = attribute_frame(DEALS.assign(first_contact=contact), SPEC)
    np.testing.assert_array_equal(frame["first_contact"], [2, np.nan, -10])


def test_a_prospect_is_read_in_the_same_way_as_the_deals():
    learned = read_attributes(DEALS, SPEC)
    assert learned.dates == ("first_contact",)
    for row in (10, 20, 30):
        one = DEALS.loc[[row]]
        read = attribute_frame(
            one, list(learned.frame), closed_on=one["closed"], dates=learned.dates
        )
        np.testing.assert_array_equal(read["first_contact"], learned.frame.loc[[row]].first_contact)


def test_dates_of_a_prospect_are_counted_from_today_or_from_a_given_closing_date():
    yesterday = (today() - timedelta(days=1)).isoformat()
    prospect = pd.DataFrame({"first_contact": [yesterday]})
    assert attribute_frame(prospect, ["first_contact"])["first_contact"].tolist() == [1.0]
    given_day = attribute_frame(prospect.assign(first_contact="2024-02-28"), ["first_contact"],
                           closed_on="2024-03-01")  # fmt: skip
    assert given_day["first_contact"].tolist() == [2.0]


def test_an_unreadable_date_is_missing_and_its_row_is_reported():
    prospects = pd.DataFrame({"seen": ["2024-02-28", "soon", None, "2024-02-30", "28.02.2024"]})
    read = read_attributes(prospects, ["seen"], closed_on="2024-03-01", dates=["seen"])
    np.testing.assert_array_equal(read.frame["seen"], [2, np.nan, np.nan, np.nan, np.nan])
    assert read.unreadable["seen"].tolist() == [False, True, False, True, True]


def test_a_number_is_not_a_date():
    prospects = pd.DataFrame({"seen": [20240228.0, np.nan]})
    read = read_attributes(prospects, ["seen"], closed_on="2024-03-01", dates=["seen"])
    assert read.frame["seen"].isna().all()
    assert read.unreadable["seen"].tolist() == [True, False]


def test_an_empty_date_column_becomes_a_column_of_missing_durations():
    read = read_attributes(pd.DataFrame({"seen": [None, None]}), ["seen"], dates=["seen"])
    assert read.frame["seen"].isna().all()
    assert read.frame["seen"].dtype == float
    assert read.unreadable == {}


@pytest.mark.parametrize(("problems", "dates"), [(5, ("seen",)), (6, ())])
def test_a_text_column_is_read_as_dates_if_at_most_one_value_in_twenty_is_not_a_date(
    problems, dates
):
    table = pd.DataFrame({"seen": ["2024-01-05"] * (100 - problems) + ["unknown"] * problems})
    read = read_attributes(table, ["seen"], closed_on="2024-03-01")
    assert read.dates == dates
    assert sum(rows.sum() for rows in read.unreadable.values()) == (problems if dates else 0)


@pytest.mark.parametrize(
    "values",
    [["20240105", "20240106"], ["2024", "2025"], ["123-45-678", "123-45-679"], [None, None],
     ["2024-13-45", "2024-14-01"], [20240105, 20240106], [True, False], ["/page-2024-01-05", "b"]],
)  # fmt: skip
def test_codes_numbers_and_empty_columns_are_not_read_as_dates(values):
    table = pd.DataFrame({"code": values})
    read = read_attributes(table, ["code"])
    assert read.dates == ()
    pd.testing.assert_frame_equal(read.frame, table)


def test_the_error_for_a_missing_column_names_the_missing_and_the_unknown_columns():
    with pytest.raises(ProspectError, match=r"1 of 2 .* no column: \['seats'\].*not attr.*'seat'"):
        attribute_frame(pd.DataFrame({"plan": ["s"], "seat": [3]}), ["plan", "seats"])
    spec = SPEC.replace(attributes={"include": ("plan", "seats")})
    with pytest.raises(DealsError, match=r"\['seats'\]"):
        attribute_frame(DEALS, spec)


def test_labelled_deals_list_the_attributes_that_were_dates():
    assert label_deals(DEALS, SPEC).dates == ("first_contact",)


def test_a_date_attribute_is_refused_if_deals_have_a_tenure_and_no_closing_date():
    spec = DealSpec(deals={"tenure_months": "months", "churned": "left"})
    table = pd.DataFrame({"months": [9.0], "left": [False], "first_contact": ["2024-01-01"]})
    with pytest.raises(DealsError, match=r"\['first_contact'\] are dates, but .* no closing date"):
        label_deals(table, spec)
    kept = label_deals(table, spec.replace(attributes={"exclude": ("first_contact",)}))
    assert kept.closed_on is None
    assert kept.early_churn.tolist() == [0.0]


def test_labelled_deals_can_be_selected_by_mask_or_position():
    labelled = label_deals(DEALS, SPEC)
    mask = labelled.early_churn == 1
    for chosen in (mask, np.flatnonzero(mask)):
        some = labelled.subset(chosen)
        assert some.index.tolist() == some.closed_on.index.tolist() == [30]
        assert (some.early_churn.tolist(), len(some)) == ([1.0], 1)
        assert some.effective_sample_size == 1
