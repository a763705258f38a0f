"""A folder of Parquet files has the same rows as one file, or is not created."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from fitmodel.exceptions import ProspectError, SpecError
from fitmodel.scoring._folder_sink import MAX_PARTITIONS, FolderSink, _Writer
from fitmodel.scoring.sources import score_source
from fitmodel.scoring.tables import count_rows, open_source


@pytest.fixture
def table(prospects, tmp_path) -> str:
    prospects.assign(area=["a/b", None, "日本", "x y", "007"] * (len(prospects) // 5)).to_parquet(
        tmp_path / "in.parquet"
    )
    return str(tmp_path / "in.parquet")


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values("deal_id", ignore_index=True)


def test_the_folder_has_the_same_rows_as_one_file(table, model, tmp_path) -> None:
    result = score_source(table, model, f"{tmp_path}/scored/", reasons=1)
    score_source(table, model, f"{tmp_path}/one.parquet", reasons=1)
    one = pd.read_parquet(tmp_path / "one.parquet")
    assert result.rows == len(one)
    assert [path.name for path in (tmp_path / "scored").iterdir()] == ["part-00000.parquet"]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "scored"), one)


def test_each_partition_value_has_a_folder_and_every_row_is_in_one(table, model, tmp_path) -> None:
    score_source(table, model, f"{tmp_path}/scored", reasons=0, partition_by="area")
    score_source(table, model, f"{tmp_path}/one.parquet", reasons=0)
    names = {path.name for path in (tmp_path / "scored").iterdir()}
    assert names == {
        "area=a%2Fb",
        "area=x%20y",
        "area=%E6%97%A5%E6%9C%AC",
        "area=007",
        "area=__HIVE_DEFAULT_PARTITION__",
    }
    one = _sorted(pd.read_parquet(tmp_path / "one.parquet"))
    parts = pd.read_parquet(
        tmp_path / "scored",
        partitioning=pa.dataset.partitioning(pa.schema([("area", pa.string())]), flavor="hive"),
    )
    parts["area"] = parts["area"].astype(one["area"].dtype)
    pd.testing.assert_frame_equal(_sorted(parts)[one.columns], one)


def test_the_written_folder_can_be_read_as_input(table, model, tmp_path) -> None:
    result = score_source(table, model, f"{tmp_path}/scored", reasons=0, partition_by="area")
    with open_source(tmp_path / "scored", 10) as source:
        rows = sum(chunk.batch.num_rows for chunk in source.chunks)
        assert "area" in source.schema.names
    assert rows == count_rows(tmp_path / "scored") == result.rows


@pytest.mark.parametrize("most", [1, 7, 50, 1000])
def test_full_files_are_closed_and_no_row_is_lost(tmp_path, most: int) -> None:
    schema = pa.schema([("n", pa.int64()), ("part", pa.string())])
    numbers = list(range(50))
    with FolderSink(tmp_path / "out", "part", most).opened(schema, ",") as write:
        for first in (0, 25):
            rows = numbers[first : first + 25]
            parts = ["even" if n % 2 == 0 else "odd" for n in rows]
            write(pa.record_batch([rows, parts], schema=schema))
    files = sorted((tmp_path / "out").rglob("*.parquet"))
    sizes = [len(pd.read_parquet(file, partitioning=None)) for file in files]
    assert len(files) == 2 * -(-25 // most)
    assert max(sizes) <= most
    assert sorted(pd.read_parquet(tmp_path / "out")["n"]) == numbers


def test_a_table_without_rows_gives_a_folder_with_its_columns(tmp_path) -> None:
    schema = pa.schema([("n", pa.int64())])
    with FolderSink(tmp_path / "out").opened(schema, ","):
        pass
    assert list(pd.read_parquet(tmp_path / "out").columns) == ["n"]


def test_an_error_leaves_nothing_behind(tmp_path) -> None:
    schema = pa.schema([("n", pa.int64())])

    def interrupted() -> None:
        with FolderSink(tmp_path / "out", "n").opened(schema, ",") as write:
            write(pa.record_batch([[1, 2]], schema=schema))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_too_many_values_are_refused_before_a_folder_appears(tmp_path) -> None:
    schema = pa.schema([("n", pa.int64()), ("kept", pa.int64())])
    rows = list(range(MAX_PARTITIONS + 1))
    with (
        pytest.raises(ProspectError, match=f"--partition-by n: more than {MAX_PARTITIONS}"),
        FolderSink(tmp_path / "out", "n").opened(schema, ",") as write,
    ):
        write(pa.record_batch([rows, rows], schema=schema))
    assert list(tmp_path.iterdir()) == []


def test_two_values_never_share_a_folder(tmp_path) -> None:
    """On a case-insensitive disk, EMEA and emea would share a folder."""
    schema = pa.schema([("area", pa.string()), ("n", pa.int64())])
    (tmp_path / "area=emea").mkdir()
    writer = _Writer(tmp_path, schema, "area", 10)
    with pytest.raises(ProspectError, match="takes the folder area=emea and that of another value"):
        writer.write(pa.record_batch([["emea"], [3]], schema=schema))


def test_an_existing_folder_is_not_overwritten(table, model, tmp_path) -> None:
    (tmp_path / "scored").mkdir()
    (tmp_path / "scored" / "mine.txt").write_text("kept")
    with pytest.raises(ProspectError, match="is there already and not empty. Remedy: name a new"):
        score_source(table, model, f"{tmp_path}/scored/")
    assert (tmp_path / "scored" / "mine.txt").read_text() == "kept"


def test_options_that_do_not_apply_to_a_folder_are_refused(table, model, tmp_path) -> None:
    with pytest.raises(SpecError, match="--resume needs files: "):
        score_source(table, model, f"{tmp_path}/scored/", resume=True)
    with pytest.raises(SpecError, match="--partition-by writes a folder"):
        score_source(table, model, f"sqlite:///{tmp_path}/a.db/t", partition_by="area")
    with pytest.raises(SpecError, match="--partition-by writes a folder"):
        score_source(table, model, "-", partition_by="area")
    with pytest.raises(ProspectError, match="--partition-by regoin: the table has no such column"):
        score_source(table, model, f"{tmp_path}/scored", partition_by="regoin")
    with pytest.raises(ProspectError, match="there is no folder"):
        score_source(table, model, f"{tmp_path}/nowhere/scored/")
