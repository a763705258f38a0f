"""No statement takes back more than was paid for a customer, and the cap names its deals."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from fitmodel import DealSpec
from fitmodel.sales.incentives import pay
from fitmodel.sales.plans import Plan

END = date(2026, 6, 30)
SPEC = DealSpec(
    deals={
        "id": "deal", "closed_on": "closed_on", "churned_on": "churned_on", "rep": "rep",
        "amount": "value", "observed_until": str(END),
    },
    rows={"customer": "customer"},
    label={"horizon_months": 5},
    attributes={"include": ["kind"]},
)  # fmt: skip
SINGLE = SPEC.replace(rows={"customer": None})


def rows_of(*rows) -> pd.DataFrame:
    """Rows of (deal, customer, rep, value, signed, left or None)."""
    table = pd.DataFrame(
        rows, columns=["deal", "customer", "rep", "value", "closed_on", "churned_on"]
    )
    dates = {name: pd.to_datetime(table[name]).astype("M8[us]") for name in table.columns[-2:]}
    return table.assign(**dates, kind="a")


def merged(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per customer, which leaves on the last day given."""
    first = rows.groupby("customer", sort=False)
    left = first["churned_on"].max()
    return rows.loc[first.head(1).index].assign(
        churned_on=lambda table: table["customer"].map(left)
    )


def payroll(plan: Plan, rows: pd.DataFrame) -> list[tuple[str, ...]]:
    table = pay(merged(rows), SPEC, plan, rows=rows).payroll
    return [(*names, f"{amount:.2f}") for *names, amount in table.to_numpy().tolist()]


def plan_of(**clauses) -> Plan:
    return Plan(**({"commission_rate": "0.1", "earned_after_months": 6} | clauses))


# --- the cap


TWO_QUARTERS = rows_of(
    ("a", "x", "Kim", 6000.0, "2025-09-05", "2025-10-20"),
    ("b", "y", "Kim", 4000.0, "2025-09-20", "2025-11-10"),
    ("c", "z", "Kim", 3000.0, "2025-09-25", None),
)


def test_an_advance_that_the_cap_held_back_is_not_taken_back_in_a_later_period() -> None:
    plan = plan_of(paid_at_signing=1, cap={"amount": 700, "period": "quarter"})

    assert payroll(plan, TWO_QUARTERS) == [
        ("2025-09", "Kim", "advance", "a", "600.00"),
        ("2025-09", "Kim", "advance", "b", "400.00"),
        ("2025-09", "Kim", "capped", "b", "-300.00"),
        ("2025-09", "Kim", "advance", "c", "300.00"),
        ("2025-09", "Kim", "capped", "c", "-300.00"),
        ("2025-10", "Kim", "clawed_back", "a", "-600.00"),
        ("2025-11", "Kim", "capped", "b", "300.00"),  # never paid, so it is not taken back
        ("2025-11", "Kim", "clawed_back", "b", "-400.00"),
    ]


def test_only_what_was_paid_beyond_the_earned_part_is_taken_back() -> None:
    deals = rows_of(
        ("a", "x", "Kim", 6000.0, "2025-09-05", None),
        ("b", "y", "Kim", 4000.0, "2025-09-20", "2025-12-20"),
    )
    plan = plan_of(
        paid_at_signing=1, clawback="unused_months", cap={"amount": 900, "period": "quarter"}
    )
    own = [row for row in payroll(plan, deals) if row[3] == "b"]

    assert own == [
        ("2025-09", "Kim", "advance", "b", "400.00"),
        ("2025-09", "Kim", "capped", "b", "-100.00"),
        ("2025-12", "Kim", "capped", "b", "100.00"),
        ("2025-12", "Kim", "clawed_back", "b", "-200.00"),  # 300 were paid, 200 are earned
    ]


def test_within_a_period_a_clawback_lets_the_next_capped_deal_be_paid() -> None:
    deals = TWO_QUARTERS.assign(
        closed_on=lambda table: table["closed_on"] - pd.DateOffset(months=2),
        churned_on=lambda table: table["churned_on"] - pd.DateOffset(months=2),
    )
    plan = plan_of(paid_at_signing=1, cap={"amount": 700, "period": "quarter"})
    august = [row for row in payroll(plan, deals) if row[0] == "2025-08"]

    assert august == [
        ("2025-08", "Kim", "clawed_back", "a", "-600.00"),
        ("2025-08", "Kim", "capped", "b", "300.00"),
        ("2025-08", "Kim", "capped", "c", "300.00"),
    ]


# --- credit notes


REFUNDED = rows_of(
    ("a", "x", "Kim", 1000.0, "2025-08-10", None),
    ("n", "x", "Kim", -400.0, "2025-09-15", None),
    ("b", "y", "Kim", 500.0, "2025-08-10", None),
)


def test_a_credit_note_for_commission_that_is_not_paid_yet_is_deducted_when_it_is() -> None:
    plan = plan_of(credit_notes="deduct")

    assert payroll(plan, REFUNDED) == [
        ("2025-09", "Kim", "carried_forward", "n", "40.00"),
        ("2025-09", "Kim", "credit_note", "n", "-40.00"),
        ("2026-02", "Kim", "earned", "a", "100.00"),
        ("2026-02", "Kim", "earned", "b", "50.00"),
        ("2026-02", "Kim", "carried_forward", "n", "-40.00"),
    ]


def test_a_credit_note_of_a_customer_who_left_before_anything_was_earned_takes_nothing() -> None:
    left = REFUNDED.assign(churned_on=pd.to_datetime(["2025-12-01", None, None]).as_unit("us"))
    plan = plan_of(credit_notes="deduct")
    ledger = pay(merged(left), SPEC, plan, rows=left)
    own = ledger.deals[ledger.deals["deal"].isin(["a", "n"])]

    assert ledger.payroll["amount"].sum() == Decimal(50)
    assert own["earned"].tolist() == [0, 0]
    assert own["withheld"].tolist() == [Decimal(100), Decimal(-40)]
    young = REFUNDED.assign(closed_on=lambda table: table["closed_on"] + pd.DateOffset(months=9))
    waiting = pay(merged(young), SPEC, plan, rows=young).deals.set_index("deal")
    assert waiting.loc[["a", "n"], "pending"].tolist() == [Decimal(100), Decimal(-40)]
    assert waiting.loc["n", "expected"] == pytest.approx(-0.4 * waiting.loc["a", "expected"])


def test_a_credit_note_takes_at_most_what_an_accelerator_paid() -> None:
    deals = rows_of(
        ("a", "x", "Kim", 1000.0, "2025-08-10", None),
        ("b", "y", "Kim", 5000.0, "2025-09-10", None),
        ("n", "x", "Kim", -1000.0, "2025-09-15", None),
    )
    steps = {"period": "quarter", "steps": ({"above": 2000, "rate": "0.2"},)}
    plan = plan_of(credit_notes="deduct", earned_after_months=0, accelerators=steps)
    rows = payroll(plan, deals)

    assert sum(Decimal(row[-1]) for row in rows if row[3] in "an") == 0
    assert ("2025-09", "Kim", "carried_forward", "n", "100.00") in rows


@pytest.mark.parametrize("customer", [None, "customer"])
def test_a_credit_note_of_another_rep_or_an_unknown_customer_is_deducted_at_once(customer) -> None:
    deals = REFUNDED.assign(rep=["Kim", "Lee", "Kim"])
    spec = SPEC.replace(rows={"customer": customer})
    table = merged(deals) if customer else deals
    result = pay(table, spec, plan_of(credit_notes="deduct"), rows=deals if customer else None)

    own = result.payroll[result.payroll["rep"] == "Lee"]
    assert own[["month", "kind", "amount"]].to_numpy().tolist() == [
        ["2025-09", "credit_note", Decimal(-40)]
    ]


# --- the law


def company(seed: int, customers: int = 12) -> pd.DataFrame:
    """Rows of customers: deals, upgrades and credit notes, second reps, cents."""
    random = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        signed = END - timedelta(days=int(random.integers(1, 700)))
        left = signed + timedelta(days=int(random.integers(0, 500)))
        for number in range(random.integers(1, 5)):
            is_note = number > 0 and random.random() < 0.5
            second = f"R{random.integers(3)}" if random.random() < 0.3 else None
            rep = f"R{random.integers(3)}" if number == 0 or random.random() < 0.3 else rows[-1][2]
            value = (-1 if is_note else 1) * round(float(random.uniform(20, 9000)), 2)
            day = min(signed + timedelta(days=int(random.integers(0, 150))), END)
            signed = day if number else signed
            rows.append(
                (f"D{customer}-{number}", f"C{customer}", rep, value, str(signed), None, second)
            )
        rows[-1] = (*rows[-1][:5], str(left) if signed <= left <= END else None, rows[-1][6])
    table = rows_of(*(row[:6] for row in rows)).assign(second=[row[6] for row in rows])
    table["second"] = table["second"].where(table["second"] != table["rep"])
    return table.assign(portion=np.where(table["second"].notna(), 0.3, np.nan))


def some_plan(seed: int) -> Plan:
    """A plan with a random choice of clauses."""
    random = np.random.default_rng(seed)

    def pick(*values):
        return values[random.integers(len(values))]

    age = pick(0, 1, 3, 6, 12)
    period = pick("month", "quarter", "year")
    steps = ({"above": 3000, "rate": "0.17"}, {"above": 9000, "rate": "0.05"})
    mode = pick("half_even", "half_up", "down")
    clauses = {
        "clawback": pick("whole", "unused_months") if age else "whole",
        "accelerators": {"period": pick("month", "quarter", "year"), "steps": steps},
        "split": {"rep": "second", "share": "portion"},
        "upgrades": "increase",
        "cap": {"amount": pick("0", "150.05", "400", "900"), "period": period},
        "leavers": {"left": {"R1": date(2025, 9, 14)}, "pending": pick("forfeit", "keep"),
                    "clawback": pick("collect", "waive")},
        "rounding": {"to": pick("0.01", "0.05", "1", "10"), "mode": mode},
        "payroll_months_later": 1,
        "tiers": ({"months": 1, "share": "0.2"},) if age > 1 else (),
    }  # fmt: skip
    chosen = {name: value for name, value in clauses.items() if random.random() < 0.5}
    advance = pick("0", "0.33", "0.5", "1")
    return plan_of(
        **chosen, earned_after_months=age, paid_at_signing=advance, credit_notes="deduct"
    )


def own_pairs(lines: pd.DataFrame) -> set[tuple[str, str]]:
    """Return (rep, customer) where each credit note follows a line of the rep for the customer."""
    result = set()
    for pair, part in lines.groupby(["rep", "customer"]):
        first = part.loc[part["nominal"] >= 0, "signed"].min()
        if (part.loc[part["nominal"] < 0, "signed"] >= first).all() and pd.notna(first):
            result.add(pair)
    return result


@pytest.mark.parametrize("seed", range(40))
def test_no_statement_takes_back_more_than_was_paid_for_a_customer(seed: int) -> None:
    rows, plan = company(seed), some_plan(seed)
    by_deal = rows.set_index("deal")

    ledger = pay(merged(rows), SPEC, plan, rows=rows)

    lines = ledger.deals.assign(
        customer=ledger.deals["deal"].map(by_deal["customer"]),
        signed=ledger.deals["deal"].map(by_deal["closed_on"]),
    )
    pairs = own_pairs(lines)
    assert pairs
    table = ledger.payroll.assign(customer=ledger.payroll["deal"].map(by_deal["customer"]))
    assert table["customer"].notna().all()
    for pair, part in table.groupby(["rep", "customer"]):
        balance = part.groupby("month")["amount"].sum().cumsum()
        assert pair not in pairs or (balance >= 0).all(), part
    if plan.cap is not None:
        unit = {"month": "M", "quarter": "Q", "year": "Y"}[plan.cap.period]
        period = pd.PeriodIndex(table["month"], freq="M").asfreq(unit)
        assert (table.groupby(["rep", period])["amount"].sum() <= plan.cap.amount).all()
    assert (lines["nominal"] == lines["earned"] + lines["withheld"] + lines["pending"]).all()
    own = lines.set_index(["rep", "customer"]).loc[sorted(pairs)].groupby(level=[0, 1])
    assert (own["earned"].sum() + own["paid_at_signing"].sum() >= 0).all()


@pytest.mark.parametrize("seed", range(12))
def test_statements_up_to_a_day_are_the_first_ones_of_the_whole_history(seed: int) -> None:
    rows, plan = company(seed), some_plan(seed).model_copy(update={"leavers": None})
    day = pd.Timestamp("2025-12-31")
    known = rows[rows["closed_on"] <= day]
    known = known.assign(churned_on=known["churned_on"].where(known["churned_on"] <= day))
    spec = SPEC.replace(deals={"observed_until": str(day.date())})

    first = pay(merged(known), spec, plan, rows=known).payroll
    whole = pay(merged(rows), SPEC, plan, rows=rows).payroll

    last = str(day.to_period("M") + plan.payroll_months_later)
    first, whole = (table[table["month"] <= last] for table in (first, whole))
    assert len(first)
    pd.testing.assert_frame_equal(first.reset_index(drop=True), whole.reset_index(drop=True))
