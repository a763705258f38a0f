"""Deals can be learned from and yet hold money that means nothing."""

from __future__ import annotations

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.errors import find_warnings, notation_warnings
from fitmodel.deals.reading import read_deals_with_findings
from fitmodel.guessing.guess import guess_spec

SIM = simulate_deals(200, seed=2)


def test_an_amount_below_zero_is_named_with_count_example_and_remedy():
    deals = SIM.deals.copy()
    deals.loc[[3, 7], "annual_value"] = [-1.5, -20.0]
    (caution,) = find_warnings(deals, SIM.spec)

    assert (caution.column, caution.count) == ("annual_value", 2)
    assert "2 row(s) are below zero (amount)" in str(caution)
    assert "for example row 3: -1.5; row 7: -20.0" in str(caution)
    assert "not standardised" in caution.remedy
    assert "row 5: -1.5" in str(find_warnings(deals, SIM.spec, 2)[0])  # as in the file


def test_zero_and_empty_amounts_are_no_matter():
    deals = SIM.deals.copy()
    deals.loc[[3, 7], "annual_value"] = [0.0, float("nan")]

    assert find_warnings(deals, SIM.spec) == []


def test_init_takes_no_standardised_column_for_money_and_says_so():
    deals = SIM.deals.copy()
    deals["annual_value"] = (deals["annual_value"] / deals["annual_value"].mean() - 1).round(3)
    guess = guess_spec(deals)

    assert "\namount" not in guess.toml
    assert "#   annual_value: attribute" in guess.toml
    assert "'annual_value' is below zero in" in " ".join(guess.unsure)


def test_a_few_corrections_below_zero_do_not_hide_the_money():
    deals = SIM.deals.copy()
    deals.loc[3, "annual_value"] = -100.0

    assert 'amount = "annual_value"' in guess_spec(deals).toml


def test_what_prospects_may_not_be_written_like_is_told_before_a_model_is_made():
    value = [f"{1065 + row},95 €" for row in range(len(SIM.deals))]
    written = SIM.deals.assign(
        annual_value=value, closed_on=SIM.deals["closed_on"].dt.strftime("%d.%m.%Y")
    )
    dates, money = notation_warnings(written, SIM.spec, 2)

    assert (dates.column, dates.count, dates.remedy) == (
        *("closed_on", 200),
        "write 2026-06-30 in both",
    )
    assert "for example row 2: '1065,95 €'" in str(money)
    # the form found in the past deals is kept, and prospects are read in it: nothing is said then
    assert not any("not in prospects" in text for text in guess_spec(written).unsure)
    assert notation_warnings(SIM.deals.astype({"closed_on": "str"}), SIM.spec) == []


def test_plain_numbers_written_as_text_are_no_matter():
    plain = SIM.deals.assign(annual_value=SIM.deals["annual_value"].astype("str"))
    plain.loc[3, "annual_value"] = None

    assert notation_warnings(plain, SIM.spec) == []


def test_a_column_whose_form_is_kept_for_prospects_is_not_mentioned() -> None:
    dotted = SIM.deals.assign(closed_on=SIM.deals["closed_on"].dt.strftime("%d.%m.%Y"))
    read = read_deals_with_findings(dotted, SIM.spec)

    assert [each.column for each in notation_warnings(dotted, SIM.spec)] == ["closed_on"]
    assert "closed_on" in read.spec.reading.dates
    assert notation_warnings(dotted, read.spec) == []
