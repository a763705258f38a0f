"""The main job with an installed wheel: run by `make wheel-test`, where there is no source tree."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pandas as pd
import pytest

import fitmodel

COMMANDS = ("demo", "init", "check", "train", "backtest", "score", "report", "monitor", "models",
            "promote", "rollback", "serve", "retrain", "decide", "forget")  # fmt: skip


PROGRAM = shutil.which("fitmodel", path=sysconfig.get_path("scripts"))


def run(folder: Path, *arguments: str) -> str:
    assert PROGRAM is not None, "the wheel did not install the command"
    done = subprocess.run(  # noqa: S603  the command that was just installed
        [PROGRAM, *arguments], cwd=folder, capture_output=True, encoding="utf-8", timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with simulated deals, their contract, prospects, and a model trained on them."""
    folder = tmp_path_factory.mktemp("home")
    sim = fitmodel.simulate_deals(900, seed=11)
    sim.deals.to_csv(folder / "deals.csv", index=False)
    sim.deals.tail(30).drop(columns="churned_on").to_csv(folder / "prospects.csv", index=False)
    (folder / "fitmodel.toml").write_text(sim.spec.to_toml(), encoding="utf-8")
    run(folder, "train", "deals.csv")
    return folder


def test_the_installed_wheel_is_tested():
    assert "site-packages" in Path(fitmodel.__file__).parts


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(tmp_path, command):
    assert "Usage: " in run(tmp_path, command, "--help")


def test_the_bundle_has_its_card(home):
    (card,) = (home / "models").rglob("card.md")
    assert card.read_text(encoding="utf-8").startswith("# Model card: prospect-fit")


def test_prospects_are_scored(home):
    run(home, "score", "prospects.csv", "--model", "models/prospect-fit", "-o", "scored.csv")
    scored = pd.read_csv(home / "scored.csv")
    assert len(scored) == 30
    assert scored["early_churn_probability"].between(0, 1).all()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sales_pages_are_written_in_both_languages(home, language):
    run(home, "report", "deals.csv", "--output", f"report-{language}", "--language", language)
    assert list((home / f"report-{language}").glob("*.html"))


def test_the_service_responds_and_serves_its_desk(home):
    from fastapi.testclient import TestClient

    from fitmodel.service.app import create_app

    asked = fitmodel.load(home / "models" / "prospect-fit").attributes
    frame = pd.read_csv(home / "prospects.csv")[list(asked)].astype(object)
    prospect = frame.where(frame.notna(), None).iloc[0].to_dict()
    with TestClient(create_app(home / "models" / "prospect-fit")) as client:
        assert client.post("/v1/assessments", json=prospect).is_success
        assert "<html" in client.get("/").text
