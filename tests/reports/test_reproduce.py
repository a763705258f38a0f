"""The reproduce block changes exactly if something changes that affects the model."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import fitmodel
from fitmodel.deals.contract import DealSpec
from fitmodel.reports.reproduce import PACKAGES, reproduce_block

SPEC = DealSpec(deals={"tenure_months": "tenure", "churned": "left"})


def block(source="deals.csv", spec=SPEC, **more):
    return reproduce_block(source, spec, "ab" * 16, 1234, **more)


def test_the_block_names_deals_contract_seed_and_versions() -> None:
    result = block()

    assert result["deals"] == "1,234 as read"
    assert result["deals digest"] == "ab" * 16
    assert result["seed"] == "0"
    assert f"fitmodel {fitmodel.__version__}" in result["versions"]
    assert all(name in result["versions"] for name in PACKAGES)


def test_the_contract_digest_changes_with_the_contract() -> None:
    other = SPEC.replace(label={"horizon_months": 6})

    assert block()["contract digest"] == block(source="elsewhere.csv")["contract digest"]
    assert block()["contract digest"] != block(spec=other)["contract digest"]


def test_the_command_names_the_file_without_its_folder() -> None:
    result = block(Path("/home/me/my deals.csv"), allow=("last login",))

    assert result["command"] == "fitmodel train 'my deals.csv' --allow 'last login'"
    assert "/home" not in str(result)


def test_for_a_frame_or_an_own_classifier_a_python_call_is_shown() -> None:
    assert block(pd.DataFrame())["command"] == "fitmodel.train(deals, spec)"
    own = block("deals.csv", estimator="LogisticRegression()", allow=("a",))
    assert own["command"] == "fitmodel.train(deals, spec, allow=('a',), estimator=estimator)"
    assert own["estimator"] == "LogisticRegression()"


def test_the_order_in_which_a_contract_names_its_labels_does_not_change_its_digest() -> None:
    labels = {"seats": "number of seats", "plan": "price plan"}
    turned = dict(reversed(labels.items()))
    one, other = (SPEC.replace(words={"labels": each}) for each in (labels, turned))

    assert block(spec=one)["contract digest"] == block(spec=other)["contract digest"]
    third = SPEC.replace(words={"labels": labels | {"plan": "plan"}})
    assert block(spec=third)["contract digest"] != block(spec=one)["contract digest"]
