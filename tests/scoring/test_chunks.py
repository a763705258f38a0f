"""Numbers in chunks of a CSV file, compared with reading the whole column in training."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fitmodel.scoring._chunks import chunk_frame
from fitmodel.scoring.batch import score_file
from fitmodel.scoring.streams import Chunk
from fitmodel.tables.files import read_table
from fitmodel.tables.values import read_numbers

FORMS = [
    "12.5",
    "12,5",
    "0.125",
    "0,125",
    "1.234",
    "1,234",
    "1.234,5",
    "1,234.5",
    "1.234.567",
    "1,234,567",
    "1234.567",
    "1234,567",
    "1234",
    "-3,75",
    "-1.234",
    "1e3",
    "7",
    "12.3456",
    "123456,7",
    "100.000",
    "100,000",
    "0.5",
    ".5",
    ",5",
    "1.5,3",
    "1,5.3",
    "x",
    "-",
]


def _scored(model, texts: list[str], *, decimal_comma: bool) -> tuple[np.ndarray, set[int]]:
    """The amounts that scoring reads, and the rows refused because of ambiguous marks."""
    count = len(texts)
    columns = {name: pa.array([""] * count) for name in model.attributes}
    columns[model.scorer.amount] = pa.array(texts)
    frame, unclear = chunk_frame(
        Chunk(pa.record_batch(columns)), model, decimal_comma=decimal_comma
    )
    numbers = pd.to_numeric(frame[model.scorer.amount], errors="coerce").to_numpy(float)
    return numbers, set(unclear)


@pytest.mark.slow
@pytest.mark.parametrize(("separator", "count"), [(";", 400), ("\t", 60), ("|", 60)])
def test_a_number_read_in_scoring_is_the_same_or_missing_in_training(
    model, tmp_path, separator, count
):
    rng = np.random.default_rng(8)
    scored = {form: _scored(model, [form], decimal_comma=True)[0][0] for form in FORMS}
    path, agreed = tmp_path / "deals.csv", 0
    columns = [list(rng.choice(FORMS, rng.integers(1, 5))) for _ in range(count)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(range(len(columns)))
        writer.writerows(zip(*(column * 12 for column in columns), strict=False))
    table = read_table(path)

    for position, column in enumerate(columns):
        trained = read_numbers(table[str(position)]).series.tolist()
        for form, number in zip(column, trained, strict=False):
            if not np.isnan(scored[form]) and not np.isnan(number):
                assert number == scored[form], (form, column)
                agreed += 1
    assert agreed > count / 2


def test_a_comma_is_the_decimal_mark_in_a_file_with_decimal_commas(model):
    texts = ["12,5", "12.5", "0,125", "-1234,567", "1234.5", "7", " 8,0 ", "1e3", ""]

    numbers, unclear = _scored(model, texts, decimal_comma=True)

    np.testing.assert_array_equal(
        numbers, [12.5, 12.5, 0.125, -1234.567, 1234.5, 7, 8, 1000, np.nan]
    )
    assert unclear == set()


def test_marks_that_are_ambiguous_without_the_whole_column_are_refused(model):
    grouped = ["1.234", "1.234.567", "1,234", "-12,345,678", "1.234,5", "1,234.56"]

    numbers, unclear = _scored(model, grouped, decimal_comma=True)
    assert np.isnan(numbers).all()
    assert unclear == set(range(len(grouped)))
    numbers, unclear = _scored(model, grouped, decimal_comma=False)
    assert unclear == {2, 3, 4, 5}
    assert numbers[0] == 1.234


@pytest.mark.parametrize("separator", ["\t", "|"])
@pytest.mark.parametrize(("beside", "refused"), [("12.5", 0), ("12,5", 1), ("1.234.567", 2)])
def test_in_a_tab_separated_file_the_other_values_decide_about_the_point(
    model, prospects, tmp_path, separator, beside, refused
):
    rows = prospects.astype(object).head(4).assign(annual_value="14500", discount="")
    rows.loc[rows.index[1], "annual_value"] = "176.263"
    rows.loc[rows.index[2], "annual_value"] = beside
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    rows.to_csv(source, index=False, sep=separator)

    assert score_file(source, model, output, reasons=0, chunk_rows=1).errors == refused
    if not refused:
        same = score_file(source, model, output, reasons=0)
        values = pd.read_csv(output, sep=separator)["expected_value"]
        expected = model.predict(
            prospects.head(4).assign(annual_value=[14500, 176.263, 12.5, 14500], discount=None)
        )
        assert same.errors == 0
        np.testing.assert_allclose(values, expected["expected_value"])


@pytest.mark.slow
def test_the_error_names_column_value_and_remedy_of_all_problems(model, prospects, tmp_path):
    rows = prospects.astype(object).assign(annual_value="1500,5", discount="0,1", trial_days="9")
    rows.loc[rows.index[2], ["annual_value", "seats", "discount"]] = ["1.234", "many", "1.234,5"]
    rows.to_csv(tmp_path / "in.csv", index=False, sep=";")

    result = score_file(tmp_path / "in.csv", model, tmp_path / "out.csv", reasons=0, chunk_rows=2)

    scored = pd.read_csv(tmp_path / "out.csv", sep=";")
    error = scored["error"][2]
    assert result.errors == 1
    assert "seats: 'many' cannot be read; " in error
    assert "annual_value: '1.234' is unclear: its mark may be decimal" in error
    assert "discount: '1.234,5' is unclear" in error
    assert error.count("Remedy: write plain numbers such as 1234.5") == 1
    assert scored.loc[2, ["early_churn_probability", "fit", "expected_value"]].isna().all()
    assert scored["annual_value"][2] == "1.234"
