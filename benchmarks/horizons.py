"""Every horizon from one fit, against learners of survival: Brier score, calibration and time.

    python benchmarks/horizons.py [--data ../shared/data] [--only TABLE]

Half of the deals of a table, drawn at random, are learned from; the other half is evaluated on.
fitmodel is fitted at one horizon and answers at all; "for each alone" is fitmodel trained once per
horizon. Compared with scikit-survival's gradient boosting and, where it is installed, hazardous
(SurvivalBoost), both at their defaults behind a one-hot encoder. dnamite brings torch with CUDA,
gigabytes that a benchmark does not pull in: it is left out.

The integrated Brier score is weighted by the inverse probability of not being censored (Graf et
al. 1999; scikit-survival's). The calibration error at a month is the mean distance, over quarters
of the predicted risk, between mean prediction and Kaplan-Meier share. Times are of the processor.
It goes on where it was stopped: results/horizons.json.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _results import FOLDER, Results
from quality import LAPSE, SME
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import fitmodel
from fitmodel.datasets.telco import load_telco
from fitmodel.deals.history import HistoryView, view_of
from fitmodel.deals.survival import kaplan_meier
from fitmodel.learning.curve_fitting import learned_curve
from fitmodel.learning.learner import cross_fitted, learn

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Table:
    """A table of deals: its contract, the months evaluated at and how many rows are used."""

    load: Callable[[Path | None], tuple[pd.DataFrame, fitmodel.DealSpec]]
    months: tuple[int, ...]
    until: int
    rows: int


def _simulated(_data: Path | None) -> tuple[pd.DataFrame, fitmodel.DealSpec]:
    sim = fitmodel.simulate_deals(2_000, seed=11, rep_effects=False)
    return sim.deals, sim.spec


def _telco(_data: Path | None) -> tuple[pd.DataFrame, fitmodel.DealSpec]:
    deals, spec = load_telco()
    return fitmodel.read_deals(deals, spec), spec


def _sme(data: Path | None) -> tuple[pd.DataFrame, fitmodel.DealSpec]:
    spec = fitmodel.DealSpec(
        deals={"tenure_months": "months_active", "churned": "churned"},
        label={"horizon_months": 5},
        attributes={"include": SME},
    )
    return fitmodel.read_deals(_folder(data) / "saas_sme" / "deals.csv", spec), spec


def _lapse(data: Path | None) -> tuple[pd.DataFrame, fitmodel.DealSpec]:
    spec = fitmodel.DealSpec(
        deals={
            "closed_on": "close_date",
            "churned_on": "churn_date",
            "exited_on": "exit_date",
            "observed_until": "2010-05-12",
        },
        label={"horizon_months": 12},
        attributes={"include": LAPSE},
    )
    return fitmodel.read_deals(_folder(data) / "us_lapse" / "deals.csv", spec), spec


def _folder(data: Path | None) -> Path:
    if data is None:
        raise SystemExit("give --data, the folder with this table")
    return data


TABLES = {
    "simulated": Table(_simulated, (3, 5, 12), 18, 2_000),
    "telco": Table(_telco, (3, 5, 12), 24, 2_000),
    "saas_sme": Table(_sme, (3, 5, 10), 10, 1_600),
    "us_lapse": Table(_lapse, (3, 12, 24), 24, 3_000),
}


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


def halves(table: Table, data: Path | None) -> Half:
    """Draw the rows of a table and halve them at random."""
    view = view_of(*table.load(data))
    chosen = np.random.default_rng(0).permutation(len(view))[: table.rows]
    middle = len(chosen) // 2
    return Half(view.subset(np.sort(chosen[:middle])), view.subset(np.sort(chosen[middle:])), table)


def with_fitmodel(half: Half, horizon: int | None = None) -> tuple[float, Callable[[], Floats]]:
    """Fit fitmodel; give the seconds and how to predict the share that left by each month."""
    started, spec = time.process_time(), half.train.spec
    if horizon is not None:
        spec = spec.replace(label={"horizon_months": horizon})
    learned = learn(half.train, spec)
    held = cross_fitted(learned.training_set, spec, learned.choice, factor=learned.level.factor)
    curve = learned_curve(learned, held)
    seconds = time.process_time() - started
    attributes = half.test.attributes(learned.training_set.dates).frame

    def predict() -> Floats:
        probability = learned.estimator.predict_proba(attributes)[:, 1]
        stratum = None
        if curve.attribute is not None:
            place = learned.scorecard.attributes.index(curve.attribute)
            codes = learned.estimator._codes(attributes)  # noqa: SLF001 - the codes it scores by
            stratum = curve.strata[codes[:, place]]
        months = [min(month, curve.months) for month in half.grid]
        return curve.left_by(probability, months, stratum)

    return seconds, predict


def for_each_alone(half: Half) -> tuple[float, Callable[[], Floats]]:
    """Fitmodel trained once per month evaluated at; between them nothing is said."""
    fits = {month: with_fitmodel(half, month) for month in half.table.months}

    def predict() -> Floats:
        result = np.full((len(half.test), len(half.grid)), np.nan)
        for month, (_, each) in fits.items():
            result[:, month - 1] = each()[:, month - 1]
        return result

    return sum(seconds for seconds, _ in fits.values()), predict


def _encoded(half: Half) -> tuple[Floats, Floats]:
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
    return encoder.fit_transform(train), encoder.transform(test)


def _surv(view: HistoryView) -> Any:
    from sksurv.util import Surv

    return Surv.from_arrays(view.left, np.maximum(view.followup_months, 0.01))


def with_gradient_boosting(half: Half) -> tuple[float, Callable[[], Floats]]:
    """scikit-survival's gradient boosting (Cox loss), 100 trees."""
    from sksurv.ensemble import GradientBoostingSurvivalAnalysis

    known, asked = _encoded(half)
    started = time.process_time()
    model = GradientBoostingSurvivalAnalysis(random_state=0).fit(known, _surv(half.train))
    seconds = time.process_time() - started

    def predict() -> Floats:
        curves = model.predict_survival_function(asked)
        last = min(max(half.grid), curves[0].domain[1])
        return np.array([1 - each(np.minimum(half.grid, last)) for each in curves])

    return seconds, predict


def with_hazardous(half: Half) -> tuple[float, Callable[[], Floats]]:
    """SurvivalBoost of hazardous at its defaults."""
    from hazardous import SurvivalBoost

    known, asked = _encoded(half)
    outcome = pd.DataFrame(
        {
            "event": half.train.left.astype(int),
            "duration": np.maximum(half.train.followup_months, 0.01),
        }
    )
    started = time.process_time()
    model = SurvivalBoost(random_state=0, show_progressbar=False).fit(known, outcome)
    seconds = time.process_time() - started
    times = np.array(half.grid, dtype=float)

    def predict() -> Floats:
        return np.asarray(model.predict_cumulative_incidence(asked, times))[:, 1, :]

    return seconds, predict


LEARNERS: dict[str, Callable[[Half], tuple[float, Callable[[], Floats]]]] = {
    "fitmodel": with_fitmodel,
    "fitmodel, for each alone": for_each_alone,
    "scikit-survival gradient boosting": with_gradient_boosting,
    "hazardous SurvivalBoost": with_hazardous,
}


def evaluate(
    half: Half, fit: Callable[[Half], tuple[float, Callable[[], Floats]]]
) -> dict[str, Any]:
    """Fit and predict on the other half."""
    seconds, predict = fit(half)
    started = time.process_time()
    left = predict()
    took = time.process_time() - started
    row = {"fit_seconds": seconds, "predict_ms_per_1000": 1e6 * took / len(half.test)}
    if not np.isnan(left).any():
        row["integrated_brier"] = _integrated_brier(half, left)
    for month in half.table.months:
        row[f"brier_{month}"] = _brier(half, left[:, month - 1], month)
        row[f"calibration_{month}"] = _calibration(half.test, left[:, month - 1], month)
    return row


def _scored(half: Half) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Deals whose end lies within what the training half was watched."""
    return half.test.followup_months < half.train.followup_months.max()


def _integrated_brier(half: Half, left: Floats) -> float:
    from sksurv.metrics import integrated_brier_score

    inside = _scored(half)
    ends = _surv(half.train), _surv(half.test)[inside]
    return float(integrated_brier_score(*ends, 1 - left[inside], half.grid))


def _brier(half: Half, left: Floats, month: int) -> float:
    from sksurv.metrics import brier_score

    inside = _scored(half)
    ends = _surv(half.train), _surv(half.test)[inside]
    return float(brier_score(*ends, 1 - left[inside][:, None], [month])[1][0])


def _calibration(test: HistoryView, left: Floats, month: int) -> float:
    """Mean distance between prediction and Kaplan-Meier share over quarters of the risk."""
    part = np.searchsorted(np.quantile(left, [0.25, 0.5, 0.75]), left)
    gaps = []
    for number in np.unique(part):
        inside = part == number
        curve = kaplan_meier(test.followup_months[inside], test.left[inside])
        gaps.append(abs(left[inside].mean() - (1 - curve.at(float(month)))))
    return float(np.nanmean(gaps))


def main() -> None:
    """Fit what is not in the results yet, and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--only", choices=TABLES, action="append")
    asked = parser.parse_args()
    results = Results(FOLDER / "horizons.json")
    for name in asked.only or TABLES:
        if name in {"saas_sme", "us_lapse"} and asked.data is None:
            continue
        half = halves(TABLES[name], asked.data)
        for learner, fit in LEARNERS.items():
            if "hazardous" in learner and importlib.util.find_spec("hazardous") is None:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                (row,) = results.do(
                    lambda half=half, fit=fit: [evaluate(half, fit)], table=name, learner=learner
                )
            print(name, learner, {key: row[key] for key in row if key not in {"table", "learner"}})


if __name__ == "__main__":
    main()
