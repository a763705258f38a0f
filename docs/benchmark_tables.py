"""Write the benchmarks' tables from their results, so that page and figures cannot differ."""

from __future__ import annotations

import json
import sys
from math import hypot
from pathlib import Path
from statistics import mean, stdev
from typing import Any

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
MARKER = "<!-- table of benchmarks/results/quality.json -->"
MARKER_OF_HORIZONS = "<!-- table of benchmarks/results/horizons.json -->"
CLAIMS_MARKER = "<!-- table of benchmarks/results/false_claims.json -->"
CLAIMS = {
    "skill": "skill, where attributes say nothing",
    "leaks": "a leak, where none is",
    "flags": "10% are flagged: off by more than 3 points",
    "elsewhere": "the same, on another law",
}
NOTHING = "Nothing has been measured yet: run `python benchmarks/quality.py`."


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill the page in, when mkdocs reads it."""
    markers = {
        MARKER: ("quality", quality_table),
        MARKER_OF_HORIZONS: ("horizons", horizons_table),
        CLAIMS_MARKER: ("false_claims", claims_table),
    }
    for marker, (name, write) in markers.items():
        if marker in markdown:
            file = RESULTS / f"{name}.json"
            known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"rows": []}
            markdown = markdown.replace(marker, write(known))
    return markdown


def claims_table(content: dict[str, Any]) -> str:
    """How many trials claimed what is not so, with the exact interval; of flags their share."""
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in content["rows"]:
        groups.setdefault((row["kind"], row["deals"]), []).append(row)
    if not groups:
        return "Nothing has been measured yet: run `python benchmarks/false_claims.py`."
    lines = ["| claim | deals | trials | false | 95% interval | share flagged |", "|---" * 6 + "|"]
    for kind, deals in sorted(groups, key=lambda key: (list(CLAIMS).index(key[0]), key[1])):
        rows = groups[kind, deals]
        false = int(sum(row["false"] for row in rows))
        low, high = _exact_interval(false, len(rows))
        made = [row["made"] for row in rows if "made" in row]
        flagged = f"{mean(made):.1%} ± {stdev(made):.1%}" if len(made) > 1 else ""
        lines.append(
            f"| {CLAIMS[kind]} | {deals:,} | {len(rows)} | {false} | {low:.1%} to {high:.1%} "
            f"| {flagged} |"
        )
    dates = sorted({row["date"] for row in content["rows"]})
    return "\n".join([*lines, "", f"Measured {' to '.join(dict.fromkeys([dates[0], dates[-1]]))}."])


def _exact_interval(count: int, trials: int) -> tuple[float, float]:
    """Clopper and Pearson 1934."""
    from scipy.stats import beta

    low = float(beta.ppf(0.025, count, trials - count + 1)) if count else 0.0
    high = float(beta.ppf(0.975, count + 1, trials - count)) if count < trials else 1.0
    return low, high


def quality_table(content: dict[str, Any]) -> str:
    """Log loss of each way on each table, the best in bold, with dates and machine.

    Below it a table of what is the level's and what is telling deals apart.
    """
    if not content["rows"]:
        return NOTHING
    rows = _in_order(content["rows"])
    ways = list(dict.fromkeys(row["way"] for row in rows))
    lines = [
        "| table | measured | base rate | " + " | ".join(ways) + " |",
        "|---" * (len(ways) + 3) + "|",
    ]
    for table in dict.fromkeys(row["table"] for row in rows):
        of = {row["way"]: row for row in rows if row["table"] == table}
        dates = sorted({row["date"] for row in of.values()})
        measured = " to ".join(dict.fromkeys([dates[0], dates[-1]]))
        base = next(iter(of.values()))["base"]
        best = min(row["log_loss"] for row in of.values())
        cells = [_cell(of.get(way), best) for way in ways]
        lines.append(f"| {table} | {measured} | {base:.4f} | " + " | ".join(cells) + " |")
    machine = content["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    where = f"{machine['cores']} cores ({machine['processor']}), Python {machine['python']}"
    note = f"{where}; {packages}."
    return "\n".join([*lines, "", note, "", *_ranks(rows), *_apart(rows)])


def _in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows table by table, fitmodel's first, however often one of them was measured again."""
    tables = list(dict.fromkeys(row["table"] for row in rows))
    return sorted(rows, key=lambda row: (tables.index(row["table"]), row["way"] != "fitmodel"))


def horizons_table(content: dict[str, Any]) -> str:
    """Integrated Brier score, its difference to fitmodel's, calibration error and times.

    Of each learner on each table, means over the draws; the lowest score in bold.
    """
    if not content["rows"]:
        return "Nothing has been measured yet: run `python benchmarks/horizons.py`."
    head = (
        "table | learner | draws | integrated Brier | difference to fitmodel (standard error) | "
        "the same, weights alike for all | calibration error | fit, s | predict 1,000, ms"
    )
    lines = [f"| {head} |", "|---" * 9 + "|"]
    rows = _means_over_draws(content["rows"])
    for table in dict.fromkeys(row["table"] for row in rows):
        of = [row for row in rows if row["table"] == table]
        most = max(row["draws"] for row in of)  # means of fewer draws are of other deals
        complete = [row for row in of if row["draws"] == most and "integrated_brier" in row]
        best = min(row["integrated_brier"] for row in complete)
        for number, row in enumerate(of):
            errors = [row[key] for key in row if key.startswith("calibration_")]
            name = row["learner"]
            cells = [
                "" if number else table,
                f"{name} {row['version']}" if "fitmodel" not in name else name,
                str(row["draws"]),
                _score(row, best),
                _difference(row, ""),
                _difference(row, "_alike"),
                " ".join(f"{error:.3f}" for error in errors),
                f"{row['fit_seconds']:.1f}",
                f"{row['predict_ms_per_1000']:.0f}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    dates = sorted({row["date"] for row in content["rows"]})
    machine = content["machine"]
    where = f"{machine['cores']} cores ({machine['processor']}), Python {machine['python']}"
    when = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    return "\n".join([*lines, "", f"{when}; {where}."])


def _means_over_draws(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per table and learner; a standard error is that of the mean difference."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["table"], row["learner"]), []).append(row)
    means = []
    for group in groups.values():
        one = dict(group[0], draws=len(group))
        for key, value in group[0].items():
            if isinstance(value, float):
                values = [row[key] for row in group]
                of_error = key.startswith("difference_se")
                one[key] = hypot(*values) / len(group) if of_error else mean(values)
        means.append(one)
    return means


def _score(row: dict[str, Any], best: float) -> str:
    """Integrated Brier score; empty where not every month is predicted."""
    if "integrated_brier" not in row:
        return ""
    text = f"{row['integrated_brier']:.4f}"
    return f"**{text}**" if row["integrated_brier"] == best else text


def _difference(row: dict[str, Any], weights: str) -> str:
    """Difference to fitmodel's score, with its standard error."""
    if f"difference{weights}" not in row or row["learner"] == "fitmodel":
        return ""
    return f"{row[f'difference{weights}']:+.4f} ({row[f'difference_se{weights}']:.4f})"


def _ranks(rows: list[dict[str, Any]]) -> list[str]:
    """Mean ranks of the ways, over the tables on which they can be compared."""
    sys.path.append(str(RESULTS.parent))
    from _ranks import comparable, compute_ranks, losses_by_table

    groups = [compute_ranks(part) for part in comparable(losses_by_table(rows))]
    return [line for ranks in groups for line in (ranks.markdown(), "")]


def _apart(rows: list[dict[str, Any]]) -> list[str]:
    """What is the level's and what is telling deals apart, of each way on each table."""
    known = [row for row in rows if {"at_level", "over_rate", "auc"} <= row.keys()]
    if not known:
        return []
    head = "log loss at the right level | mean prediction over rate | AUC | calibration error"
    lines = [f"| table | way | {head} |", "|---" * 6 + "|"]
    for row in known:
        error = f"{row['calibration_error']:.3f}" if "calibration_error" in row else ""
        lines.append(
            f"| {row['table']} | {row['way']} | {row['at_level']:.4f} | {row['over_rate']:.2f} "
            f"| {row['auc']:.3f} | {error} |"
        )
    return lines


def _cell(row: dict[str, Any] | None, best: float) -> str:
    if row is None:
        return ""
    text = f"{row['log_loss']:.4f}"
    return f"**{text}**" if row["log_loss"] == best else text
