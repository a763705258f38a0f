"""How much a new maintainer has to read: files, doors, and the path of a table through `train`.

Run: python benchmarks/house.py

Printed: the modules of each room and how many of them are doors (modules that other rooms may
import); lines of code and of tests; words of the README; and, for one training on simulated deals,
the files of fitmodel that the table goes through and how often it returns to one that it had left.
Nothing here is a measure of speed.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import fitmodel

HOME = Path(fitmodel.__file__).parent
ROOT = Path(__file__).parents[1]
READING = ("tables/", "deals/", "guessing/", "leakage/")
DEALS = 400


class Route:
    """Files entered, in order, while functions of fitmodel call one another."""

    def __init__(self) -> None:
        self.entered: list[str] = []
        self._names: dict[str, str] = {}

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> None:
        """Note the file of a call; `sys.setprofile` calls this, so it must be quick."""
        if event != "call":
            return
        file = frame.f_code.co_filename
        name = self._names.get(file)
        if name is None:
            name = self._names[file] = _name_of(Path(file))
        if name and (not self.entered or self.entered[-1] != name):
            self.entered.append(name)

    def returns(self, files: set[str]) -> int:
        """How often one of the files is entered again after another file was."""
        calls = Counter(name for name in self.entered if name in files)
        return sum(calls.values()) - len(calls)


def _name_of(file: Path) -> str:
    """Path below `src/fitmodel`; "" for other files."""
    return file.relative_to(HOME).as_posix() if HOME in file.parents else ""


def rooms() -> list[tuple[str, int, int, int]]:
    """Room, modules, doors and lines."""
    rows = []
    for folder in sorted(path for path in HOME.iterdir() if (path / "__init__.py").exists()):
        modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        doors = sum(not path.name.startswith("_") for path in modules)
        rows.append((folder.name, len(modules), doors, sum(map(lines_of, modules))))
    alone = [path for path in HOME.glob("*.py") if path.name != "__init__.py"]
    rows.append(("(no room)", len(alone), len(alone), sum(map(lines_of, alone))))
    return rows


def lines_of(path: Path) -> int:
    """Lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def path_of_training() -> Route:
    """Train once on simulated deals, and note the files."""
    simulation = fitmodel.simulate_deals(DEALS, seed=1, signal=1.5)
    path = Route()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = Path(folder) / "deals.csv"
        simulation.deals.to_csv(table, index=False)
        spec = simulation.spec.replace(tracking={"uri": f"sqlite:///{folder}/mlflow.db"})
        sys.setprofile(path)
        try:
            fitmodel.train(table, spec, models=Path(folder) / "models")
        finally:
            sys.setprofile(None)
    return path


def main() -> None:
    """Print the tables."""
    print(f"{'room':<12} {'modules':>7} {'doors':>5} {'lines':>6}")
    table = rooms()
    for name, modules, doors, lines in table:
        print(f"{name:<12} {modules:>7} {doors:>5} {lines:>6,}")
    code = sum(row[3] for row in table)
    tests = sum(map(lines_of, (ROOT / "tests").rglob("*.py")))
    words = len((ROOT / "README.md").read_text(encoding="utf-8").split())
    print(f"\nmodules {sum(row[1] for row in table)}, lines of code {code:,}, of tests {tests:,}")
    print(f"words of the README: {words}")

    path = path_of_training()
    files = set(path.entered)
    read = {name for name in files if name.startswith(READING)}
    print(f"\ntrain: {len(files)} files, {path.returns(files):,} returns to a file left before")
    print(f"of these to read, check and label the table: {len(read)} files")
    print("most often entered:")
    for name, count in Counter(path.entered).most_common(8):
        print(f"  {count:>7,}  {name}")


if __name__ == "__main__":
    main()
