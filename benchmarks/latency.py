"""One prospect: how long from a mapping to a verdict, beside today's usual ways, in one run.

    python benchmarks/latency.py

fitmodel gives probability, interval, flag, fit, expected value and three reasons; the others give a
probability. All models learn from the same 5,000 simulated deals of 20 attributes; medians over
fresh prospects. On a busy machine a long call is interrupted and a short one is not: there only the
processor's time, from which the ratio is, can be compared.

It cannot show what a network or a service adds: see service.py.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import fitmodel
from fitmodel.datasets.simulation import simulate_prospects
from fitmodel.deals.attributes import attribute_frame
from fitmodel.deals.outcomes import label_deals

DEALS = 5_000
ROUNDS = {"fitmodel": 4_000, "slow": 200}


def main() -> None:
    warnings.filterwarnings("ignore", message=".*counted back from today")  # as open prospects are
    with tempfile.TemporaryDirectory() as folder:
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        simulation = fitmodel.simulate_deals(DEALS, seed=0)
        spec = simulation.spec.replace(tracking={"uri": mlflow.get_tracking_uri()})
        deals = with_four_more(simulation.deals)
        run = fitmodel.train(deals, spec, models=Path(folder) / "models")
        model = fitmodel.load(run.bundle_path)
        prospects = with_four_more(simulate_prospects(ROUNDS["fitmodel"], seed=1).prospects)
        mappings = prospects.astype(object).where(prospects.notna(), None).to_dict("records")
        pipeline = fitted_pipeline(deals, spec)
        ready = attribute_frame(prospects, spec, closed_on=pd.Series("2026-07-01", prospects.index))
        frames = [ready.iloc[[row]] for row in range(ROUNDS["slow"])]
        pyfunc = mlflow.pyfunc.load_model("models:/prospect-fit@champion")
        asked = prospects[list(model.attributes)]  # pyfunc warns of every other column
        raw = [asked.iloc[[row]] for row in range(ROUNDS["slow"])]
        ways = {
            "fitmodel, mapping, 3 reasons": median(model.predict, mappings),
            "fitmodel, mapping, no reasons": median(
                lambda prospect: model.predict(prospect, reasons=0), mappings
            ),
            "fitmodel, one-row frame": median(model.predict, raw),
            "scikit-learn pipeline, one-row frame": median(pipeline.predict_proba, frames),
            "MLflow pyfunc, one-row frame": median(pyfunc.predict, raw),
        }
        start = fresh_process(run.bundle_path)
    fastest = ways["fitmodel, mapping, 3 reasons"][1]
    print(f"{len(model.attributes)} attributes; median milliseconds per prospect")
    print(f"  {'':<38}{'by the clock':>14}{'of processor':>14}{'ratio':>10}")
    for name, (clock, used) in ways.items():
        print(f"  {name:<38}{clock * 1e3:14.4f}{used * 1e3:14.4f}{used / fastest:10.1f}")
    print(f"import + load + first prediction in a fresh process: {start:.2f} s")


def with_four_more(table: pd.DataFrame) -> pd.DataFrame:
    """The simulated company has 16 attributes; four that say nothing make 20."""
    random = np.random.default_rng(len(table))
    return table.assign(
        calls=random.poisson(4, len(table)),
        web_visits=random.poisson(9, len(table)).astype(float),
        hosting=random.choice(["own", "cloud", "both"], len(table)),
        referral=random.choice(["yes", "no"], len(table)),
    )


def fitted_pipeline(deals: pd.DataFrame, spec: fitmodel.DealSpec) -> Any:
    labelled = label_deals(deals, spec)
    pipeline = make_pipeline(
        make_column_transformer(
            (
                make_pipeline(SimpleImputer(), StandardScaler()),
                make_column_selector(dtype_include="number"),
            ),
            (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
        ),
        LogisticRegression(max_iter=1000),
    )
    return pipeline.fit(labelled.attributes, labelled.early_churn)


def median(predict: Callable[[Any], object], prospects: list[Any]) -> tuple[float, float]:
    """Median seconds by the clock and of the processor."""
    for prospect in prospects[:50]:
        predict(prospect)
    clock, used = [], []
    for prospect in prospects:
        begun, before = time.perf_counter(), time.process_time()
        predict(prospect)
        used.append(time.process_time() - before)
        clock.append(time.perf_counter() - begun)
    return statistics.median(clock), statistics.median(used)


def fresh_process(bundle: Path) -> float:
    script = (
        "import sys, fitmodel\n"
        "model = fitmodel.load(sys.argv[1])\n"
        "model.predict(dict.fromkeys(model.attributes))\n"
    )
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", script, str(bundle)], check=True)  # noqa: S603 - ours
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
