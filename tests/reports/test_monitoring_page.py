"""The monitoring page: measured values, and empty cells for missing ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fitmodel.language.catalogue import phrases
from fitmodel.model.wording import Wording
from fitmodel.monitoring.drift import SCORE
from fitmodel.reports.monitoring_page import (
    MAX_PLOTTED,
    _cohort_row,
    _drawn_words,
    _drift_row,
    _overrides,
    _plotted_rows,
    _worst_first,
    outcome_words,
)

SAY = phrases("en", "monitoring")
WORDING = Wording(labels={"seats": "number of seats"})


def drift_of(*rows):
    return pd.DataFrame(rows, columns=["attribute", "verdict", "index"])


def test_attributes_are_sorted_by_verdict_and_index() -> None:
    drift = drift_of(
        ("a", "stable", 0.9), ("b", "drift", 0.3), ("c", "unclear", 0.8), ("d", "moved", 0.2),
        ("e", "drift", 0.5),
    )  # fmt: skip

    assert _worst_first(drift)["attribute"].tolist() == ["e", "b", "d", "c", "a"]


def test_the_twelve_largest_drifts_are_drawn_with_readable_names() -> None:
    rows = [(f"x{number:02d}", "stable", number / 100) for number in range(14)]
    drift = drift_of(*rows, ("seats", "drift", 0.9), (SCORE, "stable", 0.8), ("x00", "drift", 0.7))
    shown = _plotted_rows(drift, WORDING, SAY)["attribute"]

    assert shown.nunique() == MAX_PLOTTED == 12
    assert {"number of seats", SAY("of_scores")} <= set(shown)
    label = WORDING.label("x00")
    assert (shown == label).sum() == 2  # both groups of an attribute that moved in one of them
    assert WORDING.label("x01") not in set(shown)


def row_of(**changes):
    return {
        "attribute": "seats", "verdict": "stable", "deals": 1200, "index": 0.1234,
        "deviation": 0.0567, "missing": 0.125, "missing_then": 0.05, "unseen": 0.01,
        "mean": np.nan, "mean_then": np.nan, "level": None, "share": np.nan, "share_then": np.nan,
    } | changes  # fmt: skip


@pytest.fixture
def plain_change(monkeypatch):
    """Replace the words of a change, which another module writes."""
    monkeypatch.setattr(
        "fitmodel.reports.monitoring_page.change_text", lambda _row, name, _say: f"<{name}>"
    )


@pytest.mark.usefixtures("plain_change")
def test_a_row_of_drift_has_its_figures_and_those_of_training() -> None:
    assert _drift_row(row_of(group="2026-01"), WORDING, SAY) == {
        "kind": "stable", "attribute": "number of seats", "group": "2026-01", "deals": "1,200",
        "index": "0.123 ± 0.057", "missing": "12.5% (5.0%)", "unseen": "1.0%",
        "verdict": SAY("verdict_stable"), "change": "<number of seats>",
    }  # fmt: skip


@pytest.mark.usefixtures("plain_change")
@pytest.mark.parametrize(("unseen", "mentioned"), [(0.05, True), (0.049, False)])
def test_unseen_levels_are_mentioned_from_5_percent_of_deals_on(unseen, mentioned) -> None:
    change = _drift_row(row_of(unseen=unseen), WORDING, SAY)["change"]

    assert change.endswith("<number of seats>")
    assert (change != "<number of seats>") is mentioned


@pytest.mark.usefixtures("plain_change")
def test_scores_have_no_missing_values_and_no_levels() -> None:
    scores = row_of(attribute=SCORE, missing=np.nan, missing_then=np.nan, unseen=np.nan)
    shown = _drift_row(scores, WORDING, SAY)

    assert (shown["missing"], shown["unseen"], shown["group"]) == ("", "", "")
    assert shown["attribute"] == SAY("of_scores")
    loud = _drift_row(scores | {"unseen": 0.9}, WORDING, SAY)
    assert loud["change"] == shown["change"]


def test_a_cohort_has_counts_intervals_and_empty_cells_for_missing_values() -> None:
    values = {
        "deals": 1200.0, "mature": 800.0, "observed": 96.0, "expected": 80.04, "ratio": 1.2,
        "ratio_low": 0.97, "ratio_high": 1.46, "auc": 0.714, "slope": np.nan, "slope_low": np.nan,
        "slope_high": np.nan, "auc_estimated": 0.7, "auc_estimated_low": 0.6,
        "auc_estimated_high": 0.8,
    }  # fmt: skip
    shown = _cohort_row("2026-01", pd.Series(values))

    assert shown == {
        "cohort": "2026-01", "deals": "1,200", "mature": "800", "observed": "96",
        "expected": "80.0", "ratio": "1.20 (0.97 – 1.46)", "auc": "0.71", "slope": "",  # noqa: RUF001
        "estimated": "0.70 (0.60 – 0.80)",  # noqa: RUF001
    }  # fmt: skip
    assert _cohort_row("x", pd.Series(values | {"auc": np.nan}))["auc"] == ""


def overrides(known=40, low=0.5, high=1.5):
    return {
        "overridden": 60, "known": known, "observed": 12, "expected": 10.04, "ratio": 1.195,
        "ratio_low": low, "ratio_high": high,
    }  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("low", "high", "key"),
    [
        (0.5, 0.99, "overrides_right"), (1.01, 2.0, "overrides_worse"),
        (1.0, 2.0, "overrides_equal"), (0.5, 1.0, "overrides_equal"),
    ],
)  # fmt: skip
def test_overrides_are_called_right_or_wrong_only_if_significant(language, low, high, key) -> None:
    say = phrases(language, "monitoring")
    text = _overrides(overrides(low=low, high=high), say)

    assert text.endswith(say(key))
    for figure in ("60", "40", "12", "10.0", f"{low:.2f}", f"{high:.2f}"):
        assert figure in text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("low", "high", "side"),
    [(0.5, 0.99, "fewer"), (1.01, 2.0, "more"), (1.0, 2.0, "as"), (0.5, 1.0, "as")],
)
def test_outcomes_differ_from_predictions_only_beyond_chance(language, low, high, side) -> None:
    say = phrases(language, "monitoring")
    drawn = overrides(low=low, high=high) | {"drawn": 60}

    assert outcome_words(drawn, language).endswith(say(f"outcomes_{side}"))
    assert _drawn_words(drawn, say).endswith(say(f"drawn_{side}"))
    for figure in ("12", "10.0", f"{low:.2f}", f"{high:.2f}"):
        assert figure in outcome_words(drawn, language)
        assert figure in _drawn_words(drawn, say)


def test_deals_drawn_at_random_without_outcomes_are_only_counted() -> None:
    assert _drawn_words(overrides(known=0) | {"drawn": 7}, SAY) == SAY("drawn_young", drawn="7")


def test_overrides_without_outcomes_are_only_counted() -> None:
    text = _overrides(overrides(known=0), SAY)

    assert text == SAY("overrides_young", overridden="60")
