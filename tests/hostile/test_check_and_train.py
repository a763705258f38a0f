"""`train` accepts what `check` passes and refuses what `check` refuses, for the same reason.

Training is run until the fit begins: reading, questions about the rows, leaks, and the number of
deals. Later steps do not refuse a table.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from fitmodel import training
from fitmodel.cli.main import app
from fitmodel.deals.contract import DealSpec
from fitmodel.exceptions import FitModelError

END = pd.Timestamp("2026-01-31")
CHANGES = (
    "nothing", "few", "no early", "all early", "lost", "open", "undated", "status", "ids repeat",
    "rows repeat", "currencies", "signs", "text in number", "many texts", "before signing",
    "no signing", "leak", "constant", "all constant", "purged", "placeholder", "future",
    "flag unreadable", "tenure", "tenure negative", "no attribute", "nested", "empty churn",
)  # fmt: skip
careful = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def deals(seed: int, rows: int) -> pd.DataFrame:
    """Valid deals; a third leave early."""
    rng = np.random.default_rng(seed)
    signed = END - pd.to_timedelta(rng.integers(5, 1200, rows), "D")
    left = pd.Series(signed + pd.to_timedelta(1 + (rng.weibull(0.8, rows) * 450).astype(int), "D"))
    return pd.DataFrame(
        {
            "deal_id": [f"D{n:04}" for n in range(rows)],
            "signed": pd.Series(signed).dt.strftime("%Y-%m-%d").astype(object),
            "left": left.where(left <= END).dt.strftime("%Y-%m-%d").astype(object),
            "plan": rng.choice(["basic", "pro"], rows),
            "seats": rng.integers(1, 90, rows).astype(object),
            "acv": (rng.integers(10, 900, rows) * 100).astype(object),
        }
    )


def change(  # noqa: C901, PLR0912, PLR0915 - a line or two for each kind
    table: pd.DataFrame, kind: str, seed: int
) -> pd.DataFrame:
    """Make one thing wrong or unusual."""
    rng = np.random.default_rng(seed)
    some = rng.random(len(table)) < 0.1
    gone = table["left"].notna()
    table = table.copy()
    if kind == "few":
        return table.head(int(rng.integers(1, 160)))
    if kind == "no early":
        table["left"] = None
    elif kind == "all early":
        table["left"] = table["signed"]
    elif kind == "lost":
        table["deal_stage"] = np.where(some, "Lost", "Won")
    elif kind == "open":
        table["StageName"] = np.where(some, "Negotiation", "Closed Won")
    elif kind == "undated":
        table["is_active"] = np.where(gone, "no", "yes")
        table.loc[some & gone, "left"] = None
    elif kind == "status":
        table["status"] = np.where(gone, "churned", "active")
    elif kind == "ids repeat":
        table["deal_id"] = [f"D{n // 2}" for n in range(len(table))]
    elif kind == "rows repeat":
        return pd.concat([table, table.head(len(table) // 5)], ignore_index=True)
    elif kind == "currencies":
        table["currency"] = np.where(some, "USD", "EUR")
    elif kind == "signs":
        table["acv"] = [f"{'$' if k else '€'}{v}" for k, v in zip(some, table["acv"], strict=True)]
    elif kind == "text in number":
        table.loc[table.index[3 % len(table)], "seats"] = "unkown"
    elif kind == "many texts":
        table.loc[some, "seats"] = "many"
    elif kind == "before signing":
        table.loc[some & gone, "left"] = "2001-01-01"
    elif kind == "no signing":
        table.loc[some, "signed"] = None
    elif kind == "leak":
        table["exit_survey"] = np.where(gone, "done", "none")
    elif kind == "constant":
        table["country"] = "DE"
    elif kind == "all constant":
        table[["plan", "seats", "acv"]] = ["pro", 3, 100]
    elif kind == "purged":
        return table[table["left"].isna() | (table["left"] > "2025-01-01")].reset_index(drop=True)
    elif kind == "placeholder":
        table["left"] = table["left"].fillna("still active")
    elif kind == "future":
        table.loc[some, "left"] = "2031-01-01"
    elif kind == "flag unreadable":
        table["churned"] = np.where(gone, "perhaps", "no")
    elif kind in {"tenure", "tenure negative"}:
        table["tenure"] = rng.integers(-3 if "neg" in kind else 0, 40, len(table))
        table["churned"] = np.where(rng.random(len(table)) < 0.5, "yes", "no")
    elif kind == "no attribute":
        return table[["deal_id", "signed", "left"]]
    elif kind == "empty churn":
        table["left"] = ""
    return table


def contract(kinds: list[str]) -> DealSpec:
    if any(kind.startswith("tenure") for kind in kinds):
        return DealSpec(deals={"tenure_months": "tenure", "churned": "churned"})
    roles: dict[str, Any] = {"id": "deal_id", "closed_on": "signed", "churned_on": "left",
                             "observed_until": "2026-01-31"}  # fmt: skip
    if "no attribute" not in kinds:
        roles["amount"] = "acv"
    if "flag unreadable" in kinds:
        roles["churned"] = "churned"
    return DealSpec(deals=roles)


class Reached(Exception):  # noqa: N818 - no error: training got as far as it is watched
    """Raised when training reaches the fit."""


def trained(path: Path, spec: DealSpec, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """Why training refuses; None if it reaches the fit."""

    def reached(view: Any, *_: Any) -> None:
        from fitmodel.learning.learner import check_enough

        check_enough(view.training_set())  # the first thing that learning does
        raise Reached

    monkeypatch.setattr(training, "evaluate", reached)
    try:
        training.train(path, spec, models=path.parent / "models")
    except Reached:
        return None
    except FitModelError as error:
        return str(error)
    raise AssertionError("training ended without learning")


@pytest.mark.slow
@careful
@given(
    kinds=st.lists(st.sampled_from(CHANGES), min_size=1, max_size=2, unique=True),
    seed=st.integers(0, 3),
    rows=st.sampled_from([180, 420]),
)
def test_check_and_train_agree_on_a_table(
    kinds: list[str], seed: int, rows: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = deals(seed, rows)
    spec = contract(kinds)
    needed = {*spec.role_columns, *filter(None, [spec.deals.amount])}
    for kind in sorted(kinds, key=lambda kind: kind == "no attribute"):
        if {"left", "seats", "acv"} <= set(table.columns):
            table = change(table, kind, seed)
    if not needed <= set(table.columns) | {"2026-01-31"}:
        spec = spec.replace(deals={"amount": None})
    folder = tmp_path_factory.mktemp("table")
    path, config = folder / "deals.csv", folder / "fitmodel.toml"
    table.to_csv(path, index=False)
    config.write_text(spec.to_toml(), encoding="utf-8")

    checked = CliRunner().invoke(app, ["check", str(path), "-c", str(config)])
    with pytest.MonkeyPatch.context() as patch:
        refused = trained(path, spec, patch)

    assert checked.exit_code in {0, 1}, checked.output
    assert (checked.exit_code == 0) == (refused is None), (kinds, checked.output, refused)
    if refused is not None and "look like knowledge" not in refused:
        assert refused.splitlines()[-1] in checked.output


def test_valid_and_invalid_tables_are_generated(tmp_path: Path) -> None:
    """Some tables pass and some do not; otherwise the test above would be empty."""
    outcome = {}
    for kind in ("nothing", "lost"):
        change(deals(1, 420), kind, 1).to_csv(tmp_path / "deals.csv", index=False)
        (tmp_path / "fitmodel.toml").write_text(contract([kind]).to_toml(), encoding="utf-8")
        done = CliRunner().invoke(
            app, ["check", str(tmp_path / "deals.csv"), "-c", str(tmp_path / "fitmodel.toml")]
        )
        outcome[kind] = done.exit_code
    assert outcome == {"nothing": 0, "lost": 1}
