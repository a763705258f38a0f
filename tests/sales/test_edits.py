"""Edits of prospects after a flag are compared with other edits and reported on evidence only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.exceptions import DealsError
from fitmodel.model.assessment import Assessment
from fitmodel.monitoring.log import DecisionLog
from fitmodel.sales._edits import find_edits_after_flags


def assessed(*, flagged):
    fit = "poor" if flagged else "good"
    return Assessment(
        0.3, 0.2, 0.4, flagged, fit, -1.0, unfamiliar=False, reasons=(), model_version="v"
    )


class Company:
    """Prospects of several reps: assessed, optionally edited, assessed again."""

    def __init__(self, path, salt=None):
        self.log = DecisionLog(path, salt=salt)
        self.changes, self.reps = [], {}

    def prospect(self, name, rep, *, flagged, edited, then=None, field="seats"):
        self.reps[name] = rep
        self.log.append(name, assessed(flagged=flagged), {})
        if edited:
            self.changes.append(
                {"id": f" {name}", "field": field, "old": 3, "new": 30,
                 "changed_at": pd.Timestamp.now(tz="UTC").isoformat()}
            )  # fmt: skip
        if then is not None:
            self.log.append(name, assessed(flagged=then), {})

    def edits_found(self, attributes=("seats",)):
        columns = ["id", "field", "old", "new", "changed_at"]
        history = pd.DataFrame(self.changes, columns=columns)
        return find_edits_after_flags(history, self.log, pd.Series(self.reps), attributes)


@pytest.fixture(params=[None, "pepper"])
def company(request, tmp_path):
    return Company(tmp_path / "log.db", request.param)


def test_an_edit_that_removed_a_flag_is_listed_with_its_change(company):
    company.prospect("a", "Kim", flagged=True, edited=True, then=False)
    company.prospect("b", "Kim", flagged=True, edited=True, then=True)
    company.prospect("c", "Kim", flagged=True, edited=False, then=False)
    company.prospect("d", "Kim", flagged=False, edited=True, then=False)
    result = company.edits_found()

    assert result.edits["prospect"].tolist() == [company.log.stored_id("a")]
    assert result.edits[["rep", "field", "old", "new"]].iloc[0].tolist() == ["Kim", "seats", 3, 30]
    assert result.reps.loc["Kim"].to_dict() == {
        "flagged": 3, "edited": 2, "turned": 1, "unflagged": 1, "unflagged_edited": 1,
        "p_value": 1.0, "ask": False,
    }  # fmt: skip


def test_ids_fields_and_numbers_are_matched_regardless_of_spelling(company):
    for name in ("Ab", "Cd"):
        company.prospect(name, "Kim", flagged=True, edited=True, then=False, field=" Seats")
    company.changes[0] |= {"id": "AB "}
    company.changes[1] |= {"old": "3", "new": "3.0"}  # not an edit

    assert company.edits_found().edits["prospect"].tolist() == [company.log.stored_id("Ab")]
    assert company.edits_found().edits["field"].tolist() == ["seats"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"field": "phone"}, "none of 12 edits is of an attribute: .*'phone', the attributes are"),
        ({"id": "x-1"}, "none of 12 edits is of a prospect .* ids such as 'x-1'"),
    ],
)
def test_a_history_without_matching_prospects_is_refused(company, change, message):
    for number in range(12):
        company.prospect(f"p{number}", "Kim", flagged=True, edited=True, then=False)
        company.changes[-1] |= change
    with pytest.raises(DealsError, match=message):
        company.edits_found()


def test_edits_of_other_fields_or_without_a_change_are_ignored(company):
    company.prospect("a", "Kim", flagged=True, edited=True, then=False, field="phone")
    assert company.edits_found().edits.empty
    company.changes[0] |= {"field": "seats", "new": 3}
    assert company.edits_found().edits.empty


def test_only_a_rep_who_edits_much_more_often_after_flags_is_reported(company):
    for number in range(12):
        company.prospect(f"k{number}", "Kim", flagged=number < 8, edited=number < 8, then=False)
        company.prospect(f"l{number}", "Lee ", flagged=number < 8, edited=True, then=False)
    result = company.edits_found()

    assert result.reps["ask"].to_dict() == {"Kim": True, "Lee": False}
    question = result.questions()[0]
    assert question.startswith(
        "After a flag, Kim edited 8 of 8 prospects, and 8 were no longer flagged;"
    )
    assert question.endswith("?")
    assert "0 of 4 were edited" in question
    assert "Kim" in result.questions("zh")[0]


def test_reps_who_edit_independently_of_flags_are_reported_in_at_most_5_percent(tmp_path):
    random, asked = np.random.default_rng(8), 0
    for page in range(40):
        log = DecisionLog(tmp_path / f"{page}.db")
        flags, edited = random.random(60) < 0.3, random.random(60) < 0.2
        log.append_many(
            (str(n), assessed(flagged=bool(flag)), {}, True, 1.0) for n, flag in enumerate(flags)
        )
        history = pd.DataFrame({"id": np.flatnonzero(edited).astype(str), "field": "seats"})
        history = history.assign(old=3, new=30, changed_at=pd.Timestamp.now(tz="UTC").isoformat())
        log.append_many((str(n), assessed(flagged=False), {}, True, 1.0) for n in range(60))
        reps = pd.Series([f"R{n % 3}" for n in range(60)], [str(n) for n in range(60)])
        asked += bool(find_edits_after_flags(history, log, reps, ["seats"]).questions())
        log.close()
    assert asked <= 5  # 5% and two standard errors of 40 pages


def test_a_history_without_its_columns_or_with_an_unreadable_time_is_refused(company):
    company.prospect("a", "Kim", flagged=True, edited=True, then=False)
    history = pd.DataFrame(company.changes)
    reps = pd.Series(company.reps)
    with pytest.raises(DealsError, match="no column 'field'; it has id, old"):
        find_edits_after_flags(history.drop(columns="field"), company.log, reps, ["seats"])
    with pytest.raises(
        DealsError, match=r"1 time\(s\) cannot be read, the first in row 0 \('soon'"
    ):
        find_edits_after_flags(history.assign(changed_at="soon"), company.log, reps, ["seats"])
