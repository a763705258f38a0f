"""Value of signing a deal, in the user's own currency.

For a deal of yearly amount ``A`` and early-churn probability ``p``::

    expected value of signing = (1 - p) * value_if_stays(A) + p * value_if_leaves(A)

    value_if_stays(A)  =   margin * A/12 * lifetime       gross margin over the expected lifetime
                         - acquisition - onboarding - opportunity
    value_if_leaves(A) =   margin * A/12 * until_churn    gross margin until the customer left
                         - onboarding - opportunity
                         - support * until_churn          extra support, per month
                         - commission * A                 commission that is not clawed back
                         - word_of_mouth                  cost of bad word of mouth

Each cost is an amount per deal, or a share of the yearly amount written as text (``"8%"``): a big
contract that does not fit takes more people's time than a small one. With shares, both values stay
linear in ``A``, and the expected value is linear in ``p``, so the probability at which it is 0 has
a closed form, ``value_if_stays / (value_if_stays - value_if_leaves)``: the threshold of a
cost-sensitive decision (Elkan 2001, "The foundations of cost-sensitive learning", section 2), here
one per deal. `fitmodel.decision.conditions` returns the calculation line by line.

Assumptions, which the user should check:

* Money is in one currency, ``A`` per year, costs per deal, support per month; ``gross_margin`` and
  ``commission_rate`` are shares (0.8, not 80). Nothing is discounted: to discount, give a shorter
  ``expected_lifetime_months``.
* ``gross_margin`` pays for serving an ordinary customer, including ordinary support.
  ``support_cost_per_month`` is the ADDITIONAL cost of a poor fit while it stays, so it is part of
  ``value_if_leaves`` only.
* Customers pay by the month and stop when they leave, unless ``paid_upfront_months`` are paid in
  advance and not refunded: a customer that leaves earlier has still paid for them. Revenue counts
  as margin in both values, although months that are paid and not used need no delivery: the value
  is a careful estimate.
* ``commission_rate`` is the share of the yearly amount that the rep KEEPS if the customer leaves
  early; with a full clawback it is 0. Commission on customers that stay belongs to
  ``acquisition_cost``.
* ``opportunity_cost`` is what the time of the rep and of the service team would earn elsewhere. It
  is spent whether the customer stays or leaves, so it is part of both values. At 0, not signing is
  assumed to be worth 0.
* ``word_of_mouth_cost`` is the value of the deals that are lost because a customer who left early
  tells others. It is part of ``value_if_leaves`` only.
* ``acquisition_cost`` is what a staying customer has to earn back. Money spent before the decision
  (marketing, the rep's hours) is a sunk cost; set it to 0 to leave it out. Costs of signing itself
  (a partner's fee, set-up) belong to ``onboarding_cost``, which is part of both values.

Laws: the value falls with every cost, and rises with the lifetime and with the months paid in
advance. It falls with ``p`` if a customer that stays is worth more than one that leaves. This is
not so only if the acquisition cost is larger than the whole difference in margin between the two;
such a deal loses money even if the customer stays (`Policy` flags it under ``value`` whatever its
probability). The value rises with the amount unless the shares exceed the margin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from fitmodel.decision.own_months import OwnMonths
from fitmodel.exceptions import SpecError
from fitmodel.renamed import old_attribute
from fitmodel.tables.cells import read_share

FloatArray = npt.NDArray[np.float64]
_Amount = TypeVar("_Amount", float, FloatArray)
Cost: TypeAlias = float | str
"""An amount per deal, or a share of the yearly amount as text, such as "8%"."""

MONTHS_PER_YEAR = 12.0
COSTS = (
    "acquisition_cost",
    "onboarding_cost",
    "support_cost_per_month",
    "word_of_mouth_cost",
    "opportunity_cost",
)
"""Costs that may be given as an amount or as a share of the yearly amount."""


class LinearValue(NamedTuple):
    """The two values of a deal as linear functions of its yearly amount: slope * amount - fixed."""

    stays_slope: float
    stays_fixed: float
    leaves_slope: float
    leaves_fixed: float

    def of_one(self, p: float, amount: float) -> tuple[float, float, float]:
        """Return expected value, value if the customer stays, and break-even of one deal."""
        stays = amount * self.stays_slope - self.stays_fixed
        leaves = amount * self.leaves_slope - self.leaves_fixed
        return float((1.0 - p) * stays + p * leaves), stays, _break_even(stays, leaves)


@dataclass(frozen=True)
class Money:
    """The money of a signed deal; see the module's docstring for the formula and its assumptions.

    Parameters
    ----------
    gross_margin
        Share of revenue left after delivering the product, in (0, 1].
    expected_lifetime_months
        Months from signing until a customer that does not churn early is expected to leave.
    months_until_early_churn
        Mean months from signing until an early churner left.
    acquisition_cost, onboarding_cost
        Cost of winning a customer that stays, and cost of its start, per deal.
    support_cost_per_month
        Cost of the extra support of a poor fit, per month.
    commission_rate
        Share of the yearly amount that the rep keeps although the customer leaves early.
    word_of_mouth_cost
        Cost of the bad word of mouth of a customer who left early, per deal.
    opportunity_cost
        What the time of the rep and the service team would earn elsewhere, per deal.
    paid_upfront_months
        Number of months paid in advance and not refunded, whenever the customer leaves.
    own_months
        Months by a customer's own probability of early churn; ``None``: one lifetime for everybody.
        If a probability is given, they replace ``expected_lifetime_months`` and
        ``months_until_early_churn``, which are then the means of all customers.

    Raises
    ------
    SpecError
        If a value is not a finite number in its range, or the lifetime of a customer that stays is
        shorter than that of one that leaves early.

    Notes
    -----
    The five costs of `COSTS` are amounts, or shares of the yearly amount as text ("8%").
    """

    gross_margin: float
    expected_lifetime_months: float
    months_until_early_churn: float
    acquisition_cost: Cost = 0.0
    onboarding_cost: Cost = 0.0
    support_cost_per_month: Cost = 0.0
    commission_rate: float = 0.0
    word_of_mouth_cost: Cost = 0.0
    opportunity_cost: Cost = 0.0
    paid_upfront_months: float = 0.0
    own_months: OwnMonths | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            given = getattr(self, field.name)
            if field.name == "own_months":
                own_months = OwnMonths(**given) if isinstance(given, Mapping) else given
                object.__setattr__(self, field.name, own_months)
                continue
            if field.name in COSTS and isinstance(given, str):
                self._check_share(field.name, given)
                continue
            value = float(given)
            if not (math.isfinite(value) and value >= 0.0):
                raise SpecError(
                    f"[decision] {field.name} is {value}: give a finite number, 0 or more."
                )
            object.__setattr__(self, field.name, value)  # ints and numpy scalars become floats
        self._check_ranges()

    def _check_share(self, name: str, text: str) -> None:
        if read_share(text) is None:
            raise SpecError(
                f"[decision] {name} is {text!r}: give an amount, or a share of the yearly amount "
                f'such as "8%".'
            )

    def _check_ranges(self) -> None:
        for name in ("gross_margin", "commission_rate"):
            if getattr(self, name) > 1.0:
                raise SpecError(
                    f"[decision] {name} is {getattr(self, name)}: it is a share, so write 0.8 "
                    f"for 80%."
                )
        if self.gross_margin == 0.0:
            raise SpecError("[decision] gross_margin is 0: no deal can then be worth signing.")
        if self.expected_lifetime_months < self.months_until_early_churn:
            raise SpecError(
                f"[decision] expected_lifetime_months is {self.expected_lifetime_months:g}, but "
                f"early churners already stayed {self.months_until_early_churn:g} months on "
                f"average: give the lifetime of a customer that stays, in months."
            )

    def cost(self, name: str, amount: _Amount) -> _Amount:
        """Return one of `COSTS` for a deal of a yearly amount."""
        fixed, share = (part[COSTS.index(name)] for part in self._parts)
        return amount * share + fixed

    @cached_property
    def _parts(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Fixed amount, and share of the yearly amount, of each of `COSTS`; one of them is 0."""
        values = [getattr(self, name) for name in COSTS]
        fixed = tuple(0.0 if isinstance(value, str) else value for value in values)
        shares = (read_share(value) if isinstance(value, str) else None for value in values)
        return fixed, tuple(share or 0.0 for share in shares)

    def months(self, p: float | None = None) -> tuple[float, float]:
        """Return months from signing if the customer stays and if it leaves early."""
        if p is None or self.own_months is None:
            return self.expected_lifetime_months, self.months_until_early_churn
        return self.own_months.of_one(p)

    def linear(self, p: float | None = None) -> LinearValue:
        """Return both values as linear functions of the yearly amount, at a probability p."""
        return self.lines_of(*self.months(p))

    def linear_each(self, p: npt.NDArray[Any] | None) -> LinearValue:
        """Return `linear` of many customers: slopes and fixed parts may have shape (n,)."""
        if p is None or self.own_months is None:
            return self.linear()
        return self.lines_of(*self.own_months.of_many(np.asarray(p, dtype=np.float64)))

    def lines_of(self, lifetime: Any, months: Any) -> LinearValue:
        """Return `linear` for given months if the customer stays and if it leaves."""
        (acquisition, onboarding, support, word_of_mouth, opportunity), share = self._parts
        maximum = max if isinstance(lifetime, float) else np.maximum
        shares = share[0] + share[1] + share[4], share[1] + share[2] * months + share[3] + share[4]
        stays = self.gross_margin * maximum(lifetime, self.paid_upfront_months) / MONTHS_PER_YEAR
        leaves = self.gross_margin * maximum(months, self.paid_upfront_months) / MONTHS_PER_YEAR
        return LinearValue(
            stays - shares[0],
            acquisition + onboarding + opportunity,
            leaves - self.commission_rate - shares[1],
            onboarding + support * months + word_of_mouth + opportunity,
        )

    def value_if_stays(
        self, amount: _Amount, probability: npt.NDArray[Any] | None = None
    ) -> _Amount:
        """Return the value of a customer of a yearly amount that does not churn early."""
        line = self.linear_each(probability)
        return amount * line.stays_slope - line.stays_fixed

    def value_if_leaves(
        self, amount: _Amount, probability: npt.NDArray[Any] | None = None
    ) -> _Amount:
        """Return the value (mostly negative) of a customer of a yearly amount that churns early."""
        line = self.linear_each(probability)
        return amount * line.leaves_slope - line.leaves_fixed

    @property
    def min_amount(self) -> float:
        """Yearly amount below which even a customer that stays loses money."""
        line = self.linear()
        return line.stays_fixed / line.stays_slope if line.stays_slope > 0.0 else math.inf

    least_amount = old_attribute("least_amount", "min_amount")

    @overload
    def expected_value(self, probability: float, amount: float | None) -> float: ...
    @overload
    def expected_value(
        self, probability: npt.NDArray[Any], amount: npt.NDArray[Any] | float | None
    ) -> FloatArray: ...
    def expected_value(
        self, probability: npt.NDArray[Any] | float, amount: npt.NDArray[Any] | float | None
    ) -> FloatArray | float:
        """Return the expected value of signing.

        Parameters
        ----------
        probability
            Calibrated early-churn probability: one number, or an array of shape (n,).
        amount
            Yearly contract value: one number, or an array of shape (n,). ``None``, NaN and
            infinity mean that it is not known.

        Returns
        -------
        float or ndarray of shape (n,)
            Expected value in the currency of the amount; NaN where the amount is not known. The
            elements of an array equal the results for single numbers to the bit.
        """
        if _is_single(probability) and _is_single(amount):
            return self._expected_value_of_one(probability, amount)  # type: ignore[arg-type]  # both are single numbers here
        p = np.asarray(probability, dtype=np.float64)
        known = known_amount(amount)
        return (1.0 - p) * self.value_if_stays(known, p) + p * self.value_if_leaves(known, p)

    def _expected_value_of_one(self, p: float, amount: float | None) -> float:
        if amount is None or not math.isfinite(amount):
            return math.nan
        return self.of_one(p, float(amount))[0]

    def of_one(self, p: float, amount: float) -> tuple[float, float, float]:
        """Return expected value, value if the customer stays, and break-even of one deal."""
        return self.linear(p).of_one(p, float(amount))

    @overload
    def break_even(self, amount: float | None) -> float: ...
    @overload
    def break_even(
        self, amount: npt.NDArray[Any], probability: npt.NDArray[Any] | None = ...
    ) -> FloatArray: ...
    def break_even(
        self, amount: npt.NDArray[Any] | float | None, probability: npt.NDArray[Any] | None = None
    ) -> FloatArray | float:
        """Return the early-churn probability at which the expected value of signing is 0.

        Parameters
        ----------
        amount
            Yearly contract value: one number, or an array of shape (n,).
        probability
            Early-churn probability of each deal, for the months of its own survival curve, shape
            (n,).

        Returns
        -------
        float or ndarray of shape (n,)
            Probability in [0, 1]: 0 if even a customer that stays loses money, 1 if even one that
            leaves early does not; NaN where the amount is not known.
        """
        if _is_single(amount):
            return self._break_even_of_one(amount)  # type: ignore[arg-type]  # a single number here
        known = known_amount(amount)
        stays = self.value_if_stays(known, probability)
        leaves = self.value_if_leaves(known, probability)
        result = np.where(stays < 0.0, 0.0, np.where(np.isnan(known), np.nan, 1.0))
        np.divide(stays, stays - leaves, out=result, where=(stays >= 0.0) & (leaves < 0.0))
        return result

    def _break_even_of_one(self, amount: float | None) -> float:
        if amount is None or not math.isfinite(amount):
            return math.nan
        return self.linear().of_one(0.0, float(amount))[2]


def _break_even(stays: float, leaves: float) -> float:
    if stays < 0.0:
        return 0.0
    return stays / (stays - leaves) if leaves < 0.0 else 1.0


def known_amount(amount: npt.NDArray[Any] | float | None) -> FloatArray:
    """Return amounts as floats; ``None`` and values that are not finite become NaN."""
    return np.where(np.isfinite(values := np.asarray(amount, dtype=np.float64)), values, np.nan)


def _is_single(value: object) -> bool:
    return value is None or isinstance(value, (float, int))
