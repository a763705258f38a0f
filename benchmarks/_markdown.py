"""What tables of results are made of: rows of JSON to groups, means and Markdown."""

from __future__ import annotations

from math import sqrt
from statistics import mean, stdev
from typing import Any

Row = dict[str, Any]


def markdown(head: str, lines: list[list[str]]) -> str:
    """Write rows of cells below a head, whose names are separated by bars."""
    rule = "|" + "---|" * len(head.split(" | "))
    return "\n".join([f"| {head} |", rule, *(f"| {' | '.join(cells)} |" for cells in lines)])


def grouped(rows: list[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    """Rows with the same values, in the order in which these first appear."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups


def measured(rows: list[Row]) -> str:
    """First and last date."""
    dates = sorted({row["date"] for row in rows})
    return " to ".join(dict.fromkeys([dates[0], dates[-1]]))


def average(rows: list[Row], name: str) -> float:
    """Mean of a figure."""
    return mean(row[name] for row in rows)


def gap(rows: list[Row], name: str, other: str) -> str:
    """Mean of one figure less another of the same row, with its standard error."""
    differences = [row[name] - row[other] for row in rows]
    if len(differences) < 2:
        return f"{differences[0]:+.4f}"
    return f"{mean(differences):+.4f} ({stdev(differences) / sqrt(len(differences)):.4f})"
