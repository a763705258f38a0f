"""Retrain a model that is obeyed, round by round: some of the flagged let through, and none.

Run: python benchmarks/selective_labels.py [--plot docs/images/selective-labels.png]
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import pandas as pd
from _informed_reps import simulate_company
from _rounds import plot_selective_labels, replay_rounds

SHOWN = ["flagged", "said", "came", "ratio", "divergence", "missed", "earned"]


def replay(companies: int, prospects: int, share: float) -> pd.DataFrame:
    """Rounds of several companies, each with and without the share let through."""
    result = []
    for seed in range(1, companies + 1):
        company = simulate_company(prospects, seed=seed)
        for part in (share, 0.0):
            rounds = replay_rounds(company, share=part).assign(company=seed, share=part)
            result.append(rounds.reset_index())
            print(f"company {seed}, share {part:.0%}: done", file=sys.stderr, flush=True)
    return pd.concat(result, ignore_index=True)


def main() -> None:
    """Print the figures, and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=4)
    parser.add_argument("--prospects", type=int, default=800, help="of a round")
    parser.add_argument("--share", type=float, default=0.2, help="of the flagged, let through")
    parser.add_argument("--plot", type=Path, help="PNG to draw")
    parser.add_argument("--table", type=Path, help="CSV of every round")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    result = replay(chosen.companies, chosen.prospects, chosen.share)
    for share, rounds in result.groupby("share"):
        print(f"\n{share:.0%} of the flagged let through, mean of {chosen.companies} companies")
        print(rounds.groupby("round")[SHOWN].mean().round(3).to_string())
    if chosen.table is not None:
        result.to_csv(chosen.table, index=False)
    if chosen.plot is not None:
        plot_selective_labels(result).figure.savefig(chosen.plot, dpi=110)


if __name__ == "__main__":
    main()
