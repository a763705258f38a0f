"""A bundle is opened without unpickling, or the error says how to allow unpickling."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from fitmodel.exceptions import BundleError
from fitmodel.model import _own_estimator
from fitmodel.model.opening import SCORER_FILE, is_own_estimator, open_model

SCORER = (Path(__file__).parent / "scorers" / "format-1.json").read_bytes()


def _bundle(*files: str, **manifest: object) -> SimpleNamespace:
    def read(name: str) -> bytes:
        assert name == SCORER_FILE
        return SCORER

    return SimpleNamespace(
        files=files, manifest=manifest, path=Path("models/fit"), version="v7", read=read
    )


@pytest.mark.parametrize(
    ("files", "estimator", "own"),
    [((SCORER_FILE,), "x.Y", False), ((SCORER_FILE,), None, False), (("e.pkl",), "x.Y", True),
     (("e.pkl",), "", False), ((), None, False)],
)  # fmt: skip
def test_a_bundle_with_an_estimator_and_no_scorecard_is_an_own_estimator(
    files, estimator, own
) -> None:
    assert is_own_estimator(_bundle(*files, estimator=estimator)) is own
    assert not is_own_estimator(_bundle("e.pkl"))


def test_an_opened_scorecard_has_version_manifest_and_folder(monkeypatch) -> None:
    monkeypatch.setattr(_own_estimator, "open_estimator_model", pytest.fail)
    for unpickle in (False, True):
        bundle = _bundle(SCORER_FILE, estimator="x.Y", metrics={})
        model = open_model(bundle, unpickle=unpickle)
        assert model.predict(dict.fromkeys(model.attributes)).model_version == "v7"
        assert model.manifest == bundle.manifest


def test_an_own_estimator_is_unpickled_only_on_request(monkeypatch) -> None:
    opened = []
    monkeypatch.setattr(_own_estimator, "open_estimator_model", opened.append)
    bundle = _bundle("e.pkl", estimator="mine.Forest")
    with pytest.raises(BundleError, match=r"models/fit holds .*mine\.Forest.*unpickle=True"):
        open_model(bundle)
    assert opened == []
    open_model(bundle, unpickle=True)
    assert opened == [bundle]
