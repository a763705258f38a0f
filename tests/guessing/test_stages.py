"""The values of a stage column decide which rows are customers."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals, read_table
from fitmodel.guessing._columns import Column
from fitmodel.guessing._rows import find_repeats, find_stage
from fitmodel.guessing.guess import guess_spec
from tables import customers

PIPELINES = [  # name of the column, won, lost, open
    ("deal_stage", "Won", "Lost", "Engaging"),
    ("StageName", "Closed Won", "Closed Lost", "Negotiation/Review"),
    ("Deal - Status", "Won", "Lost", "Open"),
    ("Deal Stage", "closedwon", "closedlost", "presentationscheduled"),
    ("商机阶段", "赢单", "输单", "谈判"),
    ("销售阶段", "已成交", "已丢单", "方案报价"),
    ("etapa", "Ganada", "Perdida", "Negociación"),
    ("Etapa do negócio", "Ganho", "Perdido", "Em andamento"),
    ("Verkaufsphase", "Gewonnen", "Verloren", "Verhandlung"),
    ("étape", "Gagné", "Perdu", "En cours"),
    ("IsWon", "True", "False", "False"),
    ("是否赢单", "是", "否", "否"),
    ("field_17", "won", "lost", "open"),  # recognised only by its values
]


def pipeline(name: str, won: str, lost: str, still_open: str) -> pd.DataFrame:
    """240 of 400 opportunities were won; the others have no customer and no churn date."""
    table = customers(3, 400)
    stage = np.array([won] * 240 + [lost] * 100 + [still_open] * 60)
    table[name] = stage
    table.loc[240:, "left"] = pd.NaT
    return table.rename(columns={"signed": "close_date", "left": "churn_date"}).sample(
        frac=1, random_state=0, ignore_index=True
    )


@pytest.mark.parametrize(("name", "won", "lost", "still_open"), PIPELINES)
def test_only_won_rows_are_customers(name: str, won: str, lost: str, still_open: str) -> None:
    table = pipeline(name, won, lost, still_open)
    contract = tomllib.loads(guess_spec(table).toml)
    deals = read_deals(table, DealSpec(**contract))

    assert contract["rows"]["keep"] == {name: [won]}
    assert len(deals) == 240
    assert set(deals[name]) == {won}
    assert name not in DealSpec(**contract).attribute_names(table.columns)


def test_the_won_rows_of_a_hard_table_are_kept(shared_data: Path) -> None:
    table = read_table(shared_data / "hard_tables" / "lost_deals_400rows.csv")
    guess = guess_spec(table)
    deals = read_deals(table, DealSpec(**tomllib.loads(guess.toml)))

    assert len(deals) == int((table["deal_stage"] == "Won").sum()) == 254
    assert "254 of 400" in " ".join(guess.unsure)
    assert "Lost 146" in " ".join(guess.unsure)


def test_unknown_stages_are_not_customers_and_are_reported() -> None:
    table = pipeline("deal_stage", "Won", "Lost", "Waiting for the moon")
    stage = find_stage([Column(table["deal_stage"])])

    assert stage is not None
    assert stage.customers == ("Won",)
    assert stage.others == {"Lost": 100, "Waiting for the moon": 60}
    assert stage.unknown == ("Waiting for the moon",)


def test_only_customers_are_kept_of_a_lifecycle_stage() -> None:
    values = ["customer", "lead", "opportunity", "customer", "subscriber"]
    stage = find_stage([Column(pd.Series(values, name="Lifecycle Stage"))])

    assert stage is not None
    assert stage.customers == ("customer",)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["active", "canceled", "active"], name="status"),
        pd.Series(["basic", "pro", "team"], name="stage"),
        pd.Series(["Won", "Won", "Won"], name="deal_stage"),
        pd.Series(["seed", "series a", "open"], name="funding_stage"),
    ],
    ids=lambda column: column.name,
)
def test_a_column_without_won_and_lost_or_open_values_is_not_a_stage(column: pd.Series) -> None:
    assert find_stage([Column(column)]) is None


def test_a_repeated_customer_id_merges_rows_into_one_history() -> None:
    table = customers(4)
    table["account_id"] = [f"A{row // 2}" for row in range(len(table))]
    guess = guess_spec(table.rename(columns={"key": "deal_id"}))

    assert tomllib.loads(guess.toml)["rows"]["customer"] == "account_id"
    assert "120 values in 240 rows" in " ".join(guess.unsure)


def test_a_category_is_not_a_repeated_customer_id() -> None:
    columns = [
        Column(pd.Series(["a", "b"] * 50, name="account_type")),
        Column(pd.Series(["x", "y"] * 50, name="company")),  # fifty rows each
        Column(pd.Series(range(100), name="customer_id")),
    ]

    assert find_repeats(columns) == []
