"""One fit of the book: labelled deals and settings in, a book of tables out.

    attributes -> columns, codes -> design -> ridge logistic + explainable boosting
               -> blend -> centre, widen -> Book

and the same on resampled deals, a bag at a time, for the interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.learning.additive import BoostingOptions, fit_boosting
from fitmodel.learning.design import Design, make_design
from fitmodel.learning.doubt import Draw, carry
from fitmodel.learning.encoding import encode, fit_columns
from fitmodel.learning.flatten import blend, flatten, mean_over_bags
from fitmodel.learning.logistic import fit_logistic, scatter_logistic

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from fitmodel.learning.additive import Additive
    from fitmodel.learning.book import Book
    from fitmodel.learning.calibration import CalibrationMap
    from fitmodel.learning.columns import Column
    from fitmodel.learning.options import LearnerOptions

LEFT_OUT = -1  # in a bag: the deal only judges when boosting stops


@dataclass(frozen=True, eq=False)
class Prepared:
    """Training deals as the learners see them, with weights for their age and censoring."""

    design: Design
    early_churn: NDArray[np.float64]
    weight: NDArray[np.float64]


Coded = tuple[tuple["Column", ...], "NDArray[np.int32]"]


def code(attributes: pd.DataFrame, options: LearnerOptions) -> Coded:
    """Choose columns from the training deals alone; they are the same whatever the weights."""
    columns = fit_columns(attributes, options.encoding)
    return columns, encode(columns, attributes)


def prepare(
    attributes: pd.DataFrame,
    early_churn: NDArray[np.float64],
    weight: NDArray[np.float64],
    options: LearnerOptions,
    coded: Coded | None = None,
) -> Prepared:
    """Choose columns and bases from the training deals alone; `coded` spares the first."""
    columns, codes = coded or code(attributes, options)
    names = [column.name for column in columns]
    parent_of = dict(options.parents)
    parents = [names.index(parent_of[name]) if name in parent_of else None for name in names]
    design = make_design(columns, codes, early_churn, weight, parents=parents, seed=options.seed)
    return Prepared(design, early_churn, weight)


def age_weights(
    weight: NDArray[np.float64], age_months: NDArray[np.float64], half_life: float | None
) -> NDArray[np.float64]:
    """Let older deals count less, and let the sum say how much information is left.

    The weights are scaled to sum to the effective sample size (Kish 1965), so that penalties mean
    the same with and without weighting.
    """
    aged = weight if half_life is None else weight * 0.5 ** (age_months / half_life)
    scaled: NDArray[np.float64] = aged * (aged.sum() / (aged**2).sum())
    return scaled


def bag_counts(n_deals: int, bags: int, seed: int) -> NDArray[np.int8]:
    """How often each bag draws each deal (bootstrap); a deal not drawn is `LEFT_OUT`."""
    generator = np.random.default_rng(seed)
    counts = np.stack(
        [
            np.bincount(generator.integers(0, n_deals, n_deals), minlength=n_deals)
            for _ in range(bags)
        ],
        axis=1,
    ).astype(np.int8)
    counts[counts == 0] = LEFT_OUT
    return counts


def fit_straight(prepared: Prepared, penalty: float, options: LearnerOptions) -> Additive:
    """Ridge logistic regression of prepared deals, with the user's monotone constraints."""
    return fit_logistic(
        prepared.design,
        prepared.early_churn,
        prepared.weight,
        penalty=penalty,
        monotone=directions(prepared.design.columns, options),
    )


def fit_boosted(
    prepared: Prepared, bags: NDArray[np.int8], pairs: int, options: LearnerOptions
) -> Additive:
    """Explainable boosting of prepared deals, with the user's monotone constraints."""
    columns = prepared.design.columns
    settings = BoostingOptions(
        pairs=_possible_pairs(columns, pairs),
        monotone=directions(columns, options),
        seed=options.seed,
        threads=options.threads,
    )
    return fit_boosting(prepared.design, prepared.early_churn, prepared.weight, bags, settings)


def _possible_pairs(columns: tuple[Column, ...], pairs: int) -> int:
    return min(pairs, len(columns) * (len(columns) - 1) // 2)


def directions(columns: tuple[Column, ...], options: LearnerOptions) -> tuple[int, ...]:
    """Per attribute: 1 where risk must not fall as it grows, -1 where it must not rise, else 0."""
    return tuple(
        (column.name in options.increasing) - (column.name in options.decreasing)
        for column in columns
    )


def fit_book(
    prepared: Prepared,
    *,
    penalty: float,
    boosting_share: float,
    pairs: int,
    calibration: CalibrationMap,
    doubt: tuple[Draw, ...],
    bags: int,
    spread: float,
    options: LearnerOptions,
) -> Book:
    """Fit both learners and their bags on all the deals, and flatten the blend."""
    counts = bag_counts(len(prepared.weight), bags, options.seed)
    draws = list(islice(cycle(doubt or (Draw(penalty),)), bags))
    point = fit_straight(prepared, penalty, options)
    scatter = scatter_logistic(
        prepared.design,
        prepared.early_churn,
        [prepared.weight * np.maximum(counts[:, bag], 0) for bag in range(bags)],
        penalties=[draw.penalty for draw in draws],
        monotone=directions(prepared.design.columns, options),
        seed=options.seed,
    )
    boosted = fit_boosted(prepared, counts, pairs, options) if boosting_share > 0 else None
    centre = blend(point, mean_over_bags(boosted) if boosted is not None else None, boosting_share)
    tells_apart = float(np.std(centre.log_odds(prepared.design.codes)))
    return flatten(
        prepared.design,
        centre,
        carry(blend(scatter, boosted, boosting_share), draws, tells_apart),
        early_churn=prepared.early_churn,
        weight=prepared.weight,
        calibration=calibration,
        spread=spread,
        seed=options.seed,
    )
