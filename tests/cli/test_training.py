"""Use of a decision log by `fitmodel train`; what `fitmodel retrain` prints."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from fitmodel.cli.app import _in_use_instead
from fitmodel.cli.main import app
from fitmodel.cli.training import _deals_with_propensity
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.model.assessment import Assessment
from fitmodel.monitoring.log import DecisionLog
from fitmodel.retraining import Retraining

FLAGGED = Assessment(
    0.6, 0.5, 0.7, poor_fit=True, fit="poor", expected_value=-1.0, unfamiliar=False,
    reasons=(), model_version="v",
)  # fmt: skip


def test_deals_signed_against_the_draw_are_left_out_of_training_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulation = simulate_deals(60, seed=0, observed_until="2035-01-31", months=12)
    simulation.deals.to_csv(tmp_path / "deals.csv", index=False)
    log = DecisionLog(tmp_path / "log.db", salt="pepper")
    for name in simulation.deals["deal_id"].head(2):
        log.append(name, FLAGGED, {}, proceed=False, propensity=0.1)
    log.close()
    kept, _ = _deals_with_propensity(
        tmp_path / "deals.csv", simulation.spec, str(tmp_path / "log.db"), "pepper"
    )
    assert len(kept) == 58
    assert "left out 2 deal(s) signed against a flag" in capsys.readouterr().err


@pytest.mark.parametrize(("outcome", "code"), [("promoted", 0), ("champion stays", 3)])
def test_a_scheduled_training_prints_the_same_warnings_as_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: str, code: int
) -> None:
    simulation = simulate_deals(60, seed=0)
    simulation.deals.to_csv(tmp_path / "deals.csv", index=False)
    (tmp_path / "fitmodel.toml").write_text(simulation.spec.to_toml(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    run = SimpleNamespace(warnings=("FM402 more customers left early than predicted",))
    done = Retraining(outcome, "because", run)
    monkeypatch.setattr("fitmodel.retraining.retrain", lambda *_, **__: done)
    result = CliRunner().invoke(app, ["retrain", "deals.csv"])

    assert result.exit_code == code
    assert result.stdout == f"{outcome}: because\n"
    assert "Warning: FM402 more customers left early than predicted" in result.stderr


@pytest.mark.parametrize(
    ("in_use", "has_skill", "remedy"),
    [
        ("v1", True, "v1 still; `fitmodel promote` puts this one in use if it is better"),
        ("v1", False, "v1 still: this one shows no skill; `fitmodel promote --force REASON` uses"),
        (None, False, "none: this one shows no skill and was NOT put in use"),
    ],
)
def test_how_a_new_version_comes_into_use_depends_on_its_skill(in_use, has_skill, remedy) -> None:
    report = SimpleNamespace(regime="full", has_skill=has_skill)

    assert _in_use_instead(SimpleNamespace(in_use=in_use, report=report)).startswith(remedy)
