"""Warnings about deals that can be used for training but contain doubtful values."""

from __future__ import annotations

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.reading import read_deals_with_findings
from fitmodel.deals.validation import find_warnings, notation_warnings
from fitmodel.guessing.guess import guess_spec

SIM = simulate_deals(200, seed=2)


def test_negative_amounts_are_reported_with_count_example_and_remedy():
    deals = SIM.deals.copy()
    deals.loc[[3, 7], "annual_value"] = [-1.5, -20.0]
    (warning,) = find_warnings(deals, SIM.spec)

    assert (warning.column, warning.count) == ("annual_value", 2)
    assert "2 row(s) are below zero (amount)" in str(warning)
    assert "for example row 3: -1.5; row 7: -20.0" in str(warning)
    assert "not standardised" in warning.remedy
    assert "row 5: -1.5" in str(find_warnings(deals, SIM.spec, 2)[0])  # as in the file


def test_zero_and_empty_amounts_give_no_warning():
    deals = SIM.deals.copy()
    deals.loc[[3, 7], "annual_value"] = [0.0, float("nan")]

    assert find_warnings(deals, SIM.spec) == []


def test_init_does_not_guess_a_standardised_column_as_the_amount():
    deals = SIM.deals.copy()
    deals["annual_value"] = (deals["annual_value"] / deals["annual_value"].mean() - 1).round(3)
    guess = guess_spec(deals)

    assert "\namount" not in guess.toml
    assert "#   annual_value: attribute" in guess.toml
    assert "'annual_value' is below zero in" in " ".join(guess.unsure)


def test_a_few_negative_corrections_do_not_prevent_the_guess_of_the_amount():
    deals = SIM.deals.copy()
    deals.loc[3, "annual_value"] = -100.0

    assert 'amount = "annual_value"' in guess_spec(deals).toml


def test_a_notation_that_prospects_may_not_share_is_reported_before_training():
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
    # the form found in past deals is kept for reading prospects: then there is no warning
    assert not any("not in prospects" in text for text in guess_spec(written).unsure)
    assert notation_warnings(SIM.deals.astype({"closed_on": "str"}), SIM.spec) == []


def test_plain_numbers_written_as_text_give_no_warning():
    plain = SIM.deals.assign(annual_value=SIM.deals["annual_value"].astype("str"))
    plain.loc[3, "annual_value"] = None

    assert notation_warnings(plain, SIM.spec) == []


def test_a_column_whose_form_is_kept_for_prospects_gives_no_warning() -> None:
    dotted = SIM.deals.assign(closed_on=SIM.deals["closed_on"].dt.strftime("%d.%m.%Y"))
    read = read_deals_with_findings(dotted, SIM.spec)

    assert [each.column for each in notation_warnings(dotted, SIM.spec)] == ["closed_on"]
    assert "closed_on" in read.spec.reading.dates
    assert notation_warnings(dotted, read.spec) == []


def test_a_column_of_python_dates_has_no_notation() -> None:
    """Database drivers give such columns."""
    days = SIM.deals.assign(closed_on=list(SIM.deals["closed_on"].dt.date))
    assert days["closed_on"].dtype == object
    assert notation_warnings(days, SIM.spec) == []
