"""Bundles, tracking, reports and logs contain aggregates and no deal, rep or rare value."""

from __future__ import annotations

import io
import logging
import sqlite3
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from fitmodel.cli.main import app
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.deals.roles import hashed_id
from fitmodel.learning._other_classifiers import as_matrix
from fitmodel.learning.own_estimator import learn_own
from fitmodel.loading import load
from fitmodel.monitoring.log import DecisionLog
from fitmodel.service.app import JsonLines, create_app
from fitmodel.service.settings import Settings
from fitmodel.training import train

SIMULATION = simulate_deals(700, seed=5, signal=2.0)
COMMON, RARE = "Qxcommon Trade", ["Qxlonely Ltd", "Qxtrio Ltd"]
SALT = "keep this secret"


def deals_with_names() -> pd.DataFrame:
    """Deals with marked ids, reps and teams, and two levels of one and of three customers."""
    deals = SIMULATION.deals.copy()
    deals["deal_id"] = [f"Qxdeal-{number:05d}" for number in range(len(deals))]
    for role in ("rep", "team"):
        deals[role] = "Qx" + deals[role].astype(str)
    for column in ("industry", "landing_page"):  # with few levels and with many
        deals[column] = deals[column].astype(object)
        deals.loc[deals.index[5], column] = RARE[0]
        deals.loc[deals.index[20:23], column] = RARE[1]
        deals.loc[deals.index[40:80], column] = COMMON
    return deals


@pytest.fixture(scope="module")
def shop(migrated_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training, its bundle and its tracking store in one folder."""
    import shutil

    folder = tmp_path_factory.mktemp("shop")
    shutil.copy(migrated_store, folder / "mlflow.db")
    store = f"sqlite:///{folder / 'mlflow.db'}"
    spec = SIMULATION.spec.replace(tracking={"uri": store, "experiment": "private"})
    run = train(deals_with_names(), spec, models=folder / "models")
    assert run.run_id, run.warnings
    return folder


@pytest.mark.slow
def test_bundle_and_store_contain_no_deal_rep_or_rare_value(shop: Path) -> None:
    files = [path for path in shop.rglob("*") if path.is_file()]
    contents = {str(path.relative_to(shop)): path.read_bytes() for path in files}
    names = {Path(name).name for name in contents}
    assert {"scorer.json", "estimator.joblib", "card.md", "manifest.json", "mlflow.db"} <= names
    assert {"MLmodel", "report.json", "spec.json", "candidates.json"} <= names
    # the search itself works
    assert any(COMMON.encode() in content for content in contents.values())
    deals = deals_with_names()
    people = [*deals["rep"].unique(), *deals["team"].unique()]
    for secret in ("Qxdeal", *people, *RARE):
        result = [name for name, content in contents.items() if secret.encode() in content]
        assert result == [], secret


@pytest.mark.slow
def test_a_rare_value_is_scored_with_its_own_level(shop: Path) -> None:
    model = load(shop / "models" / "prospect-fit")
    deals = deals_with_names()
    column = model.scorecard.columns[model.attributes.index("industry")]
    prospect = deals.iloc[5].to_dict()
    assert prospect["industry"] == RARE[0]
    assert column.code(RARE[0]) == column.code(RARE[1]) <= column.size
    one = model.predict(prospect).early_churn_probability
    many = model.predict(deals.iloc[5:6])["early_churn_probability"].iloc[0]
    assert one == many


@pytest.mark.slow
def test_the_service_shows_no_rare_value_and_logs_no_value(
    shop: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = DecisionLog(shop / "decisions.db", salt=SALT)
    service = create_app(shop / "models/prospect-fit", Settings(reload_seconds=0), log=log)
    prospect = deals_with_names().drop(columns=["churned_on", "closed_on"]).iloc[5]
    sent = {name: value for name, value in prospect.items() if pd.notna(value)}
    sent = {name: getattr(value, "item", lambda v=value: v)() for name, value in sent.items()}
    sent = {n: str(v) if isinstance(v, pd.Timestamp) else v for n, v in sent.items()}
    sent |= {n: None for n in load(shop / "models/prospect-fit").attributes if n not in sent}
    with caplog.at_level(logging.DEBUG), TestClient(service) as client:
        assert client.post("/v1/assessments", json=sent).status_code == 200
        texts = [client.get(path).text for path in ("/v1/model", "/openapi.json", "/v1/desk")]
    assert all(name not in text for text in texts for name in RARE)
    logged = [JsonLines().format(record) for record in caplog.records]
    assert logged
    assert not [line for line in logged if "Qx" in line]
    log.close()
    kept = b"".join(path.read_bytes() for path in shop.glob("decisions.db*"))
    assert b"Qx" not in kept
    assert hashed_id("Qxdeal-00005", SALT).encode() in kept


@pytest.mark.slow
def test_forget_removes_all_bytes_of_a_customer_from_the_log(tmp_path: Path, shop: Path) -> None:
    model = load(shop / "models" / "prospect-fit")
    rows = deals_with_names().head(6).to_dict("records")
    file = tmp_path / "decisions.db"
    log = DecisionLog(file)
    for row in rows:
        log.append(row["deal_id"], model.predict(row, reasons=0), row)
        log.decide(row["deal_id"], "signed", by="Kim", reason=f"reason of {row['deal_id']}")
    log.close()
    done = CliRunner().invoke(app, ["forget", "Qxdeal-00003", "--log", str(file)])
    assert (done.exit_code, done.stdout) == (0, "removed 2 row(s)\n")
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("decisions.db*"))
    assert b"Qxdeal-00003" not in kept
    assert b"Qxdeal-00004" in kept
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert len(DecisionLog(file).assessments()) == 5


@pytest.mark.slow
def test_a_report_with_hashed_ids_contains_no_deal(
    tmp_path: Path, quick_learner: dict[str, Any]
) -> None:
    deals_with_names().head(450).to_parquet(tmp_path / "deals.parquet")
    few = {"include": ("segment", "seats", "industry"), "actionable": ()}
    spec = SIMULATION.spec.replace(attributes=few, learning=quick_learner)
    (tmp_path / "fitmodel.toml").write_text(spec.to_toml(), encoding="utf-8")
    out = tmp_path / "report"
    asked = ["report", tmp_path / "deals.parquet", "-c", tmp_path / "fitmodel.toml", "-o", out]
    done = CliRunner().invoke(app, [*map(str, asked), "--hash-ids", "--salt", SALT])
    assert done.exit_code == 0, done.output
    contents = {path.name: path.read_bytes() for path in out.iterdir()}
    assert [name for name, content in contents.items() if b"Qxdeal" in content] == []
    ids = [hashed_id(f"Qxdeal-{number:05d}", SALT).encode() for number in range(700)]
    assert any(number in content for number in ids for content in contents.values())
    unsalted = CliRunner().invoke(app, [*map(str, asked), "--hash-ids"], env={})
    assert unsalted.exit_code == 2
    assert "needs a salt" in unsalted.stderr


def test_the_bundle_of_an_own_estimator_contains_no_real_deal() -> None:
    deals = deals_with_names()
    learned = learn_own(deals, SIMULATION.spec, LogisticRegression(max_iter=200))
    real = as_matrix(learned.scorecard.columns, learned.training_set.attributes)
    contents = learned.estimator.background
    rows = {row.tobytes() for row in np.nan_to_num(real, nan=-1.0)}
    assert not [row for row in np.nan_to_num(contents, nan=-1.0) if row.tobytes() in rows]
    for number in range(real.shape[1]):
        values: set[Any] = set(np.nan_to_num(real[:, number], nan=-1.0))
        assert set(np.nan_to_num(contents[:, number], nan=-1.0)) <= values
    buffer = io.BytesIO()
    joblib.dump(learned.estimator, buffer)
    for secret in ("Qxdeal", "QxRep", *RARE):
        assert secret.encode() not in buffer.getvalue()
