"""Review sheets use only what was known at signing."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from fitmodel.deals.history import view_of
from fitmodel.deals.outcomes import outcomes
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import phrases
from fitmodel.sales._missed import WARNING, compute_missed_warnings, compute_surprises
from fitmodel.sales._retrospective import score_in_retrospect
from fitmodel.sales._review_sheets import _differs
from fitmodel.sales.reviews import compute_reviews, questions, verdict_text, warning_texts


@pytest.fixture(scope="module")
def simulation(simulate_quickly):
    return simulate_quickly(1200, seed=2, months=24, n_attributes=6)


@pytest.fixture(scope="module")
def retrospective(simulation):
    return score_in_retrospect(simulation.deals, simulation.spec)


@pytest.fixture(scope="module")
def reviews(simulation, retrospective):
    return compute_reviews(simulation.deals, simulation.spec, latest=2, retrospective=retrospective)


def test_later_events_do_not_change_a_review(simulation, retrospective):
    deals, day = simulation.deals, pd.Timestamp("2025-09-30")
    later = deals["churned_on"] > day
    otherwise = deals.assign(
        churned_on=deals["churned_on"].mask(later),
        segment=deals["segment"].mask(deals["closed_on"] > day, "smb"),
    )
    again = score_in_retrospect(otherwise[otherwise["closed_on"] <= "2025-12-31"], simulation.spec)
    before = deals["closed_on"] <= day
    predicted = retrospective.predictions[before]

    assert predicted["probability"].notna().sum() > 200
    pd.testing.assert_frame_equal(
        again.predictions[again.predictions.index.isin(predicted.index)], predicted
    )


def test_each_deal_is_scored_by_a_model_trained_before_its_signing(simulation, retrospective):
    signed = simulation.deals["closed_on"]
    snapshots = {quarter: snapshot.as_of for quarter, snapshot in retrospective.snapshots.items()}

    assert (retrospective.predictions["quarter"].map(snapshots) < signed).all()
    assert retrospective.snapshots[min(snapshots)].model is None
    silent = retrospective.predictions["quarter"] == min(snapshots)
    assert retrospective.predictions.loc[silent, "probability"].isna().all()


def test_a_sheet_is_made_for_the_latest_early_leaver_of_each_rep(simulation, reviews):
    deals = simulation.deals.assign(
        early=outcomes(simulation.deals, simulation.spec)["early_churn"]
    )
    lost = deals[deals["early"] == 1]
    for rep, rows in lost.groupby("rep"):
        left = [sheet.left for sheet in reviews.sheets if sheet.rep == rep]
        assert left == rows["churned_on"].nlargest(2).tolist()
    assert set(reviews.without) == set(deals["rep"]) - set(lost["rep"])


def test_similar_deals_were_signed_before_and_stayed(simulation, reviews):
    closed = simulation.deals.set_index("deal_id")["closed_on"]
    early = outcomes(simulation.deals, simulation.spec)["early_churn"]
    early.index = simulation.deals["deal_id"]
    known = [sheet for sheet in reviews.sheets if sheet.assessment is not None]

    assert len(known) >= 5
    for sheet in known:
        assert (sheet.similar_deals.deals["closed_on"] <= sheet.snapshot.as_of).all()
        assert all(reason.contribution >= WARNING for reason in sheet.warnings)
        for item in sheet.stayed:
            assert closed[item.deal] <= sheet.snapshot.as_of < sheet.signed
            assert early[item.deal] == 0
            assert all(lost != kept for _, lost, kept in item.differs)
            for name, lost, kept in item.differs:
                is_date = name == "first_contact_on"
                assert [isinstance(each, timedelta) for each in (lost, kept)] == [is_date] * 2


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_sheet_has_three_questions_and_warnings_with_evidence(reviews, language):
    say = phrases(language, "reviews")
    for sheet in reviews.sheets:
        asked = questions(sheet, reviews.spec, say)
        assert len(set(asked)) == 3
        sentences = warning_texts(sheet, reviews.spec, say)
        assert len(sentences) == len(sheet.warnings)
        for text, reason in zip(sentences, sheet.warnings, strict=True):
            assert reason.deals is None or f"{reason.deals:,}" in text
        assert f"{sheet.snapshot.as_of:%Y-%m-%d}" in verdict_text(sheet, say)


def test_a_signal_is_compared_with_the_deals_that_stayed(simulation, retrospective, reviews):
    missed, spec = reviews.missed, simulation.spec
    result = outcomes(simulation.deals, spec)
    evaluated = result["mature"] & retrospective.predictions["probability"].notna()
    lost, kept = (evaluated & (result["early_churn"] == value) for value in (1, 0))
    row = missed.set_index("signal").loc["lead source = outbound"]
    here = (simulation.deals["lead_source"] == "outbound") & (
        retrospective.contributions["lead_source"] >= WARNING
    )
    here &= retrospective.predictions["probability"] > retrospective.predictions["base_rate"]

    counts = [int((here & lost).sum()), lost.sum(), int((here & kept).sum()), kept.sum()]
    assert row[["lost_with", "lost", "kept_with", "kept"]].tolist() == counts
    a, m, b, n = counts
    reach = 1.959964 * np.sqrt(1 / a - 1 / m + 1 / b - 1 / n)  # Katz 1978, by hand
    ratio = (a / m) / (b / n)
    assert row[["ratio", "ratio_low", "ratio_high"]].tolist() == pytest.approx(
        [ratio, ratio * np.exp(-reach), ratio * np.exp(reach)], rel=1e-4
    )
    assert missed["lost_with"].is_monotonic_decreasing


def test_a_sheet_has_warnings_only_if_the_probability_was_above_the_level(reviews):
    known = [sheet for sheet in reviews.sheets if sheet.assessment is not None]
    above = [
        s.assessment.early_churn_probability > s.snapshot.model.scorecard.base_rate for s in known
    ]

    assert any(above)
    for sheet, is_above in zip(known, above, strict=True):
        assert is_above or not sheet.warnings
        assert all(reason.contribution >= WARNING for reason in sheet.warnings)


def test_a_frequent_signal_without_an_effect_is_not_reported(simulation, retrospective):
    deals = simulation.deals.assign(
        churned_on=simulation.deals["churned_on"].sample(frac=1, random_state=0).to_numpy()
    )
    deals["churned_on"] = deals["churned_on"].mask(deals["churned_on"] < deals["closed_on"])
    missed = compute_missed_warnings(deals, simulation.spec, retrospective)

    assert len(missed) > 3
    assert (missed["ratio_low"] > 1).mean() <= 0.2


def test_surprises_are_leavers_with_a_probability_below_the_base_rate(simulation, retrospective):
    table, figures = compute_surprises(simulation.deals, simulation.spec, retrospective)

    assert (table["probability"] < table["base_rate"]).all()
    assert table["probability"].is_monotonic_increasing
    assert figures["left"] == len(table) <= figures["deals"]
    assert figures["ratio_low"] < figures["ratio"] < figures["ratio_high"]


def test_without_a_rep_or_dates_there_are_no_sheets(simulation):
    with pytest.raises(DealsError, match=r'names no rep.*rep = "COLUMN"'):
        compute_reviews(simulation.deals, simulation.spec.replace(deals={"rep": None}))
    tenure = {
        "closed_on": None, "churned_on": None, "observed_until": None,
        "tenure_months": "t", "churned": "c", "id": None, "team": None,
    }  # fmt: skip
    with pytest.raises(DealsError, match="needs closing dates.*Remedy"):
        compute_reviews(simulation.deals, simulation.spec.replace(deals=tenure))


def test_translated_reviews_equal_those_computed_in_that_language(
    simulation, reviews, retrospective
):
    view = view_of(simulation.deals, simulation.spec)
    there = reviews.in_language(view, simulation.spec, "zh")
    again = compute_reviews(
        simulation.deals, simulation.spec, latest=2, retrospective=retrospective, language="zh"
    )
    pd.testing.assert_frame_equal(there.missed, again.missed)
    assert there.missed["signal"].tolist() != reviews.missed["signal"].tolist()
    assert there.sheets is reviews.sheets


def test_signals_are_reworded_only_for_another_language_or_other_labels(simulation, reviews):
    view, spec = view_of(simulation.deals, simulation.spec), simulation.spec
    named = spec.replace(words={"labels": {"segment": "Size of the company"}})
    same = reviews.in_language(view, spec, "en")
    chinese = reviews.in_language(view, spec, "zh")
    labelled = reviews.in_language(view, named, "en")

    assert same.missed is reviews.missed
    counts = reviews.missed.drop(columns="signal")
    for other in (chinese, labelled, chinese.in_language(view, spec, "en")):
        pd.testing.assert_frame_equal(other.missed.drop(columns="signal"), counts)
    assert (chinese.missed["signal"] != reviews.missed["signal"]).any()
    assert labelled.missed["signal"].str.startswith("Size of the company").any()
    assert (
        chinese.in_language(view, spec, "en").missed["signal"] == reviews.missed["signal"]
    ).all()


def test_only_different_values_are_listed_and_two_missing_values_are_equal():
    pairs = [(1, 2), ("a", None), (np.nan, None), (3, 3.0), (["x"], ["x"]), (pd.NaT, pd.NaT)]
    values = {str(at): both for at, both in enumerate(pairs)}
    lost = dict.fromkeys(values, 0.5)

    assert {name for name, *_ in _differs(values, lost, {})} == {"0", "1"}
    assert _differs(values, lost, lost) == ()
