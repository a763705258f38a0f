"""The open rows of a pipeline are prospects; lost rows are left out with a reason."""

from __future__ import annotations

import pandas as pd
import pytest

from fitmodel.deals.lost import LostRows, lost_rows_from_dict, lost_rows_of

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
