"""One small model for all entry points, with a number, a category, a flag and a date.

This folder does not mirror a room of the source: it uses the whole package as a careless user
would. For any input the result is right, or one of fitmodel's errors names the problem.
"""

# ruff: noqa: DTZ001, DTZ901, FBT003 - values are as careless people give them

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from fitmodel.bundle.store import write_bundle
from fitmodel.datasets.simulation import Simulation, simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.decision.value import Money
from fitmodel.loading import load
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.opening import SCORER_FILE
from fitmodel.model.scorer import Scorer

settings.register_profile(
    "hostile",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],  # a counterexample is one value and needs no shrinking
    suppress_health_check=list(HealthCheck),
)

MONEY = Money(0.8, 24.0, 3.0, 600.0, 1_800.0, 300.0, 0.15)


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    return simulate_deals(600, seed=3)


@pytest.fixture(scope="session")
def bundle(simulation: Simulation, tmp_path_factory: pytest.TempPathFactory, learned_on) -> Path:
    """A model as it is shipped, read from JSON."""
    scorecard = learned_on(600, seed=3).scorecard
    roles = simulation.spec.deals
    policy = Policy("value", 0.3, MONEY, "by value")
    scorer = Scorer(scorecard, policy, roles.amount, roles.closed_on, version="given by the bundle")
    manifest = {"spec": simulation.spec.to_dict()}
    files = {SCORER_FILE: scorer.to_json()}
    root = tmp_path_factory.mktemp("models")
    return write_bundle(root, "fit", files=files, manifest=manifest)


@pytest.fixture(scope="session")
def model(bundle: Path) -> FitModel:
    return load(bundle)


@pytest.fixture(scope="session")
def prospects(simulation: Simulation) -> pd.DataFrame:
    """Twelve deals as prospects."""
    return simulation.deals.head(12).drop(columns=["churned_on"]).reset_index(drop=True)


TEXTS = [
    "", " ", "-", "NA", "n/a", "null", "None", "nan", "NaN", "inf", "-inf", "1e309", "1_000",
    "1,234.5", "1.234,5", "€ 12", "12%", "0x10", "١٢٣", "①", "½", "yes", "oui", "是", "TRUE",
    "2024-02-29", "2023-02-29", "0001-01-01", "9999-12-31", "10000-01-01", "2016-12-31T23:59:60",
    "2024-01-01T00:00:00+14:00", "31/12/2024", "20240101", "2024-W01-1", "45000", "smb", "SMB ",
    "<script>alert(1)</script>", "'; drop table deals; --", "=cmd|' /C calc'!A0", "%s%n{value}{0}",
    "😀👩‍👩‍👧", "مرحبا", "客户流失", "\ud800", "a\x00b", "\ue000\ue001\ue002", "\u202eabc",
    "x" * 10_000,
]  # fmt: skip
NUMBERS = [
    0, -0.0, 1, -1, 7, 2**53 + 1, 2**63, -(2**63), 10**400, 1e308, -1e308, 5e-324, 1e-320,
    float("nan"), float("inf"), float("-inf"), True, False, 1.0, 1 + 2j, Decimal("1.5"),
    Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1E+9999"), Fraction(1, 3),
    Fraction(10**400, 3), np.int8(-1), np.uint64(2**64 - 1), np.float16("inf"), np.float32(0.1),
    np.float64("nan"), np.bool_(True), np.complex128(1j), np.str_("smb"), np.bytes_(b"smb"),
]  # fmt: skip
TIMES = [
    pd.NaT, pd.NA, None, np.datetime64("NaT"), np.datetime64("2024-02-29"), np.timedelta64(3, "D"),
    np.datetime64("1677-01-01"), np.datetime64("25000-01-01"), np.datetime64("2024", "Y"),
    dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.datetime(1, 1, 1), dt.datetime.max,
    dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=14))), dt.time(12),
    dt.timedelta(days=1), pd.Timestamp("2024-02-29 23:59", tz="Asia/Kolkata"),
    pd.Timestamp.min, pd.Timestamp.max, pd.Timedelta("1D"), pd.Period("2024-01", "M"),
    pd.Interval(0, 1),
]  # fmt: skip
THINGS = [
    [], [1], ["smb"], {}, {"a": [1]}, (), ("smb",), set(), b"", b"smb", bytearray(b"7"), object(),
    np.array(1.0), np.array([1.0]), np.array([1.0, 2.0]), np.array([]), range(3), int, len,
    [[[[[[[[]]]]]]]], pd.Series([1]), pd.DataFrame({"a": [1]}),
]  # fmt: skip


@pytest.fixture(scope="session")
def values() -> st.SearchStrategy[Any]:
    """Anything that a user might give as a value."""
    return st.one_of(
        st.sampled_from(TEXTS),
        st.sampled_from(NUMBERS),
        st.sampled_from(TIMES),
        st.sampled_from(THINGS),
        st.text(max_size=20),
        st.integers(),
        st.floats(),
    )
