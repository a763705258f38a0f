"""A bundle is complete or absent, and opening one does not trust its content."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fitmodel.bundle import store as writing
from fitmodel.bundle.reading import open_bundle
from fitmodel.bundle.store import (
    list_bundles,
    load_estimator,
    set_current,
    write_bundle,
)
from fitmodel.exceptions import BundleError
from warm_python import WarmPython, warm_python

FILES = {"scorer.json": b'{"intercept": -1.5}', "card.md": "# Karte für Kunden\n".encode()}
FACTS = {"spec": {"label": {"horizon_months": 5}}, "run_id": "abc"}


def write(root: Path, **changes: Any) -> Path:
    return write_bundle(root, "prospect-fit", **{"files": FILES, "manifest": FACTS} | changes)


def pickled(estimator: object) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return buffer.getvalue()


def with_estimator(root: Path, estimator: object) -> Path:
    return write(root, files=FILES | {"estimator.joblib": pickled(estimator)})


def change_manifest(path: Path, **changes: Any) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps(manifest | changes))


# --- writing and reading back


def test_files_and_metadata_are_read_back(tmp_path: Path) -> None:
    bundle = open_bundle(write(tmp_path))
    assert {file: bundle.read(file) for file in bundle.files} == FILES
    assert bundle.manifest["spec"] == FACTS["spec"]
    assert bundle.manifest["run_id"] == "abc"
    assert bundle.name == "prospect-fit"


def test_the_manifest_names_the_package_versions(tmp_path: Path) -> None:
    manifest = open_bundle(write(tmp_path)).manifest
    assert manifest["format"] == 1
    assert manifest["packages"]["scikit-learn"]
    assert manifest["python"] == ".".join(map(str, sys.version_info[:3]))
    assert manifest["created_at"].endswith("+00:00")


def test_the_models_folder_opens_the_version_named_by_current(tmp_path: Path) -> None:
    first, second = write(tmp_path), write(tmp_path, files={"scorer.json": b"{}"})
    assert open_bundle(tmp_path / "prospect-fit").path == second
    set_current(tmp_path, "prospect-fit", first.name)
    assert open_bundle(tmp_path / "prospect-fit").path == first


def test_a_version_can_be_written_without_being_put_to_use(tmp_path: Path) -> None:
    first = write(tmp_path)
    second = write(tmp_path, make_current=False)
    assert first != second
    assert open_bundle(tmp_path / "prospect-fit").path == first


def test_a_copied_or_moved_version_can_be_opened(tmp_path: Path) -> None:
    moved = write(tmp_path).rename(tmp_path / "downloaded")
    assert open_bundle(moved).read("card.md") == FILES["card.md"]


def test_writing_the_same_content_twice_gives_two_versions(tmp_path: Path) -> None:
    assert write(tmp_path) != write(tmp_path)
    assert len(list_bundles(tmp_path)) == 2


def test_numpy_and_pandas_values_become_json_and_infinite_ones_null(
    tmp_path: Path,
) -> None:
    metadata = {
        "metrics": {"auc": np.float64(0.75), "slope": float("nan"), "deals": np.int64(3)},
        "seen": (pd.Timestamp("2026-01-31"), np.array([1.0, np.inf])),
        "half a letter": "\ud800",
    }
    manifest = open_bundle(write(tmp_path, manifest=metadata)).manifest
    assert manifest["metrics"] == {"auc": 0.75, "slope": None, "deals": 3}
    assert manifest["seen"] == ["2026-01-31T00:00:00", [1.0, None]]
    assert manifest["half a letter"] == "\ud800"


def test_a_bundle_of_format_1_can_be_read() -> None:
    """Written once by hand; never write it again: old bundles must always open."""
    folder = Path(__file__).parent / "bundles" / "format-1"
    bundle = open_bundle(folder)
    assert bundle.version == "20260131-120000-0a1b2c3d"
    assert json.loads(bundle.read("scorer.json")) == {"intercept": -1.5}


# --- refused when writing


@pytest.mark.parametrize(
    "file", ["", ".", "..", "../a", "/etc/a", "a/b", "a\\b", ".hidden", "a\n", "c:x", "ä.md"]
)
def test_only_plain_file_names_are_written(tmp_path: Path, file: str) -> None:
    with pytest.raises(BundleError, match="cannot be a file of a bundle"):
        write(tmp_path, files={file: b""})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["manifest.json", "manifest.hmac"])
def test_the_caller_cannot_write_the_manifest(tmp_path: Path, file: str) -> None:
    with pytest.raises(BundleError, match="written by the bundle itself"):
        write(tmp_path, files={file: b"{}"})


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../a", "a\\b", " a", "a.", "a\0", "x" * 101]
)
def test_only_plain_model_names_are_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match="cannot name a model"):
        write_bundle(tmp_path, name, files=FILES, manifest={})


def test_a_model_name_in_any_script_is_accepted(tmp_path: Path) -> None:
    path = write_bundle(tmp_path, "客户 العملاء", files=FILES, manifest={})
    assert open_bundle(tmp_path / "客户 العملاء").path == path


def test_metadata_cannot_replace_fields_of_the_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"\['files', 'format'\]"):
        write(tmp_path, manifest={"format": 9, "files": {}})


def test_the_error_for_metadata_that_json_cannot_represent_names_it(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"cannot hold .* of type object"):
        write(tmp_path, manifest={"odd": object()})
    assert list((tmp_path / "prospect-fit").iterdir()) == []


# --- complete or absent

DISK_CALLS = ("mkdir", "open", "fsync", "rename", "replace")


class Breaking:
    """A disk that fails at the n-th call and counts the calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, problem: BaseException) -> None:
        self.at, self.problem, self.calls = at, problem, 0
        for name in DISK_CALLS:
            monkeypatch.setattr(os, name, self._breaking(getattr(os, name)))
        monkeypatch.setattr(io, "open", self._breaking(io.open))

    def _breaking(self, call: Any) -> Any:
        def broken(*args: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == self.at:
                raise self.problem
            return call(*args, **options)

        return broken


def disk_calls_of_a_write(root: Path) -> int:
    """Count a second write, as the loop below breaks one."""
    write(root)
    with pytest.MonkeyPatch.context() as patch:
        disk = Breaking(patch, at=-1, problem=OSError())
        write(root)
    return disk.calls


class StoppedClock(datetime):
    """A clock that always returns the same time, so that two writes have the same second."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> StoppedClock:
        return cls(2026, 6, 30, 12, tzinfo=tz)


def assert_whole(root: Path, old: Path) -> None:
    assert open_bundle(root / "prospect-fit").path in {old, *(b.path for b in list_bundles(root))}
    for listed in list_bundles(root):
        assert listed.bundle is not None
        assert {file: listed.bundle.read(file) for file in listed.bundle.files} == FILES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("problem", "raised"),
    [
        (OSError(28, "No space left on device"), BundleError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
    ids=["full disk", "Ctrl-C"],
)
def test_after_any_failed_write_the_old_bundle_remains_and_there_is_no_partial_one(
    tmp_path: Path,
    problem: BaseException,
    raised: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "datetime", StoppedClock)
    calls = disk_calls_of_a_write(tmp_path / "counting")
    assert calls > 10
    for at in range(1, calls + 1):
        root = tmp_path / str(at)
        old = write(root)
        with pytest.MonkeyPatch.context() as patch:
            disk = Breaking(patch, at, problem)
            with contextlib.suppress(raised):
                write(root)
        assert disk.calls >= at
        assert_whole(root, old)
        if len(list_bundles(root)) == 1:
            assert sorted(path.name for path in old.parent.iterdir()) == [old.name, "current"]
            assert open_bundle(root / "prospect-fit").path == old


def test_the_error_for_a_full_disk_names_the_kept_bundle_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Breaking(monkeypatch, at=8, problem=OSError(28, "No space left on device"))
    with pytest.raises(BundleError, match=r"No space left.*Earlier versions.*free some space"):
        write(tmp_path)


WRITER = """
import itertools, os, signal, sys
from pathlib import Path
from fitmodel.bundle.store import write_bundle
root, at = Path(sys.argv[1]), int(sys.argv[2])
count = itertools.count(1)
def killing(call):
    def killed(*args, **options):
        if next(count) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **options)
    return killed
os.fsync, os.rename, os.replace = killing(os.fsync), killing(os.rename), killing(os.replace)
files = {"scorer.json": b'{"intercept": -1.5}', "card.md": "# Karte für Kunden\\n".encode()}
for _ in range(int(sys.argv[3])):
    write_bundle(root, "prospect-fit", files=files, manifest={})
"""


@pytest.fixture(scope="module")
def python() -> Iterator[WarmPython]:
    with warm_python("import fitmodel.bundle.store") as ready:
        yield ready


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows")
def test_a_writer_killed_at_any_moment_leaves_the_old_bundle_or_the_new_one(
    tmp_path: Path, python: WarmPython
) -> None:
    old = write(tmp_path)
    for at in range(1, 10):
        assert python.run(WRITER, tmp_path, at, 1) == -signal.SIGKILL
        assert_whole(tmp_path, old)
    new = write(tmp_path)
    assert open_bundle(tmp_path / "prospect-fit").path == new


@pytest.mark.slow
def test_concurrent_writers_all_succeed_and_current_is_one_of_their_versions(
    tmp_path: Path, python: WarmPython
) -> None:
    writers = [python.start(WRITER, tmp_path, -1, 10) for _ in range(3)]
    assert [python.wait(writer) for writer in writers] == [0, 0, 0]
    listed = list_bundles(tmp_path)
    assert len(listed) == 30
    assert sum(bundle.is_current for bundle in listed) == 1
    assert_whole(tmp_path, listed[0].path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_a_limit_on_file_size_is_an_error_and_leaves_no_files(tmp_path: Path) -> None:
    import resource

    old = write(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(BundleError, match="could not be written"):
            write(tmp_path, files={"scorer.json": b"x" * 5000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [bundle.path for bundle in list_bundles(tmp_path)] == [old]


def test_set_current_refuses_a_damaged_version(tmp_path: Path) -> None:
    first, second = write(tmp_path), write(tmp_path)
    (first / "card.md").unlink()
    for version, message in [(first.name, "card.md is missing"), ("../x", "is not a version")]:
        with pytest.raises(BundleError, match=message):
            set_current(tmp_path, "prospect-fit", version)
    with pytest.raises(BundleError, match="is not there"):
        set_current(tmp_path, "prospect-fit", "20000101-000000-00000000")
    assert open_bundle(tmp_path / "prospect-fit").path == second


def test_the_list_shows_damaged_versions_with_their_error(tmp_path: Path) -> None:
    first, second = write(tmp_path), write(tmp_path)
    (first / "manifest.json").write_text("{")
    newest, oldest = list_bundles(tmp_path)
    assert (newest.path, newest.is_current, newest.problem) == (second, True, None)
    assert oldest.bundle is None
    assert "not the JSON" in str(oldest.problem)
    assert list_bundles(tmp_path / "absent") == ()


# --- refused when reading


def test_the_error_for_a_missing_bundle_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="Give models/<name>"):
        open_bundle(tmp_path)
    with pytest.raises(BundleError, match="no bundle at"):
        open_bundle(tmp_path / "absent")


def test_a_bundle_with_a_missing_or_truncated_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    (path / "card.md").write_bytes(b"# K")
    with pytest.raises(BundleError, match=r"card.md has 3 bytes and the manifest states 20"):
        open_bundle(path)
    (path / "card.md").unlink()
    with pytest.raises(BundleError, match=r"card.md is missing"):
        open_bundle(path)


def test_a_changed_file_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path)
    (path / "scorer.json").write_bytes(FILES["scorer.json"].replace(b"-", b"+"))
    bundle = open_bundle(path)
    with pytest.raises(BundleError, match="is not the file the manifest states"):
        bundle.read("scorer.json")


def test_a_file_that_grows_after_opening_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path)
    bundle = open_bundle(path)
    (path / "card.md").write_bytes(FILES["card.md"] + b"more")
    with pytest.raises(BundleError, match="is not the file"):
        bundle.read("card.md")


def test_an_unlisted_file_cannot_be_read(tmp_path: Path) -> None:
    path = write(tmp_path)
    (path / "extra.json").write_text("{}")
    with pytest.raises(BundleError, match=r"has no file 'extra.json'"):
        open_bundle(path).read("extra.json")


@pytest.mark.parametrize("file", ["../secret", "/etc/hostname", "a/../../secret", ".", "x\0y"])
def test_a_manifest_cannot_name_a_file_outside(tmp_path: Path, file: str) -> None:
    path = write(tmp_path)
    (tmp_path / "secret").write_text("s")
    change_manifest(path, files={file: {"sha256": "0" * 64, "size": 1}})
    with pytest.raises(BundleError, match="cannot be a file of a bundle"):
        open_bundle(path)


@pytest.mark.parametrize("file", ["card.md", "manifest.json"])
def test_a_symbolic_link_in_a_bundle_is_refused(tmp_path: Path, file: str) -> None:
    path = write(tmp_path)
    (tmp_path / "outside").write_bytes((path / file).read_bytes())
    (path / file).unlink()
    (path / file).symlink_to(tmp_path / "outside")
    with pytest.raises(BundleError, match="symbolic link"):
        open_bundle(path)


@pytest.mark.parametrize("file", ["card.md", "manifest.json"])
def test_a_symbolic_link_is_refused_also_without_support_by_the_system(
    tmp_path, monkeypatch, file: str
) -> None:
    monkeypatch.delattr(os, "O_NOFOLLOW", raising=False)  # as on Windows
    test_a_symbolic_link_in_a_bundle_is_refused(tmp_path, file)


def test_current_does_not_follow_a_version_that_is_a_symbolic_link(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="symbolic link"):
        open_bundle(tmp_path / "prospect-fit")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_a_pipe_in_a_bundle_is_refused_without_hanging(tmp_path: Path) -> None:
    path = write(tmp_path)
    (path / "manifest.json").unlink()
    os.mkfifo(path / "manifest.json")
    with pytest.raises(BundleError, match="not a plain file"):
        open_bundle(path)


@pytest.mark.parametrize(
    "text", ["../../elsewhere", "", "x" * 10_000, "20260101-000000-0000000Z", "\0"]
)
def test_a_pointer_to_something_other_than_a_version_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path)
    (tmp_path / "prospect-fit" / "current").write_text(text)
    with pytest.raises(BundleError, match="is not a version"):
        open_bundle(tmp_path / "prospect-fit")


def test_a_version_renamed_to_another_is_refused_by_current(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.rename(path.with_name("20990101-000000-00000000"))
    (tmp_path / "prospect-fit" / "current").write_text("20990101-000000-00000000")
    with pytest.raises(BundleError, match="holds another version"):
        open_bundle(tmp_path / "prospect-fit")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not the JSON"),
        ("[]", "not a JSON object"),
        ('{"format": 1', "not the JSON"),
        ('{"format": NaN}', "NaN is not JSON"),
        ('{"format": 1, "format": 2}', "appears twice"),
        ('{"format": 2}', r"format 2; this fitmodel \(.*\) reads \[1\]"),
        ('{"format": true}', "format True"),
        ('{"format": [1]}', "format"),
        ('{"format": 1}', "'name' is missing"),
        ("[" * 200_000, "not the JSON"),
        ('{"a": 1' + "0" * 5000 + "}", "not the JSON"),
    ],
)
def test_an_invalid_manifest_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path)
    (path / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match=message):
        open_bundle(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": 3},
        {"version": "latest"},
        {"created_at": "yesterday"},
        {"created_at": "2026-01-31T12:00:00"},
        {"files": []},
        {"files": {"a.json": {}}},
        {"files": {"a.json": {"sha256": "0" * 63, "size": 1}}},
        {"files": {"a.json": {"sha256": "0" * 64, "size": -1}}},
        {"files": {"a.json": {"sha256": "0" * 64, "size": 2**40}}},
        {"files": {"a.json": {"sha256": "0" * 64, "size": True}}},
        {"files": {f"a{n}": {"sha256": "0" * 64, "size": 1} for n in range(1000)}},
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = write(tmp_path)
    change_manifest(path, **changes)
    with pytest.raises(BundleError, match=f"'{next(iter(changes))}' is missing or wrong"):
        open_bundle(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda stated: stated.update(policy="flags from 90%"),
        lambda stated: stated.update(created_at="2020-01-01T00:00:00+00:00"),
        lambda stated: stated.pop("fitmodel"),
        lambda stated: stated.update(note="added"),
        lambda stated: stated.update(digest="0" * 64),
        lambda stated: stated.update(digest=None),
        lambda stated: stated.update(note=float("inf")),
    ],
)
def test_a_manifest_edited_by_hand_is_refused_without_a_key_too(
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    path = write(tmp_path)
    stated = json.loads((path / "manifest.json").read_text())
    change(stated)
    text = json.dumps(stated).replace("Infinity", "1e999")  # JSON that is read as infinity
    (path / "manifest.json").write_text(text)

    with pytest.raises(
        BundleError, match="manifest.json: the manifest was changed after it was wri"
    ):
        open_bundle(path)


def test_a_manifest_written_in_another_layout_or_without_a_digest_is_read(tmp_path: Path) -> None:
    """Bundles of 0.1.0 have no digest; only a signing key protects from somebody who removes it."""
    path = write(tmp_path, manifest=FACTS | {"text": "ü \ud800 𝄞", "number": 0.1 + 0.2})
    before = dict(open_bundle(path).manifest)
    stated = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps(dict(reversed(stated.items())), indent=7))
    assert dict(open_bundle(path).manifest) == before

    del stated["digest"]
    (path / "manifest.json").write_text(json.dumps(stated | {"policy": "another"}))
    assert open_bundle(path).manifest["policy"] == "another"


@pytest.mark.parametrize("field", ["name", "version", "created_at", "files", "format"])
def test_an_error_of_the_manifest_names_the_file_and_the_remedy(tmp_path: Path, field: str) -> None:
    path = write(tmp_path)
    stated = json.loads((path / "manifest.json").read_text())
    del stated[field]
    (path / "manifest.json").write_text(json.dumps(stated))
    with pytest.raises(BundleError) as caught:
        open_bundle(path)
    assert str(caught.value).startswith(str(path / "manifest.json"))
    assert "Remedy: " in str(caught.value)


def test_a_too_large_manifest_is_not_read_completely(tmp_path: Path) -> None:
    path = write(tmp_path)
    with (path / "manifest.json").open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(BundleError, match="is larger than 8,388,608 bytes"):
        open_bundle(path)


def opens_or_is_refused(content: bytes, path: Path) -> None:
    (path / "manifest.json").write_bytes(content)
    with contextlib.suppress(BundleError):
        bundle = open_bundle(path)
        for file in bundle.files:
            bundle.read(file)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)
FIELDS = st.sampled_from(["format", "name", "version", "created_at", "files", "spec"])


@pytest.mark.slow
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(FIELDS, ANY_JSON, min_size=1), junk=st.binary(max_size=30))
def test_any_manifest_gives_a_bundle_or_a_bundle_error(
    tmp_path: Path, changes: dict[str, Any], junk: bytes
) -> None:
    path = tmp_path / "any"
    if not path.exists():
        write(tmp_path).rename(path)
        (path / "manifest.json").rename(tmp_path / "whole.json")
    whole = (tmp_path / "whole.json").read_bytes()
    at = len(junk) * 7 % len(whole)
    opens_or_is_refused(json.dumps(json.loads(whole) | changes).encode(), path)
    opens_or_is_refused(junk, path)
    opens_or_is_refused(whole[:at] + junk + whole[at + 1 :], path)


# --- signing


def test_a_signed_bundle_opens_only_with_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITMODEL_SIGNING_KEY", "right")
    path = write(tmp_path)
    assert open_bundle(path).read("card.md") == FILES["card.md"]
    monkeypatch.setenv("FITMODEL_SIGNING_KEY", "wrong")
    with pytest.raises(BundleError, match="signature does not hold"):
        open_bundle(path)
    monkeypatch.delenv("FITMODEL_SIGNING_KEY")
    assert open_bundle(path).read("card.md") == FILES["card.md"]


def test_with_a_key_changed_and_unsigned_bundles_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITMODEL_SIGNING_KEY", "right")
    path = write(tmp_path)
    change_manifest(path, metrics={"roc_auc": 0.99})
    with pytest.raises(BundleError, match="signature does not hold"):
        open_bundle(path)
    (path / "manifest.hmac").unlink()
    with pytest.raises(BundleError, match="is not signed"):
        open_bundle(path)


# --- unpickling of the estimator


class Estimator:
    """A stand-in for a fitted estimator."""

    coefficient = 2.0


class RunsCode:
    """An attack: unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_the_fitted_estimator_is_read_back(tmp_path: Path) -> None:
    path = with_estimator(tmp_path, {"coefficient": np.arange(3)})
    assert load_estimator(path)["coefficient"].tolist() == [0, 1, 2]
    assert load_estimator(path.parent)["coefficient"].tolist() == [0, 1, 2]


def test_the_estimator_of_an_older_bundle_is_read_back_under_its_old_name(tmp_path: Path) -> None:
    old, new = (pickled([name]) for name in ("old", "new"))
    path = write(tmp_path, files=FILES | {"workbench.joblib": old})
    assert load_estimator(path) == ["old"]
    both = write(tmp_path, files=FILES | {"workbench.joblib": old, "estimator.joblib": new})
    assert load_estimator(both) == ["new"]


def test_opening_and_reading_a_bundle_unpickles_nothing(tmp_path: Path) -> None:
    bundle = open_bundle(with_estimator(tmp_path, RunsCode(tmp_path / "trap")))
    for file in bundle.files:
        bundle.read(file)
    assert not (tmp_path / "trap").exists()


def test_a_changed_estimator_file_is_not_unpickled(tmp_path: Path) -> None:
    path = with_estimator(tmp_path, [1, 2])
    (path / "estimator.joblib").write_bytes(pickled(RunsCode(tmp_path / "trap")))
    with pytest.raises(BundleError, match=r"estimator.joblib"):
        load_estimator(path)
    assert not (tmp_path / "trap").exists()


def test_with_a_key_an_estimator_file_without_its_signature_is_not_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = with_estimator(tmp_path, RunsCode(tmp_path / "trap"))
    monkeypatch.setenv("FITMODEL_SIGNING_KEY", "right")
    with pytest.raises(BundleError, match="is not signed"):
        load_estimator(path)
    assert not (tmp_path / "trap").exists()


def test_the_error_for_an_unreadable_estimator_names_the_versions_that_wrote_it(
    tmp_path: Path,
) -> None:
    garbage = write(tmp_path, files={"estimator.joblib": b"\x80\x05garbage"})
    with pytest.raises(BundleError, match=r"was written with Python .* train again"):
        load_estimator(garbage)
    with pytest.raises(BundleError, match=r"has no file 'estimator.joblib'"):
        load_estimator(write(tmp_path))


def test_opening_a_bundle_imports_only_the_standard_library() -> None:
    code = (
        "import sys, fitmodel.bundle.store;"
        "heavy = {'numpy', 'pandas', 'joblib', 'sklearn', 'mlflow', 'pydantic'} & set(sys.modules);"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - the program above
