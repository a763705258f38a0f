"""A learner in another Python environment is called through files, or left out with a reason."""

from __future__ import annotations

import sys

import _own_python
import numpy as np
import pandas as pd
import pytest

DEALS = pd.DataFrame({"seats": [1.0, 2.0, 3.0, 4.0], "segment": pd.Categorical(list("abab"))})
TRAIN = DEALS.assign(early_churn=[0, 1, 0, 1], deal_weight=[1.0, 0.5, 0.0, 1.0])


@pytest.mark.parametrize(
    ("python", "why"),
    [
        (None, "AUTOGLUON_PYTHON names no Python that has autogluon.tabular"),
        ("/nowhere/python", "AUTOGLUON_PYTHON is /nowhere/python, which is not a file"),
    ],
)
def test_the_reason_for_a_missing_learner_is_given(monkeypatch, python, why) -> None:
    monkeypatch.delenv("AUTOGLUON_PYTHON", raising=False)
    if python:
        monkeypatch.setenv("AUTOGLUON_PYTHON", python)

    assert _own_python.why_absent("AutoGluon") == why


def test_a_python_without_the_package_is_left_out_and_one_with_it_is_used(monkeypatch) -> None:
    monkeypatch.setenv("TABPFN_PYTHON", sys.executable)
    monkeypatch.setitem(_own_python.PACKAGES, "TabPFN", "no_such_package")
    assert _own_python.why_absent("TabPFN") == "TABPFN_PYTHON: that Python has no no_such_package"

    monkeypatch.setitem(_own_python.PACKAGES, "TabPFN", "pandas")
    assert _own_python.why_absent("TabPFN") is None


@pytest.mark.slow
def test_probabilities_are_returned_in_the_requested_order(monkeypatch, tmp_path) -> None:
    package = tmp_path / "tabicl"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import numpy as np\n"
        "class TabICLClassifier:\n"
        "    def __init__(self, **given):\n"
        "        assert given['model_path'] == 'weights.ckpt'\n"
        "    def fit(self, x, y):\n"
        "        assert list(x) == ['seats', 'segment'] and len(x) == len(y)\n"
        "        return self\n"
        "    def predict_proba(self, x):\n"
        "        p = x['seats'].to_numpy() / 10\n"
        "        return np.column_stack([1 - p, p])\n"
    )
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("TABICL_PYTHON", str(python))
    monkeypatch.setenv("TABICL_WEIGHTS", "weights.ckpt")

    assert _own_python.why_absent("TabICL") is None
    predicted = _own_python.predict("TabICL", TRAIN, DEALS.iloc[::-1], seconds=1)
    np.testing.assert_allclose(predicted, [0.4, 0.3, 0.2, 0.1])


@pytest.mark.slow
def test_an_error_in_the_other_python_is_reported(monkeypatch) -> None:
    monkeypatch.setenv("AUTOGLUON_PYTHON", sys.executable)

    with pytest.raises(RuntimeError, match=r"AutoGluon failed:[\s\S]*No module named 'autogluon'"):
        _own_python.predict("AutoGluon", TRAIN, DEALS, seconds=1)


def test_for_a_learner_without_weights_rows_are_resampled_by_weight() -> None:
    many = pd.concat([TRAIN] * 1_000, ignore_index=True)
    x, y = _own_python.drawn(many)

    assert list(x) == ["seats", "segment"]
    counts = x["seats"].value_counts()
    assert counts[1.0] == counts[4.0] == 1_000
    assert 450 < counts[2.0] < 550
    assert 3.0 not in counts
    assert set(y[x["seats"] == 1.0]) == {0}
