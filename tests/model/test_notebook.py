"""HTML for notebooks: escaped texts and proportional bars."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from fitmodel.model._notebook import (
    BAND_COLOURS,
    LOWERS,
    RAISES,
    assessment_html,
    model_html,
    rows_html,
)
from fitmodel.model.wording import Wording


def _shown(*contributions: float, fit: str = "good") -> SimpleNamespace:
    reasons = [
        SimpleNamespace(contribution=each, sentence=f"<i>reason {position}</i>")
        for position, each in enumerate(contributions)
    ]
    return SimpleNamespace(fit=fit, sentences=["<b>verdict</b>", "a & b"], reasons=reasons)


@pytest.mark.parametrize("fit", ["good", "watch", "poor"])
def test_the_border_has_the_colour_of_the_fit(fit: str) -> None:
    assert f"border-left:.35em solid {BAND_COLOURS[fit]};" in assessment_html(_shown(fit=fit))
    assert len(set(BAND_COLOURS.values())) == 3


def test_every_text_is_escaped_and_the_verdict_is_first() -> None:
    html = assessment_html(_shown(1.0))
    assert "<i>" not in html
    assert "&lt;i&gt;reason 0&lt;/i&gt;" in html
    assert html.index("&lt;b&gt;verdict&lt;/b&gt;</b>") < html.index("a &amp; b")


def test_bars_are_proportional_and_coloured_by_direction() -> None:
    html = assessment_html(_shown(-2.0, 1.0, 0.5))
    bars = re.findall(r"background:(#\w+);width:([\d.]+)em", html)
    assert bars == [(LOWERS, "7.00"), (RAISES, "3.50"), (RAISES, "1.75")]
    assert RAISES != LOWERS


def test_without_reasons_there_is_no_table() -> None:
    assert "<table" not in assessment_html(_shown())
    assert rows_html("T & t", []) == "<b>T &amp; t</b>"


def test_names_and_values_of_rows_are_escaped() -> None:
    html = rows_html("T", [("<a>", 5), ("b", "<x>")])
    cells = re.findall(r"<td [^>]*>(.*?)</td>", html)
    assert cells == ["&lt;a&gt;", "5", "b", "&lt;x&gt;"]


def _model(**manifest: object) -> SimpleNamespace:
    scorer = SimpleNamespace(
        version="v7", wording=Wording(), scorecard=SimpleNamespace(base_rate=0.124),
        policy=SimpleNamespace(description="", kind="threshold"),
    )  # fmt: skip
    return SimpleNamespace(manifest=manifest, scorer=scorer, attributes=("plan", "seats"))


def test_a_model_shows_its_metadata() -> None:
    html = model_html(
        _model(period=["2023-01-01", "2024-01-01"], metrics={"log_loss": 0.3456, "roc_auc": 0.7})
    )
    cells = re.findall(r"<td [^>]*>(.*?)</td>", html)
    assert dict(zip(cells[::2], cells[1::2], strict=True)) == {
        "version": "v7",
        "learned from deals of": "2023-01-01 \N{EN DASH} 2024-01-01",
        "leave early": "12%",
        "policy": "threshold",
        "attributes": "plan, seats",
        "log_loss": "0.346",
        "roc_auc": "0.700",
    }


def test_missing_metadata_of_a_model_is_left_out() -> None:
    html = model_html(_model())
    assert "learned from" not in html
    assert "log_loss" not in html
    model = _model()
    model.scorer.policy.description = "flags above 30%"
    assert "flags above 30%" in model_html(model)
    assert "threshold" not in model_html(model)
