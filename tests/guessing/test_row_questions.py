"""Rows that are no new customers are asked about, and so are leavers that the rules leave out."""

from __future__ import annotations

import tomllib

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals
from fitmodel.exceptions import DealsError
from fitmodel.guessing.guess import guess_spec
from fitmodel.guessing.questions import find_questions, read_with_questions
from tables import customers, flag

DEALS = {"id": "key", "closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"}


def spec(**rows: object) -> DealSpec:
    return DealSpec(deals=DEALS, rows=rows)


def asked(table: pd.DataFrame, contract: DealSpec) -> dict[str, str]:
    """The message of each question, by its code."""
    return {question.code: str(question) for question in find_questions(table, contract)}


def mixed(name: str, usual: str, other: str, rows: int = 60) -> pd.DataFrame:
    """Customers, of whom the first rows have another value in a column."""
    table = customers(4)
    table[name] = [other] * rows + [usual] * (len(table) - rows)
    return table


SALES = [  # name of the column, a new deal, a renewal or extension
    ("Type", "New Business", "Renewal"),
    ("Type", "New Customer", "Existing Customer - Upgrade"),
    ("Pipeline", "Sales Pipeline", "Renewals Pipeline"),
    ("dealtype", "newbusiness", "existingbusiness"),
    ("Vertragsart", "Neugeschäft", "Verlängerung"),
    ("Tipo de negócio", "Novo", "Renovação"),
    ("业务类型", "新签", "续约"),
    ("column_7", "New Logo", "Upsell"),
]


@pytest.mark.parametrize(("name", "new", "again"), SALES)
def test_renewals_are_asked_about_until_they_are_left_out(name: str, new: str, again: str) -> None:
    table = mixed(name, new, again)
    message = asked(table, spec())["rows-not-new"]
    left_out = spec(drop={name: [again]})

    assert message.startswith(f"{name}: 60 of 240 rows are renewals or extensions ({again} 60)")
    assert "rows-not-new" not in asked(table, left_out)
    assert len(read_deals(table, left_out)) == 180
    assert "rows-not-new" not in asked(table, spec(one_row_per="deal"))


def test_other_types_are_no_kinds_of_sales() -> None:
    for name, first, second in [
        ("Type", "Software", "Hardware"), ("upgrade_interest", "upgrade", "none"),
        ("Type", "Renewal", "Other"), ("plan", "new", "pro"),
    ]:  # fmt: skip
        assert "rows-not-new" not in asked(mixed(name, first, second), spec()), (name, first)


@pytest.mark.parametrize(
    ("name", "paid", "free"),
    [("plan", "Pro", "Free"), ("Product", "Team", "Free trial"), ("套餐", "企业版", "免费版"),
     ("Tarif", "Plus", "kostenlos"), ("subscription_plan", "basic", "trial")],
)  # fmt: skip
def test_rows_that_nobody_pays_for_are_asked_about(name: str, paid: str, free: str) -> None:
    table = (
        mixed("other", "a", "b").drop(columns="plan").assign(**{name: [free] * 80 + [paid] * 160})
    )
    message = asked(table, spec())["free-plan"]

    assert message.startswith(f"{name}: 80 of 240 rows are on a free plan or in a trial ({free} 80")
    assert "free-plan" not in asked(table, spec(drop={name: [free]}))
    assert "free-plan" not in asked(table.assign(**{name: paid}), spec())


@pytest.mark.parametrize(
    ("name", "yes", "no"),
    [("is_test", True, False), ("Is Deleted", "true", "false"), ("Testkonto", "ja", "nein"),
     ("是否删除", "是", "否"), ("duplicate", "Yes", "No")],
)  # fmt: skip
def test_rows_marked_as_tests_or_deleted_are_asked_about(
    name: str, yes: object, no: object
) -> None:
    table = customers(4).assign(**{name: [yes] * 12 + [no] * 228})
    message = asked(table, spec())["rows-marked"]

    assert message.startswith(f"{name}: 12 of 240 rows are marked ({yes} 12)")
    left_out = spec(drop={name: [yes]})
    assert "rows-marked" not in asked(table, left_out)
    assert len(read_deals(table, left_out)) == 228


def test_a_flag_that_marks_those_who_left_is_no_mark_of_tests() -> None:
    table = customers(4)
    table["deleted"] = flag(table["left"].notna(), "yes", "no")

    assert "rows-marked" not in asked(table, spec())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "Test"),
        ("Status", "Duplicate"),
        ("生命状态", "作废"),
        ("Kundenstatus", "Dublette"),
    ],
)
def test_tests_and_copies_of_a_status_are_left_out_by_init(name: str, value: str) -> None:
    table = customers(4)
    gone = table["left"].notna()
    words = {"生命状态": ("已流失", "正常"), "Kundenstatus": ("Gekündigt", "Aktiv")}
    status = flag(gone, *words.get(name, ("Churned", "Active"))).astype(object)
    status[:10] = value
    table.loc[:9, "left"] = pd.NaT
    guess = guess_spec(table.assign(**{name: status}))
    contract = DealSpec(**tomllib.loads(guess.toml))

    assert contract.rows.drop == {name: (value,)}
    assert f"is {value} are not customers (10 of 240)" in " ".join(guess.unsure)
    assert len(read_deals(table.assign(**{name: status}), contract)) == 230


def test_a_status_whose_meaning_is_not_known_is_asked_about() -> None:
    table = customers(4)
    status = flag(table["left"].notna(), "Churned", "Active").astype(object)
    status[:6] = "Limbo"
    table.loc[:5, "left"] = pd.NaT
    table = table.assign(status=status)
    message = asked(table, spec())["unknown-status"]

    assert message.startswith("status: 6 of 240 rows have no date of leaving")
    assert "Limbo 6" in message
    assert "unknown-status" not in asked(table, spec(drop={"status": ["Limbo"]}))
    assert "unknown-status" not in asked(table, spec(acknowledged=["unknown-status"]))


def with_reasons(reasons: list[str]) -> pd.DataFrame:
    table = customers(4)
    gone = np.flatnonzero(table["left"].notna())
    table["Cancellation Reason"] = pd.Series([None] * len(table), dtype=object)
    for number, row in enumerate(gone):
        table.loc[row, "Cancellation Reason"] = reasons[number % len(reasons)]
    return table


def test_leavers_who_only_changed_their_plan_are_asked_about() -> None:
    table = with_reasons(["Too expensive", "Upgraded to a new plan", "Duplicate", "Bankrupt"])
    counts = table["Cancellation Reason"].value_counts()
    message = asked(table, spec())["no-real-leaving"]
    number = counts["Upgraded to a new plan"] + counts["Duplicate"]

    assert f"by their reason {number} of {table['left'].notna().sum()} customers" in message
    assert "Too expensive" not in message


@pytest.mark.parametrize(
    ("name", "change", "other"),
    [("解約理由", "プラン変更", "価格"), ("해지 사유", "요금제 변경", "가격"),
     ("Причина ухода", "Смена тарифа", "Цена"),
     ("Powód rezygnacji", "Zmiana planu", "Cena"), ("Motivo disdetta", "Cambio piano", "Prezzo"),
     ("Reden opzegging", "Pakketwijziging", "Prijs"),
     ("İptal nedeni", "Paket değişikliği", "Fiyat")],
)  # fmt: skip
def test_changes_of_the_plan_are_known_in_more_languages(
    name: str, change: str, other: str
) -> None:
    table = with_reasons([change, other]).rename(columns={"Cancellation Reason": name})
    assert change in asked(table, spec())["no-real-leaving"]


def test_leaving_for_a_competitor_is_leaving() -> None:
    table = with_reasons(["Switched to a competitor", "Migrated to another vendor", "Price"])

    assert "no-real-leaving" not in asked(table, spec())


def pipeline() -> pd.DataFrame:
    """A won deal moves to the stage "Churned" when its customer leaves; 60 deals were lost."""
    table = customers(4).rename(columns={"signed": "close_date", "left": "churn_date"})
    stage = flag(table["churn_date"].notna(), "Churned", "Closed Won").astype(object)
    stage[:60] = "Closed Lost"
    table.loc[:59, "churn_date"] = pd.NaT
    return table.assign(deal_stage=stage)


def test_a_stage_of_former_customers_is_kept_by_init() -> None:
    table = pipeline()
    contract = DealSpec(**tomllib.loads(guess_spec(table).toml))
    deals = read_deals(table, contract)

    assert set(contract.rows.keep["deal_stage"]) == {"Closed Won", "Churned"}
    assert len(deals) == 180
    assert deals["churn_date"].notna().sum() == table["churn_date"].notna().sum()


def test_a_contract_that_leaves_former_customers_out_must_answer() -> None:
    table = pipeline()
    roles = {"closed_on": "close_date", "churned_on": "churn_date", "observed_until": "2025-12-31"}
    won = DealSpec(deals=roles, rows={"keep": {"deal_stage": ["closed won"]}})
    both = DealSpec(deals=roles, rows={"keep": {"deal_stage": ["Closed Won", "Churned"]}})
    gone = int(table["churn_date"].notna().sum())

    with pytest.raises(DealsError, match=rf"Churned {gone}\), of which {gone} have a date"):
        read_with_questions(table, won)
    assert "leavers-left-out" not in asked(table, both)


def test_rows_of_another_currency_are_left_out_without_a_question() -> None:
    table = customers(4).assign(currency=["EUR", "USD"] * 120)

    assert asked(table, spec(keep={"currency": ["EUR"]})) == {}
