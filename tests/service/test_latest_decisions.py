"""The latest decisions on all rows are found with one query, in agreement with the log."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from fitmodel.monitoring.deal_log import DealLog
from fitmodel.monitoring.log import DecisionLog
from fitmodel.service._decision_routes import LatestDecisions


@pytest.fixture(params=["named", "salted", pytest.param("postgresql", marks=pytest.mark.slow)])
def log(request, tmp_path):
    path = tmp_path / "log.db"
    if request.param == "postgresql":
        path = request.getfixturevalue("postgresql")
    log = DecisionLog(path, salt="pepper" if request.param == "salted" else None)
    yield log
    log.close()


@pytest.fixture
def assessed(log, model, prospect):
    assessment = model.predict(prospect)

    def add(*names: str) -> None:
        log.append_many([(name, assessment, {}, True, 1.0) for name in names])

    return add


def latest_on(log, prospect):
    (decision,) = LatestDecisions(log).on([prospect])
    return decision and (decision["kind"], decision["by"])


def test_the_latest_decision_or_question_counts_unless_it_was_undone(log, assessed) -> None:
    deals = DealLog(log)
    assessed("D-1", "D-2")
    assert latest_on(log, "D-1") is None
    deals.ask("D-1", by="Kim")
    assert latest_on(log, "D-1") == ("asked", "Kim")
    event, _ = deals.decide("D-1", "declined", by="Ann")
    assert latest_on(log, "D-1") == ("declined", "Ann")
    deals.undo("D-1", event.number, by="Ann")
    assert latest_on(log, "D-1") == ("asked", "Kim")
    log.forget("D-1")
    assert latest_on(log, "D-1") is None
    assert latest_on(log, "D-2") is latest_on(log, None) is latest_on(log, "") is None


@pytest.mark.parametrize("written", ["D-1", " D-1 ", "d-1", "\uff24-1"])
def test_a_prospect_is_found_in_every_spelling_accepted_by_the_log(log, assessed, written) -> None:
    assessed("D-1")
    DealLog(log).ask("D-1", by="Kim")
    assert latest_on(log, written) == ("asked", "Kim")


def test_two_prospects_that_differ_only_in_case_have_separate_decisions(log, assessed) -> None:
    assessed("ab-1", "AB-1")
    DealLog(log).ask("AB-1", by="Kim")
    assert latest_on(log, "AB-1") == ("asked", "Kim")
    assert latest_on(log, "ab-1") is None
    assert latest_on(log, "Ab-1") is None  # either could be meant


def test_cached_decisions_follow_the_log(log, assessed) -> None:
    decisions = LatestDecisions(log)

    def on(name):
        (decision,) = decisions.on([name])
        return decision and decision["by"]

    assert on("d-1") is None
    assessed("D-1")
    DealLog(log).ask("D-1", by="Kim")
    assert on("d-1") == "Kim"
    assessed("d-1")  # another prospect, which has no decision
    assert (on("d-1"), on("D-1")) == (None, "Kim")
    log.forget("d-1")
    assert on("d-1") == "Kim"
    log.forget("D-1")
    assert on("d-1") is on("D-1") is None


def test_thousands_of_rows_need_one_query(log, assessed, monkeypatch) -> None:
    names = [f"D-{number}" for number in range(2_000)]
    assessed(*names)
    log.decide("D-1999", "signed", by="Kim")
    asked, reading = [], log.store.reading

    class Counting:
        def __init__(self, cursor) -> None:
            self._cursor = cursor

        def execute(self, query, values=()):
            asked.append(query)
            return self._cursor.execute(query, values)

    @contextmanager
    def counted():
        with reading() as cursor:
            yield Counting(cursor)

    monkeypatch.setattr(log.store, "reading", counted)
    latest = LatestDecisions(log).on(names)
    assert len(asked) == 1
    assert latest[-1]["by"] == "Kim"
    assert latest[:-1] == [None] * 1_999
