"""A file: rows a second and memory, beside today's usual ways and the floor of not scoring at all.

    python benchmarks/batch.py [--rows 400000] [--ways 5]

Each way runs in a process of its own over the same Parquet file (20 columns) and writes Parquet.
The floor reads and writes the same rows and a column of zeros. "Resumed at the end" was interrupted
after its last row was scored: what is left is to compare what is written with its checksum and to
put it in its place. The SELECT is that of `fitmodel export sql`, run by DuckDB. `--ways` runs the
first ones alone. On a busy machine compare the processor's time. It cannot show what a batch costs
that reads from a slow disk or a network.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from _needs import has

import fitmodel
from fitmodel.datasets.simulation import simulate_prospects
from fitmodel.deals.attributes import attribute_frame
from fitmodel.deals.outcomes import label_deals

WAYS = (
    "floor: read and write",
    "fitmodel",
    "fitmodel, 3 reasons",
    "the same, resumed at the end",
    "SELECT in DuckDB",
    "pipeline + pandas",
    "MLflow pyfunc",
    "LightGBM, bare predict",
    "LightGBM, pred_contrib",
)
PIECE = 100_000  # simulated at a time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--ways", type=int, default=len(WAYS), help="how many, from the first on")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        run_way(asked.way, asked.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, asked.rows)
        result = {way: measure(way, folder) for way in installed(WAYS[: asked.ways])}
    floor = result[WAYS[0]]["used"]
    print(f"{asked.rows:,} rows x 20 columns, Parquet to Parquet")
    heads = ("seconds", "processor s", "rows a processor s", "of floor", "peak MB")
    print(f"{'':<29}" + "".join(f"{head:>20}" for head in heads))
    for way, got in result.items():
        used = got["used"]
        speed = (f"{asked.rows / used:,.0f}", f"{floor / used:.2f}", f"{got['peak']:,.0f}")
        cells = (f"{got['seconds']:.2f}", f"{used:.2f}", *speed)
        print(f"{way:<29}" + "".join(f"{cell:>20}" for cell in cells))


def installed(ways: tuple[str, ...]) -> list[str]:
    """Ways whose package is there; the others are named."""
    package = {"SELECT in DuckDB": "duckdb"} | dict.fromkeys(WAYS[-2:], "lightgbm")
    return [way for way in ways if way not in package or has(package[way], way)]


def prepare(folder: Path, rows: int) -> None:
    simulation = fitmodel.simulate_deals(5_000, seed=0)
    uri = f"sqlite:///{folder}/mlflow.db"
    spec = simulation.spec.replace(tracking={"uri": uri})
    fitmodel.train(simulation.deals, spec, models=folder / "models")
    piece = pa.Table.from_pandas(simulate_prospects(PIECE, seed=1).prospects, preserve_index=False)
    with pq.ParquetWriter(folder / "prospects.parquet", piece.schema) as writer:
        for start in range(0, rows, PIECE):
            writer.write_table(piece.slice(0, min(PIECE, rows - start)))
    fit_peers(folder, simulation.deals, spec)


def fit_peers(folder: Path, deals: pd.DataFrame, spec: fitmodel.DealSpec) -> None:
    import joblib
    from latency import fitted_pipeline

    labelled = label_deals(deals, spec)
    coded = as_codes(labelled.attributes)
    joblib.dump(fitted_pipeline(deals, spec), folder / "pipeline.joblib")
    if not has("lightgbm", "LightGBM"):
        return
    from lightgbm import LGBMClassifier

    lightgbm = LGBMClassifier(verbose=-1, n_jobs=2).fit(coded, labelled.early_churn)
    joblib.dump(lightgbm, folder / "lightgbm.joblib")


def as_codes(attributes: pd.DataFrame) -> pd.DataFrame:
    return attributes.apply(
        lambda column: column if pd.api.types.is_numeric_dtype(column) else column.factorize()[0]
    ).astype(float)


def measure(way: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--way", way, "--folder", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def run_way(way: str, folder: Path) -> None:
    source, output = folder / "prospects.parquet", folder / "scored.parquet"
    score = prepared(way, folder)
    begun, before = time.perf_counter(), time.process_time()
    score(source, output)
    seconds, used = time.perf_counter() - begun, time.process_time() - before
    print(json.dumps({"seconds": seconds, "used": used, "peak": peak_megabytes()}))


def peak_megabytes() -> float:
    """Most memory this process has held; getrusage would count the parent's at its start."""
    status = Path("/proc/self/status")
    if not status.exists():  # not Linux
        return math.nan
    (line,) = (text for text in status.read_text().splitlines() if text.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def prepared(way: str, folder: Path) -> Any:
    """Load everything first: the time of a batch is that of its rows."""
    if way.startswith("fitmodel"):
        import fitmodel.model.frame_scorer  # else imported with the first chunk
        from fitmodel.scoring.batch import score_file

        model = fitmodel.load(folder / "models" / "prospect-fit")
        reasons = 3 if "reasons" in way else 0
        return lambda source, output: score_file(source, model, output, reasons=reasons)
    if way.startswith("the same, resumed"):
        return resumed(folder)
    if way.startswith("floor"):
        return copy
    if way.startswith("SELECT"):
        return selected(folder)
    predict = predictor(way, folder)
    return lambda source, output: in_pieces(source, output, predict)


def selected(folder: Path) -> Any:
    """Run the exported statement; its size is printed."""
    import duckdb

    query = fitmodel.load(folder / "models" / "prospect-fit").to_sql("duckdb", "prospects")
    print(f"the SELECT has {len(query) / 1000:,.0f} kB", file=sys.stderr)

    def score(source: Path, output: Path) -> None:
        with duckdb.connect() as connection:
            connection.execute("set threads = 1")
            connection.execute(f"create view prospects as from '{source}'")
            connection.execute(f"copy ({query}) to '{output}'")

    return score


def resumed(folder: Path) -> Any:
    """Interrupt a batch after its last row, and return what goes on with it."""
    from fitmodel.scoring.batch import score_file

    model = fitmodel.load(folder / "models" / "prospect-fit")
    source, output = folder / "prospects.parquet", folder / "scored.parquet"
    left = pq.ParquetFile(source).metadata.num_rows

    def stop(rows: int) -> None:
        nonlocal left
        left -= rows
        if left <= 0:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        score_file(source, model, output, reasons=3, resume=True, progress=stop)
    return lambda source, output: score_file(source, model, output, reasons=3, resume=True)


def predictor(way: str, folder: Path) -> Any:
    import joblib

    if way == "MLflow pyfunc":
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        pyfunc = mlflow.pyfunc.load_model("models:/prospect-fit@champion")
        return lambda frame: pyfunc.predict(frame)["early_churn_probability"]
    spec = fitmodel.simulate_deals(10).spec
    names = spec.attribute_names(pq.read_schema(folder / "prospects.parquet").names)

    def attributes(frame: pd.DataFrame) -> pd.DataFrame:
        return attribute_frame(frame, names, closed_on=pd.Series(pd.Timestamp.now(), frame.index))

    if way == "pipeline + pandas":
        pipeline = joblib.load(folder / "pipeline.joblib")
        return lambda frame: pipeline.predict_proba(attributes(frame))[:, 1]
    lightgbm = joblib.load(folder / "lightgbm.joblib")
    contrib = "contrib" in way
    return lambda frame: lightgbm.predict_proba(as_codes(attributes(frame)), pred_contrib=contrib)[
        :, 1
    ]


def in_pieces(source: Path, output: Path, predict: Any) -> None:
    writer = None
    for batch in pq.ParquetFile(source, pre_buffer=False).iter_batches(batch_size=PIECE):
        frame = batch.to_pandas()
        frame["early_churn_probability"] = predict(frame)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        writer = writer or pq.ParquetWriter(output, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def copy(source: Path, output: Path) -> None:
    file = pq.ParquetFile(source, pre_buffer=False)
    schema = file.schema_arrow.append(pa.field("early_churn_probability", pa.float64()))
    with pq.ParquetWriter(output, schema) as writer:
        for batch in file.iter_batches(batch_size=16_384):
            zeros = pa.array([0.0] * batch.num_rows)
            writer.write_batch(pa.record_batch([*batch.columns, zeros], schema=schema))


if __name__ == "__main__":
    main()
