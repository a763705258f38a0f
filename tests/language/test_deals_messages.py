"""Errors of past deals, which the app's pages show, are translated with their names and numbers."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import fitmodel
from fitmodel.deals.contract import DealSpec
from fitmodel.deals.reading import read_deals
from fitmodel.exceptions import DealsError
from fitmodel.language.catalogue import message_in, read_texts

HOME = Path(fitmodel.__file__).parent
QUOTED = read_texts("zh", "messages")["original"].partition("{")[0]
ROLES = {"id": "id", "closed_on": "signed", "churned_on": "left", "observed_until": "2025-12-31"}
TENURE = {"tenure_months": "stayed", "churned": "gone"}
N = 80
SHOWN_IN_ALL_LANGUAGES = re.compile(
    r"\[\w+\] ?[\w ]*|'[^']*'|\"[^\"]*\"|[A-Z-]{4,}|\.\w+|CSV UTF-8"
)


def deals(**columns: Any) -> pd.DataFrame:
    signed = pd.Series(pd.date_range("2023-01-01", periods=N, freq="9D").strftime("%Y-%m-%d"))
    left = (pd.to_datetime(signed) + pd.Timedelta("60D")).dt.strftime("%Y-%m-%d")
    table = {
        "id": [f"D{number}" for number in range(N)],
        "signed": signed,
        "left": left.where(signed.index % 3 == 0),
        "seats": [number % 17 + 1 for number in range(N)],
        "value": [1000 + number for number in range(N)],
    }
    return pd.DataFrame(table | columns)


def spec(**roles: Any) -> DealSpec:
    return DealSpec(deals=ROLES | roles)


def tenures(**columns: Any) -> pd.DataFrame:
    months = [number % 24 + 0.5 for number in range(N)]
    gone = ["yes" if number % 3 else "no" for number in range(N)]
    return pd.DataFrame(
        {"stayed": months, "gone": gone, "seats": range(N)} | columns,
    )


def changed(values: pd.Series, at: int, value: Any) -> pd.Series:
    return values.astype(object).where(values.index != at, value)


BASE, MONTHS, BY_TENURE = deals(), tenures(), DealSpec(deals=TENURE)
UNCLEAR = [f"0{number % 9 + 1}/0{number % 7 + 1}/2024" for number in range(N)]
BROKEN = {
    "a role without a column": (BASE.drop(columns="left"), spec()),
    "a misspelt role": (BASE.rename(columns={"left": "lefft"}), spec()),
    "an empty id": (deals(id=changed(BASE["id"], 3, None)), spec()),
    "a repeated id": (deals(id=changed(BASE["id"], 3, "D2")), spec()),
    "no attribute": (BASE[["id", "signed", "left"]], spec()),
    "an amount in words": (deals(value=changed(BASE["value"], 3, "much")), spec(amount="value")),
    "an attribute in words": (
        deals(seats=changed(BASE["seats"], 3, "many").astype(str)),
        spec().replace(attributes={"numeric": ["seats"]}),
    ),
    "several currencies": (
        deals(value=[f"{'$' if number % 9 else '€'} {number}00" for number in range(N)]),
        spec(amount="value"),
    ),
    "currencies by column": (
        deals(money=["USD", "EUR"] * (N // 2)), spec(amount="value", currency="money"),
    ),
    "no probability": (deals(p=[1.5, *[0.5] * (N - 1)]), spec(propensity="p")),
    "left before": (deals(left=changed(BASE["left"], 3, "2020-01-01")), spec()),
    "signed after the end": (deals(signed=changed(BASE["signed"], 1, "2031-01-01")), spec()),
    "no date": (deals(signed=changed(BASE["signed"], 1, "soon")), spec()),
    "no day of signing": (deals(signed=changed(BASE["signed"], 1, None)), spec()),
    "an unclear order": (
        deals(signed=UNCLEAR, left=None),
        spec(),
    ),
    "left on an unknown day": (
        deals(gone=["yes"] * N), spec(churned="gone"),
    ),
    "a status": (deals(gone=["yes", "perhaps"] * (N // 2)), spec(churned="gone")),
    "nobody left": (deals(left=None), spec()),
    "nobody stayed": (deals(left=BASE["signed"]), spec()),
    "nobody mature": (BASE, spec(observed_until="2023-01-02")),
    "few rows": (BASE.head(1), spec()),
    "equal columns": (pd.concat([BASE, BASE[["seats"]]], axis=1), spec()),
    "a column without a name": (BASE.rename(columns={"seats": ""}), spec()),
    "a list in a cell": (deals(seats=[[1]] * N), spec()),
    "a tenure in words": (tenures(stayed=changed(MONTHS["stayed"], 3, "x")), BY_TENURE),
    "a negative tenure": (tenures(stayed=changed(MONTHS["stayed"], 3, -1)), BY_TENURE),
    "no tenure": (tenures(stayed=changed(MONTHS["stayed"], 3, None)), BY_TENURE),
    "no flag": (tenures(gone=changed(MONTHS["gone"], 3, None)), BY_TENURE),
    "an unclear flag": (tenures(gone=changed(MONTHS["gone"], 3, "soso")), BY_TENURE),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_an_error_of_past_deals_is_translated_with_its_names_and_numbers(name: str) -> None:
    with pytest.raises(DealsError) as caught:
        read_deals(*BROKEN[name])
    message = str(caught.value)
    translation = message_in(message, "zh", "deals")

    assert QUOTED not in translation, message
    assert sorted(re.findall(r"\d+", translation)) == sorted(re.findall(r"\d+", message))
    own = {*BROKEN[name][0].columns, *ROLES, *ROLES.values(), *TENURE, "money", "lefft", "p"}
    left = re.findall(r"[a-z_]{3,}", SHOWN_IN_ALL_LANGUAGES.sub("", translation))
    assert {word for word in left if word not in own} <= {
        "yes",
        "no",
        "true",
        "false",
        "propensity",
    }


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        (b"", ".csv"), (b"a,b\n", ".csv"), (b'[{"a": 1}]', ".csv"), (b"\n\n\n", ".csv"),
        (b"<html><body></body></html>", ".xls"), (b'a,b\n1,"2\n3,4\n', ".csv"),
        (b"PK\x03\x04 no zip", ".xlsx"),
        (b"%PDF-1.7 a b c", ".csv"), (b"\x89PNG\r\n", ".csv"), (b"SQLite format 3\x00", ".db"),
        (b"PAR1 no parquet", ".parquet"),
        (b"a,b\n1,2,3\n4,5,6\n7,8,9\n", ".csv"),
    ],
)  # fmt: skip
def test_an_error_of_a_file_is_translated(content: bytes, ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"deals{ending}"
    file.write_bytes(content)
    with pytest.raises(DealsError) as caught:
        read_deals(file, spec())
    translation = message_in(str(caught.value), "zh", "deals")
    assert QUOTED not in translation, str(caught.value)
    assert str(file) in translation


def test_every_template_has_its_text_in_the_source() -> None:
    texts = "\n".join(
        _text(node)
        for room in ("deals", "tables", "service", "reports")
        for path in sorted((HOME / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )
    for key, template in read_texts("en", "deals").items():
        parts = re.split(r"\{[^{}]+\}|, for example |\. Remedy: |; |row\(s\) |^\(\w+\): ", template)
        fixed = [part.strip(" :;,.()").replace("{{", "{").replace("}}", "}") for part in parts]
        missing = [part for part in fixed if len(part) > 14 and part not in texts]
        assert missing == [], key


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return ""
