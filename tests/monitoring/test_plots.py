"""Plots of drift have a marker and a word for every verdict, in both languages."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
import pytest

from fitmodel.monitoring.plots import COLOURS, MAX_BARS, plot_drift, plot_drift_by_month

mpl.use("agg")
VERDICTS = ["drift", "moved", "unclear", "stable"]
WORDS = {
    "en": ["drift", "moved", "unclear", "stable"],
    "zh": ["漂移", "有变动", "不明", "稳定"],
}


def drift(verdicts: list[str]) -> pd.DataFrame:
    n = len(verdicts)
    return pd.DataFrame(
        {
            "attribute": [f"a{number:02}" for number in range(n)],
            "group": [f"2026-{1 + number % 3:02}" for number in range(n)],
            "index": [0.9 - 0.01 * number for number in range(n)],
            "deviation": [0.05] * n,
            "verdict": verdicts,
        }
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_verdict_has_a_colour_and_a_word(language: str) -> None:
    ax = plot_drift(drift(VERDICTS), language=language)
    words = {text.get_text() for text in ax.get_legend().get_texts()}
    colours = {mpl.colors.to_hex(bar.get_facecolor()) for bar in ax.patches}

    assert words == set(WORDS[language])
    assert colours == set(COLOURS.values())
    assert set(COLOURS) == set(VERDICTS)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a03", "a02", "a01", "a00"]
    assert [round(bar.get_width(), 2) for bar in sorted(ax.patches, key=lambda b: b.get_y())] == [
        0.87, 0.88, 0.89, 0.9,
    ]  # fmt: skip


def test_unused_verdicts_are_not_in_the_legend() -> None:
    ax = plot_drift(drift(["stable", "drift"]))
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {"drift", "stable"}


def test_only_the_attributes_with_the_largest_drift_are_drawn() -> None:
    ax = plot_drift(drift(["stable"] * (MAX_BARS + 5)))
    assert len(ax.patches) == MAX_BARS
    assert min(bar.get_width() for bar in ax.patches) > 0.9 - 0.01 * MAX_BARS


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_verdict_of_a_month_except_stable_has_a_shape_and_a_word(language: str) -> None:
    ax = plot_drift_by_month(drift(VERDICTS), language=language)
    marks = dict(zip(WORDS[language], ax.collections, strict=False))

    assert [text.get_text() for text in ax.get_legend().get_texts()] == WORDS[language][:3]
    assert [len(marks[word].get_offsets()) for word in WORDS[language][:3]] == [1, 1, 1]
    rows = [text.get_text() for text in ax.get_yticklabels()]
    months = [text.get_text() for text in ax.get_xticklabels()]
    assert months == ["2026-01", "2026-02", "2026-03"]
    for word, number in zip(WORDS[language], range(3), strict=False):
        (offset,) = marks[word].get_offsets().tolist()
        assert offset == [number, rows.index(f"a{number:02}")]
    shapes = {len(marks[word].get_paths()[0].vertices) for word in WORDS[language][:2]}
    assert len(shapes) == 2, "told apart without colour"
