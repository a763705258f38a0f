"""A table is read in the encoding in which it was saved, or the error names the byte."""

from __future__ import annotations

import gzip
import io

import pandas as pd
import pytest

from fitmodel.tables.files import read_file, read_table
from fitmodel.tables.opening import as_utf8, detect_encoding, detect_legacy, encoding_name

TEXTS = {
    "cp1252": ["München", "Köln", "Café „neu“", "Ñandú", "5 €"],
    "gb18030": ["上海", "北京有限公司", "张三", "赢单", "商机"],
    "cp1251": ["Москва", "Казань", "Новый клиент", "да", "нет"],
    "utf-8": ["München", "上海", "Москва", "東京", "smb"],
    "utf-16": ["München", "上海", "smb", "mid", "x"],
    "utf-16-le": ["smb", "mid", "München", "large", "small"],
    "utf-16-be": ["smb", "mid", "München", "large", "small"],
    "utf-32": ["smb", "上海", "München", "large", "small"],
}


@pytest.mark.parametrize("encoding", sorted(TEXTS))
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_in_any_encoding_is_read_back_as_the_same_texts(tmp_path, encoding, packed) -> None:
    table = pd.DataFrame({"id": [f"{n:03}" for n in range(5)], "name": TEXTS[encoding]})
    path = tmp_path / "deals.csv"
    content = table.to_csv(index=False, sep=";").encode(encoding)
    path.write_bytes(gzip.compress(content) if packed else content)

    result = read_file(path)

    pd.testing.assert_frame_equal(result.table, table)
    codes = [finding.code for finding in result.findings]
    assert codes == ([] if encoding == "utf-8" else ["encoding"])


def test_an_encoding_that_appears_late_in_the_file_is_detected(tmp_path) -> None:
    rows = "smb,1\n" * 300_000
    (tmp_path / "deals.csv").write_bytes(f"segment,n\n{rows}".encode() + b"K\xf6ln,2\n")

    result = read_file(tmp_path / "deals.csv")

    assert result.table["segment"].iloc[-1] == "Köln"
    assert "Windows-1252" in str(result.findings[0])


def test_damaged_utf8_has_no_encoding() -> None:
    assert detect_encoding("Köln,é,ü\n".encode() * 5 + b"K\xf6ln\n") is None
    assert detect_encoding(b"a\x01\xfc\x02\n") is None


def test_a_character_cut_at_the_end_of_the_sample_is_not_damage() -> None:
    text = "上海,1\n".encode()
    assert detect_encoding(text[:-4]) == "utf-8"
    assert detect_encoding(text[:-4], is_complete=True) != "utf-8"


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030", "cp1252"])
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_a_stream_is_converted_to_utf8_for_every_read_size(encoding: str, size: int) -> None:
    text = "name\nMüller\n" * 3 if encoding != "gb18030" else "客户\n张三\n" * 3
    stream = as_utf8(io.BytesIO(text.encode(encoding)), encoding)
    pieces = iter(lambda: stream.read(size), b"")
    assert b"".join(pieces).decode() == text


def test_the_header_may_be_in_chinese(tmp_path) -> None:
    table = pd.DataFrame({"客户": ["张三"], "商机阶段": ["赢单"]})
    (tmp_path / "x.csv").write_bytes(table.to_csv(index=False).encode("gb18030"))
    assert read_table(tmp_path / "x.csv").columns.tolist() == ["客户", "商机阶段"]


@pytest.mark.parametrize(
    ("encoding", "texts"),
    [
        ("gb18030", ["上海华信科技有限公司", "合同金额", "客户名称", "北京市朝阳区"]),
        ("cp1252", ["Bäckerei Müller", "Ärztehaus Köln", "Crème brûlée", "Señor Peña"]),
        ("cp1251", ["Общество ограниченной ответственности", "Новая компания", "Договор"]),
        ("cp1250", ["Příliš žluťoučký kůň", "Šťastný Dvořák", "Řízení a účetnictví, Plzeň"]),
    ],
)
def test_a_legacy_encoding_is_recognised_among_ascii_lines(encoding, texts) -> None:
    lines = [b"id,name", *(text.encode(encoding) for text in texts), b"5,plain"] * 4
    assert detect_legacy(lines) == encoding
    assert detect_encoding(b"\n".join(lines)) == encoding
    assert b"\n".join(lines).decode(encoding).count(texts[0]) == 4


def test_ascii_lines_have_no_legacy_encoding() -> None:
    assert detect_legacy([b"a,b", b"1,2"]) is None
    assert detect_legacy([]) is None
    assert detect_encoding(b"a,b\n1,2\n") == "utf-8"
    assert detect_encoding(b"") == "utf-8"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_utf16_and_utf32_are_detected_by_byte_order_mark_or_zero_bytes(encoding: str) -> None:
    text = "id;name;segment\n1;smb;large\n" * 20
    result = detect_encoding(text.encode(encoding))
    assert result is not None
    assert text.encode(encoding).decode(result).removeprefix("\ufeff") == text


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("gb18030", "GB18030"), ("cp1252", "Windows-1252"), ("utf-16-le", "UTF-16"),
     ("utf-16", "UTF-16"), ("utf-32", "UTF-32"), ("cp1250", "cp1250")],
)  # fmt: skip
def test_an_encoding_is_shown_with_its_common_name(encoding: str, name: str) -> None:
    assert encoding_name(encoding) == name


def test_a_utf8_stream_is_returned_unchanged_and_closing_closes_the_original() -> None:
    below = io.BytesIO(b"abc")
    assert as_utf8(below, "utf-8") is below
    recoded = as_utf8(below, "cp1252")
    assert recoded.readable()
    recoded.close()
    assert below.closed


def test_invalid_bytes_for_the_encoding_are_an_error() -> None:
    with pytest.raises(UnicodeDecodeError):
        as_utf8(io.BytesIO(b"a\x81b"), "cp1252").read()
    with pytest.raises(UnicodeDecodeError):  # half a character at the end
        as_utf8(io.BytesIO("ab".encode("utf-16-le")[:-1]), "utf-16-le").read()
