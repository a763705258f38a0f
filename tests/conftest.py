"""What every room's tests share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real tables that are not part of the repository; skips where it is absent."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real tables (../shared/data) are not on this machine")
    return folder


@pytest.fixture(scope="session")
def _migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an empty MLflow database once: its migrations take seconds."""
    from fitmodel.tracking.connection import connected

    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with connected(f"sqlite:///{file}"):
        return file


@pytest.fixture
def mlflow_store(_migrated_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Tracking URI of an MLflow store of the test's own, which MLFLOW_TRACKING_URI names too."""
    file = tmp_path / "store" / "mlflow.db"
    file.parent.mkdir()
    shutil.copy(_migrated_store, file)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{file}")
    return f"sqlite:///{file}"
