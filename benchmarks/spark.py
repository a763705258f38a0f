"""A cluster: rows a second on a local Spark, beside MLflow's spark_udf and one machine without it.

    python benchmarks/spark.py [--rows 1000000] [--cores 2]

Every way scores the same Parquet table (20 columns) into a sink that throws rows away, so that
what is measured is reading and scoring; a way's first run is cold (its workers import and load),
the best of two more is warm. The single machine writes Parquet. Needs Java 17 and the extra spark.

One machine plays the cluster: it cannot show what moving rows between machines costs.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from _needs import need
from latency import fitted_pipeline

import fitmodel
from fitmodel.datasets.simulation import simulate_prospects
from fitmodel.deals.attributes import attribute_frame
from fitmodel.scoring.batch import score_file
from fitmodel.scoring.spark import score

PIECE = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--cores", type=int, default=2)
    asked = parser.parse_args()
    need("pyspark", program="java")
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = prepare(folder, asked.rows)
        model = fitmodel.load(run.bundle_path)
        alone = best(lambda: score_alone(folder, model), 2)
        begun = time.perf_counter()
        spark = session(folder, asked.cores)
        started = time.perf_counter() - begun
        result = {way: measure(run_once) for way, run_once in ways(spark, folder, model).items()}
        spark.stop()
    print(
        f"{asked.rows:,} rows x 20 columns, {asked.cores} cores; session started in {started:.1f} s"
    )
    print(f"{'':<36}{'cold rows/s':>13}{'warm rows/s':>13}")
    for way, (cold, warm) in result.items():
        print(f"{way:<36}{asked.rows / cold:>13,.0f}{asked.rows / warm:>13,.0f}")
    print(f"{'one machine, Parquet to Parquet':<36}{'':>13}{asked.rows / alone:>13,.0f}")
    cold, warm = result["fitmodel, score(df)"]
    print_break_even(started + cold - warm, asked.rows / alone, asked.rows / warm / asked.cores)


def print_break_even(overhead: float, alone: float, per_core: float) -> None:
    """From how many rows a cluster has made up for its start: rows/alone = overhead + rows/all."""
    for cores in (8, 16, 32, 64):
        saved = 1 / alone - 1 / (per_core * cores)
        rows = f"{overhead / saved:,.0f} rows" if saved > 0 else "never"
        print(f"a cluster of {cores} such cores is faster than one machine from {rows}")


def prepare(folder: Path, rows: int) -> Any:
    import joblib

    simulation = fitmodel.simulate_deals(5_000, seed=0)
    spec = simulation.spec.replace(tracking={"uri": f"sqlite:///{folder}/mlflow.db"})
    run = fitmodel.train(simulation.deals, spec, models=folder / "models")
    prospects = simulate_prospects(PIECE, seed=1).prospects
    ready = attribute_frame(prospects, spec, closed_on=pd.Series("2026-07-01", prospects.index))
    for name, table in (("prospects", prospects), ("ready", ready)):
        piece = pa.Table.from_pandas(table, preserve_index=False)
        piece = pa.table(
            {
                n: c.cast(spark_type(c.type))
                for n, c in zip(piece.column_names, piece.columns, strict=True)
            }
        )
        (folder / name).mkdir()
        for part in range(max(rows // PIECE, 1)):
            pq.write_table(piece, folder / name / f"{part:04}.parquet")
    joblib.dump(fitted_pipeline(simulation.deals, spec), folder / "pipeline.joblib")
    return run


def spark_type(kind: pa.DataType) -> pa.DataType:
    """Spark 4 reads no nanoseconds and no large text."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us")
    return pa.string() if pa.types.is_large_string(kind) else kind


def session(folder: Path, cores: int) -> Any:
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    options = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "2g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": str(folder),
        "spark.sql.files.maxPartitionBytes": "8m",  # a partition per file: work for every core
        "spark.sql.files.openCostInBytes": "8m",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    spark = SparkSession.builder.master(f"local[{cores}]").config(map=options).getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def ways(spark: Any, folder: Path, model: Any) -> dict[str, Callable[[], object]]:
    import joblib
    from pyspark.sql.functions import struct

    prospects = spark.read.parquet(str(folder / "prospects"))
    ready = spark.read.parquet(str(folder / "ready"))
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    pipeline = joblib.load(folder / "pipeline.joblib")
    mlflow.sklearn.save_model(
        pipeline,
        folder / "plain",
        pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",
    )
    ours = mlflow.pyfunc.spark_udf(
        spark,
        "models:/prospect-fit@champion",
        result_type="double",
        env_manager="local",
        params={"reasons": 0},
    )
    plain = mlflow.pyfunc.spark_udf(
        spark, str(folder / "plain"), result_type="array<double>", env_manager="local"
    )
    asked = struct(*model.attributes)
    return {
        "Spark alone: read": lambda: throw_away(prospects),
        "Spark alone: to Python and back": lambda: throw_away(
            prospects.mapInArrow(unchanged, prospects.schema)
        ),
        "fitmodel, score(df)": lambda: throw_away(score(prospects, model)),
        "fitmodel, score(df, reasons=3)": lambda: throw_away(score(prospects, model, reasons=3)),
        "spark_udf, fitmodel's pyfunc": lambda: throw_away(prospects.withColumn("p", ours(asked))),
        "spark_udf, scikit-learn pipeline": lambda: throw_away(
            ready.withColumn("p", plain(struct(*ready.columns)))
        ),
    }


def unchanged(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches


def throw_away(table: Any) -> None:
    table.write.format("noop").mode("overwrite").save()


def score_alone(folder: Path, model: Any) -> None:
    joined = folder / "joined.parquet"
    if not joined.exists():
        pieces = [pq.read_table(part) for part in sorted((folder / "prospects").iterdir())]
        pq.write_table(pa.concat_tables(pieces), joined)
    score_file(joined, model, folder / "scored.parquet", reasons=0)


def measure(run_once: Callable[[], object]) -> tuple[float, float]:
    cold, warm = best(run_once, 1), best(run_once, 2)
    print(f"  cold {cold:.1f} s, warm {warm:.1f} s", file=sys.stderr, flush=True)
    return cold, warm


def best(run_once: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        run_once()
        taken.append(time.perf_counter() - begun)
    return min(taken)


if __name__ == "__main__":
    main()
