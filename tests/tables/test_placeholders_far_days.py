"""A day decades ahead that many rows share means "not yet", whichever day a system writes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.tables._placeholders import far_days, far_text
from fitmodel.tables.tidying import tidy_with_findings

USUAL = pd.date_range("2023-01-05", periods=12, freq="40D")


@pytest.mark.parametrize("far", ["2050-01-01", "2078-12-31", "2100-01-01"])
@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y"])
def test_a_shared_far_day_is_missing_in_texts_and_in_dates(far: str, form: str) -> None:
    days = pd.Series([*USUAL, *[pd.Timestamp(far)] * 5], name="left")
    for column in (days, days.dt.strftime(form)):
        tidied = tidy_with_findings(column.to_frame())
        assert tidied.table["left"].isna().sum() == 5
        (finding,) = tidied.findings
        assert (finding.code, finding.count) == ("placeholder", 5)


@pytest.mark.parametrize(
    ("last", "rows"),
    [("2050-01-01", 1), ("2050-01-01", 2), ("2027-12-31", 5), ("2039-12-31", 5)],
)
def test_a_single_typing_error_and_a_planned_end_are_dates(last: str, rows: int) -> None:
    days = pd.Series([*USUAL, *[pd.Timestamp(last)] * rows], name="left")
    for column in (days, days.dt.strftime("%Y-%m-%d")):
        assert tidy_with_findings(column.to_frame()).table["left"].notna().all()


def test_a_day_that_others_come_near_is_a_date() -> None:
    ends = pd.date_range("2030-01-01", "2050-01-01", freq="YS")
    texts = {str(day.date()): 1 for day in ends} | {"2050-01-01": 30}
    assert far_text(texts) == set()
    days = ends.to_numpy().repeat(5).astype("datetime64[D]")
    assert not far_days(days, np.ones(len(days), dtype=bool)).any()


def test_columns_of_other_texts_have_no_far_day() -> None:
    assert far_text({"Basic": 40, "Pro": 3}) == far_text({}) == far_text({"2050-01-01": 9}) == set()
