"""Plots as SVG that use only the colour tokens of the page."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from fitmodel.evaluation.drawing import new_axes
from fitmodel.evaluation.figures import plot_calibration, plot_table
from fitmodel.monitoring.plots import plot_drift, plot_drift_by_month
from fitmodel.reports._drawing import WIDTH, as_svg
from fitmodel.sales.plots import plot_funnel
from fitmodel.sales.rep_performance import compute_rep_performance

mpl.use("agg")
WICKED = '"><script>alert(1)</script>\x01\ud800 $a_{$'


@pytest.fixture(scope="module")
def axes(learned_on):
    from fitmodel.datasets.simulation import simulate_deals

    simulation = simulate_deals(700, seed=5)
    scorecard = learned_on(700, seed=5).scorecard
    numbers = pd.DataFrame(
        {
            "attribute": ["seats", "region"] * 2,
            "group": ["2026-01", "2026-01", "2026-02", "2026-02"],
            "index": [0.4, 0.05, 0.2, 0.12],
            "deviation": [0.05] * 4,
            "verdict": ["drift", "stable", "unclear", "drift"],
        }
    )
    bins = {"mean_predicted": [0.1, 0.4], "observed": [0.12, 0.35], "count": [50, 40]}
    bins |= {"observed_low": [0.05, 0.2], "observed_high": [0.2, 0.5]}
    board = compute_rep_performance(simulation.deals, simulation.spec, simulation.true_probability)
    return {
        "funnel": plot_funnel(board),
        "number": plot_table(scorecard, "seats"),
        "level": plot_table(scorecard, "lead_source"),
        "drift": plot_drift(numbers.head(2)),
        "months": plot_drift_by_month(numbers),
        "calibration": plot_calibration(pd.DataFrame(bins)),
    }


@pytest.mark.parametrize("name", ["funnel", "number", "level", "drift", "months", "calibration"])
def test_every_colour_is_a_token_and_nothing_is_loaded(axes, name) -> None:
    text = str(as_svg(axes[name]).markup("what it shows"))
    assert "style=" not in text
    assert "http" not in text
    values = re.findall(r'(?:fill|stroke)="([^"]*)"', text)
    assert values
    assert all(value == "none" or value.startswith("var(--") for value in values)
    links = re.findall(r'href="([^"]*)"', text)
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    assert text.startswith('<svg role="img" viewBox="0 0')
    assert 'aria-label="what it shows"' in text


@pytest.mark.parametrize("name", ["funnel", "number", "level", "drift", "calibration"])
def test_a_plot_is_as_wide_as_a_phone_shows_it_with_letters_of_their_size(axes, name) -> None:
    text = str(as_svg(axes[name]).markup(""))
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', text)[1])
    assert width == pytest.approx(72 * WIDTH)
    assert width < 360  # pixels of a small phone
    assert min(map(float, re.findall(r'font-size="([\d.]+)"', text))) >= 8


class Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag, _attrs) -> None:
        self.tags.add(tag)

    def handle_data(self, data) -> None:
        self.words.append(data)


def test_a_name_with_special_characters_is_escaped() -> None:
    ax = new_axes()
    ax.plot([1, 2], [3, 4])
    ax.annotate(WICKED, (1, 3), parse_math=False)
    read = Words()
    read.feed(str(as_svg(ax).markup('"><img src=x>')))
    assert "script" not in read.tags
    assert "img" not in read.tags
    assert any("<script>alert(1)</script>" in word for word in read.words)


def test_a_mark_that_turns_words_is_replaced() -> None:
    ax = new_axes()
    ax.set_title("Kim\u202egnp.exe (174 deals)")
    read = Words()
    read.feed(str(as_svg(ax).markup("")))
    assert "Kim\ufffdgnp.exe (174 deals)" in read.words


def test_plots_that_are_drawn_at_once_keep_their_text_and_warn_of_no_letter() -> None:
    def drawn(number: int) -> str:
        ax = new_axes()
        ax.set_title(f"渠道 {number}")
        return str(as_svg(ax).markup(""))

    with ThreadPoolExecutor(4) as pool:
        for number, text in enumerate(pool.map(drawn, range(24))):
            assert f"渠道 {number}" in text


def test_a_logarithmic_axis_has_plain_numbers() -> None:
    ax = new_axes()
    ax.plot([1, 10, 1000], [1, 2, 3])
    ax.set_xscale("log")
    read = Words()
    read.feed(str(as_svg(ax).markup("")))
    assert {"1", "10", "100", "1,000"} <= {word.strip() for word in read.words}


def test_two_plots_have_different_ids_and_the_same_plot_gives_the_same_svg() -> None:
    def drawn(top: float) -> str:
        ax = new_axes()
        ax.plot(np.arange(3), [0, 1, top], "o")
        return str(as_svg(ax).markup(""))

    names = [set(re.findall(r' id="([^"]*)"', drawn(top))) for top in (2.0, 3.0)]
    assert names[0]
    assert names[0].isdisjoint(names[1])
    assert drawn(2.0) == drawn(2.0)
