"""Findings of parts add up to those of the whole table, with its first example."""

from __future__ import annotations

import pytest

from fitmodel.crm._row_findings import RowFinding, WholeTable
from fitmodel.exceptions import DealsError


def found(count, row=0, *, total=100, value="x", settled=0, what="cannot be read"):
    return RowFinding(what, "mend it", "at", count, total, row, value, settled)


def whole(*parts, **options):
    return WholeTable((), {}, None, **options).findings(parts, "[history.fields]")


def test_a_finding_names_the_column_how_many_an_example_and_the_remedy() -> None:
    (finding,) = whole([found(1234, 7, total=5000, value="soon")])

    assert finding.message == "1,234 of 5,000 row(s) cannot be read"
    assert finding.example == "row 7: soon"
    assert finding.count == 1234
    assert finding.remedy == "mend it"


def test_parts_add_up_and_the_example_is_the_first_row_of_all() -> None:
    (finding,) = whole([found(0)], [found(2, 150, value="b")], [found(3, 120, value="a")])

    assert finding.message == "5 of 300 row(s) cannot be read"
    assert finding.example == "row 120: a"


def test_how_many_were_settled_is_said_in_the_sentence() -> None:
    what = "stand twice; {settled} are in order"
    (finding,) = whole([found(2, what=what, settled=1000)], [found(1, what=what, settled=500)])

    assert finding.message == "3 of 200 row(s) stand twice; 1,500 are in order"


def test_nothing_is_said_of_what_is_not_there_or_need_not_be_known() -> None:
    assert whole([found(0)], [found(0)]) == ()
    assert whole([found(5, what="")]) == ()


def test_the_whole_is_refused_by_the_sums_not_by_a_part() -> None:
    seen = []

    def refuse(finding):
        seen.append((finding.count, finding.total))
        if finding.count > 3:
            raise DealsError("too many")

    parts = [[found(9), found(2)], [found(9), found(2)]]
    with pytest.raises(DealsError, match="too many"):
        whole(*parts, refusals={1: refuse})
    assert seen == [(4, 200)]
    assert len(whole(*parts, refusals={})) == 2
