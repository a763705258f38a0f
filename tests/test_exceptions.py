"""An error that quotes another error has one full stop after it."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from fitmodel import exceptions
from fitmodel.exceptions import DealsError, FitModelError, one_stop
from fitmodel.tables.files import read_table

ERRORS = sorted(
    {kind for kind in vars(exceptions).values() if isinstance(kind, type)}
    & {FitModelError, *FitModelError.__subclasses__()},
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("{}. Remedy: try again.", "no answer. Remedy: try again."),
        ("{}; or leave it out", "no answer; or leave it out"),
        ("{}.", "no answer."),
        ("{}.\nRemedy: try again", "no answer.\nRemedy: try again"),
    ],
)
def test_a_quoted_error_with_a_full_stop_gets_no_second_one(
    kind: type[FitModelError], written: str, shown: str
) -> None:
    for quoted in ("no answer.", "no answer"):
        error = kind(written.format(quoted))
        assert str(error) == shown
        assert str(pickle.loads(pickle.dumps(error))) == shown  # noqa: S301 - written here


@pytest.mark.parametrize(
    "text",
    [
        "give ../deals.csv or .. and wait... then again",
        "the levels 'a..' and 'b.;' are one",
        "between 1 .. 3 deals",
        "e.g. 1.5, or 2.",
    ],
)
def test_other_points_are_kept(text: str) -> None:
    assert one_stop(text) == text


def test_a_damaged_workbook_is_refused_with_single_full_stops(tmp_path: Path) -> None:
    file = tmp_path / "deals.xlsx"
    file.write_bytes(b"PK\x03\x04 no more of it")
    with pytest.raises(DealsError) as caught:
        read_table(file)
    assert "Remedy" in str(caught.value)
    assert ".." not in str(caught.value).replace(str(tmp_path), "")
