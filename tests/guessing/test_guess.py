"""An unknown table gets a contract with which it can be read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals, read_table
from fitmodel.exceptions import DealsError
from fitmodel.guessing.guess import guess_spec


def _contract(frame: pd.DataFrame, folder: Path) -> DealSpec:
    path = folder / "fitmodel.toml"
    path.write_text(guess_spec(frame).toml, encoding="utf-8")
    return DealSpec.from_toml(path)


def test_the_roles_of_simulated_deals_are_guessed(tmp_path: Path) -> None:
    deals = simulate_deals(500, seed=0).deals
    spec = _contract(deals, tmp_path)
    roles = (spec.deals.id, spec.deals.closed_on, spec.deals.churned_on, spec.deals.rep)
    assert roles == ("deal_id", "closed_on", "churned_on", "rep")
    assert spec.deals.amount == "annual_value"
    read_deals(deals, spec)


@pytest.mark.slow
def test_leaking_columns_are_excluded_and_reported(tmp_path: Path) -> None:
    deals = simulate_deals(500, seed=0, leaks=True).deals
    guess = guess_spec(deals)
    spec = _contract(deals, tmp_path)
    assert {"csat_90d", "cancellation_reason", "support_tickets_90d"} <= set(
        spec.attributes.exclude
    )
    assert any("csat_90d" in text for text in guess.unsure)


@pytest.mark.parametrize("name", ["us_lapse", "saas_sme"])
def test_real_tables_are_read_with_the_guessed_contract(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    table = read_table(shared_data / name / "deals.csv")
    assert len(read_deals(table, _contract(table, tmp_path))) == len(table)


def test_a_table_without_an_outcome_is_refused() -> None:
    with pytest.raises(DealsError, match="no outcome was found"):
        guess_spec(pd.DataFrame({"seats": [1, 2], "segment": ["a", "b"]}))


def test_date_columns_with_errors_are_recognised_by_name(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "Close Date": ["05.01.2024", "31.01.2024", "soon"],
            "Cancelled On": [None, "01.02.2024", "never"],
            "Seats": [1, 2, 3],
        }
    )
    assert "'Close Date' was chosen by its name" in " ".join(guess_spec(table).unsure)
    with pytest.raises(DealsError, match="Close Date: 1 row.*soon"):
        read_deals(table, _contract(table, tmp_path))


def test_an_almost_unique_id_is_reported_and_not_used() -> None:
    deals = simulate_deals(60, seed=0).deals
    deals.loc[3, "deal_id"] = deals.loc[4, "deal_id"]
    guess = guess_spec(deals)

    assert "\nid = " not in guess.toml
    assert any(
        "'deal_id' was not used, since 1 row(s) have none or repeat it" in u for u in guess.unsure
    )


@pytest.mark.slow
def test_a_latest_date_far_from_all_others_is_reported_as_a_possible_typing_error() -> None:
    deals = simulate_deals(60, seed=0).deals
    usual = " ".join(guess_spec(deals).unsure)
    latest = deals["churned_on"].idxmax()
    deals.loc[latest, "churned_on"] = pd.Timestamp("2131-01-01")
    unusual = " ".join(guess_spec(deals).unsure)

    assert "typing error" not in usual
    assert "The second-latest date is 2026-" in unusual
