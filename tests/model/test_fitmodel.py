"""One prospect, a list and a frame get the same answers, and reasons that add up."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import SimulatedProspects, simulate_deals, simulate_prospects
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.exceptions import BundleError, ProspectError
from fitmodel.learning.learner import learn
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer, scorer_from_json

MONEY = Money(
    gross_margin=0.8,
    expected_lifetime_months=30,
    months_until_early_churn=3,
    acquisition_cost=400,
    onboarding_cost=900,
    support_cost_per_month=60,
    commission_rate=0.1,
)
COLUMNS = [
    "early_churn_probability",
    "probability_low",
    "probability_high",
    "poor_fit",
    "fit",
    "expected_value",
    "unfamiliar",
    "reasons",
    "model_version",
]


@pytest.fixture(scope="module")
def model() -> FitModel:
    sim = simulate_deals(1500, seed=7)
    policy = Policy("value", threshold=0.4, money=MONEY, description="by value")
    scorer = Scorer(learn(sim.deals, sim.spec).book, policy, "annual_value", "closed_on", "v1")
    return FitModel(scorer, {"version": "v1"})


@pytest.fixture(scope="module")
def simulated() -> SimulatedProspects:
    return simulate_prospects(300, seed=8)


@pytest.fixture(scope="module")
def prospects(simulated: SimulatedProspects) -> pd.DataFrame:
    table = simulated.prospects.set_index("deal_id").copy()
    table.iloc[0, table.columns.get_loc("segment")] = "never heard of"
    table.iloc[1, table.columns.get_loc("segment")] = None
    table.iloc[2, table.columns.get_loc("seats")] = 10_000_000
    return table


def test_the_frame_has_the_promised_columns_and_the_table_s_index(model, prospects) -> None:
    predictions = model.predict(prospects)
    assert list(predictions.columns) == COLUMNS
    pd.testing.assert_index_equal(predictions.index, prospects.index)
    assert "reasons" not in model.predict(prospects, reasons=0)
    assert len(model.predict(prospects.head(0))) == 0


def test_one_prospect_a_list_and_a_frame_agree(model, prospects) -> None:
    predictions = model.predict(prospects)
    listed = model.predict(prospects.to_dict("records"))
    for place, (_, row) in enumerate(predictions.iterrows()):
        single = listed[place]
        for name in ("early_churn_probability", "probability_low", "probability_high"):
            assert math.isclose(getattr(single, name), row[name], abs_tol=1e-9)
        assert (single.poor_fit, single.fit) == (row["poor_fit"], row["fit"])
        assert single.unfamiliar == row["unfamiliar"]
        np.testing.assert_allclose(single.expected_value, row["expected_value"], atol=1e-6)
        assert [str(reason) for reason in single.reasons] == [str(r) for r in row["reasons"]]


def test_chunks_and_row_order_change_nothing_to_the_bit(model, prospects) -> None:
    whole = model.predict(prospects, reasons=0)
    parts = [model.predict(prospects.iloc[i : i + 7], reasons=0) for i in range(0, 300, 7)]
    pd.testing.assert_frame_equal(pd.concat(parts), whole, check_exact=True)
    shuffled = prospects.sample(frac=1, random_state=0)
    again = model.predict(shuffled, reasons=0).loc[prospects.index]
    pd.testing.assert_frame_equal(again, whole, check_exact=True)


def test_all_reasons_add_up_to_the_log_odds_before_calibration(model, prospects) -> None:
    terms = len(model.book.terms)
    for prospect in prospects.head(20).to_dict("records"):
        assessment = model.predict(prospect, reasons=terms)
        total = model.book.baseline + sum(reason.contribution for reason in assessment.reasons)
        calibrated = model.book.calibration.probability(np.array([total]))[0]
        assert math.isclose(assessment.early_churn_probability, calibrated, abs_tol=1e-9)


def test_the_unheard_of_is_scored_and_marked_with_a_wider_interval(model, prospects) -> None:
    for place, name in ((0, "segment"), (1, "segment"), (2, "seats")):
        strange = prospects.iloc[place].to_dict()
        assessment = model.predict(strange)
        assert assessment.unfamiliar
        assert name in assessment.unfamiliar_because
        assert assessment.fit in {"watch", "poor"}
    usual = {**prospects.iloc[0].to_dict(), "segment": "mid"}
    width = [
        a.probability_high - a.probability_low
        for a in (model.predict(usual), model.predict({**usual, "segment": "never heard of"}))
    ]
    assert width[0] < width[1]


def test_a_missing_column_shows_the_difference(model, prospects) -> None:
    with pytest.raises(
        ProspectError, match=r"1 of \d+ attribute.s. are missing:\n  seats .did you"
    ):
        model.predict(prospects.rename(columns={"seats": "seat"}))
    with pytest.raises(ProspectError, match=r"prospect 1 of the list: .* attribute.s. are missing"):
        model.predict([prospects.iloc[0].to_dict(), {"seats": 3}])


def test_text_in_a_number_names_column_count_example_and_remedy(model, prospects) -> None:
    wrong = prospects.astype({"seats": object})
    wrong.iloc[3:5, wrong.columns.get_loc("seats")] = "many"
    with pytest.raises(ProspectError, match=r"seats: 2 value\(s\).*'many'.*\n.*Remedy"):
        model.predict(wrong)
    with pytest.raises(ProspectError, match="attribute 'seats': 'many' is not a number"):
        model.predict(wrong.iloc[3].to_dict())
    predictions, errors = model.predict_table(wrong)
    assert errors.notna().sum() == 2
    assert predictions["early_churn_probability"].isna().sum() == 2
    numbers = prospects.assign(seats=prospects["seats"].astype(str))
    pd.testing.assert_frame_equal(
        model.predict(numbers, reasons=0), model.predict(prospects, reasons=0)
    )


def test_other_things_than_prospects_are_refused(model) -> None:
    with pytest.raises(ProspectError, match="prospects are int"):
        model.predict(3)
    with pytest.raises(ProspectError, match="prospect 0 of the list is str"):
        model.predict(["smb"])


def test_a_reason_quotes_its_evidence(model, prospects) -> None:
    reasons = model.predict(prospects.iloc[5].to_dict(), reasons=50).reasons
    (segment,) = [reason for reason in reasons if reason.attribute == "segment"]
    assert segment.value == prospects.iloc[5]["segment"]
    rate = f"{segment.early_churn_rate * 100:.0f} %"
    assert f"{rate} of {segment.deals:,} such deals" in segment.sentence
    sizes = [abs(reason.contribution) for reason in reasons]
    assert sizes == sorted(sizes, reverse=True)


def test_without_an_amount_there_is_no_expected_value(model, prospects) -> None:
    usual = prospects.iloc[5].to_dict()
    assert math.isfinite(model.predict(usual).expected_value)
    assert math.isnan(model.predict({**usual, "annual_value": None}).expected_value)


def test_threads_do_not_disturb_each_other(model, prospects) -> None:
    listed = prospects.to_dict("records")
    expected = [model.predict(prospect) for prospect in listed]
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(model.predict, listed)) == expected


def test_the_sealed_scorer_survives_its_json_form(model, prospects) -> None:
    again = FitModel(scorer_from_json(model.scorer.to_json(), "v1"), {})
    pd.testing.assert_frame_equal(
        again.predict(prospects, reasons=0), model.predict(prospects, reasons=0), check_exact=True
    )


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": 2}', b"[" * 100_000])
def test_what_is_no_scorer_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match="scorer"):
        scorer_from_json(content, "v1")


def test_the_example_can_be_scored_and_is_no_real_deal(model) -> None:
    example = model.example()
    assert len(model.predict(example)) == 1
    deals = simulate_deals(1500, seed=7).deals
    names = list(model.attributes)
    assert not (deals[names].astype(str) == example[names].astype(str).iloc[0]).all(axis=1).any()


def test_a_table_of_the_book_can_be_read(model) -> None:
    assert {"value", "log_odds", "deals"} <= set(model.table("segment").columns)
    with pytest.raises(ProspectError, match="no attribute 'colour'"):
        model.table("colour")


def test_one_prospect_and_a_frame_agree_to_the_bit_in_the_probability(model, prospects) -> None:
    whole = model.predict(prospects)["early_churn_probability"].tolist()

    one = [model.predict(item).early_churn_probability for item in prospects.to_dict("records")]

    assert one == whole


def test_sixteen_threads_give_what_one_gives(model, prospects) -> None:
    from concurrent.futures import ThreadPoolExecutor

    rows = prospects.to_dict("records")
    alone = [model.predict(row).to_dict() for row in rows]

    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(lambda row: model.predict(row).to_dict(), rows * 4))

    assert together == alone * 4


def test_many_calls_do_not_make_memory_grow(model, prospects) -> None:
    import tracemalloc

    row = prospects.to_dict("records")[0]
    model.predict(row)
    tracemalloc.start()
    try:
        for _ in range(2_500):  # Python keeps up to 2,000 freed tuples of a size
            model.predict(row)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20_000):
            model.predict(row)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert grown < 20_000  # less than a byte a call
