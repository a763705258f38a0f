"""Of a pipeline the open rows are scored; lost ones are left out and said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import scorer_from_json
from fitmodel.scoring.batch import score_file

STAGES = ["Open", "Lost", "Negotiation", "Won", "closed lost", ""]


@pytest.fixture
def pipeline(prospects: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "pipeline.csv"
    stages = [STAGES[row % len(STAGES)] for row in range(len(prospects))]
    prospects.assign(stage=stages).to_csv(path, index=False)
    return path


def knowing_rows(model: FitModel) -> FitModel:
    return FitModel(model.scorer, {"spec": {"rows": {"keep": {"stage": ["Won"]}}}})


@pytest.mark.parametrize("strict", [False, True])
def test_lost_rows_get_no_prediction_and_are_counted(
    model: FitModel, pipeline: Path, tmp_path: Path, strict: bool
) -> None:
    done = score_file(pipeline, knowing_rows(model), tmp_path / "out.csv", strict=strict)
    plain = score_file(pipeline, model, tmp_path / "plain.csv")
    found = pd.read_csv(tmp_path / "out.csv", dtype=str)
    everything = pd.read_csv(tmp_path / "plain.csv", dtype=str)
    lost = found["stage"].isin(["Lost", "closed lost"])

    assert (done.rows, done.left_out, done.errors) == (60, 20, 0)
    assert plain.left_out == 0
    assert found.loc[lost, "early_churn_probability"].isna().all()
    assert (found.loc[lost, "error"] == "left out: stage is " + found["stage"][lost]
            + " ([rows] of the contract)").all()  # fmt: skip
    pd.testing.assert_frame_equal(found[~lost], everything[~lost])


@pytest.mark.parametrize("chunk_rows", [1, 7, 1000])
def test_chunks_leave_the_same_rows_out(
    model: FitModel, pipeline: Path, tmp_path: Path, chunk_rows: int
) -> None:
    score_file(pipeline, knowing_rows(model), tmp_path / "out.csv", chunk_rows=chunk_rows)
    score_file(pipeline, knowing_rows(model), tmp_path / "whole.csv")

    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_monthly_amount_is_worth_what_the_yearly_one_is(
    model: FitModel, prospects: pd.DataFrame
) -> None:
    """Twelve payments of a twelfth: one prospect, a table and the file all say the same money."""
    scorer = model.scorer
    monthly = replace(scorer, amount="fee", per_year=12.0)
    assert scorer_from_json(monthly.to_json(), "test").per_year == 12.0
    assert b"per_year" not in scorer.to_json()

    table = prospects.assign(fee=prospects[scorer.amount] / 12)
    one = table.iloc[0].to_dict()
    assert monthly.amount_of(one) == pytest.approx(scorer.amount_of(one))
    from fitmodel.model.frame_scorer import code_table

    np.testing.assert_allclose(
        code_table(monthly, table, None).amount, code_table(scorer, table, None).amount
    )
