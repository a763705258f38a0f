"""Warnings of lost and of kept deals, compared with counts by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from fitmodel.sales._missed import MIN_WITH_SIGNAL, _compared, _signals
from fitmodel.sales._segments import Segment, Segmented

Z = norm.ppf(0.975)


@pytest.mark.parametrize(
    ("lost_with", "lost", "kept_with", "kept"), [(8, 20, 10, 100), (1, 20, 30, 100), (5, 5, 9, 9)]
)
def test_the_interval_of_the_ratio_is_katz_log_interval(lost_with, lost, kept_with, kept) -> None:
    figures = _compared(lost_with, lost, kept_with, kept)
    ratio = (lost_with / lost) / (kept_with / kept)
    error = math.sqrt(1 / lost_with - 1 / lost + 1 / kept_with - 1 / kept)

    assert figures["ratio"] == pytest.approx(ratio)
    assert figures["ratio_low"] == pytest.approx(ratio * math.exp(-Z * error))
    assert figures["ratio_high"] == pytest.approx(ratio * math.exp(Z * error))
    assert figures["lost_share"] == pytest.approx(lost_with / lost)
    assert figures["kept_share"] == pytest.approx(kept_with / kept)


def test_a_signal_found_only_in_lost_deals_has_no_upper_limit() -> None:
    figures = _compared(12, 20, 0, 50)

    assert figures["ratio"] == figures["ratio_high"] == np.inf
    assert np.isnan(figures["ratio_low"])
    assert figures["kept_share"] == 0
    assert np.isnan(_compared(12, 20, 0, 0)["kept_share"])


def signals(codes, warned, lost):
    codes, warned, lost = (np.asarray(each) for each in (codes, warned, lost))
    group = Segmented(
        ((Segment("plan", level="a"),), (Segment("plan", level="b"),)), codes.astype(np.int64)
    )
    return {
        part.level: (figures["lost_with"], figures["lost"], figures["kept_with"], figures["kept"])
        for part, figures in _signals(
            group, warned.astype(bool), lost.astype(bool), ~lost.astype(bool)
        )
    }


def test_only_deals_of_the_segment_with_the_warning_are_counted() -> None:
    codes = [0] * 15 + [1] * 15 + [-1] * 2
    warned = [1] * 12 + [0] * 3 + [1] * 15 + [1] * 2
    lost = ([1] * 4 + [0] * 11) + ([1] * 2 + [0] * 13) + [1, 0]

    assert signals(codes, warned, lost) == {"a": (4, 7, 8, 25), "b": (2, 7, 13, 25)}


def test_a_signal_needs_ten_deals_and_one_lost_deal() -> None:
    lost = [1] + [0] * (MIN_WITH_SIGNAL - 1)
    zeros = [0] * MIN_WITH_SIGNAL

    assert set(signals(zeros, [1] * MIN_WITH_SIGNAL, lost)) == {"a"}
    assert signals(zeros, [1] * (MIN_WITH_SIGNAL - 1) + [0], lost) == {}
    assert signals(zeros, [1] * MIN_WITH_SIGNAL, [0] * MIN_WITH_SIGNAL) == {}
