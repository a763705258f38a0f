"""Settings of the learner, and the choice among them that the data made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fitmodel.learning.calibration import CalibrationMap
from fitmodel.learning.doubt import Draw
from fitmodel.learning.encoding import EncodingOptions

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec


BOOSTING_CHURNERS = 150  # below, only the penalised logistic part is used
BAGS = 12
CHOOSING_BAGS = 3
# On the deviation over bags. python benchmarks/known_truth.py holds it against the truth, on the
# law that it was chosen on and on others.
SPREAD = 1.2


@dataclass(frozen=True)
class LearnerOptions:
    """What the user says about the attributes, and the seed.

    Parameters
    ----------
    encoding : EncodingOptions
    increasing, decreasing : tuple of str
        Attributes whose growth never lowers, or never raises, the risk.
    parents : dict of str to str
        Attribute to the attribute its levels' rates are drawn towards.
    seed, threads : int
    """

    encoding: EncodingOptions = field(default_factory=EncodingOptions)
    increasing: tuple[str, ...] = ()
    decreasing: tuple[str, ...] = ()
    parents: tuple[tuple[str, str], ...] = ()
    seed: int = 0
    threads: int = 1

    @classmethod
    def from_spec(cls, spec: DealSpec, dates: tuple[str, ...]) -> LearnerOptions:
        """Read the options from a contract and the attributes found to be dates."""
        attributes = spec.attributes
        return cls(
            encoding=EncodingOptions(
                categorical=attributes.categorical, numeric=attributes.numeric, dates=dates
            ),
            increasing=attributes.increasing,
            decreasing=attributes.decreasing,
            parents=tuple(attributes.parents.items()),
            seed=spec.learning.seed,
            threads=spec.learning.threads,
        )


@dataclass(frozen=True, eq=False)
class Choice:
    """What was chosen on the folds, and the table it was chosen from.

    Parameters
    ----------
    penalty : float
        Of the ridge logistic part.
    half_life_months : float or None
        A deal this much older counts half; None: all deals count alike.
    boosting_share : float
        Share of explainable boosting in the blend, 0 to 1.
    pairs : int
        How many pairs boosting may choose.
    calibration : CalibrationMap
        Fitted on the folds' predictions of deals not trained on.
    table : DataFrame
        A row per candidate: its settings, log loss on the folds, the paired standard error of its
        distance to the best, and whether it was chosen.
    doubt : tuple of Draw
        What the folds leave open, a draw for each bag.
    """

    penalty: float
    half_life_months: float | None
    boosting_share: float
    pairs: int
    calibration: CalibrationMap
    table: pd.DataFrame
    doubt: tuple[Draw, ...] = ()
