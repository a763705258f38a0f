"""The sections on reps are consistent and name at most three reps."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fitmodel.language.catalogue import phrases
from fitmodel.reports import _rep_sections
from fitmodel.reports._rep_sections import MAX_NAMED, _dispersion, scoreboard_section
from fitmodel.sales.rates import Overdispersion

SAY = phrases("en", "sales_page")
CELLS = {
    "signed": 40.0, "lost": 5.0, "lost_value": np.nan, "rate": 0.1, "rate_low": 0.05,
    "rate_high": 0.2, "latest_lost_on": pd.NaT, "latest_lost": None, "latest_lost_months": np.nan,
    "says": "as expected", "says_recently": "2 lately", "says_selection": "alike",
}  # fmt: skip


NO_WORDS = dict.fromkeys(("says", "says_recently", "says_selection"), "")


def board_of(verdicts, talk=None, *, p_value=0.5):
    names = [f"R{number}" for number in range(len(verdicts))]
    reps = pd.DataFrame([CELLS] * len(names), index=names).assign(
        verdict=list(verdicts), talk_about=[False] * len(names) if talk is None else talk
    )
    company = pd.DataFrame([CELLS | NO_WORDS], index=["Company"])
    quarters = pd.DataFrame({"rep": names, "quarter": "2026Q1", "observed": 1})
    return SimpleNamespace(
        reps=reps, table=pd.concat([reps, company]), quarters=quarters,
        dispersion=Overdispersion(1.5, p_value),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdicts", "p_value", "key"),
    [
        (["expected", "too_few"], 0.5, "no_dispersion"),
        (["expected", "more"], 0.5, "dispersion_named"),
        (["fewer", "too_few"], 0.05, "dispersion_named"),
        (["inseparable_more"], 0.5, "dispersion_named"),
        (["expected", "more"], 0.049, "dispersion"),
        (["expected"], 0.0123, "dispersion"),
    ],
)
def test_the_sentence_on_dispersion_agrees_with_the_named_reps(verdicts, p_value, key) -> None:
    words = _dispersion(board_of(verdicts, p_value=p_value), SAY)

    assert words == SAY(key, p=f"{p_value:.2g}")


@pytest.fixture
def section_of(monkeypatch):
    """Sections of a rep performance table, without drawing the plot."""
    monkeypatch.setattr(_rep_sections, "plot_funnel", lambda _board, **_: None)
    monkeypatch.setattr(_rep_sections, "as_svg", lambda _ax: "drawn")
    return scoreboard_section


def test_at_most_three_reps_are_points_of_the_week(section_of) -> None:
    talk = [False, True, True, False, True, True]
    points = vars(section_of(board_of(["more"] * 6, talk)))["values"]["points"]

    assert len(points) == MAX_NAMED == 3
    assert [name in point for name, point in zip(("R1", "R2", "R4"), points, strict=True)] == [
        True
    ] * 3
    assert all("2 lately" in point and "as expected" in point for point in points)


@pytest.mark.parametrize("by", ["rep", "team"])
def test_each_rep_has_a_row_with_its_verdict_and_the_company_has_no_recent_words(
    section_of, by
) -> None:
    section = section_of(board_of(["more", "too_few"]), by=by)
    rows = vars(section)["values"]["rows"]

    assert [(row["name"], row["kind"]) for row in rows] == [
        ("R0", "more"), ("R1", "too_few"), ("Company", "company")
    ]  # fmt: skip
    assert [row["says_recently"] for row in rows] == ["2 lately", "2 lately", ""]
    assert [row["says"] == "" for row in rows] == [False, False, True]
    assert [row["lost_value"] for row in rows] == ["", "", ""]
    assert set(section.tables) == {f"{by}s.csv", f"{by}s_by_quarter.csv"}
    assert all(table.index.name == by for table in section.tables.values())
    in_file = section.tables[f"{by}s.csv"]
    assert in_file["verdict_in_words"].tolist()[0] == "as expected"
    assert in_file["recent_verdict_in_words"].tolist()[0] == "2 lately"
    assert in_file["selects_in_words"].tolist()[0] == "alike"
    assert not any(name.startswith("says") for name in in_file.columns)


def test_without_named_reps_there_are_no_points(section_of) -> None:
    assert vars(section_of(board_of(["more", "fewer"])))["values"]["points"] == []
