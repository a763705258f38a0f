"""Warnings about cells that were read as something else than they seem to be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.validation import find_warnings

SIM = simulate_deals(60, seed=4)
DAYS = pd.Series(np.arange(60), index=SIM.deals.index).astype("str")


def _with(**columns: pd.Series) -> pd.DataFrame:
    return SIM.deals.assign(**columns)


def _codes(deals: pd.DataFrame, **attributes: list[str]) -> list[str]:
    spec = SIM.spec.replace(attributes=attributes) if attributes else SIM.spec
    return [warning.code for warning in find_warnings(deals, spec)]


def test_ordinary_deals_have_no_warning() -> None:
    assert _codes(SIM.deals) == []


def test_formulas_are_named_with_an_example() -> None:
    deals = _with(annual_fee=pd.Series([f"=B{row}*12" for row in range(60)]).where(DAYS != "3"))
    warning, *others = find_warnings(deals, SIM.spec)
    assert others == []
    assert str(warning) == (
        "annual_fee: 59 row(s) hold a formula instead of its value, for example row 0: '=B0*12'; "
        "row 1: '=B1*12'; row 2: '=B2*12'. Remedy: save the file again with values instead of "
        "formulas"
    )


@pytest.mark.parametrize("text", ["=SUM(A1:A9)", "=-A1", "=($B$2)", "= C4/2"])
def test_every_usual_beginning_of_a_formula_is_known(text: str) -> None:
    assert _codes(_with(note=DAYS.mask(DAYS == "3", text))) == ["formula", "words-among-numbers"]


@pytest.mark.parametrize("text", ["=", "==", "=5", "a=B2", "===new==="])
def test_other_texts_with_an_equals_sign_are_no_formulas(text: str) -> None:
    assert "formula" not in _codes(_with(note=DAYS.mask(DAYS == "3", text)))


def test_words_among_numbers_are_named_with_their_rows() -> None:
    days = DAYS.mask(DAYS.str.endswith("7"), "?").mask(DAYS == "3", "unknown").mask(DAYS == "4")
    (warning,) = find_warnings(_with(trial_days=days), SIM.spec)
    assert warning.count == 7
    assert "7 row(s) are not numbers ('?' 6, 'unknown' 1), although most others" in str(warning)
    assert "is read as 54 names, for example row 3: 'unknown'; row 7: '?'" in str(warning)
    assert "leave the cell empty where the number is not known" in warning.remedy


def test_a_column_of_names_by_the_contract_may_mix_words_and_numbers() -> None:
    deals = _with(trial_days=DAYS.mask(DAYS == "3", "?"))
    assert _codes(deals) == ["words-among-numbers"]
    assert _codes(deals, categorical=["trial_days"]) == []


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(DAYS.where(DAYS.astype(int) % 2 == 0, "?"), id="half are words"),
        pytest.param(DAYS.where(DAYS.astype(int) > 20, "A" + DAYS), id="codes"),
        pytest.param((DAYS.astype(int) % 9).astype("str").mask(DAYS == "3", "9+"), id="levels"),
        pytest.param(DAYS, id="numbers"),
    ],
)
def test_other_columns_of_texts_have_no_warning(values: pd.Series) -> None:
    assert _codes(_with(code=values)) == []


def test_a_rep_that_is_written_once_for_many_rows_is_named() -> None:
    deals = SIM.deals.sort_values("rep").reset_index(drop=True)
    deals["rep"] = deals["rep"].where(deals["rep"] != deals["rep"].shift())
    (warning,) = find_warnings(deals, SIM.spec)
    empty = int(deals["rep"].isna().sum())
    assert str(warning).startswith(f"rep: {empty} row(s) of 60 are empty (rep), for example row 1")
    assert "write the rep into every row" in warning.remedy


def test_a_rep_that_is_never_or_seldom_empty_is_fine() -> None:
    assert _codes(_with(rep=SIM.deals["rep"].where(DAYS != "3"))) == []
    assert _codes(_with(rep=pd.Series([None] * 60, dtype="str"))) == []
