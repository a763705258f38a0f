"""The decision log: acknowledged entries are durable, and forgotten customers are removed."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fitmodel.exceptions import TrackingError
from fitmodel.model.assessment import Assessment
from fitmodel.monitoring.log import DecisionLog, digest_of
from warm_python import WarmPython, warm_python

ASSESSMENT = Assessment(
    early_churn_probability=0.31,
    probability_low=0.2,
    probability_high=0.4,
    poor_fit=True,
    fit="poor",
    expected_value=-120.0,
    unfamiliar=False,
    reasons=(),
    model_version="v1",
)
WRITER = """
import sys
from fitmodel.model.assessment import Assessment
from fitmodel.monitoring.log import DecisionLog
log = DecisionLog(sys.argv[1])
assessment = Assessment(0.31, 0.2, 0.4, True, "poor", -120.0, False, (), "v1")
for number in range(int(sys.argv[3])):
    rows = [(f"{sys.argv[2]}-{number}", assessment, {"a": part}, True, 0.5) for part in range(3)]
    log.append_many(rows)
    print(number, flush=True)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The location of a log, as a file or as a database; all tests apply to both."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql"))
    return str(tmp_path / "log.db")


@pytest.fixture(scope="module")
def python() -> Iterator[WarmPython]:
    imports = "import psycopg, sqlalchemy.dialects.sqlite, sqlalchemy.dialects.postgresql\n"
    with warm_python(
        imports + "import fitmodel.model.assessment, fitmodel.monitoring.log"
    ) as ready:
        yield ready


def test_appended_entries_are_read_back(address) -> None:
    log = DecisionLog(address)
    log.append("a", ASSESSMENT, {"seats": 4}, proceed=True, propensity=0.1)
    log.append("b", ASSESSMENT, {"seats": 5})
    log.decide("a", "overridden", by="Kim", reason="old friend")
    result = log.assessments()
    assert result["prospect"].tolist() == ["a", "b"]
    assert result["probability"].tolist() == [0.31, 0.31]
    assert result["proceed"].tolist() == [True, False]
    assert result["propensity"].tolist() == [0.1, 1.0]
    assert result["digest"].tolist() == [digest_of({"seats": 4}), digest_of({"seats": 5})]
    assert str(result["time"].dt.tz) == "UTC"
    assert log.latest()["action"].fillna("none").to_dict() == {"a": "overridden", "b": "none"}


def test_the_digest_does_not_depend_on_the_order_of_attributes() -> None:
    assert digest_of({"a": 1, "b": None}) == digest_of({"b": float("nan"), "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})


def test_a_decision_without_a_valid_id_or_action_is_refused(address) -> None:
    log = DecisionLog(address)
    log.append("a", ASSESSMENT, {})
    with pytest.raises(TrackingError, match="no assessment of 'b'"):
        log.decide("b", "signed", by="Kim")
    with pytest.raises(TrackingError, match="write signed, declined, overridden"):
        log.decide("a", "maybe", by="Kim")
    assert log.decisions().empty


def test_rows_cannot_be_changed(address) -> None:
    log = DecisionLog(address)
    log.append("a", ASSESSMENT, {})
    log.decide("a", "signed", by="Kim")
    for table, column in (("assessments", "probability"), ("decisions", "action")):
        change = f"UPDATE {table} SET {column} = NULL"  # noqa: S608 - names of our own
        with pytest.raises(TrackingError, match="append-only"), log._store.writing() as cursor:
            cursor.execute(change)
    assert log.assessments()["probability"].tolist() == [0.31]


def test_another_program_cannot_change_rows(tmp_path) -> None:
    DecisionLog(tmp_path / "log.db").append("a", ASSESSMENT, {})
    with (
        sqlite3.connect(tmp_path / "log.db") as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute("UPDATE assessments SET probability = 0")
    connection.close()


def test_several_entries_are_written_together_or_not_at_all(address) -> None:
    log = DecisionLog(address)
    rows = [("a", ASSESSMENT, {}, True, 1.0), ("b", ASSESSMENT, {}, True, None)]
    with pytest.raises(TrackingError, match="NOT NULL|not-null"):
        log.append_many(rows)
    assert log.assessments().empty


def test_a_file_that_is_not_a_log_is_refused(tmp_path) -> None:
    path = tmp_path / "deals.csv"
    path.write_text("id,amount\n" * 100)
    with pytest.raises(TrackingError, match=r"not a database. Remedy: name a decision log"):
        DecisionLog(path)
    with pytest.raises(TrackingError, match=r"unable to open.* Remedy: see that .*nowhere exists"):
        DecisionLog(tmp_path / "nowhere" / "log.db")
    assert path.read_text() == "id,amount\n" * 100


def test_a_full_disk_leaves_the_log_as_it_was(tmp_path) -> None:
    log = DecisionLog(tmp_path / "log.db")
    log.append("a", ASSESSMENT, {"seats": 4})
    with log._store.reading() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(TrackingError, match=r"is full. Remedy: free some space on the disk of "):
        log.append_many([(f"b{row}" * 90, ASSESSMENT, {}, True, 0.5) for row in range(400)])
    with log._store.reading() as connection:
        connection.execute(f"PRAGMA max_page_count = {pages + 100}")
    log.append("c", ASSESSMENT, {"seats": 4})
    assert log.assessments()["prospect"].tolist() == ["a", "c"]


def test_the_error_for_an_unreachable_database_shows_no_password() -> None:
    with pytest.raises(TrackingError, match="127.0.0.1:1/log") as caught:
        DecisionLog("postgresql://kim:secret@127.0.0.1:1/log")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://u:S3cret@localhost/db",
        "Postgresql://u:S3cret@localhost/db",
        "sqlite:///log.db",
        Path("postgresql://u:S3cret@localhost/db"),
    ],
)
def test_an_invalid_url_is_refused_without_repeating_it(address, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrackingError, match="Remedy: postgresql://user@host/database") as caught:
        DecisionLog(address)
    assert "S3cret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_refused_when_the_server_closed_an_idle_connection(postgresql) -> None:
    import psycopg

    log = DecisionLog(postgresql)
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    for reads in (False, True):
        with psycopg.connect(postgresql, autocommit=True) as server:
            ended = server.execute(
                f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}"  # noqa: S608 - of this test
            ).fetchall()
        assert ended == [(True,)]
        if reads:
            assert len(log.assessments()) == 1
        else:
            log.append("D-1", ASSESSMENT, {})
    log.close()


def test_a_connection_closed_by_the_server_is_opened_again(postgresql) -> None:
    log = DecisionLog(postgresql)
    log.append("before", ASSESSMENT, {})
    ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    expected = pytest.raises(TrackingError, match="terminating connection")
    with expected, log._store.writing() as cursor:
        cursor.execute(ending)
    log.append("after", ASSESSMENT, {})
    assert log.assessments()["prospect"].tolist() == ["before", "after"]


def test_every_writer_of_a_log_draws_the_same_prospects(address) -> None:
    names, flagged = [f"D-{n}" for n in range(200)], [True] * 200
    drawn = DecisionLog(address).draw(names, flagged, 0.3)
    again = DecisionLog(address, salt="pepper").draw(names[::-1], flagged, 0.3)
    np.testing.assert_array_equal(drawn.proceed, again.proceed[::-1])
    assert 0.15 < drawn.proceed.mean() < 0.45


def test_a_forgotten_customer_is_in_no_table(address) -> None:
    log = DecisionLog(address)
    log.append("customer-17", ASSESSMENT, {})
    log.append("customer-18", ASSESSMENT, {})
    log.decide("customer-17", "signed", by="Kim")
    assert log.forget("customer-17") == 2
    assert log.forget("customer-17") == 0
    assert log.assessments()["prospect"].tolist() == ["customer-18"]
    assert log.decisions().empty


def test_hashed_ids_can_be_decided_and_forgotten_with_their_salt(tmp_path) -> None:
    log = DecisionLog(tmp_path / "log.db", salt="pepper")
    log.append("customer-17", ASSESSMENT, {"seats": 4})
    log.decide("customer-17", "declined", by="Kim")
    log.close()
    assert b"customer-17" not in _bytes(tmp_path)
    assert DecisionLog(tmp_path / "log.db", salt="other").forget("customer-17") == 0
    assert log.forget("customer-17") == 2


def test_a_forgotten_customer_leaves_no_bytes_and_the_others_are_kept(tmp_path) -> None:
    log = DecisionLog(tmp_path / "log.db")
    for name in ("customer-17", "customer-18"):
        log.append(name, ASSESSMENT, {})
        log.decide(name, "signed", by="Kim")
    assert log.forget("customer-17") == 2
    assert log.forget("customer-17") == 0
    assert log.assessments()["prospect"].tolist() == ["customer-18"]
    log.close()
    assert b"customer-17" not in _bytes(tmp_path)


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


@pytest.mark.slow
def test_threads_and_processes_write_concurrently_without_loss(address, python) -> None:
    log = DecisionLog(address)
    others = [python.start(WRITER, address, f"p{n}", 40) for n in range(2)]
    threads = [
        threading.Thread(
            target=lambda n=n: [
                log.append(f"t{n}-{address}", ASSESSMENT, {}) for address in range(40)
            ]
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in others:
        assert python.wait(process) == 0
    result = log.assessments()["prospect"]
    assert result.nunique() == 240
    assert len(result) == 4 * 40 + 2 * 40 * 3


def test_a_forked_process_uses_its_own_connection(address) -> None:
    log = DecisionLog(address)
    log.append("before", ASSESSMENT, {})
    child = os.fork()
    if child == 0:
        log.append("child", ASSESSMENT, {})
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    log.append("parent", ASSESSMENT, {})
    assert log.assessments()["prospect"].tolist() == ["before", "child", "parent"]


@pytest.mark.slow
def test_acknowledged_entries_survive_a_kill_and_no_entry_is_partial(
    address, python, tmp_path
) -> None:
    draw = np.random.default_rng(0)
    os.mkfifo(tmp_path / "written")
    for turn in range(8):
        process = python.start(WRITER, address, turn, 10**6, output=tmp_path / "written")
        with (tmp_path / "written").open() as written:
            for _ in range(int(draw.integers(1, 60))):
                acknowledged = int(written.readline())
            os.kill(process, signal.SIGKILL)
            assert python.wait(process) == -signal.SIGKILL
        result = DecisionLog(address).assessments()["prospect"]
        own = result[result.str.startswith(f"{turn}-")].value_counts()
        assert {f"{turn}-{address}" for address in range(acknowledged + 1)} <= set(own.index)
        assert (own == 3).all()
    if "://" not in address:
        with sqlite3.connect(address) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
