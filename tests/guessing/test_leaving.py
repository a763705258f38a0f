"""The churn date is chosen by name, status and plausibility; otherwise none is chosen."""

from __future__ import annotations

import tomllib
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.reading import read_table
from fitmodel.exceptions import DealsError
from fitmodel.guessing._rows import is_named_leaving
from fitmodel.guessing.guess import guess_spec
from fitmodel.tables.files import read_file
from tables import customers

LEAVING = [
    "churn_date", "Cancelled On", "Ended At (UTC)", "left_on", "date_of_termination", "流失日期",
    "离网时间", "fecha de baja", "data de cancelamento", "Kündigungsdatum", "date de résiliation",
    "Data de saída", "Austrittsdatum", "deactivated_at", "Contract Termination Date", "churnedAt",
    "Cancellation Date (dd/mm/yyyy)", "churn_date [MM/DD/YY]", "Left on (YYYY-MM-DD)",
    "流失日", "流失时间", "流失月份", "客户流失日", "终止日", "终止日期", "解约日", "解约日期",
    "退订日", "退订日期", "取消日", "离网日", "销户日", "注销日", "停机日", "离开日期", "退出日",
    "gekündigt am",
    "Gekündigt zum", "gekündigt", "Kündigung wirksam zum", "Kuendigungsdatum", "Abgangsdatum",
    "Beendigungsdatum", "Stornodatum", "Storniert am", "Verlustdatum", "Abmeldedatum",
    unicodedata.normalize("NFD", "Gekündigt am"), "ＣＨＵＲＮ ＤＡＴＥ",  # noqa: RUF001 - full width
]  # fmt: skip
OTHERS = [
    "trial_end", "Trial End (UTC)", "last_price_increase", "go_live_date", "next_billing_date",
    "current_term_start", "Current Period End", "renewal_date", "last_contact_date",
    "onboarding_completed_on", "last_payment_date", "first_invoice_date", "nps_survey_sent",
    "kickoff_date", "last_login_at", "subscription_renewed_on", "contract_term_end",
    "试用结束日期", "最近登录时间", "fecha de renovación", "próximo pago", "data de renovação",
    "nächste Rechnung", "date de renouvellement", "upgraded_on", "birthday",
    "Expected churn date", "predicted_churn_date", "Scheduled Cancellation Date", "预计流失日期",
    "预计流失日", "流失预警日期", "Stornofrist", "Ende der Testphase",
    "Kündigungsfrist", "Cancellation Deadline", "voraussichtliches Kündigungsdatum",
]  # fmt: skip


@pytest.mark.parametrize("name", LEAVING)
def test_a_churn_date_is_recognised_by_its_name(name: str) -> None:
    table = customers(5)[["key", "signed", "left", "plan"]].rename(columns={"left": name})

    assert is_named_leaving(name)
    assert tomllib.loads(guess_spec(table).toml)["deals"]["churned_on"] == name


CLOSING = [
    "签约日", "签约日期", "签单日期", "赢单日期", "签订日", "成交日", "下单日期", "购买日",
    "订购日期", "合同开始日期", "生效日期", "开通日", "起始日期", "Abschlussdatum",
    "Unterzeichnet am",
    "Unterschrieben am", "Gewonnen am", "Abgeschlossen am", "Vertragsschluss", "Auftragsdatum",
    "Vertragsbeginn",
]  # fmt: skip


@pytest.mark.parametrize("name", CLOSING)
def test_a_closing_date_is_recognised_by_its_name(name: str) -> None:
    table = customers(5)[["key", "signed", "left", "plan"]].rename(columns={"signed": name})
    guess = guess_spec(table)

    assert tomllib.loads(guess.toml)["deals"]["closed_on"] == name
    assert "date-by-content" not in {question.code for question in guess.questions}


@pytest.mark.parametrize("name", OTHERS)
def test_a_half_filled_date_of_another_event_is_not_the_outcome(name: str) -> None:
    table = customers(5)[["key", "signed", "left", "plan"]].rename(columns={"left": name})

    with pytest.raises(DealsError, match="no outcome was found"):
        guess_spec(table)


@pytest.mark.parametrize("name", OTHERS)
def test_a_date_of_another_event_is_not_preferred_to_the_churn_date(name: str) -> None:
    table = customers(6)
    half = table["signed"].where(np.arange(len(table)) % 2 == 0) + pd.Timedelta(days=20)
    table.insert(1, name, half)

    assert tomllib.loads(guess_spec(table).toml)["deals"]["churned_on"] == "left"


def test_an_unnamed_date_is_used_with_a_question_if_the_status_agrees() -> None:
    table = customers(7)
    table["status"] = np.where(table["left"].notna(), "inactive", "active")
    guess = guess_spec(table.rename(columns={"left": "column_9"}))

    assert tomllib.loads(guess.toml)["deals"]["churned_on"] == "column_9"
    assert "date-by-content" in {question.code for question in guess.questions}


UNTIL = ["Active until", "Paid through", "service_until", "Valid through date", "Subscribed till"]


@pytest.mark.parametrize("name", UNTIL)
def test_the_last_day_of_service_is_used_with_a_question_if_the_status_agrees(name: str) -> None:
    table = customers(7).rename(columns={"left": name})
    status = np.where(table[name].notna(), "cancelled", "active")
    guess = guess_spec(table.assign(Status=status))
    known = table.assign(Status=status, **{name: table[name].fillna(pd.Timestamp("2027-01-31"))})

    assert tomllib.loads(guess.toml)["deals"]["churned_on"] == name
    assert "date-by-content" in {question.code for question in guess.questions}
    for without in (table, known):  # no status, or a day that customers who stayed have too
        with pytest.raises(DealsError, match="no outcome was found"):
            guess_spec(without)


def test_a_date_that_disagrees_with_the_flag_is_refused_with_the_counts() -> None:
    table = customers(8)
    rng = np.random.default_rng(0)
    churned = rng.random(len(table)) < 0.4
    table["churned"] = np.where(churned, "yes", "no")
    filled = table["left"].notna().to_numpy()

    with pytest.raises(DealsError, match="'left' does not agree with 'churned'") as error:
        guess_spec(table)
    assert (
        f"filled for {(filled & churned).sum()} of {churned.sum()} that left and "
        f"{(filled & ~churned).sum()} of {(~churned).sum()} that did not" in str(error.value)
    )


def test_status_words_in_another_column_do_not_overrule_a_named_churn_date() -> None:
    table = customers(8)
    table["usage_level"] = np.where(np.arange(len(table)) % 2, "active", "inactive")
    deals = tomllib.loads(guess_spec(table).toml)["deals"]

    assert deals["churned_on"] == "left"
    assert "churned" not in deals


def test_a_planned_end_of_term_is_not_a_churn_date() -> None:
    table = customers(9).drop(columns="left")
    terms = pd.Series(np.where(np.arange(len(table)) % 3, 1, 2))
    table["end_date"] = [
        day + pd.DateOffset(years=n) for day, n in zip(table["signed"], terms, strict=True)
    ]
    table.loc[::4, "end_date"] = pd.NaT

    with pytest.raises(DealsError, match="planned end of a contract term"):
        guess_spec(table)


def test_a_date_before_signing_or_always_on_that_day_is_not_a_churn_date() -> None:
    table = customers(10)
    same = table.assign(left=table["signed"].where(table["left"].notna()))
    before = table.assign(left=same["left"] - pd.Timedelta(days=30))

    with pytest.raises(DealsError, match="is the day of signing in every row"):
        guess_spec(same)
    with pytest.raises(DealsError, match="is before signing in"):
        guess_spec(before)


def test_a_first_line_of_values_instead_of_names_is_reported() -> None:
    table = pd.DataFrame({
        "D-1": ["D-2", "D-3"], "2024-01-05": ["2024-02-01", "2024-03-01"], "9675.62": [1.5, 2.5],
    })  # fmt: skip
    with pytest.raises(DealsError, match=r"row of data \('2024-01-05', '9675.62'\): write the col"):
        guess_spec(table)
    with pytest.raises(DealsError) as error:
        guess_spec(table.rename(columns={"9675.62": "amount 2024"}))
    assert "row of data" not in str(error.value)


def test_a_named_churn_date_with_other_texts_is_used_and_its_errors_are_counted() -> None:
    table = customers(5)
    gone = table["left"].notna()
    texts = table["left"].dt.strftime("%Y-%m-%d").astype(object).where(gone, None)
    texts[table.index[gone][:9]] = "early in spring"
    unsure = " ".join(
        guess_spec(table.assign(left=texts).rename(columns={"left": "cancelled on"})).unsure
    )
    assert "'cancelled on' was chosen by its name, but not all values are dates" in unsure
    assert "9 row(s) are not dates, for example row" in unsure


def test_a_few_dates_before_signing_are_errors_of_a_named_churn_date() -> None:
    table = customers(10)
    rows = table.index[table["left"].notna()]
    table.loc[rows[: len(rows) // 12], "left"] = pd.Timestamp("2001-01-01")

    guess = guess_spec(table)

    assert tomllib.loads(guess.toml)["deals"]["churned_on"] == "left"
    assert any("an error until corrected: left" in text for text in guess.unsure)


@pytest.mark.parametrize("name", ["trial_end", "last_price_increase"])
def test_in_the_hard_tables_dates_of_other_events_are_refused_as_outcome(
    shared_data: Path, name: str
) -> None:
    table = read_table(shared_data / "hard_tables" / f"{name}_60rows.csv")

    with pytest.raises(DealsError, match=f"other events than leaving: '{name}'"):
        guess_spec(table)


def test_the_error_for_a_flag_without_a_churn_date_counts_the_leavers(shared_data: Path) -> None:
    table = read_table(shared_data / "hard_tables" / "last_price_increase_with_flag_60rows.csv")

    with pytest.raises(DealsError, match="'churned' says who left \\(38 of 60\\), but no column"):
        guess_spec(table)


def test_a_stripe_export_is_read_correctly(shared_data: Path) -> None:
    table = read_table(shared_data / "hard_tables" / "stripe_export_60rows.csv")
    deals = tomllib.loads(guess_spec(table).toml)["deals"]

    assert deals["closed_on"] == "Created (UTC)"
    assert deals["churned_on"] == "Ended At (UTC)"
    assert deals["amount_per"] == "month"


@pytest.mark.parametrize("text", ["2025-W13", "Q2 2025", "Apr-25"])
def test_the_error_shows_columns_named_like_dates_that_hold_none(text: str) -> None:
    table = customers().drop(columns=["signed", "left"])
    table = table.assign(**{"Close Date": text, "Churn Date": text})

    with pytest.raises(DealsError, match=rf"not read as days: 'Close Date' \('{text}'\), 'Churn"):
        guess_spec(table)


def test_the_error_shows_a_number_as_in_the_file() -> None:
    table = (
        customers().drop(columns=["signed", "left"]).assign(**{"Close Date": 7, "Churn Date": 9})
    )
    with pytest.raises(DealsError, match=r"'Close Date' \(7\), 'Churn Date' \(9\)"):
        guess_spec(table)


def test_the_error_says_which_sheet_was_read(tmp_path: Path) -> None:
    path = tmp_path / "deals.xlsx"
    with pd.ExcelWriter(path) as book:
        summary = pd.DataFrame({"Metric": ["Deals", "Lost"], "Value": [240, 3], "Note": ["a", "b"]})
        summary.to_excel(book, sheet_name="Summary", index=False)
        customers().to_excel(book, sheet_name="Data", index=False)

    with pytest.raises(DealsError, match=r"no outcome.*'Summary' was read, not 'Data'"):
        guess_spec(read_file(path))
