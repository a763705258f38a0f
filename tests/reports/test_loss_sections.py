"""Sections on worth, losses, missed warnings and surprises; missing values are empty."""

# ruff: noqa: RUF001 - minus signs and dashes as people write them

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fitmodel.decision.own_months import OwnMonths
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.language.catalogue import phrases
from fitmodel.reports._loss_sections import SHOWN, review_section, worth_section
from fitmodel.reports.html import render
from fitmodel.sales._missed import SIGNAL_COLUMNS
from fitmodel.sales.rates import YearlyLoss
from fitmodel.sales.worth import COLUMNS, Worth


def content_of(section):
    """The values that the template of a section reads."""
    return vars(section)["values"]


MONEY = Money(
    gross_margin=0.725, expected_lifetime_months=36.0, months_until_early_churn=2.75,
    acquisition_cost=1000.0, onboarding_cost="5%", support_cost_per_month=10.0,
    commission_rate=0.075,
)  # fmt: skip
LOSS = YearlyLoss(
    since=pd.Timestamp("2025-07-01"), until=pd.Timestamp("2026-06-30"), customers=1234, priced=7,
    acquisition=100.0, onboarding=200.0, support=300.0, commission=400.0, margin=150.0,
    net=850.0, net_low=-50.4, net_high=1750.0, missed=9000.0, missed_low=1.0, missed_high=20000.0,
)  # fmt: skip


def row(kind="all", name="", **changes):
    return {
        "kind": kind, "name": name, "deals": 1200, "lost": 300, "early": 0.1234, "months": 10.26,
        "months_low": 9.0, "months_high": 11.0, "priced": 1000, "amount": 12345.6,
        "value": 4000.4, "value_low": -3000.0, "value_high": 5000.0, "whole_life": 9999.6,
    } | changes  # fmt: skip


UNKNOWN = dict.fromkeys(("amount", "value", "value_low", "value_high", "whole_life"), math.nan)


def worth_of(*rows, money=MONEY, left_out=()):
    return Worth(pd.DataFrame(rows, columns=list(COLUMNS)), 24, "size", left_out, money, "")


def test_a_group_has_its_numbers_with_their_intervals() -> None:
    rows = (row(), row("segment", "small"), row("fit", "poor"))
    section = worth_section(worth_of(*rows), None)
    first, second, third = content_of(section)["rows"]

    assert first == {
        "name": "All deals", "kind": "company", "deals": "1,200", "lost": "300", "early": "12.3%",
        "months": "10.3 (9.0 – 11.0)", "amount": "12,346", "value": "4,000 (−3,000 – 5,000)",
        "whole_life": "10,000",
    }  # fmt: skip
    assert (second["name"], second["kind"]) == ("size: small", "")
    assert third["name"] == f"Fit: {phrases('en', 'fit')('badge_poor')}"
    assert section.tables["worth.csv"].index.tolist() == ["all", "segment", "fit"]


def test_missing_values_of_a_group_are_empty_and_no_nan_is_shown() -> None:
    section = worth_section(worth_of(row(**UNKNOWN), money=None), None)
    (shown,) = content_of(section)["rows"]

    assert (shown["amount"], shown["value"], shown["whole_life"]) == ("", "", "")
    assert shown["months"] == "10.3 (9.0 – 11.0)"
    assert not content_of(section)["has_money"]
    assert not content_of(section)["has_life"]
    assert content_of(section)["assumptions"] == [phrases("en", "worth")("no_money")]
    page = render(section.template, values=content_of(section))
    assert "nan" not in page.casefold().replace("finance", "")


def test_the_assumptions_are_those_of_the_contract() -> None:
    given = content_of(worth_section(worth_of(row()), None, money_format="$ {:,.2f}"))[
        "assumptions"
    ][1]

    assert "gross margin 72.5%" in given
    assert "a customer that does not leave early stays 36 months, one that does 2.8" in given
    assert "acquisition $ 1,000.00, onboarding 5%, extra support" in given
    assert "support of an early churner $ 10.00 a month" in given
    assert "commission kept 7.5% of the yearly value" in given


def test_lifetimes_are_shown_at_half_once_and_twice_the_companys_rate() -> None:
    money = replace(MONEY, own_months=OwnMonths((0.0, 1.0), (60.0, 10.0), (4.0, 2.0)))
    lines = content_of(worth_section(worth_of(row(early=0.3), money=money), None))["assumptions"]
    half, once, twice = (f"{money.months(rate)[0]:.3g}" for rate in (0.15, 0.3, 0.6))

    assert len(lines) == 3
    assert f"past the horizon {half} months at half" in lines[2]
    assert f"{once} at the rate and {twice} at twice the rate" in lines[2]
    assert float(half) > float(once) > float(twice)
    often = content_of(worth_section(worth_of(row(early=0.8), money=money), None))["assumptions"][2]
    assert f"{money.months(1.0)[0]:.3g} at twice" in often  # at most all of them leave


@pytest.mark.parametrize(("threshold", "words"), [(0.3456, "from 34.6%"), (None, "from –")])
def test_the_policy_of_the_bands_is_described_with_its_threshold(threshold, words) -> None:
    policy = Policy("risk", threshold=threshold)

    assert words in content_of(worth_section(worth_of(row()), None, policy))["assumptions"][-1]


def test_only_left_out_groups_are_named() -> None:
    assert content_of(worth_section(worth_of(row()), None))["left_out"] == ""
    left_out = content_of(worth_section(worth_of(row(), left_out=("tiny", "new")), None))[
        "left_out"
    ]
    assert left_out == "Too few deals, or watched too short: tiny, new."


def test_the_cost_of_early_churn_has_parts_sum_and_limitations() -> None:
    section = worth_section(worth_of(row()), LOSS, money_format="{:,.0f} €")
    loss = content_of(section)["loss"]

    assert loss["basis"].startswith("1,234 customers left early between 2025-07-01 and 2026-06-30")
    assert "of 7 of them" in loss["basis"]
    assert [amount for _, amount in loss["rows"]] == ["100 €", "200 €", "300 €", "400 €", "−150 €"]
    assert (loss["net"], loss["missed"]) == ("850 €", "9,000 €")
    assert loss["net_range"] == "by chance −50 € to 1,750 €"
    assert loss["missed_range"] == "by chance 1 € to 20,000 €"
    (point,) = content_of(section)["points"]
    assert "1,234 customers left early; 850 € was lost on them, and 9,000 €" in point
    without = worth_section(worth_of(row()), None)
    assert (content_of(without)["loss"], content_of(without)["points"]) == (None, [])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_figures_are_the_same_in_both_languages(language) -> None:
    section = worth_section(worth_of(row(), row("fit", "good")), LOSS, language=language)
    page = render(section.template, values=content_of(section))

    for figure in ("1,200", "12.3%", "10.3 (9.0", "4,000 (−3,000", "1,234", "850", "9,000"):
        assert figure in page


@pytest.mark.parametrize(
    "money",
    [None, MONEY, replace(MONEY, own_months=OwnMonths((0.0, 1.0), (60.0, 9.0), (4.0, 2.0)))],
)
def test_if_no_group_has_enough_deals_the_left_out_groups_are_named(money) -> None:
    section = worth_section(worth_of(money=money, left_out=("all",)), None)

    assert content_of(section)["rows"] == []
    assert content_of(section)["left_out"].endswith("short: all.")
    assert len(section.tables["worth.csv"]) == 0


def signal(name, *, lost=4, kept=10, ratio=1.6, low=0.9, high=2.9):
    values = (name, lost, 20, lost / 20, kept, 1080, kept / 1080, ratio, low, high)
    return dict(zip(SIGNAL_COLUMNS, values, strict=True))


NO_FACTS = {"deals": 0, "left": 0, "expected": 0.0, "ratio": 0.0, "ratio_low": 0.0,
            "ratio_high": np.inf}  # fmt: skip


def reviews_of(signals=(), surprises=(), facts=NO_FACTS, without=()):
    columns = ["rep", "deal", "probability", "base_rate", "months"]
    return SimpleNamespace(
        sheets=(), spec=None, without=without, surprise_counts=facts,
        missed=pd.DataFrame(signals, columns=SIGNAL_COLUMNS),
        surprises=pd.DataFrame(surprises, columns=columns),
    )  # fmt: skip


def test_a_signal_is_counted_in_lost_and_kept_deals_and_marked_if_significant() -> None:
    signals = [signal("size = small", low=1.01), signal("plan = free", low=1.0)]
    missed = content_of(review_section(reviews_of(signals)))["missed"]

    assert missed["basis"].startswith("Among 20 mature deals lost early and 1,080 kept")
    assert missed["rows"][0] == {
        "signal": "size = small", "lost": "4 of 20 (20%)", "kept": "10 of 1,080 (1%)",
        "ratio": "1.60 (1.01 to 2.90)", "kind": "more",
    }  # fmt: skip
    assert missed["rows"][1]["kind"] == ""


def test_a_signal_found_only_in_lost_deals_has_no_ratio() -> None:
    only = signal("size = small", kept=0, ratio=np.inf, low=np.nan, high=np.inf)
    (shown,) = content_of(review_section(reviews_of([only])))["missed"]["rows"]

    assert shown["ratio"] == "only among lost deals"
    assert shown["kind"] == ""


def test_ten_signals_are_shown_and_the_table_contains_all() -> None:
    section = review_section(reviews_of([signal(f"s{number}") for number in range(SHOWN + 3)]))

    assert len(content_of(section)["missed"]["rows"]) == SHOWN == 10
    assert len(section.tables["missed_warnings.csv"]) == SHOWN + 3


@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_signals_surprises_or_sheets_the_page_says_so(language) -> None:
    section = review_section(reviews_of(), language=language)
    say = phrases(language, "reviews")

    assert content_of(section)["missed"] == {"basis": say("missed_none"), "rows": []}
    assert content_of(section)["surprises"] == {
        "basis": say("surprises_none"),
        "learn": "",
        "rows": [],
    }
    assert (content_of(section)["without"], content_of(section)["on_paper"]) == ("", "")
    assert say("nobody") in render(section.template, values=content_of(section))
    assert section.tables["reviews.csv"].empty


def test_reps_without_lost_customers_are_named() -> None:
    values = content_of(review_section(reviews_of(without=("Kim", "Lee"))))

    assert values["without"] == "Nobody lost early: Kim, Lee."


@pytest.mark.parametrize(("low", "learns"), [(1.01, True), (1.0, False)])
def test_surprises_are_a_lesson_only_if_significant(low, learns) -> None:
    facts = {"deals": 1500, "left": 30, "expected": 19.96, "ratio": 1.503, "ratio_low": low,
             "ratio_high": 2.1}  # fmt: skip
    rows = [("Kim", "D1", 0.051, 0.123, 2.25), (None, "D2", 0.1, 0.12, 4.0)]
    shown = content_of(review_section(reviews_of(surprises=rows, facts=facts)))["surprises"]

    assert shown["basis"].startswith("Of 1,500 mature deals")
    assert (
        f"30 left early; 20.0 were expected (1.50 times as many, {low:.2f} to 2.10)"
        in shown["basis"]
    )
    assert ("something that the model has not learned yet" in shown["learn"]) is learns
    assert shown["rows"] == [
        {"rep": "Kim", "deal": "D1", "predicted": "5%", "usual": "12%", "months": "2.2"},
        {"rep": "", "deal": "D2", "predicted": "10%", "usual": "12%", "months": "4.0"},
    ]
