"""The sentence of a reason quotes evidence, band and effect, on a scorecard made by hand."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitmodel.learning.columns import CategoryColumn, NumberColumn
from fitmodel.learning.scorecard import Evidence
from fitmodel.model._sentences import SELLER_WEIGHT, Sentences, in_hundredths
from fitmodel.model.wording import Wording

SEATS = NumberColumn("seats", (10.0, 20.0, 40.0), 1.0, 90.0)
PLAN = CategoryColumn("plan", {"basic": 1, "pro": 2, "team": 3, "solo": 3})
DEMO = NumberColumn("demo_on", (30.0,), 0.0, 90.0, is_date=True)
REP = CategoryColumn("rep", {"ann": 1})
ONLY = NumberColumn("age", (), 1.0, 90.0)


def _evidence(band: list[int], count: list[int], rate: list[float]) -> SimpleNamespace:
    return Evidence(np.array(band), np.array(count), np.array(rate), ("",) * len(count))


class _Twice:
    """A calibration that doubles log-odds."""

    def log_odds(self, raw: np.ndarray) -> np.ndarray:
        return 2.0 * raw


COLUMNS = (SEATS, PLAN, DEMO, REP, ONLY)
SCORECARD = SimpleNamespace(
    columns=COLUMNS,
    attributes=tuple(column.name for column in COLUMNS),
    terms=[(0,), (1,), (2,), (3,), (4,), (0, 1)],
    base_rate=0.2,
    calibration=_Twice(),
    evidence=[
        # codes 1 and 2 are one band, 3 and 4 another
        _evidence([0, 1, 1, 2, 2], [3, 1200, 19], [0.5, 0.1, 0.2]),
        _evidence([0, 1, 2, 3, 4], [0, 50, 20, 40, 0], [math.nan, 0.3, 0.204, 0.2, math.nan]),
        _evidence([0, 1, 2], [5, 30, 30], [0.1, 0.1, 0.4]),
        _evidence([0, 1, 2], [0, 9, 0], [0.0, 0.9, 0.0]),
        _evidence([0, 1], [0, 70], [0.0, 0.25]),
    ],
)
WORDS = Wording(horizon_months=5, sellers=("rep",), units={"seats": "users"})
SENTENCES = Sentences(SCORECARD, WORDS)


def _sentences_with(position: int, evidence: Evidence) -> Sentences:
    """Return sentences on the same scorecard with other evidence of one attribute."""
    others = list(SCORECARD.evidence)
    others[position] = evidence
    return Sentences(SimpleNamespace(**(vars(SCORECARD) | {"evidence": others})), WORDS)


def _tell(term: int, codes: list[int], values: list[str], contribution: float) -> str:
    return SENTENCES.sentence_of(term, codes, values, contribution, "X")


@pytest.mark.parametrize(
    ("code", "band"),
    [(1, "below 20 users"), (2, "below 20 users"), (3, "20 users or more"),
     (4, "20 users or more")],
)  # fmt: skip
def test_a_band_ranges_over_all_its_bins(code: int, band: str) -> None:
    assert f"such deals ({band}) left within 5 months" in _tell(0, [code], ["12"], -1.0)


def test_evidence_quotes_rate_deals_band_and_overall_rate() -> None:
    assert _tell(0, [1], ["12 users"], -1.0) == (
        "Seats is 12 users: 10% of 1,200 such deals (below 20 users) left within 5 months, "
        "20% of all (X)"
    )


def test_a_middle_band_has_two_limits_and_a_single_bin_has_none() -> None:
    whole = _sentences_with(0, _evidence([0, 1, 2, 2, 3], [3, 30, 30, 30], [0.5] * 4))
    assert "(10 users to 40 users)" in whole.sentence_of(0, [3], ["12"], 1.0, "X")
    assert "70 such deals left" in _tell(4, [0, 0, 0, 0, 1], ["5"], 1.0)


@pytest.mark.parametrize(
    ("deals", "phrase"), [(19, "of only 19 such deals"), (20, "of 20 such deals")]
)
def test_fewer_than_20_deals_are_described_as_too_few_to_rely_on(deals: int, phrase: str) -> None:
    text = _tell(0, [3], ["25"], 1.0) if deals == 19 else _tell(1, [0, 2], ["pro"], 1.0)
    assert phrase in text
    assert ("too few to rely on" in text) is (deals == 19)


@pytest.mark.parametrize(
    ("term", "codes", "contribution", "own_up"),
    [
        (1, [0, 1], 0.5, False),  # 30% of 20%: raises
        (1, [0, 1], -0.5, True),
        (0, [1], -0.5, False),  # 10%: lowers
        (0, [1], 0.5, True),
        (1, [0, 2], -0.5, False),  # 20.4% is shown as 20%, like all
        (1, [0, 3], -0.5, False),
    ],
)
def test_an_effect_that_contradicts_the_rate_is_explained(
    term, codes, contribution, own_up
) -> None:
    assert ("yet, with all else known, X" in _tell(term, codes, ["v"], contribution)) is own_up


def test_a_group_that_changed_is_described_as_such() -> None:
    """Its effect is that of its present level, so it needs no "yet" beside the past rate."""
    lately = np.array([1.0, 1.0, 2.5, 1.0, 1.0])
    sentences = _sentences_with(1, replace(SCORECARD.evidence[1], lately=lately))
    changed, usual = (sentences.sentence_of(1, [0, code], ["v"], 0.5, "X") for code in (2, 1))
    assert "lately 2.5 times as often; X" in changed
    assert "yet" not in changed
    assert "lately" not in usual


def test_deals_that_are_mostly_too_young_are_counted_without_a_rate() -> None:
    """Soft labels are the model's own predictions; quoted as a rate they would look observed."""
    known = {"left": np.array([1, 90, 1]), "unknown": np.array([0, 600, 10])}
    sentences = _sentences_with(0, replace(SCORECARD.evidence[0], **known))
    half, most = (sentences.sentence_of(0, [code], ["v"], 0.5, "X") for code in (1, 3))
    assert half.startswith("Seats is v: 10% of 1,200 such deals")
    assert most == (
        "Seats is v: 1 of 19 such deals (20 users or more) left so far, and of most the outcome is "
        "not known yet; 20% of all left within 5 months (X)"
    )


def test_unseen_levels_and_missing_values_are_described_as_such() -> None:
    assert _tell(1, [0, 4], ["new"], 1.0) == (
        "Plan is new: no such deal among those learned from (X)"
    )
    assert _tell(0, [0], ["not known"], 1.0).startswith("Seats is not known: 50% of only 3 such")


def test_a_value_from_right_to_left_does_not_turn_the_share_after_it() -> None:
    assert _tell(1, [0, 4], ["مريم"], 1.0) == (
        "Plan is \u2068مريم\u2069: no such deal among those learned from (X)"
    )


def test_levels_that_share_a_row_are_described_as_rare_values() -> None:
    assert "(this and other rare values)" in _tell(1, [0, 3], ["team"], 1.0)
    assert "rare" not in _tell(1, [0, 1], ["basic"], 1.0)


def test_a_date_is_described_by_its_days_before_signing_and_its_label_has_no_on() -> None:
    text = _tell(2, [0, 0, 2], ["45 days before signing"], 1.0)
    assert text.startswith("Demo 45 days before signing: 40% of 30 such deals")
    assert "(30 days or more before signing)" in text
    named = Sentences(SCORECARD, Wording(labels={"demo_on": "Demo on"}))
    assert named.label(2) == "Demo on"
    assert SENTENCES.label(0) == "Seats"


def test_a_pair_names_both_attributes_and_joins_their_labels() -> None:
    assert SENTENCES.label(5) == "Seats & Plan"
    assert _tell(5, [1, 2], ["12", "pro"], 1.0) == (
        "Seats is 12 and Plan is pro: beyond what each says alone, together this X"
    )


def test_the_rep_is_not_quoted_and_is_ranked_last() -> None:
    assert [SENTENCES.is_about_seller(term) for term in range(6)] == [
        False,
        False,
        False,
        True,
        False,
        False,
    ]
    assert SENTENCES.weights == [1.0, 1.0, 1.0, SELLER_WEIGHT, 1.0, 1.0]
    assert SENTENCES.has_seller_terms
    assert _tell(3, [0, 0, 0, 1], ["ann"], 1.0).startswith("Who sells it: counted")
    assert "ann" not in _tell(3, [0, 0, 0, 1], ["ann"], 1.0)
    assert not Sentences(SCORECARD, Wording()).has_seller_terms


def test_the_ratios_are_those_of_the_calibrated_odds() -> None:
    log_odds, contribution = 0.7, 0.4
    with_it, without = (math.exp(2 * each) for each in (log_odds, log_odds - contribution))
    assert SENTENCES.odds_ratio(log_odds, contribution) == pytest.approx(
        with_it / without, rel=1e-12
    )
    risk = (with_it / (1 + with_it)) / (without / (1 + without))
    assert SENTENCES.risk_ratio(log_odds, contribution) == pytest.approx(risk, rel=1e-12)


@pytest.mark.parametrize(
    ("ratio", "hundredths", "text"),
    [
        (1e-9, 1, "0.01"), (0.005, 1, "0.01"), (0.5, 50, "0.50"), (0.994, 99, "0.99"),
        (0.996, 100, "1.00"), (1.004, 100, "1.00"), (1.006, 101, "1.01"), (1.094, 109, "1.09"),
        (1.0999, 110, "1.1"), (1.1, 110, "1.1"), (1.16, 120, "1.2"), (12.34, 1230, "12.3"),
        (1234.56, 123460, "1,234.6"),
    ],
)  # fmt: skip
def test_a_ratio_is_rounded_to_hundredths_below_1_1_and_to_tenths_above(ratio, hundredths, text):
    assert in_hundredths(ratio) == hundredths
    assert SENTENCES.short_effect(hundredths) == f"odds \N{MULTIPLICATION SIGN}{text}"


@given(st.floats(1e-6, 1e6), st.floats(1.0, 10.0))
def test_the_displayed_ratio_is_monotone(ratio: float, factor: float) -> None:
    assert in_hundredths(ratio) <= in_hundredths(ratio * factor)


def test_an_effect_is_described_as_raising_lowering_or_hardly_changing_the_odds() -> None:
    assert SENTENCES.effect(101) == "raises the odds of leaving \N{MULTIPLICATION SIGN}1.01"
    assert SENTENCES.effect(99) == "lowers the odds of leaving \N{MULTIPLICATION SIGN}0.99"
    assert SENTENCES.effect(100) == "hardly changes the odds of leaving"


def test_a_pickled_copy_gives_the_same_sentences() -> None:
    made, (scorecard, wording) = SENTENCES.__reduce__()
    assert made(scorecard, wording).sentence_of(0, [1], ["12"], 1.0, "X") == _tell(
        0, [1], ["12"], 1.0
    )
    assert pickle.loads(pickle.dumps(wording)) == WORDS  # noqa: S301 - ours
