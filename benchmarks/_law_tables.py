"""Tables of simulated companies whose true probabilities are known, one line for each law."""

from __future__ import annotations

from math import sqrt
from statistics import mean, stdev

from _markdown import Row, average, gap, grouped, markdown


def drifting(rows: list[Row]) -> str:
    """Level, loss and interval of each law and size, means over companies."""
    lines = [
        [
            law + (", growing" if growth else ""),
            f"{n:,}",
            str(len(of)),
            f"{average(of, 'ratio'):.2f}",
            f"{average(of, 'loss'):.4f}",
            f"{average(of, 'covered'):.0%}",
            f"{average(of, 'width'):.3f}",
            f"{average(of, 'applied'):.0%}",
        ]
        for (law, n, growth), of in grouped(rows, "law", "n", "growth").items()
    ]
    head = "hazard of leaving | deals | companies | mean over true | loss above truth"
    return markdown(f"{head} | interval covers | mean width | level applied", lines)


def changed_groups(rows: list[Row]) -> str:
    """How often groups that changed are found, and the loss with and without; means."""
    lines = [
        [
            law,
            f"{n:,}",
            str(len(of)),
            *(f"{average(of, name):.0%}" for name in ("right", "wrong")),
            *(f"{average(of, name):.1f}" for name in ("loss", "loss_without")),
            *(f"{average(of, name):.1f}" for name in ("loss_of_group", "loss_of_group_without")),
            *(f"{average(of, name):.0%}" for name in ("covered", "covered_without")),
        ]
        for (law, n), of in grouped(rows, "law", "n").items()
    ]
    head = "what changes | deals | companies | right group found | a wrong one | loss | without"
    return markdown(f"{head} | loss of the group | without | interval covers | without", lines)


def held_out_groups(rows: list[Row]) -> str:
    """Return the same with the difference of the losses and its standard error, x 1,000."""
    lines = [
        [
            law,
            f"{n:,}",
            str(len(of)),
            *(f"{average(of, name):.0%}" for name in ("right", "wrong")),
            f"{average(of, 'loss_without'):.1f}",
            _change(of, "loss"),
            f"{average(of, 'loss_of_group_without'):.1f}",
            _change(of, "loss_of_group"),
            *(f"{average(of, name):.0%}" for name in ("covered", "covered_without")),
        ]
        for (law, n), of in grouped(rows, "law", "n").items()
    ]
    head = (
        "what happens | deals | companies | right | wrong | loss without | by `changes` (standard "
    )
    head += "error) | loss of the group without | by `changes` (standard error)"
    return markdown(f"{head} | interval covers | without", lines)


def _change(rows: list[Row], name: str) -> str:
    """Mean of a figure less the one without `changes`; empty where no company differs."""
    differences = [row[name] - row[f"{name}_without"] for row in rows]
    if not any(differences):
        return "0"
    return f"{mean(differences):+.1f} ({stdev(differences) / sqrt(len(differences)):.1f})"


def growing(rows: list[Row]) -> str:
    """Each case of growth, means over companies, and the loss of two regressions less ours."""
    lines = [
        [
            case,
            f"{average(of, 'young'):.0%}",
            str(len(of)),
            *(f"{average(of, name):.2f}" for name in ("ratio", "slope")),
            f"{average(of, 'loss'):.4f}",
            f"{average(of, 'covered'):.0%}",
            f"{average(of, 'average_slope'):.2f}",
            f"{average(of, 'em_slope'):.2f}",
            gap(of, "em_loss", "loss"),
            f"{average(of, 'hazard_slope'):.2f}",
            gap(of, "hazard_loss", "loss"),
        ]
        for (case,), of in grouped(rows, "case").items()
    ]
    head = "deals | young | companies | mean over true | slope | loss above truth | interval covers"
    head += " | slope by the average | slope of EM | loss of EM less fitmodel's (standard error)"
    return markdown(f"{head} | slope of PH | loss of PH less fitmodel's (standard error)", lines)


def turning(rows: list[Row]) -> str:
    """Loss with and without bends of each law, means over companies."""
    lines = []
    for (law, growth, n), of in grouped(rows, "law", "growth", "n").items():
        by_seed = grouped(of, "seed").values()
        pairs = [{row["way"]: row["loss"] for row in one} for one in by_seed]
        cells = [f"{average(pairs, way):.4f}" for way in ("lines", "bends")]
        name = law + (", growing" if growth else "")
        lines.append([name, f"{n:,}", str(len(pairs)), *cells, gap(pairs, "bends", "lines")])
    return markdown(
        "law | deals | companies | without | with bends | difference (standard error)", lines
    )
