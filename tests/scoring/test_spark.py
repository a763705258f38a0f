"""Spark gives the same predictions, errors and attributes from history as one machine."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import fitmodel
from fitmodel.bundle.manifest import is_version
from fitmodel.bundle.store import write_bundle
from fitmodel.crm.columns import columns_of
from fitmodel.crm.prospects import add_history
from fitmodel.crm.reading import open_deals
from fitmodel.exceptions import DealsError, ProspectError, SpecError
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.opening import SCORER_FILE
from fitmodel.scoring import spark as scoring_spark
from fitmodel.scoring.batch import score_file
from fitmodel.tables.forms import Forms
from fitmodel.tables.values import DateForm, NumberForm

pytestmark = [
    pytest.mark.slow,
    pytest.mark.full_training,  # workers load the copy of fitmodel
    pytest.mark.skipif(
        shutil.which("java") is None and "JAVA_HOME" not in os.environ,
        reason="Spark needs Java 17, which is not on this machine",
    ),
    # pyspark leaves its sockets to Java and the workers to the garbage collector
    pytest.mark.filterwarnings("ignore:unclosed.*socket:ResourceWarning"),
]

as_pandas = pytest.mark.filterwarnings(
    "ignore:PySpark does not yet fully support pandas:FutureWarning"
)

NUMBERS = ["early_churn_probability", "probability_low", "probability_high", "expected_value"]
TODAY = dt.date(2026, 7, 1)


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory):
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("spark")
    # the workers are separate Python processes: they must import the same fitmodel
    house = str(Path(fitmodel.__file__).parents[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("PYSPARK_DRIVER_PYTHON", sys.executable)
        session = (
            SparkSession.builder.master(
                "local[1]"
            )  # each worker is a Python process that imports everything
            .appName("fitmodel tests")
            .config("spark.default.parallelism", "2")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.memory", "1g")
            # no second-stage compiler: the compiled code runs too rarely here to be worth it
            .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
            .config("spark.executorEnv.PYTHONPATH", house)
            .config("spark.local.dir", str(folder))
            .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.session.timeZone", "Europe/Berlin")
            .config("spark.sql.execution.arrow.pyspark.enabled", "true")
            .config("spark.sql.execution.arrow.maxRecordsPerBatch", "17")
            .getOrCreate()
        )
        yield session
        session.stop()


@pytest.fixture(scope="module")
def unusual(prospects) -> pd.DataFrame:
    """Prospects with missing values, unseen levels and numbers out of range."""
    table = prospects.reset_index(drop=True)
    table.loc[[0, 7], "segment"] = None
    table.loc[3, "segment"] = "never seen"
    table.loc[[1, 8], "seats"] = np.nan
    table.loc[4, "seats"] = 1e9
    return table


def on_spark(spark, table, model, **options) -> pd.DataFrame:
    """Scored by Spark, in the order of the deals."""
    return frame(scoring_spark.score(rows(spark, table), model, **options))


def rows(spark, table):
    # as Arrow: Spark warns of pandas 3 whenever it uses pandas itself
    return spark.createDataFrame(pa.Table.from_pandas(table, preserve_index=False))


def frame(scored) -> pd.DataFrame:
    return scored.toArrow().to_pandas().sort_values("deal_id", ignore_index=True)


def here(model, table, reasons=0) -> pd.DataFrame:
    predicted, errors = model.predict_table(table, reasons=reasons, as_of=TODAY, as_json=True)
    both = pd.concat([table[["deal_id"]], predicted.assign(error=errors)], axis=1)
    return both.sort_values("deal_id", ignore_index=True)


def test_the_numbers_are_identical_to_those_of_one_machine(spark, model, unusual) -> None:
    scored, expected = on_spark(spark, unusual, model, as_of=TODAY), here(model, unusual)
    assert len(scored) == len(unusual)
    for name in expected.columns.drop("error"):
        pd.testing.assert_series_equal(
            scored[name], expected[name], check_exact=True, check_dtype=False
        )
    assert scored["error"].isna().all()
    assert scored["unfamiliar"].sum() >= 2


def test_texts_in_the_form_of_past_deals_are_read_as_on_one_machine(spark, model, unusual) -> None:
    forms = Forms(
        {"annual_value": NumberForm(",", ".", "EUR"), "seats": NumberForm(unit="user")},
        {"first_contact_on": DateForm("day first")},
        {"first_contact_on": frozenset({"Never"})},
    )
    german = FitModel(dataclasses.replace(model.scorer, forms=forms), {})
    comma = str.maketrans(",.", ".,")
    contacts = pd.to_datetime(unusual["first_contact_on"]).dt.strftime("%d/%m/%Y")
    texts = unusual.assign(
        annual_value=unusual["annual_value"].map(lambda n: f"€ {n:,.2f}".translate(comma)),
        seats=unusual["seats"].map(lambda n: None if pd.isna(n) else f"{n:.0f} users"),
        first_contact_on=contacts.where(unusual.index % 5 > 0, "Never"),
    )
    texts.loc[9, "seats"] = "12 months"
    scored, expected = on_spark(spark, texts, german, as_of=TODAY), here(german, texts)
    assert scored["error"].notna().tolist() == expected["error"].notna().tolist()
    assert scored["error"].notna().sum() == 1
    name = "early_churn_probability"
    pd.testing.assert_series_equal(
        scored[name], expected[name].astype(float), check_exact=True, check_dtype=False
    )


def test_reasons_are_the_same_json_as_in_a_file(spark, model, unusual, tmp_path) -> None:
    unusual.to_parquet(tmp_path / "in.parquet")
    score_file(tmp_path / "in.parquet", model, tmp_path / "out.parquet", reasons=3)
    filed = pd.read_parquet(tmp_path / "out.parquet").sort_values("deal_id", ignore_index=True)
    scored = on_spark(spark, unusual, model, reasons=3)
    assert list(scored.columns) == list(filed.columns)
    assert scored["reasons"].tolist() == filed["reasons"].tolist()
    assert [len(json.loads(text)) for text in scored["reasons"]] == [3] * len(unusual)


def test_the_columns_are_those_of_the_table_then_the_predictions(spark, model, unusual) -> None:
    table = rows(spark, unusual)
    scored = scoring_spark.score(table, model)
    assert scored.schema.fields[: len(table.columns)] == table.schema.fields
    assert dict(scored.dtypes[len(table.columns) :]) == {
        **dict.fromkeys(NUMBERS, "double"),
        "poor_fit": "boolean",
        "fit": "string",
        "unfamiliar": "boolean",
        "model_version": "string",
        "worth": "string",
        "escalate": "boolean",
        "expected_value_low": "double",
        "expected_value_high": "double",
        "own_evidence": "double",
        "error": "string",
    }


def test_an_unreadable_row_is_returned_with_its_error(spark, model, unusual) -> None:
    spoiled = unusual.assign(seats=unusual["seats"].astype(str).replace("nan", None))
    spoiled.loc[5, "seats"] = "many"
    scored = on_spark(spark, spoiled, model).set_index("deal_id")
    bad = scored.loc[unusual["deal_id"][5]]
    assert "seats: 'many' cannot be read" in bad["error"]
    assert pd.isna(bad["early_churn_probability"])
    assert scored["error"].notna().sum() == 1
    assert scored["early_churn_probability"].isna().sum() == 1


def test_decimals_become_numbers_and_timestamps_days_in_the_session_time_zone(
    spark, model, unusual
) -> None:
    given = rows(spark, unusual)
    cast = given.withColumns(
        {
            "annual_value": given["annual_value"].cast("decimal(18,2)"),
            "closed_on": given["closed_on"].cast("timestamp"),
        }
    )
    scored = frame(scoring_spark.score(cast, model))
    rounded = unusual.assign(annual_value=unusual["annual_value"].round(2))
    expected = here(model, rounded)
    for name in NUMBERS:
        np.testing.assert_array_equal(scored[name].astype(float), expected[name].astype(float))


def test_a_missing_attribute_is_reported_before_a_job_runs(spark, model, unusual) -> None:
    with pytest.raises(ProspectError, match=r"(?s)attribute\(s\) are missing.*seats"):
        scoring_spark.score(rows(spark, unusual).drop("seats"), model)


def test_an_already_scored_table_is_refused(spark, model, unusual) -> None:
    scored = scoring_spark.score(rows(spark, unusual), model)
    with pytest.raises(ProspectError, match="already has the column.*early_churn_probability"):
        scoring_spark.score(scored, model)


def test_a_bundle_is_named_by_its_folder(spark, model, unusual, tmp_path) -> None:
    write_bundle(tmp_path, "fit", files={SCORER_FILE: model.scorer.to_json()}, manifest={})
    scored = on_spark(spark, unusual, tmp_path / "fit", as_of=TODAY)
    assert is_version(scored["model_version"][0])
    assert scored[NUMBERS[0]].tolist() == here(model, unusual)[NUMBERS[0]].tolist()


def test_a_worker_opens_each_model_version_once(model, monkeypatch) -> None:
    monkeypatch.setattr(scoring_spark, "_opened", {})
    content, opened = model.scorer.to_json(), []

    def shipped(version: str):
        opened.append(version)
        return content, version

    first = scoring_spark._open("a", lambda: shipped("1"))
    assert scoring_spark._open("a", lambda: shipped("1")) is first
    assert scoring_spark._open("b", lambda: shipped("2")).version == "2"
    assert opened == ["1", "2"]


@pytest.mark.parametrize(("rows", "size"), [(1, 2**20), (20, 2**20), (1000, 2**20), (1000, 1)])
def test_batches_keep_their_sizes_for_any_number_scored_together(
    model, unusual, monkeypatch, rows, size
) -> None:
    monkeypatch.setattr(scoring_spark, "GROUP_ROWS", rows)
    monkeypatch.setattr(scoring_spark, "GROUP_BYTES", size)
    table = pa.Table.from_pandas(unusual.assign(other="x"), preserve_index=False)
    full = table.to_batches(max_chunksize=17)
    given = [*full, full[0].slice(0, 0)]

    groups = list(scoring_spark._groups(iter(given)))
    back = [
        batch
        for group in groups
        for batch in scoring_spark._with_predictions(group, model, 0, TODAY)
    ]

    assert [batch.num_rows for batch in back] == [17, 17, 17, 9, 0]
    assert [batch.select(table.column_names) for batch in back] == given
    together = pa.Table.from_batches(back).to_pandas()
    assert together[NUMBERS[0]].tolist() == model.predict(unusual)[NUMBERS[0]].tolist()


@pytest.fixture
def logged(model, simulation, mlflow_store, tmp_path) -> str:
    """The model in MLflow, by its URI."""
    from fitmodel.tracking.connection import connected
    from fitmodel.tracking.run_log import log_bundle

    content = model.scorer.to_json()
    bundle = write_bundle(tmp_path, "fit", files={SCORER_FILE: content}, manifest={})
    with connected(mlflow_store) as client:
        run = client.create_run(client.create_experiment("spark"))
        example = model.example()
        return f"models:/{log_bundle(client, run.info.run_id, bundle, example, simulation.spec)}"


@as_pandas
def test_mlflows_own_udf_gives_the_same_numbers(spark, model, unusual, logged) -> None:
    import mlflow
    from pyspark.sql import functions

    result = "early_churn_probability double, poor_fit boolean, fit string"
    udf = mlflow.pyfunc.spark_udf(
        spark, logged, result_type=result, env_manager="local", params={"reasons": 0}
    )
    table = rows(spark, unusual)
    columns = [*model.attributes, "closed_on"]
    given = functions.struct(*(table[name] for name in dict.fromkeys(columns)))
    scored = frame(table.select("deal_id", udf(given).alias("said")).select("deal_id", "said.*"))
    expected = here(model, unusual)
    for name in ("early_churn_probability", "poor_fit", "fit"):
        assert scored[name].tolist() == expected[name].tolist()


def test_other_horizons_get_a_column_each(spark, curved, unusual) -> None:
    result = on_spark(spark, unusual, curved, horizons=[3, 12], as_of=TODAY)
    predicted, _ = curved.predict_table(unusual, horizons=[3, 12], as_of=TODAY)
    expected = predicted.assign(deal_id=unusual["deal_id"]).sort_values(
        "deal_id", ignore_index=True
    )
    for name in ("churn_probability_3m", "churn_probability_12m"):
        for end in ("", "_low", "_high"):
            assert result[f"{name}{end}"].tolist() == expected[f"{name}{end}"].tolist()


@as_pandas
def test_attributes_from_history_equal_those_of_one_machine(spark, model, tmp_path):
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

    result = scoring_spark.add_history(df, known, frames, as_of=day)
    found = frame(result)

    for name in columns_of(spec):
        one = expected[name].reset_index(drop=True)
        if pd.api.types.is_numeric_dtype(one.dtype):
            assert (pd.to_numeric(found[name]).fillna(-1) == one.fillna(-1)).all(), name
        else:
            assert found[name].fillna("?").tolist() == one.fillna("?").tolist(), name


@as_pandas
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

    result = scoring_spark.add_history(df, known, {"fields": fields}, as_of=day).collect()
    expected = add_history(sim.deals[["deal_id"]], known, tables=sim.tables, as_of=day)

    counts = {row["deal_id"]: row["activities_count_90d"] for row in result}
    assert counts == dict(zip(expected["deal_id"], expected["activities_count_90d"], strict=True))
    with pytest.raises(DealsError, match=r"\[history.fields\]: there is no file or folder"):
        scoring_spark.add_history(df, known)
    with pytest.raises(SpecError, match="the column 'deal_id'"):
        scoring_spark.add_history(df.withColumnRenamed("deal_id", "x"), known)
