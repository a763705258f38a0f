"""A model may come from an attacker: scoring refuses it with a reason and runs no code of it."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import json
import math
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from fitmodel.bundle import manifest as manifests
from fitmodel.bundle.reading import open_bundle
from fitmodel.bundle.store import load_estimator, write_bundle
from fitmodel.cli.main import app
from fitmodel.datasets.simulation import simulate_deals
from fitmodel.decision.policy import Policy
from fitmodel.editing import edit_table
from fitmodel.evaluation.comparison import Comparison
from fitmodel.exceptions import BundleError, EditError, FitModelError
from fitmodel.learning.own_estimator import learn_own
from fitmodel.learning.scorecard import Evidence, PairTerm
from fitmodel.learning.scorecard_checks import check_scorecard
from fitmodel.loading import load
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.scorer import READER_FILE, Scorer, scorer_from_json
from fitmodel.tracking.champion import compare_with_champion
from fitmodel.tracking.connection import connected
from fitmodel.tracking.lifecycle import TrainingMetadata
from fitmodel.tracking.promotion import PromotionRefusedError, promote
from fitmodel.tracking.registry import get_alias
from fitmodel.tracking.runs import track

SIMULATION = simulate_deals(700, seed=5)
ROLES = SIMULATION.spec.deals
POLICY = Policy("threshold", 0.3, None, "flags from 30%")
FACTS = {"spec": SIMULATION.spec.to_dict(), "period": ["2023-01-01", "2024-01-01"]}


def scorer_of(scorecard: Any) -> Scorer:
    return Scorer(scorecard, POLICY, ROLES.amount, ROLES.closed_on, "")


@pytest.fixture(scope="module")
def sealed(learned_on) -> bytes:
    return scorer_of(learned_on(700, seed=5).scorecard).to_json()


@pytest.fixture(scope="module")
def own() -> Any:
    return learn_own(SIMULATION.deals, SIMULATION.spec, LogisticRegression(max_iter=500))


@pytest.fixture
def bundle(sealed: bytes, tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "models", "fit", files={"scorer.json": sealed}, manifest=FACTS)


class RunsCode:
    """An attack: unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.mkdir, (str(self.folder),)


def pickled(thing: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(thing, buffer)
    return buffer.getvalue()


def own_bundle(root: Path, own: Any, estimator: bytes) -> Path:
    """A bundle with a user's own estimator and correct digests."""
    files = {READER_FILE: scorer_of(own.scorecard).to_json(), "estimator.joblib": estimator}
    facts = FACTS | {"estimator": "LogisticRegression"}
    return write_bundle(root, "prospect-fit", files=files, manifest=facts)


def reseal(path: Path, **content: bytes) -> None:
    """Put other files into a bundle and correct the digests, as an attacker with access could."""
    stated = json.loads((path / "manifest.json").read_bytes())
    del stated["digest"]  # bundles of 0.1.0 have none
    for name, data in content.items():
        file = {"scorer": "scorer.json", "estimator": "estimator.joblib"}[name]
        (path / file).write_bytes(data)
        stated["files"][file] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    (path / "manifest.json").write_text(json.dumps(stated))


# --- the scorer


DIFFICULT = [
    None, True, -1, 0, 2**62, 10**400, 1e308, math.nan, math.inf, "", "x", "9" * 4000, "\ud800",
    [], {}, [1], [[1]], [None], {"a": 1}, -0.5, 1.5,
]  # fmt: skip


def paths_in(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths in a JSON document; only the first and the last item of a long list."""
    yield path
    if isinstance(data, dict):
        for key in data:
            yield from paths_in(data[key], (*path, key))
    elif isinstance(data, list):
        for position in {0, len(data) - 1} if data else ():
            yield from paths_in(data[position], (*path, position))


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    data = copy.copy(data)
    data[path[0]] = changed(data[path[0]], path[1:], value)
    return data


@pytest.mark.slow
def test_a_forged_scorer_is_refused_or_gives_valid_probabilities(sealed: bytes) -> None:
    whole = json.loads(sealed)
    chosen = random.Random(7)  # noqa: S311 - which forgery, no secret
    spots = list(paths_in(whole))
    prospects = SIMULATION.deals.head(2)
    loaded = 0
    for _ in range(250):
        forged = changed(whole, chosen.choice(spots), chosen.choice(DIFFICULT))
        with contextlib.suppress(BundleError):
            scorer = scorer_from_json(json.dumps(forged).encode(), "v")
            loaded += 1
            gives_probabilities(FitModel(scorer, {}), prospects)
    assert 10 < loaded < 240


def gives_probabilities(model: FitModel, prospects: Any) -> None:
    """Check for valid probabilities or one of fitmodel's errors."""
    with contextlib.suppress(FitModelError):
        one = model.predict(prospects.iloc[0].to_dict())
        assert 0 <= one.probability_low <= one.early_churn_probability <= one.probability_high <= 1
        many = model.predict(prospects)
        assert many["early_churn_probability"].between(0, 1).all()
        assert all(reason.sentence for row in many["reasons"] for reason in row)
    for name in model.attributes:
        assert len(model.table(name))
    assert len(model.example()) == 1
    assert model.scorer.to_json()


Forge = Callable[[Any], Any]
SCORECARDS: dict[str, Forge] = {
    "two attributes have": lambda b: replace(
        b, columns=(b.columns[0], replace(b.columns[1], name=b.columns[0].name), *b.columns[2:])
    ),
    "do not go with": lambda b: replace(b, intercept=b.intercept[:1]),
    "which is not a log-odds value": lambda b: replace(b, tables=b.tables + 1e300),
    "its spread is -1": lambda b: replace(b, spread=-1.0),
    "its base rate is nan": lambda b: replace(b, base_rate=math.nan),
    "pieces of evidence": lambda b: replace(b, evidence=b.evidence[1:]),
    "names band 10": lambda b: replace(b, unusual_pairs=((0, 10**6, 1, 0),)),
    "band 0 of attribute 99": lambda b: replace(b, unusual_pairs=((99, 0, 1, 0),)),
    "evidence of": lambda b: replace(b, evidence=(_beyond(b.evidence[0]), *b.evidence[1:])),
}


def _beyond(evidence: Evidence) -> Evidence:
    return replace(evidence, band=evidence.band + 10**6)


@pytest.mark.parametrize("what", SCORECARDS)
def test_a_scorecard_with_inconsistent_parts_is_refused_and_the_part_is_named(
    what: str, sealed: bytes
) -> None:
    scorecard = scorer_from_json(sealed, "v").scorecard
    check_scorecard(scorecard)
    with pytest.raises(BundleError, match=what):
        check_scorecard(SCORECARDS[what](scorecard))


@pytest.mark.parametrize(
    ("first", "rows", "message"),
    [(99, 0, "names attribute 99"), (-1, 0, "names attribute -1"), (0, -1, "does not fit")],
)
def test_a_pair_outside_the_attributes_is_refused(
    sealed: bytes, first: int, rows: int, message: str
) -> None:
    scorecard = scorer_from_json(sealed, "v").scorecard
    sizes = [column.size + 2 for column in scorecard.columns]
    grid = np.zeros(sizes[0], dtype=np.int64)
    pair = PairTerm(first, 1, grid + rows, np.zeros(sizes[1], dtype=np.int64))
    forged = object.__new__(type(scorecard))
    forged.__dict__.update(scorecard.__dict__ | {"pairs": (pair,)})
    with pytest.raises(BundleError, match=message):
        check_scorecard(forged)


def test_a_pair_that_declares_too_many_rows_uses_no_memory(sealed: bytes) -> None:
    data = json.loads(sealed)
    sizes = [len(item["band"]) for item in data["book"]["evidence"]]
    far = [2**62] * sizes[0]
    data["book"]["pairs"] = [
        {"first": 0, "second": 1, "first_map": far, "second_map": [2**62] * sizes[1]}
    ]
    with pytest.raises(BundleError, match="its columns and pairs need"):
        scorer_from_json(json.dumps(data).encode(), "v")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 10**6, "not JSON: RecursionError"),
        (b'{"format": 1, "book": {"a": 1' + b"0" * 5000 + b"}}", "not JSON: ValueError"),
        (b'{"format": 1, "amount": "\\ud800"}', "not JSON: UnicodeEncodeError"),
        (b"\x80\x04\x95.", "not JSON"),
        (b"PK\x03\x04" + b"\0" * 100, "not JSON"),
        (b'{"format": 1}', "damaged: KeyError"),
    ],
    ids=["deep", "long number", "half a character", "pickle", "zip", "empty"],
)
def test_a_json_bomb_as_a_scorer_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        scorer_from_json(content, "v")


def test_a_too_large_scorer_file_is_not_read(bundle: Path) -> None:
    size = manifests.JSON_LIMIT + 1
    with (bundle / "scorer.json").open("r+b") as file:
        file.truncate(size)
    stated = json.loads((bundle / "manifest.json").read_bytes())
    stated["files"]["scorer.json"]["size"] = size
    (bundle / "manifest.json").write_text(json.dumps(stated))
    with pytest.raises(BundleError, match="'files' is missing or wrong"):
        load(bundle)


BOMBED = """
import resource, sys
from fitmodel.exceptions import BundleError
from fitmodel.model.scorer import scorer_from_json
limit = int(sys.argv[1]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    scorer_from_json(b"[" + b"[]," * (8 * 2**20) + b"[]]", "v")
except BundleError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded as Linux does it")
def test_a_scorer_that_would_use_all_memory_is_refused() -> None:
    done = subprocess.run(  # noqa: S603 - the program above
        [sys.executable, "-c", BOMBED, "450"], check=True, capture_output=True, text=True
    )
    assert "not JSON: MemoryError" in done.stdout


# --- the manifest


@pytest.mark.parametrize(
    "facts",
    [
        {"spec": []}, {"spec": {"deals": 1}}, {"spec": None}, {"metrics": [1]}, {"metrics": None},
        {"period": "2024"}, {"period": [1, 2]}, {"period": ["2024"]}, {"edits": [1]},
        {"edits": {"a": 1}}, {"comparison": [1]}, {"estimator": 7}, {"attributes": "seats"},
        {"seen_values": 3}, {"policy": []}, {"report": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_a_manifest_entry_of_a_wrong_type_is_named(bundle: Path, facts: Any) -> None:
    stated = json.loads((bundle / "manifest.json").read_bytes())
    (bundle / "manifest.json").write_text(json.dumps(stated | facts))
    with pytest.raises(BundleError, match=f"'{next(iter(facts))}' is missing or wrong"):
        load(bundle)


@pytest.mark.parametrize(
    "fields", [{}, {"gain": 1}, {"deals": 9, "gain": math.nan, "low": 1, "high": 2}, {"x": 1}]
)
def test_a_forged_comparison_does_not_promote_a_model(fields: Any) -> None:
    with pytest.raises(BundleError, match="noted comparison with the champion is damaged"):
        Comparison.from_dict(fields)


def test_a_symbolic_link_as_pointer_is_refused(bundle: Path) -> None:
    pointer = bundle.parent / "current"
    pointer.rename(bundle.parent / "aside")
    pointer.symlink_to(bundle.parent / "aside")
    with pytest.raises(BundleError, match="cannot be read"):
        load(bundle.parent)


def test_a_changed_scorer_file_is_refused(bundle: Path, sealed: bytes) -> None:
    (bundle / "scorer.json").write_bytes(sealed.replace(b"0.", b"1.", 1))
    with pytest.raises(BundleError, match="is not the file the manifest states"):
        load(bundle)


def test_scoring_reads_no_pickle_even_with_correct_digests(sealed: bytes, tmp_path: Path) -> None:
    trap = pickled(RunsCode(tmp_path / "trap"))
    files = {"scorer.json": sealed, "estimator.joblib": trap, "extra.pkl": trap}
    path = write_bundle(tmp_path, "fit", files=files, manifest=FACTS)
    model = load(path)
    model.predict(SIMULATION.deals.head(3))
    load(path, unpickle=True).predict(SIMULATION.deals.head(3))
    assert not (tmp_path / "trap").exists()


# --- a user's own estimator


def test_an_own_estimator_is_not_unpickled_by_scoring(own: Any, tmp_path: Path) -> None:
    path = own_bundle(tmp_path, own, pickled(RunsCode(tmp_path / "trap")))
    for source in (path, path.parent, str(path)):
        with pytest.raises(BundleError, match="can run any code"):
            load(source)
    assert not (tmp_path / "trap").exists()


def test_before_requested_unpickling_the_digest_is_checked(own: Any, tmp_path: Path) -> None:
    path = own_bundle(tmp_path, own, pickled(own.estimator))
    assert load(path, unpickle=True).attributes == own.scorecard.attributes
    (path / "estimator.joblib").write_bytes(pickled(RunsCode(tmp_path / "trap")))
    with pytest.raises(BundleError, match=r"estimator.joblib has|is not the file"):
        load(path, unpickle=True)
    assert not (tmp_path / "trap").exists()


def test_with_a_key_only_a_pickle_signed_with_it_is_loaded(
    own: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITMODEL_SIGNING_KEY", "right")
    path = own_bundle(tmp_path, own, pickled(own.estimator))
    assert load(path, unpickle=True).attributes == own.scorecard.attributes
    reseal(path, estimator=pickled(RunsCode(tmp_path / "trap")))
    with pytest.raises(BundleError, match="signature does not hold"):
        load(path, unpickle=True)
    (path / "manifest.hmac").unlink()
    with pytest.raises(BundleError, match="is not signed"):
        load_estimator(path)
    assert not (tmp_path / "trap").exists()


def test_a_manifest_replaced_after_the_check_does_not_allow_another_pickle(
    own: Any, tmp_path: Path
) -> None:
    path = own_bundle(tmp_path, own, pickled(own.estimator))
    opened = open_bundle(path)
    reseal(path, estimator=pickled(RunsCode(tmp_path / "trap")))
    with pytest.raises(BundleError, match="is not the file the manifest states"):
        load_estimator(opened)
    assert not (tmp_path / "trap").exists()


def test_an_own_estimator_has_no_tables_to_edit(own: Any, tmp_path: Path) -> None:
    path = own_bundle(tmp_path, own, pickled(own.estimator))
    asked = {"level": "smb", "effect": 1.0, "reason": "why", "by": "Kim"}
    with pytest.raises(BundleError, match="can run any code"):
        edit_table(path, "segment", **asked)
    with pytest.raises(EditError, match="no tables that could be edited"):
        edit_table(load(path, unpickle=True), "segment", **asked)
    assert len(list(path.parent.iterdir())) == 2  # the version and the pointer


# --- through MLflow


class Report:
    """A stand-in for a training report without metrics, but with skill."""

    metrics: dict[str, Any] = {}  # noqa: RUF012
    has_skill = True

    def to_dict(self) -> dict[str, Any]:
        return {}


def registered(path: Path, own: Any, store: str) -> Any:
    """Track an own estimator as a training would; it is a challenger, even the first."""
    spec = SIMULATION.spec.replace(tracking={"uri": store})
    example = SIMULATION.deals.head(1)[list(own.scorecard.attributes)]
    facts = TrainingMetadata(path, spec, Report(), SIMULATION.deals, example, "# Card\n", {}, None)
    before = get_alias("prospect-fit", "champion", store)
    version = track(facts).registry_version
    assert version is not None
    assert get_alias("prospect-fit", "challenger", store) == version
    assert get_alias("prospect-fit", "champion", store) == before
    return spec


def put_in_use(path: Path, own: Any, store: str) -> Any:
    """Make an own estimator champion, which needs force."""
    spec = registered(path, own, store)
    with pytest.raises(PromotionRefusedError, match="user's own estimator"):
        promote("prospect-fit", store=store)
    done = promote("prospect-fit", force=True, reason="our services load it", store=store)
    assert get_alias("prospect-fit", "champion", store) == done.version
    return spec


@pytest.fixture
def champion(own: Any, tmp_path: Path, mlflow_store: str) -> str:
    """A separate store whose champion is an own estimator."""
    path = own_bundle(tmp_path / "models", own, pickled(own.estimator))
    put_in_use(path, own, mlflow_store)
    return mlflow_store


@pytest.fixture
def trap(own: Any, tmp_path: Path, mlflow_store: str) -> Path:
    """A champion whose pickle runs code, with correct digests."""
    path = own_bundle(tmp_path / "models", own, pickled(RunsCode(tmp_path / "trap")))
    put_in_use(path, own, mlflow_store)
    assert not (tmp_path / "trap").exists()
    return tmp_path / "trap"


def served(store: str) -> Any:
    with connected(store):
        from mlflow.pyfunc import load_model

        return load_model("models:/prospect-fit@champion")


def test_serving_by_mlflow_does_not_unpickle_an_own_estimator(
    trap: Path, mlflow_store: str
) -> None:
    with pytest.raises(BundleError, match=r"FITMODEL_SIGNING_KEY.*FITMODEL_UNPICKLE=1"):
        served(mlflow_store)
    assert not trap.exists()


@pytest.mark.slow
def test_with_a_key_mlflow_serves_only_a_signed_estimator(
    own: Any, tmp_path: Path, mlflow_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITMODEL_SIGNING_KEY", "right")
    path = own_bundle(tmp_path / "models", own, pickled(own.estimator))
    put_in_use(path, own, mlflow_store)
    prospects = SIMULATION.deals.head(3)
    answer = served(mlflow_store).predict(prospects, params={"reasons": 0})
    expected = load(path, unpickle=True).predict(prospects, reasons=0)
    np.testing.assert_array_equal(
        answer["early_churn_probability"], expected["early_churn_probability"]
    )
    monkeypatch.setenv("FITMODEL_SIGNING_KEY", "another")
    with pytest.raises(BundleError, match="signature does not hold"):
        served(mlflow_store)


def test_a_file_is_scored_by_an_own_estimator_only_on_request(
    trap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FITMODEL_UNPICKLE", raising=False)
    SIMULATION.deals.head(2).to_csv(tmp_path / "prospects.csv", index=False)
    folder = str(tmp_path / "models" / "prospect-fit")
    asked = ["score", str(tmp_path / "prospects.csv"), "-o", str(tmp_path / "scored.csv")]
    for model in ("models:/prospect-fit@champion", folder):
        done = CliRunner().invoke(app, [*asked, "--model", model])
        assert done.exit_code == 1
        assert "score --unpickle" in done.output
    monkeypatch.setenv("FITMODEL_SIGNING_KEY", "right")  # requested, but not signed
    done = CliRunner().invoke(app, [*asked, "--model", folder, "--unpickle"])
    assert done.exit_code == 1
    assert "is not signed" in done.output
    assert not trap.exists()


def test_unpickling_can_be_allowed_by_an_environment_variable(
    champion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITMODEL_UNPICKLE", "1")
    answer = served(champion).predict(SIMULATION.deals.head(2), params={"reasons": 0})
    assert answer["early_churn_probability"].between(0, 1).all()


def meets(spec: Any) -> Comparison:
    """A perfect challenger, evaluated on every deal."""
    import pandas as pd

    deals = SIMULATION.deals
    left = deals["churned_on"].notna().astype(float)
    evaluated = pd.DataFrame(
        {"early_churn": left, "probability": left * 0.8 + 0.1, "weight": 1.0, "base_rate": 0.3}
    )
    result = compare_with_champion(evaluated, deals[["segment"]], deals, spec)
    assert result is not None
    return result


@pytest.mark.slow
def test_the_comparison_with_an_own_estimator_explains_why_it_is_not_made(
    own: Any, tmp_path: Path, mlflow_store: str
) -> None:
    path = own_bundle(tmp_path / "models", own, pickled(RunsCode(tmp_path / "trap")))
    spec = put_in_use(path, own, mlflow_store)
    (objection,) = meets(spec).objections
    assert "a user's own estimator (LogisticRegression)" in objection
    assert "only where FITMODEL_SIGNING_KEY is set" in objection
    assert not (tmp_path / "trap").exists()


@pytest.mark.slow
def test_a_signed_own_estimator_is_compared(
    own: Any, tmp_path: Path, mlflow_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITMODEL_SIGNING_KEY", "right")
    path = own_bundle(tmp_path / "models", own, pickled(own.estimator))
    met = meets(put_in_use(path, own, mlflow_store))
    assert met.deals >= 50
    assert met.low > 0


@pytest.mark.slow
def test_the_promotion_of_an_own_estimator_names_the_commands_that_cannot_load_it(
    champion: str, own: Any, tmp_path: Path
) -> None:
    path = own_bundle(tmp_path / "models", own, pickled(own.estimator))
    registered(path, own, champion)
    for given in (None, 2):
        with pytest.raises(PromotionRefusedError, match="would stop `serve`, `brief`, `monitor`"):
            promote("prospect-fit", version=given, store=champion)
    with pytest.raises(PromotionRefusedError, match="needs a reason"):
        promote("prospect-fit", force=True, store=champion)
    assert get_alias("prospect-fit", "champion", champion) == 1
    done = promote("prospect-fit", force=True, reason="better", store=champion)
    assert done.previous == 1
    assert "serve, brief, monitor and Spark do not load it" in str(done.warning)
    assert "fitmodel score --unpickle" in str(done.warning)


@pytest.mark.usefixtures("champion")
def test_a_champion_changed_in_the_store_is_refused(tmp_path: Path) -> None:
    (result,) = (tmp_path / "store").rglob("manifest.json")
    reseal(result.parent, estimator=pickled(RunsCode(tmp_path / "trap")))
    with pytest.raises(FitModelError, match="is not the one registered"):
        load("models:/prospect-fit@champion", unpickle=True)
    shutil.rmtree(result.parent)
    with pytest.raises(FitModelError, match="no bundle at"):
        load("models:/prospect-fit@champion", unpickle=True)
    assert not (tmp_path / "trap").exists()
