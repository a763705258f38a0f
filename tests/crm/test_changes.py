"""The value of a field before a deal's closing, for every form of history table."""

from __future__ import annotations

import pandas as pd
import pytest

from fitmodel.crm.reading import open_deals, read_with_history
from fitmodel.exceptions import DealsError

CLOSED = "2026-03-10"
VERSIONS = {"field": None, "value": None, "changed_at": None, "valid_from": "at"}
"""Keys of a table with a row per version of a deal, and a column per field."""


def _attached(deals, spec, **tables):
    return open_deals(deals, spec, tables).file.table


def _findings(deals, spec, **tables):
    return "\n".join(map(str, open_deals(deals, spec, tables).file.findings))


def test_the_value_is_that_of_the_last_change_before_the_closing_day(
    make_spec, deals_of, changes_of
):
    history = changes_of(
        ("D0", "plan", None, "basic", "2026-01-01"),
        ("D0", "plan", "basic", "gold", "2026-03-09T23:59:59"),
        ("D0", "plan", "gold", "closing day", "2026-03-10T00:00:00"),
        ("D0", "plan", "closing day", "cancelled", "2026-06-01"),
    )

    table = _attached(deals_of([CLOSED], plan=["cancelled"]), make_spec({}), fields=history)

    assert table["plan"].tolist() == ["gold"]
    assert table["plan_changes"].tolist() == [1]
    assert table["plan_days_unchanged"].tolist() == [1]


def test_known_before_days_moves_the_cut_before_closing(make_spec, deals_of, changes_of):
    history = changes_of(
        ("D0", "plan", None, "basic", "2026-01-01"), ("D0", "plan", None, "gold", "2026-03-03")
    )
    spec = make_spec({}, attributes={"known_before_days": 7})

    assert _attached(deals_of([CLOSED], plan=["x"]), spec, fields=history)["plan"][0] == "basic"


def test_the_old_value_of_a_later_change_is_the_value_at_closing(make_spec, deals_of, changes_of):
    history = changes_of(
        ("D0", "created", None, None, "2026-01-01"),
        ("D0", "seats", "40", "2", "2026-06-01"),  # overwritten when the customer left
        ("D1", "created", None, None, "2026-01-01"),
    )
    deals = deals_of([CLOSED, CLOSED], seats=[2, 7])

    table = _attached(deals, make_spec({"old_value": "old"}), fields=history)

    assert table["seats"].tolist() == [
        40,
        7,
    ]  # the second deal never changed: its current value applies
    assert table["seats_changes"].tolist() == [0, 0]


def test_without_old_values_the_value_before_the_first_change_is_unknown(
    make_spec, deals_of, changes_of
):
    history = changes_of(
        ("D0", "other", None, "x", "2026-01-01"),
        ("D0", "seats", None, "2", "2026-06-01"),
        ("D1", "other", None, "x", "2026-01-01"),
    )

    table = _attached(deals_of([CLOSED, CLOSED], seats=[2, 7]), make_spec({}), fields=history)

    assert table["seats"].isna().all()  # for both deals: the later change must not be visible


def test_a_deal_without_a_row_before_closing_is_reported_and_has_no_value(
    make_spec, deals_of, changes_of
):
    history = changes_of(
        ("D0", "seats", "4", "5", "2026-01-01"),
        ("D1", "seats", "6", "1", "2026-06-01"),
    )
    deals, spec = deals_of([CLOSED] * 3, seats=[5, 1, 8]), make_spec({"old_value": "old"})

    assert _attached(deals, spec, fields=history)["seats"].fillna(-1).tolist() == [5, -1, -1]
    findings = _findings(deals, spec, fields=history)
    assert "1 of 3 deal(s) have no row in it" in findings
    assert "for example 'D2'" in findings
    assert "1 of 3 deal(s) have no row before their closing, only later ones" in findings
    assert "for example 'D1'" in findings


def test_versions_and_snapshots_give_the_same_values_as_changes(make_spec, deals_of, changes_of):
    history = changes_of(
        ("D0", "plan", None, "basic", "2026-01-01"),
        ("D0", "plan", "basic", "gold", "2026-02-01"),
        ("D0", "seats", None, "3", "2026-01-01"),
        ("D0", "seats", "3", "9", "2026-02-20"),
        ("D0", "plan", "gold", "gone", "2026-05-01"),
    )
    days = pd.date_range("2026-01-01", "2026-06-01", freq="D")
    snapshots = pd.DataFrame(
        {
            "deal": "D0",
            "taken": days,
            "plan": ["basic" if d < pd.Timestamp("2026-02-01") else "gold" for d in days],
            "seats": [3 if d < pd.Timestamp("2026-02-20") else 9 for d in days],
        }
    )
    snapshots.loc[days >= "2026-05-01", "plan"] = "gone"
    versions = snapshots.drop_duplicates(["plan", "seats"]).rename(columns={"taken": "from"})
    versions["to"] = versions["from"].shift(-1)
    deals = deals_of([CLOSED], plan=["gone"], seats=[9])
    wide = {"table": "w", "id": "deal"}
    spec = make_spec({})
    as_versions = make_spec(
        None, history={"fields": wide | {"valid_from": "from", "valid_to": "to"}}
    )
    as_snapshots = make_spec(None, history={"fields": wide | {"day": "taken"}})

    tables = [
        _attached(deals, spec, fields=history),
        _attached(deals, as_versions, fields=versions),
        _attached(deals, as_snapshots, fields=snapshots),
    ]

    for table in tables[1:]:
        pd.testing.assert_frame_equal(table[sorted(tables[0])], tables[0][sorted(tables[0])])
    assert tables[0]["seats"].tolist() == [9]


def test_after_the_last_version_has_ended_the_value_is_missing(make_spec, deals_of):
    versions = pd.DataFrame(
        {
            "deal": ["D0", "D1"],
            "from": ["2026-01-01", "2026-01-01"],
            "to": ["2026-02-01", None],
            "plan": ["gold", "gold"],
        }
    )
    keys = {"table": "v", "id": "deal", "valid_from": "from", "valid_to": "to"}
    spec = make_spec(None, history={"fields": keys})

    table = _attached(deals_of([CLOSED] * 2, plan=["x", "y"]), spec, fields=versions)

    assert table["plan"].isna().tolist() == [True, False]


def test_contradictory_versions_are_counted(make_spec, deals_of):
    versions = pd.DataFrame(
        [
            ("D0", "2026-01-01", "2026-02-15", "a"),  # the next one begins before this one's end
            ("D0", "2026-02-01", "9999-12-31", "b"),
            ("D1", "2026-05-01", "2026-02-01", "a"),  # ends before it begins
            ("D1", "2026-01-01", None, "c"),
            ("D2", "2026-01-01", "for ever", "d"),
            ("D3", "once", None, "d"),
        ],
        columns=["deal", "from", "to", "plan"],
    )
    keys = {"table": "v", "id": "deal", "valid_from": "from", "valid_to": "to"}
    deals, spec = deals_of([CLOSED] * 4, plan=list("xyzw")), make_spec(None, history={"f": keys})

    findings = _findings(deals, spec, f=versions)

    assert _attached(deals, spec, f=versions)["plan"].fillna("?").tolist() == ["b", "c", "d", "?"]
    assert "1 of 6 row(s) have an end that is not a date, and count as not ended" in findings
    assert "1 of 6 row(s) end before they begin, so their end is ignored" in findings
    assert "for example row 2: '2026-02-01'" in findings
    assert "1 of 6 row(s) end after the deal's next version begins" in findings
    assert "1 of 4 deal(s) have only rows whose date cannot be read" in findings


def test_files_of_other_types_are_refused_with_the_remedy(make_spec, deals_of, tmp_path):
    for name, day in (("1", 1), ("2", "2026-01-01")):
        frame = pd.DataFrame({"deal": ["D0"], "at": [day], "field": ["a"], "new": ["b"]})
        frame.to_parquet(tmp_path / f"{name}.parquet")

    with pytest.raises(DealsError, match="at has incompatible types.*one type in all files"):
        open_deals(deals_of([CLOSED]), make_spec({}), {"fields": tmp_path})


def test_times_are_converted_to_the_time_zone_of_the_table_and_a_date_means_its_start(
    make_spec, deals_of, changes_of
):
    history = changes_of(
        ("D0", "plan", None, "basic", "2026-03-09"),
        # in UTC this is the day of closing
        ("D0", "plan", None, "gold", "2026-03-09T23:30:00-04:00"),
        ("D1", "plan", None, "basic", "2026-03-10"),
    )
    deals = deals_of([CLOSED] * 2, plan=["x", "y"])

    for zone, plan in (("UTC", "basic"), ("America/New_York", "gold")):
        table = _attached(deals, make_spec({"time_zone": zone}), fields=history)
        assert table["plan"].fillna("?").tolist() == [plan, "?"]


def test_stages_that_are_skipped_or_entered_again_are_counted(make_spec, deals_of, changes_of):
    history = changes_of(
        ("D0", "stage", "new", "offer", "2026-01-01"),  # skips demo
        ("D0", "stage", "offer", "demo", "2026-02-01"),  # goes back
        ("D0", "stage", "demo", "offer", "2026-02-20"),
        ("D0", "stage", "offer", "won", "2026-03-10"),
    )
    keys = {"old_value": "old", "stage": "stage"}
    ordered = make_spec(keys | {"stages": ["new", "demo", "offer", "won"]})

    table = _attached(deals_of([CLOSED]), ordered, fields=history)
    unordered = _attached(deals_of([CLOSED]), make_spec(keys), fields=history)

    assert table[["stage_skipped", "stage_returned"]].iloc[0].tolist() == [1, 1]
    assert table["stage_days_unchanged"].tolist() == [18]
    assert unordered["stage_returned"].tolist() == [1]  # to offer, where it had been
    assert "stage_skipped" not in unordered


def test_two_changes_at_the_same_time_are_ordered_by_their_old_values(
    make_spec, deals_of, changes_of
):
    second, first = (
        ("D0", "plan", "basic", "gold", "2026-02-01T10:00:00"),
        ("D0", "plan", "free", "basic", "2026-02-01T10:00:00"),
    )
    start = ("D0", "plan", None, "free", "2026-01-01")
    deals, spec = deals_of([CLOSED], plan=["gold"]), make_spec({"old_value": "old"})

    for rows in ((start, first, second), (second, first, start)):
        table = _attached(deals, spec, fields=changes_of(*rows))
        assert table["plan"].tolist() == ["gold"]
        assert table["plan_changes"].tolist() == [2]
    findings = _findings(deals, spec, fields=changes_of(second, first, start))
    assert "2 of 3 row(s) change a field at the same time as another change" in findings


def test_bad_rows_are_counted_with_an_example_and_the_others_are_used(
    make_spec, deals_of, changes_of
):
    history = changes_of(
        ("D0", "plan", None, "basic", "2026-01-01"),
        (None, "plan", None, "lost", "2026-01-02"),
        ("D0", "plan", None, "lost", "once upon a time"),
        ("D0", None, None, "lost", "2026-01-03"),
        ("stranger", "plan", None, "lost", "2026-01-03"),
    )
    deals, spec = deals_of([CLOSED], plan=["x"]), make_spec({})

    findings = _findings(deals, spec, fields=history)

    assert "1 of 5 row(s) have no deal id and are left out, for example row 1" in findings
    assert "1 of 5 row(s) have no readable date and are left out, for example row 2" in findings
    assert "1 of 5 row(s) have no field and are left out, for example row 3" in findings
    assert "1 of 2 id(s) are not among the deals" in findings
    assert _attached(deals, spec, fields=history)["plan"].tolist() == ["basic"]


@pytest.mark.parametrize("today", [[12, 7], ["12", "7"]])
def test_a_value_of_another_type_is_reported_with_its_row_and_is_unknown(
    make_spec, deals_of, changes_of, today
):
    history = changes_of(
        ("D0", "seats", None, "12", "2026-01-01"), ("D1", "seats", None, "a dozen", "2026-01-01")
    )
    deals, spec = deals_of([CLOSED] * 2, seats=today), make_spec({})

    findings = _findings(deals, spec, fields=history)

    assert "1 value(s) of [history.fields] as of closing have another type" in findings
    assert "'a dozen' of 'D1'" in findings
    table = read_with_history(deals, spec, tables={"fields": history}, to_learn=False).table
    assert pd.to_numeric(table["seats"]).fillna(-1).tolist() == [12, -1]


def test_words_among_codes_are_not_another_type(make_spec, deals_of, changes_of):
    history = changes_of(("D0", "tier", None, "A", "2026-01-01"))
    spec = make_spec({}, attributes={"categorical": ["tier"]})

    deals = deals_of([CLOSED], tier=["1"])

    assert "another type" not in _findings(deals, spec, fields=history)
    assert _attached(deals, spec, fields=history)["tier"].tolist() == ["A"]


def test_a_history_that_does_not_end_with_the_current_value_is_reported(
    make_spec, deals_of, changes_of
):
    history = changes_of(("D0", "seats", "1", "12", "2026-01-01"))
    findings = _findings(
        deals_of([CLOSED], seats=[99]), make_spec({"old_value": "old"}), fields=history
    )

    assert "1 deal(s) have another value today than the last one in [history.fields]" in findings


def test_ids_of_different_length_are_refused_with_the_remedy(make_spec, deals_of, changes_of):
    deals = deals_of([CLOSED]).assign(deal_id=["006Qy00000AbCdE"])
    history = changes_of(("006Qy00000AbCdEIAX", "plan", None, "x", "2026-01-01"))

    with pytest.raises(DealsError, match="none of 1 deals is in the table.*export both with 18"):
        open_deals(deals, make_spec({}), {"fields": history})


def test_ids_match_as_text_and_as_numbers(make_spec, deals_of, changes_of):
    deals = deals_of([CLOSED], plan=["x"]).assign(deal_id=[7])
    history = changes_of(("7 ", "plan", None, "basic", "2026-01-01"))

    assert _attached(deals, make_spec({}), fields=history)["plan"].tolist() == ["basic"]


def test_a_missing_column_of_the_history_table_is_named_in_the_error(
    make_spec, deals_of, changes_of, tmp_path
):
    history = changes_of(("D0", "plan", None, "basic", "2026-01-01"))
    spec = make_spec({"value": "neww"})

    with pytest.raises(DealsError, match="value = 'neww', but there is no such column.*'new'"):
        open_deals(deals_of([CLOSED]), spec, {"fields": history})
    with pytest.raises(DealsError, match="there is no file or folder"):
        open_deals(deals_of([CLOSED]), make_spec({}), {"fields": tmp_path / "none.csv"})
    with pytest.raises(DealsError, match="the contract has no table 'other'"):
        open_deals(deals_of([CLOSED]), make_spec({}), {"fields": history, "other": history})


def test_a_role_column_keeps_its_current_value(make_spec, deals_of, changes_of):
    history = changes_of(
        ("D0", "state", None, "open", "2026-01-01"),
        ("D0", "closed_on", None, "2026-02-01", "2026-01-01"),
        ("D0", "closed_on", None, CLOSED, "2026-02-05"),
        ("D0", "churned_on", None, "2026-02-01", "2026-01-01"),
    )
    spec = make_spec({}, rows={"keep": {"state": ["won"]}})

    table = _attached(deals_of([CLOSED], state=["won"]), spec, fields=history)

    assert table["state"].tolist() == ["won"]
    assert table["state_as_of"].tolist() == ["open"]
    assert table["closed_on"].tolist() == [CLOSED]
    assert table["closed_on_changes"].tolist() == [1]
    assert not [name for name in table if name.startswith("churned_on_")]


def test_a_file_is_read_like_a_frame(make_spec, deals_of, changes_of, tmp_path):
    history = changes_of(
        ("D0", "plan", "a", "basic", "2026-01-01"), ("D0", "plan", "basic", "gold", "2026-02-01")
    )
    history.to_csv(tmp_path / "h.csv", index=False)
    history.to_parquet(tmp_path / "h.parquet")
    (tmp_path / "folder").mkdir()
    for number in range(2):
        history.iloc[[number]].to_parquet(tmp_path / "folder" / f"{number}.parquet")
    deals, spec = deals_of([CLOSED], plan=["x"]), make_spec({"old_value": "old"})

    expected = _attached(deals, spec, fields=history)
    for name in ("h.csv", "h.parquet", "folder"):
        pd.testing.assert_frame_equal(_attached(deals, spec, fields=tmp_path / name), expected)


def test_names_in_the_contract_that_no_row_has_are_reported(
    make_spec, deals_of, changes_of, events_of
):
    history = changes_of(("D0", "plan", "basic", "gold", "2026-01-01"))
    events = events_of(("D0", "2026-03-01", "E-Mail", "Ann", 5))
    kinds = {"kind": "kind", "kinds": ["E-Mail", "Fax"], "recorded_from": "2020-01-01"}
    spec = make_spec({"fields": ["plan", "plam"]}, kinds)
    deals = deals_of([CLOSED], plan=["gold"])

    opened = open_deals(deals, spec, {"fields": history, "calls": events})
    findings = "; ".join(map(str, opened.file.findings))

    assert "1 of the fields in the contract do not occur in the table" in findings
    assert "for example 'plam'" in findings
    assert "for example 'fax'. Remedy: write them as in the table: e_mail" in findings
    assert opened.file.table["calls_e_mail_count_14d"].tolist() == [1]


def test_stages_missing_in_the_order_of_the_contract_are_reported(make_spec, deals_of, changes_of):
    history = changes_of(
        ("D0", "stage", None, "Demo", "2026-01-01"), ("D0", "stage", "Demo", "Offer", "2026-02-01")
    )
    spec = make_spec({"stage": "stage", "stages": ["demo", "won"]})

    findings = _findings(deals_of([CLOSED]), spec, fields=history)

    assert "1 of 2 row(s) have a stage that is not among the stages of the contract" in findings
    assert "for example 'Offer'" in findings


@pytest.mark.parametrize(
    ("keys", "columns", "message"),
    [
        ({"stage": "phase", "stages": ["demo"]}, {"field": "stage", "new": "Demo"},
         "stage = 'phase' is not one of the fields that are read; they are stage"),
        (VERSIONS | {"fields": ["stage", "plan"]}, {"stage": "Demo"},
         r"fields: there are no columns \['plan'\]"),
        (VERSIONS, {}, "the table has no columns but the id and the time"),
    ],
    ids=["stage", "fields", "no fields"],
)  # fmt: skip
def test_a_field_that_the_table_lacks_is_an_error(make_spec, deals_of, keys, columns, message):
    history = pd.DataFrame({"deal": ["D0"], "at": ["2026-01-01"], **columns})
    with pytest.raises(DealsError, match=message):
        open_deals(deals_of([CLOSED]), make_spec(keys), {"fields": history})


def test_an_excluded_field_need_not_be_a_column_of_the_deals(make_spec, deals_of, changes_of):
    history = changes_of(("D0", "plan", "basic", "gold", "2026-01-01"))
    spec = make_spec({"fields": ["plan"]}, attributes={"exclude": ["plan"]})
    deals, tables = deals_of([CLOSED] * 2, size=[1, 2]), {"fields": history}

    table = read_with_history(deals, spec, tables=tables, to_learn=False).table

    assert "plan_changes" in table.columns
    with pytest.raises(DealsError, match="plam: there is no such column"):
        read_with_history(
            deals, spec.replace(attributes={"exclude": ["plam"]}), tables=tables, to_learn=False
        )
