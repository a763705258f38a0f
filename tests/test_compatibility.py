"""The promises of `docs/compatibility.md` until the next major version are kept."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import fitmodel
from fitmodel.cli.main import app
from fitmodel.deals.contract import DealSpec
from fitmodel.scoring.streams import PREDICTIONS

PAGE = Path(__file__).parents[1] / "docs" / "compatibility.md"
COMMANDS = {
    "backtest": {"--config", "--cuts", "--allow"},
    "brief": {"--model", "--id", "--deals", "--output"},
    "check": {"--config"},
    "decide": {"--log"},
    "demo": set(),
    "forget": {"--log"},
    "init": {"--output"},
    "monitor": {"--model", "--config"},
    "promote": {"--version", "--name", "--force", "--config", "--models"},
    "report": {"--config", "--output"},
    "retrain": {"--config", "--models"},
    "rollback": {"--name", "--config", "--models"},
    "score": {"--model", "--output", "--query", "--upsert", "--reasons", "--strict", "--resume"},
    "serve": {"--model", "--host", "--port", "--reload-seconds", "--pipeline", "--log"},
    "train": {"--config", "--models", "--allow", "--estimator"},
    "models": set(),
    "export": set(),
    "pool": {"--output"},
}
PARAMETERS = {
    "load": ["path_or_uri", "unpickle"],
    "compare_models": ["a", "b", "deals", "spec", "unpickle", "worst"],
    "predict": ["prospects", "model", "reasons", "as_of", "language", "log"],
    "train": ["deals", "spec", "models", "allow", "estimator", "progress"],
    "backtest": ["deals", "spec", "n_cuts", "allow", "estimator", "progress"],
    "read_deals": ["source", "spec"],
}
PREDICTED = [
    "early_churn_probability",
    "probability_low",
    "probability_high",
    "poor_fit",
    "fit",
    "expected_value",
    "unfamiliar",
    "reasons",
    "model_version",
    "worth",
    "escalate",
    "expected_value_low",
    "expected_value_high",
    "own_evidence",
]
SECTIONS = {"deals", "label", "attributes", "decision", "tracking", "learning", "words"}


def _options(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_exists(name: str) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert COMMANDS[name] <= _options(commands[name])


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_exists(name: str) -> None:
    given = list(inspect.signature(getattr(fitmodel, name)).parameters)
    assert set(PARAMETERS[name]) <= set(given)


def test_the_columns_of_a_prediction_exist_in_order() -> None:
    assert list(PREDICTIONS)[: len(PREDICTED)] == PREDICTED


def test_the_sections_of_the_contract_exist() -> None:
    assert set(DealSpec.model_fields) >= SECTIONS


def test_the_page_names_the_tests_of_its_promises() -> None:
    text = PAGE.read_text("utf-8")
    assert f"tests/{Path(__file__).name}" in text
    assert "tests/bundle" in text
