"""Failures: a full disk, a read-only folder, no memory, kill -9 at any moment."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from fitmodel.bundle.store import write_bundle
from fitmodel.datasets.simulation import Simulation, simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.model.scorer import Scorer

NIGHT = Path(__file__).with_name("failures.py")
KILLS = 6  # of each kind of work; `python tests/hostile/failures.py` takes more
linux = pytest.mark.skipif(sys.platform != "linux", reason="faults are made as Linux makes them")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, learned_on) -> Path:
    """Deals, their contract and a model."""
    folder = tmp_path_factory.mktemp("home")
    sim: Simulation = simulate_deals(600, seed=3)
    policy = Policy("threshold", 0.3, None, "")
    scorer = Scorer(learned_on(600, seed=3).scorecard, policy, None, "closed_on", "")
    files = {"scorer.json": scorer.to_json()}
    facts = {"spec": sim.spec.to_dict(), "period": ["2023-01-01", "2023-12-31"]}
    write_bundle(folder / "models", "fit", files=files, manifest=facts)
    sim.deals.to_parquet(folder / "deals.parquet")
    (folder / "fitmodel.toml").write_text(sim.spec.to_toml())
    return folder


# --- a full disk

DISK = """
import json, os, subprocess, sys
from pathlib import Path
from typer.testing import CliRunner
from fitmodel.cli.main import app

home, disk = Path(sys.argv[1]), Path(sys.argv[2])
filler = disk / "filler"

def breaks(problem):
    if problem == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        return
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass

def heals(problem):
    if problem == "read-only":
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    filler.unlink(missing_ok=True)

def run(arguments):
    # in a fork, so that no open file keeps the disk busy
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        done = CliRunner().invoke(app, arguments)
        os.write(writing, json.dumps([done.exit_code, done.stderr[-400:]]).encode())
        os._exit(0)
    os.close(writing)
    told = os.read(reading, 65_536)
    os.close(reading)
    os.waitpid(child, 0)
    return json.loads(told)

def whole():
    return {
        str(path.relative_to(disk)): path.read_bytes()
        for path in sorted(disk.rglob("*"))
        if path.is_file() and path != filler and path.suffix not in {".db-wal", ".db-shm"}
    }

subprocess.run(["cp", "-r", str(home / "models"), str(disk)], check=True)
deals, model = str(home / "deals.parquet"), str(disk / "models" / "fit")
base = ["-c", str(home / "fitmodel.toml")]
doors = {
    "score": ["score", deals, "--model", model, "--output", str(disk / "scored.csv")],
    "score parquet": ["score", deals, "--model", model, "--output", str(disk / "s.parquet")],
    "monitor": ["monitor", deals, "--model", model, "--output", str(disk / "monitor"), *base],
    "brief": ["brief", deals, "--model", model, "--id", "D000003", "--output",
              str(disk / "brief.html")],
    "init": ["init", deals, "--output", str(disk / "new.toml")],
    "edit": ["models", "edit", "--model", model, "--table", "segment", "--level", "smb",
             "--effect", "EFFECT", "--because", "a trial", "--by", "Kim", "--use"],
    "log": ["decide", "D-1", "signed", "--by", "Kim", "--reason", "EFFECT", "--log",
            str(disk / "decisions.db")],
}
import pandas as pd
import fitmodel.editing
# every fork has these imports
CliRunner().invoke(app, [*doors["monitor"][:4], "--output", str(home / "warm"), *base])
ids = pd.read_parquet(deals)["deal_id"]
doors["brief"][5] = str(ids.iloc[3])

from fitmodel.loading import load
from fitmodel.monitoring.log import DecisionLog
one = load(model).predict(pd.read_parquet(deals).iloc[0].to_dict(), reasons=0)
log = DecisionLog(disk / "decisions.db")
log.append("D-1", one, {})
log.close()

told = {}
for problem in ("full", "read-only"):
    for door, arguments in doors.items():
        # an edit that changes nothing is refused, and a repeated decision is not written
        arguments = [{"EFFECT": f"0.{len(problem)}"}.get(each, each) for each in arguments]
        before = whole()
        breaks(problem)
        code, says = run(arguments)
        heals(problem)
        left = {name for name, content in whole().items() if before.get(name) != content}
        again, why = run(arguments)
        told[f"{problem}: {door}"] = {
            "exit": code, "says": says, "left": sorted(left), "again": again, "why": why
        }
    (disk / "new.toml").unlink()  # init does not overwrite a contract
print(json.dumps(told))
"""
WORDS = {
    "full": ("No space", "no space left", "full", "disk I/O"),
    "read-only": ("Read-only", "readonly", "unable to open"),
}


def can_mount(folder: Path) -> bool:
    """Whether a small in-memory file system can be mounted in a private namespace."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    script = 'mount -t tmpfs -o size=6m tmpfs "$0"'
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, folder], check=False)  # noqa: S603, S607
    return done.returncode == 0


@pytest.mark.slow
def test_a_full_disk_loses_no_file_and_a_repeat_works(home: Path, tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("mounting a small disk needs root on Linux; the errors are raised elsewhere")
    script = 'mount -t tmpfs -o size=6m tmpfs "$2" && exec "$0" -c "$1" "$3" "$2"'
    done = subprocess.run(  # noqa: S603 - the program above
        ["unshare", "-m", "sh", "-c", script, sys.executable, DISK, tmp_path, home],  # noqa: S607
        check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    reported = json.loads(done.stdout.splitlines()[-1])
    assert len(reported) == 14
    for door, result in reported.items():
        words = WORDS[door.partition(":")[0]]
        assert result["exit"] == 1, (door, result)
        assert result["left"] == [], (door, result)
        assert "Traceback" not in result["says"], (door, result)
        assert any(word in result["says"] for word in words), (door, result)
        assert result["again"] == 0, (door, result)


# --- no memory

MEMORY = """
import resource, sys
import fitmodel.cli.scoring, fitmodel.model.frame_scorer, pandas, pyarrow.parquet
from fitmodel.cli.main import app
from fitmodel.scoring.sources import score_source
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + int(sys.argv[1]) * 2**20,) * 2)
app(sys.argv[2:])
"""


@linux
@pytest.mark.slow
def test_a_batch_without_memory_ends_with_a_message_and_no_partial_file(
    home: Path, tmp_path: Path
) -> None:
    deals = pq.read_table(home / "deals.parquet")
    long = pa.concat_tables([deals] * 40).slice(0, 20_000)
    # half a gigabyte in a chunk: too much for one piece of memory, and not for the many small ones
    # the lack of which ends a native library without a message
    numbers = pa.array(range(len(long))).cast(pa.string())
    notes = pc.binary_join_element_wise(numbers, "x" * 25_000, "")
    pq.write_table(long.append_column("note", notes), tmp_path / "long.parquet")
    out = tmp_path / "scored.parquet"
    out.write_bytes(b"what was there before")
    command = ["score", tmp_path / "long.parquet", "--model", home / "models/fit", "-o", out]
    done = subprocess.run(  # noqa: S603 - the program above
        [sys.executable, "-c", MEMORY, "150", *map(str, command)],
        # Arrow's own allocator may have set a gigabyte of addresses aside before the limit
        env=os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system"},
        check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "not enough memory" in done.stderr
    assert out.read_bytes() == b"what was there before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.parquet", "scored.parquet"]


# --- kill -9, and a disk that fills up while something is written


@pytest.fixture(scope="module")
def night(migrated_store: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Results of `failures.py`; its small disk needs root and is left out otherwise."""
    shop, disk = tmp_path_factory.mktemp("shop"), tmp_path_factory.mktemp("disk")
    shutil.copy(migrated_store, shop / "mlflow.db")
    command = [sys.executable, NIGHT, f"sqlite:///{shop}/mlflow.db", shop, str(KILLS)]
    if can_mount(disk):
        script = 'mount -t tmpfs -o size=40m tmpfs "$0" && exec "$@"'
        command = ["unshare", "-m", "sh", "-c", script, disk, *command, disk]
    done = subprocess.run(  # noqa: S603 - the script beside this file
        command, check=False, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@linux
@pytest.mark.slow
def test_after_kills_at_random_moments_everything_is_complete_and_repeatable(
    night: list[dict[str, Any]],
) -> None:
    result = [each for each in night if "killed" in each]
    assert [each["kind"] for each in result] == ["train", "promote", "score", "log"]
    assert [each["killed"] for each in result] == [KILLS] * 4
    assert all(each["same again"] for each in result)
    assert all(each["left"] == 0 for each in result)


@linux
@pytest.mark.slow
def test_on_a_full_disk_a_training_or_promotion_is_complete_or_absent(
    night: list[dict[str, Any]],
) -> None:
    result = [each for each in night if "ends" in each]
    if not result:
        pytest.skip("mounting a small disk needs root on Linux")
    assert [each["kind"] for each in result] == ["train", "promote"]
    assert all(each["same again"] for each in result)
    assert all(each["left"] == 0 for each in result)
    for each, error in zip(result, ["BundleError", "TrackingError"], strict=True):
        assert re.match(f"{error}: .*(No space|full)", each["ends"][0])  # no room at all
        assert all(re.match(f"done|{error}: .*(No space|full)", end) for end in each["ends"])
