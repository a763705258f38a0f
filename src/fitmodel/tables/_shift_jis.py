"""Recognise Japanese text in Shift-JIS, whose bytes can be read as Windows-1252 too."""

from __future__ import annotations

import re

CODEC = "cp932"  # Shift-JIS with the signs of Windows, such as ㈱ and ①
COMMON_SHARE = 0.9  # minimum share of common Japanese signs among those that are not ASCII
MIN_IN_RUNS = 0.5  # minimum share of them that stand beside another one
_FIRST_LEAD, _LAST_LEAD = 0x81, 0x98  # of signs, kana and the kanji of JIS level 1
_TWO_KANA = re.compile(r"[\u3040-\u30ff]{2}")
_RUN = re.compile(r"[^\x00-\x7f]{2,}")


def reads_as_shift_jis(sample: bytes) -> bool:
    """Return whether bytes are Japanese text in Shift-JIS.

    Letters with accents and the signs of other encodings are rare kanji or narrow kana in it.
    Quotation marks and dashes of Windows-1252 are common kanji, but stand alone.
    """
    try:
        text = sample.decode(CODEC)
    except UnicodeDecodeError:
        return False
    others = [sign for sign in text if not sign.isascii()]
    if not others or sum(map(_is_common, others)) < COMMON_SHARE * len(others):
        return False
    in_runs = sum(map(len, _RUN.findall(text)))
    return bool(_TWO_KANA.search(text)) or in_runs >= MIN_IN_RUNS * len(others)


def _is_common(sign: str) -> bool:
    encoded = sign.encode(CODEC)
    return len(encoded) > 1 and _FIRST_LEAD <= encoded[0] <= _LAST_LEAD
