"""A decimal value becomes the nearest float, for every width and scale."""

from __future__ import annotations

from decimal import Context, Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fitmodel.tables.files import floats_of, read_table


@pytest.mark.parametrize(
    "kind",
    [
        pa.decimal128(18, 6),
        pa.decimal128(38, 38),
        pa.decimal128(38, 9),
        pa.decimal128(20, -10),
        pa.decimal256(76, 30),
        pa.decimal32(7, 3),
    ],
)
def test_the_float_equals_the_float_of_the_digits(kind: pa.DataType) -> None:
    rng = np.random.default_rng(3)
    widths = rng.integers(1, kind.precision + 1, 400)
    digits = ["".join(map(str, rng.integers(0, 10, width))) for width in widths]
    exact = Context(prec=80)
    values = [
        Decimal(f"{sign}{text}").scaleb(-kind.scale, exact)
        for sign, text in zip(rng.choice(["", "-"], 400), digits, strict=True)
    ]

    read = floats_of(pa.array([*values, None], kind)).to_pylist()

    assert read == [*(float(str(value)) for value in values), None]


def test_decimals_in_parquet_give_the_same_floats_as_in_csv(tmp_path) -> None:
    cents = [Decimal(number).scaleb(-2) for number in range(1000)]
    amount = pa.array(cents, pa.decimal128(18, 6))
    pq.write_table(pa.table({"amount": amount}), tmp_path / "deals.parquet")
    pd.DataFrame({"amount": [str(value) for value in cents]}).to_csv(tmp_path / "deals.csv")

    one, other = (read_table(tmp_path / f"deals.{kind}")["amount"] for kind in ("parquet", "csv"))

    assert one.tolist() == other.tolist()
