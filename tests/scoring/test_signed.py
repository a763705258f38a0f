"""Signed customers: the probability of leaving within the next months, given the time stayed."""

from __future__ import annotations

import dataclasses
from datetime import date

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from fitmodel.bundle.store import write_bundle
from fitmodel.cli.main import app
from fitmodel.deals.vocabulary import lost_rows_of
from fitmodel.exceptions import ProspectError
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.survival import score_signed
from fitmodel.scoring.signed import score_customers

AS_OF = date(2024, 9, 1)


@pytest.fixture
def customers(simulation) -> pd.DataFrame:
    """Deals signed during the fourteen months before the day."""
    return simulation.deals.head(240)


@pytest.fixture
def knowing(curved, simulation) -> FitModel:
    return FitModel(curved.scorer, {"spec": simulation.spec.to_dict()})


def test_the_probability_follows_from_the_survival_curve_and_the_time_stayed(curved, customers):
    scored = score_signed(curved, customers, (3, 12), as_of=AS_OF)
    curve, there = curved.scorer.curve, curved.survival(customers)
    whole = np.flatnonzero((scored["months_stayed"] % 1 == 0) & (scored["months_stayed"] <= 6))
    assert len(whole)
    for position in whole:
        stayed = int(scored["months_stayed"].iloc[position])
        own = there.iloc[:, position]
        expected = 1 - own[stayed + 12] / own[stayed]
        assert scored["leaves_within_12m"].iloc[position] == pytest.approx(expected)
    assert (scored["beyond_data"] == (scored["months_stayed"] + 12 > curve.months)).all()
    assert (scored["leaves_within_3m"] <= scored["leaves_within_12m"]).all()


def test_on_the_day_of_signing_the_probability_is_that_of_a_prospect(curved, customers):
    day = customers["closed_on"].iloc[5].date()
    new = customers[customers["closed_on"].dt.date == day]
    scored = score_signed(curved, new, (5,), as_of=day)
    own = curved.predict(new, reasons=0)["early_churn_probability"]
    assert scored["leaves_within_5m"].to_numpy() == pytest.approx(own.to_numpy())


def test_a_customer_who_left_stays_in_the_table_without_numbers(knowing, customers, tmp_path):
    customers.to_csv(tmp_path / "c.csv", index=False)
    done = score_customers(
        tmp_path / "c.csv", knowing, tmp_path / "out.csv", months=[3], as_of=AS_OF
    )
    gone = (customers["churned_on"] <= pd.Timestamp(AS_OF)).to_numpy()
    scored = pd.read_csv(tmp_path / "out.csv")
    assert done.rows == len(scored) == len(customers)
    assert done.gone == gone.sum() > 0
    assert (scored["leaves_within_3m"].isna().to_numpy() == gone).all()


def test_a_customer_with_a_churned_status_and_no_date_has_left(
    knowing, curved, customers, tmp_path
):
    there = (customers["churned_on"].isna() | (customers["churned_on"] > "2024-09-01")).to_numpy()
    cancelled = there & customers["churned_on"].isna().to_numpy() & (np.arange(240) % 3 == 0)
    status = np.where(cancelled, "cancelled", "active")
    customers.assign(status=status).to_csv(tmp_path / "c.csv", index=False)
    spec = knowing.manifest["spec"]
    deals = spec["deals"] | {"churned": "status", "churned_values": ["cancelled"]}
    model = FitModel(curved.scorer, {"spec": spec | {"deals": deals}})
    done = score_customers(tmp_path / "c.csv", model, tmp_path / "out.csv", months=[3], as_of=AS_OF)
    assert cancelled.any()
    assert done.gone == (~there).sum() + cancelled.sum()


def test_an_unreadable_churn_date_is_refused(knowing, customers, tmp_path):
    written = customers["churned_on"].dt.strftime("%Y-%m-%d").astype(object)
    written.iloc[[4, 9]] = "last spring"
    customers.assign(churned_on=written).to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(
        ProspectError, match=r"churned_on: 'last spring' .* in 2 of 240 rows.*row 5"
    ):
        score_customers(tmp_path / "c.csv", knowing, tmp_path / "out.csv", as_of=AS_OF)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("form", ["%d-%m-%Y", "%m/%d/%Y"])
def test_dates_are_read_in_the_form_of_the_table_and_placeholders_are_missing(
    knowing, customers, tmp_path, form
):
    written = customers["churned_on"].dt.strftime(form).fillna("1900-01-01")
    customers.assign(churned_on=written).to_csv(tmp_path / "c.csv", index=False)
    done = score_customers(
        tmp_path / "c.csv", knowing, tmp_path / "out.csv", months=[3], as_of=AS_OF
    )
    assert done.gone == (customers["churned_on"] <= pd.Timestamp(AS_OF)).sum()


def test_lost_opportunities_are_not_customers(curved, knowing, customers, tmp_path):
    rows_spec = {"rows": {"keep": {"stage": ["Won"]}}}
    model = FitModel(
        dataclasses.replace(curved.scorer, lost=lost_rows_of(rows_spec)), knowing.manifest
    )
    stage = np.where(np.arange(240) % 4 == 0, "Lost", "Won")
    closing = (
        customers["closed_on"].astype(object).where(stage == "Won", pd.Timestamp("2030-01-01"))
    )
    customers.assign(stage=stage, closed_on=closing).to_csv(tmp_path / "c.csv", index=False)
    done = score_customers(tmp_path / "c.csv", model, tmp_path / "out.csv", months=[3], as_of=AS_OF)
    scored = pd.read_csv(tmp_path / "out.csv")
    assert done.left_out == 60
    assert scored.loc[stage == "Lost", "leaves_within_3m"].isna().all()


def test_an_extract_that_ends_long_before_the_day_is_reported(
    curved, simulation, customers, tmp_path
):
    """Nobody knows who has left since the extract: they would all count as still there."""
    spec = simulation.spec.replace(deals={"observed_until": "extract_on"})
    knowing = FitModel(curved.scorer, {"spec": spec.to_dict()})
    for extract_on, seen in [("2024-08-20", None), ("2024-07-15", date(2024, 7, 15))]:
        told = customers[customers["closed_on"] <= extract_on].assign(extract_on=extract_on)
        told.to_csv(tmp_path / "c.csv", index=False)
        done = score_customers(tmp_path / "c.csv", knowing, tmp_path / "o.csv", as_of=AS_OF)
        assert done.seen_until == seen


def test_the_input_file_is_not_overwritten(knowing, customers, tmp_path):
    customers.to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(ProspectError, match="is the input"):
        score_customers(tmp_path / "c.csv", knowing, tmp_path / "c.csv", as_of=AS_OF)


def test_the_command_writes_the_columns_and_reports_where_the_data_end(
    knowing, customers, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write_bundle(
        tmp_path, "fit", files={SCORER_FILE: knowing.scorer.to_json()}, manifest=knowing.manifest
    )
    version = next(path for path in (tmp_path / "fit").iterdir() if path.is_dir())
    customers.to_csv("c.csv", index=False)
    command = ["score", "c.csv", "--signed", "--model", str(version), "--output", "out.csv"]
    done = CliRunner().invoke(app, [*command, "--as-of", "2024-09-01", "--horizons", "6,12"])
    assert done.exit_code == 0, done.output
    assert "have left" in done.output
    assert "end after month 18" in done.output
    assert {"leaves_within_6m", "remaining_months"} <= set(pd.read_csv("out.csv").columns)


def test_a_customer_that_is_not_signed_yet_is_refused_with_its_row(curved, customers):
    late = customers.reset_index(drop=True)
    late.loc[2, "closed_on"] = pd.Timestamp("2030-01-01")
    with pytest.raises(ProspectError, match=r"closed_on.*lies after 2024-09-01.*row 3"):
        score_signed(curved, late, (3,), as_of=AS_OF)


def test_a_table_without_closing_dates_is_refused(curved, customers):
    with pytest.raises(ProspectError, match="no column 'closed_on' with the day signed"):
        score_signed(curved, customers.drop(columns="closed_on"), (3,), as_of=AS_OF)


def test_another_kind_of_output_is_refused(curved, tmp_path):
    with pytest.raises(ProspectError, match=r"neither \.csv nor \.parquet"):
        score_customers("c.csv", curved, tmp_path / "out.xlsx")
