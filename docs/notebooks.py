"""Run the notebooks again from top to bottom and keep their outputs.

    python docs/notebooks.py [01_know_your_deals ...]

Needs the extra `dev`. Each is written only if it ran to its end; the seconds are of all its
processes' work, so they say what it takes on idle cores.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
MAX_SECONDS = 600  # on a machine that does other work too


def run_again(path: Path) -> float:
    """Execute one and replace it; return the seconds of work."""
    notebook = nbformat.read(path, 4)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=MAX_SECONDS,
            record_timing=False,  # a date in every cell would make every run a change
            resources={"metadata": {"path": folder}},
        ).execute()
    nbformat.write(notebook, path)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Run those that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    names = parser.parse_args().names
    for path in sorted(FOLDER.glob("*.ipynb")):
        if not names or path.stem in names:
            sys.stdout.write(f"{path.stem}: {run_again(path):.0f} s of work\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
