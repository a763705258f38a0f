"""The evaluation report: verdict on skill, text, HTML, plots and JSON without any deal."""

from __future__ import annotations

import copy
import json
import math
import pickle
import re
from dataclasses import FrozenInstanceError, replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fitmodel.evaluation._calibration import compute_calibration
from fitmodel.evaluation._groups import compute_subgroups
from fitmodel.evaluation._pages import WIDTH, Page, as_json, number
from fitmodel.evaluation.backtest import compute_backtest
from fitmodel.evaluation.metrics import (
    Metric,
    compute_metrics,
    describe_decay,
    describe_skill,
    shows_skill,
)
from fitmodel.evaluation.report import TrainingReport

FIELDS = {
    "method", "split_date", "n_deals", "n_mature", "n_censored", "n_early_churners", "base_rate",
    "period", "n_train", "n_test", "effective_sample_size", "capped_weights", "metrics",
    "calibration", "candidates", "black_box_gap", "leakage", "subgroups", "policy", "flagged",
    "notes", "has_skill", "verdict", "level", "pooled_groups", "reproduce", "regime",
    "association", "glass_box_cost", "changes",
}  # fmt: skip


@pytest.fixture
def report(evaluated):
    attributes = pd.DataFrame({"segment": np.where(evaluated.p > 0.2, "smb", "large")})
    predictions = pd.DataFrame(
        {"early_churn": evaluated.y, "probability": evaluated.p, "weight": evaluated.weight}
    )
    return TrainingReport(
        method="out-of-time",
        split_date=pd.Timestamp("2025-03-01"),
        n_deals=5000,
        n_mature=4200,
        n_censored=800,
        n_early_churners=900,
        base_rate=0.2143,
        period=(pd.Timestamp("2023-01-02").date(), pd.Timestamp("2026-06-30").date()),
        n_train=2600,
        n_test=1500,
        effective_sample_size=1400.5,
        capped_weights=0,
        metrics=compute_metrics(
            evaluated.y, evaluated.p, weight=evaluated.weight, base_rate=0.2, n_boot=50
        ),
        calibration=compute_calibration(evaluated.y, evaluated.p, evaluated.weight),
        candidates=pd.DataFrame({"candidate": ["logistic"], "log_loss": [math.nan]}),
        black_box_gap=Metric("log_loss_difference", -0.0031, -0.011, 0.005, 0.0),
        leakage=pd.DataFrame({"attribute": ["csat"], "verdict": ["warn"]}),
        subgroups=compute_subgroups(attributes, evaluated.y, evaluated.p, evaluated.weight),
        policy="Flags the riskiest 10% of deals.",
        flagged={"share_flagged": 0.1, "precision": math.nan, "saved": 123_456.7},
        notes=("41 deals had no amount.",),
        predictions=predictions,
    )


def with_skill(report, low, high):
    skill = Metric("log_loss_skill", (low + high) / 2, low, high, 0.0, 100)
    return replace(report, metrics={**report.metrics, "log_loss_skill": skill})


@pytest.fixture(scope="module")
def backtest(make_deals, spec, logistic):
    return compute_backtest(
        make_deals(),
        spec,
        logistic,
        n_cuts=3,
        flag=lambda p, _: p > 0.4,
        money=SimpleNamespace(
            own_months=None,
            value_if_stays=lambda amount, _: amount,
            value_if_leaves=lambda amount, _: -amount,
        ),
        n_boot=30,
    )


@pytest.mark.parametrize(
    ("low", "high", "skill", "begins"),
    [
        (0.01, 0.03, True, "evidence of skill: log loss gained on the level alone 0.0200 (95% in"),
        (-0.01, 0.03, False, "no evidence of skill: log loss gained on the level alone 0.0100, a"),
        (0.0, 0.03, False, "no evidence of skill"),
        (-0.03, -0.01, False, "no evidence of skill: WORSE than the level alone"),
        (math.nan, math.nan, False, "no evidence of skill"),
    ],
)
def test_skill_needs_an_interval_above_0(report, low, high, skill, begins):
    evaluated = with_skill(report, low, high)
    assert evaluated.metrics["roc_auc"].low > 0.5
    assert evaluated.has_skill is skill
    assert evaluated.verdict.startswith(begins)


@pytest.mark.parametrize(
    ("low", "skill"), [(0.51, True), (0.5, False), (0.47, False), (math.nan, False)]
)
def test_a_gain_without_discrimination_is_not_skill(report, low, skill):
    auc = Metric("roc_auc", low + 0.05, low, low + 0.1, 0.5)
    evaluated = with_skill(report, 0.01, 0.03)
    evaluated = replace(evaluated, metrics={**evaluated.metrics, "roc_auc": auc})
    assert evaluated.has_skill is skill
    if not skill:
        assert evaluated.verdict.startswith("no evidence of skill: ROC AUC")
        assert evaluated.verdict.endswith("includes chance (0.50)")


def test_a_gain_from_the_level_alone_is_not_skill():
    """Trained at 30%, it knows that the level is 10% now and does not discriminate."""
    random = np.random.default_rng(0)
    y = (random.random(1_500) < 0.1).astype(float)
    p = np.clip(random.normal(0.1, 0.01, 1_500), 0.02, 0.3)
    result = compute_metrics(y, p, base_rate=0.3, n_boot=200)
    assert result["log_loss_skill"].low > 0.05
    assert not shows_skill(result)
    assert describe_skill(result).startswith("no evidence of skill: ROC AUC 0.")


def test_the_verdict_says_if_the_interval_includes_the_level_alone(report):
    words = with_skill(report, -0.01, 0.03).verdict
    assert words.endswith("the 95% interval -0.0100 to 0.0300 includes the level alone")


def test_decay_is_reported_only_if_it_is_significant():
    assert describe_decay(Metric("d", 0.02, 0.01, 0.03, 0.0)).startswith("an older model is worse")
    assert describe_decay(Metric("d", 0.02, -0.01, 0.05, 0.0)).startswith("no evidence")


def test_only_a_verdict_without_skill_is_a_warning(report):
    assert with_skill(report, 0.01, 0.02).warnings == report.notes
    without = with_skill(report, -0.01, 0.02)
    assert without.warnings == (without.verdict, *report.notes)


def test_a_report_is_frozen(report):
    with pytest.raises(FrozenInstanceError):
        report.n_deals = 1


def test_a_report_can_be_copied_and_pickled(report, backtest):
    for each in (report, backtest):
        before = json.dumps(each.to_dict())
        assert json.dumps(copy.deepcopy(each).to_dict()) == before
        revived = pickle.loads(pickle.dumps(each))  # noqa: S301  made one line above
        assert json.dumps(revived.to_dict()) == before


def test_the_dict_can_be_written_as_json_and_contains_no_deals(report):
    result = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert set(result) == FIELDS
    assert result["split_date"] == "2025-03-01"
    assert result["period"] == ["2023-01-02", "2026-06-30"]
    assert result["metrics"]["calibration_slope"]["base"] is None
    assert result["flagged"]["precision"] is None
    assert len(result["calibration"]) == 10
    assert result["candidates"] == [{"candidate": "logistic", "log_loss": None}]


def test_the_verdict_of_a_provisional_model_begins_with_its_regime(report):
    provisional = replace(report, regime="provisional", n_early_churners=23)
    assert provisional.verdict.startswith(
        "provisional model, learned from 23 early churners: " + report.verdict[:8]
    )
    assert provisional.to_dict()["regime"] == "provisional"
    assert provisional.has_skill == report.has_skill


def test_a_provisional_model_has_no_skill_if_chance_explains_it(report):
    lucky = replace(report, regime="provisional", association=0.2)
    assert shows_skill(lucky.metrics)
    assert not lucky.has_skill
    assert "no evidence of skill: chance alone" in lucky.verdict
    assert lucky.warnings[0] == lucky.verdict
    assert replace(lucky, association=0.01).has_skill


def test_the_text_is_short_and_contains_the_main_results(report):
    text = str(report)
    lines = text.splitlines()
    assert len(lines) <= 25
    assert max(map(len, lines)) <= WIDTH == 80
    in_one_line = " ".join(text.split())
    for part in (
        "out-of-time, split on 2025-03-01",
        report.verdict,
        "5,000 signed 2023-01-02 to 2026-06-30: 4,200 known (900 left early), 800 not known yet",
        "21.4% leave early",
        "1,500 deals, by a model of 2,600 others",
        "ROC AUC",
        "log loss -0.0031 (-0.0110 to +0.0050) against a tuned gradient boosting",
        "Flags the riskiest 10% of deals.",
        "share flagged 10.0%, precision -, saved 123,457",
        "41 deals had no amount.",
    ):
        assert part in in_one_line


def test_the_texts_of_a_long_report_are_whole_and_wrapped(report):
    policy = " ".join(f"word{number}" for number in range(200))
    notes = tuple(f"note {number}: see models/prospect-fit/{'9' * 90}" for number in range(9))
    long = replace(report, policy=policy, notes=notes)
    lines = str(long).splitlines()
    in_one_line = " ".join(str(long).split())
    assert policy in in_one_line
    assert all(note in in_one_line for note in notes[:3])
    assert "…" not in str(long)
    assert all(len(line) <= WIDTH or "9" * 90 in line for line in lines)  # a path is not broken


def test_only_the_first_notes_of_a_report_are_printed(report):
    text = str(replace(report, notes=tuple(f"note {number}" for number in range(9))))
    assert [f"note {number}" in text for number in range(9)] == [True] * 3 + [False] * 6
    assert "and 6 more, in .notes" in text
    assert len(text.splitlines()) <= 28


def test_a_report_without_dates_contains_no_dates(report):
    text = str(replace(report, method="cross-validation", split_date=None, period=(None, None)))
    assert "(cross-validation)" in text
    assert "signed" not in text


def test_the_repr_is_one_line_with_the_verdict(report, backtest):
    assert repr(report) == f"<TrainingReport: {report.verdict}>"
    assert repr(backtest) == f"<BacktestReport: {backtest.verdict}>"


class Tags(HTMLParser):
    """Checks that every tag is closed, and keeps the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text_read = [], ""

    def handle_starttag(self, tag, _attributes):
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.text_read += text


def test_the_html_is_valid_contains_the_text_and_uses_the_colours_of_the_page(report, backtest):
    for each in (report, backtest):
        markup = each._repr_html_()
        parser = Tags()
        parser.feed(markup)
        assert parser.open == []
        assert each.verdict in parser.text_read
        assert set(re.findall(r"\bcolor:(\w+)", markup)) == {"inherit"}  # dark themes stay dark
        assert set(re.findall(r"background:(\w+)", markup)) == {"transparent"}


def test_html_in_user_texts_is_escaped(report):
    evil = "<script>alert(1)</script>"
    markup = replace(report, policy=evil, notes=(evil,), flagged={evil: 1.0})._repr_html_()
    assert "<script" not in markup
    assert "&lt;script&gt;" in markup


@pytest.mark.full_training
def test_the_figures_are_those_tracked_by_a_training(report):
    drawn = {"roc", "precision_recall", "calibration", "bands", "gains"}
    drawn |= {"smooth_calibration", "decision_curve"}
    assert drawn <= set(report.figures())
    assert "money_curve" not in replace(report, money_curve=pd.DataFrame()).figures()


def test_a_backtest_prints_a_row_per_cut_and_the_money_of_its_flags(backtest):
    lines = str(backtest).splitlines()
    assert len(lines) <= 25
    assert max(map(len, lines)) <= WIDTH
    assert lines[0].startswith("Backtest: 3 cuts, 20")
    dates = [f"{date:%Y-%m-%d}" for date in backtest.cuts["date"]]
    assert [line.split()[0] for line in lines if line[:4].isdigit()] == dates
    assert "net low" in str(backtest)


def test_the_json_of_a_backtest_contains_no_deals(backtest):
    result = json.loads(json.dumps(backtest.to_dict(), allow_nan=False))
    assert set(result) == {
        "has_skill", "verdict", "metrics", "notes", "cuts", "ageing", "decay", "money",
    }  # fmt: skip
    assert len(result["cuts"]) == 3
    assert result["money"][-1]["cut"] == "all"


def test_a_backtest_has_plots_of_stability_and_ageing(backtest):
    assert {"stability", "ageing", "roc", "calibration"} <= set(backtest.figures())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.inf, None),
        (np.float64("nan"), None),
        (np.int64(3), 3),
        (np.bool_(1), True),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.Timestamp("2025-03-01"), "2025-03-01"),
        (pd.Timestamp("2025-03-01 12:30"), "2025-03-01T12:30:00"),
        (np.array([1.0, math.nan]), [1.0, None]),
        ({1: (2, "x")}, {"1": [2, "x"]}),
        (ValueError("odd"), "odd"),
    ],
)
def test_values_are_converted_to_json(value, expected):
    assert as_json(value) == expected
    json.dumps(as_json(value), allow_nan=False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.1235"),
        (-3.0, "-3"),
        (123_456.7, "123,457"),
        (math.nan, "-"),
        (math.inf, "-"),
    ],
)
def test_numbers_are_written_with_few_digits(value, text):
    assert number(value) == text


def test_a_page_wraps_long_texts_under_their_label():
    page = Page("title", "verdict", (("fact", "word " * 40),), ("a", "b"), (("1", "2"),))
    lines = page.text().splitlines()
    assert lines[2].startswith("fact  word")
    assert lines[3].startswith("      word")
    assert lines[-2:] == ["a  b", "1  2"]
