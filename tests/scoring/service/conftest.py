"""A service over a bundle on disk, asked in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from fitmodel.model.bundle import write_bundle
from fitmodel.model.fitmodel import SCORER_FILE, FitModel
from fitmodel.scoring.service.app import create_app
from fitmodel.scoring.service.schema import example_prospect
from fitmodel.scoring.service.settings import Settings


def ship(model: FitModel, root: Path, note: str) -> Path:
    files = {SCORER_FILE: model.scorer.to_json()}
    return write_bundle(root, "fit", files=files, manifest={"note": note})


@pytest.fixture(scope="session")
def source(model: FitModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    ship(model, root, "first")
    return root / "fit"


@pytest.fixture(scope="session")
def prospect(model: FitModel) -> dict[str, Any]:
    return example_prospect(model)


@pytest.fixture(scope="session")
def client(source: Path) -> Iterator[TestClient]:
    limits = Settings(reload_seconds=0, most_bytes=200_000, most_prospects=300)
    with TestClient(create_app(source, limits), raise_server_exceptions=False) as ready:
        yield ready
