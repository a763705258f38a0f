"""Tenures and amounts are counted in the unit of the contract, and converted in one place."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.outcomes import outcomes
from fitmodel.deals.reading import read_deals
from fitmodel.deals.roles import detect_date_orders, per_year, yearly_amounts
from fitmodel.exceptions import SpecError

DATES = {"closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"}


@pytest.mark.parametrize(
    ("unit", "tenures", "early"),
    [
        ("months", [3, 6], [1, 0]), ("years", [0.25, 0.5], [1, 0]), ("weeks", [20, 23], [1, 0]),
        ("days", [150, 160], [1, 0]), (None, [3, 6], [1, 0]),
    ],
)  # fmt: skip
def test_a_tenure_is_compared_with_the_horizon_in_months(
    unit: str | None, tenures: list[float], early: list[int]
) -> None:
    spec = DealSpec(deals={"tenure_months": "t", "churned": "c", "tenure_unit": unit})
    table = pd.DataFrame({"t": [*tenures, 90, 90], "c": ["yes", "yes", "no", "no"],
                          "plan": list("abab")})  # fmt: skip
    deals = read_deals(table, spec)

    assert outcomes(deals, spec)["early_churn"].tolist()[:2] == early
    pd.testing.assert_frame_equal(read_deals(deals, spec), deals)  # read twice, converted once


@pytest.mark.parametrize(
    ("unit", "months", "times"),
    [(None, None, 1), ("year", None, 1), ("quarter", None, 4), ("month", None, 12),
     ("week", None, 52.1775), ("day", None, 365.2425), ("contract", 24, 0.5)],
)  # fmt: skip
def test_an_amount_is_converted_to_an_amount_per_year(
    unit: str | None, months: int | None, times: float
) -> None:
    spec = DealSpec(deals={**DATES, "amount": "fee", "amount_per": unit, "contract_months": months})
    deals = pd.DataFrame({"fee": [100.0, np.nan]})

    assert per_year(spec) == pytest.approx(times)
    np.testing.assert_allclose(yearly_amounts(deals, spec), [100 * times, np.nan])


@pytest.mark.parametrize(
    ("deals", "message"),
    [
        ({"amount": "a", "amount_per": "contract"}, "need each other"),
        ({"amount": "a", "contract_months": 12}, "need each other"),
        ({"amount_per": "month"}, "amount_per needs amount"),
        ({"tenure_unit": "days"}, "tenure_unit needs tenure_months"),
        ({"amount": "a", "amount_per": "fortnight"}, "must be one of"),
    ],
)
def test_units_without_an_amount_or_a_tenure_are_refused(deals: dict, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        DealSpec(deals={**DATES, **deals})


def test_a_currency_is_a_currency_code_or_a_column() -> None:
    assert DealSpec(deals={**DATES, "amount": "a", "currency": "EUR"}).role_columns == (
        "signed",
        "left",
    )
    assert DealSpec(deals={**DATES, "amount": "a", "currency": "Currency"}).role_columns == (
        "signed",
        "left",
        "Currency",
    )


def test_a_column_with_clear_dates_settles_the_order_of_ambiguous_columns() -> None:
    clear, unclear = pd.Series(["31/01/2024", "02/03/2024"]), pd.Series(["03/04/2024"] * 2)
    turned = pd.Series(["01/31/2024", "03/02/2024"])

    read = detect_date_orders({"closed_on": clear, "churned_on": unclear})
    assert read["churned_on"].series.tolist() == [pd.Timestamp("2024-04-03")] * 2
    read = detect_date_orders({"closed_on": turned, "churned_on": unclear})
    assert read["churned_on"].series.tolist() == [pd.Timestamp("2024-03-04")] * 2


def test_columns_with_different_orders_leave_the_order_undecided() -> None:
    columns = {
        "closed_on": pd.Series(["31/01/2024"]),
        "churned_on": pd.Series(["12/31/2024"]),
        "exited_on": pd.Series(["03/04/2024"]),
    }
    assert detect_date_orders(columns)["exited_on"].order == "either"
