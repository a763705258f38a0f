"""Logging of a bundle as an MLflow model, with code, signature, example and requirements.

Input columns have the type *any*: MLflow refuses integers in a column declared as double (even 5
for 5.0), and an empty column declared as string, but ``predict`` accepts both. Therefore
``predict`` does the checking; its messages name the remedy.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fitmodel
from fitmodel.bundle.reading import MANIFEST, SIGNATURE, open_bundle

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from fitmodel.bundle.reading import Bundle
    from fitmodel.deals.contract import DealSpec

MODEL_NAME = "fitmodel"
BUNDLE_FOLDER = "artifacts/bundle"

_SCRIPT = Path(__file__).with_name("pyfunc_model.py")
_OUTPUTS = {
    "early_churn_probability": "double",
    "probability_low": "double",
    "probability_high": "double",
    "poor_fit": "boolean",
    "fit": "string",
    "expected_value": "double",
    "unfamiliar": "boolean",
    "reasons": None,
    "model_version": "string",
    "worth": "string",
    "escalate": "boolean",
    "expected_value_low": "double",
    "expected_value_high": "double",
    "own_evidence": "double",
}
_OPTIONAL_OUTPUTS = frozenset(
    {"expected_value", "expected_value_low", "expected_value_high", "own_evidence", "reasons"}
)
_SCORING = ("lazy-loader", "mlflow", "numpy", "pandas", "pyarrow", "pydantic", "tomli-w")
_OWN_ESTIMATOR = ("interpret-core", "joblib", "scikit-learn", "scipy")


def log_bundle(
    client: Any, run_id: str, bundle_path: Path, example: pd.DataFrame, spec: DealSpec
) -> str:
    """Log a bundle as the run's model and return the id of the logged model."""
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    model = client.create_logged_model(
        client.get_run(run_id).info.experiment_id, name=MODEL_NAME, source_run_id=run_id
    )
    with tempfile.TemporaryDirectory() as folder:
        _save(Path(folder), model, bundle_path, example, spec)
        client.log_model_artifacts(model.model_id, str(Path(folder) / "model"))
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    return str(model.model_id)


def _save(
    folder: Path, model: Any, bundle_path: Path, example: pd.DataFrame, spec: DealSpec
) -> None:
    import mlflow.pyfunc
    from mlflow.models import Model

    bundle = open_bundle(bundle_path)
    copy = _checked_copy(bundle, folder / "bundle")
    mlflow.pyfunc.save_model(
        path=folder / "model",
        mlflow_model=Model(
            artifact_path=model.artifact_location,
            model_uuid=model.model_id,
            model_id=model.model_id,
            run_id=model.source_run_id,
        ),
        python_model=str(_SCRIPT),
        artifacts={"bundle": str(copy)},
        signature=_signature([*example.columns, *_optional_columns(spec, example)]),
        input_example=example.head(1).reset_index(drop=True),
        code_paths=[_package()],
        pip_requirements=_requirements(bundle),
        metadata={"fitmodel": {"name": bundle.name, "version": bundle.version}},
    )
    for unused in (folder / "model" / "code").glob("fitmodel/service/desk"):
        shutil.rmtree(unused)  # files of the app's pages: scoring does not read them


def _package() -> str:
    """Return the folder of fitmodel, of which a copy is logged with the model.

    The version that a bundle needs may not be in any package index.
    """
    return str(Path(fitmodel.__file__).parent)


def _requirements(bundle: Bundle) -> list[str]:
    """Return the packages that scoring imports, with the versions of this environment."""
    names = [*_SCORING, *(_OWN_ESTIMATOR if bundle.manifest.get("estimator") else ())]
    return [f"{name}=={importlib.metadata.version(name)}" for name in names]


def _checked_copy(bundle: Bundle, folder: Path) -> Path:
    # The copy has the fixed name by which it is found again, and only files in the manifest.
    folder.mkdir()
    for name in (MANIFEST, SIGNATURE):
        if (bundle.path / name).exists():
            shutil.copyfile(bundle.path / name, folder / name)
    for file in bundle.files:
        (folder / file).write_bytes(bundle.read(file))
    return folder


def _optional_columns(spec: DealSpec, example: pd.DataFrame) -> list[str]:
    # `predict` uses these columns if they are given; MLflow drops columns not in the signature.
    used = (spec.deals.closed_on, spec.deals.amount, *spec.rows.chosen_by)
    names = [name for name in dict.fromkeys(used) if name is not None]
    return [name for name in names if name not in example.columns]


def _signature(columns: Iterable[str]) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    any_type = AnyType()  # type: ignore[no-untyped-call]  # MLflow annotates it incompletely
    inputs = Schema([ColSpec(any_type, str(name), required=False) for name in columns])
    outputs = Schema(
        [
            ColSpec(kind or any_type, name, required=name not in _OPTIONAL_OUTPUTS)
            for name, kind in _OUTPUTS.items()
        ]
    )
    specs = [ParamSpec("reasons", DataType.long, 3), ParamSpec("language", DataType.string, "en")]
    specs.append(ParamSpec("horizons", DataType.long, [], shape=(-1,)))
    params = ParamSchema(specs)
    return ModelSignature(inputs=inputs, outputs=outputs, params=params)
