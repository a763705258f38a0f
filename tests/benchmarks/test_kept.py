"""A benchmark that was stopped goes on where it was."""

from __future__ import annotations

from _kept import KeptResults


def _fail() -> None:
    raise AssertionError("measured again")


def test_what_was_measured_is_not_measured_again(tmp_path) -> None:
    path = tmp_path / "kept.jsonl"
    assert KeptResults(path).get("a", lambda: [0.1, 2]) == [0.1, 2]
    assert KeptResults(path).get("a", _fail) == [0.1, 2]


def test_a_line_that_was_cut_is_measured_again(tmp_path) -> None:
    path = tmp_path / "kept.jsonl"
    KeptResults(path).get("a", lambda: 1)
    path.write_text(path.read_text() + '\n{"key": "b", "res')
    assert KeptResults(path).get("b", lambda: 2) == 2
    assert KeptResults(path).get("a", _fail) == 1


def test_without_a_file_nothing_is_kept() -> None:
    assert KeptResults(None).get("a", lambda: 1) == 1
    assert KeptResults(None).get("a", lambda: 2) == 2
