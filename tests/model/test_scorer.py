"""Old scorer files give the recorded predictions, and scoring loads few modules."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from fitmodel.exceptions import BundleError
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import scorer_from_json

SCORERS = Path(__file__).parent / "scorers"


@pytest.fixture(scope="module")
def old() -> FitModel:
    """The first format, trained on 900 simulated deals; never write this file again."""
    return FitModel(scorer_from_json((SCORERS / "format-1.json").read_bytes(), "1"), {})


@pytest.fixture(scope="module")
def recorded() -> list[dict]:
    """Prospects, some with unseen levels or missing values, and their predictions at that time."""
    text = (SCORERS / "format-1-recorded.json").read_text(encoding="utf-8")
    return json.loads(text)


def _numbers(expected: dict) -> list[float]:
    names = ("early_churn_probability", "probability_low", "probability_high", "expected_value")
    return [math.nan if expected[name] is None else expected[name] for name in names]


def test_a_scorer_of_format_1_gives_the_recorded_predictions(old, recorded) -> None:
    assert len(recorded) == 40
    for item in recorded:
        predictions, then = old.predict(item["prospect"]).to_dict(), item["assessment"]
        assert _numbers(predictions) == pytest.approx(
            _numbers(then), rel=1e-9, abs=1e-9, nan_ok=True
        )
        for name in ("poor_fit", "fit", "unfamiliar", "unfamiliar_because"):
            assert predictions[name] == then[name]
        for reason, before in zip(predictions["reasons"], then["reasons"], strict=True):
            assert (reason["attribute"], reason["value"]) == (before["attribute"], before["value"])
            assert reason["contribution"] == pytest.approx(before["contribution"], abs=1e-9)


def test_a_table_gets_the_recorded_probabilities(old, recorded) -> None:
    table = pd.DataFrame([item["prospect"] for item in recorded])
    predicted = old.predict(table, reasons=0)
    then = [item["assessment"]["early_churn_probability"] for item in recorded]
    assert predicted["early_churn_probability"].tolist() == pytest.approx(then, abs=1e-9)


def test_the_error_for_a_newer_format_names_the_readable_formats() -> None:
    with pytest.raises(BundleError, match=r"format 99; this fitmodel reads \[1\]"):
        scorer_from_json(b'{"format": 99}', "v")
    with pytest.raises(BundleError, match="format True"):
        scorer_from_json(b'{"format": true}', "v")


def test_scoring_one_prospect_loads_no_heavy_module() -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from fitmodel.model.fitmodel import FitModel\n"
        "from fitmodel.model.scorer import scorer_from_json\n"
        "model = FitModel(scorer_from_json(Path(sys.argv[1]).read_bytes(), 'v'), {})\n"
        "str(model.predict(dict.fromkeys(model.attributes)))\n"
        "heavy = {'sklearn', 'scipy', 'interpret', 'mlflow', 'pandas', 'pyarrow', 'joblib'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", script, str(SCORERS / "format-1.json")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    assert done.stdout.strip() == "[]"
