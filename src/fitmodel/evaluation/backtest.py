"""Backtest: train as of past dates and evaluate on the deals signed next.

cut 1   |=== train ===|- test -|
cut 2   |======== train =======|- test -|            a new model is trained at every cut; the older
cut 3   |============ train ============|- test -|   models also score the later deals: ageing
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from fitmodel.deals.history import HistoryView
from fitmodel.deals.months import DAYS_PER_MONTH
from fitmodel.deals.roles import yearly_amounts
from fitmodel.deals.training_set import LabelledDeals
from fitmodel.evaluation._flags import compute_flagged
from fitmodel.evaluation._report_classes import ONE_LIFETIME, BacktestReport
from fitmodel.evaluation._splits import CUTS, MIN_CHURNERS, ROLLING_SHARE, Split, rolling_cuts
from fitmodel.evaluation.metrics import Metric, compare_log_loss, compute_metrics
from fitmodel.exceptions import DealsError
from fitmodel.learning.stages import level_only_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from fitmodel.deals.contract import DealSpec


__all__ = [
    "CUTS",
    "Split",
    "compute_ageing",
    "compute_backtest",
    "compute_decay",
    "rolling_cuts",
]

PROBABILITY = "probability"
OLD_NAME = "judged"  # of the column `evaluated`; a copy of it until 1.0
COLUMNS = (
    "trained", "evaluated", "months_old", "n_test", "loss", "loss_low", "loss_high", OLD_NAME
)  # fmt: skip


class FitPredict(Protocol):
    """A learner: it is fitted to labelled deals and predicts the probabilities of other deals."""

    def __call__(
        self, train: LabelledDeals, attributes: pd.DataFrame, split: Split, /
    ) -> npt.ArrayLike:
        """Learn only from `train`, and return one probability per row of `attributes`."""


class Flag(Protocol):
    """A decision policy: it flags the deals that should not be signed."""

    def __call__(
        self, p: npt.NDArray[np.float64], amount: npt.NDArray[np.float64], /
    ) -> npt.ArrayLike:
        """Return one bool per deal: True if it should not be signed."""


class Worth(Protocol):
    """Value of signing a deal for each outcome; `Money` implements it.

    Both values are money per deal, NaN where the amount is not known. With probabilities they use
    the months of each customer's own survival curve; without, the same lifetime for all customers.
    """

    @property
    def own_months(self) -> Any:
        """Expected months by a customer's own probability; None: one lifetime for all customers."""

    @property
    def value_if_stays(self) -> Callable[..., Any]:
        """Function of amounts and, optionally, probabilities: value if the customer stays."""

    @property
    def value_if_leaves(self) -> Callable[..., Any]:
        """Function of amounts and, optionally, probabilities: value if the customer leaves."""


def compute_backtest(
    deals: pd.DataFrame | HistoryView,
    spec: DealSpec,
    fit_predict: FitPredict,
    *,
    n_cuts: int = CUTS,
    test_share: float = ROLLING_SHARE,
    min_early_churners: int = MIN_CHURNERS,
    flag: Flag | None = None,
    money: Worth | None = None,
    n_boot: int = 500,
    seed: int = 0,
) -> BacktestReport:
    """Evaluate a learning procedure at past dates.

    Parameters
    ----------
    deals : DataFrame or HistoryView
        As read by ``read_deals``; a view needs an index without duplicates.
    spec : DealSpec
        A contract with dates.
    fit_predict : callable
        ``fit_predict(train, attributes, split)``; called once per cut with the labelled deals as
        known at the cut and the attributes of all deals evaluated at this and later cuts.
    n_cuts, test_share, min_early_churners
        As in `rolling_cuts`.
    flag : callable, optional
        ``flag(p, amount)``; without it the report has no table of flags and money.
    money : Worth, optional
        Value of signing each deal; without it flags are counted, but their money is not.
    n_boot, seed
        Number of resamples and random seed of the bootstrap intervals.

    Raises
    ------
    DealsError
        If the deals cannot be cut (`rolling_cuts`) or the learner returns a wrong number of values.
    """
    table = deals if isinstance(deals, HistoryView) else deals.reset_index(drop=True)
    splits = rolling_cuts(
        table, spec, n_cuts, test_share=test_share, min_early_churners=min_early_churners
    )
    all_predictions = _replay(splits, spec, fit_predict)
    is_fresh = all_predictions["trained"] == all_predictions["evaluated"]
    fresh = all_predictions[is_fresh].reset_index(drop=True)
    metrics = {cut: _metrics(rows, n_boot, seed) for cut, rows in fresh.groupby("evaluated")}
    return BacktestReport(
        metrics=_metrics(fresh, n_boot, seed),
        cuts=pd.DataFrame(
            [_describe(cut, split, fresh, metrics[cut]) for cut, split in enumerate(splits, 1)]
        ),
        ageing=compute_ageing(
            all_predictions, [split.date for split in splits], n_boot=n_boot, seed=seed
        ),
        decay=compute_decay(all_predictions, n_boot=n_boot, seed=seed),
        money=_money(fresh, flag, money),
        predictions=fresh.assign(**{OLD_NAME: fresh["evaluated"]}),
    )


def _replay(splits: list[Split], spec: DealSpec, fit_predict: FitPredict) -> pd.DataFrame:
    """Return each model's predictions of the deals signed after it, at its own and later cuts."""
    tests = [_evaluated_deals(split, spec) for split in splits]
    parts = []
    for cut, split in enumerate(splits):
        train = split.train.labelled()
        later = pd.concat(tests[cut:], keys=range(cut + 1, len(splits) + 1), names=["evaluated"])
        # the model reads as dates what the deals known at its cut showed to be dates
        evaluated = pd.concat([each.test.labelled(train.dates).attributes for each in splits[cut:]])
        probability = np.asarray(fit_predict(train, evaluated, split), dtype=np.float64)
        if probability.shape != (len(evaluated),):
            raise DealsError(
                f"fit_predict gave values of shape {probability.shape} for {len(evaluated)} deals: "
                "it must give one probability per deal."
            )
        rate = level_only_rate(split.train.training_set(), split.train.extract_end)
        rows = later.reset_index("evaluated")
        parts.append(
            rows.assign(
                trained=cut + 1, probability=probability, base_rate=rate, n_train=len(train)
            )
        )
    return pd.concat(parts)


def _evaluated_deals(split: Split, spec: DealSpec) -> pd.DataFrame:
    test, deals = split.test.labelled(), split.test.deals
    amount = spec.deals.amount
    known = np.nan if amount is None else yearly_amounts(deals, spec).loc[test.index]
    return pd.DataFrame(
        {
            "closed_on": deals.loc[test.index, str(spec.deals.closed_on)],
            "early_churn": test.early_churn,
            "weight": test.weight,
            "amount": known,
        },
        index=test.index,
    )


def _metrics(rows: pd.DataFrame, n_boot: int, seed: int) -> dict[str, Metric]:
    return compute_metrics(
        rows["early_churn"],
        rows["probability"],
        weight=rows["weight"],
        base_rate=rows["base_rate"],
        n_boot=n_boot,
        seed=seed,
    )


def _describe(
    cut: int, split: Split, fresh: pd.DataFrame, metrics: Mapping[str, Metric]
) -> dict[str, Any]:
    rows = fresh[fresh["evaluated"] == cut]
    description: dict[str, Any] = {
        "cut": cut,
        "date": split.date,
        "until": rows["closed_on"].max(),
        "n_train": int(rows["n_train"].iloc[0]),
        "n_test": len(rows),
        "early_churners": int(rows["early_churn"].sum()),
        "train_rate": float(rows["base_rate"].iloc[0]),
        "test_rate": float(np.average(rows["early_churn"], weights=rows["weight"])),
    }
    for name, metric in metrics.items():
        limits = {
            f"{name}_low": metric.low,
            f"{name}_high": metric.high,
            f"{name}_base": metric.base,
        }
        description |= {name: metric.value, **limits}
    return description


def _money(fresh: pd.DataFrame, flag: Flag | None, money: Worth | None) -> pd.DataFrame:
    """Evaluate the flags at every cut, and of all cuts together in the last row."""
    if flag is None:
        return pd.DataFrame()
    cuts: list[tuple[Any, pd.DataFrame]] = [*fresh.groupby("evaluated"), ("all", fresh)]
    return pd.DataFrame([{"cut": cut, **_flagged(rows, flag, money)} for cut, rows in cuts])


def _flagged(rows: pd.DataFrame, flag: Flag, money: Worth | None) -> dict[str, float]:
    """Count the flags and sum up their money, by each customer's own curve if there is one."""
    amount, probability = (
        rows[name].to_numpy(dtype=np.float64) for name in ("amount", PROBABILITY)
    )
    evaluated = rows["early_churn"], flag(probability, amount), rows["weight"]
    if money is None:
        return compute_flagged(*evaluated)
    counts = compute_flagged(*evaluated, **_values(money, amount, probability))
    if money.own_months is None:
        return counts
    one_lifetime = compute_flagged(*evaluated, **_values(money, amount, None), n_boot=0)
    return counts | {ONE_LIFETIME: one_lifetime["net"]}


def _values(
    money: Worth, amount: npt.NDArray[np.float64], probability: npt.NDArray[np.float64] | None
) -> dict[str, Any]:
    return {
        "value_if_leaves": money.value_if_leaves(amount, probability),
        "value_if_stays": money.value_if_stays(amount, probability),
    }


def compute_ageing(
    predictions: pd.DataFrame, dates: list[pd.Timestamp], *, n_boot: int = 500, seed: int = 0
) -> pd.DataFrame:
    """Compare each model with the newer one that was trained just before the evaluated deals.

    Parameters
    ----------
    predictions : DataFrame
        Each model's predictions of the deals of its own and all later cuts: columns `trained`
        and `evaluated` (numbers of the cuts, from 1, at which the model was trained and the deal
        evaluated), `early_churn`, `probability`, `weight`. The deals of one cut are in the same
        order for every model.
    dates : list of Timestamp
        The cuts' dates.
    n_boot, seed
        Number of resamples and random seed of the paired bootstrap intervals.

    Returns
    -------
    DataFrame
        One row per old model and later cut: `trained` and `evaluated`, `months_old` (months between
        their dates), `n_test`, `loss` (log loss of the old model minus that of the new one; above
        0 the old one is worse), `loss_low`, `loss_high`.
    """
    predictions = _with_new_name(predictions)
    rows: list[tuple[Any, ...]] = []
    for training_cut, evaluation_cut in combinations(range(1, len(dates) + 1), 2):
        evaluated = predictions[predictions["evaluated"] == evaluation_cut]
        old, new = (
            evaluated[evaluated["trained"] == cut] for cut in (training_cut, evaluation_cut)
        )
        loss = _compare(old, new, n_boot, seed)
        months = (dates[evaluation_cut - 1] - dates[training_cut - 1]).days / DAYS_PER_MONTH
        measured = (months, len(old), loss.value, loss.low, loss.high)
        rows.append((training_cut, evaluation_cut, *measured, evaluation_cut))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def compute_decay(predictions: pd.DataFrame, *, n_boot: int = 500, seed: int = 0) -> Metric | None:
    """Compare a model that was never retrained since the first cut with retraining at every cut.

    Parameters are those of `compute_ageing`.

    Returns
    -------
    Metric or None
        Log loss lost by never retraining, on the deals of the second and later cuts; an interval
        above 0 is evidence of decay. None if there is only one cut. The old model was also trained
        on fewer deals: without drift, the loss is what more training deals would have gained.
    """
    predictions = _with_new_name(predictions)
    later = predictions[predictions["evaluated"] > 1]
    if later.empty:
        return None
    old = later[later["trained"] == 1]
    return _compare(old, later[later["trained"] == later["evaluated"]], n_boot, seed)


def _with_new_name(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return predictions whose column `evaluated` may still have its old name."""
    if "evaluated" in predictions:
        return predictions
    return predictions.rename(columns={OLD_NAME: "evaluated"})


def _compare(old: pd.DataFrame, new: pd.DataFrame, n_boot: int, seed: int) -> Metric:
    return compare_log_loss(
        old["early_churn"],
        old["probability"],
        new["probability"],
        weight=old["weight"],
        n_boot=n_boot,
        seed=seed,
    )
