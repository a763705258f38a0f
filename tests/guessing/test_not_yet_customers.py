"""Trials, drafts and unpaid first invoices are not customers in any CRM."""

from __future__ import annotations

import tomllib

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals, read_deals_with_findings
from fitmodel.deals.vocabulary import lost_rows_of
from fitmodel.exceptions import DealsError
from fitmodel.guessing.guess import guess_spec
from fitmodel.guessing.questions import find_questions, read_with_questions
from tables import customers

STATUSES = [  # name of the column, not yet a customer, a customer, left
    ("Status", "In Trial", "Active", "Cancelled"),
    ("subscription_status", "trialing", "active", "canceled"),
    ("Status", "incomplete_expired", "past_due", "canceled"),
    ("Kundenstatus", "Testphase", "Aktiv", "Gekündigt"),
    ("estado", "En prueba", "Activo", "Baja"),
    ("statut", "À l'essai", "Actif", "Résilié"),
    ("客户状态", "试用中", "在网", "已流失"),
]
TRIALS = 40


def subscriptions(name: str, not_yet: str, active: str, gone: str) -> pd.DataFrame:
    """Of 240 rows 40 never paid; the others stayed or left."""
    table = customers(5)
    status = np.where(table["left"].notna(), gone, active).astype(object)
    status[:TRIALS] = not_yet
    table.loc[: TRIALS - 1, "left"] = pd.NaT
    return table.assign(**{name: status}).rename(
        columns={"signed": "signed_on", "left": "cancelled_on"}
    )


def contract_of(table: pd.DataFrame) -> dict[str, dict[str, object]]:
    return tomllib.loads(guess_spec(table).toml)


@pytest.mark.parametrize(("name", "not_yet", "active", "gone"), STATUSES)
def test_rows_that_have_not_paid_yet_are_left_out(
    name: str, not_yet: str, active: str, gone: str
) -> None:
    table = subscriptions(name, not_yet, active, gone)
    contract = contract_of(table)
    deals = read_deals(table, DealSpec(**contract))

    assert contract["rows"]["drop"] == {name: [not_yet]}
    assert set(deals[name]) == {active, gone}
    assert deals["cancelled_on"].notna().sum() == table["cancelled_on"].notna().sum()


@pytest.mark.parametrize(("name", "not_yet", "active", "gone"), STATUSES)
def test_not_yet_customers_without_a_rule_in_the_contract_are_refused(
    name: str, not_yet: str, active: str, gone: str
) -> None:
    table = subscriptions(name, not_yet, active, gone)
    spec = DealSpec(
        deals={"closed_on": "signed_on", "churned_on": "cancelled_on",
               "observed_until": "2025-12-31"},
        attributes={"include": ["plan", "seats"]},
    )  # fmt: skip
    with pytest.raises(DealsError, match=f"{TRIALS} of 240 rows are not customers yet"):
        read_with_questions(table, spec)


def test_leavers_without_a_date_are_detected_also_if_the_status_has_dropped_values() -> None:
    table = subscriptions("Status", "In Trial", "Active", "Cancelled")
    gone = table.index[table["Status"] == "Cancelled"][:7]
    table.loc[gone, "cancelled_on"] = pd.NaT
    spec = DealSpec(
        deals={"closed_on": "signed_on", "churned_on": "cancelled_on",
               "observed_until": "2025-12-31"},
        rows={"drop": {"Status": ["In Trial"]}},
        attributes={"include": ["plan", "seats"]},
    )  # fmt: skip
    questions = {question.code: question for question in find_questions(table, spec)}

    assert "7 of " in questions["left-without-date"].message


def test_an_open_trial_is_a_prospect() -> None:
    rows = {"drop": {"Status": ["In Trial", "Fraud"]}}
    lost = lost_rows_of({"deals": {}, "rows": rows})

    assert lost.why({"Status": "In Trial"}) is None
    assert lost.why({"Status": "Fraud"}) is not None


def with_trial_ends() -> tuple[pd.DataFrame, int]:
    """Every row began with 14 free days; some left within them."""
    table = customers(6).rename(columns={"signed": "signed_on", "left": "cancelled_on"})
    table["Trial End (UTC)"] = table["signed_on"] + pd.Timedelta(days=14)
    quick = [3, 8, 20, 31]
    table.loc[quick, "cancelled_on"] = table.loc[quick, "signed_on"] + pd.to_timedelta(
        [1, 13, 14, 15], "D"
    )
    by_hand = (table["cancelled_on"] - table["signed_on"]).dt.days <= 14
    return table, int(by_hand.sum())


def test_leavers_within_their_trial_are_counted_until_the_contract_answers() -> None:
    table, in_trial = with_trial_ends()
    base = {"closed_on": "signed_on", "churned_on": "cancelled_on", "observed_until": "2025-12-31"}
    rows = {"trial_end": "Trial End (UTC)"}
    asked = {question.code: question for question in find_questions(table, DealSpec(deals=base))}
    answered = DealSpec(deals=base, rows=rows)
    read = read_deals_with_findings(table, answered)

    assert asked["left-in-trial"].message.startswith(f"Trial End (UTC): {in_trial} of ")
    assert "left-in-trial" not in {question.code for question in find_questions(table, answered)}
    assert len(read.table) == len(table) - in_trial
    assert any(f"left out {in_trial} of 240" in note for note in read.notes)
    assert "Trial End (UTC)" not in answered.attribute_names(table.columns)


def test_the_error_for_a_missing_trial_end_column_names_the_nearest() -> None:
    table, _ = with_trial_ends()
    spec = DealSpec(
        deals={"closed_on": "signed_on", "churned_on": "cancelled_on",
               "observed_until": "2025-12-31"},
        rows={"trial_end": "Trial End"},
    )  # fmt: skip
    with pytest.raises(DealsError, match="did you mean 'Trial End \\(UTC\\)'"):
        read_deals(table, spec)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda ends: ends.where(ends.index != 4, "soon"), "1 value\\(s\\) are not dates.*'soon'"),
        (lambda ends: ends.where(ends.index < 0, "03/04/2024"), "day and month.*'03/04/2024'"),
    ],
)
def test_invalid_trial_ends_are_refused(spoil, message: str) -> None:
    table, _ = with_trial_ends()
    table["ends"] = spoil(table.pop("Trial End (UTC)").dt.strftime("%Y-%m-%d"))
    spec = DealSpec(
        deals={"closed_on": "signed_on", "churned_on": "cancelled_on",
               "observed_until": "2025-12-31"},
        rows={"trial_end": "ends"},
    )  # fmt: skip
    with pytest.raises(DealsError, match=message):
        read_deals(table, spec)
