"""Open files as bytes; detect the encoding of text files; messages about broken files.

head of the file -> UTF-8 | UTF-16 by its zeros | GB18030 | Windows-1252 | charset-normalizer
                 -> the file as a stream of UTF-8
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from fitmodel.tables.cells import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import BinaryIO

SNIFF_BYTES = 1 << 20  # first bytes of a file, which must contain the header
MAGIC_BYTES = 4
_GZIP, _BZIP2, _ZSTD = b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd"
UTF8, GB18030, WESTERN = "utf-8", "gb18030", "cp1252"
SHIFT_JIS = "cp932"  # Shift-JIS with the signs of Windows, such as ㈱ and ①
NAMES = {
    GB18030: "GB18030",
    WESTERN: "Windows-1252",
    SHIFT_JIS: "Shift-JIS",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
}
SAMPLE_BYTES = 1 << 16  # bytes that are checked, of lines that are not ASCII
COMMON_SHARE = 0.9  # minimum share of common characters in text of an encoding
# Text is damaged UTF-8 if this share of its bytes beyond ASCII is valid UTF-8. In Chinese text in
# GB18030 the share is smaller.
MIXED_SHARE = 0.6
MAX_CHAOS = 0.2  # maximum "chaos" that charset-normalizer measures in text of an encoding
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
MIN_IN_RUNS = 0.5  # minimum share of them that stand beside another one
_FIRST_LEAD, _LAST_LEAD = 0x81, 0x98  # of signs, kana and the kanji of JIS level 1
_TWO_KANA = re.compile(r"[\u3040-\u30ff]{2}")
_RUN = re.compile(r"[^\x00-\x7f]{2,}")
_EAST_ASIAN = [GB18030, "big5", "shift_jis", "euc_kr"]
_EUROPEAN = ["cp1250", "cp1251", "cp1253", "cp1254", "cp1257"]
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_LETTERS = "äöüÄÖÜßéèêëÉÈÊËáàâãåæÁÀÂÃÅÆçÇíìîïÍÌÎÏñÑóòôõøœÓÒÔÕØŒúùûÚÙÛýÿÝðÐþÞšŠžŽ"
_SIGNS = "€£§©®°²³µ·º»½¿¡ª«…–—‘’“”„•™\xa0"  # noqa: RUF001 - signs that people write
_WESTERN_SET = frozenset(_LETTERS + _SIGNS)


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for reading bytes; a compressed one is decompressed, with all its streams."""
    with path.open("rb") as file:
        head = file.read(MAGIC_BYTES)
    return _opened(path, head)  # type: ignore[no-any-return]  # each reads like a BinaryIO


def _opened(path: Path, head: bytes) -> Any:
    """Open a file by its first bytes."""
    if head.startswith(_GZIP):
        return gzip.open(path, "rb")
    if head.startswith(_BZIP2):
        return bz2.open(path, "rb")
    if head.startswith(_ZSTD):
        import pyarrow as pa

        return io.BufferedReader(pa.input_stream(str(path), compression="zstd"))
    return path.open("rb")


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file."""
    with open_bytes(path) as file:
        return file.read(SNIFF_BYTES)


MAX_COLUMNS = 10_000  # each takes a millisecond; a line of a million commas would take hours


def duplicate_names(names: Sequence[str]) -> list[str]:
    """Return the names of more than one column."""
    return sorted(name for name, times in Counter(names).items() if times > 1)


def names_error(names: Sequence[str]) -> str | None:
    """Return what is wrong with the names of a table's columns; None if nothing is."""
    if len(names) > MAX_COLUMNS:
        return (
            f"has {len(names):,} columns, more than {MAX_COLUMNS:,}. Remedy: keep those that "
            "were known before signing."
        )
    if duplicates := duplicate_names(names):
        return f"has more than one column named {duplicates}. Remedy: rename them."
    return None


def open_quote_error(line: int) -> str:
    """Return the message for a file in which a quote is open until the end."""
    return (
        f"has a quote that opens on line {line} and is never closed, so all lines below would be "
        "one value. Remedy: close it; a quote that is part of a text must be written twice."
    )


def width_error(text: str, fields: int, expected: int) -> str:
    """Return the message for a row with another number of fields than the header."""
    return f"{fields} fields where the header has {expected}{_lines_text(text)}: {shortened(text)}"


def merged_rows_error(text: str) -> str:
    """Return the message for a value that seems to contain the next row."""
    return f"a value{_lines_text(text)}: {shortened(text)}"


def _lines_text(text: str) -> str:
    lines = len(text.splitlines())
    return f" over {lines} lines (is a quote open?)" if lines > 1 else ""


def csv_error(problem: str, block_bytes: int) -> str:
    """Return Arrow's error about a CSV file as a message for the user."""
    if "straddling" in problem:
        return (
            f"has a row of more than {block_bytes >> 20} MB. Remedy: close every quote, and leave "
            "out columns of long texts."
        )
    return f"cannot be read as CSV: {problem}"


def detect_encoding(head: bytes, *, is_complete: bool = False) -> str | None:
    """Return the codec of a text file from its first bytes; None if none fits.

    An ASCII file is UTF-8. `is_complete`: whether these are all bytes of the file.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if (utf16 := _utf16(head)) is not None:
        return utf16
    try:
        codecs.getincrementaldecoder(UTF8)().decode(head, final=is_complete)
    except UnicodeDecodeError:
        return detect_legacy(head.splitlines())
    return UTF8


def _utf16(head: bytes) -> str | None:
    """Return the codec of UTF-16 without a byte-order mark: every other byte of ASCII is zero."""
    sample = head[: SAMPLE_BYTES & ~1]
    zeros_at_even, zeros_at_odd = sample[::2].count(0), sample[1::2].count(0)
    half = max(len(sample) // 2, 1)
    if zeros_at_odd > half / 2 and zeros_at_even < half / 20:
        return "utf-16-le"
    return "utf-16-be" if zeros_at_even > half / 2 and zeros_at_odd < half / 20 else None


def detect_legacy(lines: Iterable[bytes]) -> str | None:
    """Return the codec of lines that are not UTF-8; None if none fits.

    If most bytes are UTF-8 and others are not, the text is damaged, and the result is None.
    """
    sample = b"\n".join(_not_ascii(lines))
    if not sample or _CONTROLS.search(sample) or _is_mixed(sample):
        return None
    if reads_as_shift_jis(sample):
        return SHIFT_JIS
    if _reads_as_gb(sample):
        return _east_asian(sample)
    return WESTERN if _reads_as_western(sample) else _by_charset_normalizer(sample)


def _not_ascii(lines: Iterable[bytes]) -> list[bytes]:
    result, size = [], 0
    for line in lines:
        if not line.isascii():
            result.append(line)
            size += len(line)
            if size > SAMPLE_BYTES:
                break
    return result


def _is_mixed(sample: bytes) -> bool:
    """Return whether most of the bytes beyond ASCII are valid UTF-8."""
    decoded = sample.decode(UTF8, errors="ignore")
    decoded_bytes = sum(len(character.encode()) for character in decoded if not character.isascii())
    non_ascii_bytes = sum(byte >= 0x80 for byte in sample)  # noqa: PLR2004 - beyond ASCII
    return decoded_bytes >= MIXED_SHARE * non_ascii_bytes


def reads_as_shift_jis(sample: bytes) -> bool:
    """Return whether bytes are Japanese text in Shift-JIS.

    Letters with accents and the signs of other encodings are rare kanji or narrow kana in it.
    Quotation marks and dashes of Windows-1252 are common kanji, but stand alone.
    """
    try:
        text = sample.decode(SHIFT_JIS)
    except UnicodeDecodeError:
        return False
    others = [sign for sign in text if not sign.isascii()]
    if not others or sum(map(_is_common, others)) < COMMON_SHARE * len(others):
        return False
    in_runs = sum(map(len, _RUN.findall(text)))
    return bool(_TWO_KANA.search(text)) or in_runs >= MIN_IN_RUNS * len(others)


def _is_common(sign: str) -> bool:
    encoded = sign.encode(SHIFT_JIS)
    return len(encoded) > 1 and _FIRST_LEAD <= encoded[0] <= _LAST_LEAD


def _reads_as_gb(sample: bytes) -> bool:
    """Return whether nearly all characters are common Chinese ones (GB 2312)."""
    try:
        text = sample.decode(GB18030)
    except UnicodeDecodeError:
        return False
    non_ascii = [character for character in text if not character.isascii()]
    n_common = sum(_is_gb2312(character) for character in non_ascii)
    return n_common >= COMMON_SHARE * max(len(non_ascii), 1)


def _is_gb2312(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _east_asian(sample: bytes) -> str:
    """Return GB18030, or another East Asian encoding in which the bytes are better text."""
    mess_ratio = _mess_ratios(sample, _EAST_ASIAN)
    best = min(mess_ratio, key=lambda name: mess_ratio[name], default=GB18030)
    return best if mess_ratio.get(best, 1) < mess_ratio.get(GB18030, 1) else GB18030


def _reads_as_western(sample: bytes) -> bool:
    """Return whether it is a Western language: single accented letters between ASCII letters."""
    try:
        text = sample.decode(WESTERN)
    except UnicodeDecodeError:
        return False
    non_ascii = [character for character in text if not character.isascii()]
    if sum(character in _WESTERN_SET for character in non_ascii) < COMMON_SHARE * len(non_ascii):
        return False
    lengths = [len(run) for run in re.findall(f"[{_LETTERS}]+", text)]
    in_long_words = sum(run for run in lengths if run > 2)  # noqa: PLR2004 - "Öäü" is not a word
    symbols_in_words = len(re.findall(r"[A-Za-z][£§²³µ½¿¡ªº…•][A-Za-z]", text))
    return 5 * in_long_words <= sum(lengths) and 5 * symbols_in_words <= len(non_ascii)


def _by_charset_normalizer(sample: bytes) -> str | None:
    mess_ratio = _mess_ratios(sample, [*_EUROPEAN, *_EAST_ASIAN])
    best = min(mess_ratio, key=lambda name: mess_ratio[name], default=None)
    return best if best is not None and mess_ratio[best] <= MAX_CHAOS else None


def _mess_ratios(sample: bytes, candidates: list[str]) -> dict[str, float]:
    """Return charset-normalizer's chaos of each possible encoding; lower is better text."""
    from charset_normalizer import from_bytes

    return {match.encoding: match.chaos for match in from_bytes(sample, cp_isolation=candidates)}


class _Recoded(io.RawIOBase):
    """A stream that re-encodes another stream as UTF-8."""

    def __init__(self, stream: Any, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer and return the number of bytes; 0 at the end.

        Raises UnicodeDecodeError if the bytes are not in the encoding.
        """
        while not self._ready and not self._ended:
            data = self._stream.read(1 << 16)
            self._ended = not data
            self._ready = self._decoder.decode(data, final=self._ended).encode()
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def close(self) -> None:
        """Close this stream and the original one."""
        if not self.closed:
            self._stream.close()
        super().close()


def as_utf8(stream: Any, encoding: str, buffer_bytes: int = io.DEFAULT_BUFFER_SIZE) -> Any:
    """Return a stream re-encoded as UTF-8; the stream itself if it is UTF-8 already."""
    if encoding == UTF8:
        return stream
    return io.BufferedReader(_Recoded(stream, encoding), buffer_bytes)


def encoding_name(encoding: str) -> str:
    """Return the usual name of an encoding, for people."""
    return NAMES.get(encoding, encoding)
