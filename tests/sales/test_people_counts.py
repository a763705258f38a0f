"""Counts of deals and leavers need no model and work from the first deal on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.exceptions import DealsError
from fitmodel.reports.sales_report import make_sales_report
from fitmodel.sales.people import compute_counts
from fitmodel.sales.plans import Plan
from fitmodel.sales.rep_performance import compute_rep_performance


@pytest.fixture(scope="module")
def simulation():
    return simulate_deals(900, seed=6)


def test_counts_agree_with_the_table_and_add_up(simulation):
    deals = simulation.deals
    counts = compute_counts(deals, simulation.spec)
    lost = deals[deals["churned_on"].notna()]

    assert counts.reps["signed"].to_dict() == deals["rep"].value_counts().to_dict()
    assert counts.company["lost"] == len(lost) == counts.reps["lost"].sum()
    assert counts.company["lost_value"] == pytest.approx(lost["annual_value"].sum())
    assert counts.reps["lost_value"].sum() == pytest.approx(lost["annual_value"].sum())


def test_the_latest_lost_customer_may_have_left_after_the_horizon(simulation):
    deals = simulation.deals
    counts = compute_counts(deals, simulation.spec).reps
    lost = deals[deals["churned_on"].notna()]

    for rep, rows in lost.groupby("rep"):
        last = rows["churned_on"].max()
        assert counts.loc[rep, "latest_lost_on"] == last
        at_last = rows.loc[rows["churned_on"] == last, "deal_id"]
        assert counts.loc[rep, "latest_lost"] in set(at_last)
    assert (counts["latest_lost_months"] > 5).any()
    assert counts.loc[~counts.index.isin(lost["rep"]), "latest_lost_on"].isna().all()


def test_the_rep_performance_has_the_same_counts(simulation):
    board = compute_rep_performance(simulation.deals, simulation.spec, simulation.true_probability)
    counts = compute_counts(simulation.deals, simulation.spec).table

    pd.testing.assert_frame_equal(
        board.table.loc[counts.index, list(counts.columns)], counts, check_dtype=False
    )


def test_one_deal_is_enough(simulation):
    counts = compute_counts(simulation.deals.head(1), simulation.spec)

    assert counts.company["signed"] == 1
    assert len(counts.reps) == 1
    assert np.isnan(compute_counts(simulation.deals.head(1).assign(annual_value=np.nan),
                                   simulation.spec).company["lost_value"])  # fmt: skip


def test_without_a_rep_there_is_nothing_to_count(simulation):
    spec = simulation.spec.replace(deals={"team": None})
    with pytest.raises(DealsError, match="names no team"):
        compute_counts(simulation.deals, spec, by="team")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_with_too_few_deals_for_training_the_report_has_counts_and_commission(
    simulation, language, tmp_path
):
    few = simulation.deals.head(12)
    plan = Plan(commission_rate="0.1")
    report = make_sales_report(few, simulation.spec, plans=[plan], language=language)
    report.write(tmp_path / "report")

    assert set(report.tables) >= {"reps.csv", "teams.csv", "commission.csv"}
    assert report.tables["reps.csv"]["signed"].iloc[-1] == 12
    assert report.ledgers[0].total["deals"] == 12
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "nan" not in page.casefold().replace("finance", "")
    assert ("Only counts" in page) == (language == "en")
