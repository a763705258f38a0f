"""Leavers are recognised from a flag or status in six languages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.guessing._columns import Column, recognise_export
from fitmodel.guessing._rows import find_status, status_of

FLAGS = [  # name, value of a customer, value of a leaver
    ("is_active", "True", "False"), ("ativo", "TRUE", "FALSE"), ("Activo", "Sí", "No"),
    ("aktiv", "Ja", "Nein"), ("actif", "Oui", "Non"), ("在网", "是", "否"), ("是否有效", "1", "0"),
    ("Lost_User", "0", "1"), ("churned", "No", "Yes"), ("cancelou", "Não", "Sim"),
    ("是否流失", "否", "是"), ("gekündigt", "nein", "ja"), ("résilié", "non", "oui"),
    ("baja", "No", "Sí"), ("Cliente Ativo", "Sim", "Não"), ("still_active", "y", "n"),
]  # fmt: skip
STATUSES = [
    ("estado", "Alta", "Baja"), ("status", "active", "canceled"), ("客户状态", "正常", "已流失"),
    ("Kundenstatus", "aktiv", "gekündigt"), ("Statut", "Actif", "Résilié"),
    ("Situação", "Ativo", "Cancelado"), ("Estado del cliente", "Vigente", "Dado de baja"),
    ("subscription_status", "wc-active", "wc-cancelled"), ("customer_state", "live", "Expired"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "stays", "gone"), [*FLAGS, *STATUSES])
def test_leavers_are_recognised_in_six_languages(name: str, stays: str, gone: str) -> None:
    left = np.arange(40) % 3 == 0
    status = status_of(Column(pd.Series(np.where(left, gone, stays), name=name)))

    assert status is not None
    assert status.left.tolist() == left.tolist()
    assert status.churned_values in {(), (gone,)}


def test_several_values_of_a_status_may_mean_left() -> None:
    values = ["active", "past_due", "canceled", "active", "expired", "trialing"]
    status = status_of(Column(pd.Series(values, name="Status")))

    assert status is not None
    assert status.churned_values == ("canceled", "expired")
    assert status.left.tolist() == [value in {"canceled", "expired"} for value in values]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["CA", "NY", "TX", "CA"], name="state"),
        pd.Series(["SP", "RJ", "MG", "SP"], name="estado"),
        pd.Series(["active", "active", "live", "current"], name="status"),  # nobody left
        pd.Series(["red", "green", "red", "green"], name="is_active"),
        pd.Series([1, 2, 3, 4], name="seats"),
    ],
    ids=lambda column: f"{column.name}-{column.iloc[0]}",
)
def test_a_column_without_words_for_churn_is_not_a_status(column: pd.Series) -> None:
    assert status_of(Column(column)) is None


def test_a_flag_is_preferred_to_a_status() -> None:
    left = np.arange(30) % 2 == 0
    status = pd.Series(np.where(left, "inactive", "active"), name="status")
    churned = pd.Series(np.where(left, "yes", "no"), name="churned")
    result = find_status([Column(status), Column(churned)])

    assert result is not None
    assert result.name == "churned"


def test_in_a_recurly_export_canceled_means_still_a_customer() -> None:
    columns = ["uuid", "account_code", "state", "activated_at", "canceled_at", "expires_at"]
    state = pd.Series(["active", "canceled", "expired", "active"], name="state")
    result = status_of(Column(state), recognise_export(columns))

    assert result is not None
    assert result.left.tolist() == [False, False, True, False]
