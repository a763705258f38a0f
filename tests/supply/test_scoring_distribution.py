"""The small scoring distribution needs only its own few libraries."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from fitmodel.bundle.store import write_bundle
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.loading import load
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import Scorer

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "distributions" / "scoring"
SCORE = """
import json, pathlib, re, sys
sys.path[:0] = sys.argv[1:3]
import importlib.util
for name in ("pandas", "sklearn", "mlflow", "scipy", "pydantic", "typer"):
    assert importlib.util.find_spec(name) is None, name
import fitmodel
model = fitmodel.load(sys.argv[3])
prospects = json.load(open(sys.argv[4], encoding="utf-8"))
one, many = model.predict(prospects[0]), model.predict(prospects)
status = pathlib.Path("/proc/self/status")
kilobytes = re.search(r"VmHWM:\\s+(\\d+)", status.read_text()) if status.exists() else None
answer = {
    "version": fitmodel.__version__,
    "one": one.to_dict(),
    "many": [each.to_dict() for each in many],
    "megabytes": int(kilobytes[1]) / 1e3 if kilobytes else 0,
}
if importlib.util.find_spec("pyarrow"):
    import pyarrow as pa
    table = model.predict(pa.Table.from_pylist(prospects))
    answer["table"] = table.to_pylist()
print(json.dumps(answer))
"""
PACKAGES = ("numpy", "numpy.libs", "lazy_loader", "filelock")
ARROW = ("pyarrow", "pyarrow.libs")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files in a folder, as pip unpacks them; built without a network."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling, which builds the wheel, is not installed here (extra dev)")
    folder = tmp_path_factory.mktemp("scoring")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        build, cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, learned_on: Any) -> Any:
    money = Money(0.8, 36, 3, 5_000, 1_000, 200, 0.05)
    policy = Policy("value", 0.4, money, level=0.2, risk_threshold=0.6)
    scorer = Scorer(learned_on(700, seed=5).scorecard, policy, "annual_value", "closed_on", "")
    files = {SCORER_FILE: scorer.to_json()}
    return load(write_bundle(tmp_path_factory.mktemp("models"), "fit", files=files, manifest={}))


def _scored(installed: Path, model: Any, folder: Path, packages: tuple[str, ...]) -> Any:
    """Score in a process with only these packages, the wheel and the standard library."""
    libraries = folder / "libraries"
    libraries.mkdir()
    for name in packages:
        origin = Path(str(importlib.util.find_spec(name.partition(".")[0]).origin)).parent
        origin = origin.with_name(name)
        if origin.exists():
            (libraries / name).symlink_to(origin)
    deals = simulate_deals(6, seed=9).deals
    rows = deals.astype(object).where(deals.notna(), None)
    rows = rows.map(lambda value: str(value)[:10] if hasattr(value, "isoformat") else value)
    prospects = folder / "prospects.json"
    prospects.write_text(rows.to_json(orient="records"), encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-I", "-S", "-c", SCORE, str(installed), str(libraries), str(model.path),
         str(prospects)],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = [each.to_dict() for each in model.predict(json.loads(prospects.read_text("utf-8")))]
    return json.loads(done.stdout), json.loads(json.dumps(expected))


def test_the_distribution_gives_the_same_predictions_with_only_numpy(
    installed, model, tmp_path
) -> None:
    got, expected = _scored(installed, model, tmp_path, PACKAGES)

    assert got["one"] == expected[0]
    assert got["many"] == expected
    assert "table" not in got
    assert got["megabytes"] < 100


def test_the_distribution_accepts_arrow_tables_if_pyarrow_is_installed(
    installed, model, tmp_path
) -> None:
    got, expected = _scored(installed, model, tmp_path, PACKAGES + ARROW)

    for row, expected_row in zip(got["table"], expected, strict=True):
        assert row["early_churn_probability"] == expected_row["early_churn_probability"]
        assert row["reasons"][0]["sentence"] == expected_row["reasons"][0]["sentence"]
        assert json.loads(row["reasons"][0]["value"]) == expected_row["reasons"][0]["value"]


def test_the_distribution_has_the_same_source_and_version(installed) -> None:
    whole, small = (
        tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
        for folder in (ROOT, FOLDER)
    )
    assert small["version"] == whole["version"]
    assert small["requires-python"] == whole["requires-python"]
    assert set(small["dependencies"]) <= set(whole["dependencies"])
    assert len(small["dependencies"]) == 3
    source = {path.relative_to(ROOT / "src") for path in (ROOT / "src/fitmodel").rglob("*.py")}
    assert {path.relative_to(installed) for path in installed.glob("fitmodel/**/*.py")} == source
