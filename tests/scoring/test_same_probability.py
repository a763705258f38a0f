"""One prospect has the same probability in every way of scoring."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fitmodel.deals.attributes import attribute_frame
from fitmodel.scoring.batch import score_file
from fitmodel.tables.values import today


# at any hour one of these time zones has another day
@pytest.fixture(params=["Etc/GMT+12", "Etc/GMT-14"])
def elsewhere(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
def test_today_is_the_same_day_for_every_way_of_scoring_and_time_zone(model, prospects, tmp_path):
    column = next(item for item in model.scorecard.columns if getattr(item, "is_date", False))
    # the previous and the next day are in other bins
    ago = next(
        day for day in range(2, 300) if len({*map(column.code, range(day - 1, day + 2))}) > 2
    )
    contacted = (today() - timedelta(days=ago)).isoformat()
    open_ = prospects.drop(columns="closed_on").assign(**{column.name: contacted})
    open_.to_csv(tmp_path / "in.csv", index=False)

    score_file(tmp_path / "in.csv", model, tmp_path / "out.csv", reasons=0)

    expected = model.predict(open_, as_of=today())["early_churn_probability"].tolist()
    assert model.predict(open_)["early_churn_probability"].tolist() == expected
    scored = pd.read_csv(tmp_path / "out.csv")["early_churn_probability"].tolist()
    assert scored == expected
    one = open_.iloc[0].dropna().to_dict()
    whole = {name: one.get(name) for name in model.attributes}
    assert model.predict(whole).early_churn_probability == expected[0]
    days = attribute_frame(open_.head(1), [column.name], dates=[column.name])
    assert days[column.name].tolist() == [ago]


def test_decimals_in_arrow_give_the_same_numbers_as_in_csv(model, prospects, tmp_path):
    cuts = next(column.cuts for column in model.scorecard.columns if column.name == "discount")
    texts = [f"{cut:.6f}" for cut in cuts] + ["0.2", "0.15", "0.07"]
    rows = prospects.head(len(texts)).assign(discount=texts)
    rows.to_csv(tmp_path / "in.csv", index=False)
    table = pa.Table.from_pandas(rows, preserve_index=False)
    exact = pa.array([Decimal(text) for text in texts], pa.decimal128(18, 6))
    position = table.schema.get_field_index("discount")
    pq.write_table(table.set_column(position, "discount", exact), tmp_path / "in.parquet")

    for kind in ("csv", "parquet"):
        score_file(tmp_path / f"in.{kind}", model, tmp_path / f"out_{kind}.csv", reasons=0)

    one, other = (pd.read_csv(tmp_path / f"out_{kind}.csv") for kind in ("csv", "parquet"))
    name = "early_churn_probability"
    assert one[name].tolist() == other[name].tolist()


def test_a_flag_of_exact_decimals_is_the_same_alone_in_arrow_and_in_a_file(
    model, prospects, tmp_path
):
    flags = [Decimal("1.00"), Decimal("0.00"), None]
    rows = prospects.head(len(flags)).assign(has_crm_integration=["yes", "no", None])
    expected = model.predict(rows, reasons=20)
    alone = [
        model.predict(row | {"has_crm_integration": flag}, reasons=20)
        for row, flag in zip(rows.to_dict("records"), flags, strict=True)
    ]
    table = pa.Table.from_pandas(rows, preserve_index=False)
    position = table.schema.get_field_index("has_crm_integration")
    exact = pa.array(flags, pa.decimal128(3, 2))
    table = table.set_column(position, "has_crm_integration", exact)
    pq.write_table(table, tmp_path / "in.parquet")

    score_file(tmp_path / "in.parquet", model, tmp_path / "out.parquet", reasons=20)

    name = "early_churn_probability"
    scored = pq.read_table(tmp_path / "out.parquet")
    sentences = [[reason.sentence for reason in row] for row in expected["reasons"]]
    assert [item.early_churn_probability for item in alone] == expected[name].tolist()
    assert [[reason.sentence for reason in item.reasons] for item in alone] == sentences
    assert model.predict(table, reasons=20)[name].to_pylist() == expected[name].tolist()
    assert scored[name].to_pylist() == expected[name].tolist()
    listed = [json.loads(text) for text in scored["reasons"].to_pylist()]
    assert [[reason["sentence"] for reason in row] for row in listed] == sentences
