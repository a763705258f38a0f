"""Fuzz the CSV and Parquet readers: a table is read or gives an error, and no row is lost.

Run by hand, with atheris (``pip install atheris`` into an environment of its own)::

    python tests/hostile/fuzz/fuzz_tables.py FOLDER -max_total_time=600

``FOLDER`` stores the inputs that reached new code; this script puts some initial tables there.
pytest does not collect this file; the cases found are rows of ``tests/hostile/test_tables.py``.
"""

from __future__ import annotations

import gzip
import io
import sys
import tempfile
from pathlib import Path

import atheris
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

with atheris.instrument_imports(include=["fitmodel"]):  # so that the fuzzer sees the code reached
    from fitmodel.datasets.simulation import simulate_deals
    from fitmodel.deals.reading import read_deals
    from fitmodel.decision.policy import Policy
    from fitmodel.exceptions import FitModelError
    from fitmodel.learning.learner import learn
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.model.scorer import Scorer
    from fitmodel.scoring.batch import score_file

FOLDER = Path(tempfile.mkdtemp(prefix="fitmodel-fuzz-"))
SIM = simulate_deals(400, seed=1)
BOOK = learn(SIM.deals, SIM.spec).scorecard
MODEL = FitModel(Scorer(BOOK, Policy("threshold", 0.3, None), "annual_value", "closed_on", "v"), {})
ENDINGS = (".csv", ".csv.gz", ".tsv", ".parquet")


def seeds() -> list[bytes]:
    """Small tables of every kind; the first byte is the kind."""
    table = SIM.deals.head(4)
    parquet = io.BytesIO()
    table.to_parquet(parquet)
    texts = [table.to_csv(index=False, sep=mark).encode() for mark in (",", ";", "\t")]
    quoted = table.to_csv(index=False, quoting=1).replace("smb", 's"",\nmb').encode()
    return [
        *(b"\0" + text for text in (*texts, quoted)),
        b"\1" + gzip.compress(texts[0], mtime=0),
        b"\2" + texts[2],
        b"\3" + parquet.getvalue(),
    ]


def try_table(raw: bytes) -> None:
    """Read one table as past deals, and score it as prospects."""
    if not raw:
        return
    ending = ENDINGS[raw[0] % len(ENDINGS)]
    path, output = FOLDER / f"x{ending}", FOLDER / "y.parquet"
    path.write_bytes(raw[1:])
    try:
        read_deals(path, SIM.spec)
    except FitModelError as error:
        str(error).encode()
    try:
        done = score_file(path, MODEL, output, reasons=1)
    except FitModelError as error:
        str(error).encode()
        return
    answer = pq.read_table(output).select(["early_churn_probability", "error"])
    scored = answer.replace_schema_metadata(None).to_pandas()  # damaged input is not changed
    probability = scored["early_churn_probability"].to_numpy(dtype=float)
    if len(scored) != done.rows or (np.isfinite(probability) == scored["error"].notna()).any():
        raise AssertionError(f"{done}: {pd.DataFrame(scored)}")


if __name__ == "__main__":
    folders = [Path(word) for word in sys.argv[1:] if not word.startswith("-")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        for place, seed in enumerate(seeds()):
            (folder / f"seed{place}").write_bytes(seed)
    atheris.instrument_func(try_table)
    atheris.Setup(sys.argv, try_table)
    atheris.Fuzz()
