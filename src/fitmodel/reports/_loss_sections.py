"""Sections of the sales page: review sheets of lost customers, and the value of a deal."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from fitmodel.language.catalogue import phrases, read_texts, stay_text
from fitmodel.model.wording import Wording
from fitmodel.reports.html import Section
from fitmodel.sales.reviews import (
    questions,
    similar_deals_text,
    stayed_text,
    verdict_text,
    warning_texts,
)
from fitmodel.tables.cells import money_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fitmodel.deals.contract import DealSpec
    from fitmodel.decision.policy import Policy
    from fitmodel.decision.value import Cost, Money
    from fitmodel.language.catalogue import Say
    from fitmodel.sales.rates import YearlyLoss
    from fitmodel.sales.reviews import ReviewSheet, TeamReviews
    from fitmodel.sales.worth import Worth


SHOWN = 10
ON_PAPER = 6
"""Number of reviews that are printed: those of the last customers to leave, over all reps."""


def review_section(reviews: TeamReviews, *, language: str = "en") -> Section:
    """Write the review sheets of lost customers.

    `reviews`: result of `compute_reviews`, in the same language.
    Returns: section with the tables ``reviews.csv``, ``missed_warnings.csv`` and ``surprises.csv``.
    """
    say = phrases(language, "reviews")
    by_leaving = sorted(reviews.sheets, key=lambda sheet: sheet.left, reverse=True)
    earlier = {(sheet.rep, sheet.deal) for sheet in by_leaving[ON_PAPER:]}
    values = {
        "id": "reviews",
        "title": say("title"),
        "text": read_texts(language, "reviews"),
        "sheets": [
            _sheet(sheet, reviews.spec, say) | {"earlier": (sheet.rep, sheet.deal) in earlier}
            for sheet in reviews.sheets
        ],
        "on_paper": say("on_paper", number=ON_PAPER) if earlier else "",
        "without": say("without", reps=", ".join(reviews.without)) if reviews.without else "",
        "missed": _missed(reviews.missed, say),
        "surprises": _surprises(reviews, say),
    }
    tables = {
        "reviews.csv": _as_table(reviews, say),
        "missed_warnings.csv": reviews.missed.set_index("signal"),
        "surprises.csv": reviews.surprises.set_index("rep"),
    }
    return Section("_reviews.html.j2", values, tables)


def _sheet(sheet: ReviewSheet, spec: DealSpec, say: Say) -> dict[str, Any]:
    worth = money_text(spec.words.money, sheet.worth) if math.isfinite(sheet.worth) else ""
    dates = {"signed": f"{sheet.signed:%Y-%m-%d}", "left": f"{sheet.left:%Y-%m-%d}"}
    dates_text = say("signed_and_left", stay=stay_text(say, sheet.months), **dates)
    return {
        "rep": sheet.rep,
        "title": say("sheet", rep=sheet.rep, deal=sheet.deal),
        "dates": dates_text,
        "worth": say("worth", worth=worth) if worth else "",
        "verdict": verdict_text(sheet, say),
        "known": sheet.assessment is not None,
        "warnings": warning_texts(sheet, spec, say),
        "alike": similar_deals_text(sheet, say),
        "stayed": [stayed_text(item, spec, say) for item in sheet.stayed],
        "questions": questions(sheet, spec, say),
    }


def _missed(table: pd.DataFrame, say: Say) -> dict[str, Any]:
    if table.empty:
        return {"basis": say("missed_none"), "rows": []}
    lost, kept = (f"{table[name].iloc[0]:,}" for name in ("lost", "kept"))
    rows = [
        {
            "signal": row["signal"],
            "lost": _count(row, "lost", say),
            "kept": _count(row, "kept", say),
            "ratio": _ratio(row, say),
            "kind": "more" if row["ratio_low"] > 1 else "",
        }
        for row in table.head(SHOWN).to_dict("records")
    ]
    return {"basis": say("missed_basis", lost=lost, kept=kept), "rows": rows}


def _count(row: dict[Any, Any], side: str, say: Say) -> str:
    share = f"{row[f'{side}_share']:.0%}"
    return say("count", count=f"{row[f'{side}_with']:,}", all=f"{row[side]:,}", share=share)


def _ratio(row: dict[Any, Any], say: Say) -> str:
    if not math.isfinite(row["ratio"]):
        return say("no_interval")
    low, high = f"{row['ratio_low']:.2f}", f"{row['ratio_high']:.2f}"
    return say("interval", value=f"{row['ratio']:.2f}", low=low, high=high)


def _surprises(reviews: TeamReviews, say: Say) -> dict[str, Any]:
    counts = reviews.surprise_counts
    if not counts["deals"]:
        return {"basis": say("surprises_none"), "learn": "", "rows": []}
    basis = say(
        "surprises_basis",
        deals=f"{counts['deals']:,}",
        left=f"{counts['left']:,}",
        expected=f"{counts['expected']:,.1f}",
        ratio=f"{counts['ratio']:.2f}",
        low=f"{counts['ratio_low']:.2f}",
        high=f"{counts['ratio_high']:.2f}",
    )
    learn = "surprises_learn" if counts["ratio_low"] > 1 else "surprises_fine"
    rows = [
        {
            "rep": "" if pd.isna(row["rep"]) else row["rep"],
            "deal": row["deal"],
            "predicted": f"{row['probability']:.0%}",
            "usual": f"{row['base_rate']:.0%}",
            "months": f"{row['months']:.1f}",
        }
        for row in reviews.surprises.head(SHOWN).to_dict("records")
    ]
    return {"basis": basis, "learn": say(learn), "rows": rows}


def _as_table(reviews: TeamReviews, say: Say) -> pd.DataFrame:
    """Return a table with one row per review sheet, for a spreadsheet."""
    rows = [
        {
            "rep": sheet.rep,
            "deal": sheet.deal,
            "signed": sheet.signed,
            "left": sheet.left,
            "months": sheet.months,
            "worth": sheet.worth,
            "known_as_of": sheet.snapshot.as_of,
            "probability": math.nan
            if sheet.assessment is None
            else sheet.assessment.early_churn_probability,
            "warnings": " | ".join(warning_texts(sheet, reviews.spec, say)),
            "questions": " | ".join(questions(sheet, reviews.spec, say)),
        }
        for sheet in reviews.sheets
    ]
    columns = (
        "rep", "deal", "signed", "left", "months", "worth", "known_as_of", "probability",
        "warnings", "questions",
    )  # fmt: skip
    return pd.DataFrame(rows, columns=columns).set_index("rep")


def worth_section(
    worth: Worth,
    loss: YearlyLoss | None,
    policy: Policy | None = None,
    *,
    money_format: str = "{:,.0f}",
    labels: Mapping[str, str] = MappingProxyType({}),
    language: str = "en",
) -> Section:
    """Write the value of a deal by group, and the cost of early churn in a year.

    `policy`: decision policy of the fit bands.
    """
    say = phrases(language, "worth", "fit")
    money = Wording(money=money_format).money_text
    label = labels.get(str(worth.segment), str(worth.segment))
    points = [] if loss is None else [_headline(loss, say, money)]
    values = {
        "id": "worth",
        "title": say("title"),
        "text": read_texts(language, "worth"),
        "basis": say("basis", window=worth.window_months),
        "assumptions": _assumptions(worth, policy, say, money),
        "has_money": worth.money is not None,
        "has_life": bool(worth.table["whole_life"].notna().any()),
        "rows": [_row(row, label, say, money) for row in worth.table.to_dict("records")],
        "left_out": say("left_out", names=", ".join(worth.left_out)) if worth.left_out else "",
        "loss": None if loss is None else _loss(loss, say, money),
        "points": points,
    }
    return Section("_worth.html.j2", values, {"worth.csv": worth.table.set_index("kind")})


def _assumptions(
    worth: Worth, policy: Policy | None, say: Say, money: Callable[[float], str]
) -> list[str]:
    lines = []
    if worth.money is None:
        lines.append(say("no_money"))
    else:
        lines += [say("value_is"), say("given", **_money_settings(worth.money, money))]
        if worth.money.own_months is not None and len(worth.table):
            lines.append(say("whole_life_is", **_months_at_rates(worth)))
    if policy is not None:
        threshold = "–" if policy.threshold is None else f"{policy.threshold:.1%}"  # noqa: RUF001 - no number
        lines.append(say(f"policy_{policy.kind}", threshold=threshold))
    return lines


def _money_settings(settings: Money, money: Callable[[float], str]) -> dict[str, str]:
    return {
        "margin": f"{100 * settings.gross_margin:.4g}%",
        "lifetime": f"{settings.expected_lifetime_months:.3g}",
        "until": f"{settings.months_until_early_churn:.2g}",
        "acquisition": _cost(settings.acquisition_cost, money),
        "onboarding": _cost(settings.onboarding_cost, money),
        "support": _cost(settings.support_cost_per_month, money),
        "word_of_mouth": _cost(settings.word_of_mouth_cost, money),
        "opportunity": _cost(settings.opportunity_cost, money),
        "commission": f"{100 * settings.commission_rate:.4g}%",
    }


def _months_at_rates(worth: Worth) -> dict[str, str]:
    """Return the months that customers stay at half, once and twice the company's rate."""
    rate, money = float(worth.table["early"].iloc[0]), worth.money
    if money is None:
        return {}
    rates = {"low": rate / 2, "usual": rate, "high": min(2 * rate, 1.0)}
    return {name: f"{money.months(each)[0]:.3g}" for name, each in rates.items()}


def _cost(cost: Cost, money: Callable[[float], str]) -> str:
    """Write a cost as money; a share of the yearly amount is written as in the contract."""
    return cost if isinstance(cost, str) else money(cost)


def _row(
    row: Mapping[Any, Any], label: str, say: Say, money: Callable[[float], str]
) -> dict[str, str]:
    names = {
        "all": say("all"),
        "segment": say("segment_row", column=label, value=row["name"]),
        "fit": say("fit_row", band=say(f"badge_{row['name']}")) if row["kind"] == "fit" else "",
    }
    return {
        "name": names[row["kind"]],
        "kind": "company" if row["kind"] == "all" else "",
        "deals": f"{row['deals']:,}",
        "lost": f"{row['lost']:,}",
        "early": f"{row['early']:.1%}",
        "months": _with_interval(row, "months", "{:.1f}".format),
        "amount": _text_or_empty(row["amount"], money),
        "value": _with_interval(row, "value", money),
        "whole_life": _text_or_empty(row["whole_life"], money),
    }


def _text_or_empty(value: float, write: Callable[[float], str]) -> str:
    return "" if math.isnan(value) else write(value)


def _with_interval(row: Mapping[Any, Any], name: str, write: Callable[[float], str]) -> str:
    if math.isnan(row[name]):
        return ""
    low, high = write(row[f"{name}_low"]), write(row[f"{name}_high"])
    return f"{write(row[name])} ({low} – {high})"  # noqa: RUF001 - an en dash between numbers


def _loss(loss: YearlyLoss, say: Say, money: Callable[[float], str]) -> dict[str, Any]:
    parts = ("acquisition", "onboarding", "support", "commission")
    rows = [(say(f"loss_{name}"), money(getattr(loss, name))) for name in parts]
    limits = {name: money(getattr(loss, name)) for name in ("net_low", "net_high")}
    missed = {name: money(getattr(loss, name)) for name in ("missed_low", "missed_high")}
    return {
        "basis": say(
            "loss_basis",
            customers=f"{loss.customers:,}",
            priced=f"{loss.priced:,}",
            since=f"{loss.since:%Y-%m-%d}",
            until=f"{loss.until:%Y-%m-%d}",
        ),
        "rows": [*rows, (say("loss_margin"), money(-loss.margin))],
        "net": money(loss.net),
        "net_range": say("by_chance", low=limits["net_low"], high=limits["net_high"]),
        "missed": money(loss.missed),
        "missed_range": say("by_chance", low=missed["missed_low"], high=missed["missed_high"]),
    }


def _headline(loss: YearlyLoss, say: Say, money: Callable[[float], str]) -> str:
    return say(
        "headline",
        customers=f"{loss.customers:,}",
        net=money(loss.net),
        missed=money(loss.missed),
    )
