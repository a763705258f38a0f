"""Words show what a row is, and rows that are lost get no prediction."""

from __future__ import annotations

import pandas as pd
import pytest

from fitmodel.deals.vocabulary import (
    LostRows,
    kind_of_status,
    lost_rows_from_dict,
    lost_rows_of,
    readings,
    stage_of,
)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("Closed Won", ("closed won",)),
        ("Closed - Won", ("closed won", "closed", "won")),
        ("5. Closed Won", ("5. closed won", "closed won")),
        ("06 - Won", ("06 won", "won")),
        ("3) Open", ("3) open", "open")),
        ("Closed Lost (0%)", ("closed lost (0%)", "closed lost")),
        ("100% Gewonnen", ("100% gewonnen", "gewonnen")),
        ("赢单\N{FULLWIDTH LEFT PARENTHESIS}100%\N{FULLWIDTH RIGHT PARENTHESIS}",
         ("赢单(100%)", "赢单")),
        ("\N{CROSS MARK} Lost", ("\N{CROSS MARK} lost", "lost")),
        ("Lost - Price", ("lost price", "lost", "price")),
        ("12", ("12",)), ("2024 cohort", ("2024 cohort",)), ("", ()),
    ],
)  # fmt: skip
def test_a_value_has_the_words_without_its_number_and_those_of_its_parts(
    value: str, words: tuple[str, ...]
) -> None:
    assert readings(value) == words


@pytest.mark.parametrize(
    ("value", "stage"),
    [
        ("7. Closed - Lost", "lost"), ("Won - Lost competitor", "won"), ("01 Discovery", None),
        ("01. Discovery", "open"), ("Onboarded", None), ("Lost: no budget", "lost"),
    ],
)  # fmt: skip
def test_the_whole_value_comes_before_its_parts(value: str, stage: str | None) -> None:
    assert stage_of(value) == stage


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("3 - Cancelled", "left"), ("1. Active", "active"), ("Active - Trial", "not_yet"),
        ("Cancelled (non-payment)", "left"), ("Active (test account)", "never"),
        ("Active", "active"), ("Moon", None), ("", None),
    ],
)  # fmt: skip
def test_the_part_that_means_no_customer_decides_the_kind_of_a_status(
    value: str, kind: str | None
) -> None:
    assert kind_of_status(value) == kind


STAGES = ["Won", "Lost", "Open", "Negotiation", "Closed Lost", "Perdida", None, "Test"]


def test_only_lost_and_dropped_rows_are_left_out() -> None:
    prospects = pd.DataFrame({"stage": STAGES, "seats": range(8)})
    lost = LostRows(keep={"stage": ("Won",)}, drop={"seats": ("7",)})
    why = lost.of_table(prospects)

    assert list(why) == [1, 4, 5, 7]
    assert why[1] == "left out: stage is Lost ([rows] of the contract)"
    assert LostRows(keep={"stage": ("Won",)}).of_table(prospects[["seats"]]) == {}


@pytest.mark.parametrize(
    "cells",
    [
        STAGES,
        [" lost ", "LOST", "closed - lost", "Won", "", "x"],
        [1, 2.0, True, None, float("nan"), "1"],
        ["verloren", "丢单", "perdu", "Lost", "输单", "gewonnen"],
    ],
)
@pytest.mark.parametrize("drop", [(), ("1",), ("true",), ("",)])
def test_a_single_row_and_a_table_give_the_same_answer(
    cells: list[object], drop: tuple[str]
) -> None:
    lost = LostRows(keep={"stage": ("won",)}, drop={"stage": drop} if drop else {})
    table = pd.DataFrame({"stage": pd.Series(cells, dtype=object)})
    alone = {row: lost.why({"stage": cell}) for row, cell in enumerate(cells)}

    assert {row: why.split(" is ")[0] for row, why in lost.of_table(table).items()} == {
        row: why.split(" is ")[0] for row, why in alone.items() if why
    }


def test_a_kept_value_is_never_lost() -> None:
    """A contract may keep lost opportunities explicitly."""
    lost = LostRows(keep={"stage": ("Won", "Lost")})

    assert lost.why({"stage": "Lost"}) is None
    assert lost.why({"stage": "Closed Lost"}) is not None


def test_the_rules_are_written_and_read_back() -> None:
    lost = LostRows(keep={"stage": ("Won",)}, drop={"test": ("true", "")})

    assert lost_rows_from_dict(lost.to_dict()) == lost
    assert not lost_rows_from_dict({})


@pytest.mark.parametrize("damage", [{"keep": ["x"]}, {"drop": {"a": "x"}}, {"keep": {"a": [1]}}])
def test_damaged_rules_are_refused(damage: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="of the rows"):
        lost_rows_from_dict(damage)


def test_rules_on_closing_or_churn_columns_do_not_apply_to_prospects() -> None:
    """In Pipedrive, customers have a won time; an open deal has none and is still scored."""
    contract = {
        "deals": {"closed_on": "won time", "churned": "state", "churned_values": ["gone"]},
        "rows": {"drop": {"won time": [""], "test": ["yes"]}, "keep": {"state": ["live", "gone"]}},
    }

    assert lost_rows_of(contract).to_dict() == {"drop": {"test": ["yes"]}}
