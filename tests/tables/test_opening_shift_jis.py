"""Japanese in Shift-JIS is told from Western, Chinese, Korean and Cyrillic text."""

from __future__ import annotations

import pytest

from fitmodel.tables.opening import detect_legacy, reads_as_shift_jis

JAPANESE = [
    "会員ID,入会日,退会日",
    "プラン,料金",
    "㈱山田商店,①",
    "株式会社テスト",
    "契約中,解約済み",
]
OTHERS = {
    "cp1252": ["Größe,Straße,Übermaß", "“Hello”, she said", "word—word,naïve", "señor,año", "12 €"],
    "gb18030": ["客户编号,签约日期,退订日期", "年费,账号数"],
    "big5": ["合約編號,簽約日期", "客戶狀態,使用中"],
    "cp949": ["계약번호,계약일,해지일", "이용중,해지"],
    "cp1251": ["Номер договора,Дата подписания", "да,нет"],
    "cp1250": ["Branża,Wartość,Ostatnie", "złoty,żółw"],
}


@pytest.mark.parametrize("line", JAPANESE)
def test_japanese_text_is_recognised(line: str) -> None:
    assert reads_as_shift_jis(line.encode("cp932"))
    assert detect_legacy([b"id,name", line.encode("cp932")]) == "cp932"


def test_dates_with_single_signs_are_read_with_the_header_above_them() -> None:
    """In each row the signs for year, month and day stand alone between digits."""
    rows = [f"D-{row},2024年{row % 12 + 1}月5日,{row * 10}" for row in range(200)]
    lines = [text.encode("cp932") for text in ["会員ID,入会日,プラン料金", *rows]]
    assert detect_legacy(lines) == "cp932"


@pytest.mark.parametrize(
    ("encoding", "line"), [(name, line) for name, lines in OTHERS.items() for line in lines]
)
def test_text_in_another_encoding_is_not_japanese(encoding: str, line: str) -> None:
    assert not reads_as_shift_jis(line.encode(encoding))


def test_ascii_is_not_japanese() -> None:
    assert not reads_as_shift_jis(b"id,name\nD-1,Firm")
