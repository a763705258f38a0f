"""Training with a prior from another model or from several pooled models."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from fitmodel.cli.main import app
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.history import view_of
from fitmodel.exceptions import BundleError, SpecError
from fitmodel.learning.learner import learn, learn_from_set
from fitmodel.learning.parents import Levels, Parent
from fitmodel.pooling import PARENT_FILE, pool_models, read_parent, with_prior
from fitmodel.sales.rep_performance import compute_expected

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


def test_the_command_pools_models_and_explains_how_to_use_the_result(companies, tmp_path) -> None:
    output = tmp_path / "parent"
    done = CliRunner().invoke(app, ["pool", *map(str, companies), "--output", str(output)])
    assert done.exit_code == 0, done.output
    assert "2 models pooled" in done.output
    assert 'prior = "' in done.output
    assert 0.2 < read_parent(output).attributes["source"].log_odds["outbound"] < 0.6


def test_one_model_cannot_be_pooled(companies, tmp_path) -> None:
    with pytest.raises(SpecError, match="two models or more"):
        pool_models(companies[:1], tmp_path / "parent")


def test_the_contract_stores_the_prior(companies) -> None:
    spec = SPEC.replace(learning={"prior": str(companies[0])})
    read = with_prior(spec, DEALS)
    assert read.learning.parent == read_parent(companies[0])
    assert read.replace(label={"horizon_months": 3}).learning.parent == read.learning.parent
    assert read.to_dict() == spec.to_dict()
    assert with_prior(SPEC, DEALS) is SPEC


def test_an_invalid_prior_is_refused_with_its_key(tmp_path) -> None:
    spec = SPEC.replace(learning={"prior": str(tmp_path / "nothing")})
    with pytest.raises(BundleError, match=r"\[learning\] prior: no bundle at"):
        with_prior(spec, DEALS)
    (tmp_path / PARENT_FILE).write_text("{")
    with pytest.raises(BundleError, match="is not JSON"):
        read_parent(tmp_path)


def test_an_expectation_on_an_unknown_level_is_refused() -> None:
    assert with_prior(SPEC.replace(learning={"expect": {"outbound": "riskier"}}), DEALS)
    with pytest.raises(SpecError, match="'outbond' is a value of none of the 1 attributes"):
        with_prior(SPEC.replace(learning={"expect": {"outbond": "riskier"}}), DEALS)
    with pytest.raises(SpecError, match="expect"):
        SPEC.replace(learning={"expect": {"outbound": "worse"}})


def test_a_model_is_pooled_once_only(companies, tmp_path) -> None:
    first, second, *_ = companies
    with pytest.raises(SpecError, match=r"a and .*a are the same model, so its deals would count"):
        pool_models([first, second, first], tmp_path / "parent")
    assert not (tmp_path / "parent").exists()


def test_training_with_a_prior_that_was_not_read_is_refused(companies) -> None:
    past = simulate_deals(90, seed=1, base_rate=0.25)
    spec = past.spec.replace(learning={"prior": str(companies[0])})
    with pytest.raises(SpecError, match=r"\[learning\] prior '.*a' was not read"):
        learn(past.deals, spec, min_churners=8)
    with pytest.raises(SpecError, match="with_prior"):
        learn_from_set(view_of(past.deals, spec).training_set(), spec, min_churners=8)


def test_the_sales_report_uses_the_prior(tmp_path) -> None:
    past = simulate_deals(120, seed=1, base_rate=0.3)
    levels = past.deals["lead_source"].unique()
    risky = {level: 3.0 if level == levels[0] else -1.0 for level in levels}
    parent = Parent({"lead_source": Levels(risky, dict.fromkeys(levels, 0.01))})
    (tmp_path / PARENT_FILE).write_text(json.dumps(parent.to_dict()))
    spec = past.spec.replace(learning={"prior": str(tmp_path)})
    without = compute_expected(past.deals, past.spec, by=()).probability
    read = with_prior(spec, past.deals)
    for given in (spec, read):
        expected = compute_expected(past.deals, given, by=()).probability
        moved = (expected - without).groupby(past.deals["lead_source"]).mean()
        assert moved.abs().max() > 0.01
    assert with_prior(read, past.deals) is read
