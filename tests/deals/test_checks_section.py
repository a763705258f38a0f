"""A check can be silenced with a reason, except one that the result depends on."""

from __future__ import annotations

import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import SpecError

DEALS = {"tenure_months": "tenure", "churned": "left"}


def contract(**ignore: str) -> DealSpec:
    return DealSpec(deals=DEALS, checks={"ignore": ignore})


def test_a_reason_is_looked_up_by_code_or_by_code_and_column() -> None:
    section = contract(**{"FM204": "a new price", "FM101:status": "known before"}).checks

    assert section.reason_for("FM204", "any") == "a new price"
    assert section.reason_for("FM101", "status") == "known before"
    assert section.reason_for("FM101", "other") == ""
    assert section.reason_for("FM203") == ""


def test_the_section_is_written_to_toml_and_read_back(tmp_path) -> None:
    spec = contract(**{"FM204": "a new price", "FM101:status": 'known "before"'})
    file = tmp_path / "fitmodel.toml"
    file.write_text(spec.to_toml(), encoding="utf-8")

    assert DealSpec.from_toml(file) == spec
    assert DealSpec(**spec.to_dict()) == spec
    written = '[deals]\ntenure_months = "tenure"\nchurned = "left"\n[checks]\n'
    file.write_text(f'{written}ignore = {{FM204 = "a new price"}}\n', encoding="utf-8")
    assert DealSpec.from_toml(file).checks.ignore == {"FM204": "a new price"}


@pytest.mark.parametrize(
    ("key", "reason", "message"),
    [
        (
            "FM999",
            "because",
            r"ignore has 'FM999', which is not a code of a check; did you mean FM",
        ),
        ("level-drift", "because", r"is not a code of a check; did you mean FM204\?"),
        (
            "FM301",
            "because",
            r"cannot silence FM301 \(rows-not-customers\). Remedy: Say in \[rows\]",
        ),
        ("FM301:stage", "because", "cannot silence FM301"),
        ("FM401", "because", r"cannot silence FM401 \(no-skill\)"),
        ("FM106", "because", r'for a named column only: write "FM106:COLUMN" = "reason"'),
        ("FM204", "  ", "FM204.* has no reason"),
    ],
)
def test_a_check_that_cannot_be_silenced_is_refused_with_the_remedy(
    key: str, reason: str, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        contract(**{key: reason})


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(SpecError) as caught:
        contract(FM999="x", FM301="x")

    assert "FM999" in str(caught.value)
    assert "FM301" in str(caught.value)


def test_an_old_contract_without_the_section_silences_no_check() -> None:
    old = DealSpec(deals=DEALS).to_dict()
    del old["checks"]

    assert DealSpec(**old).checks.ignore == {}
