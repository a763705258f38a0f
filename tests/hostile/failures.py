"""Failures in a small company: work is killed at random moments, and its disk fills up.

    python tests/hostile/failures.py STORE FOLDER KILLS [FOLDER OF A SMALL DISK]

STORE is the URI of an empty MLflow store in SQLite. Prints one line of JSON per kind of work.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from company import Company, forked, warm_up
from filling import try_out_filling
from killing import try_out

SEED = 7
FILLED = 5  # times of each kind


def main(store: str, folder: str, kills: str, disk: str | None = None) -> None:
    """Run all trials."""
    warm_up(store)
    if disk is not None:
        shutil.copy(store.removeprefix("sqlite:///"), Path(disk) / "mlflow.db")
        small = Company(f"sqlite:///{disk}/mlflow.db", Path(disk))
        forked(lambda: small.train(lambda _step: None))
        for kind in ("train", "promote"):
            _tell(try_out_filling(small, kind, FILLED, SEED, Path(folder)))
        forked(small.look_closely)
    company = Company(store, Path(folder))
    for kind in ("train", "promote", "score", "log"):
        _tell(try_out(company, kind, int(kills), SEED))
    forked(company.look_closely)


def _tell(outcome: dict[str, Any]) -> None:
    print(json.dumps(outcome), flush=True)  # noqa: T201 - a script


if __name__ == "__main__":
    main(*sys.argv[1:])
