"""One prospect, a list and a frame get the same predictions, and reasons that add up."""

from __future__ import annotations

import dataclasses
import math
import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pandas as pd
import pytest

from fitmodel.datasets.simulation import SimulatedProspects, simulate_deals, simulate_prospects
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.exceptions import BundleError, ProspectError
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
    "worth",
    "escalate",
    "expected_value_low",
    "expected_value_high",
    "own_evidence",
]


@pytest.fixture(scope="module")
def model(learned_on) -> FitModel:
    policy = Policy("value", threshold=0.4, money=MONEY, description="by value")
    scorer = Scorer(learned_on(1500, seed=7).scorecard, policy, "annual_value", "closed_on", "v1")
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


def test_the_result_has_the_documented_columns_and_the_index_of_the_table(model, prospects) -> None:
    predictions = model.predict(prospects)
    assert list(predictions.columns) == COLUMNS
    pd.testing.assert_index_equal(predictions.index, prospects.index)
    assert "reasons" not in model.predict(prospects, reasons=0)
    assert len(model.predict(prospects.head(0))) == 0


def test_one_prospect_a_list_and_a_frame_give_the_same_predictions(model, prospects) -> None:
    predictions = model.predict(prospects)
    listed = model.predict(prospects.to_dict("records"))
    for position, (_, row) in enumerate(predictions.iterrows()):
        single = listed[position]
        for name in ("early_churn_probability", "probability_low", "probability_high"):
            assert math.isclose(getattr(single, name), row[name], abs_tol=1e-9)
        assert (single.poor_fit, single.fit) == (row["poor_fit"], row["fit"])
        assert single.unfamiliar == row["unfamiliar"]
        np.testing.assert_allclose(single.expected_value, row["expected_value"], atol=1e-6)
        assert [str(reason) for reason in single.reasons] == [str(r) for r in row["reasons"]]


def test_chunks_and_row_order_do_not_change_any_prediction(model, prospects) -> None:
    whole = model.predict(prospects, reasons=0)
    parts = [model.predict(prospects.iloc[i : i + 7], reasons=0) for i in range(0, 300, 7)]
    pd.testing.assert_frame_equal(pd.concat(parts), whole, check_exact=True)
    shuffled = prospects.sample(frac=1, random_state=0)
    again = model.predict(shuffled, reasons=0).loc[prospects.index]
    pd.testing.assert_frame_equal(again, whole, check_exact=True)


def test_all_reasons_add_up_to_the_log_odds_before_calibration(model, prospects) -> None:
    terms = len(model.scorecard.terms)
    for prospect in prospects.head(20).to_dict("records"):
        assessment = model.predict(prospect, reasons=terms)
        total = model.scorecard.baseline + sum(reason.contribution for reason in assessment.reasons)
        calibrated = model.scorecard.calibration.probability(np.array([total]))[0]
        assert math.isclose(assessment.early_churn_probability, calibrated, abs_tol=1e-9)


def test_unfamiliar_prospects_are_scored_and_marked_with_a_wider_interval(model, prospects) -> None:
    for position, name in ((0, "segment"), (1, "segment"), (2, "seats")):
        unfamiliar = prospects.iloc[position].to_dict()
        assessment = model.predict(unfamiliar)
        assert assessment.unfamiliar
        assert name in assessment.unfamiliar_because
        assert assessment.fit in {"watch", "poor"}
    usual = {**prospects.iloc[0].to_dict(), "segment": "mid"}
    width = [
        a.probability_high - a.probability_low
        for a in (model.predict(usual), model.predict({**usual, "segment": "never heard of"}))
    ]
    assert width[0] < width[1]


def test_the_error_for_a_missing_column_names_missing_and_unknown_columns(model, prospects) -> None:
    with pytest.raises(
        ProspectError, match=r"1 of \d+ attribute.s. are missing:\n  seats .did you"
    ):
        model.predict(prospects.rename(columns={"seats": "seat"}))
    with pytest.raises(ProspectError, match=r"prospect 1 of the list: .* attribute.s. are missing"):
        model.predict([prospects.iloc[0].to_dict(), {"seats": 3}])


def test_the_error_for_text_in_a_number_names_column_count_example_and_remedy(
    model, prospects
) -> None:
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


def test_objects_that_are_not_prospects_are_refused(model) -> None:
    with pytest.raises(ProspectError, match="prospects are int"):
        model.predict(3)
    with pytest.raises(ProspectError, match="prospect 0 of the list is str"):
        model.predict(["smb"])


def test_a_reason_quotes_its_evidence(model, prospects) -> None:
    reasons = model.predict(prospects.iloc[5].to_dict(), reasons=50).reasons
    (segment,) = [reason for reason in reasons if reason.attribute == "segment"]
    assert segment.value == prospects.iloc[5]["segment"]
    rate = f"{segment.early_churn_rate * 100:.0f}%"
    assert f"{rate} of {segment.deals:,} such deals" in segment.sentence
    sizes = [abs(reason.contribution) for reason in reasons]
    assert sizes == sorted(sizes, reverse=True)


def test_without_an_amount_there_is_no_expected_value(model, prospects) -> None:
    usual = prospects.iloc[5].to_dict()
    assert math.isfinite(model.predict(usual).expected_value)
    assert math.isnan(model.predict({**usual, "annual_value": None}).expected_value)


def test_a_scorer_is_written_and_read_back_as_json(model, prospects) -> None:
    again = FitModel(scorer_from_json(model.scorer.to_json(), "v1"), {})
    pd.testing.assert_frame_equal(
        again.predict(prospects, reasons=0), model.predict(prospects, reasons=0), check_exact=True
    )


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": 2}', b"[" * 100_000])
def test_an_invalid_scorer_file_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match="scorer"):
        scorer_from_json(content, "v1")


def test_the_example_can_be_scored_and_is_not_a_real_deal(model) -> None:
    example = model.example()
    assert len(model.predict(example)) == 1
    deals = simulate_deals(1500, seed=7).deals
    names = list(model.attributes)
    assert not (deals[names].astype(str) == example[names].astype(str).iloc[0]).all(axis=1).any()


def test_a_table_of_the_scorecard_is_returned(model) -> None:
    assert {"value", "log_odds", "deals"} <= set(model.table("segment").columns)
    with pytest.raises(ProspectError, match="no attribute 'colour'"):
        model.table("colour")


def _unusual_prospects(number: int) -> pd.DataFrame:
    """Prospects with missing values, unseen levels, extremes, other spellings and missing dates."""
    table = simulate_prospects(number, seed=9).prospects.astype(object)
    random = np.random.default_rng(0)
    oddities = {
        "segment": ["never heard of", " mid ", None, ""],
        "seats": [None, math.nan, 1e12, -5, "12", " 7.5 ", math.inf, 10**400],
        "trial_days": [np.float32(3), np.int64(8), "", "nan", 1e-300],
        "has_crm_integration": [True, False, "Y", "0", 1, None, "perhaps"],
        "plan_code": [203.0, "203", np.int64(203), 7, None],
        "first_contact_on": [None, pd.NaT, pd.Timestamp("1900-01-01")],
        "closed_on": [None, pd.NaT],
        "annual_value": [None, 0, 1e300, math.nan, -1.0],
    }
    for name, values in oddities.items():
        for position in np.flatnonzero(random.random(number) < 0.2):
            table.iloc[position, table.columns.get_loc(name)] = values[random.integers(len(values))]
    return table


def test_one_prospect_and_a_frame_give_identical_predictions_for_any_values(model) -> None:
    table = _unusual_prospects(3_000)
    as_of = date(2026, 7, 1)

    whole = model.predict(table, reasons=3, as_of=as_of)
    one = [model.predict(item, as_of=as_of) for item in table.to_dict("records")]

    for name in ("early_churn_probability", "probability_low", "probability_high"):
        assert [getattr(assessment, name) for assessment in one] == whole[name].tolist()
    for name in ("poor_fit", "fit", "unfamiliar"):
        assert [getattr(assessment, name) for assessment in one] == whole[name].tolist()
    np.testing.assert_array_equal(
        [assessment.expected_value for assessment in one], whole["expected_value"]
    )
    for assessment, listed in zip(one, whole["reasons"], strict=True):
        assert [r.contribution for r in assessment.reasons] == [r.contribution for r in listed]
    assert 0.1 < whole["unfamiliar"].mean() < 0.9


def test_true_for_a_number_is_refused_by_one_prospect_and_by_a_frame(model) -> None:
    table = _unusual_prospects(20).assign(seats=True)
    for given in (table.iloc[0].to_dict(), table):
        with pytest.raises(ProspectError, match="seats.*True"):
            model.predict(given)


def test_an_assessment_is_immutable_and_can_be_copied_with_a_change(model, prospects) -> None:
    predicted = model.predict(prospects.iloc[5].to_dict())
    with pytest.raises(dataclasses.FrozenInstanceError):
        predicted.fit = "good"
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError, AttributeError)):
        predicted.anything = 1
    fields = [getattr(predicted, field.name) for field in dataclasses.fields(predicted)]
    assert type(predicted)(*fields) == predicted
    assert dataclasses.replace(predicted, proceed=True).proceed
    copied = pickle.loads(pickle.dumps(dataclasses.replace(predicted, reasons=())))  # noqa: S301
    assert copied.fit == predicted.fit


def test_a_forked_process_gives_the_same_predictions(model, prospects) -> None:
    rows = prospects.head(50).to_dict("records")
    expected = [model.predict(row).to_dict() for row in rows]
    receiver, sender = multiprocessing.get_context("fork").Pipe(duplex=False)

    def answer() -> None:
        sender.send([model.predict(row).to_dict() for row in rows])

    child = multiprocessing.get_context("fork").Process(target=answer)
    child.start()
    assert receiver.poll(60)
    assert receiver.recv() == expected
    child.join(60)
    assert child.exitcode == 0


def test_sixteen_threads_give_the_same_predictions_as_one(model, prospects) -> None:
    rows = prospects.to_dict("records")
    alone = [model.predict(row).to_dict() for row in rows]

    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(lambda row: model.predict(row).to_dict(), rows * 4))

    assert together == alone * 4


@pytest.mark.slow
def test_many_calls_do_not_make_memory_grow(model, prospects) -> None:
    import tracemalloc

    row = prospects.to_dict("records")[0]
    model.predict(row)
    tracemalloc.start()
    try:
        for _ in range(2_500):  # Python keeps up to 2,000 freed tuples of a size
            model.predict(row)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(8_000):
            model.predict(row)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert grown < 8_000  # less than a byte a call
