"""What each setting of explainable boosting gains, one changed at a time, by amount of data.

Run: python benchmarks/settings.py [--data FOLDER] [--only NAME ...]

Tables and splits are those of benchmarks/quality.py: rolling cuts in time where there are dates.
Log loss of boosting alone on the soft labels, before calibration, as its distance to the settings
in use; below 0 is better. The distance's standard error is paired deal by deal.

It cannot show the whole learner's loss: calibration and the ridge regression may undo a difference.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from quality import Split, losses, noise, tables_of

from fitmodel.learning.encoding import encode_leniently
from fitmodel.learning.settings import REPLICATES, LearnerOptions, Settings, native_threads
from fitmodel.learning.stages import (
    BoostingOptions,
    bootstrap_counts,
    fit_and_encode,
    fit_boosting,
    follow_up_of,
    impute,
)


@dataclass(frozen=True)
class Way:
    """One way to boost."""

    options: BoostingOptions = field(default_factory=BoostingOptions)
    pairs: int = 5
    replicates: int = REPLICATES


def ways() -> dict[str, Way]:
    """The settings in use and what differs in one of them."""
    used = Way()

    def changed(**settings: float) -> Way:
        return replace(used, options=replace(used.options, **settings))

    return {
        "in use": used,
        "2 deals in a leaf": changed(min_leaf=2),
        "10 deals in a leaf": changed(min_leaf=10),
        "25 deals in a leaf": changed(min_leaf=25),
        "learning rate 0.015": changed(learning_rate=0.015),
        "learning rate 0.1": changed(learning_rate=0.1),
        "smoothing 0": changed(smoothing=0),
        "smoothing 300": changed(smoothing=300),
        "patience of 10 rounds": changed(patience=10),
        "patience of 100 rounds": changed(patience=100),
        "no pairs": replace(used, pairs=0),
        "3 pairs": replace(used, pairs=3),
        "10 pairs": replace(used, pairs=10),
        "6 replicates": replace(used, replicates=6),
        "24 replicates": replace(used, replicates=24),
    }


def predict(split: Split, way: Way) -> np.ndarray:
    """Probability of boosting alone."""
    options, train = LearnerOptions.from_spec(split.spec, split.train.dates), split.train
    columns, codes = fit_and_encode(train.attributes, options)
    imputed = impute(columns, codes, follow_up_of(train), Settings().penalty, options)
    width = len(columns)
    settings = replace(way.options, pairs=min(way.pairs, width * (width - 1) // 2))
    replicates = bootstrap_counts(len(train), way.replicates, options.seed)
    model = fit_boosting(imputed.design, imputed.early_churn, imputed.weight, replicates, settings)
    asked, _ = encode_leniently(columns, split.test.attributes)
    return 1 / (1 + np.exp(-model.log_odds(asked)))


def compare(name: str, splits: list[Split]) -> None:
    """Print a row per way."""
    base: list[np.ndarray] = []
    weights = [split.test.weight for split in splits]
    for label, way in ways().items():
        start = time.perf_counter()
        lost = [losses(split, predict(split, way)) for split in splits]
        seconds = (time.perf_counter() - start) / len(splits)
        base = base or lost
        pairs = zip(lost, weights, strict=True)
        mean = np.mean([np.average(loss, weights=weight) for loss, weight in pairs])
        used = np.mean([np.average(a, weights=w) for a, w in zip(base, weights, strict=True)])
        gap = f"{mean - used:+.4f} ± {noise(lost, base, weights):.4f}"
        print(f"| {name} | {label} | {mean:.4f} | {gap} | {seconds:.1f} |", flush=True)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=None, help="folder of the real tables")
    parser.add_argument("--only", nargs="*", default=None, help="tables to run")
    given = parser.parse_args()
    print("| table | way | log loss | behind what is in use | s |\n|---|---|---|---|---|")
    with warnings.catch_warnings(), native_threads(1):
        warnings.simplefilter("ignore")
        for name, make in tables_of(given.data).items():
            if given.only is None or name in given.only:
                compare(name, list(make()))


if __name__ == "__main__":
    main()
