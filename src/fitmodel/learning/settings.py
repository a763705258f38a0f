"""Settings of the learner: the user's options, and what selection chose."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fitmodel.learning.encoding import EncodingOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from threadpoolctl import threadpool_limits

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.enough import Regime
    from fitmodel.learning.calibration import CalibrationMap
    from fitmodel.learning.columns import Column
    from fitmodel.learning.parents import Parent


REPLICATES = 12
SELECTION_REPLICATES = 3
PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
EFFECT_DEALS = 20_000  # python benchmarks/large.py measures what a sample of so many loses
SHARES = (0.25, 0.5, 0.75, 1.0)
PAIRS = 5
FOLDS = 4
MIN_CHURNERS_TO_BOOST = 150  # below, only the ridge regression is used
PROVISIONAL = "posterior"  # the component of a provisional model
PROVISIONAL_MIN_LEVEL, PROVISIONAL_MAX_LEVELS = 10, 8  # deals of a level, levels of a category
# On the deviation over replicates. python benchmarks/known_truth.py compares the interval with
# the truth, on the law that it was chosen on and on others.
SPREAD = 0.95
PROVISIONAL_SPREAD = 1.25  # of a provisional model; python benchmarks/small.py compares it


@dataclass(frozen=True)
class LearnerOptions:
    """What is settled before the data choose.

    Parameters
    ----------
    encoding : EncodingOptions
    increasing, decreasing : tuple of str
        Attributes whose growth never lowers, or never raises, the risk.
    parents : tuple of (str, str)
        Attribute, and the attribute to whose rate its rare levels are shrunk.
    horizon_months : int
    components : tuple of str
        Components that may enter the scorecard, of `fitmodel.learning.components.COMPONENTS`.
    penalties, shares : tuple of float
        Ridge penalties, and shares of a second component, that are tried.
    pairs : int
        How many pairs of attributes boosting may choose.
    folds : int
        On which settings are chosen.
    replicates : int
        Bootstrap replicates for the interval.
    time_budget_seconds : float or None
        After which no further component is tried.
    effect_deals : int
        Effects are learned from a sample of so many, where there are more deals, see
        `fitmodel.learning.sampling`; the level is always of all.
    bends : bool
        Whether numbers whose effect turns may get a bend of their own.
    seed, threads : int
    parent : Parent or None
        Another model, towards whose contributions those of the deals are drawn.
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
    seed: int = 0
    threads: int = 1
    parent: Parent | None = None
    expect: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_spec(cls, spec: DealSpec, dates: tuple[str, ...]) -> LearnerOptions:
        """Read the options from a contract and the attributes found to be dates."""
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
            seed=learning.seed,
            threads=learning.threads,
            parent=learning.parent,
            expect=tuple(learning.expect.items()),
        )

    def of_regime(self, regime: Regime) -> LearnerOptions:
        """Few and pooled levels, and no bends, where the model is provisional."""
        if regime == "full":
            return self
        few = replace(
            self.encoding,
            min_level_count=PROVISIONAL_MIN_LEVEL,
            max_levels=PROVISIONAL_MAX_LEVELS,
        )
        return replace(self, encoding=few, bends=False)

    @property
    def has_prior(self) -> bool:
        """Whether anything is said beforehand of attributes or levels."""
        return self.parent is not None or bool(self.expect)

    def parent_positions(self, columns: Sequence[Column]) -> list[int | None]:
        """Position of each column's parent; None where it has none."""
        names = [column.name for column in columns]
        parent_of = dict(self.parents)
        return [
            names.index(parent_of[name]) if parent_of.get(name) in names else None for name in names
        ]

    def may_bend(self, columns: Sequence[Column]) -> list[bool]:
        """Per column: whether its effect may turn. One with a direction may not."""
        return [self.bends and not direction for direction in self.directions(columns)]

    def directions(self, columns: Sequence[Column]) -> tuple[int, ...]:
        """Per column: 1 where risk must not fall as it grows, -1 where it must not rise, else 0."""
        return tuple(
            (column.name in self.increasing) - (column.name in self.decreasing)
            for column in columns
        )


@dataclass(frozen=True)
class ReplicateSettings:
    """How one bootstrap replicate is fitted.

    Parameters
    ----------
    penalty : float
        Of its ridge regression.
    slope : float
        Factor on its log-odds.
    """

    penalty: float
    slope: float = 1.0


@dataclass(frozen=True)
class Settings:
    """What was chosen: all that a fit of the scorecard needs beside the deals.

    Parameters
    ----------
    penalty : float
        Of the ridge regression.
    shares : tuple of (str, float)
        Share of each component in the weighted sum; they sum to 1.
    pairs : int
        How many pairs boosting may choose.
    slope : float
        Calibration: factor on the log-odds.
    isotonic : CalibrationMap or None
        Calibration beyond a line, where there are very many deals.
    timing : str or None
        Attribute whose levels differ in WHEN customers leave.
    replicates : tuple of ReplicateSettings
        One for each bootstrap replicate.
    regime : {"full", "provisional"}
        Way of learning.
    prior_weight : float or None
        Weight that the deals give the contributions of another model; None where there is none.
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
        """Share of explainable boosting."""
        return dict(self.shares).get("boosted", 0.0)

    @property
    def spread(self) -> float:
        """Factor on the deviation over replicates that makes the interval."""
        return SPREAD if self.regime == "full" else PROVISIONAL_SPREAD

    def to_params(self) -> dict[str, Any]:
        """Plain values, for a tracked run and the manifest."""
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
    table : DataFrame
        A row per candidate: its settings, log loss on the folds, the paired standard error of its
        distance to the best, the log evidence of its penalty, and whether it was chosen.
    association : float or None
        Of a provisional model: P value of attributes and outcomes having nothing to do with each
        other.
    """

    settings: Settings
    table: pd.DataFrame
    association: float | None = None


def native_threads(number: int) -> threadpool_limits:
    """Limit OpenMP and BLAS to so many threads, as a context.

    Idle OpenMP threads wait by spinning: two of them on two cores that somebody else uses made a
    fit of 23 ms take seconds. One thread is rarely slower and never a trap.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=number)
