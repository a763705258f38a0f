"""Spark adds the same attributes from history as one machine."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sqlite3
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import fitmodel
from fitmodel.crm.columns import columns_of
from fitmodel.crm.prospects import add_history
from fitmodel.crm.reading import open_deals
from fitmodel.exceptions import DealsError, SpecError
from fitmodel.model.fitmodel import FitModel
from fitmodel.scoring import spark as spark_scoring

pytestmark = [
    pytest.mark.slow,
    pytest.mark.full_training,  # workers load the copy of fitmodel
    pytest.mark.skipif(
        shutil.which("java") is None and "JAVA_HOME" not in os.environ,
        reason="Spark needs Java 17, which is not on this machine",
    ),
    pytest.mark.filterwarnings("ignore:unclosed.*socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas"),
]


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("spark")
    house = str(Path(fitmodel.__file__).parents[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("PYSPARK_DRIVER_PYTHON", sys.executable)
        session = (
            SparkSession.builder.master("local[1]")  # each worker imports everything
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.memory", "1g")
            # no second-stage compiler: the compiled code runs too rarely here to be worth it
            .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
            .config("spark.executorEnv.PYTHONPATH", house)
            .config("spark.local.dir", str(folder))
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.execution.arrow.maxRecordsPerBatch", "17")
            .getOrCreate()
        )
        yield session
        session.stop()


def test_the_numbers_equal_those_of_one_machine(spark, model, tmp_path):
    sim = fitmodel.simulate_deals(100, seed=2, history=True)
    spec = open_deals(sim.deals, sim.spec, sim.tables).spec
    known = FitModel(model.scorer, {"spec": spec.to_dict()})
    prospects = sim.deals.drop(columns="churned_on")
    day = dt.date(2026, 6, 30)
    expected = add_history(prospects, known, tables=sim.tables, as_of=day)
    frames = {}
    for name, table in {"prospects": prospects, **sim.tables}.items():
        table.to_parquet(tmp_path / f"{name}.parquet")
        frames[name] = spark.read.parquet(str(tmp_path / f"{name}.parquet"))
    df = frames.pop("prospects")

    result = spark_scoring.add_history(df, known, frames, as_of=day)
    rows = pd.DataFrame([row.asDict() for row in result.collect()])
    rows = rows.sort_values("deal_id", ignore_index=True)

    for name in columns_of(spec):
        one = expected[name].reset_index(drop=True)
        if pd.api.types.is_numeric_dtype(one.dtype):
            assert (pd.to_numeric(rows[name]).fillna(-1) == one.fillna(-1)).all(), name
        else:
            assert rows[name].fillna("?").tolist() == one.fillna("?").tolist(), name


def test_a_table_that_is_not_given_is_read_from_the_place_in_the_contract(spark, model, tmp_path):
    sim = fitmodel.simulate_deals(40, seed=2, history=True)
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        sim.tables["activities"].astype(str).to_sql("activities", connection, index=False)
    connection.close()
    spec = open_deals(sim.deals, sim.spec, sim.tables).spec
    path = f"sqlite:///{tmp_path}/crm.db/activities"
    sections = {"activities": {**spec.to_dict()["events"]["activities"], "table": path}}
    spec = spec.replace(events=sections)
    known = FitModel(model.scorer, {"spec": spec.to_dict()})
    df = spark.createDataFrame(pa.Table.from_pandas(sim.deals[["deal_id"]]))
    fields = spark.createDataFrame(pa.Table.from_pandas(sim.tables["fields"].astype(str)))
    day = dt.date(2026, 6, 30)

    result = spark_scoring.add_history(df, known, {"fields": fields}, as_of=day).collect()
    expected = add_history(sim.deals[["deal_id"]], known, tables=sim.tables, as_of=day)

    counts = {row["deal_id"]: row["activities_count_90d"] for row in result}
    assert counts == dict(zip(expected["deal_id"], expected["activities_count_90d"], strict=True))
    with pytest.raises(DealsError, match=r"\[history.fields\]: there is no file or folder"):
        spark_scoring.add_history(df, known)
    with pytest.raises(SpecError, match="the column 'deal_id'"):
        spark_scoring.add_history(df.withColumnRenamed("deal_id", "x"), known)
