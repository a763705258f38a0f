"""The parts and sums of a ledger equal a hand calculation to the cent."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pandas as pd
import pytest

from fitmodel.sales._ledger import ALL, MONEY, Ledger, split_commission
from fitmodel.sales.plans import Plan, Tier

NO_BONUS = pd.DataFrame(columns=["rep", "month", "bonus", "bonus_pending", "bonus_expected"])


def plan_of(**clauses) -> Plan:
    return Plan(**({"commission_rate": Decimal("0.1"), "earned_after_months": 6} | clauses))


def parts(plan, months, *, amount="1000", left=False, exited=False, **options):
    """Amounts of a deal as text: earned, withheld, pending, paid at signing, clawed back."""
    chances = dict.fromkeys(plan.ages, 1.0)
    nominal = plan.rounded(Decimal(amount) * plan.commission_rate)
    row = split_commission(
        plan, nominal, months, left=left, exited=exited, chances=chances, **options
    )
    names = ("earned", "withheld", "pending", "paid_at_signing", "clawed_back")
    return [f"{row[name]:.2f}" for name in names]


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        ("0.005", "0.00"), ("0.015", "0.02"), ("0.025", "0.02"), ("0.0251", "0.03"),
        ("-0.015", "-0.02"), ("-0.025", "-0.02"), ("7", "7.00"), ("1.994999", "1.99"),
    ],
)  # fmt: skip
def test_half_cents_are_rounded_to_even(value, rounded) -> None:
    assert str(plan_of().rounded(Decimal(value))) == rounded


def test_the_advance_is_clawed_back_if_the_customer_leaves_early() -> None:
    plan = plan_of(paid_at_signing=Decimal("0.4"))

    assert parts(plan, 2.5, left=True) == ["0.00", "100.00", "0.00", "40.00", "40.00"]


def test_the_commission_of_a_reached_tier_reduces_the_clawback() -> None:
    plan = plan_of(paid_at_signing=Decimal("0.4"), tiers=(Tier(months=3, share=Decimal("0.25")),))

    assert parts(plan, 4.0, left=True) == ["25.00", "75.00", "0.00", "40.00", "15.00"]
    assert parts(plan, 4.0) == ["25.00", "0.00", "75.00", "40.00", "0.00"]


@pytest.mark.parametrize(
    ("months", "earned"),
    [(0.9, "0.00"), (1.0, "16.67"), (3.99, "50.00"), (5.5, "83.33"), (6.0, "100.00")],
)
def test_with_clawback_of_unused_months_each_whole_month_earns_its_share(months, earned) -> None:
    plan = plan_of(clawback="unused_months", paid_at_signing=Decimal(1))
    result = parts(plan, months, left=True)

    assert result[0] == earned
    assert Decimal(result[4]) == Decimal(100) - Decimal(earned)


def test_the_rep_keeps_the_larger_of_tier_and_months_stayed() -> None:
    tiers = (Tier(months=2, share=Decimal("0.6")),)
    plan = plan_of(clawback="unused_months", tiers=tiers)

    assert parts(plan, 3.5, left=True)[0] == "60.00"  # the tier: 3 of 6 months are 50
    assert parts(plan, 4.5, left=True)[0] == "66.67"  # 4 of 6 months


def test_unused_months_count_only_after_the_customer_has_left() -> None:
    plan = plan_of(clawback="unused_months")

    assert parts(plan, 3.5)[:3] == ["0.00", "0.00", "100.00"]
    assert parts(plan, 3.5, exited=True)[:3] == ["50.00", "50.00", "0.00"]


def test_on_the_exact_day_commission_is_earned_only_if_the_customer_stays() -> None:
    plan = plan_of()

    assert parts(plan, 6.0)[0] == "100.00"
    assert parts(plan, 6.0, left=True)[0] == "0.00"
    assert parts(plan, 6.0001, left=True)[0] == "100.00"
    assert parts(plan, 6.0, exited=True)[0] == "100.00"


def test_a_plan_that_pays_at_signing_has_no_clawback() -> None:
    plan = plan_of(earned_after_months=0, paid_at_signing=Decimal("0.5"))

    assert parts(plan, 0.0, left=True) == ["100.00", "0.00", "0.00", "50.00", "0.00"]


def test_a_customer_who_left_for_an_excluded_cause_earns_the_whole_commission() -> None:
    plan = plan_of(paid_at_signing=Decimal("0.4"))
    row = split_commission(
        plan, Decimal(100), 1.0, left=True, exited=False, chances={}, excused=True
    )

    assert (row["earned"], row["withheld"], row["clawed_back"]) == (100, 0, 0)
    assert not row["left_early"]


def test_a_credit_note_is_taken_back_immediately() -> None:
    plan = plan_of(credit_notes="deduct", paid_at_signing=Decimal("0.4"))
    for months, left in ((0.0, False), (1.0, True), (9.0, False)):
        result = parts(plan, months, amount="-1000", left=left)
        assert result == ["-100.00", "0.00", "0.00", "0.00", "0.00"], months


@pytest.mark.parametrize("excused", [False, True])
def test_a_deal_without_value_can_be_lost(excused) -> None:
    row = split_commission(
        plan_of(), Decimal(0), 2.0, left=True, exited=False, chances={}, excused=excused
    )

    assert row["left_early"] is not excused
    assert all(row[name] == 0 for name in MONEY)


def test_staying_exiting_and_leaving_late_are_not_leaving_early() -> None:
    for left, exited, months in ((False, False, 1.0), (False, True, 1.0), (True, False, 6.5)):
        row = split_commission(
            plan_of(), Decimal(1), months, left=left, exited=exited, chances={6: 1.0}
        )
        assert not row["left_early"]


def test_the_expected_commission_is_the_sum_of_probable_future_tiers() -> None:
    tiers = (Tier(months=2, share=Decimal("0.2")), Tier(months=4, share=Decimal("0.5")))
    plan = plan_of(tiers=tiers)
    chances = {2: 0.9, 4: 0.8, 6: 0.7}

    def expected(months):
        row = split_commission(
            plan, Decimal(100), months, left=False, exited=False, chances=chances
        )
        return row["expected"]

    assert expected(1.0) == pytest.approx(20 * 0.9 + 30 * 0.8 + 50 * 0.7)
    assert expected(2.0) == pytest.approx(30 * 0.8 + 50 * 0.7)
    assert expected(5.9) == pytest.approx(50 * 0.7)
    assert expected(6.0) == 0


def test_a_second_tier_with_the_same_share_adds_no_expected_commission() -> None:
    tiers = (Tier(months=2, share=Decimal("0.5")), Tier(months=4, share=Decimal("0.5")))
    row = split_commission(
        plan_of(tiers=tiers), Decimal(100), 1.0, left=False, exited=False,
        chances={2: 0.9, 4: 0.1, 6: 0.7},
    )  # fmt: skip

    assert row["expected"] == pytest.approx(50 * 0.9 + 50 * 0.7)


@pytest.mark.parametrize(
    ("unit", "mode", "amount", "nominal"),
    [
        ("0.01", "half_even", "100.05", "10.00"),  # 10.005
        ("0.01", "half_up", "100.05", "10.01"),
        ("0.01", "down", "100.09", "10.00"),
        ("1", "half_up", "105", "11"),
        ("1", "half_even", "105", "10"),
        ("5", "half_up", "125", "15"),
        ("0.05", "down", "1.49", "0.10"),
    ],
)
def test_amounts_are_rounded_to_the_unit_of_the_plan(unit, mode, amount, nominal) -> None:
    plan = plan_of(rounding={"to": Decimal(unit), "mode": mode})
    result = parts(plan, 9.0, amount=amount)

    assert Decimal(result[0]) == Decimal(nominal)


def test_a_repeating_decimal_is_rounded_by_its_exact_value() -> None:
    plan = plan_of()

    assert plan.rounded(Fraction(1, 3)) == Decimal("0.33")
    assert plan.rounded(Fraction(2, 3)) == Decimal("0.67")
    assert plan.rounded(Fraction(-2, 3)) == Decimal("-0.67")


def ledger_of(rows, bonuses=NO_BONUS, payroll=None) -> Ledger:
    names = ["rep", "month", "nominal", "earned", "withheld", "pending", "expected"]
    deals = pd.DataFrame(rows, columns=names)
    money = ["nominal", "earned", "withheld", "pending"]
    deals[money] = deals[money].map(Decimal).astype(object)
    zero = pd.Series([Decimal(0)] * len(deals), dtype=object)
    deals = deals.assign(paid_at_signing=zero, clawed_back=zero, left_early=False)
    extra = {} if payroll is None else {"payroll": payroll}
    return Ledger(plan_of(), deals, bonuses, **extra)


ROWS = [
    ("Kim", "2025-01", "10.10", "10.10", "0", "0", 0.0),
    ("Kim", "2025-02", "20.20", "0", "20.20", "0", 0.0),
    ("Lee", "2025-01", "30.30", "0", "0", "30.30", 21.5),
]
BONUSES = pd.DataFrame(
    {
        "rep": ["Lee", "Mia"],
        "month": ["2025-12", "2025-12"],
        "bonus": [Decimal("500.01"), Decimal(0)],
        "bonus_pending": [Decimal(0), Decimal("0.02")],
        "bonus_expected": [0.0, 0.01],
    }
)


def test_the_sums_of_a_rep_add_its_deals_and_bonuses() -> None:
    reps = ledger_of(ROWS, BONUSES).reps

    assert list(reps.index) == ["Kim", "Lee", "Mia", ALL]
    assert reps["deals"].tolist() == [2, 1, 0, 3]
    assert reps["nominal"].tolist() == [Decimal("30.30"), Decimal("30.30"), 0, Decimal("60.60")]
    assert reps.loc["Kim", ["earned", "withheld"]].tolist() == [Decimal("10.10"), Decimal("20.20")]
    assert reps["bonus"].tolist() == [0, Decimal("500.01"), 0, Decimal("500.01")]
    assert reps["bonus_pending"].tolist() == [0, 0, Decimal("0.02"), Decimal("0.02")]
    assert reps["expected"].tolist() == pytest.approx([0, 21.5, 0, 21.5])


def test_sums_by_month_and_by_rep_and_month_have_the_same_total() -> None:
    ledger = ledger_of(ROWS, BONUSES)
    months = ledger.months

    assert list(months.index) == ["2025-01", "2025-02", "2025-12", ALL]
    assert months.loc["2025-01", "nominal"] == Decimal("40.40")
    assert list(ledger.reps_by_month.index) == [
        ("Kim", "2025-01"), ("Kim", "2025-02"), ("Lee", "2025-01"), ("Lee", "2025-12"),
        ("Mia", "2025-12"), (ALL, ALL),
    ]  # fmt: skip
    for table in (ledger.reps, months, ledger.reps_by_month):
        assert table.iloc[-1].to_dict() == ledger.total.to_dict()
        for name in MONEY:
            assert sum(table[name].iloc[:-1], Decimal(0)) == ledger.total[name]


def test_cents_are_added_exactly() -> None:
    rows = [("Kim", "2025-01", "0.10", "0.10", "0", "0", 0.0)] * 3
    total = ledger_of(rows).total

    assert 0.1 + 0.1 + 0.1 != 0.3
    assert total["earned"] == Decimal("0.30")


def test_payroll_by_month_has_a_column_per_kind_and_their_total() -> None:
    payroll = pd.DataFrame(
        [
            ("2025-02", "Kim", "earned", "1", Decimal("10.10")),
            ("2025-01", "Lee", "advance", "2", Decimal("5.00")),
            ("2025-02", "Kim", "earned", "3", Decimal("0.01")),
            ("2025-02", "Kim", "clawed_back", "1", Decimal("-3.50")),
        ],
        columns=["month", "rep", "kind", "deal", "amount"],
    )
    table = ledger_of(ROWS, payroll=payroll).payroll_by_month

    assert list(table.columns) == ["advance", "clawed_back", "earned", "total"]
    assert list(table.index) == [("2025-01", "Lee"), ("2025-02", "Kim")]
    assert table.loc[("2025-02", "Kim")].tolist() == [
        0, Decimal("-3.50"), Decimal("10.11"), Decimal("6.61"),
    ]  # fmt: skip
    assert table.loc[("2025-01", "Lee"), "total"] == Decimal("5.00")


def test_a_payroll_without_amounts_has_no_rows_and_a_total() -> None:
    table = ledger_of(ROWS).payroll_by_month

    assert table.empty
    assert list(table.columns) == ["total"]
    assert table.index.names == ["month", "rep"]
