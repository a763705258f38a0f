"""An attribute with only one value is left out of learning with a note; it is not an error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import fitmodel
from fitmodel.deals._table_errors import find_errors
from fitmodel.deals.attributes import find_constants, without_attributes
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals, read_deals_with_findings
from fitmodel.exceptions import DealsError

ROLES = {"closed_on": "signed", "churned_on": "left", "observed_until": "2024-12-31"}
SPEC = DealSpec(deals=ROLES)
DEALS = pd.DataFrame(
    {
        "signed": ["2024-01-05", "2024-02-05", "2024-03-05", "2024-04-05"],
        "left": ["2024-02-01", None, None, None],
        "segment": ["smb", "mid", "smb", "mid"],
        "plan": "basic",
        "note": None,
        "seats": [5, None, 5, None],
    }
)


def test_a_constant_column_is_reported_with_its_value() -> None:
    read = read_deals_with_findings(DEALS, SPEC)

    assert [(each.code, each.column, each.count) for each in read.findings] == [
        ("constant", "plan", 4),
        ("constant", "note", 4),
    ]
    assert "every value is 'basic'" in str(read.findings[0])
    assert 'add "plan" to [attributes] exclude' in str(read.findings[0])
    assert read.spec.attribute_names(DEALS.columns) == ("segment", "seats")
    assert read.table["plan"].tolist() == ["basic"] * 4


def test_a_column_with_one_value_and_empty_cells_is_not_constant() -> None:
    assert [each.column for each in find_constants(DEALS[["signed", "left", "seats"]], SPEC)] == []


def test_a_copy_of_the_closing_date_is_a_constant_column() -> None:
    table = DEALS.drop(columns=["plan", "note"]).assign(created=DEALS["signed"])
    other = table.assign(created=["2024-01-01", *DEALS["signed"][1:]])

    (result,) = find_constants(table, SPEC)
    assert (result.column, result.code) == ("created", "constant")
    assert "every value equals that of 'signed'" in str(result)
    assert find_constants(other, SPEC) == ()


def test_constant_role_columns_and_excluded_columns_are_not_reported() -> None:
    spec = SPEC.replace(deals={"rep": "plan"}, attributes={"exclude": ("note",)})

    assert read_deals_with_findings(DEALS, spec).findings == ()


def test_a_constant_column_is_an_error_only_if_no_other_attribute_is_left() -> None:
    assert find_errors(DEALS, SPEC) == []
    with pytest.raises(DealsError, match="plan: every value is .basic.*no other attribute is left"):
        read_deals(DEALS[["signed", "left", "plan"]], SPEC)


def test_the_contract_keeps_constant_columns_if_nothing_is_learned() -> None:
    assert read_deals_with_findings(DEALS, SPEC, to_learn=False).spec == SPEC


def test_a_constant_column_is_removed_from_every_list_of_the_contract() -> None:
    spec = SPEC.replace(
        attributes={
            "include": ("segment", "plan", "seats"),
            "categorical": ("plan", "segment"),
            "actionable": ("plan",),
            "parents": {"segment": "plan"},
        }
    )
    read = read_deals_with_findings(DEALS, spec).spec.attributes

    assert read.include == ("segment", "seats")
    assert (read.categorical, read.actionable, read.parents) == (("segment",), (), {})


def test_removing_no_attributes_returns_the_same_contract() -> None:
    assert without_attributes(SPEC, ()) is SPEC


@pytest.mark.slow
@pytest.mark.usefixtures("mlflow_store")
def test_a_model_is_trained_without_constant_columns_and_warns_about_them(tmp_path) -> None:
    simulation = fitmodel.simulate_deals(800, seed=1, n_attributes=4)
    deals = simulation.deals.assign(tenant="eu-1", nothing=np.nan)
    run = fitmodel.train(deals, simulation.spec, models=tmp_path)

    assert not {"tenant", "nothing"} & set(run.model.attributes)
    texts = [text for text in run.warnings if "left out of learning" in text]
    assert [text.split(":")[0] for text in texts] == ["FM321 tenant", "FM321 nothing"]
