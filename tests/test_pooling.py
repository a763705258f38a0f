"""A model starts from another one, or from several that were pooled."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from fitmodel.cli.main import app
from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import BundleError, SpecError
from fitmodel.learning.parents import Levels, Parent
from fitmodel.pooling import PARENT_FILE, pool_models, read_parent, with_prior

SPEC = DealSpec(deals={"closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"})
DEALS = pd.DataFrame({"signed": ["2025-01-01"], "left": [None], "source": ["outbound"]})


@pytest.fixture
def companies(tmp_path):
    """Folders of two companies' contributions."""
    folders = []
    for name, value in (("a", 0.4), ("b", 0.6)):
        parent = Parent({"source": Levels({"outbound": value}, {"outbound": 0.05})})
        folder = tmp_path / name
        folder.mkdir()
        (folder / PARENT_FILE).write_text(json.dumps(parent.to_dict()))
        folders.append(folder)
    return folders


def test_the_command_pools_and_says_how_to_use_it(companies, tmp_path) -> None:
    output = tmp_path / "parent"
    said = CliRunner().invoke(app, ["pool", *map(str, companies), "--output", str(output)])
    assert said.exit_code == 0, said.output
    assert "2 models pooled" in said.output
    assert 'prior = "' in said.output
    assert 0.2 < read_parent(output).attributes["source"].log_odds["outbound"] < 0.6


def test_one_model_is_no_pool(companies, tmp_path) -> None:
    with pytest.raises(SpecError, match="two models or more"):
        pool_models(companies[:1], tmp_path / "parent")


def test_the_contract_gets_what_the_prior_says_and_keeps_it(companies) -> None:
    spec = SPEC.replace(learning={"prior": str(companies[0])})
    read = with_prior(spec, DEALS)
    assert read.learning.parent == read_parent(companies[0])
    assert read.replace(label={"horizon_months": 3}).learning.parent == read.learning.parent
    assert read.to_dict() == spec.to_dict()
    assert with_prior(SPEC, DEALS) is SPEC


def test_a_prior_that_is_no_model_is_refused_by_its_key(tmp_path) -> None:
    spec = SPEC.replace(learning={"prior": str(tmp_path / "nothing")})
    with pytest.raises(BundleError, match=r"\[learning\] prior: no bundle at"):
        with_prior(spec, DEALS)
    (tmp_path / PARENT_FILE).write_text("{")
    with pytest.raises(BundleError, match="is no JSON"):
        read_parent(tmp_path)


def test_a_level_that_no_attribute_has_is_refused() -> None:
    assert with_prior(SPEC.replace(learning={"expect": {"outbound": "riskier"}}), DEALS)
    with pytest.raises(SpecError, match="'outbond' is a value of none of the 1 attributes"):
        with_prior(SPEC.replace(learning={"expect": {"outbond": "riskier"}}), DEALS)
    with pytest.raises(SpecError, match="expect"):
        SPEC.replace(learning={"expect": {"outbound": "worse"}})
