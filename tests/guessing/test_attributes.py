"""A category whose values say who has left is no attribute, in whatever language."""

from __future__ import annotations

import tomllib

import numpy as np
import pandas as pd
import pytest

from fitmodel.guessing._attributes import says_who_left
from fitmodel.guessing._columns import Column
from fitmodel.guessing.guess import guess_spec
from tables import customers


def excluded(table: pd.DataFrame) -> set[str]:
    return set(tomllib.loads(guess_spec(table).toml)["attributes"]["exclude"])


@pytest.mark.parametrize(
    ("gone", "stays"),
    [
        ("Uppsagd", ["Aktiv"]),
        ("đã hủy", ["đang dùng"]),
        ("9", ["1", "2"]),
        ("Cancelled", ["A", "B"]),
    ],
)
def test_a_status_in_an_unknown_language_is_left_out(gone: str, stays: list[str]) -> None:
    table = customers(6, 400)
    stay = np.random.default_rng(1).choice(stays, len(table))
    table["Läge"] = np.where(table["left"].notna(), gone, stay)
    assert "Läge" in excluded(table)
    assert "plan" not in excluded(table)


@pytest.mark.parametrize("text", ["R{}.{}.{}", "{}.{}.{}", "12{}.{}.{}"])
@pytest.mark.parametrize("name", ["version", "Product Release", "版本"])
def test_a_version_is_an_attribute_and_no_date(name: str, text: str) -> None:
    table = customers(6, 400)
    rng = np.random.default_rng(3)
    parts = zip(*(rng.integers(low, low + 4, len(table)) for low in (2, 6, 12)), strict=True)
    table[name] = [text.format(*each) for each in parts]
    assert name not in excluded(table)
    assert "left" not in excluded(table.rename(columns={name: "seen"}))


@pytest.mark.parametrize("form", [None, "%Y-%m-%d", "%d.%m.%Y"])
def test_a_date_named_like_a_version_is_a_date(form: str | None) -> None:
    days = pd.Series(pd.to_datetime(["2024-01-22", "2024-03-14", None]), name="Date of release")
    assert Column(days if form is None else days.dt.strftime(form)).is_date


def test_a_strong_attribute_is_kept() -> None:
    """Nearly all customers of one kind leave, and few of the other: that can be known before."""
    table = customers(7, 400)
    gone = table["left"].notna().to_numpy()
    wrong = np.random.default_rng(2).random(len(table)) < 0.1
    table["need"] = np.where(gone ^ wrong, "no", "yes")
    assert "need" not in excluded(table)


def test_neither_few_leavers_nor_many_values_say_who_left() -> None:
    left = np.zeros(400, dtype=bool)
    left[:8] = True
    assert not says_who_left(Column(pd.Series(np.where(left, "x", "y"), name="kind")), left)
    half = np.arange(60) < 30
    names = pd.Series(
        [f"n{number % 30 + 30 * gone}" for number, gone in enumerate(half)], name="kind"
    )
    assert not says_who_left(Column(names), half)
