"""Renewals: which deals were tested, which were renewed, and how many were expected."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.exceptions import DealsError
from fitmodel.sales._renewals import GRACE_MONTHS, compute_renewals, read_terms

SPEC = DealSpec(
    deals={
        "closed_on": "closed_on", "churned_on": "churned_on", "rep": "rep",
        "exited_on": "exited_on", "observed_until": "2026-06-30",
    },
    label={"horizon_months": 5},
)  # fmt: skip
CLOSED, LEFT, EXITED = "2025-06-30", "2026-01-30", "2026-02-28"
DEALS = pd.DataFrame(
    {
        "closed_on": [CLOSED, "2024-06-30", "2025-01-31", "2026-03-31", "2026-03-31", CLOSED],
        "churned_on": [LEFT, None, "2025-05-30", None, "2026-05-31", None],
        "exited_on": [None, None, None, None, None, "2025-08-30"],
        "rep": ["Kim", "kim", "Lee", None, "Lee", "Kim"],
        "term": ["12 months", "monthly", None, "monthly", "annual", "monthly"],
    }
).astype(dict.fromkeys(("closed_on", "churned_on", "exited_on"), "datetime64[us]"))
"""Left after 7 months, stays, left after 4, young, left young, ended otherwise after 2."""
P = pd.Series([0.2, 0.1, 0.4, 0.3, 0.3, 0.2])


def renewals(term=None, deals=DEALS, spec=SPEC, age=5, probability=P):
    return compute_renewals(view_of(deals, spec), probability, age, term=term)


def test_tested_lost_and_renewed_deals_equal_a_count_by_hand() -> None:
    table = renewals()

    assert table["age"].tolist() == [5.0] * 6
    assert table["tested"].tolist() == [True, True, True, False, False, False]
    assert table["lost"].tolist() == [False, False, True, False, False, False]  # 7 months: later
    assert table["renewed"].tolist() == [True, True, False, False, False, False]
    assert table["alive"].tolist() == [False, False, False, True, False, False]
    assert table["gone"].tolist() == [False, False, False, False, True, False]
    assert table["rep"].tolist() == ["Kim", "Kim", "Lee", "(no name)", "Lee", "Kim"]


def test_every_deal_is_in_exactly_one_state() -> None:
    for term in (None, "term"):
        table = renewals(term)
        states = table[["tested", "alive", "gone"]].sum(axis=1)

        assert states.tolist() == [1, 1, 1, 1, 1, 0]
        assert (table["tested"] == table["lost"] | table["renewed"]).all()
        assert not (table["lost"] & table["renewed"]).any()


def test_a_longer_contract_is_tested_one_month_after_it_can_end() -> None:
    table = renewals("term")

    assert table["age"].tolist() == [12 + GRACE_MONTHS, 5, 5, 5, 12 + GRACE_MONTHS, 5]
    # signed a year ago: the contract has ended, the month of grace has not
    assert not table["tested"].iloc[0]
    assert table["gone"].iloc[0]
    earlier = DEALS.assign(closed_on=DEALS["closed_on"] - pd.DateOffset(months=1))
    assert renewals("term", earlier)["tested"].iloc[0]
    assert renewals("term", earlier)["lost"].iloc[0]


def test_a_contract_as_long_as_the_age_of_the_plan_has_a_grace_month() -> None:
    deals = DEALS.assign(term=["5 months", "4 months", None, "1", 6, "0"])

    assert renewals("term", deals)["age"].tolist() == [6, 5, 5, 5, 7, 5]


def test_a_term_for_all_deals_is_read_from_the_contract() -> None:
    spec = SPEC.replace(deals={"contract_months": 12, "amount": "value", "amount_per": "contract"})

    assert renewals(spec=spec, deals=DEALS.assign(value=100.0))["age"].tolist() == [13.0] * 6


def test_the_expected_loss_is_the_hazard_up_to_the_age_of_the_test() -> None:
    table = renewals()

    assert table["loss"].tolist() == pytest.approx((-np.log(1 - P)).tolist())
    view = view_of(DEALS, SPEC)
    later = float(np.log(view.survival.at(5.0) / view.survival.at(13.0)))
    with_term = renewals("term")
    assert with_term["loss"].iloc[0] == pytest.approx(-np.log(0.8) + later)
    assert later > 0  # one customer left after 7 months


def test_the_loss_to_come_is_the_remaining_hazard_of_a_young_customer() -> None:
    table = renewals()
    view = view_of(DEALS, SPEC)
    lived = float(np.log(view.survival.at(view.followup_months[3])))
    share = lived / float(np.log(view.survival.at(5.0)))

    assert table["to_come"].iloc[3] == pytest.approx(-np.log(0.7) * (1 - share))
    assert 0 < table["to_come"].iloc[3] < table["loss"].iloc[3]
    assert table["to_come"].drop(index=3).tolist() == [0] * 5


def test_the_order_of_the_rows_and_their_index_do_not_matter() -> None:
    mixed = DEALS.iloc[[3, 5, 0, 4, 2, 1]]
    table = renewals("term", mixed)

    pd.testing.assert_frame_equal(table.sort_index(), renewals("term"))


def test_without_dates_a_deal_is_tested_if_it_left_or_was_followed_long_enough() -> None:
    deals = pd.DataFrame({"months": [3.0, 5.0, 4.9, 9.0], "left": [1, 0, 0, 1], "rep": "Kim"})
    spec = DealSpec(deals={"tenure_months": "months", "churned": "left", "rep": "rep"})
    table = renewals(deals=deals, spec=spec, probability=pd.Series([0.2] * 4))

    assert table["tested"].tolist() == [True, True, False, True]
    assert table["lost"].tolist() == [True, False, False, False]
    assert table["alive"].tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("2 quarters", 6), ("1 quarter", 3), ("4 Quarters", 12), ("2 half-years", 12),
        ("1 half year", 6), ("quarterly", 3), ("half-yearly", 6), ("semi-annual", 6),
        ("1.5 years", 18), ("36-month", 36), ("12m", 12), ("3y", 36), ("18.5", 18.5), ("0", 0),
        ("Annual contract", 12), ("per year", 12), ("month to month", 1), (" 24 ", 24),
        ("2024 quarterly plan", 3), ("1 year 6 months", 18), ("2 years and 3 months", 27),
        ("1y 6m", 18), ("24 months (2 years)", 24), ("1 year", 12),
    ],
)  # fmt: skip
def test_the_length_of_a_contract_is_read_in_months(text, months) -> None:
    assert read_terms(pd.DataFrame({"term": [text]}), "term").tolist() == [months]


@pytest.mark.parametrize("text", ["two years", "twelve months", "several quarters"])
def test_a_number_in_words_is_not_read_as_a_term(text) -> None:
    with pytest.raises(DealsError, match=f"1 contract term.*e.g. '{text}' in row 0"):
        read_terms(pd.DataFrame({"term": [text]}), "term")


def test_a_missing_term_is_a_term_of_0() -> None:
    terms = pd.DataFrame({"term": [None, np.nan, 12.0]})

    assert read_terms(terms, "term").tolist() == [0, 0, 12]


def test_unreadable_terms_are_counted_with_the_first_example_and_its_row() -> None:
    deals = pd.DataFrame({"term": ["12", "ever", "52 weeks", "ever"]}, index=[4, 8, 15, 16])
    with pytest.raises(DealsError, match=r"term: 3 contract .*e\.g\. 'ever' in row 8\. Remedy:"):
        read_terms(deals, "term")
    numbers = pd.DataFrame({"term": [12.0, -3.0]}, index=[7, 9])
    with pytest.raises(DealsError, match=r"term: 1 contract term\(s\) .*e\.g\. -3\.0 in row 9\."):
        read_terms(numbers, "term")
    with pytest.raises(DealsError, match=r"length: no such column, but \[bonus\] term names it"):
        read_terms(deals, "length")
