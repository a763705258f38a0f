"""Values that a section of the contract refuses, with the message."""

from __future__ import annotations

import pytest

from fitmodel.deals.contract import DealSpec, Tracking
from fitmodel.exceptions import SpecError

DEALS = {"tenure_months": "months", "churned": "left"}
REFUSED = "uri holds a password, .*MLFLOW_TRACKING_URI.*MLFLOW_TRACKING_PASSWORD"


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://u:S3cret@host/mlflow",
        "postgresql+psycopg://u:S3cret%40@host:5432/mlflow",
        "https://u:S3cret@mlflow.example.com",
        "HTTPS://S3cret@mlflow.example.com",
        "mysql://host/mlflow?user=u&PASSWORD=S3cret",
        "http://[u:S3cret@host",
    ],
)
def test_a_tracking_uri_with_a_password_is_refused_without_repeating_it(uri: str) -> None:
    for make in (
        lambda: DealSpec(deals=DEALS, tracking={"uri": uri}),
        lambda: DealSpec(deals=DEALS).replace(tracking={"uri": uri}),
        lambda: Tracking(uri=uri),
    ):
        with pytest.raises(SpecError, match=REFUSED) as refused:
            make()
        assert "S3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite:///mlflow.db",
        "sqlite:///C:/a@b/mlflow.db",
        "postgresql://u@host/mlflow",
        "https://mlflow.example.com:8443/at",
        "databricks://profile",
        "./mlruns",
    ],
)
def test_a_tracking_uri_without_a_password_is_accepted(uri: str) -> None:
    assert DealSpec(deals=DEALS, tracking={"uri": uri}).tracking.uri == uri
