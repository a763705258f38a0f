"""The row encoder reads and encodes one prospect exactly as the columns do."""

from __future__ import annotations

import math
from datetime import date, datetime
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.exceptions import ProspectError
from fitmodel.learning.columns import CategoryColumn, NumberColumn
from fitmodel.model._row_encoder import (
    FAMILIAR_MISSING,
    MAX_COMPARISONS,
    RowEncoder,
    day_or_today,
    missing_attributes,
    unfamiliar_codes,
)
from fitmodel.tables.forms import NO_FORMS, Forms
from fitmodel.tables.values import DateForm, NumberForm

SEATS = NumberColumn("seats", (10.0, 20.0), 1.0, 50.0)
PLAN = CategoryColumn("plan", {"basic": 1, "pro": 2, "12": 3})
DEMO = NumberColumn("demo", (30.0,), 0.0, 90.0, is_date=True)
TODAY = float((date(2024, 3, 31) - date(1970, 1, 1)).days)


def _evidence(missing: int, *counts: int) -> SimpleNamespace:
    count = np.array([missing, *counts])
    return SimpleNamespace(count=count, band=np.arange(len(count)))


def _scorecard(missing: tuple[int, int, int] = (20, 19, 0)) -> SimpleNamespace:
    columns = (SEATS, PLAN, DEMO)
    return SimpleNamespace(
        columns=columns,
        attributes=tuple(column.name for column in columns),
        evidence=[_evidence(number, *[30] * 4) for number in missing],
    )


def _read(prospect: dict, closed_on: str | None = "closing", forms: Forms = NO_FORMS):
    return RowEncoder(_scorecard(), closed_on, forms).read(prospect, TODAY)


PROSPECT = {"seats": 12, "plan": "pro", "demo": "2024-03-01"}


def test_a_prospect_is_encoded_as_codes_values_and_days() -> None:
    codes, values, unfamiliar, days = _read(PROSPECT)
    assert codes == [2, 2, 2]
    assert values == [12, "pro", "2024-03-01"]
    assert unfamiliar == ()
    assert days == {2: 30.0}  # a value equal to the cut is in the bin above


@pytest.mark.parametrize(
    ("seats", "code", "unfamiliar_plan"),
    [
        (1, 1, False), (9.999, 1, False), (10, 2, False), (19.999, 2, False), (20.0, 3, False),
        (50, 3, False), (50.001, 3, True), (0.999, 1, True), (-5, 1, True), (1e300, 3, True),
        ("12", 2, False), (" 60 ", 3, True), (np.float64(12), 2, False),
        (None, 0, False), ("", 0, False), (math.nan, 0, False), (math.inf, 0, False),
    ],
)  # fmt: skip
def test_a_number_outside_the_range_of_past_deals_is_unfamiliar(
    seats: object, code: int, unfamiliar_plan: bool
) -> None:
    codes, _, unfamiliar, _ = _read(PROSPECT | {"seats": seats})
    assert codes[0] == code
    assert unfamiliar == (("seats",) if unfamiliar_plan else ())


@pytest.mark.parametrize(
    ("plan", "code", "unfamiliar_plan"),
    [("basic", 1, False), (" pro ", 2, False), (12, 3, False), (12.0, 3, False), ("12.0", 3, False),
     ("Pro", 4, True), ("new", 4, True), (None, 0, True), ("NA", 0, True), (math.nan, 0, True)],
)  # fmt: skip
def test_an_unseen_level_or_a_rarely_missing_value_is_unfamiliar(
    plan: object, code: int, unfamiliar_plan: bool
) -> None:
    codes, _, unfamiliar, _ = _read(PROSPECT | {"plan": plan})
    assert codes[1] == code
    assert unfamiliar == (("plan",) if unfamiliar_plan else ())


def test_a_missing_value_is_familiar_if_20_deals_had_it() -> None:
    assert FAMILIAR_MISSING == 20
    assert unfamiliar_codes(_scorecard((20, 19, 0))) == [[], [4, 0], [0]]
    assert unfamiliar_codes(_scorecard((19, 20, 20))) == [[0], [4], []]


@given(
    st.one_of(
        st.none(), st.floats(), st.integers(-5, 60),
        st.sampled_from(["12", " 7.5", "", "NA", "1e1"]),
    )
)  # fmt: skip
def test_every_number_gets_the_code_of_its_column(value: object) -> None:
    codes, values, unfamiliar, _ = _read(PROSPECT | {"seats": value})
    assert codes[0] == SEATS.code(value)
    assert values[0] is value
    assert ("seats" in unfamiliar) == SEATS.is_outside(value)


@pytest.mark.parametrize(
    "closing",
    ["2024-04-10", date(2024, 4, 10), datetime(2024, 4, 10, 9), pd.Timestamp("2024-04-10")],  # noqa: DTZ001 - as a table has it
)
def test_a_date_is_counted_back_from_closing_or_today(closing: object) -> None:
    assert _read(PROSPECT | {"closing": closing})[3] == {2: 40.0}
    for unknown in (None, "", pd.NaT):
        assert _read(PROSPECT | {"closing": unknown})[3] == {2: 30.0}
    assert _read(PROSPECT | {"closing": closing}, closed_on=None)[3] == {2: 30.0}


def test_a_date_after_closing_is_negative_and_a_missing_date_has_no_days() -> None:
    codes, _, unfamiliar, days = _read(PROSPECT | {"demo": "2024-04-02"})
    assert (codes[2], unfamiliar, days) == (1, ("demo",), {2: -2.0})
    codes, _, unfamiliar, days = _read(PROSPECT | {"demo": None})
    assert (codes[2], unfamiliar, days) == (0, ("demo",), {})


FORMS = Forms(
    numbers={"seats": NumberForm(",", ".")},
    dates={"demo": DateForm("day first"), "closing": DateForm("day first")},
    empty={"demo": frozenset({"never"}), "plan": frozenset({"none"})},
)


def test_a_text_is_read_in_the_form_of_past_deals() -> None:
    prospect = {"seats": "12,5", "plan": "none", "demo": "01/03/2024", "closing": "10/04/2024"}
    codes, values, unfamiliar, days = _read(prospect, forms=FORMS)
    assert codes == [2, 0, 2]
    assert values == [12.5, None, "01/03/2024"]
    assert unfamiliar == ("plan",)
    assert days == {2: 40.0}
    assert _read(prospect | {"demo": "never"}, forms=FORMS)[0] == [2, 0, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seats": "many"}, r"attribute 'seats': 'many' is not a number. Remedy: give a plain"),
        ({"demo": "soon"}, r"attribute 'demo': 'soon' is not a date"),
        ({"plan": ["pro"]}, r"attribute 'plan': \['pro'\] is not a single value"),
        ({"closing": "soon"}, r"attribute 'demo': 'closing', its closing date, 'soon' is not a"),
    ],
)
def test_the_error_for_an_unreadable_value_names_its_attribute(changes: dict, message: str) -> None:
    with pytest.raises(ProspectError, match=message):
        _read(PROSPECT | changes)


def test_the_error_for_a_missing_attribute_names_the_nearest_column() -> None:
    with pytest.raises(ProspectError) as caught:
        _read({"seat": 12, "plan": "pro", "demo": None})
    assert str(caught.value).splitlines() == [
        "1 of 3 attribute(s) are missing:",
        "  seats (did you mean 'seat'?)",
        "given: seat, plan, demo",
        (
            "Remedy: add them; a value that is not known may be None (in JSON null), but its name "
            "must be there."
        ),
    ]


def test_the_error_lists_at_most_40_names() -> None:
    assert "given: nothing" in str(missing_attributes(["a"], []))
    names = [f"n{number}" for number in range(41)]
    shown = str(missing_attributes(["other"], names))
    assert "n39 and 1 more" in shown
    assert "n40" not in shown
    assert " and " not in str(missing_attributes(["other"], names[:40])).splitlines()[-2]
    long = str(missing_attributes(["other"], ["x" * 60, "y" * 61]))
    assert f"given: {'x' * 60}, {'y' * 60}…\n" in long


def test_no_nearest_name_is_suggested_among_more_than_1000() -> None:
    assert MAX_COMPARISONS == 1_000
    names = ["seat", *(f"n{number}" for number in range(999))]
    assert "did you mean 'seat'" in str(missing_attributes(["seats"], names))
    assert "did you mean" not in str(missing_attributes(["seats"], [*names, "more"]))


def test_a_given_day_is_used_instead_of_today() -> None:
    assert day_or_today(5.0) == 5.0
    assert day_or_today(0.0) == 0.0
    assert day_or_today(None) > float((date(2024, 1, 1) - date(1970, 1, 1)).days)
