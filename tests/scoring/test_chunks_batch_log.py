"""A batch is written to the decision log before its output appears."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.exceptions import ProspectError, TrackingError
from fitmodel.model.fitmodel import FitModel
from fitmodel.monitoring.log import DecisionLog
from fitmodel.scoring.batch import score_file


@pytest.fixture
def logging_model(model, simulation) -> FitModel:
    spec = simulation.spec.replace(decision={"explore_share": 0.4})
    return FitModel(model.scorer, {"spec": spec.to_dict()})


@pytest.fixture
def log(tmp_path) -> DecisionLog:
    return DecisionLog(tmp_path / "decisions.db")


@pytest.fixture
def table(prospects, tmp_path):
    path = tmp_path / "prospects.csv"
    prospects.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_every_assessment_is_in_the_log_as_in_the_output(
    logging_model, table, prospects, log, tmp_path, ending
) -> None:
    prospects.to_parquet(tmp_path / "prospects.parquet")
    output = tmp_path / f"out.{ending}"
    score_file(table.with_suffix(f".{ending}"), logging_model, output, log=log, chunk_rows=7)
    read = pd.read_csv if ending == "csv" else pd.read_parquet
    scored, kept = read(output), log.assessments()
    assert kept["prospect"].tolist() == prospects["deal_id"].tolist()
    np.testing.assert_allclose(kept["probability"], scored["early_churn_probability"], rtol=1e-15)
    for name in ("poor_fit", "fit", "model_version", "proceed"):
        assert kept[name].tolist() == scored[name].tolist(), name
    assert list(scored)[-2:] == ["proceed", "error"]


def test_the_exploration_share_of_flagged_prospects_proceeds_for_any_chunk_size(
    logging_model, table, log, tmp_path
) -> None:
    answers = []
    for rows in (7, 100):
        score_file(table, logging_model, tmp_path / "out.csv", log=log, chunk_rows=rows)
        answers.append(pd.read_csv(tmp_path / "out.csv"))
    pd.testing.assert_frame_equal(*answers)
    flagged = answers[0]["poor_fit"]
    assert answers[0].loc[~flagged, "proceed"].all()
    assert 0 < answers[0].loc[flagged, "proceed"].sum() < flagged.sum()
    kept = log.assessments()
    assert set(kept.loc[kept["poor_fit"], "propensity"]) == {0.4}


def test_a_row_that_cannot_be_scored_is_not_logged(
    logging_model, table, prospects, log, tmp_path
) -> None:
    broken = prospects.astype({"seats": object})
    broken.loc[broken.index[2], "seats"] = "many"
    broken.to_csv(table, index=False)
    score_file(table, logging_model, tmp_path / "out.csv", log=log)
    scored = pd.read_csv(tmp_path / "out.csv")
    assert scored["proceed"].isna().tolist() == scored["error"].notna().tolist()
    assert scored["error"].notna().sum() == 1
    assert set(log.assessments()["prospect"]) == set(prospects["deal_id"].drop(broken.index[2]))


class Full:
    """A log that accepts no more entries."""

    def append_many(self, _rows) -> None:
        raise TrackingError("the disk is full")

    def draw(self, _names, _flagged, _share):
        raise TrackingError("the disk is full")


def test_without_log_entries_there_is_no_output(logging_model, table, tmp_path) -> None:
    with pytest.raises(TrackingError, match="disk is full"):
        score_file(table, logging_model, tmp_path / "out.csv", log=Full())
    assert not (tmp_path / "out.csv").exists()


def test_without_an_id_nothing_is_logged_or_written(
    logging_model, model, table, prospects, log, tmp_path
) -> None:
    output = tmp_path / "out.csv"
    with pytest.raises(ProspectError, match="the model's contract names no id"):
        score_file(table, model, output, log=log)
    prospects.drop(columns="deal_id").to_csv(table, index=False)
    with pytest.raises(ProspectError, match="the table has no column 'deal_id'"):
        score_file(table, logging_model, output, log=log)
    prospects.assign(deal_id=prospects["deal_id"].where(np.arange(60) > 1)).to_csv(table)
    with pytest.raises(ProspectError, match="2 prospect.s. have no 'deal_id'"):
        score_file(table, logging_model, output, log=log)
    assert not output.exists()
    assert log.assessments().empty


def test_only_a_logged_batch_reserves_the_column_proceed(
    logging_model, table, prospects, log, tmp_path
) -> None:
    prospects.assign(proceed="maybe").to_csv(table, index=False)
    score_file(table, logging_model, tmp_path / "out.csv")
    assert set(pd.read_csv(tmp_path / "out.csv")["proceed"]) == {"maybe"}
    with pytest.raises(ProspectError, match=r"already has the column\(s\) proceed"):
        score_file(table, logging_model, tmp_path / "again.csv", log=log)
