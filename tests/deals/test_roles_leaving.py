"""A customer who left on an unknown day never counts as one who stayed."""

from __future__ import annotations

import tomllib

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import extract_as_of, view_of
from fitmodel.deals.outcomes import outcomes
from fitmodel.deals.reading import read_deals, read_deals_with_findings
from fitmodel.exceptions import DealsError, SpecError

END = "2025-01-01"
DEALS = {
    "closed_on": "signed", "churned_on": "left", "observed_until": END, "churned": "is_active",
    "churned_values": ["No"],
}  # fmt: skip


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "signed": ["2024-01-01", "2024-01-01", "2024-01-01", "2024-10-01", "2024-10-01"],
            "left": ["2024-02-01", None, None, None, None],
            "is_active": ["No", "Yes", "No", "No", "Yes"],
            "seats": [1, 2, 3, 4, 5],
        }
    )


def spec(answer: str | None) -> DealSpec:
    return DealSpec(deals=DEALS, rows={} if answer is None else {"left_without_date": answer})


def labels(answer: str) -> list[float]:
    deals = read_deals(table(), spec(answer))
    return outcomes(deals, spec(answer))["early_churn"].tolist()


def test_leavers_without_a_date_are_refused_with_their_rows_if_the_contract_has_no_rule() -> None:
    with pytest.raises(
        DealsError, match="2 row\\(s\\) left according to is_active, but have no date in left"
    ):
        read_deals(table(), spec(None))


def test_the_rule_drop_removes_leavers_without_a_date() -> None:
    assert read_deals(table(), spec("drop")).index.tolist() == [0, 1, 4]


def test_the_rule_observed_until_dates_the_churn_at_the_end_of_the_extract() -> None:
    np.testing.assert_array_equal(labels("observed_until"), [1, 0, 0, 1, np.nan])
    deals = read_deals(table(), spec("observed_until"))
    assert deals["left"].iloc[2] == pd.Timestamp(END)


def test_the_rule_unknown_labels_a_leaver_only_if_the_horizon_is_not_over() -> None:
    """Signed in January and gone by the end of the year: the label is unknown, never 0."""
    np.testing.assert_array_equal(labels("unknown"), [1, 0, np.nan, 1, np.nan])
    result = outcomes(read_deals(table(), spec("unknown")), spec("unknown"))
    assert result["followup_months"].iloc[2] == 0
    assert not result["left"].iloc[2]


@pytest.mark.parametrize("answer", ["drop", "observed_until", "unknown"])
def test_reading_the_deals_a_second_time_changes_nothing(answer: str) -> None:
    once = read_deals(table(), spec(answer))

    pd.testing.assert_frame_equal(read_deals(once, spec(answer)), once)


@pytest.mark.parametrize("answer", ["drop", "observed_until", "unknown"])
def test_a_note_counts_the_leavers_without_a_date(answer: str) -> None:
    (note,) = read_deals_with_findings(table(), spec(answer)).notes

    assert note.startswith("2 of 5 customers left (is_active) without a date: ")


def test_the_view_as_of_an_earlier_day_ignores_later_churn() -> None:
    """The flag is the state of today; a view as of an earlier day must not use it."""
    dated = table().assign(left=["2024-02-01", None, "2024-12-01", "2024-12-20", None])
    contract = spec("unknown")
    deals = read_deals(dated, contract)
    then = outcomes(deals, contract, as_of="2024-11-01")
    cut, then_contract = extract_as_of(deals, contract, "2024-11-01")

    np.testing.assert_array_equal(then["early_churn"], [1, 0, 0, np.nan, np.nan])
    pd.testing.assert_frame_equal(outcomes(cut, then_contract), then)


def test_the_view_as_of_an_earlier_day_has_no_label_for_leavers_without_a_date() -> None:
    contract = spec("unknown")
    deals = read_deals(table(), contract)

    np.testing.assert_array_equal(
        outcomes(deals, contract, as_of="2024-11-01")["early_churn"],
        [1, 0, np.nan, np.nan, np.nan],
    )


def test_an_extract_as_of_an_earlier_day_leaves_out_leavers_without_a_date() -> None:
    """Nobody knows whether they were still customers on that day: neither left nor stayed."""
    contract = spec("unknown")
    deals = read_deals(table(), contract)
    cut, known = extract_as_of(deals, contract, "2024-11-01")

    assert cut.index.tolist() == [0, 1, 4]
    np.testing.assert_array_equal(outcomes(cut, known)["early_churn"], [1, 0, np.nan])


def test_leavers_without_a_date_are_not_used_for_evaluation_or_training() -> None:
    contract = spec("unknown")
    view = view_of(read_deals(table(), contract), contract)
    training_set = view.training_set()

    assert view.labelled().index.tolist() == [0, 1]  # mature, and known
    np.testing.assert_array_equal(training_set.early_churn, [1, 0, np.nan, 1, np.nan])
    np.testing.assert_array_equal(training_set.left, [True, False, False, True, False])
    assert training_set.followup_months[2] == 0


def test_a_plain_flag_needs_no_values() -> None:
    contract = DealSpec(
        deals={**DEALS, "churned": "gone", "churned_values": []}, rows={"left_without_date": "drop"}
    )
    deals = read_deals(table().assign(gone=["sí", "no", "yes", "1", None]), contract)

    assert deals.index.tolist() == [0, 1, 4]


def test_a_flag_that_is_neither_yes_nor_no_needs_churned_values() -> None:
    contract = DealSpec(deals={**DEALS, "churned_values": []})

    with pytest.raises(DealsError, match="churned_values"):
        read_deals(table().assign(is_active=["gone away", "Yes", "No", "No", "Yes"]), contract)


def test_values_without_a_flag_are_refused() -> None:
    with pytest.raises(SpecError, match="churned_values needs churned"):
        DealSpec(deals={**{k: v for k, v in DEALS.items() if k != "churned"}})


@pytest.mark.parametrize("name", ["ativo", "is_active"])
def test_in_the_hard_tables_no_leaver_counts_as_one_who_stayed(shared_data, name: str) -> None:
    from fitmodel.deals.reading import read_table
    from fitmodel.guessing.guess import guess_spec

    written = read_table(shared_data / "hard_tables" / f"inactive_without_date_{name}_60rows.csv")
    guess = guess_spec(written)
    contract = DealSpec(**tomllib.loads(guess.toml))
    undated = int(
        (written[name].astype(str).str.upper().eq("FALSE") & written["churn_date"].isna()).sum()
    )

    assert undated == 15
    assert f"{undated} row(s) left according to {name}" in " ".join(guess.unsure)
    with pytest.raises(DealsError, match="left_without_date"):
        read_deals(written, contract)
    dropped = read_deals(written, contract.replace(rows={"left_without_date": "drop"}))
    assert len(dropped) == 60 - undated
    unknown = contract.replace(rows={"left_without_date": "unknown"})
    result = outcomes(read_deals(written, unknown), unknown)
    gone = written[name].astype(str).str.upper().eq("FALSE") & written["churn_date"].isna()
    assert not (result["early_churn"][gone] == 0).any()
