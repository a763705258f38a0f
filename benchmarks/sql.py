"""A table in DuckDB: the exported SELECT beside `fitmodel score`, over the same rows.

    python benchmarks/sql.py [--rows 10000000]

Both read the same Parquet file (20 columns) and write Parquet, without reasons.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

import fitmodel
from fitmodel.datasets.simulation import simulate_prospects
from fitmodel.scoring.batch import score_file

PIECE = 100_000  # simulated, and repeated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = prepare(folder, asked.rows)
        files = score_seconds(model, folder)
        with duckdb.connect() as connection:
            sql = sql_seconds(connection, model, folder)
            threads = connection.sql("select current_setting('threads')").fetchall()[0][0]
            gap = largest_gap(connection, folder)
    print(f"{asked.rows:,} rows x 20 columns, Parquet to Parquet, DuckDB with {threads} threads")
    print(f"fitmodel score {files:8.1f} s {asked.rows / files:12,.0f} rows/s")
    print(f"SELECT         {sql:8.1f} s {asked.rows / sql:12,.0f} rows/s")
    print(f"ratio {sql / files:.2f}; largest difference of probabilities {gap:.1e}")


def prepare(folder: Path, rows: int) -> fitmodel.FitModel:
    simulation = fitmodel.simulate_deals(2_000, seed=0)
    spec = simulation.spec.replace(tracking={"uri": f"sqlite:///{folder}/mlflow.db"})
    run = fitmodel.train(simulation.deals, spec, models=folder / "models")
    piece = pa.Table.from_pandas(simulate_prospects(PIECE, seed=1).prospects, preserve_index=False)
    with pq.ParquetWriter(folder / "prospects.parquet", piece.schema) as writer:
        for start in range(0, rows, PIECE):
            writer.write_table(piece.slice(0, min(PIECE, rows - start)))
    return run.model


def score_seconds(model: fitmodel.FitModel, folder: Path) -> float:
    started = time.perf_counter()
    score_file(folder / "prospects.parquet", model, folder / "scored.parquet", reasons=0)
    return time.perf_counter() - started


def sql_seconds(
    connection: duckdb.DuckDBPyConnection, model: fitmodel.FitModel, folder: Path
) -> float:
    connection.execute(f"create view prospects as from '{folder}/prospects.parquet'")
    query = model.to_sql("duckdb", "prospects")
    started = time.perf_counter()
    connection.execute(f"copy ({query}) to '{folder}/sql.parquet'")
    return time.perf_counter() - started


def largest_gap(connection: duckdb.DuckDBPyConnection, folder: Path) -> float:
    columns = "deal_id, early_churn_probability as p"
    names = ("sql", "scored")
    rows = [f"select distinct {columns} from '{folder}/{name}.parquet'" for name in names]  # noqa: S608 - names of our own
    query = "select max(abs(a.p - b.p)) from ({}) a join ({}) b using (deal_id)".format(*rows)  # noqa: S608 - the same
    ((gap,),) = connection.sql(query).fetchall()
    return float(gap)


if __name__ == "__main__":
    main()
