"""Deals are matched to the log regardless of spelling, and unmatched deals are reported."""

from __future__ import annotations

import sqlite3

import pandas as pd
import pytest

from fitmodel.datasets.simulation import simulate_deals
from fitmodel.exceptions import DealsError
from fitmodel.model.assessment import Assessment
from fitmodel.monitoring.log import DecisionLog
from fitmodel.monitoring.matching import match_log, with_propensity

FLAGGED = Assessment(
    0.4,
    0.3,
    0.5,
    poor_fit=True,
    fit="poor",
    expected_value=-1.0,
    unfamiliar=False,
    reasons=(),
    model_version="v",
)
FINE = Assessment(
    0.1,
    0.05,
    0.2,
    poor_fit=False,
    fit="good",
    expected_value=1.0,
    unfamiliar=False,
    reasons=(),
    model_version="v",
)


@pytest.fixture(scope="module")
def company():
    simulation = simulate_deals(60, seed=0, observed_until="2045-01-31", months=12)
    return simulation.deals.reset_index(drop=True), simulation.spec


def logged(path, ids, *, salt=None, assessment=FLAGGED):
    log = DecisionLog(path, salt=salt)
    for name in ids:
        log.append(str(name), assessment, {}, proceed=True, propensity=0.1)
    return log


@pytest.mark.parametrize("salt", [None, "pepper"])
@pytest.mark.parametrize(
    "spelling",
    [str, lambda i: f"{i} ", lambda i: f"\ufeff {i}", str.lower, str.upper, lambda i: i + "\t"],
)
def test_the_spelling_of_an_id_does_not_matter(tmp_path, company, salt, spelling) -> None:
    deals, spec = company
    log = logged(tmp_path / "log.db", deals["deal_id"].map(spelling), salt=salt)

    match = match_log(deals, spec, log)

    assert (match.logged, match.matched, match.not_matched) == (60, 60, {})
    assert match.assessment.notna().all()


def test_without_a_closing_date_the_latest_assessment_counts(tmp_path, company) -> None:
    deals, spec = company
    tenure = {"closed_on": None, "churned_on": None, "observed_until": None}
    spec = spec.replace(deals=tenure | {"tenure_months": "months", "churned": "left"})
    deals = deals.drop(columns=["closed_on", "churned_on"]).assign(months=3.0, left=False)
    log = logged(tmp_path / "log.db", deals["deal_id"])
    for name in deals["deal_id"]:
        log.append(str(name), FLAGGED, {}, proceed=True, propensity=0.7)

    assert match_log(deals, spec, log).matched == len(deals)
    assert with_propensity(deals, spec, log)[0]["propensity"].eq(0.7).all()


@pytest.mark.parametrize("salt", [None, "pepper"])
def test_an_integer_id_read_as_a_float_is_the_same_id(tmp_path, company, salt) -> None:
    deals, spec = company
    deals = deals.assign(deal_id=range(1234, 1294))
    log = logged(tmp_path / "log.db", deals["deal_id"].astype(float), salt=salt)

    assert match_log(deals, spec, log).matched == 60


@pytest.mark.parametrize("days", [-1, 1])
def test_a_closing_date_off_by_one_day_is_matched(tmp_path, company, days) -> None:
    deals, spec = company
    today = pd.Timestamp.now().normalize()
    deals = deals.assign(closed_on=today + pd.Timedelta(days=days))

    assert match_log(deals, spec, logged(tmp_path / "log.db", deals["deal_id"])).matched == 60


def test_a_log_without_matching_deals_is_refused_with_the_cause(tmp_path, company) -> None:
    deals, spec = company
    salted = logged(tmp_path / "salted.db", deals["deal_id"], salt="pepper")
    salted.close()
    other = logged(tmp_path / "other.db", [f"other-{n}" for n in range(50)])

    with pytest.raises(DealsError, match=r"0 of 60 prospects .* hashed. Remedy: give the salt"):
        with_propensity(deals, spec, DecisionLog(tmp_path / "salted.db"))
    with pytest.raises(DealsError, match="check --salt"):
        with_propensity(deals, spec, DecisionLog(tmp_path / "salted.db", salt="salt"))
    with pytest.raises(DealsError, match=r"'other-0'.* the deals' column 'deal_id' such as"):
        match_log(deals, spec, other)
    late = deals.assign(closed_on=deals["closed_on"] - pd.DateOffset(years=40))
    assert match_log(late, spec, other).matched == 0  # the log is too young for them
    assert match_log(deals.head(0), spec, salted).matched == 0


def test_a_log_written_after_all_closings_is_refused(tmp_path, company) -> None:
    deals, spec = company
    signed = deals.assign(closed_on=pd.Timestamp.now().normalize() - pd.Timedelta(days=30))
    log = logged(tmp_path / "log.db", [*deals["deal_id"], "still open"])

    with pytest.raises(DealsError, match=r"0 of 60 prospects .* check the closing dates"):
        match_log(signed, spec, log).refuse_late()
    # a few late entries are accepted, and one entry in time is enough
    match_log(signed.head(9), spec, log).refuse_late()
    signed.loc[0, "closed_on"] = pd.Timestamp.now().normalize()
    match_log(signed, spec, log).refuse_late()


def test_unmatched_deals_are_counted_by_reason(tmp_path, company) -> None:
    deals, spec = company
    early = deals["deal_id"].iloc[0]
    deals = deals.assign(
        closed_on=deals["closed_on"].where(deals["deal_id"] != early, pd.Timestamp("2020-01-01"))
    )
    log = logged(tmp_path / "log.db", [*deals["deal_id"].head(20), "open", "refused", "X-1", "x-1"])
    log.decide("refused", "declined", by="Kim")
    deals.loc[deals.index[-1], "deal_id"] = "X-1 "

    match = match_log(deals, spec, log)

    assert match.not_matched == {"declined": 1, "late": 1, "no_deal": 2}
    assert match.matched + sum(match.not_matched.values()) == match.logged == 24
    text = match.in_words()
    assert "24 prospects logged, 20 matched" in text
    assert "1 declined, without a deal (e.g. 'refused')" in text


def test_ids_that_differ_only_in_case_are_not_confused(tmp_path, company) -> None:
    deals, spec = company
    deals = deals.head(12).assign(deal_id=["ab", "AB", *map(str, range(10))])
    log = logged(tmp_path / "log.db", ["Ab", *map(str, range(10))])

    match = match_log(deals, spec, log)

    assert match.prospect.head(2).isna().all()
    assert match.not_matched == {"ambiguous": 1}


def test_a_decision_to_sign_determines_the_relevant_assessment(tmp_path, company) -> None:
    deals, spec = company
    name = deals["deal_id"].iloc[0]
    log = logged(tmp_path / "log.db", [name])
    log.decide(name, "signed", by="Kim")
    log.append(name, FINE, {})  # scored again before the date of signing that the table has

    kept, _ = with_propensity(deals, spec, log)

    assert kept.loc[kept["deal_id"] == name, "propensity"].tolist() == [0.1]


def test_a_log_of_an_older_version_is_read(tmp_path, company) -> None:
    deals, spec = company
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE assessments (
          number INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, prospect TEXT NOT NULL,
          model_version TEXT NOT NULL, probability REAL NOT NULL, poor_fit INTEGER NOT NULL,
          fit TEXT NOT NULL, proceed INTEGER NOT NULL, propensity REAL NOT NULL,
          digest TEXT NOT NULL);
        CREATE TABLE decisions (
          number INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, prospect TEXT NOT NULL,
          action TEXT NOT NULL, by TEXT NOT NULL, reason TEXT);
        """
    )
    for at, name in enumerate(deals["deal_id"]):
        connection.execute(
            "INSERT INTO assessments (time, prospect, model_version, probability, poor_fit, fit,"
            " proceed, propensity, digest) VALUES (?,?,'v',.4,1,'poor',1,.1,'d')",
            (f"2024-01-0{1 + at % 9}T00:00:00.000000+00:00", f"{name.lower()} "),
        )
    connection.execute(
        "INSERT INTO decisions (time, prospect, action, by) VALUES (?,?,'signed','Kim')",
        ("2024-02-01T00:00:00.000000+00:00", f"{deals['deal_id'].iloc[0].lower()} "),
    )
    connection.commit()
    connection.close()
    log = DecisionLog(path)

    assert match_log(deals, spec, log).matched == 60
    assert log.latest()["action"].notna().sum() == 1
    log.decide(f"{deals['deal_id'].iloc[1].lower()} ", "signed", by="Kim")
    assert log.decisions()["assessment"].tolist()[1] == 2
