"""What signing a deal is worth, in the user's own currency.

For a deal of yearly amount ``A`` and early-churn probability ``p``::

    expected value of signing = (1 - p) * value_if_stays(A) + p * value_if_leaves(A)

    value_if_stays(A)  =   margin * A/12 * lifetime       gross margin over the expected lifetime
                         - acquisition - onboarding
    value_if_leaves(A) =   margin * A/12 * until_churn    gross margin until the customer left
                         - onboarding
                         - support * until_churn          extra support, per month
                         - commission * A                 commission that is not clawed back

Both are linear in ``A`` and the whole is linear in ``p``, so the probability at which signing is
worth nothing has a closed form, ``value_if_stays / (value_if_stays - value_if_leaves)``: the
threshold of a cost-sensitive decision (Elkan 2001, "The foundations of cost-sensitive learning",
section 2), here one per deal.

Assumptions, each of them the user's to weigh:

* Money is in one currency, ``A`` per year, costs per deal, support per month; ``gross_margin`` and
  ``commission_rate`` are shares (0.8, not 80). Nothing is discounted: to discount, give a shorter
  ``expected_lifetime_months``.
* ``gross_margin`` pays for serving an ordinary customer, ordinary support included.
  ``support_cost_per_month`` is what a poor fit costs ON TOP of that while it stays, so it stands
  on the leaver's side only.
* Customers pay by the month and stop when they leave; a year paid in advance and kept makes early
  churn cheaper than is said here. Revenue counts as margin on both sides: it has to be delivered.
* ``commission_rate`` is the share of the yearly amount that the rep KEEPS when the customer leaves
  early; with a full clawback it is 0. What is paid on customers that stay belongs to
  ``acquisition_cost``.
* Not signing is worth 0: the rep's time has no better use, and what an unhappy customer tells
  others costs nothing. Both are real; where they matter, add them to ``onboarding_cost``. Left
  out, a break-even is often high and ``value`` flags few but small deals.
* ``acquisition_cost`` is what a staying customer has to earn back. Money spent before the decision
  (marketing, the rep's hours) is gone whether the deal is signed or not: it is sunk, an economist
  leaves it out, and 0 does that. Money that signing itself costs whatever happens later (a
  partner's fee, set-up) belongs to ``onboarding_cost``, which stands on both sides.

Laws: the value rises with the lifetime and falls with every cost. It falls with ``p`` wherever a
customer that stays is worth more than one that leaves; only an acquisition cost larger than the
whole margin between the two turns that round, and such a deal loses money even when the customer
stays (`Policy` flags it whatever its probability). It rises with the amount unless the commission
kept exceeds the margin earned until churn and ``p`` is near 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

from fitmodel.exceptions import SpecError

FloatArray = npt.NDArray[np.float64]
_Amount = TypeVar("_Amount", float, FloatArray)

MONTHS_PER_YEAR = 12.0


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
        Per deal.
    support_cost_per_month
        Extra support of a poor fit, per month.
    commission_rate
        Share of the yearly amount the rep keeps although the customer leaves early.

    Raises
    ------
    SpecError
        A value is not a finite number in its range, or the lifetime of a customer that stays is
        shorter than that of one that leaves early.
    """

    gross_margin: float
    expected_lifetime_months: float
    months_until_early_churn: float
    acquisition_cost: float = 0.0
    onboarding_cost: float = 0.0
    support_cost_per_month: float = 0.0
    commission_rate: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = float(getattr(self, field.name))
            if not (math.isfinite(value) and value >= 0.0):
                raise SpecError(
                    f"[decision] {field.name} is {value}: give a finite number, 0 or more."
                )
            object.__setattr__(self, field.name, value)  # ints and numpy scalars become floats
        self._check_ranges()

    def _check_ranges(self) -> None:
        for name in ("gross_margin", "commission_rate"):
            if getattr(self, name) > 1.0:
                raise SpecError(
                    f"[decision] {name} is {getattr(self, name)}: it is a share, so write 0.8 "
                    f"for 80 %."
                )
        if self.gross_margin == 0.0:
            raise SpecError("[decision] gross_margin is 0: no deal can then be worth signing.")
        if self.expected_lifetime_months < self.months_until_early_churn:
            raise SpecError(
                f"[decision] expected_lifetime_months is {self.expected_lifetime_months:g}, but "
                f"early churners already stayed {self.months_until_early_churn:g} months on "
                f"average: give the lifetime of a customer that stays, in months."
            )

    def value_if_stays(self, amount: _Amount) -> _Amount:
        """Return the value of a customer that does not churn early, of a yearly amount."""
        per_unit = self.gross_margin * self.expected_lifetime_months / MONTHS_PER_YEAR
        return amount * per_unit - (self.acquisition_cost + self.onboarding_cost)

    def value_if_leaves(self, amount: _Amount) -> _Amount:
        """Return the value (mostly negative) of a customer that churns early."""
        months = self.months_until_early_churn
        per_unit = self.gross_margin * months / MONTHS_PER_YEAR - self.commission_rate
        return amount * per_unit - (self.onboarding_cost + self.support_cost_per_month * months)

    @property
    def least_amount(self) -> float:
        """Yearly amount below which even a customer that stays loses money."""
        yearly = self.gross_margin * self.expected_lifetime_months / MONTHS_PER_YEAR
        return (self.acquisition_cost + self.onboarding_cost) / yearly

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
            In the currency of the amount; NaN where the amount is not known. The array's elements
            equal the single numbers to the bit.
        """
        if _is_single(probability) and _is_single(amount):
            return self._expected_value_of_one(probability, amount)  # type: ignore[arg-type]  # both are single numbers here
        p = np.asarray(probability, dtype=np.float64)
        known = known_amount(amount)
        return (1.0 - p) * self.value_if_stays(known) + p * self.value_if_leaves(known)

    def _expected_value_of_one(self, p: float, amount: float | None) -> float:
        if amount is None or not math.isfinite(amount):
            return math.nan
        return self.of_one(p, float(amount))[0]

    def of_one(self, p: float, amount: float) -> tuple[float, float, float]:
        """Return the expected value, the value if it stays and the break-even of one deal.

        Parameters
        ----------
        p
            Calibrated early-churn probability.
        amount
            Yearly contract value, a finite number.
        """
        stays, leaves = self.value_if_stays(amount), self.value_if_leaves(amount)
        return float((1.0 - p) * stays + p * leaves), stays, _break_even(stays, leaves)

    @overload
    def break_even(self, amount: float | None) -> float: ...
    @overload
    def break_even(self, amount: npt.NDArray[Any]) -> FloatArray: ...
    def break_even(self, amount: npt.NDArray[Any] | float | None) -> FloatArray | float:
        """Return the early-churn probability at which signing is worth nothing.

        Parameters
        ----------
        amount
            Yearly contract value: one number, or an array of shape (n,).

        Returns
        -------
        float or ndarray of shape (n,)
            In [0, 1]: 0 where even a customer that stays loses money, 1 where even one that
            leaves early does not; NaN where the amount is not known.
        """
        if _is_single(amount):
            return self._break_even_of_one(amount)  # type: ignore[arg-type]  # a single number here
        known = known_amount(amount)
        stays, leaves = self.value_if_stays(known), self.value_if_leaves(known)
        result = np.where(stays < 0.0, 0.0, np.where(np.isnan(known), np.nan, 1.0))
        between = (stays >= 0.0) & (leaves < 0.0)
        np.divide(stays, stays - leaves, out=result, where=between)
        return result

    def _break_even_of_one(self, amount: float | None) -> float:
        if amount is None or not math.isfinite(amount):
            return math.nan
        return self.of_one(0.0, float(amount))[2]


def _break_even(stays: float, leaves: float) -> float:
    if stays < 0.0:
        return 0.0
    return stays / (stays - leaves) if leaves < 0.0 else 1.0


def known_amount(amount: npt.NDArray[Any] | float | None) -> FloatArray:
    """Return amounts as floats, NaN where ``None`` or not finite."""
    values = np.asarray(amount, dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _is_single(value: object) -> bool:
    return value is None or isinstance(value, (float, int))
