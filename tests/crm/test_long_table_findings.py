"""Findings of parts are combined to findings of the whole table, with the first example."""

from __future__ import annotations

import pytest

from fitmodel.crm._long_table import RowFinding, TableMetadata
from fitmodel.exceptions import DealsError


def finding_of(count, row=0, *, total=100, value="x", settled=0, what="cannot be read"):
    return RowFinding(what, "mend it", "at", count, total, row, value, settled)


def whole(*parts, **options):
    return TableMetadata((), {}, None, **options).findings(parts, "[history.fields]")


def test_a_finding_has_count_example_and_remedy() -> None:
    (finding,) = whole([finding_of(1234, 7, total=5000, value="soon")])

    assert finding.message == "1,234 of 5,000 row(s) cannot be read"
    assert finding.example == "row 7: soon"
    assert finding.count == 1234
    assert finding.remedy == "mend it"


def test_counts_of_parts_are_added_and_the_example_is_the_first_row() -> None:
    (finding,) = whole(
        [finding_of(0)], [finding_of(2, 150, value="b")], [finding_of(3, 120, value="a")]
    )

    assert finding.message == "5 of 300 row(s) cannot be read"
    assert finding.example == "row 120: a"


def test_the_message_contains_the_number_of_settled_rows() -> None:
    what = "stand twice; {settled} are in order"
    (finding,) = whole(
        [finding_of(2, what=what, settled=1000)], [finding_of(1, what=what, settled=500)]
    )

    assert finding.message == "3 of 200 row(s) stand twice; 1,500 are in order"


def test_findings_with_count_0_or_without_message_are_dropped() -> None:
    assert whole([finding_of(0)], [finding_of(0)]) == ()
    assert whole([finding_of(5, what="")]) == ()


def test_a_refusal_is_decided_on_the_sums_of_all_parts() -> None:
    seen = []

    def refuse(finding):
        seen.append((finding.count, finding.total))
        if finding.count > 3:
            raise DealsError("too many")

    parts = [[finding_of(9), finding_of(2)], [finding_of(9), finding_of(2)]]
    with pytest.raises(DealsError, match="too many"):
        whole(*parts, refusals={1: refuse})
    assert seen == [(4, 200)]
    assert len(whole(*parts, refusals={})) == 2
