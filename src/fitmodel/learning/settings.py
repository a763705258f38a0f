"""Settings of the learner: the user's options, and what selection chose."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fitmodel.learning.encoding import EncodingOptions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    import pandas as pd
    from threadpoolctl import ThreadpoolController

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.enough import Regime
    from fitmodel.learning.calibration import CalibrationMap
    from fitmodel.learning.columns import Column
    from fitmodel.learning.parents import Parent


REPLICATES = 12
SELECTION_REPLICATES = 3
PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
EFFECT_DEALS = 20_000  # python benchmarks/large.py measures the loss from sampling so many
SHARES = (0.25, 0.5, 0.75, 1.0)
PAIRS = 5
FOLDS = 4
MIN_CHURNERS_TO_BOOST = 150  # with fewer early churners only the ridge regression is used
PROVISIONAL = "posterior"  # the component of a provisional model
# Of a provisional model: least deals of a level, largest number of levels of a category.
PROVISIONAL_MIN_LEVEL, PROVISIONAL_MAX_LEVELS = 10, 8
# Factor on the standard deviation over replicates. python benchmarks/known_truth.py measures the
# coverage of the interval, on the simulated law that the factor was chosen on and on others.
SPREAD = 0.95
PROVISIONAL_SPREAD = 1.25  # the same of a provisional model; see python benchmarks/small.py


@dataclass(frozen=True)
class LearnerOptions:
    """Options of the learner, set before settings are chosen from the data.

    Parameters
    ----------
    encoding : EncodingOptions
        Options for the choice of columns.
    increasing, decreasing : tuple of str
        Attributes whose growth must not lower, or must not raise, the risk.
    parents : tuple of (str, str)
        Attribute and its parent, the attribute to whose rate its levels are shrunk.
    horizon_months : int
        Months within which leaving is early churn.
    components : tuple of str
        Components that the scorecard may have, from `fitmodel.learning._components.COMPONENTS`.
    penalties, shares : tuple of float
        Ridge penalties, and shares of a second component, to compare.
    pairs : int
        Number of pairs of attributes that boosting may choose.
    folds : int
        Number of folds on which settings are chosen.
    replicates : int
        Number of bootstrap replicates for the interval.
    time_budget_seconds : float or None
        Time after which no further component is fitted.
    effect_deals : int
        Number of deals in the sample that effects are learned from, where there are more deals; see
        `fitmodel.learning._sampling`. The level is always estimated from all deals.
    bends : bool
        Whether a number may have an effect that is not monotone.
    changes : bool
        Whether groups whose early churn changed lately are predicted at their present level.
    seed : int
        Seed of all random numbers.
    threads : int
        Number of threads.
    parent : Parent or None
        Another model; contributions are shrunk towards its contributions.
    expect : tuple of (str, str)
        Levels that an expert calls "riskier" or "safer".
    """

    encoding: EncodingOptions = field(default_factory=EncodingOptions)
    increasing: tuple[str, ...] = ()
    decreasing: tuple[str, ...] = ()
    parents: tuple[tuple[str, str], ...] = ()
    horizon_months: int = 5
    components: tuple[str, ...] = ("logistic", "boosted")
    penalties: tuple[float, ...] = PENALTIES
    shares: tuple[float, ...] = SHARES
    pairs: int = PAIRS
    folds: int = FOLDS
    replicates: int = REPLICATES
    time_budget_seconds: float | None = None
    effect_deals: int = EFFECT_DEALS
    bends: bool = True
    changes: bool = True
    seed: int = 0
    threads: int = 1
    parent: Parent | None = None
    expect: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_spec(cls, spec: DealSpec, dates: tuple[str, ...]) -> LearnerOptions:
        """Read the options from a contract; `dates` are the attributes that are dates."""
        attributes, learning = spec.attributes, spec.learning
        return cls(
            encoding=EncodingOptions(
                categorical=attributes.categorical, numeric=attributes.numeric, dates=dates
            ),
            increasing=attributes.increasing,
            decreasing=attributes.decreasing,
            parents=tuple(attributes.parents.items()),
            horizon_months=spec.label.horizon_months,
            components=learning.components,
            penalties=learning.penalties,
            shares=learning.shares,
            pairs=learning.pairs,
            folds=learning.folds,
            replicates=learning.replicates,
            time_budget_seconds=learning.time_budget_seconds,
            effect_deals=learning.effect_deals,
            bends=learning.bends,
            changes=learning.changes,
            seed=learning.seed,
            threads=learning.threads,
            parent=learning.parent,
            expect=tuple(learning.expect.items()),
        )

    def of_regime(self, regime: Regime) -> LearnerOptions:
        """Return the options for a kind of model: a provisional one has fewer levels, no bends."""
        if regime == "full":
            return self
        encoding = replace(
            self.encoding,
            min_level_count=PROVISIONAL_MIN_LEVEL,
            max_levels=PROVISIONAL_MAX_LEVELS,
        )
        return replace(self, encoding=encoding, bends=False)

    @property
    def has_prior(self) -> bool:
        """Whether there is prior knowledge from another model or an expert."""
        return self.parent is not None or bool(self.expect)

    def parent_positions(self, columns: Sequence[Column]) -> list[int | None]:
        """Position of each column's parent attribute, or None."""
        names = [column.name for column in columns]
        parent_of = dict(self.parents)
        return [
            names.index(parent_of[name]) if parent_of.get(name) in names else None for name in names
        ]

    def may_bend(self, columns: Sequence[Column]) -> list[bool]:
        """Per column: whether it may have a bend; a column with a direction may not."""
        return [self.bends and not direction for direction in self.directions(columns)]

    def directions(self, columns: Sequence[Column]) -> tuple[int, ...]:
        """Per column: 1 where risk must not fall as it grows, -1 where it must not rise, else 0."""
        return tuple(
            (column.name in self.increasing) - (column.name in self.decreasing)
            for column in columns
        )


@dataclass(frozen=True)
class ReplicateSettings:
    """Settings of one bootstrap replicate.

    Parameters
    ----------
    penalty : float
        Penalty of its ridge regression.
    slope : float
        Calibration slope: factor on its log-odds.
    """

    penalty: float
    slope: float = 1.0


@dataclass(frozen=True)
class Settings:
    """Chosen settings: with them, the deals and the options, a scorecard can be fitted.

    Parameters
    ----------
    penalty : float
        Ridge penalty.
    shares : tuple of (str, float)
        Share of each component in the weighted sum; they sum to 1.
    pairs : int
        Number of pairs that boosting may choose.
    slope : float
        Calibration slope: factor on the log-odds.
    isotonic : CalibrationMap or None
        Isotonic calibration map, where there are very many deals; it replaces the slope.
    timing : str or None
        Attribute whose levels differ in the timing of leaving.
    replicates : tuple of ReplicateSettings
        Settings of each bootstrap replicate.
    regime : {"full", "provisional"}
        Kind of model.
    prior_weight : float or None
        Estimated weight of another model's contributions; None without another model.
    """

    penalty: float = 3.0
    shares: tuple[tuple[str, float], ...] = (("logistic", 1.0),)
    pairs: int = 0
    slope: float = 1.0
    isotonic: CalibrationMap | None = None
    timing: str | None = None
    replicates: tuple[ReplicateSettings, ...] = ()
    regime: Regime = "full"
    prior_weight: float | None = None

    @property
    def boosting_share(self) -> float:
        """Share of explainable boosting in the weighted sum."""
        return dict(self.shares).get("boosted", 0.0)

    @property
    def spread(self) -> float:
        """Factor on the standard deviation over replicates, for the interval."""
        return SPREAD if self.regime == "full" else PROVISIONAL_SPREAD

    def to_params(self) -> dict[str, Any]:
        """Return the settings as plain values, for a tracked run and the manifest."""
        return {
            "regime": self.regime,
            "penalty": self.penalty,
            **{f"share_{name}": share for name, share in self.shares},
            "pairs": self.pairs,
            "calibration_slope": self.slope,
            "calibration": "slope" if self.isotonic is None else "isotonic",
            "timing_attribute": self.timing or "",
            "bootstrap_replicates": len(self.replicates),
            **({} if self.prior_weight is None else {"prior_weight": self.prior_weight}),
        }


@dataclass(frozen=True, eq=False)
class Choice:
    """Chosen settings, and the table of candidates they were chosen from.

    Parameters
    ----------
    settings : Settings
        The chosen settings.
    table : DataFrame
        One row per candidate: its settings, its held-out log loss, the difference to the best one
        with its paired standard error, the log marginal likelihood of its penalty, and whether it
        was chosen.
    association : float or None
        Of a provisional model: P value of the null hypothesis that attributes and outcomes are
        independent.
    """

    settings: Settings
    table: pd.DataFrame
    association: float | None = None


def native_threads(number: int) -> AbstractContextManager[Any]:
    """Return a context manager that limits the number of OpenMP and BLAS threads.

    Idle OpenMP threads wait by spinning: with two threads on two busy cores, a fit of 23 ms took
    seconds. One thread is rarely slower.
    """
    # finding the libraries takes 3 ms; a new one can only come with a new module
    limiting: AbstractContextManager[Any] = _native_libraries(len(sys.modules)).limit(limits=number)
    return limiting


@lru_cache(maxsize=1)
def _native_libraries(_n_modules: int) -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
