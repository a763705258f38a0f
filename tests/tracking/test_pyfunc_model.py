"""The MLflow model gives the same results as ``predict``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from fitmodel.loading import load
from fitmodel.model.fitmodel import FitModel
from fitmodel.tracking.connection import connected
from fitmodel.tracking.runs import TrainingMetadata

pytestmark = pytest.mark.slow  # each logs a model


@pytest.fixture(scope="module")
def metadata(tracked_twice: list[TrainingMetadata]) -> TrainingMetadata:
    """The training of the champion."""
    return tracked_twice[0]


@pytest.fixture(scope="module")
def served(metadata: TrainingMetadata) -> Iterator[Any]:
    """The champion as loaded by a user of MLflow; no test changes it."""
    uri = metadata.spec.tracking.uri
    with pytest.MonkeyPatch.context() as patch, connected(uri):  # without messages
        from mlflow.pyfunc import load_model

        patch.setenv("MLFLOW_TRACKING_URI", uri)
        yield load_model("models:/prospect-fit@champion")


@pytest.fixture(scope="module")
def model(metadata: TrainingMetadata) -> FitModel:
    return load(metadata.bundle_path)


def plain(predictions: pd.DataFrame) -> pd.DataFrame:
    """Predictions as JSON values: reasons as mappings, missing values as None."""
    reasons = [[reason.to_dict() for reason in row] for row in predictions["reasons"]]
    gaps = {
        name: predictions[name].astype(object).where(predictions[name].notna(), None)
        for name in predictions.select_dtypes("float")
        if predictions[name].isna().any()
    }
    listed = pd.Series(reasons, index=predictions.index, dtype=object)
    return predictions.assign(reasons=listed, **gaps)


def test_the_mlflow_model_gives_the_same_columns_numbers_and_index(
    served: Any, model: FitModel, trained: Any
) -> None:
    prospects = trained.prospects.set_index("deal_id")
    pd.testing.assert_frame_equal(served.predict(prospects), plain(model.predict(prospects)))


def test_other_horizons_get_a_column_each(served: Any, model: FitModel, trained: Any) -> None:
    result = served.predict(trained.prospects, params={"horizons": [3, 5, 12], "reasons": 0})
    expected = model.predict(trained.prospects, horizon_months=[3, 5, 12], reasons=0)
    months = [f"churn_probability_{month}m" for month in (3, 5, 12)]
    names = [f"{name}{end}" for name in months for end in ("", "_low", "_high")]
    pd.testing.assert_frame_equal(result[names], expected[names], check_exact=True)
    assert (result[months[1]] == result["early_churn_probability"]).all()
    assert (result[f"{months[1]}_low"] == result["probability_low"]).all()
    assert list(result.columns)[-9:] == names


def test_the_error_for_a_horizon_beyond_the_curve_says_so(served: Any, trained: Any) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match="the model's curve ends at month"):
        served.predict(trained.prospects, params={"horizons": [600]})


def test_integers_missing_values_and_unknown_levels_are_read_like_predict(
    served: Any, model: FitModel, trained: Any
) -> None:
    unusual = trained.prospects.head(4).assign(
        seats=[5, 6, 7, 2**40],
        trial_days=[1, None, 3, 4],
        segment=["never seen", None, "smb", "smb"],
        employees=None,
        annual_value=[1000, 2000, 3000, 4000],
    )
    pd.testing.assert_frame_equal(served.predict(unusual), plain(model.predict(unusual)))


def test_dates_are_counted_back_from_a_given_closing_date(
    served: Any, model: FitModel, trained: Any
) -> None:
    assert "closed_on" in trained.prospects
    later = trained.prospects.assign(
        closed_on=trained.prospects["closed_on"] + pd.Timedelta(days=900)
    )
    pd.testing.assert_frame_equal(served.predict(later), plain(model.predict(later)))


def test_the_number_of_reasons_is_a_parameter(served: Any, trained: Any) -> None:
    one = served.predict(trained.prospects, params={"reasons": 1})
    assert {len(reasons) for reasons in one["reasons"]} == {1}
    assert "reasons" not in served.predict(trained.prospects, params={"reasons": 0})
    for reasons in (-1, None):
        with pytest.raises(MlflowException, match=f"reasons is {reasons}; give how many"):
            served.predict(trained.prospects, params={"reasons": reasons})
    assert served.predict(trained.prospects)["reasons"].map(len).max() == 3


def test_the_language_of_the_reasons_is_a_parameter(
    served: Any, model: FitModel, trained: Any
) -> None:
    from mlflow.exceptions import MlflowException

    chinese = served.predict(trained.prospects, params={"language": "zh"})
    pd.testing.assert_frame_equal(chinese, plain(model.predict(trained.prospects, language="zh")))
    with pytest.raises(MlflowException, match="choose one of en, zh"):
        served.predict(trained.prospects, params={"language": "xx"})


def ask(served: Any, payload: dict[str, Any]) -> str:
    """Send a request to the application behind ``mlflow models serve``."""
    from mlflow.pyfunc.scoring_server import invocations

    schema = served.metadata.get_input_schema()
    answer = invocations(json.dumps(payload), "application/json", served, schema)
    return str(answer.response)


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def test_the_response_to_the_stored_example_is_strict_json(
    served: Any, metadata: TrainingMetadata
) -> None:
    example = served.input_example
    assert list(example.columns) == list(metadata.example.columns)
    rows = json.loads(example.to_json(orient="split"))
    with pytest.warns(UserWarning, match="first_contact_on: counted back from today"):
        text = ask(served, {"dataframe_split": rows})  # the example has no closing date
    (answer,) = json.loads(text, parse_constant=no_constant)["predictions"]
    assert answer["model_version"] == metadata.bundle_path.name
    assert 0 < answer["early_churn_probability"] < 1
    assert answer["expected_value"] is None
    assert len(answer["reasons"]) == 3


def test_a_server_accepts_records_with_missing_values_and_parameters(
    served: Any, model: FitModel, trained: Any
) -> None:
    prospects = trained.prospects.head(5).drop(columns=["closed_on"])
    prospects["seats"] = [1, None, 3, 4, 5]
    records = json.loads(prospects.to_json(orient="records", date_format="iso"))
    with pytest.warns(UserWarning, match="counted back from today.*no column 'closed_on'"):
        answer = ask(served, {"dataframe_records": records, "params": {"reasons": 0}})
    with pytest.warns(UserWarning, match="counted back from today.*no column 'closed_on'"):
        expected = model.predict(prospects, reasons=0)["early_churn_probability"]
    given = [row["early_churn_probability"] for row in json.loads(answer)["predictions"]]
    assert given == expected.tolist()
    assert "reasons" not in json.loads(answer)["predictions"][0]


def test_the_mlflow_error_for_a_missing_column_names_it(served: Any, trained: Any) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match=r"(?s)attribute\(s\) are missing.*seats") as error:
        served.predict(trained.prospects.drop(columns=["seats"]))
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    with pytest.raises(MlflowException, match=r"(?s)attribute\(s\) are missing.*seats"):
        ask(served, {"dataframe_records": [{"segment": "smb"}]})


def test_the_signature_names_every_column_and_the_parameters(served: Any, metadata: Any) -> None:
    signature = served.metadata.signature
    assert signature.inputs.input_names() == [*metadata.example.columns, "closed_on"]
    assert signature.outputs.input_names()[:2] == ["early_churn_probability", "probability_low"]
    assert [(p.name, p.default) for p in signature.params.params] == [
        ("reasons", 3),
        ("language", "en"),
        ("horizons", []),
    ]
