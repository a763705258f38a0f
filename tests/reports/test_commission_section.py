"""The commission section has the exact sums of the ledger and the exact terms of the plan."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.reports._commission_section import (
    COLUMNS,
    RECENT_MONTHS,
    RECENT_PAYROLL,
    commission_section,
)
from fitmodel.reports.html import render
from fitmodel.sales.incentives import pay
from fitmodel.sales.plans import Plan
from fitmodel.tables.cells import MINUS

SPEC = DealSpec(
    deals={
        "id": "deal", "closed_on": "closed_on", "churned_on": "churned_on", "rep": "rep",
        "amount": "value", "observed_until": "2026-06-30",
    },
    label={"horizon_months": 5},
)  # fmt: skip


@pytest.fixture(scope="module")
def deals():
    """Two deals a month over 20 months, one of them without a rep; every fifth left early."""
    closed = pd.Series(pd.date_range("2024-10-05", periods=40, freq="15D"))
    number = np.arange(40)
    return pd.DataFrame(
        {
            "deal": number.astype(str),
            "closed_on": closed,
            "churned_on": (closed + pd.Timedelta("70D")).where(number % 5 == 0),
            "rep": np.where(number == 39, None, np.where(number % 2, "Kim", "<b>Lee</b>")),
            "value": 1000.01 + number,
        }
    )


def content_of(section):
    """The values that the template of a section reads."""
    return vars(section)["values"]


def plan_of(**clauses) -> Plan:
    return Plan(**({"name": "plan B", "commission_rate": Decimal("0.1")} | clauses))


def values_of(deals, *plans, language="en"):
    section = commission_section([pay(deals, SPEC, plan) for plan in plans], language=language)
    return content_of(section)


def terms_of(plan, language="en"):
    frame = pd.DataFrame(
        {
            "deal": ["1"], "closed_on": pd.to_datetime(["2025-01-01"]), "rep": "Kim",
            "churned_on": pd.Series([pd.NaT], dtype="datetime64[us]"), "value": 1000.0,
            "second": pd.Series([None], dtype=object), "why": "price",
        }
    )  # fmt: skip
    return values_of(frame, plan, language=language)["plans"][0]["terms"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_amount_equals_that_of_the_ledger_to_the_cent(deals, language) -> None:
    ledger = pay(deals, SPEC, plan_of(paid_at_signing=Decimal("0.5")))
    section = commission_section([ledger], language=language)
    (shown,) = content_of(section)["plans"]

    for row, (_, sums) in zip(shown["reps"], ledger.reps.iterrows(), strict=True):
        assert row["money"] == [f"{sums[name]:,.2f}" for name in COLUMNS]
        assert row["deals"] == str(sums["deals"])
    assert [row["kind"] for row in shown["reps"]] == ["", "", "", "company"]
    assert shown["reps"][-1]["deals"] == "40"
    total = sum(Decimal(row["money"][0].replace(",", "")) for row in shown["reps"][:-1])
    assert shown["reps"][-1]["money"][0] == f"{total:,.2f}"
    page = render(section.template, values=content_of(section))
    assert "<b>Lee" not in page
    assert "&lt;b&gt;Lee&lt;/b&gt;" in page


@pytest.mark.parametrize(("language", "nobody", "all_"), [("en", "(no name)", "All")])
def test_a_missing_rep_and_the_total_are_named_in_the_language(
    deals, language, nobody, all_
) -> None:
    names = [row["name"] for row in values_of(deals, plan_of())["plans"][0]["reps"]]
    chinese = [
        row["name"] for row in values_of(deals, plan_of(), language="zh")["plans"][0]["reps"]
    ]

    assert set(names) == {nobody, "<b>Lee</b>", "Kim", all_}, language
    assert set(names) & set(chinese) == {"<b>Lee</b>", "Kim"}


def test_a_plan_in_a_currency_without_cents_shows_none(deals) -> None:
    rounding = {"to": 1, "mode": "half_up"}
    plan = plan_of(
        paid_at_signing=Decimal("0.5"), rounding=rounding, cap={"amount": 5000},
        bonus={"top": 1, "amount": 2000, "min_deals": 1, "period": "all"},
    )  # fmt: skip
    section = commission_section([pay(deals, SPEC, plan), pay(deals, SPEC, plan_of())])
    yen, euros = content_of(section)["plans"]

    def amounts(shown):
        rows = [*shown["reps"], *shown["months"], *shown["payroll"]["rows"]]
        return [text for row in rows for text in row["money"]]

    assert not any("." in text for text in amounts(yen))
    assert all(text[-3] == "." for text in amounts(euros))
    assert "at most 5,000 for a rep in a month" in yen["terms"]
    assert "2,000" in {yen["bonuses"][0]["pending"], yen["bonuses"][0]["bonus"]}


@pytest.mark.parametrize(
    ("money", "shown_as"), [("€ {:,.0f}", "€ 5,000.00"), ("{:,.2f} 元", "5,000.00 元")]
)
def test_every_amount_has_the_currency_of_the_contract(deals, money, shown_as) -> None:
    spec = SPEC.replace(words={"money": money})
    plan = plan_of(
        paid_at_signing=Decimal("0.5"), cap={"amount": 5000},
        bonus={"top": 1, "amount": 2000, "min_deals": 1, "period": "all"},
    )  # fmt: skip
    values = content_of(commission_section([pay(deals, spec, plan), pay(deals, spec, plan_of())]))
    sign = money[0] if money[0] == "€" else "元"
    for shown in values["plans"]:
        rows = [*shown["reps"], *shown["months"], *shown["payroll"]["rows"]]
        amounts = [text for row in rows for text in row["money"]]
        amounts += [row["expected"] for row in (*shown["reps"], *shown["months"])]
        amounts += [row[name] for row in shown["bonuses"] for name in ("bonus", "expected")]
        assert all(sign in text for text in amounts)
    assert f"at most {shown_as} for a rep in a month" in values["plans"][0]["terms"]
    assert values["points"][0].count(sign) == 5


def test_the_minus_of_what_is_taken_back_is_before_the_currency(deals) -> None:
    spec = SPEC.replace(words={"money": "€ {:,.0f}"})
    ledger = pay(deals, spec, plan_of())

    assert ledger.money_text(Decimal("-1234.5")) == f"{MINUS}€ 1,234.50"
    assert ledger.money_text(Decimal("-0.001")) == "€ 0.00"
    assert ledger.money_text(1234.5, digits=0) == "€ 1,234"


def test_the_last_twelve_months_are_shown(deals) -> None:
    shown = values_of(deals, plan_of())["plans"][0]
    months = sorted(deals["closed_on"].dt.strftime("%Y-%m").unique())

    assert [row["name"] for row in shown["months"]] == months[-RECENT_MONTHS:]
    assert (
        f"last {RECENT_MONTHS} of {len(months)} months; commission_by_month.csv" in shown["shown"]
    )
    few = values_of(deals.tail(4), plan_of())["plans"][0]
    assert [row["name"] for row in few["months"]] == months[-3:]


def test_the_payroll_shows_the_last_six_months_per_rep_and_adds_up(deals) -> None:
    ledger = pay(deals, SPEC, plan_of(paid_at_signing=Decimal("0.5")))
    shown = content_of(commission_section([ledger]))["plans"][0]["payroll"]
    by_month = ledger.payroll.groupby(["month", "rep"])["amount"].sum()
    months = sorted(ledger.payroll["month"].unique())

    assert shown["reps"] == ["(no name)", "<b>Lee</b>", "Kim"]
    assert [row["month"] for row in shown["rows"]] == months[-RECENT_PAYROLL:]
    assert len(months) > RECENT_PAYROLL == 6
    for row in shown["rows"]:
        own = [
            by_month.get((row["month"], rep), Decimal(0))
            for rep in ("(no name)", "<b>Lee</b>", "Kim")
        ]
        assert row["money"] == [f"{amount:,.2f}".replace("-", MINUS) for amount in own]
        assert row["total"] == f"{sum(own):,.2f}"


def test_without_dates_there_are_no_months_and_no_payroll() -> None:
    spec = DealSpec(
        deals={"tenure_months": "months", "churned": "left", "rep": "rep", "amount": "value"}
    )
    frame = pd.DataFrame({"months": [3.0, 9.0], "left": [1, 0], "rep": "Kim", "value": 1000.0})
    section = commission_section([pay(frame, spec, plan_of())])
    (shown,) = content_of(section)["plans"]

    assert shown["months"] == []
    assert shown["payroll"] == {}
    assert set(section.tables) == {
        "commission.csv", "commission_by_month.csv", "commission_ledger.csv"
    }  # fmt: skip
    assert "Kim" in render(section.template, values=content_of(section))


def test_only_two_plans_are_compared_in_a_sentence(deals) -> None:
    before = plan_of(name="plan A", earned_after_months=0)
    both = commission_section([pay(deals, SPEC, plan) for plan in (before, plan_of())])

    (sentence,) = content_of(both)["points"]
    assert "under “plan B”" in sentence
    assert [shown["name"] for shown in content_of(both)["plans"]] == ["plan A", "plan B"]
    assert {"commission.csv", "commission_compared.csv", "commission_compared_payroll.csv"} <= set(
        both.tables
    )
    assert values_of(deals, before)["points"] == []


def test_the_last_two_periods_of_a_bonus_are_shown_with_their_outcome(deals) -> None:
    plan = plan_of(bonus={"top": 1, "amount": "500", "min_deals": 2, "period": "quarter"})
    ledger = pay(deals, SPEC, plan)
    section = commission_section([ledger])
    rows = content_of(section)["plans"][0]["bonuses"]
    periods = list(dict.fromkeys(ledger.bonuses["period"]))

    assert [row["period"] for row in rows] == [
        period for period in ledger.bonuses["period"] if period in periods[-2:]
    ]
    assert {row["outcome"] for row in rows} == {"not enough evidence"}
    assert all(row["score"] == "" for row in rows)
    assert len(section.tables["commission_bonuses.csv"]) == len(ledger.bonuses)


@pytest.mark.parametrize(
    ("rate", "words"),
    [("0.1", "10.0%"), ("0.10", "10.0%"), ("0.0825", "8.25%"), ("0.07125", "7.125%"),
     ("1", "100.0%"), ("0", "0.0%"), ("0.005", "0.5%")],
)  # fmt: skip
def test_a_rate_is_written_exactly_as_in_the_plan(rate, words) -> None:
    assert terms_of(plan_of(commission_rate=Decimal(rate)))[0].startswith(f"{words} of the yearly")


def test_shares_of_tiers_and_of_the_advance_are_not_rounded() -> None:
    plan = plan_of(
        tiers=({"months": 2, "share": Decimal("0.125")}, {"months": 3, "share": Decimal("0.5")}),
        paid_at_signing=Decimal("0.333"),
    )
    terms = terms_of(plan)

    assert terms[0] == (
        "10.0% of the yearly contract value, earned once the customer has stayed 5 months"
    )
    assert terms[1] == "12.5% of it earned after 2 months"
    assert terms[2] == "50% of it earned after 3 months"
    assert terms[3].startswith("33.3% of it paid at signing")


CLAUSES = [
    ({"earned_after_months": 0}, "10.0% of the yearly contract value, earned at signing"),
    ({"clawback": "unused_months"}, "share of the full months it stayed"),
    ({"excluded_causes": {"column": "why", "causes": ["price", "fire"]}}, "because of price, fire"),
    ({"split": {"rep": "second", "share": Decimal("0.5")}}, "second rep (second) are split"),
    ({"credit_notes": "deduct"}, "credit notes take their commission back"),
    (
        {"accelerators": {"period": "quarter", "steps": [
            {"above": "50000", "rate": "0.125"}, {"above": "90000.50", "rate": "0.2"}]}},
        "in a quarter: 12.5% above 50,000.00; 20.0% above 90,000.50",
    ),
    ({"cap": {"amount": "4000.5", "period": "year"}}, "at most 4,000.50 for a rep in a year"),
    ({"draw": {"amount": 800}}, "at least 800.00 in each month, paid back from later"),
    ({"draw": {"amount": 800, "recoverable": False}}, "at least 800.00 in each month, never paid"),
    ({"payroll_months_later": 2}, "paid 2 month(s) after"),
    (
        {"bonus": {"top": 3, "amount": "2000", "min_deals": 15, "period": "all"}},
        "bonus of 2,000.00 for each of the top 3 reps by renewals over those expected, of all",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("clause", "words"), CLAUSES)
def test_each_clause_of_a_plan_gives_its_own_sentence(clause, words) -> None:
    terms = terms_of(plan_of(**clause))

    assert sum(words in line for line in terms) == 1
    plain = terms_of(plan_of())
    assert len(terms) == len(plain) + ("earned_after_months" not in clause)
    chinese = terms_of(plan_of(**clause), language="zh")
    assert len(chinese) == len(terms)
    assert not set(chinese) & set(terms)


@pytest.mark.parametrize("pending", ["forfeit", "keep"])
@pytest.mark.parametrize("clawback", ["collect", "waive"])
def test_the_leaver_terms_describe_pending_commission_and_clawback(pending, clawback) -> None:
    terms = {"left": {"Kim": "2026-01-01"}, "pending": pending, "clawback": clawback}
    (line,) = [each for each in terms_of(plan_of(leavers=terms)) if "left the company" in each]

    assert ("nothing more" in line) == (pending == "forfeit")
    assert ("is collected" in line) == (clawback == "collect")
