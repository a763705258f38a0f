"""The README's plot: what was predicted beside what happened, on deals signed later.

    python docs/plots.py [--output docs/images]

A model is trained on simulated deals; the plot shows the out-of-time test of that training.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import fitmodel


def save_calibration(path: Path) -> None:
    """Train on 10,000 simulated deals and save the calibration plot of the test."""
    simulation = fitmodel.simulate_deals(10_000, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/mlflow.db"
        spec = simulation.spec.replace(tracking={"uri": store})
        run = fitmodel.train(simulation.deals, spec, models=Path(folder) / "models")
    run.report.figures()["calibration"].savefig(path, dpi=110)


def main() -> None:
    """Read the options and save the plot."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--output", type=Path, default=Path(__file__).parent / "images")
    save_calibration(options.parse_args().output / "calibration.png")


if __name__ == "__main__":
    main()
