"""An interrupted batch is resumed and gives the same output as an uninterrupted one."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import shutil
import signal
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from fitmodel.decision.policy import Policy
from fitmodel.exceptions import ProspectError, SpecError
from fitmodel.learning.learner import learn
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import Scorer
from fitmodel.scoring import batch
from fitmodel.scoring._draft import DRAFT, RECORD
from fitmodel.scoring._resume import JOURNAL, parts_folder
from fitmodel.scoring.batch import score_file
from fitmodel.scoring.sources import score_source
from fitmodel.scoring.streams import WRITERS
from fitmodel.tables.atomic import file_lock
from warm_python import warm_python

real = batch.predict_chunk
KILLED = """
import os, signal, sys
from pathlib import Path
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import scorer_from_json
from fitmodel.scoring.batch import score_file

model = FitModel(scorer_from_json(Path(sys.argv[3]).read_bytes(), "test"), {})
left = [3]

def die(_):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)

score_file(sys.argv[1], model, sys.argv[2], chunk_rows=8, progress=die, resume=True)
"""


ENDINGS = [".csv", ".csv.gz", ".csv.bz2", ".csv.zst", ".tsv", ".parquet"]
PACKED = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".zst": lambda data: pa.input_stream(pa.BufferReader(data), compression="zstd").read(),
}


def content(path) -> bytes:
    """The bytes of a file; for compressed CSV the bytes of the text."""
    return PACKED.get(path.suffix, bytes)(path.read_bytes())


class Stop(BaseException):
    """Simulated power failure."""


def interrupted_after(chunks: int):
    left = iter(range(chunks, -1, -1))

    def progress(_rows: int) -> None:
        if next(left) == 1:
            raise Stop

    return progress


def stop_after(chunks: int, source, model, output, **asked) -> None:
    with pytest.raises(Stop):
        score_file(
            source,
            model,
            output,
            chunk_rows=8,
            resume=True,
            progress=interrupted_after(chunks),
            **asked,
        )
    assert parts_folder(output).is_dir()
    assert not output.exists()


@pytest.fixture(scope="module")
def simulation(simulate_quickly):
    """Deals with few attributes: how a batch is resumed does not depend on their number."""
    return simulate_quickly(500, seed=5, n_attributes=4)


@pytest.fixture(scope="module")
def model(simulation):
    scorecard = learn(simulation.deals, simulation.spec).scorecard
    roles, policy = simulation.spec.deals, Policy("threshold", 0.3, None, "flags from 30%")
    return FitModel(Scorer(scorecard, policy, roles.amount, roles.closed_on, version="test"), {})


@pytest.fixture(scope="module")
def prospects(simulation):
    return simulation.deals.head(60).drop(columns=["churned_on"])


@pytest.fixture(scope="module")
def given_table(prospects, tmp_path_factory):
    table = prospects.astype(str).replace("nan", "")
    table.loc[table.index[[3, 40]], "seats"] = "many"
    path = tmp_path_factory.mktemp("given") / "in.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture
def source(given_table, tmp_path):
    return Path(shutil.copy(given_table, tmp_path / "in.csv"))


@pytest.fixture(scope="module")
def uninterrupted(model, given_table):
    """The output of a batch that nothing interrupted, without ``resume``, scored once per kind."""

    @cache
    def scored(ending: str) -> Path:
        output = given_table.with_name(f"plain{ending}")
        score_file(given_table, model, output, chunk_rows=8)
        return output

    return scored


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("chunks", [1, 4])
def test_a_resumed_batch_gives_identical_bytes(
    model, source, tmp_path, uninterrupted, ending, chunks
) -> None:
    whole, output = tmp_path / f"whole{ending}", tmp_path / f"out{ending}"
    plain = uninterrupted(ending)
    score_file(source, model, whole, chunk_rows=8, resume=True)
    stop_after(chunks, source, model, output)

    result = score_file(source, model, output, chunk_rows=8, resume=True)

    assert output.read_bytes() == whole.read_bytes()
    assert content(output) == content(plain)
    assert (plain.read_bytes() == whole.read_bytes()) == (plain.suffix not in PACKED)
    assert (result.rows, result.errors) == (60, 2)
    assert chunks * 8 <= result.resumed <= 60
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["in.csv", output.name, whole.name]


@pytest.fixture(scope="module")
def python():
    with warm_python(
        "import fitmodel.model.fitmodel, fitmodel.model.scorer, fitmodel.scoring.batch\n"
        "import fitmodel.model.frame_scorer, pyarrow.csv, pyarrow.dataset, pyarrow.parquet"
    ) as ready:
        yield ready


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "written"),
    [(".csv", ".parquet"), (".csv.gz", ".csv.gz"), (".csv.zst", ".csv.zst"), (".csv", ".csv.bz2")],
)
def test_a_process_killed_in_the_middle_is_resumed(
    model, source, tmp_path, uninterrupted, python, given, written
) -> None:
    (tmp_path / "scorer.json").write_bytes(model.scorer.to_json())
    table = tmp_path / f"table{given}"
    with WRITERS.get(given, lambda path: path.open("wb"))(table) as stream:
        stream.write(source.read_bytes())
    output = tmp_path / f"out{written}"
    assert python.run(KILLED, table, output, tmp_path / "scorer.json") == -signal.SIGKILL
    assert not output.exists()

    result = score_file(table, model, output, chunk_rows=8, resume=True)

    assert content(output) == content(uninterrupted(written))
    assert 24 <= result.resumed < 60
    assert not parts_folder(output).exists()


@pytest.mark.slow
def test_a_folder_can_be_resumed(model, prospects, tmp_path) -> None:
    prospects.to_parquet(tmp_path / "in", partition_cols=["segment"])
    score_file(tmp_path / "in", model, tmp_path / "whole.csv", chunk_rows=8)
    stop_after(3, tmp_path / "in", model, tmp_path / "out.csv")

    score_file(tmp_path / "in", model, tmp_path / "out.csv", chunk_rows=8, resume=True)

    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_dates_are_counted_from_the_day_of_the_first_run(model, prospects, tmp_path) -> None:
    source = tmp_path / "in.csv"
    prospects.drop(columns=["closed_on"]).to_csv(source, index=False)
    stop_after(2, source, model, tmp_path / "out.csv")
    journal = parts_folder(tmp_path / "out.csv") / JOURNAL
    written = json.loads(journal.read_text(encoding="utf-8")) | {"day": "2031-01-01"}
    journal.write_text(json.dumps(written), encoding="utf-8")
    for part in journal.parent.glob("*.arrow"):
        part.unlink()

    score_file(source, model, tmp_path / "out.csv", chunk_rows=8, resume=True)

    later = prospects.assign(closed_on=pd.Timestamp("2031-01-01"))
    scored = pd.read_csv(tmp_path / "out.csv")["early_churn_probability"].tolist()
    assert scored == model.predict(later)["early_churn_probability"].tolist()


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda draft: draft.write_bytes(draft.read_bytes()[:100]),
        lambda draft: draft.write_bytes(draft.read_bytes()[:-1] + b"?"),
        lambda draft: draft.unlink(),
        lambda draft: (draft.parent / RECORD).write_text("{", encoding="utf-8"),
    ],
)
def test_an_incomplete_part_is_made_again(
    model, source, tmp_path, uninterrupted, ending, damage
) -> None:
    output = tmp_path / f"out{ending}"
    stop_after(4, source, model, output)
    parts = sorted(parts_folder(output).glob("*.arrow"))
    parts[0].write_bytes(parts[0].read_bytes()[:100])
    parts[1].write_bytes(b"")
    damage(parts_folder(output) / DRAFT)

    result = score_file(source, model, output, chunk_rows=8, resume=True)

    assert content(output) == content(uninterrupted(ending))
    assert result.resumed == 8 * (len(parts) - 2)


@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_already_written_are_not_scored_again(
    model, source, tmp_path, uninterrupted, monkeypatch, ending
) -> None:
    expected = content(uninterrupted(ending))  # before `predict_chunk` is replaced
    output = tmp_path / f"out{ending}"
    stop_after(4, source, model, output)
    for part in parts_folder(output).glob("*.arrow"):
        part.unlink()
    predicted = []

    def noted(chunk, **asked):
        predicted.append(chunk)
        return real(chunk, **asked)

    monkeypatch.setattr(batch, "predict_chunk", noted)
    counts = []

    result = score_file(
        source, model, output, chunk_rows=8, resume=True, progress=counts.append, workers=1
    )

    assert sum(chunk.batch.num_rows for chunk in predicted) == 60 - 32
    assert (result.rows, result.errors, result.resumed) == (60, 2, 32)
    assert counts == [32, 8, 8, 8, 4]
    assert content(output) == expected


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_attribute_that_is_empty_in_all_rows_is_reported_by_a_resumed_batch(
    model, prospects, tmp_path, ending
) -> None:
    """Also if the rows already written are not read again; a value in them is remembered."""
    for first, expected in ((None, "empty in all 60 prospects"), ("smb", None)):
        source = tmp_path / f"{first}.csv"
        segment = [first, *[""] * (len(prospects) - 1)]
        prospects.assign(segment=segment).to_csv(source, index=False)
        output = tmp_path / f"out {first}{ending}"
        stop_after(4, source, model, output)

        result = score_file(source, model, output, chunk_rows=8, resume=True)

        assert 32 <= result.resumed < 60
        assert (result.empty or "")[:25] == (expected or "")
        if expected:
            assert "segment (100% filled). " in str(result.empty)


def test_a_complete_draft_is_only_moved_to_the_output(
    model, source, tmp_path, uninterrupted
) -> None:
    output = tmp_path / "out.parquet"
    stop_after(8, source, model, output)

    result = score_file(source, model, output, chunk_rows=8, resume=True)

    assert (result.rows, result.resumed, result.errors) == (60, 60, 2)
    assert output.read_bytes() == uninterrupted(".parquet").read_bytes()


@pytest.mark.parametrize("reading", ["csv", "parquet", "folder", "csv.gz", "csv.bz2", "csv.zst"])
@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_every_kind_of_input_is_continued_at_the_right_row(
    model, prospects, tmp_path, reading, ending
) -> None:
    table = prospects.astype(str).replace("nan", "")
    table["note"] = [('say "no"\n\nor, "yes"', "", "plain", "\r\n")[n % 4] for n in range(60)]
    given = tmp_path / ("in" if reading == "folder" else f"in.{reading}")
    if reading == "folder":
        given.mkdir()
        for start in range(0, 60, 20):
            table[start : start + 20].to_parquet(given / f"{start}.parquet")
    elif reading == "parquet":
        table.to_parquet(given, row_group_size=13)
    else:
        with WRITERS.get(f".{reading}", lambda path: path.open("wb"))(given) as stream:
            stream.write(table.to_csv(index=False).encode())
    score_file(given, model, tmp_path / f"whole{ending}", chunk_rows=8)
    output = tmp_path / f"out{ending}"
    stop_after(5, given, model, output)

    result = score_file(given, model, output, chunk_rows=8, resume=True)

    assert content(output) == content(tmp_path / f"whole{ending}")
    assert result.resumed >= 40


def test_a_bad_row_in_the_draft_stops_a_strict_batch(model, source, tmp_path) -> None:
    output = tmp_path / "out.csv"
    stop_after(8, source, model, output)
    with pytest.raises(ProspectError, match="row 4 cannot be scored"):
        score_file(source, model, output, chunk_rows=8, resume=True, strict=True)


def test_a_draft_of_another_run_is_refused(model, source, tmp_path) -> None:
    output = tmp_path / "out.csv"
    stop_after(2, source, model, output)
    old = model.scorer
    other = FitModel(Scorer(old.scorecard, old.policy, None, old.closed_on, old.version), {})

    def resume(**asked) -> None:
        score_file(source, asked.pop("model", model), output, resume=True, **asked)

    with pytest.raises(ProspectError, match=r"an interrupted batch of another model\. Remedy"):
        resume(model=other, chunk_rows=8)
    with pytest.raises(ProspectError, match="another number of reasons; another language"):
        resume(chunk_rows=8, reasons=1, language="zh")
    with pytest.raises(ProspectError, match="another number of rows at a time"):
        resume(chunk_rows=9)
    before = source.stat()
    content = source.read_bytes()
    source.write_bytes(content[::-1])
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ProspectError, match="another input, or the input has changed"):
        resume(chunk_rows=8)
    source.write_bytes(content + b"\n")
    with pytest.raises(ProspectError, match="another input, or the input has changed"):
        resume(chunk_rows=8)
    assert list(parts_folder(output).glob("*.arrow"))


def test_only_one_process_at_a_time_works_on_a_batch(model, source, tmp_path) -> None:
    output = tmp_path / "out.csv"
    refused = []

    def meanwhile(_rows: int) -> None:
        with pytest.raises(
            ProspectError, match=r"another process works on .*Remedy: wait"
        ) as raised:
            score_file(source, model, output, chunk_rows=8, resume=True)
        refused.append(raised)

    score_file(source, model, output, chunk_rows=8, resume=True, progress=meanwhile)

    assert len(refused) == 8
    score_file(source, model, tmp_path / "whole.csv")
    assert output.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not parts_folder(output).exists()


def test_parts_that_cannot_be_removed_are_no_error_of_a_complete_batch(
    model, source, tmp_path, uninterrupted, monkeypatch
) -> None:
    """They may be those of another user."""
    output = tmp_path / "out.csv"
    stop_after(4, source, model, output)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("the folder of another user")

    monkeypatch.setattr("fitmodel.scoring._resume.file_lock", refuse)
    score_file(source, model, output, chunk_rows=8)

    assert content(output) == content(uninterrupted(".csv"))
    assert parts_folder(output).exists()


def test_a_batch_without_resume_removes_what_an_interrupted_one_left(
    model, source, tmp_path, uninterrupted
) -> None:
    output = tmp_path / "out.csv"
    stop_after(4, source, model, output)
    assert parts_folder(output).exists()
    with file_lock(parts_folder(output) / "lock", wait=False):  # another process works on it
        score_file(source, model, output, chunk_rows=8)
        assert list(parts_folder(output).glob("*.arrow"))

    score_file(source, model, output, chunk_rows=8)

    assert content(output) == content(uninterrupted(".csv"))
    assert not parts_folder(output).exists()


def test_an_error_that_would_occur_again_leaves_no_draft(model, source, tmp_path) -> None:
    with pytest.raises(ProspectError, match="row 4 cannot be scored"):
        score_file(source, model, tmp_path / "out.csv", resume=True, strict=True)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_pipes_and_databases_cannot_be_resumed(model, source, tmp_path) -> None:
    for given in (("-", tmp_path / "out.csv"), (source, "-")):
        with pytest.raises(ProspectError, match="a pipe cannot be read again"):
            score_file(given[0], model, given[1], resume=True)
    url = f"sqlite:///{tmp_path}/a.db/t"
    for first, second in ((str(source), url), (url, "out.csv")):
        with pytest.raises(SpecError, match=r"--resume needs files: a query .*Remedy: leave"):
            score_source(first, model, second, resume=True)
