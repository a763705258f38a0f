"""The script that MLflow logs as code with every model (models from code: no pickle).

MLflow runs this file when the model is logged and each time it is loaded with
``mlflow.pyfunc.load_model`` or ``mlflow models serve``; nothing in fitmodel imports it. It opens
the bundle that is logged with it, so fitmodel must be installed where the model is loaded.

A user's own estimator is a pickle, and its digest is stored next to it: who can change the pickle
can also change the digest. Therefore it is loaded here only if FITMODEL_SIGNING_KEY is set and the
bundle's signature holds, or if FITMODEL_UNPICKLE=1 states that the store is trusted.
"""

from __future__ import annotations

import json
import math
import os
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from fitmodel.bundle.manifest import SIGNING_KEY, is_signature_required
from fitmodel.bundle.reading import open_bundle
from fitmodel.exceptions import BundleError, ProspectError, SpecError
from fitmodel.model.fitmodel import FitModel
from fitmodel.model.horizons import add_horizons, check_horizons
from fitmodel.model.opening import is_own_estimator, open_model
from fitmodel.model.scorer import check_reasons

UNPICKLE = "FITMODEL_UNPICKLE"


class ProspectFit(PythonModel):
    """MLflow model that scores prospects with the bundle; the columns are those of `predict`.

    Reasons are mappings, and numbers that are not known are None, so that the result can be
    converted to JSON, which has no NaN.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Open the bundle; the module's docstring says when an own estimator is unpickled."""
        path = context.artifacts["bundle"]
        self.model, self.has_scorecard = _opened(path), not is_own_estimator(open_bundle(path))

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow's own signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Return the predictions of every row.

        ``params`` are ``reasons`` (how many; 0 for none), their ``language``, and ``horizons``
        (months of further columns such as ``churn_probability_12m``).
        """
        options = params or {}
        reasons, language = options.get("reasons", 3), str(options.get("language", "en"))
        table, horizons = pd.DataFrame(model_input), options.get("horizons")
        try:
            check_reasons(reasons)
            months = check_horizons(self.model, () if horizons is None else list(horizons))
            predictions = self._predicted(table, reasons, language)
            if months:
                predictions = add_horizons(self.model, predictions, table, months, None)
            return _plain(predictions)
        except (
            ProspectError,
            SpecError,
        ) as error:
            # MLflow sends only the messages of its own exceptions to clients.
            raise MlflowException.invalid_parameter_value(str(error)) from error

    def _predicted(self, table: pd.DataFrame, reasons: int, language: str) -> pd.DataFrame:
        """Return the columns of ``FitModel.predict``, with the reasons as mappings."""
        by_column = self.has_scorecard and reasons > 0
        predictions = self.model.predict(
            table, reasons=0 if by_column else reasons, language=language
        )  # raises an error for values that cannot be read
        if by_column:  # sentences for whole columns are many times faster than one by one
            predictions, _ = self.model.predict_table(
                table, reasons=reasons, language=language, as_json=True
            )
            texts = [text or "null" for text in predictions["reasons"]]  # a lost row has none
            listed = json.loads(f"[{','.join(texts)}]")
        elif reasons > 0:
            listed = [
                None if row is None else [reason.to_dict() for reason in row]
                for row in predictions["reasons"]
            ]
        else:
            return predictions
        return predictions.assign(reasons=_column(listed, predictions))


def _opened(path: str) -> FitModel:
    may_unpickle = is_signature_required() or os.environ.get(UNPICKLE) == "1"
    bundle = open_bundle(path)
    if is_own_estimator(bundle) and not may_unpickle:
        raise BundleError(
            f"{path} holds a user's own estimator: to load it is to unpickle it, which can run any "
            f"code. Remedy: train and serve with {SIGNING_KEY} set; or, if you trust everybody who "
            f"can write to this store, set {UNPICKLE}=1."
        )
    return open_model(bundle, unpickle=may_unpickle)


def _plain(predictions: pd.DataFrame) -> pd.DataFrame:
    plain = predictions.copy()
    for name in plain.select_dtypes("float").columns:
        if plain[name].isna().any():
            values = [value if math.isfinite(value) else None for value in plain[name]]
            plain[name] = _column(values, plain)
    for name in plain.columns[plain.isna().any()]:  # missing in lost rows
        plain[name] = plain[name].astype(object).where(plain[name].notna(), None)
    return plain


def _column(values: list[Any], frame: pd.DataFrame) -> pd.Series:
    return pd.Series(values, index=frame.index, dtype=object)


set_model(ProspectFit())
