"""The monitoring page: drift, cohorts, overrides and deals drawn at random; its tables as CSV."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fitmodel.language.catalogue import phrases
from fitmodel.monitoring.changes import change_text
from fitmodel.monitoring.drift import SCORE, TOLERATED
from fitmodel.monitoring.plots import plot_drift, plot_drift_by_month
from fitmodel.reports._drawing import WIDTH, as_svg
from fitmodel.reports.html import render, safe_csv

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from fitmodel.language.catalogue import Say
    from fitmodel.model.wording import Wording
    from fitmodel.monitoring.report import MonitoringReport


MAX_PLOTTED = 12
"""Number of attributes in the plot; the table has all attributes."""
MANY_UNSEEN = 0.05  # share of deals with a level that the training deals did not have


def monitoring_files(report: MonitoringReport, language: str = "en") -> dict[str, str]:
    """Return the page and its tables as text by file name: index.html, drift.csv, cohorts.csv."""
    files = {
        "index.html": monitoring_page(report, language),
        "drift.csv": safe_csv(report.drift.set_index("attribute")),
    }
    if report.cohorts is not None:
        files["cohorts.csv"] = safe_csv(report.cohorts)
    return files


def monitoring_page(report: MonitoringReport, language: str = "en") -> str:
    """Return a monitoring report as a self-contained HTML page in which every value is escaped.

    Parameters
    ----------
    report : MonitoringReport
        Result of `fitmodel.monitoring.report.monitor`.
    """
    return render("monitoring.html.j2", language=language, **_values(report, language))


def monitoring_part(report: MonitoringReport, language: str = "en") -> tuple[str, str]:
    """Return the text on the basis of the page, and the rest of the page as a fragment of HTML."""
    values = _values(report, language)
    return values["basis"], render("_monitoring.html.j2", **values)


def _values(report: MonitoringReport, language: str) -> dict[str, Any]:
    model, drift = report.model, report.drift
    say = phrases(language, "monitoring")
    grouped = "group" in drift.columns
    wording = model.scorer.wording.in_language(language)
    is_stable = drift["verdict"] == "stable"
    moved, stable = _worst_first(drift[~is_stable]), _worst_first(drift[is_stable])
    plot, width = (plot_drift_by_month, None) if grouped else (plot_drift, WIDTH)
    period = " – ".join(model.manifest.get("period") or ["?"])  # noqa: RUF001 - an en dash between dates
    basis = say("basis", deals=f"{report.rows:,}", version=model.version, period=period)
    none_later = none_later_words(report, language)
    return {
        "say": say,
        "basis": " ".join(filter(None, [basis, none_later])),
        "tolerated": TOLERATED,
        "plot": as_svg(plot(_plotted_rows(drift, wording, say), language=language), width),
        "plot_note": say("plotted", count=MAX_PLOTTED)
        if drift["attribute"].nunique() > MAX_PLOTTED
        else None,
        "grouped": grouped,
        "drift": [_drift_row(row, wording, say) for row in moved.to_dict("records")],
        "stable": []
        if grouped
        else [_drift_row(row, wording, say) for row in stable.to_dict("records")],
        "left_out": say("stable_elsewhere", count=len(stable)) if grouped else None,
        "cohorts": []
        if report.cohorts is None
        else [_cohort_row(name, row) for name, row in report.cohorts.iterrows()],
        "outcomes": None if report.outcomes is None else outcome_words(report.outcomes, language),
        "overrides": _overrides(report.overrides, say)
        if report.overrides and report.overrides["overridden"]
        else None,
        "drawn": _drawn_words(report.drawn, say)
        if report.drawn and report.drawn["drawn"]
        else None,
    }


def outcome_words(outcomes: Mapping[str, float], language: str = "en") -> str:
    """Return a sentence on the early churners of all cohorts against those expected by now.

    Parameters
    ----------
    outcomes : mapping of str to float
        Result of `fitmodel.monitoring.performance.observed_over_expected`.
    """
    say = phrases(language, "monitoring")
    verdict = say(f"outcomes_{_side(outcomes)}")
    return f"{say('outcomes', **_counts(outcomes))} {verdict}"


def none_later_words(report: MonitoringReport, language: str = "en") -> str:
    """Return a sentence that no deal is newer than those learned from; empty if some are."""
    period = report.model.manifest.get("period") or ["?"]
    return "" if report.has_later else phrases(language, "monitoring")("none_later", day=period[-1])


def _side(ratio: Mapping[str, float]) -> str:
    """Return whether the observed outcomes are beyond chance "more" or "fewer", else "as"."""
    return "more" if ratio["ratio_low"] > 1 else "fewer" if ratio["ratio_high"] < 1 else "as"


def _worst_first(drift: pd.DataFrame) -> pd.DataFrame:
    order = drift["verdict"].map({"drift": 0, "moved": 1, "unclear": 2, "stable": 3})
    return drift.assign(order=order).sort_values(["order", "index"], ascending=[True, False])


def _plotted_rows(drift: pd.DataFrame, wording: Wording, say: Say) -> pd.DataFrame:
    """Return the attributes with the largest drift, with their labels as names."""
    largest = drift.groupby("attribute", sort=False)["index"].max().nlargest(MAX_PLOTTED).index
    shown = drift[drift["attribute"].isin(largest)]
    return shown.assign(attribute=[_name(name, wording, say) for name in shown["attribute"]])


def _name(attribute: Any, wording: Wording, say: Say) -> str:
    return say("of_scores") if attribute == SCORE else wording.label(str(attribute))


def _drift_row(row: Mapping[Any, Any], wording: Wording, say: Say) -> dict[str, str]:
    is_attribute = not math.isnan(row["missing"])
    name = _name(row["attribute"], wording, say)
    change = change_text(row, name, say)
    if is_attribute and row["unseen"] >= MANY_UNSEEN:
        change = " ".join(
            filter(None, [say("unseen_levels", share=f"{row['unseen']:.0%}"), change])
        )
    return {
        "kind": row["verdict"],
        "attribute": name,
        "group": str(row.get("group", "")),
        "deals": f"{row['deals']:,}",
        "index": f"{row['index']:.3f} ± {row['deviation']:.3f}",
        "missing": f"{row['missing']:.1%} ({row['missing_then']:.1%})" if is_attribute else "",
        "unseen": f"{row['unseen']:.1%}" if is_attribute else "",
        "verdict": say(f"verdict_{row['verdict']}"),
        "change": change,
    }


def _cohort_row(name: Any, row: pd.Series[Any]) -> dict[str, str]:
    return {
        "cohort": str(name),
        "deals": f"{row['deals']:,.0f}",
        "mature": f"{row['mature']:,.0f}",
        "observed": f"{row['observed']:,.0f}",
        "expected": f"{row['expected']:,.1f}",
        "ratio": _interval(row["ratio"], row["ratio_low"], row["ratio_high"]),
        "auc": "" if math.isnan(row["auc"]) else f"{row['auc']:.2f}",
        "slope": _interval(row["slope"], row["slope_low"], row["slope_high"]),
        "estimated": _interval(
            row["auc_estimated"], row["auc_estimated_low"], row["auc_estimated_high"]
        ),
    }


def _interval(value: float, low: float, high: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:.2f} ({low:.2f} – {high:.2f})"  # noqa: RUF001 - an en dash between numbers


def _overrides(overrides: Mapping[str, float], say: Say) -> str:
    overridden = f"{overrides['overridden']:.0f}"
    if not overrides["known"]:
        return say("overrides_young", overridden=overridden)
    verdict = {"fewer": "right", "more": "worse", "as": "equal"}[_side(overrides)]
    counts = say("overrides", overridden=overridden, **_counts(overrides))
    return f"{counts} {say(f'overrides_{verdict}')}"


def _drawn_words(drawn: Mapping[str, float], say: Say) -> str:
    count = f"{drawn['drawn']:.0f}"
    if not drawn["known"]:
        return say("drawn_young", drawn=count)
    return f"{say('drawn', drawn=count, **_counts(drawn))} {say(f'drawn_{_side(drawn)}')}"


def _counts(result: Mapping[str, float]) -> dict[str, str]:
    """Return observed and expected early churners, their ratio and its interval as texts."""
    return {
        **({"known": f"{result['known']:.0f}"} if "known" in result else {}),
        "observed": f"{result['observed']:.0f}",
        "expected": f"{result['expected']:.1f}",
        "ratio": f"{result['ratio']:.2f}",
        "low": f"{result['ratio_low']:.2f}",
        "high": f"{result['ratio_high']:.2f}",
    }
