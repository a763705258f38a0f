"""Probabilities at other horizons and remaining lifetimes, compared with hand-made curves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
import pytest

from fitmodel.exceptions import ProspectError
from fitmodel.learning.churn_curve import INTERVAL_Z, ChurnCurve
from fitmodel.model.horizons import (
    add_horizons,
    check_horizons,
    churn_at,
    curve_of,
    horizon_column,
    horizon_columns,
    timing_position,
)
from fitmodel.model.survival import OwnCurves, months_stayed, score_signed
from fitmodel.tables.forms import Forms
from fitmodel.tables.values import DateForm

RATE = 0.05


def _curve(**changes) -> ChurnCurve:
    """Six months with the horizon at the third; the odds double each month."""
    months = np.arange(1, 7)
    parts = {
        "horizon": 3, "slope": np.ones(6), "shift": (months - 3)[None, :] * math.log(2.0),
        "deviation": np.zeros(6), "slope_deviation": np.zeros(6), "centre": 0.0,
        "monthly_rate": RATE,
    }  # fmt: skip
    return ChurnCurve(**(parts | changes))


def _left(probability: float, month: int) -> float:
    """By hand: the odds at the horizon, doubled or halved once per month from it."""
    if month == 0:
        return 0.0
    odds = probability / (1 - probability) * 2.0 ** (month - 3)
    return odds / (1 + odds)


@dataclass
class _Scorer:
    curve: ChurnCurve | None
    closed_on: str | None = "signed"
    forms: Forms = field(default_factory=Forms)


@dataclass
class _Model(OwnCurves):
    """A model that reads its probabilities from the table."""

    scorer: _Scorer
    attributes: tuple[str, ...] = ("p",)
    horizon_months: int | None = 3

    def predict(self, table: pd.DataFrame, *, reasons: int, as_of: date | None) -> pd.DataFrame:
        assert reasons == 0
        assert as_of is None or isinstance(as_of, date)
        own = table["p"].astype(float)
        names = ("early_churn_probability", "probability_low", "probability_high")
        return pd.DataFrame(dict(zip(names, (own, own - 0.05, own + 0.05), strict=True)))


def _model(**changes) -> _Model:
    return _Model(_Scorer(_curve(**changes)))


OLD = _Model(_Scorer(None))
TABLE = pd.DataFrame({"p": [0.1, 0.3, 0.8]}, index=["a", "b", "c"])


def test_each_horizon_has_three_columns_in_order() -> None:
    assert horizon_column(3) == "churn_probability_3m"
    assert horizon_columns([12, 3]) == (
        "churn_probability_12m", "churn_probability_12m_low", "churn_probability_12m_high",
        "churn_probability_3m", "churn_probability_3m_low", "churn_probability_3m_high",
    )  # fmt: skip
    assert horizon_columns([]) == ()


@pytest.mark.parametrize(
    ("asked", "horizons"),
    [(4, (4,)), ([6, 1, 6, 3], (1, 3, 6)), ((np.int64(2),), (2,)), (range(1, 4), (1, 2, 3)),
     ([], ())],
)  # fmt: skip
def test_horizons_are_sorted_without_duplicates(asked: object, horizons: tuple) -> None:
    checked = check_horizons(_model(), asked)
    assert checked == horizons
    assert all(type(each) is int for each in checked)


@pytest.mark.parametrize("wrong", [0, -1, 2.0, "3", True, None, [3, 0.5]])
def test_a_horizon_that_is_not_a_positive_integer_is_refused(wrong: object) -> None:
    with pytest.raises(ProspectError, match=r"a horizon is .*; give whole months, 1 or more"):
        check_horizons(_model(), wrong)


def test_a_horizon_after_the_last_month_of_the_curve_is_refused_with_the_remedy() -> None:
    assert check_horizons(_model(), 6) == (6,)
    with pytest.raises(
        ProspectError, match=r"horizon 7: the model's curve ends at month 6.*Remedy"
    ):
        check_horizons(_model(), [3, 7])


def test_at_most_24_horizons_are_allowed() -> None:
    model = _Model(_Scorer(_curve(
        slope=np.ones(30), shift=np.zeros((1, 30)), deviation=np.zeros(30),
        slope_deviation=np.zeros(30))))  # fmt: skip
    assert len(check_horizons(model, range(1, 25))) == 24
    with pytest.raises(ProspectError, match="25 horizons are more than 24 at once"):
        check_horizons(model, range(1, 26))


def test_a_model_without_a_curve_accepts_only_its_own_horizon() -> None:
    assert check_horizons(OLD, [3]) == (3,)
    with pytest.raises(ProspectError, match=r"horizon 4: .*own horizon \(3 months\) only. Remedy"):
        check_horizons(OLD, [3, 4])
    with pytest.raises(ProspectError, match=r"own horizon \(unknown\)"):
        check_horizons(_Model(_Scorer(None), horizon_months=None), 4)
    with pytest.raises(ProspectError, match="before there were churn curves"):
        curve_of(OLD)
    own = (np.array([0.1, math.nan]), np.array([0.05, math.nan]), np.array([0.2, math.nan]))
    np.testing.assert_array_equal(churn_at(OLD, own, [3], None), [[0.1, 0.05, 0.2], [math.nan] * 3])


def test_the_probability_at_each_month_equals_that_of_the_curve() -> None:
    scored = add_horizons(_model(), _model().predict(TABLE, reasons=0, as_of=None), TABLE,
                          [1, 3, 6], None)  # fmt: skip
    assert scored.index.tolist() == ["a", "b", "c"]
    for month in (1, 3, 6):
        for end, distance in (("", 0.0), ("_low", -0.05), ("_high", 0.05)):
            expected = [_left(p + distance, month) for p in TABLE["p"]]
            got = scored[f"churn_probability_{month}m{end}"]
            np.testing.assert_allclose(got, expected, rtol=1e-12)
    own = ["early_churn_probability", "probability_low", "probability_high"]
    np.testing.assert_array_equal(
        scored[[f"churn_probability_3m{end}" for end in ("", "_low", "_high")]], scored[own]
    )


def test_the_interval_widens_by_the_uncertainty_of_the_curve() -> None:
    deviation = np.array([0.4, 0.2, 0.0, 0.3, 0.6, 0.9])
    table = _model(deviation=deviation).horizon_intervals(TABLE, [2, 5])
    assert list(table.columns) == list(horizon_columns([2, 5]))

    def logit(p: float) -> float:
        return math.log(p / (1 - p))

    for month in (2, 5):
        for row, p in zip(table.itertuples(index=False), TABLE["p"], strict=True):
            centre, low, high = row[:3] if month == 2 else row[3:]
            assert centre == pytest.approx(_left(p, month), rel=1e-12)
            spread = INTERVAL_Z * deviation[month - 1]
            for end, own in ((low, p - 0.05), (high, p + 0.05)):
                expected = math.hypot(logit(own) - logit(p), spread)
                assert abs(logit(end) - logit(centre)) == pytest.approx(expected, rel=1e-9)


def test_a_survival_curve_is_one_minus_the_probability_of_having_left() -> None:
    table = _model().survival(TABLE)
    assert table.columns.tolist() == ["a", "b", "c"]
    assert table.index.tolist() == list(range(7))
    for name, p in TABLE["p"].items():
        expected = [1 - _left(p, month) for month in range(7)]
        np.testing.assert_allclose(table[name], expected, rtol=1e-12)


def test_one_prospect_or_a_list_gives_the_same_survival_as_a_table() -> None:
    model = _model()
    whole = model.survival(TABLE)
    listed = model.survival(TABLE.to_dict("records"))
    np.testing.assert_array_equal(listed, whole)
    one = model.survival({"p": 0.3})
    np.testing.assert_array_equal(one[0], whole["b"])


def _area(p: float, start: float = 0.0) -> float:
    """Area under the survival curve from an age to its last month, by fine steps."""
    ages = np.linspace(start, 6.0, 60_001)
    survival = np.interp(ages, np.arange(7), [1 - _left(p, month) for month in range(7)])
    return float(((survival[1:] + survival[:-1]) / 2 * np.diff(ages)).sum())


def test_the_lifetime_is_the_area_under_the_curve_and_its_tail() -> None:
    table = _model(monthly_rate=1.0).expected_lifetime_months(TABLE)
    for (name, p), row in zip(TABLE["p"].items(), table.itertuples(), strict=True):
        assert row.Index == name
        for distance, got in ((0.0, row.expected_lifetime_months), (0.05, row.lifetime_low),
                              (-0.05, row.lifetime_high)):  # fmt: skip
            there = 1 - _left(p + distance, 6)
            assert got == pytest.approx(_area(p + distance) + there / 1.0, rel=1e-6)
        assert row.still_there_then == pytest.approx(1 - _left(p, 6), rel=1e-12)
        assert row.curve_ends_month == 6
    assert (table["lifetime_low"] < table["lifetime_high"]).all()


def test_a_lifetime_is_at_most_twice_the_length_of_the_curve() -> None:
    table = _model(monthly_rate=1e-4).expected_lifetime_months(TABLE)
    assert table["expected_lifetime_months"].tolist() == [12.0, 12.0, 12.0]


# ---- signed customers ----

SIGNED = TABLE.assign(signed=["2024-01-15", "2024-03-15", "2023-07-15"])
TODAY = date(2024, 4, 15)


def test_the_probability_of_leaving_soon_is_conditional_on_the_months_stayed() -> None:
    scored = score_signed(_model(), SIGNED.iloc[:2], (1, 2), as_of=TODAY)
    assert scored.index.tolist() == ["a", "b"]
    assert scored["months_stayed"].tolist() == [3.0, 1.0]
    for ahead in (1, 2):
        for name, stayed in (("a", 3), ("b", 1)):
            p = TABLE["p"][name]
            expected = (_left(p, stayed + ahead) - _left(p, stayed)) / (1 - _left(p, stayed))
            got = scored[f"leaves_within_{ahead}m"][name]
            assert got == pytest.approx(expected, rel=1e-9)
    assert not scored["beyond_data"].any()


def test_beyond_the_curve_the_tail_rate_is_used_and_marked() -> None:
    scored = score_signed(_model(), SIGNED, (2, 3), as_of=TODAY)
    assert scored["months_stayed"].tolist() == [3.0, 1.0, 9.0]
    assert scored["beyond_data"].tolist() == [False, False, True]
    assert scored["leaves_within_2m"]["c"] == pytest.approx(1 - math.exp(-2 * RATE), rel=1e-9)
    (further,) = score_signed(_model(), SIGNED.iloc[:1], (4,), as_of=TODAY)["beyond_data"]
    assert further  # 3 + 4 months are one month beyond the curve


def test_the_remaining_lifetime_is_conditional_on_the_months_stayed() -> None:
    scored = score_signed(_model(monthly_rate=1.0), SIGNED.iloc[:2], (1,), as_of=TODAY)
    for name, stayed in (("a", 3), ("b", 1)):
        p = TABLE["p"][name]
        rest = (_area(p, stayed) + (1 - _left(p, 6)) / 1.0) / (1 - _left(p, stayed))
        assert scored["remaining_months"][name] == pytest.approx(rest, rel=1e-5)


def test_the_closing_date_can_be_another_column_in_the_form_of_the_model() -> None:
    table = SIGNED.rename(columns={"signed": "day"}).assign(day=["15/01/2024"] * 3)
    model = _model()
    model.scorer.forms = Forms(dates={"day": DateForm("day first")})
    scored = score_signed(model, table, (1,), closed_on="day", as_of=TODAY)
    assert scored["months_stayed"].tolist() == [3.0] * 3


@pytest.mark.parametrize("column", ["signed", None])
def test_the_error_without_a_closing_date_names_the_missing_column(column: str | None) -> None:
    name = column or "closed_on"
    with pytest.raises(ProspectError, match=rf"no column '{name}' with the day signed.*Remedy"):
        months_stayed(_model(), TABLE, column, TODAY)


@pytest.mark.parametrize(
    ("days", "message"),
    [
        (
            ["2024-01-01", None, ""],
            (
                "signed: nan is empty or cannot be read in 2 of 3 rows, the first in row 2. "
                "Remedy: give the day signed"
            ),
        ),
        (
            ["2024-01-01", "2024-02-01", "soon"],
            "'soon' is empty or cannot be read in 1 of 3 rows, the first in row 3",
        ),
        (
            ["2024-04-16", "2024-04-15", "2025-01-01"],
            (
                "'2024-04-16' lies after 2024-04-15 in 2 of 3 rows, the first in row 1. "
                "Remedy: leave out who is not signed yet"
            ),
        ),
    ],
)
def test_invalid_closing_dates_are_counted_with_an_example(days, message: str) -> None:
    with pytest.raises(ProspectError, match=message):
        months_stayed(_model(), TABLE.assign(signed=days), "signed", TODAY)


def test_a_deal_signed_today_has_stayed_0_months() -> None:
    table = SIGNED.assign(signed=["2024-04-15"] * 3)
    assert months_stayed(_model(), table, "signed", TODAY).tolist() == [0.0] * 3


def test_the_timing_attribute_is_looked_up_by_its_position() -> None:
    assert timing_position(_model()) is None
    assert timing_position(OLD) is None
    by_plan = _Model(_Scorer(_curve(attribute="plan", stratum_by_code=(0, 0))), ("p", "x", "plan"))
    assert timing_position(by_plan) == 2
