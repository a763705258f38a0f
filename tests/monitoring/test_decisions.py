"""A decision refers to an assessment and may not contradict it or an earlier decision."""

from __future__ import annotations

import pytest

from fitmodel.exceptions import TrackingError
from fitmodel.model.assessment import Assessment
from fitmodel.monitoring.log import ContradictionError, DecisionLog


def assessed(*, poor_fit, probability=0.3):
    fit = "poor" if poor_fit else "good"
    return Assessment(
        probability, 0.2, 0.4, poor_fit, fit, -1.0, unfamiliar=False, reasons=(), model_version="v"
    )


@pytest.fixture(params=[None, "pepper"])
def log(request, tmp_path):
    opened = DecisionLog(tmp_path / "log.db", salt=request.param)
    yield opened
    opened.close()


def test_an_override_is_kept_when_the_prospect_is_scored_again(log) -> None:
    log.append("a", assessed(poor_fit=True, probability=0.6), {})
    log.decide("a", "overridden", by="Kim")
    log.append("a", assessed(poor_fit=False, probability=0.1), {})

    latest = log.latest().iloc[0]

    assert (latest["probability"], latest["poor_fit"], latest["action"]) == (
        0.6,
        True,
        "overridden",
    )


def test_a_decision_refers_to_the_assessment_before_it(log) -> None:
    log.append("a", assessed(poor_fit=True), {})
    log.append("b", assessed(poor_fit=True), {})
    log.append("a", assessed(poor_fit=True), {})
    log.decide("a ", "signed", by="Kim")

    assert log.decisions()["assessment"].tolist() == [3]


def test_an_unflagged_prospect_cannot_be_overridden(log) -> None:
    log.append("a", assessed(poor_fit=False), {})
    with pytest.raises(ContradictionError, match="was not flagged.*--correct"):
        log.decide("a", "overridden", by="Kim")
    assert log.decisions().empty


@pytest.mark.parametrize(
    ("first", "second"),
    [("declined", "signed"), ("declined", "overridden"), ("signed", "declined")],
)
def test_a_contradicting_decision_is_refused_unless_it_is_a_correction(log, first, second) -> None:
    log.append("a", assessed(poor_fit=True), {})
    log.decide("a", first, by="Kim")
    with pytest.raises(ContradictionError, match=f"is {first} already"):
        log.decide("a", second, by="Kim")

    log.decide("a", second, by="Kim", correct=True)

    assert log.decisions()["action"].tolist() == [first, second]
    assert log.decisions()["corrects"].tolist()[1] == 1
    assert log.latest()["action"].tolist() == [second]


def test_a_declined_prospect_can_be_signed_after_a_new_assessment(log) -> None:
    log.append("a", assessed(poor_fit=True), {})
    log.decide("a", "declined", by="Kim")
    log.append("a", assessed(poor_fit=True), {})
    log.decide("a", "signed", by="Kim")
    with pytest.raises(ContradictionError):
        log.decide("a", "declined", by="Kim")


def test_a_decision_is_repeated_by_the_same_person_with_the_same_content(log) -> None:
    log.append("a", assessed(poor_fit=True), {})
    added = [
        log.decide(name, action, by=by, reason=reason, correct=correct)
        for name, action, by, reason, correct in (
            ("a", "declined", "Kim", "no seats", False),
            (" A", "declined", "Kim", "no seats", False),  # another spelling of the id
            ("a", "declined", "Kim", "no seats", True),
            ("a", "declined", "Lee", "no seats", False),
            ("a", "declined", "Lee", None, False),
            ("a", "declined", "Lee", None, False),
            ("a", "signed", "Lee", None, True),
            ("a", "signed", "Lee", None, True),
            ("a", "declined", "Lee", None, True),
        )
    ]
    assert added == [True, False, False, True, True, False, True, False, True]
    assert len(log.decisions()) == sum(added)

    log.append("a", assessed(poor_fit=True), {})
    assert log.decide("a", "declined", by="Lee")  # on the new assessment
    assert log.decisions()["assessment"].tolist() == [1, 1, 1, 1, 1, 2]


def test_a_repeated_correction_needs_no_second_permission(log) -> None:
    log.append("a", assessed(poor_fit=False), {})
    assert log.decide("a", "overridden", by="Kim", correct=True)
    assert not log.decide("a", "overridden", by="Kim")


def test_another_spelling_of_an_id_is_the_same_prospect(log) -> None:
    log.append("D-17", assessed(poor_fit=True), {})
    log.decide(" d-17", "signed", by="Kim")
    assert len(log.latest().dropna(subset="action")) == 1
    assert log.forget("d-17 ") == 2
    assert log.assessments().empty


def test_ids_that_differ_only_in_case_must_be_spelled_exactly(log) -> None:
    log.append("AB-1", assessed(poor_fit=True), {})
    log.append("ab-1", assessed(poor_fit=True), {})
    log.decide("ab-1", "signed", by="Kim")
    with pytest.raises(TrackingError, match="several that differ only in case"):
        log.decide("Ab-1", "signed", by="Kim")
