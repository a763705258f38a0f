"""Decisions on a deal: repeated ones are stored once, conflicts are reported, undo for a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fitmodel.exceptions import TrackingError
from fitmodel.model.assessment import Assessment
from fitmodel.model.logged import UnknownProspectError
from fitmodel.monitoring import deal_log
from fitmodel.monitoring.deal_log import ConflictError, DealLog
from fitmodel.monitoring.log import DecisionLog

ASSESSMENT = Assessment(
    0.6,
    0.5,
    0.7,
    poor_fit=True,
    fit="poor",
    expected_value=-1.0,
    unfamiliar=False,
    reasons=(),
    model_version="v2",
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def log(request, tmp_path):
    path = tmp_path / "log.db"
    if request.param == "postgresql":
        path = request.getfixturevalue("postgresql")
    opened = DecisionLog(path, salt="pepper")
    yield opened
    opened.close()


@pytest.fixture
def deals(log, learned_on):
    from fitmodel.datasets.simulation import simulate_deals
    from fitmodel.decision.policy import Policy
    from fitmodel.model.fitmodel import FitModel
    from fitmodel.model.scorer import Scorer

    simulation = simulate_deals(700, seed=5)
    policy = Policy("threshold", 0.0, None, "flags all")
    roles = simulation.spec.deals
    scorecard = learned_on(700, seed=5).scorecard
    model = FitModel(Scorer(scorecard, policy, roles.amount, roles.closed_on, version="v1"), {})
    row = simulation.deals.iloc[0].to_dict()
    log.append("D-1", model.predict(row), row)
    return DealLog(log)


def test_a_repeated_decision_is_stored_once(deals, log) -> None:
    first, added = deals.decide("D-1", "declined", by="Kim", reason="too far")
    again, added_again = deals.decide("D-1", "declined", by="Kim", reason="too far")
    assert (added, added_again) == (True, False)
    assert first == again
    assert len(log.decisions()) == 1


def test_a_repeated_decision_after_a_new_assessment_is_a_new_one(deals, log) -> None:
    """As by the command line: service and monitor count the same decisions."""
    first, _ = deals.decide("D-1", "declined", by="Kim", seen=0)
    again, added = deals.decide("D-1", "declined", by="Kim", seen=0)  # the answer had been lost
    assert (again, added) == (first, False)
    assert not log.decide("D-1", "declined", by="Kim")

    log.append("D-1", ASSESSMENT, {})
    later, added = deals.decide("D-1", "declined", by="Kim", seen=first.number)
    assert added
    assert later.number > first.number
    assert not log.decide("D-1", "declined", by="Kim")
    assert len(log.decisions()) == 2


def test_a_decision_made_without_seeing_the_last_one_is_a_conflict(deals, log) -> None:
    deals.decide("D-1", "declined", by="Kim", reason="too far", seen=0)
    with pytest.raises(ConflictError, match=r"Kim has decided meanwhile: declined \(too far\)"):
        deals.decide("D-1", "overridden", by="Ann", reason="I know them", seen=0)
    assert log.decisions()["by"].tolist() == ["Kim"]


def test_a_decision_can_be_undone_for_a_minute_by_its_author(deals, log, monkeypatch) -> None:
    made, _ = deals.decide("D-1", "declined", by="Kim")
    with pytest.raises(ConflictError, match="only Kim can undo it"):
        deals.undo("D-1", made.number, by="Ann")
    deals.undo("D-1", made.number, by="Kim")
    deals.undo("D-1", made.number, by="Kim")
    assert deals.standing("D-1") is None
    assert log.decisions().empty
    assert log.latest()["action"].isna().all()
    assert [event.undone for event in deals.events("D-1") if event.kind == "declined"] == [True]
    again, _ = deals.decide("D-1", "declined", by="Kim", seen=0)
    later = datetime.now(UTC) + timedelta(seconds=deal_log.UNDO_SECONDS + 1)
    monkeypatch.setattr(deal_log, "_now", lambda: later)
    with pytest.raises(ConflictError, match="a minute has passed"):
        deals.undo("D-1", again.number, by="Kim")
    assert deals.standing("D-1") == again


def test_a_decision_on_another_deal_cannot_be_undone(deals) -> None:
    with pytest.raises(ConflictError, match="no such decision"):
        deals.undo("D-1", 99, by="Kim")


def test_a_question_to_a_manager_is_not_a_decision(deals, log) -> None:
    for _ in range(2):
        deals.ask("D-1", by="Kim", reason="a big one")
    kinds = [event.kind for event in deals.events("D-1")]
    assert kinds == ["asked", "assessed"]
    assert deals.standing("D-1") is None
    assert log.decisions().empty
    with pytest.raises(UnknownProspectError):
        deals.ask("D-2", by="Kim")


def test_an_invalid_action_or_deal_is_refused(deals) -> None:
    with pytest.raises(TrackingError, match="not an action"):
        deals.decide("D-1", "sold", by="Kim")
    with pytest.raises(UnknownProspectError):
        deals.decide("D-2", "signed", by="Kim")


def test_a_forgotten_deal_leaves_no_rows(deals, log) -> None:
    made, _ = deals.decide("D-1", "declined", by="Kim")
    deals.undo("D-1", made.number, by="Kim")
    deals.ask("D-1", by="Kim")
    assert log.forget("D-1") == 4
    assert deals.events("D-1") == []


def test_another_process_sees_the_decisions(deals, log) -> None:
    deals.decide("D-1", "declined", by="Kim")
    log.close()  # like a restarted service
    assert deals.standing("D-1").kind == "declined"
