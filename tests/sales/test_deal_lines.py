"""The commission of each line: rates, accelerators, shares and upgrades, computed exactly."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.exceptions import DealsError
from fitmodel.sales._deal_lines import make_lines, month_of
from fitmodel.sales.incentives import pay
from fitmodel.sales.people import NO_NAME
from fitmodel.sales.plans import Plan

ROLES = {
    "id": "deal", "closed_on": "closed_on", "churned_on": "churned_on", "rep": "rep",
    "amount": "value", "observed_until": "2026-06-30",
}  # fmt: skip
SPEC = DealSpec(deals=ROLES, label={"horizon_months": 5})
DEALS = pd.DataFrame(
    {
        "deal": ["a", "b", "c", "d", "e"],
        "closed_on": pd.to_datetime(
            ["2025-03-31", "2025-01-15", "2025-02-01", "2025-04-01", "2025-01-20"]
        ),
        "churned_on": pd.to_datetime(["2025-07-01", None, None, None, None]),
        "rep": ["Kim", "Kim", "Kim", "Kim", None],
        "value": [40000.0, 30000.0, 50000.5, 10000.0, 70000.0],
        "second": [None, None, "Lee", None, None],
        "share": [np.nan, np.nan, 0.3, np.nan, np.nan],
    }
)
TENURE = DealSpec(
    deals={"tenure_months": "months", "churned": "left", "rep": "rep", "amount": "value"}
)
WITHOUT_DATES = pd.DataFrame(
    {"months": [3.0, 9.0], "left": [1, 0], "rep": ["Kim", "Lee"], "value": [1000.0, 2000.0]}
)


def plan_of(**clauses) -> Plan:
    return Plan(**({"commission_rate": Decimal("0.1")} | clauses))


def lines_of(plan, deals=DEALS, spec=SPEC):
    return make_lines(view_of(deals, spec), plan)


def steps(*thresholds, period="year"):
    """Rates of 10% below the first threshold, then 20%, 30%."""
    return {
        "period": period,
        "steps": [
            {"above": Decimal(above), "rate": Decimal(number + 2) / 10}
            for number, above in enumerate(thresholds)
        ],
    }


def nominal(lines):
    return {(row["deal"], row["rep"]): row["nominal"] for row in lines.to_dict("records")}


def test_a_line_has_deal_rep_and_time() -> None:
    lines = lines_of(plan_of())

    assert lines["deal"].tolist() == ["a", "b", "c", "d", "e"]
    assert lines["rep"].tolist() == ["Kim"] * 4 + ["(no name)"]
    assert lines.index.equals(DEALS.index)
    assert lines["ended"].dt.strftime("%Y-%m-%d").tolist()[0] == "2025-07-01"
    assert lines["ended"].isna().tolist() == [False] + [True] * 4
    assert lines["left"].tolist() == [True] + [False] * 4
    assert lines["months"].iloc[1] == pytest.approx(17 + 15 / 30)  # 15 January 2025 to 30 June 2026
    assert lines["nominal"].tolist() == [
        Decimal("4000.00"), Decimal("3000.00"), Decimal("5000.05"), Decimal("1000.00"),
        Decimal("7000.00"),
    ]  # fmt: skip


def test_the_commission_of_monthly_amounts_is_computed_per_year() -> None:
    monthly = SPEC.replace(deals={"amount_per": "month"})

    assert lines_of(plan_of(), spec=monthly)["nominal"].iloc[0] == Decimal("48000.00")


def test_an_amount_is_read_as_an_exact_decimal() -> None:
    deals = DEALS.head(1).assign(value=[1.15])
    plan = plan_of(commission_rate=Decimal(1), rounding={"to": "0.1", "mode": "half_up"})

    assert Fraction(1.15) < Fraction("1.15")  # the binary float would be rounded down
    assert lines_of(plan, deals)["nominal"].iloc[0] == Decimal("1.2")


def test_without_dates_a_line_has_no_day_and_the_index_as_deal() -> None:
    lines = lines_of(plan_of(), WITHOUT_DATES, TENURE)

    assert lines["signed"].isna().all()
    assert lines["ended"].isna().all()
    assert lines["deal"].tolist() == ["0", "1"]
    assert lines["months"].tolist() == [3.0, 9.0]
    assert lines["left"].tolist() == [True, False]


@pytest.mark.parametrize(("day", "month"), [(pd.Timestamp("2025-03-31"), "2025-03"), (pd.NaT, "")])
def test_a_month_is_written_as_year_and_month(day, month) -> None:
    assert month_of(day) == month


def test_accelerators_apply_to_each_part_in_the_order_of_signing() -> None:
    plan = plan_of(accelerators=steps("50000", "100000"))
    result = nominal(lines_of(plan))

    # b: 0 to 30,000; c: to 80,000.50; a: to 120,000.50; d: to 130,000.50
    assert result["b", "Kim"] == Decimal("3000.00")
    assert result["c", "Kim"] == Decimal("8000.10")  # 20,000 at .1 and 30,000.50 at .2
    assert result["a", "Kim"] == Decimal("10000.05")  # 19,999.50 at .2 and 20,000.50 at .3
    assert result["d", "Kim"] == Decimal("3000.00")
    assert result["e", "(no name)"] == Decimal("9000.00")  # a separate rep


@pytest.mark.parametrize(
    ("period", "starts_anew"), [("month", "c"), ("quarter", "d"), ("year", None)]
)
def test_with_a_period_the_rates_start_again_in_each_period(period, starts_anew) -> None:
    plan = plan_of(accelerators=steps("20000", period=period))
    result = nominal(lines_of(plan))
    by_period = {"month": "M", "quarter": "Q", "year": "Y"}[period]
    for _, part in DEALS[DEALS["rep"] == "Kim"].groupby(DEALS["closed_on"].dt.to_period(by_period)):
        total = Fraction(str(part["value"].sum()))
        expected = min(total, Fraction(20000)) / 10 + max(total - 20000, Fraction(0)) / 5
        assert sum(Fraction(result[deal, "Kim"]) for deal in part["deal"]) == expected
    if starts_anew is not None:
        value = Fraction(str(DEALS.set_index("deal").loc[starts_anew, "value"]))
        own = min(value, Fraction(20000)) / 10 + max(value - 20000, Fraction(0)) / 5
        assert result[starts_anew, "Kim"] == plan.rounded(own)


def test_the_order_of_the_rows_does_not_change_the_commission() -> None:
    plan = plan_of(accelerators=steps("50000", "100000"))
    turned = DEALS.iloc[::-1]

    assert nominal(lines_of(plan, turned)) == nominal(lines_of(plan))


def test_an_amount_exactly_at_the_threshold_has_the_lower_rate() -> None:
    plan = plan_of(accelerators=steps("30000"))

    assert nominal(lines_of(plan, DEALS.iloc[[1]]))["b", "Kim"] == Decimal("3000.00")


def test_a_credit_note_takes_back_commission_at_the_rate_of_its_part() -> None:
    plan = plan_of(accelerators=steps("30000"), credit_notes="deduct")
    deals = DEALS.iloc[[1, 2]].assign(value=[50000.0, -30000.0], second=None)
    result = nominal(lines_of(plan, deals))

    assert result["b", "Kim"] == Decimal("7000.00")  # 30,000 at .1, 20,000 at .2
    assert result["c", "Kim"] == Decimal("-5000.00")  # 20,000 at .2, 10,000 at .1
    below = nominal(lines_of(plan, deals.assign(value=[10000.0, -30000.0])))
    assert below["c", "Kim"] == Decimal("-3000.00")  # a sum below 0 at the first rate


def test_accelerators_without_dates_are_refused() -> None:
    with pytest.raises(DealsError, match=r"accelerators count .*Remedy: write closed_on under"):
        lines_of(plan_of(accelerators=steps("1")), WITHOUT_DATES, TENURE)


def test_a_shared_deal_has_two_lines_that_add_up_to_the_cent() -> None:
    lines = lines_of(plan_of(split={"rep": "second", "share": "share"}))
    result = nominal(lines)

    assert lines["deal"].tolist() == ["a", "b", "c", "c", "d", "e"]
    assert result["c", "Lee"] == Decimal("1500.02")  # .3 of 5,000.05 is 1,500.015: rounded to even
    assert result["c", "Kim"] == Decimal("3500.03")
    assert result["c", "Kim"] + result["c", "Lee"] == Decimal("5000.05")
    assert result["a", "Kim"] == Decimal("4000.00")


@pytest.mark.parametrize("has_id", [True, False])
def test_a_shared_deal_counts_for_both_reps_and_once_in_each_total(has_id) -> None:
    spec = SPEC if has_id else SPEC.replace(deals={"id": None})
    ledger = pay(DEALS, spec, plan_of(split={"rep": "second", "share": "share"}))

    assert len(ledger.deals) == len(DEALS) + 1
    assert ledger.reps["deals"].to_dict() == {NO_NAME: 1, "Kim": 4, "Lee": 1, "all": 5}
    assert ledger.months["deals"].to_dict() == {
        "2025-01": 2, "2025-02": 1, "2025-03": 1, "2025-04": 1, "all": 5
    }  # fmt: skip
    assert ledger.reps_by_month["deals"].iloc[-1] == ledger.total["deals"] == 5


def test_a_shared_deal_counts_towards_the_threshold_by_its_share() -> None:
    plan = plan_of(accelerators=steps("30000"), split={"rep": "second", "share": Decimal("0.4")})
    result = nominal(lines_of(plan))

    # Kim has signed 30,000 with b; Kim's .6 of c are all above the threshold
    assert result["c", "Kim"] == Decimal("6000.06")
    assert result["c", "Lee"] == Decimal("2000.02")  # Lee's first: .4 of 50,000.50 at .1


@pytest.mark.parametrize(
    ("share", "first", "second"), [(0.0, "5000.05", "0"), (1.0, "0", "5000.05")]
)
def test_a_share_of_0_or_1_gives_one_rep_the_whole_commission(share, first, second) -> None:
    deals = DEALS.assign(share=share)
    result = nominal(lines_of(plan_of(split={"rep": "second", "share": "share"}), deals))

    assert (result["c", "Kim"], result["c", "Lee"]) == (Decimal(first), Decimal(second))


@pytest.mark.parametrize("share", [-0.01, 1.01, np.nan, "half"])
def test_an_invalid_share_is_refused_with_its_row(share) -> None:
    deals = DEALS.assign(share=pd.Series([None, None, share, 7, None], dtype=object))
    deals.index = [10, 20, 30, 40, 50]
    with pytest.raises(
        DealsError,
        match=r"share: 1 shared deal\(s\) have no share between 0 and 1, the first in row 30\.",
    ):
        lines_of(plan_of(split={"rep": "second", "share": "share"}), deals)


def test_a_missing_column_named_by_a_clause_is_refused() -> None:
    for split in ({"rep": "partner", "share": Decimal("0.5")}, {"rep": "second", "share": "part"}):
        with pytest.raises(
            DealsError, match=r"clause split needs the column '(partner|part)'.*\[split\]"
        ):
            lines_of(plan_of(split=split))


def test_an_excluded_cause_is_found_regardless_of_case_and_spaces() -> None:
    deals = DEALS.assign(why=["  BANKRUPT ", "bankrupt", "price", None, "Acquired"])
    clause = {"column": "why", "causes": ["Bankrupt ", "acquired"]}
    lines = lines_of(plan_of(excluded_causes=clause), deals)

    assert lines["excused"].tolist() == [True, True, False, False, True]
    assert not lines_of(plan_of(), deals)["excused"].any()


def test_a_cause_that_is_misspelt_is_refused_and_one_that_nobody_has_is_not() -> None:
    deals = DEALS.assign(why=["bankrupt", "price", "price", None, " Merged "])

    def excused(*causes):
        clause = {"column": "why", "causes": causes}
        return int(lines_of(plan_of(excluded_causes=clause), deals)["excused"].sum())

    with pytest.raises(DealsError, match=r"names 'bankrup', which no deal.*mean 'bankrupt'\?"):
        excused("price", "bankrup")
    assert excused("bankrupt", "acquired") == 1
    assert excused("bankrupt", "bankruptcy", "MERGED") == 2


@pytest.mark.parametrize(
    ("roles", "amount", "yearly"),
    [
        ({"amount_per": "month"}, 0.35, Fraction(21, 5)),  # as floats 4.199999999999999
        ({"amount_per": "contract", "contract_months": 7}, 0.35, Fraction(3, 5)),
        ({"amount_per": "quarter", "amount_scale": 1000}, 1.001, Fraction(4004)),
        ({}, 1234.56, Fraction(123456, 100)),
    ],
)
def test_a_yearly_amount_is_exact_whatever_the_unit(roles, amount, yearly) -> None:
    spec = SPEC.replace(deals=roles)
    deals = DEALS.head(1).assign(value=amount)
    plan = plan_of(commission_rate="0.125", rounding={"mode": "half_up"})

    assert lines_of(plan, deals, spec)["nominal"].tolist() == [plan.rounded(yearly / 8)]


def test_upgrades_need_a_customer_column() -> None:
    with pytest.raises(DealsError, match=r'customer = "COLUMN" under \[rows\], with closing dates'):
        lines_of(plan_of(upgrades="increase"))


CUSTOMERS = SPEC.replace(rows={"customer": "customer"})
ROWS = pd.DataFrame(
    {
        "deal": ["1", "2", "3", "4", "5", "6"],
        "customer": ["x", "x", "x", "x", "y", None],
        "closed_on": pd.to_datetime(
            ["2025-01-10", "2025-03-10", "2025-02-10", "2025-12-01", "2025-01-15", "2025-01-15"]
        ),
        "churned_on": pd.to_datetime([None] * 3 + ["2025-08-20", None, None]),
        "rep": ["Kim", "Lee", "kim ", "Lee", "Mia", "Mia"],
        "value": [1000.0, 1600.0, 1200.0, 9000.0, 500.0, 700.0],
    }
)
FIRST = ROWS.iloc[[0, 4, 5]].assign(churned_on=pd.to_datetime(["2025-08-20", None, None]))


def upgrade_lines(rows=ROWS):
    plan = plan_of(upgrades="increase")
    return make_lines(view_of(FIRST, CUSTOMERS), plan, rows)


def test_an_upgrade_earns_commission_on_the_increase_over_the_highest_value() -> None:
    result = nominal(upgrade_lines())

    assert result == {
        ("1", "Kim"): Decimal("100.00"),
        ("3", "Kim"): Decimal("20.00"),  # from 1,000 to 1,200 in February
        ("2", "Lee"): Decimal("40.00"),  # from 1,200 to 1,600 in March
        ("5", "Mia"): Decimal("50.00"),
        ("6", "Mia"): Decimal("70.00"),
    }  # the row of December was signed after the customer had left


def test_the_age_of_an_upgrade_counts_from_its_own_signing() -> None:
    lines = upgrade_lines().set_index("deal")

    assert lines.loc["2", "months"] == pytest.approx(5 + 10 / 31)  # 10 March to 20 August
    assert lines.loc["1", "months"] == pytest.approx(7 + 10 / 31)
    assert lines.loc["2", "ended"] == pd.Timestamp("2025-08-20")
    assert lines.loc["2", "left"]


def test_a_smaller_later_deal_earns_nothing_and_does_not_lower_the_base() -> None:
    rows = ROWS.assign(value=[1000.0, 1100.0, 400.0, 9000.0, 500.0, 700.0])

    assert nominal(upgrade_lines(rows))["2", "Lee"] == Decimal("10.00")
    assert ("3", "Kim") not in nominal(upgrade_lines(rows))


def test_the_order_of_the_rows_of_a_customer_does_not_matter() -> None:
    assert nominal(upgrade_lines(ROWS.iloc[::-1])) == nominal(upgrade_lines())
