"""Past deals are scored as of their closing; scoring them as of today gives a warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import date, timedelta
from enum import Enum
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.exceptions import ProspectError
from fitmodel.model._scored_frames import FEW_ROWS
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer
from fitmodel.scoring.batch import score_file
from fitmodel.tables.values import today

NAME = "early_churn_probability"
MONEY = Money(0.8, 24.0, 3.0, 600.0, 1_800.0, 300.0, 0.15)


def test_model_columns_lists_every_column_that_a_prediction_depends_on(model: FitModel) -> None:
    assert model.columns == (*model.attributes, "closed_on")
    knowing = FitModel(model.scorer, {"spec": {"rows": {"keep": {"stage": ["Won"]}}}})
    assert knowing.columns == (*model.attributes, "closed_on", "stage")


def test_with_these_columns_past_deals_are_scored_as_of_their_closing(
    model: FitModel, prospects: pd.DataFrame
) -> None:
    whole = model.predict(prospects, reasons=0)
    named = model.predict(prospects[list(model.columns)], reasons=0)
    alone = [
        model.predict(row, as_of=row["closed_on"].date())
        for row in prospects.drop(columns="closed_on")
        .assign(closed_on=prospects["closed_on"])
        .to_dict("records")
    ]
    pd.testing.assert_frame_equal(named, whole)
    assert [each.early_churn_probability for each in alone] == whole[NAME].tolist()


def test_past_deals_without_a_closing_date_give_a_warning(
    model: FitModel, prospects: pd.DataFrame
) -> None:
    """Counted back from today every first contact is years ago, unlike in past deals."""
    with pytest.warns(
        UserWarning, match="first_contact_on: counted back from today.*model.columns"
    ):
        model.predict(prospects[list(model.attributes)], reasons=0)


@pytest.mark.parametrize("rows", [1, FEW_ROWS, FEW_ROWS + 1])
def test_a_short_frame_gives_the_same_warning_as_a_long_one(
    model: FitModel, prospects: pd.DataFrame, rows: int
) -> None:
    short = prospects[list(model.attributes)].head(rows)
    with pytest.warns(UserWarning, match="100% of the dates in 'first_contact_on'") as warned:
        scored = model.predict(short, reasons=0)
    assert len(warned) == 1
    assert warned[0].filename == __file__
    same = model.predict(short, reasons=0, as_of=today())
    pd.testing.assert_frame_equal(scored, same)


def test_recent_prospects_give_no_warning(model: FitModel, prospects: pd.DataFrame) -> None:
    lately = today() - timedelta(days=30)
    open_deals = prospects[list(model.attributes)].assign(first_contact_on=pd.Timestamp(lately))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(open_deals, reasons=0)
        model.predict(prospects[list(model.attributes)], reasons=0, as_of=date(2024, 1, 1))
        # an empty date states that a deal is not signed yet
        model.predict(prospects.assign(closed_on=None), reasons=0)


def test_a_file_without_the_closing_date_is_scored_with_a_note(
    model: FitModel, prospects: pd.DataFrame, tmp_path: Path
) -> None:
    prospects.to_csv(tmp_path / "with.csv", index=False)
    prospects.drop(columns="closed_on").to_csv(tmp_path / "without.csv", index=False)

    assert score_file(tmp_path / "with.csv", model, tmp_path / "a.csv").note is None
    note = score_file(tmp_path / "without.csv", model, tmp_path / "b.csv").note
    assert note is not None
    assert "the table has no column 'closed_on'" in note


NO_DAYS = [5, 20_240, True, 0, "", "today", "2025-13-01", "01/06/2025", pd.NaT, float("nan")]
EVENING = pd.Timestamp("2025-06-01 01:30", tz="Asia/Tokyo")
"""The first of June there, and the last of May by the clock of the world."""


def _doors(model: FitModel, prospects: pd.DataFrame) -> dict[str, Callable[..., object]]:
    """Every way to get predictions as of a day."""
    table = prospects[list(model.attributes)]
    one = table.iloc[0].to_dict()
    return {
        "mapping": partial(model.predict, one),
        "list": partial(model.predict, [one, one]),
        "short frame": partial(model.predict, table.head(1), reasons=0),
        "frame": partial(model.predict, table, reasons=0),
        "table": lambda as_of: model.predict_table(table, as_of=as_of)[0],
        "sql": partial(model.to_sql, "duckdb"),
    }


@pytest.mark.parametrize("as_of", [*NO_DAYS, np.datetime64("20000-01-01")], ids=str)
def test_an_invalid_day_is_refused_by_every_way_of_scoring(
    model: FitModel, prospects: pd.DataFrame, as_of: object
) -> None:
    """NumPy reads 5 as a day in January 1970 and an empty text as a missing date."""
    for ask in _doors(model, prospects).values():
        with pytest.raises(ProspectError, match="as_of is .* not a date. Remedy: give a date"):
            ask(as_of=as_of)


@pytest.mark.parametrize(
    "as_of", [EVENING, EVENING.to_pydatetime(), "2025-06-01", np.datetime64("2025-06-01"),
              pd.Timestamp("2025-06-01 23:59")], ids=str,
)  # fmt: skip
def test_every_form_of_a_day_gives_the_same_predictions(
    model: FitModel, prospects: pd.DataFrame, as_of: object
) -> None:
    for ask in _doors(model, prospects).values():
        given, plain = ask(as_of=as_of), ask(as_of=date(2025, 6, 1))
        if isinstance(plain, pd.DataFrame):
            pd.testing.assert_frame_equal(given, plain)
        else:
            assert given == plain


@pytest.mark.parametrize("lacks", ["first", "second"])
@pytest.mark.parametrize("column", ["seats", "closed_on"])
def test_a_file_of_a_folder_with_a_missing_column_is_named(
    model: FitModel, prospects: pd.DataFrame, tmp_path: Path, column: str, lacks: str
) -> None:
    """Arrow fills the column with missing values, and such rows would be scored."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("first", "second"):
        rows = prospects.drop(columns=column) if name == lacks else prospects
        pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), folder / f"{name}.parquet")

    with pytest.raises(ProspectError, match=column) as refused:
        score_file(folder, model, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()
    assert f"{lacks}.parquet" in str(refused.value)


def test_a_file_of_a_folder_may_lack_columns_that_the_model_does_not_use(
    model: FitModel, prospects: pd.DataFrame, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    prospects.assign(note="x").to_parquet(folder / "a.parquet", index=False)
    prospects.to_parquet(folder / "b.parquet", index=False)
    done = score_file(folder, model, tmp_path / "out.parquet")
    assert (done.rows, done.errors) == (2 * len(prospects), 0)


class Segment(Enum):
    SMALL = "smb"
    ENTERPRISE = "enterprise"


class Seats(Enum):
    FEW = 3


def test_an_enum_member_is_read_as_its_value(model: FitModel, prospects: pd.DataFrame) -> None:
    one = prospects.iloc[0].to_dict()
    members = one | {"segment": Segment.SMALL, "seats": Seats.FEW}
    plain = one | {"segment": "smb", "seats": 3}
    table = pd.DataFrame([members, members])

    assert model.predict(members).early_churn_probability == (
        model.predict(plain).early_churn_probability
    )
    assert model.predict(members).unfamiliar_because == model.predict(plain).unfamiliar_because
    assert set(model.predict(table)[NAME]) == {model.predict(plain).early_churn_probability}


@pytest.mark.parametrize("reasons", [-1, 1.5, True, "3"])
def test_an_invalid_number_of_reasons_is_refused(
    model: FitModel, prospects: pd.DataFrame, reasons: object
) -> None:
    for given in (prospects, prospects.iloc[0].to_dict(), [prospects.iloc[0].to_dict()]):
        with pytest.raises(ProspectError, match="give how many, 0 for none"):
            model.predict(given, reasons=reasons)
    with pytest.raises(ProspectError, match="give how many"):
        model.predict_table(prospects, reasons=reasons)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("amount", [1e308, -1.7e308, 1e301, float("inf")])
def test_an_impossibly_large_amount_is_read_as_missing(
    model: FitModel, prospects: pd.DataFrame, amount: float
) -> None:
    scorer = Scorer(
        model.scorecard, Policy("value", None, MONEY, ""), "annual_value", "closed_on", "v",
        per_year=12.0,
    )  # fmt: skip
    rich = FitModel(scorer, {})
    table = prospects.head(2).assign(annual_value=[amount, 1e6])
    scored = rich.predict(table)

    assert scored["expected_value"].isna().tolist() == [True, False]
    assert np.isnan(rich.predict(table.iloc[0].to_dict()).expected_value)
