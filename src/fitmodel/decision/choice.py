"""Choice of the decision policy from the contract and held-out predictions.

The default policy is ``risk``: a deal is flagged from twice the company's odds of early churn on
(``odds_ratio``), whatever its amount. Odds and not probabilities are multiplied, so that the rule
is meaningful at any level: at a level of 11% it flags from 20% on, at 40% from 57%. "Poor" is
relative to the company's own customers, and the money is shown next to the flag
(`fitmodel.decision.policy`). The policy's description names its kind and the reason.

Similar classes in other libraries, and why they are not used here. scikit-learn's
``FixedThresholdClassifier`` is the policy ``threshold``, and ``TunedThresholdClassifierCV``
searches for the threshold that maximises a score on held-out deals; the tests compare our capacity
and threshold policies with them. empulse's ``CSThresholdClassifier`` uses a cost matrix per deal
and the same break-even threshold as `Money.break_even`; its ``CSRateClassifier`` is ``capacity``.
All of them wrap an estimator, so scikit-learn would have to be imported to score one prospect,
although a comparison is enough. Their search would help little: under ``value`` the best threshold
has a closed form for each deal, given calibrated probabilities, and a search would only add noise.
None of them bounds the share of right flags by its lower confidence limit, as ``precision`` does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fitmodel.decision.conditions import describe_own_months
from fitmodel.decision.money_settings import known_money
from fitmodel.decision.policy import Policy, risk_threshold
from fitmodel.evaluation.sample import Sample
from fitmodel.exceptions import SpecError

if TYPE_CHECKING:
    import numpy.typing as npt

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.survival import SurvivalCurve
    from fitmodel.decision.own_months import OwnMonths
    from fitmodel.decision.value import FloatArray, Money

__all__ = [
    "choose_capacity",
    "choose_policy",
    "choose_precision",
    "known_money",
    "right_flags_lower_limit",
    "risk_threshold",
]

CONFIDENCE = 0.95
"""Confidence of the one-sided lower limit of the share of right flags."""

BIG_QUANTILE = 0.9
"""Quantile of the customers' yearly amounts from which on a deal is big: the top tenth."""

_ROUNDING = 1e-9  # a sum of weights may exceed the bound by a rounding error


def choose_policy(
    spec: DealSpec,
    probability: npt.ArrayLike,
    early_churn: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    amount: npt.ArrayLike | None = None,
    *,
    curve: SurvivalCurve | None = None,
    population: npt.ArrayLike | None = None,
    level: float | None = None,
    customer_amounts: npt.ArrayLike | None = None,
    own_months: OwnMonths | None = None,
) -> Policy:
    """Choose the policy that the contract asks for; without one, ``risk``.

    Parameters
    ----------
    spec
        Contract; used are its ``[decision]``, the horizon and the format of money.
    probability
        Calibrated early-churn probabilities of deals that the model was not fitted on (out of time
        or cross-fitted), shape (n,).
    early_churn
        Outcomes of these deals, 0 or 1, shape (n,).
    weight
        Inverse-probability-of-censoring weights, shape (n,); deals of weight 0 are left out.
    amount
        Yearly contract values, shape (n,); NaN where not known.
    population
        Probabilities of all deals that resemble future prospects, whether or not their outcome is
        known, shape (m,); ``capacity`` flags a share of these. Default: ``probability``.
    curve
        Survival of the training deals; the months until early churn are estimated from it, and the
        lifetime if the contract gives none.
    level
        The company's early-churn rate now, in [0, 1]; default: the weighted rate of the deals given
        here.
    customer_amounts
        Yearly contract values of all customers, shape (m,); the top tenth are big deals. Default:
        ``amount``.
    own_months
        Months that customers stay by their own risk; used if the contract gives no lifetime.

    Returns
    -------
    Policy
        The policy. Its description states which deals are flagged, and their share of these deals.
        A policy of any kind keeps the money, so that it can give an expected value.

    Raises
    ------
    SpecError
        If the contract asks for the policy ``value`` and its money is not known.
    """
    sample = Sample.of(early_churn, probability, weight)
    if level is None:
        level = float(np.average(sample.outcome, weights=sample.weight))
    big_deal = _big_deal(spec, amount if customer_amounts is None else customer_amounts)
    scored = sample if population is None else _population(population)
    policy = _policy(spec, sample, scored, amount, curve, level, own_months)
    policy = replace(policy, level=level, big_deal=big_deal)
    flagged = policy.poor_fit(
        np.asarray(probability), None if amount is None else np.asarray(amount, dtype=np.float64)
    )
    share = np.average(flagged, weights=None if weight is None else np.asarray(weight))
    share_text = f"Of the {len(sample):,} mature past deals it flags {_percent(float(share))}."
    lifetimes_text = "" if policy.money is None else describe_own_months(policy.money, level)
    return replace(policy, description=f"{policy.description} {share_text}{lifetimes_text}")


def _population(probability: npt.ArrayLike) -> Sample:
    """Return a sample of deals of which only the probabilities are known."""
    p = np.asarray(probability, dtype=np.float64)
    return Sample.of(np.zeros(len(p)), p, None)


def _policy(
    spec: DealSpec,
    sample: Sample,
    scored: Sample,
    amount: npt.ArrayLike | None,
    curve: SurvivalCurve | None,
    level: float,
    own_months: OwnMonths | None,
) -> Policy:
    decision = spec.decision
    money, missing = known_money(spec, amount, curve, own_months)
    if money is None and decision.policy == "value":
        raise SpecError(f'[decision] policy = "value" cannot be followed: {missing}.')
    if money is not None and decision.policy == "value":
        return _by_value(spec, money, amount, level)
    if decision.policy == "precision":
        return _by_precision(sample, decision.precision, money)
    if decision.policy == "threshold" and decision.threshold is not None:
        words = f"Flags by a fixed threshold. {_from(decision.threshold)}"
        return Policy("threshold", decision.threshold, money, words)
    if decision.policy == "capacity" or _names_capacity(spec):
        return _by_capacity(scored, decision.capacity, money)
    return _by_risk(decision.odds_ratio, level, money, missing)


def _names_capacity(spec: DealSpec) -> bool:
    """Return whether a contract without a policy gives a capacity other than the default."""
    default = type(spec.decision).model_fields["capacity"].default
    return spec.decision.policy is None and spec.decision.capacity != default


def _big_deal(spec: DealSpec, amounts: npt.ArrayLike | None) -> float | None:
    """Return the yearly amount from which on a deal is big.

    It is the contract's, or else the 90th percentile of the customers' amounts; ``None`` if no
    amounts are known, or if the percentile is not above the median: then no deal is big.
    """
    if spec.decision.big_deal is not None:
        return spec.decision.big_deal
    known = np.asarray([] if amounts is None else amounts, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not known.size:
        return None
    median, big = np.quantile(known, [0.5, BIG_QUANTILE], method="higher")
    return float(big) if big > max(median, 0.0) else None


def choose_capacity(sample: Sample, capacity: float) -> float | None:
    """Return the lowest threshold that flags at most the share ``capacity`` of deals.

    ``None`` if even the riskiest (tied) deals are more than that share.
    """
    shares = np.cumsum(sample.per_tie(sample.weight)) / np.sum(sample.weight)
    return _last_threshold(sample, shares <= capacity + _ROUNDING)


def choose_precision(sample: Sample, precision: float) -> float | None:
    """Return the lowest threshold at which the share of right flags is at least ``precision``.

    The share is estimated by its lower one-sided 95% limit (`right_flags_lower_limit`); ``None``
    if no threshold reaches ``precision``. The limit of each threshold is not corrected for multiple
    comparisons: in simulations with 200 to 5,000 deals the true share was below the bound in 3 to
    8% of the choices.
    """
    return _last_threshold(sample, right_flags_lower_limit(sample) >= precision)


def right_flags_lower_limit(sample: Sample) -> FloatArray:
    """Return the lower one-sided 95% limit of the share of right flags at every threshold.

    Clopper-Pearson, with the effective number of the weighted deals (Korn & Graubard 1998,
    "Confidence intervals for proportions with small expected number of positive counts estimated
    from survey data", Survey Methodology 24, page 193).

    Returns
    -------
    ndarray of shape (ties,)
        One limit per distinct probability, highest probability first.
    """
    from scipy.stats import beta

    weight = np.cumsum(sample.per_tie(sample.weight))
    right_share = np.cumsum(sample.per_tie(sample.weight * sample.outcome)) / weight
    effective_size = weight**2 / np.cumsum(sample.per_tie(sample.weight**2))
    hits = effective_size * right_share
    has_hits = hits > _ROUNDING
    limits = np.zeros(len(hits))
    limits[has_hits] = beta.ppf(
        1.0 - CONFIDENCE, hits[has_hits], effective_size[has_hits] - hits[has_hits] + 1.0
    )
    return limits


def _last_threshold(sample: Sample, allowed: npt.NDArray[np.bool_]) -> float | None:
    positions = np.flatnonzero(allowed)
    return float(sample.probability[sample.tie_starts[positions[-1]]]) if positions.size else None


def _by_risk(odds_ratio: float, level: float, money: Money | None, missing: str) -> Policy:
    threshold = risk_threshold(level, odds_ratio)
    if threshold is None:
        words = "Flags nothing: no customer left early, so no prospect can be riskier than usual."
        return Policy("risk", None, money, words)
    money_text = "" if money is not None else f" No money is shown beside it: {missing}."
    words = (
        f"Flags by risk alone, from {odds_ratio:g} times the company's odds of early churn on. "
        f"{_from(threshold)} The company's level is {_percent(level)}.{money_text}"
    )
    return Policy("risk", threshold, money, words)


def _by_value(spec: DealSpec, money: Money, amount: npt.ArrayLike | None, level: float) -> Policy:
    amounts = np.asarray(amount, dtype=np.float64)
    median = float(np.median(amounts[np.isfinite(amounts)]))
    break_even = money.break_even(median)
    odds_ratio = spec.decision.odds_ratio
    risk_limit = risk_threshold(level, odds_ratio)
    risk_text = (
        ""
        if risk_limit is None
        else f"Whatever its amount, a deal is flagged from {_percent(risk_limit)} on "
        f"({odds_ratio:g} times the company's odds of early churn): money makes no risky deal "
        f"good. "
    )
    words = (
        f"Flags a deal whose expected value of signing is negative. At the median amount of "
        f"{spec.words.money.format(median)} a year, also used for a deal without an amount, "
        f"{_break_even_text(break_even)}. {risk_text}{_always_flagged_text(spec, money, amounts)}"
        f"{_lifetimes_text(spec, money)}"
    )
    return Policy("value", break_even, money, words, risk_threshold=risk_limit)


def _by_capacity(sample: Sample, capacity: float, money: Money | None) -> Policy:
    threshold = choose_capacity(sample, capacity)
    threshold_text = _TIED_TEXT if threshold is None else _from(threshold)
    words = f"Flags the riskiest {_percent(capacity)} of deals. {threshold_text}"
    return Policy("capacity", threshold, money, words)


def _by_precision(sample: Sample, precision: float, money: Money | None) -> Policy:
    threshold = choose_precision(sample, precision)
    if threshold is not None:
        words = (
            f"Flags as many deals as it can while at least {_percent(precision)} of the flags are "
            f"right (with 95% confidence). {_from(threshold)}"
        )
        return Policy("precision", threshold, money, words)
    best = float(right_flags_lower_limit(sample).max())
    words = (
        f"Flags nothing: no threshold keeps {_percent(precision)} of the flags right with 95% "
        f"confidence; {_percent(best)} is the most that can be claimed. Lower precision, or judge "
        f"it on more deals."
    )
    return Policy("precision", None, money, words)


_TIED_TEXT = "Too many deals share the highest probability to flag so few: nothing is flagged."


def _break_even_text(break_even: float) -> str:
    if break_even <= 0.0:
        return "even a customer that stays loses money, so it is flagged at any probability"
    if break_even >= 1.0:
        return "even an early churner pays for itself, so it is never flagged for its money"
    return f"that is from an early-churn probability of {_percent(break_even)} on"


def _always_flagged_text(spec: DealSpec, money: Money, amounts: FloatArray) -> str:
    """Return a sentence on the deals that are flagged because of their amount alone, or ""."""
    always_flagged = money.value_if_stays(amounts[np.isfinite(amounts)]) < 0.0
    if not always_flagged.any():
        return ""
    limit = spec.words.money.format(money.min_amount)
    return (
        f"Below {limit} a year even a customer that stays loses money: such deals, "
        f"{_percent(float(always_flagged.mean()))} of these, are flagged at any probability. "
    )


def _lifetimes_text(spec: DealSpec, money: Money) -> str:
    given = spec.decision.expected_lifetime_months is not None
    source = "as given" if given else "estimated from the deals, on the careful side"
    return (
        f"A customer that stays is taken to stay {money.expected_lifetime_months:.3g} months "
        f"({source}), an early churner {money.months_until_early_churn:.2g}."
    )


def _from(threshold: float) -> str:
    return f"A deal is flagged from an early-churn probability of {_percent(threshold)} on."


def _percent(share: float) -> str:
    return f"{100.0 * share:.3g}%"
