"""The section [rows] selects the rows that are customers."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitmodel import guessing
from fitmodel.deals._rows import keep_rows, settle_rows
from fitmodel.deals._settings_sections import questions
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals, read_deals_with_findings
from fitmodel.exceptions import DealsError, SpecError

DEALS = {"closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"}


def spec(**rows: object) -> DealSpec:
    return DealSpec(deals=DEALS, rows=rows)


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "signed": ["2024-01-01", "2024-02-01", "", "2024-03-01", "2024-04-01"],
            "left": ["2024-03-01", None, None, None, None],
            "stage": ["Won", " won ", "Open", "Lost", None],
            "level": [1.0, 2.0, 1.0, 1.0, 1.0],
            "seats": [3, 4, 5, 6, 7],
        }
    )


CELLS = st.sampled_from(["Won", "won", "Lost", "Open", "", None, "WON ", "Perdida"])


@settings(max_examples=80, deadline=None)
@given(
    cells=st.lists(st.tuples(CELLS, st.integers(0, 9)), min_size=1, max_size=30),
    listed=st.lists(st.sampled_from(["Won", "lost", "Open", ""]), min_size=1, unique=True),
)
def test_keep_selects_rows_without_changing_them(cells: list, listed: list[str]) -> None:
    given_table = pd.DataFrame(cells, columns=["stage", "seats"])
    wanted = {value.strip().lower() for value in listed}
    right = [(cell or "").strip().lower() in wanted for cell, _ in cells]
    contract = spec(keep={"stage": listed})
    if not any(right):
        with pytest.raises(DealsError, match="keeps none of"):
            keep_rows(given_table, contract)
        return
    kept = keep_rows(given_table, contract)

    pd.testing.assert_frame_equal(kept.table, given_table[right])
    again = keep_rows(kept.table, contract)
    pd.testing.assert_frame_equal(again.table, kept.table)
    assert again.notes == ()


def test_removed_rows_are_counted_by_value() -> None:
    (note,) = keep_rows(table(), spec(keep={"stage": "Won"})).notes

    assert note == "left out 3 of 5 rows by [rows], stage: Open 1, Lost 1, (empty) 1"


def test_numbers_and_booleans_are_compared_with_their_written_form() -> None:
    flags = table().assign(won=[True, True, False, False, False], text=["TRUE", *["FALSE"] * 4])

    assert len(keep_rows(flags, spec(keep={"level": [1]})).table) == 4
    assert len(keep_rows(flags, spec(keep={"won": [True]})).table) == 2
    assert len(keep_rows(flags, spec(keep={"text": [True]})).table) == 1
    assert len(keep_rows(flags, spec(drop={"stage": ["Lost", ""]})).table) == 3


def test_removed_rows_are_not_checked_for_errors() -> None:
    with pytest.raises(DealsError, match="signed: 1 row\\(s\\) are empty"):
        read_deals(table(), spec())
    deals = read_deals(table().drop(columns="level"), spec(drop={"stage": ["Open"]}))

    assert deals.index.tolist() == [0, 1, 3, 4]


def test_an_error_names_the_row_of_the_file(tmp_path) -> None:
    path = tmp_path / "deals.csv"
    table().assign(left=["2023-03-01", None, None, "2023-01-01", None]).to_csv(path, index=False)
    contract = spec(drop={"stage": ["Open"]})

    with pytest.raises(DealsError, match="row 2: left .*; row 5: left "):
        read_deals_with_findings(path, contract)


def test_the_error_for_a_missing_column_names_the_nearest_column() -> None:
    with pytest.raises(DealsError, match="names 'Stage_', but .* did you mean 'stage'"):
        keep_rows(table(), spec(keep={"Stage_": ["Won"]}))


def test_a_column_with_only_one_kept_value_is_not_an_attribute() -> None:
    columns = list(table().columns)

    assert "stage" not in spec(keep={"stage": ["Won"]}).attribute_names(columns)
    assert "stage" in spec(keep={"stage": ["Won", "Signed"]}).attribute_names(columns)
    assert "stage" in spec(drop={"stage": ["Lost"]}).attribute_names(columns)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"keep": {"stage": []}}, "takes a list of texts"),
        ({"keep": {"a": ["x"]}, "drop": {"a": ["x"]}}, "'x' of 'a' is in keep and in drop"),
        ({"customer": "a", "one_row_per": "deal"}, 'one_row_per = "deal" and customer exclude'),
        ({"left_without_date": "drop"}, "needs closed_on and churned"),
        ({"left_without_date": "guess"}, "must be one of"),
        ({"gap_days": -1}, "at least 0"),
        (
            {"acknowledged": ["repeated-row"]},
            "'repeated-row', which is not a question of `fitmodel check`; did you mean 'repeated-",
        ),
        ({"acknowledged": ["FM308"]}, "'FM308', which is not.*did you mean 'tenure-unit'"),
        ({"acknowledged": ["date-by-contents:left"]}, "did you mean 'date-by-content'"),
        ({"acknowledged": ["x"]}, "known are 'rows-not-customers', 'left-without-date'"),
    ],
)
def test_contradictory_rules_are_refused(rows: dict, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        spec(**rows)


@pytest.mark.parametrize("column", ["", ":amount"])
def test_every_question_of_check_can_be_acknowledged_for_all_columns_or_one(column: str) -> None:
    for name in questions().values():
        rules = spec(acknowledged=[f"{name}{column}"]).rows
        assert rules.settles(name, "amount")
        assert rules.settles(name, "other") == (not column)


def test_every_question_in_the_source_has_a_code() -> None:
    asked = {
        name
        for file in Path(guessing.__file__).parent.glob("*.py")
        for name in re.findall(r"Question\(\s*\"([a-z-]+)\"", file.read_text())
    }
    assert asked == set(questions().values())


def test_the_contract_of_an_old_bundle_may_acknowledge_what_is_no_question() -> None:
    names = ["repeated-id:account", "repeated-row", "rows-not-customers"]
    sections = spec(drop={"plan": ["free"]}).to_dict()
    sections["rows"]["acknowledged"] = names
    stored = DealSpec.from_manifest(sections)
    assert stored.rows.acknowledged == ("repeated-id:account", "rows-not-customers")
    assert stored == spec(drop={"plan": ["free"]}, acknowledged=[names[0], names[2]])
    with pytest.raises(SpecError, match="'repeated-row', which is not a question"):
        DealSpec(**sections)


def test_the_customer_rule_needs_dates() -> None:
    with pytest.raises(SpecError, match="customer needs closed_on"):
        DealSpec(deals={"tenure_months": "t", "churned": "c"}, rows={"customer": "id"})


def test_the_section_is_written_and_read_back() -> None:
    import tomllib

    contract = DealSpec(
        deals={**DEALS, "churned": "flag", "churned_values": ["Baja"], "amount": "mrr",
               "amount_per": "month", "currency": "EUR"},
        rows={"keep": {"商机阶段": ["赢单"], "won": [True]}, "left_without_date": "unknown",
              "customer": "account", "acknowledged": ["amount-unit"]},
    )  # fmt: skip

    assert DealSpec(**tomllib.loads(contract.to_toml())) == contract
    assert DealSpec(**contract.to_dict()) == contract


TRIALS = pd.DataFrame(
    {
        "signed": ["2024-01-01"] * 4,
        "left": ["2024-01-20", "2024-01-31", "2024-02-01", None],
        "trial_end": ["2024-01-31"] * 4,
    }
)


def test_rows_that_left_by_the_end_of_the_trial_are_removed() -> None:
    chosen = settle_rows(TRIALS, spec(trial_end="trial_end"))

    assert chosen.table.index.tolist() == [2, 3], "the day after the trial is a customer's"
    (note,) = chosen.notes
    assert note.startswith("left out 2 of 4 rows that left by the end of their trial (trial_end): ")
    untouched = settle_rows(TRIALS.loc[2:], spec(trial_end="trial_end"))
    assert (len(untouched.table), untouched.notes) == (2, ())


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        (["soon", "2024-01-31", "2024-01-31", ""], "trial_end: 1 value.*not dates.*'soon'"),
        (["02/01/2024", "03/02/2024", "", ""], "order of day and month is unclear.*'02/01/2024'"),
    ],
)
def test_an_unreadable_end_of_trial_is_refused(ends: list[str], message: str) -> None:
    with pytest.raises(DealsError, match=message):
        settle_rows(TRIALS.assign(trial_end=ends), spec(trial_end="trial_end"))
