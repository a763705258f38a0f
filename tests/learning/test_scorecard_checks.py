"""Checks of a scorecard that was read from a file; values on a limit are allowed."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from fitmodel.exceptions import BundleError
from fitmodel.learning.calibration import CalibrationMap
from fitmodel.learning.columns import CategoryColumn, NumberColumn
from fitmodel.learning.scorecard import Evidence, PairTerm, Scorecard
from fitmodel.learning.scorecard_checks import MAX_LOG_ODDS, check_scorecard, scorecard_from_dict

SEATS = NumberColumn("seats", (10.0, 20.0), 1.0, 90.0)
PLAN = CategoryColumn("plan", {"basic": 1, "pro": 2})
MAP = CalibrationMap.linear(1.0, 0.0, "none")


def evidence(size: int, **changes: object) -> Evidence:
    bands = size + 2
    created = Evidence(
        np.arange(bands), np.full(bands, 3), np.full(bands, 0.2), tuple(map(str, range(bands)))
    )
    return replace(created, **changes)


def scorecard(**changes: object) -> Scorecard:
    rows = 5 + 4 + 6
    created = Scorecard(
        columns=(SEATS, PLAN),
        pairs=(PairTerm(0, 1, np.array([0, 0, 1, 2, 2]), np.array([0, 0, 1, 1])),),
        tables=np.linspace(-1, 1, 4 * rows).reshape(rows, 4),
        intercept=np.full(4, -1.0),
        calibration=MAP,
        spread=1.1,
        evidence=(evidence(3), evidence(2)),
        base_rate=0.2,
        unusual_pairs=((0, 1, 1, 2),),
        own=np.full(9, 0.5),
    )
    return replace(created, **changes)


def test_a_valid_scorecard_is_rebuilt_unchanged() -> None:
    created = scorecard(
        evidence=(evidence(3, rate=np.array([np.nan, 0, 1, 0.5, 0.5])), evidence(2))
    )
    again = scorecard_from_dict(json.loads(json.dumps(created.to_dict())))

    assert again.to_dict() == created.to_dict()
    assert again.columns == created.columns
    assert np.isnan(again.evidence[0].rate[0])
    without = scorecard_from_dict(replace(created, own=None).to_dict())
    assert without.own is None


def test_counts_of_known_outcomes_are_rebuilt_and_absent_in_older_files() -> None:
    counts = {"left": np.array([0, 1, 3, 0, 2]), "unknown": np.array([3, 2, 0, 0, 1])}
    first, second = scorecard_from_dict(
        json.loads(json.dumps(scorecard(evidence=(evidence(3, **counts), evidence(2))).to_dict()))
    ).evidence

    assert first.left.tolist() == counts["left"].tolist()
    assert first.unknown.tolist() == counts["unknown"].tolist()
    assert second.left is second.unknown is None


@pytest.mark.parametrize("name", ["left", "unknown"])
@pytest.mark.parametrize("wrong", [[0, 0], [0, 0, 0, 0, 4], [0, -1, 0, 0, 0]])
def test_a_damaged_count_of_known_outcomes_is_refused(name: str, wrong: list[int]) -> None:
    damaged = evidence(3, **{name: np.array(wrong)})
    with pytest.raises(BundleError, match="evidence of 'seats'"):
        check_scorecard(scorecard(evidence=(damaged, evidence(2))))


@pytest.mark.parametrize(
    "right",
    [
        {"base_rate": 0.0}, {"base_rate": 1.0}, {"spread": 0.0}, {"spread": MAX_LOG_ODDS},
        {"intercept": np.full(4, MAX_LOG_ODDS)}, {"own": None}, {"own": np.zeros(9)},
        {"own": np.ones(9)}, {"unusual_pairs": ((0, 4, 1, 3),)}, {"unusual_pairs": ((0, 0, 1, 0),)},
        {"columns": (replace(SEATS, low=math.nan, high=math.nan), PLAN)},
        {"columns": (replace(SEATS, low=5.0, high=5.0), PLAN)},
        {"calibration": CalibrationMap((-MAX_LOG_ODDS, MAX_LOG_ODDS), (0.0, 0.0), "none")},
        {"evidence": (evidence(3, count=np.zeros(5, int)), evidence(2))},
        {"evidence": (evidence(3, rate=np.array([0.0, 1, 0, 1, 0])), evidence(2))},
    ],
)  # fmt: skip
def test_values_on_a_limit_are_allowed(right: dict[str, object]) -> None:
    check_scorecard(scorecard(**right))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"base_rate": -0.01}, "its base rate is -0.01"),
        ({"base_rate": 1.01}, "its base rate is 1.01"),
        ({"base_rate": math.nan}, "its base rate is nan"),
        ({"spread": -0.1}, "its spread is -0.1"),
        ({"spread": 1.1 * MAX_LOG_ODDS}, "its spread is"),
        ({"intercept": np.full(4, -1.1 * MAX_LOG_ODDS)}, "1.1e[+]06, which is not a log-odds"),
        ({"tables": np.full((15, 4), -1.1 * MAX_LOG_ODDS)}, "which is not a log-odds value"),
        ({"intercept": np.zeros(3)}, r"tables of shape \(15, 4\) do not go with \(3,\)"),
        ({"tables": np.zeros(15), "intercept": np.zeros(0)}, "do not go with"),
        ({"tables": np.zeros((15, 0)), "intercept": np.zeros(0)}, "do not go with"),
        ({"columns": (SEATS, replace(PLAN, name="seats"))}, "two attributes have the same name"),
        ({"evidence": (evidence(3),)}, "2 attributes have 1 pieces of evidence"),
        ({"columns": (replace(SEATS, cuts=(1.0, math.inf)), PLAN)}, "cut of 'seats' is not finite"),
        ({"columns": (replace(SEATS, low=9.0, high=8.0), PLAN)}, "seen between 9.0 and 8.0"),
        ({"columns": (replace(SEATS, low=-math.inf), PLAN)}, "seen between -inf and 90.0"),
        ({"columns": (replace(SEATS, high=math.inf), PLAN)}, "seen between 1.0 and inf"),
        ({"columns": (replace(SEATS, low=math.nan), PLAN)}, "seen between nan and 90.0"),
        (
            {"calibration": CalibrationMap((0.0, 1.1e6), (0.0, 1.0), "none")},
            "calibration map holds a number that is not a log-odds value",
        ),
        (
            {"calibration": CalibrationMap((0.0, 1e-9), (0.0, 1.0), "none")},
            "steeper than any map of probabilities",
        ),
        ({"unusual_pairs": ((0, 5, 1, 0),)}, "names band 5 of attribute 0"),
        ({"unusual_pairs": ((0, 0, 1, 4),)}, "names band 4 of attribute 1"),
        ({"unusual_pairs": ((0, -1, 1, 0),)}, "names band -1 of attribute 0"),
        ({"unusual_pairs": ((2, 0, 1, 0),)}, "names band 0 of attribute 2"),
        ({"unusual_pairs": ((-1, 0, 1, 0),)}, "of attribute -1"),
    ],
)
def test_the_error_names_the_part_that_does_not_fit(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        check_scorecard(scorecard(**wrong))


@pytest.mark.parametrize(
    "changes",
    [
        {"band": np.arange(4)},
        {"band": np.array([0, 1, 2, 3, 5])},
        {"band": np.array([-1, 1, 2, 3, 4])},
        {"count": np.full(4, 3)},
        {"count": np.array([3, 3, -1, 3, 3])},
        {"rate": np.full(4, 0.2)},
        {"rate": np.array([0.2, 0.2, 1.01, 0.2, 0.2])},
        {"rate": np.array([0.2, 0.2, -0.01, 0.2, 0.2])},
        {"label": ("a", "b", "c", "d")},
    ],
)
def test_evidence_that_does_not_fit_its_values_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BundleError, match="evidence of 'seats' does not fit its values"):
        check_scorecard(scorecard(evidence=(evidence(3, **changes), evidence(2))))


def test_a_category_with_levels_needs_a_band_for_a_level() -> None:
    none = evidence(2, band=np.array([0, 0, 1, 1]), count=np.full(2, 3), rate=np.full(2, 0.2),
                    label=("a", "b"))  # fmt: skip
    with pytest.raises(BundleError, match="evidence of 'plan' does not fit"):
        check_scorecard(scorecard(evidence=(evidence(3), none), unusual_pairs=()))


def test_data_that_are_not_a_scorecard_are_refused() -> None:
    for data, message in (
        ([], "has format 'list'; this fitmodel reads format 1"),
        ({}, "has format None"),
        (scorecard().to_dict() | {"format": 2}, "has format 2"),
        (scorecard().to_dict() | {"spread": "wide"}, "damaged: ValueError"),
        (scorecard().to_dict() | {"unusual_pairs": [[1, 2, 3]]}, "damaged: ValueError"),
        ({"format": 1}, "damaged: KeyError"),
    ):
        with pytest.raises(BundleError, match=message):
            scorecard_from_dict(data)  # type: ignore[arg-type]


def test_unusual_pairs_are_read_under_their_old_name_from_json_and_from_a_pickle() -> None:
    created = scorecard()
    data = created.to_dict()
    data["odd_pairs"] = data.pop("unusual_pairs")
    state = created.__getstate__()
    state["odd_pairs"] = state.pop("unusual_pairs")
    unpickled = object.__new__(Scorecard)
    unpickled.__setstate__(state)

    assert len(created.unusual_pairs) == 1
    assert scorecard_from_dict(data).unusual_pairs == created.unusual_pairs
    assert unpickled.unusual_pairs == created.unusual_pairs


def test_own_evidence_is_the_mean_share_over_the_attributes() -> None:
    own = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.0, 0.8, 0.6, 0.5])
    codes = np.array([[1, 1], [3, 2], [0, 0]], dtype=np.int32)

    np.testing.assert_allclose(scorecard(own=own).own_evidence(codes), [0.45, 0.45, 0.0])
    assert np.isnan(scorecard(own=None).own_evidence(codes)).all()


def test_the_deals_of_each_row_are_those_of_its_band() -> None:
    first = evidence(3, band=np.array([0, 1, 1, 2, 2]), count=np.array([9, 8, 7]),
                     rate=np.full(3, 0.2), label=("a", "b", "c"))  # fmt: skip
    created = scorecard(evidence=(first, evidence(2)), unusual_pairs=())

    assert created.deals_per_row() == [9, 8, 8, 7, 7, 3, 3, 3, 3]
