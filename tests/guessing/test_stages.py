"""The values of a stage column decide which rows are customers."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals, read_table
from fitmodel.deals.vocabulary import lost_rows_of
from fitmodel.exceptions import DealsError
from fitmodel.guessing._columns import Column
from fitmodel.guessing._rows import find_repeats, find_stage
from fitmodel.guessing.guess import guess_spec
from fitmodel.guessing.questions import find_questions, read_with_questions
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
    ("Stage", "5. Closed Won", "6. Closed Lost", "1. Qualification"),
    ("Sales Stage", "06 - Won", "07 - Lost", "01 - Discovery"),
    ("Stage", "Closed Won (100%)", "Closed Lost (0%)", "Proposal (50%)"),
    ("Phase", "100% - Gewonnen", "0% - Verloren", "25% - Angebot"),
    ("Deal Status", "\N{WHITE HEAVY CHECK MARK} Won", "\N{CROSS MARK} Lost", "\N{FIRE} Open"),
    ("商机阶段", "赢单(100%)", "输单(0%)", "需求分析(30%)"),
    ("Status", "Won - New", "Lost - Price", "Open - Demo"),
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


@pytest.mark.parametrize(("name", "won", "lost", "still_open"), PIPELINES)
def test_lost_prospects_get_no_prediction_however_their_stage_is_written(
    name: str, won: str, lost: str, still_open: str
) -> None:
    table = pipeline(name, won, lost, still_open)
    spec = DealSpec(**tomllib.loads(guess_spec(table).toml))
    rules = lost_rows_of(spec.to_dict())

    assert rules.why({name: won}) is None
    if lost != still_open:  # in a won flag, "no" means both
        assert rules.why({name: lost}) is not None
        assert rules.why({name: still_open}) is None


@pytest.mark.parametrize("name", ["dealstage", "Stage", "Opportunity Status", "商机阶段"])
def test_stages_of_unknown_words_in_which_nobody_left_must_be_answered(name: str) -> None:
    table = pipeline(name, "Onboarded", "Dead", "Talking")
    roles = {"id": "key", "closed_on": "close_date", "churned_on": "churn_date",
             "observed_until": "2025-12-31"}  # fmt: skip
    kept = DealSpec(deals=roles, rows={"keep": {name: ["Onboarded"]}})

    with pytest.raises(DealsError, match=r"nobody has left in 160 of 400 .*Dead 100, Talking 60"):
        read_with_questions(table, DealSpec(deals=roles))
    assert len(read_with_questions(table, kept).deals) == 240
    assert read_with_questions(table, kept).questions == ()


def test_a_stage_of_the_company_is_no_stage_of_the_deal() -> None:
    """Customers leave in every stage of funding, so no question is asked."""
    table = customers(3, 400).assign(stage=["Seed", "Series A", "Series B", "Listed"] * 100)
    spec = DealSpec(deals={"closed_on": "signed", "churned_on": "left",
                           "observed_until": "2025-12-31"})  # fmt: skip

    assert read_with_questions(table, spec).questions == ()


def test_young_customers_in_a_stage_of_their_own_have_not_left_yet() -> None:
    """In "Onboarding" nobody has left, since all of them signed within the last weeks."""
    table = customers(3, 400)
    table["left"] = table["left"].where(table["left"] <= table["signed"].max())
    young = table["signed"] > table["signed"].max() - pd.Timedelta(days=80)
    table.loc[young, "left"] = pd.NaT
    table["deal_stage"] = np.where(
        young, "Onboarding", np.where(table.index % 2, "Live A", "Live B")
    )
    spec = DealSpec(deals={"closed_on": "signed", "churned_on": "left",
                           "observed_until": str(table["signed"].max().date())})  # fmt: skip

    left = table["left"].notna().mean()
    assert (1 - left) ** young.sum() < 1e-6  # though of all deals so many have left
    assert "unknown-stage" not in {question.code for question in find_questions(table, spec)}
