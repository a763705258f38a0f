"""Tables of the stored results as Markdown: what a benchmark prints is what its page shows.

rows of benchmarks/results/NAME.json -> means over splits, draws or companies -> Markdown

`TABLES` has all of them. `python docs/benchmark_tables.py` writes them into the pages.
"""

from __future__ import annotations

import json
from math import hypot
from statistics import mean, stdev
from typing import TYPE_CHECKING

from _law_tables import changed_groups, drifting, growing, held_out_groups, turning
from _markdown import Row, average, grouped, markdown, measured
from _ranks import comparable, compute_ranks, losses_by_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLAIMS = {
    "skill": "skill, where attributes say nothing",
    "leaks": "a leak, where none is",
    "flags": "10% are flagged: off by more than 3 points",
    "elsewhere": "the same, on another law",
}
OTHER_LAWS = ("thresholds, probit", "log-normal stays", "a tree")
FRESH_LAWS = ("many levels", "few causes")


def quality(rows: list[Row]) -> str:
    """Log loss of each way on each table, the best in bold.

    Below it the mean ranks, and what is the level's and what is telling deals apart.
    """
    rows = _in_order(rows)
    ways = list(dict.fromkeys(row["way"] for row in rows))
    lines = []
    for (table,), of in grouped(rows, "table").items():
        known = {row["way"]: row for row in of}
        best = min(row["log_loss"] for row in of)
        cells = [_cell(known.get(way), best) for way in ways]
        lines.append([table, measured(of), f"{of[0]['base']:.4f}", *cells])
    ranks = [compute_ranks(part).markdown() for part in comparable(losses_by_table(rows))]
    losses = markdown(" | ".join(["table | measured | base rate", *ways]), lines)
    return "\n\n".join([losses, *ranks, *_apart(rows)])


def _in_order(rows: list[Row]) -> list[Row]:
    """Rows table by table, fitmodel's first, however often one of them was measured again."""
    tables = list(dict.fromkeys(row["table"] for row in rows))
    return sorted(rows, key=lambda row: (tables.index(row["table"]), row["way"] != "fitmodel"))


def _cell(row: Row | None, best: float) -> str:
    if row is None:
        return ""
    text = f"{row['log_loss']:.4f}"
    return f"**{text}**" if row["log_loss"] == best else text


def _apart(rows: list[Row]) -> list[str]:
    """What is the level's and what is telling deals apart, of each way on each table."""
    lines = [
        [
            row["table"],
            row["way"],
            _behind(row, rows),
            f"{row['at_level']:.4f}",
            f"{row['over_rate']:.2f}",
            f"{row['auc']:.3f}",
            f"{row['calibration_error']:.3f}" if "calibration_error" in row else "",
            f"{row['processor_seconds']:.1f}" if "processor_seconds" in row else "",
        ]
        for row in rows
        if {"at_level", "over_rate", "auc"} <= row.keys()
    ]
    head = "table | way | log loss behind fitmodel (standard error) | log loss at the right level"
    head += " | mean prediction over rate | AUC | calibration error | processor s"
    return [markdown(head, lines)] if lines else []


def _behind(row: Row, rows: list[Row]) -> str:
    """Log loss above fitmodel's on the same table; the standard error is paired over deals."""
    own = [each for each in rows if each["table"] == row["table"] and each["way"] == "fitmodel"]
    if row["way"] == "fitmodel" or not own or "noise" not in row:
        return ""
    return f"{row['log_loss'] - own[0]['log_loss']:+.4f} ({row['noise']:.4f})"


def horizons(rows: list[Row]) -> str:
    """Integrated Brier score, its difference to fitmodel's, calibration error and times.

    Of each learner on each table, means over the draws; the lowest score in bold.
    """
    lines = []
    for (table,), of in grouped(_means_over_draws(rows), "table").items():
        most = max(row["draws"] for row in of)  # means of fewer draws are of other deals
        complete = [row for row in of if row["draws"] == most and "integrated_brier" in row]
        best = min(row["integrated_brier"] for row in complete)
        for number, row in enumerate(of):
            name = row["learner"]
            errors = [row[key] for key in row if key.startswith("calibration_")]
            lines.append(
                [
                    "" if number else table,
                    name if "fitmodel" in name else f"{name} {row['version']}",
                    str(row["draws"]),
                    _score(row, best),
                    _difference(row, ""),
                    _difference(row, "_alike"),
                    " ".join(f"{error:.3f}" for error in errors),
                    f"{row['fit_seconds']:.1f}",
                    f"{row['predict_ms_per_1000']:.0f}",
                ]
            )
    head = (
        "table | learner | draws | integrated Brier | difference to fitmodel (standard error) | "
        "the same, weights alike for all | calibration error | fit, s | predict 1,000, ms"
    )
    return markdown(head, lines)


def _means_over_draws(rows: list[Row]) -> list[Row]:
    """One row per table and learner; a standard error is that of the mean difference."""
    means = []
    for group in grouped(rows, "table", "learner").values():
        one = dict(group[0], draws=len(group))
        for key, value in group[0].items():
            if isinstance(value, float):
                values = [row[key] for row in group]
                of_error = key.startswith("difference_se")
                one[key] = hypot(*values) / len(group) if of_error else mean(values)
        means.append(one)
    return means


def _score(row: Row, best: float) -> str:
    """Integrated Brier score; empty where not every month is predicted."""
    if "integrated_brier" not in row:
        return ""
    text = f"{row['integrated_brier']:.4f}"
    return f"**{text}**" if row["integrated_brier"] == best else text


def _difference(row: Row, weights: str) -> str:
    """Difference to fitmodel's score, with its standard error."""
    if f"difference{weights}" not in row or row["learner"] == "fitmodel":
        return ""
    return f"{row[f'difference{weights}']:+.4f} ({row[f'difference_se{weights}']:.4f})"


def false_claims(rows: list[Row]) -> str:
    """How many trials claimed what is not so, with the exact interval.

    Of flags also their share, and the mean prediction over the true mean, with the standard
    deviation over companies.
    """
    groups = grouped(rows, "kind", "deals")
    lines = []
    for kind, deals in sorted(groups, key=lambda key: (list(CLAIMS).index(key[0]), key[1])):
        of = groups[kind, deals]
        false = int(sum(row["false"] for row in of))
        low, high = _exact_interval(false, len(of))
        more = ["", ""]
        if "made" in of[0] and len(of) > 1:
            made, ratio = ([row[name] for row in of] for name in ("made", "ratio"))
            more = [_spread(made, ".1%"), _spread(ratio, ".2f")]
        interval = f"{low:.1%} to {high:.1%}"
        cells = [CLAIMS[kind], f"{deals:,}", str(len(of)), str(false), interval, *more]
        lines.append([*cells, measured(of)])
    head = "claim | deals | trials | false | 95% interval | share flagged"
    return markdown(f"{head} | mean prediction over true mean | measured", lines)


def _spread(values: list[float], form: str) -> str:
    """Mean and standard deviation."""
    return f"{mean(values):{form}} ± {stdev(values):{form}}"


def _exact_interval(count: int, trials: int) -> tuple[float, float]:
    """Clopper and Pearson 1934."""
    from scipy.stats import beta

    low = float(beta.ppf(0.025, count, trials - count + 1)) if count else 0.0
    high = float(beta.ppf(0.975, count + 1, trials - count)) if count < trials else 1.0
    return low, high


def coverage(rows: list[Row]) -> str:
    """Coverage of the interval on each law and number of deals, means over trainings."""
    lines = [
        [
            law,
            f"{deals:,}",
            str(len(of)),
            f"{average(of, 'covered'):.0%}",
            f"{min(row['covered'] for row in of):.0%} to {max(row['covered'] for row in of):.0%}",
            *(f"{average(of, name):.2f}" for name in ("ratio", "slope")),
        ]
        for (law, deals), of in grouped(rows, "law", "deals").items()
    ]
    head = "law | deals | trainings | covered | least to most | mean over true"
    return markdown(f"{head} | slope", lines)


def small(rows: list[Row], laws: tuple[str, ...] = ()) -> str:
    """Coverage and gain of provisional models, by law and number of early churners."""
    chosen = [row for row in rows if row["part"] == "coverage"]
    if laws:
        chosen = [row for row in chosen if row["law"] in laws]
    else:
        chosen = [row for row in chosen if row["law"] not in OTHER_LAWS + FRESH_LAWS]
    sizes = sorted({row["churners"] for row in chosen})
    groups = grouped(chosen, "law", "churners")
    lines = []
    for law in dict.fromkeys(row["law"] for row in chosen):
        of = [groups[law, size] for size in sizes]
        cells = [f"{average(each, 'covered'):.0%}, {average(each, 'gained'):.3f} of "
                 f"{average(each, 'possible'):.3f}" for each in of]  # fmt: skip
        lines.append([law, str(len(of[0])), *cells])
    means = [average([row for row in chosen if row["churners"] == n], "covered") for n in sizes]
    lines.append(["mean", "", *(f"{value:.0%}" for value in means)])
    return markdown(" | ".join(["law | trainings", *(f"{n} churners" for n in sizes)]), lines)


def small_others(rows: list[Row]) -> str:
    """The same on laws of another form."""
    return small(rows, OTHER_LAWS)


def small_fresh(rows: list[Row]) -> str:
    """The same on laws on which nothing was chosen."""
    return small(rows, FRESH_LAWS)


TABLES: dict[str, tuple[str, Callable[[list[Row]], str]]] = {
    "quality": ("quality", quality),
    "horizons": ("horizons", horizons),
    "false claims": ("false_claims", false_claims),
    "drifting": ("drifting", drifting),
    "changed groups": ("changed_groups", changed_groups),
    "changed groups, held out": ("changed_groups_held_out", held_out_groups),
    "growing": ("growing", growing),
    "turning": ("turning", turning),
    "coverage": ("known_truth", coverage),
    "small": ("small", small),
    "small, other laws": ("small", small_others),
    "small, fresh laws": ("small", small_fresh),
}
"""Name of a table in the pages to the file of its results and what writes it."""


def stored(folder: Path, name: str) -> str:
    """Return a table of the stored results, with dates, machine and packages below it."""
    file, write = TABLES[name]
    content = json.loads((folder / f"{file}.json").read_text(encoding="utf-8"))
    machine = content["machine"]
    packages = ", ".join(f"{one} {version}" for one, version in machine["packages"].items())
    where = f"{machine['cores']} cores ({machine['processor']}), Python {machine['python']}"
    note = f"Measured {measured(content['rows'])}: {where}; {packages}."
    return f"{write(content['rows'])}\n\n{note}"
