"""An edit by hand changes only the rows that it names; splitting codes changes no score."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from fitmodel.exceptions import EditError
from fitmodel.learning._edit_targets import (
    bin_middles,
    column_of,
    read_level,
    read_range,
    split_bin,
    split_level,
)
from fitmodel.learning.columns import NumberColumn
from fitmodel.learning.editing import (
    Cap,
    DropPair,
    SetEffect,
    Smooth,
    apply_edits,
    changed_rows,
    edit_from_dict,
    edit_to_dict,
)
from fitmodel.learning.encoding import encode
from fitmodel.learning.scorecard import PairTerm, Scorecard
from fitmodel.learning.scorecard_checks import check_scorecard

EDITS = [
    SetEffect("industry", "media", 0.5),
    SetEffect("seats", (12.5, 31.5), -0.25),
    SetEffect("industry", "missing", 0.1),
    SetEffect("industry", "never seen before", 0.1),
    Smooth("seats", (12.5, 31.5)),
    Smooth("seats", (100.0, None)),
    Cap("industry", (None, None), 0.05),
    Cap("seats", (None, 10.0), 0.05),
    DropPair("industry", "seats"),
]


@pytest.fixture(scope="module")
def scorecard(learned) -> Scorecard:
    """The learned scorecard, with a table of the pair seats and industry added."""
    reference = learned.scorecard
    first, second = reference.attributes.index("seats"), reference.attributes.index("industry")
    sizes = [reference.columns[position].size + 2 for position in (first, second)]
    pair = PairTerm(first, second, np.arange(sizes[0]) % 3, np.arange(sizes[1]) % 2)
    block = np.random.default_rng(1).normal(0, 0.1, (6, reference.tables.shape[1]))
    return replace(
        reference, pairs=(*reference.pairs, pair), tables=np.concatenate([reference.tables, block])
    )


@pytest.fixture(scope="module")
def attributes(learned):
    frame = learned.training_set.attributes.copy()
    frame.loc[frame.index[:20], "industry"] = "nobody has seen it"
    frame.loc[frame.index[20:40], ["industry", "seats"]] = None
    return frame


def _rows_of(scorecard: Scorecard, attributes):
    return scorecard.tables[scorecard.rows(encode(scorecard.columns, attributes))]


@pytest.mark.parametrize("value", [-5.0, 7.25, 12.5, 1e9])
def test_splitting_a_bin_changes_no_score(scorecard, attributes, value):
    cut = split_bin(scorecard, scorecard.attributes.index("seats"), value)

    assert value in cut.columns[scorecard.attributes.index("seats")].cuts
    np.testing.assert_array_equal(_rows_of(cut, attributes), _rows_of(scorecard, attributes))


def test_giving_a_level_its_own_code_changes_no_score(scorecard, attributes):
    position = scorecard.attributes.index("landing_page")
    levels = scorecard.columns[position].levels
    pooled = [level for level, code in levels.items() if list(levels.values()).count(code) > 1]
    for level in [pooled[0], "a new one"]:
        single = split_level(scorecard, position, level)
        code = single.columns[position].code(level)
        assert list(single.columns[position].levels.values()).count(code) == 1
        np.testing.assert_array_equal(_rows_of(single, attributes), _rows_of(scorecard, attributes))


def test_splitting_keeps_which_values_changed_lately(scorecard):
    """An edited scorecard whose factors did not fit its values could not be loaded."""
    seats = scorecard.attributes.index("seats")
    evidence = list(scorecard.evidence)
    lately = np.ones(scorecard.columns[seats].size + 2)
    lately[1] = 2.5
    evidence[seats] = replace(evidence[seats], lately=lately)
    cut = split_bin(replace(scorecard, evidence=tuple(evidence)), seats, -5.0)

    check_scorecard(cut)
    assert cut.evidence[seats].lately[:4].tolist() == [1.0, 2.5, 2.5, *lately[2:3]]


@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_the_contributions_of_an_edited_scorecard_add_up(scorecard, attributes, edit):
    edited = apply_edits(scorecard, [edit])
    codes = encode(edited.columns, attributes)

    log_odds, _ = edited.scores(codes)
    added = edited.baseline + edited.contributions(codes).sum(axis=1)
    np.testing.assert_allclose(log_odds, added, atol=1e-9)


@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_an_edit_is_rebuilt_from_json_and_lists_each_changed_row(scorecard, edit):
    assert edit_from_dict(json.loads(json.dumps(edit_to_dict(edit)))) == edit
    assert all(row.before != row.after for row in changed_rows(scorecard, edit))


def test_a_cap_that_an_older_bundle_stores_is_read_and_its_old_name_works():
    stored = {"verb": "cap", "attribute": "seats", "where": [None, 10.0], "most": 0.05}
    edit = Cap("seats", (None, 10.0), 0.05)

    assert edit_from_dict(stored) == edit
    assert edit_to_dict(edit)["max_effect"] == 0.05
    with pytest.warns(DeprecationWarning, match="Cap.most is now Cap.max_effect"):
        assert edit.most == 0.05
    with pytest.warns(DeprecationWarning, match="'most' of Cap is now 'max_effect'"):
        assert Cap("seats", (None, 10.0), most=0.05) == edit


def test_an_edit_moves_only_prospects_with_the_level_and_their_interval(scorecard, attributes):
    edited = apply_edits(scorecard, [SetEffect("industry", "media", 0.5)])
    codes = encode(scorecard.columns, attributes)
    (before, spread_before), (after, spread_after) = scorecard.scores(codes), edited.scores(codes)
    media = (attributes["industry"] == "media").to_numpy()

    assert media.any()
    np.testing.assert_array_equal(before[~media], after[~media])
    at = scorecard.offsets[scorecard.attributes.index("industry")]
    was = scorecard.tables[
        at + scorecard.columns[scorecard.attributes.index("industry")].code("media"), 0
    ]
    np.testing.assert_allclose(after[media] - before[media], 0.5 - was)
    np.testing.assert_allclose(spread_after, spread_before, atol=1e-12)


def test_a_smoothed_range_is_linear_between_its_neighbours(scorecard):
    position = scorecard.attributes.index("seats")
    column = scorecard.columns[position]
    edges = (column.cuts[5], column.cuts[12])
    edited = apply_edits(scorecard, [Smooth("seats", edges)])
    start = scorecard.offsets[position]
    middles = (np.array(column.cuts[4:13]) + np.array(column.cuts[5:14])) / 2
    inside = edited.tables[start + 6 : start + 15]
    np.testing.assert_array_equal(inside[[0, -1]], scorecard.tables[[start + 6, start + 14]])
    slopes = np.diff(inside[:, 0]) / np.diff(middles)
    np.testing.assert_allclose(slopes, slopes[0], atol=1e-9)


def test_a_capped_table_has_no_larger_effect(scorecard):
    edited = apply_edits(scorecard, [Cap("industry", (None, None), 0.05)])
    rows = edited.table("industry")
    known = [
        row["log_odds"] for row in rows if row["value"] not in {"missing", "never seen before"}
    ]

    assert max(map(abs, known)) == 0.05


def test_dropping_a_pair_equals_setting_its_table_to_0(scorecard, learned, attributes):
    edited = apply_edits(scorecard, [DropPair("industry", "seats")])

    np.testing.assert_array_equal(
        _rows_of(edited, attributes), _rows_of(learned.scorecard, attributes)
    )


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (SetEffect("industri", "media", 0.1), "no attribute 'industri'; it has segment, seats"),
        (SetEffect("industry", "media", 99.0), "99 log-odds is not plausible"),
        (SetEffect("industry", "media", float("nan")), "is not plausible"),
        (Smooth("industry", (1.0, 2.0)), "'industry' is a category"),
        (Smooth("seats", (None, None)), "holds all of 'seats'"),
        (Cap("seats", (None, None), -1.0), "cannot be capped at -1"),
        (Cap("seats", (None, None), 9.0), "changes nothing"),
        (DropPair("region", "seats"), "no pair of 'region' and 'seats'; it has .*seats & industry"),
    ],
)
def test_an_impossible_edit_is_refused_with_the_reason(scorecard, edit, message):
    with pytest.raises(EditError, match=message):
        changed_rows(scorecard, edit)


def test_a_target_is_parsed_from_the_label_in_the_table(scorecard):
    industry, seats = column_of(scorecard, "industry"), column_of(scorecard, "seats")

    assert read_level(industry, " media ") == "media"
    assert read_level(seats, seats.label(5)) == (seats.cuts[3], seats.cuts[4])
    assert read_level(seats, seats.label(seats.size)) == (seats.cuts[-1], None)
    assert read_level(seats, seats.label(1)) == (None, seats.cuts[0])
    assert read_level(seats, repr(seats.cuts[3])) == (seats.cuts[3], seats.cuts[4])
    assert read_level(seats, "missing") == "missing"
    assert read_range(seats, "12:40") == (12.0, 40.0)
    assert read_range(seats, ":40") == (None, 40.0)


@pytest.mark.parametrize("text", ["40:12", "12", "a:b", "1:2:3", "nan:4"])
def test_a_text_that_is_not_a_range_is_refused(scorecard, text):
    with pytest.raises(EditError, match="is not a range"):
        read_range(column_of(scorecard, "seats"), text)


def test_an_unknown_level_is_refused_and_the_known_ones_are_listed(scorecard):
    with pytest.raises(EditError, match=r"no 'medja' \(did you mean 'media'\?\); it has .*media"):
        read_level(column_of(scorecard, "industry"), "medja")
    with pytest.raises(EditError, match="'seats' has no 'many'"):
        read_level(column_of(scorecard, "seats"), "many")
    with pytest.raises(EditError, match="no attribute 'seat'; it has"):
        column_of(scorecard, "seat")


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_a_number_that_is_in_no_bin_is_refused(scorecard, text):
    """It would select the whole table."""
    with pytest.raises(EditError, match=f"'seats' has no '{text}'"):
        read_level(column_of(scorecard, "seats"), text)


def test_editing_missing_or_unseen_values_adds_no_row(scorecard):
    """Missing and unseen values have rows in every table already."""
    for name in ("missing", "never seen before"):
        edited = apply_edits(scorecard, [SetEffect("industry", name, 0.3)])
        assert [column.size for column in edited.columns] == [
            column.size for column in scorecard.columns
        ]
        edited = apply_edits(scorecard, [SetEffect("seats", name, 0.3)])
        assert edited.columns == scorecard.columns


def test_the_outer_bins_end_at_the_smallest_and_largest_training_value():
    column = NumberColumn("seats", (10.0, 20.0, 40.0), 2.0, 90.0, False, (10.0,))  # noqa: FBT003
    assert bin_middles(column).tolist() == [6.0, 15.0, 30.0, 65.0]
    inside = replace(column, low=15.0, high=30.0)  # all values between the cuts
    assert bin_middles(inside).tolist() == [10.0, 15.0, 30.0, 40.0]


def test_the_largest_effect_of_a_dropped_pair_is_reported(scorecard):
    (row,) = changed_rows(scorecard, DropPair("seats", "industry"))
    number = DropPair("seats", "industry").number(scorecard)
    start = scorecard.offsets[len(scorecard.columns) + number]
    rows, columns = scorecard.pairs[number].shape
    largest = max(abs(value) for value in scorecard.tables[start : start + rows * columns, 0])

    assert row == ("largest effect of the pair", largest, 0.0, 0)
    assert largest > 0


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (SetEffect("industry", "agency", 0.2), "set industry = agency to +0.200"),
        (Smooth("seats", (40.0, 120.0)), "smooth seats from 40 to 120"),
        (Smooth("seats", (None, 120.0)), "smooth seats below 120"),
        (Smooth("seats", (40.0, None)), "smooth seats from 40"),
        (Cap("seats", (None, None), 1.0), "cap seats everywhere at 1"),
        (DropPair("seats", "industry"), "drop the pair seats & industry"),
    ],
)
def test_an_edit_is_described_in_words(edit, words):
    assert str(edit) == words


@pytest.mark.parametrize(
    "data", [{}, {"verb": "paint"}, {"verb": "set"}, {"verb": "set", "colour": 1}]
)
def test_data_that_are_not_an_edit_are_refused(data):
    with pytest.raises(EditError, match="is not an edit that this fitmodel knows"):
        edit_from_dict(data)


@pytest.mark.parametrize("where", [(41.0, 41.0), (50.0, 40.0)])
def test_an_empty_range_is_refused(scorecard, where):
    with pytest.raises(EditError, match="of 'seats' is empty: give low:high"):
        apply_edits(scorecard, [SetEffect("seats", where, 0.1)])


def test_a_category_has_no_range(scorecard):
    with pytest.raises(EditError, match="'industry' is a category and has no ranges"):
        read_range(column_of(scorecard, "industry"), "1:2")
    with pytest.raises(EditError, match="of 'industry' is empty"):
        apply_edits(scorecard, [Cap("industry", (1.0, 2.0), 0.1)])


def test_an_edit_of_a_range_moves_only_values_inside_it(scorecard):
    """The ends of the range lie inside bins, which are split."""
    edited = apply_edits(scorecard, [SetEffect("seats", (41.5, 77.25), 0.9)])
    position = scorecard.attributes.index("seats")

    def effect(card, seats):
        return card.tables[card.offsets[position] + card.columns[position].code(seats), 0]

    for seats in (41.5, 60.0, 77.0):
        assert effect(edited, seats) == pytest.approx(0.9)
    for seats in (1.0, 41.49, 77.25, 500.0):
        assert effect(edited, seats) == effect(scorecard, seats)
