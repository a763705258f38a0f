"""The reproduce block changes with whatever would change the model, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import fitmodel
from fitmodel.deals.contract import DealSpec
from fitmodel.reports.reproduce import PACKAGES, reproduce_block

SPEC = DealSpec(deals={"tenure_months": "tenure", "churned": "left"})


def block(source="deals.csv", spec=SPEC, **more):
    return reproduce_block(source, spec, "ab" * 16, 1234, **more)


def test_it_names_the_deals_the_contract_the_seed_and_the_versions() -> None:
    result = block()

    assert result["deals"] == "1,234 as read"
    assert result["deals digest"] == "ab" * 16
    assert result["seed"] == "0"
    assert f"fitmodel {fitmodel.__version__}" in result["versions"]
    assert all(name in result["versions"] for name in PACKAGES)


def test_the_contract_digest_follows_the_contract() -> None:
    other = SPEC.replace(label={"horizon_months": 6})

    assert block()["contract digest"] == block(source="elsewhere.csv")["contract digest"]
    assert block()["contract digest"] != block(spec=other)["contract digest"]


def test_the_command_names_the_file_and_no_folder_of_this_machine() -> None:
    result = block(Path("/home/me/my deals.csv"), allow=("last login",))

    assert result["command"] == "fitmodel train 'my deals.csv' --allow 'last login'"
    assert "/home" not in str(result)


def test_a_frame_and_a_classifier_of_ones_own_are_a_call_in_python() -> None:
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
