"""Open rows of a pipeline are scored; lost rows are left out and reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitmodel.exceptions import ProspectError
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import scorer_from_json
from fitmodel.monitoring.log import DecisionLog
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
    result = pd.read_csv(tmp_path / "out.csv", dtype=str)
    everything = pd.read_csv(tmp_path / "plain.csv", dtype=str)
    lost = result["stage"].isin(["Lost", "closed lost"])

    assert (done.rows, done.left_out, done.errors) == (60, 20, 0)
    assert plain.left_out == 0
    assert result.loc[lost, "early_churn_probability"].isna().all()
    assert (result.loc[lost, "error"] == "left out: stage is " + result["stage"][lost]
            + " ([rows] of the contract)").all()  # fmt: skip
    pd.testing.assert_frame_equal(result[~lost], everything[~lost])


def test_a_frame_keeps_its_index_and_lost_rows_have_no_prediction(
    model: FitModel, prospects: pd.DataFrame
) -> None:
    stages = [STAGES[row % len(STAGES)] for row in range(len(prospects))]
    table = prospects.assign(stage=stages)
    lost = table["stage"].isin(["Lost", "closed lost"]).to_numpy()
    with pytest.warns(
        UserWarning, match="20 of 60 row\\(s\\) get no prediction.*10: stage is Lost"
    ):
        scored = knowing_rows(model).predict(table)
    plain = model.predict(table)

    assert scored.index.equals(table.index)
    assert scored[lost].isna().all(axis=None)
    assert scored["poor_fit"].dtype == "boolean"
    assert len(scored[scored["poor_fit"]]) == int(plain.loc[~lost, "poor_fit"].sum())
    pd.testing.assert_frame_equal(
        scored[~lost].drop(columns="reasons"),
        plain[~lost].drop(columns="reasons"),
        check_dtype=False,
    )


def test_an_unreadable_value_in_a_lost_row_is_ignored(
    model: FitModel, prospects: pd.DataFrame
) -> None:
    table = prospects.head(2).astype({"seats": object}).assign(stage=["Lost", "Open"])
    table.loc[table.index[0], "seats"] = "unkown"
    with pytest.warns(UserWarning, match="1 of 2 row"):
        scored = knowing_rows(model).predict(table)
    assert scored["fit"].isna().tolist() == [True, False]


def test_one_lost_prospect_is_refused_with_the_reason(
    model: FitModel, prospects: pd.DataFrame
) -> None:
    one = prospects.iloc[0].to_dict()
    knowing = knowing_rows(model)
    assert knowing.predict(one | {"stage": "Open"}) == model.predict(one)
    assert knowing.predict(one) == model.predict(one)
    with pytest.raises(ProspectError, match="left out: stage is Lost .*not a prospect any more"):
        knowing.predict(one | {"stage": "Lost"})
    with pytest.raises(ProspectError, match="prospect 1 of the list: left out"):
        knowing.predict([one, one | {"stage": "Lost"}])


def test_a_logged_pipeline_has_the_predictions_in_the_log(
    model: FitModel, prospects: pd.DataFrame, tmp_path: Path
) -> None:
    spec = {"rows": {"keep": {"stage": ["Won"]}}, "deals": {"id": "deal"}}
    knowing = FitModel(model.scorer, {"spec": spec})
    table = prospects.head(3).assign(stage=["Lost", "Open", "Won"], deal=["a", "b", "c"])
    log = DecisionLog(tmp_path / "log.sqlite")
    with pytest.warns(UserWarning, match="1 of 3 row"):
        scored = knowing.predict(table, log=log)
    assert scored["proceed"].isna().tolist() == [True, False, False]
    assert len(log.assessments()) == 2


def test_the_rules_for_lost_rows_are_stored_in_the_scorer(model: FitModel) -> None:
    """A Spark worker has only the scorer."""
    content = knowing_rows(model).scorer.to_json()
    assert scorer_from_json(content, "test").lost.why({"stage": "Lost"})
    assert b'"rows"' not in model.scorer.to_json()


@pytest.mark.slow
@pytest.mark.parametrize("chunk_rows", [1, 7, 1000])
def test_chunks_leave_out_the_same_rows(
    model: FitModel, pipeline: Path, tmp_path: Path, chunk_rows: int
) -> None:
    score_file(pipeline, knowing_rows(model), tmp_path / "out.csv", chunk_rows=chunk_rows)
    score_file(pipeline, knowing_rows(model), tmp_path / "whole.csv")

    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_monthly_amount_has_the_same_value_as_the_yearly_amount(
    model: FitModel, prospects: pd.DataFrame
) -> None:
    """Twelve payments of a twelfth: one prospect, a table and a file give the same value."""
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
