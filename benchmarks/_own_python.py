"""Learners that need a Python of their own, as their packages do not go with fitmodel's.

deals as Parquet -> this file, run by the other Python -> probabilities

The Python with a learner's package is named by an environment variable: AUTOGLUON_PYTHON,
TABPFN_PYTHON, TABICL_PYTHON. The weights of TabPFN and TabICL are downloaded by their packages, or
read from the file that TABPFN_WEIGHTS and TABICL_WEIGHTS name.

Run by the other Python: PYTHON benchmarks/_own_python.py NAME FOLDER SECONDS
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

OUTCOME, WEIGHT = "early_churn", "deal_weight"
PACKAGES = {"AutoGluon": "autogluon.tabular", "TabPFN": "tabpfn", "TabICL": "tabicl"}


def python_of(name: str) -> str | None:
    """The Python that an environment variable names for a learner."""
    return os.environ.get(f"{name.upper()}_PYTHON")


def why_absent(name: str) -> str | None:
    """Why a learner cannot be asked; None where it can."""
    python, variable = python_of(name), f"{name.upper()}_PYTHON"
    if not python:
        return f"{variable} names no Python that has {PACKAGES[name]}"
    if not Path(python).is_file():
        return f"{variable} is {python}, which is not a file"
    code = f"import importlib.util, sys; sys.exit(not importlib.util.find_spec({PACKAGES[name]!r}))"
    done = subprocess.run([python, "-c", code], check=False, capture_output=True)  # noqa: S603
    return None if done.returncode == 0 else f"{variable}: that Python has no {PACKAGES[name]}"


def predict(name: str, train: pd.DataFrame, asked: pd.DataFrame, *, seconds: float) -> np.ndarray:
    """Probabilities of a learner for the rows asked; `train` has the outcome and the weight too."""
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        train.to_parquet(Path(folder, "train.parquet"))
        asked.to_parquet(Path(folder, "asked.parquet"))
        command = [str(python_of(name)), __file__, name, folder, str(seconds)]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(  # noqa: S603 - the Python that the user named
            command, env=environment, check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise RuntimeError(f"{name} failed:\n{done.stderr[-2_000:]}")
        return np.load(Path(folder, "probability.npy"))


def autogluon(train: pd.DataFrame, asked: pd.DataFrame, folder: Path, seconds: float) -> Any:
    """AutoGluon's bagged models for the best log loss, in a time limit, on one core."""
    from autogluon.tabular import TabularPredictor

    predictor = TabularPredictor(
        OUTCOME, problem_type="binary", eval_metric="log_loss", sample_weight=WEIGHT,
        path=str(folder / "models"), verbosity=0,
    )  # fmt: skip
    predictor.fit(
        train, time_limit=seconds, presets="best_quality", dynamic_stacking=False, num_cpus=1,
        num_gpus=0,
    )  # fmt: skip
    return predictor.predict_proba(asked)[1]


def drawn(train: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Rows drawn by their weights, for learners that know none."""
    import numpy as np

    share = train[WEIGHT] / train[WEIGHT].max()
    rows = train[np.random.default_rng(0).random(len(train)) < share]
    return rows.drop(columns=[OUTCOME, WEIGHT]), rows[OUTCOME].astype(int)


def tabpfn(train: pd.DataFrame, asked: pd.DataFrame, _folder: Path, _seconds: float) -> Any:
    """TabPFN at its defaults, on the processor."""
    from tabpfn import TabPFNClassifier

    weights = os.environ.get("TABPFN_WEIGHTS")
    given = {"model_path": weights} if weights else {}
    model = TabPFNClassifier(device="cpu", ignore_pretraining_limits=True, random_state=0, **given)
    return model.fit(*drawn(train)).predict_proba(asked)[:, 1]


def tabicl(train: pd.DataFrame, asked: pd.DataFrame, _folder: Path, _seconds: float) -> Any:
    """TabICL at its defaults, on the processor."""
    from tabicl import TabICLClassifier

    weights = os.environ.get("TABICL_WEIGHTS")
    given = {"model_path": weights, "allow_auto_download": False} if weights else {}
    model = TabICLClassifier(device="cpu", random_state=0, n_jobs=1, **given)
    return model.fit(*drawn(train)).predict_proba(asked)[:, 1]


LEARNERS = {"AutoGluon": autogluon, "TabPFN": tabpfn, "TabICL": tabicl}


def main() -> None:
    """Learn from the folder's training rows; write the probabilities of those asked."""
    import numpy as np
    import pandas as pd

    name, folder, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    train = pd.read_parquet(folder / "train.parquet")
    asked = pd.read_parquet(folder / "asked.parquet")
    probability = LEARNERS[name](train, asked, folder, seconds)
    np.save(folder / "probability.npy", np.asarray(probability, dtype=float))


if __name__ == "__main__":
    main()
