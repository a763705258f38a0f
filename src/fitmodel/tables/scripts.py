"""Write digits and letters of other scripts in one way, so that words can be compared.

Does not import pandas: this code runs for every single prospect and must load quickly.
"""

from __future__ import annotations

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_ZEROS = (0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50)  # Arabic, Persian, Devanagari, Bengali, Thai
_DIGITS = {zero + digit: ord("0") + digit for zero in _ZEROS for digit in range(10)}
_ARABIC_MARKS = {0x066B: ord("."), 0x066C: ord(","), 0x066A: ord("%")}
_PLAIN_SIGNS = {**_FULL_WIDTH, **_DIGITS, **_ARABIC_MARKS}
NUMBER_SIGNS = {
    chr(sign): chr(plain) for sign, plain in _PLAIN_SIGNS.items() if chr(plain) in "0123456789+-.eE"
}
"""Signs of plain numbers in other scripts, each with its ASCII sign."""
_TRADITIONAL = (
    "約產單號訂簽戶額費態終開間時結銷離網業務團隊員經編價續贏輸狀數處營試測幣種類階級預計後動滿評"
    "錄聯電話備註積報統購總標記認實際達進關閉丟無轉繳帳週歷億萬設問題訴發維護體驗選擇來參與專節點"
    "擁權證檢應對併誤刪復還請淨稅贈賬區減歲齡擴訊資儲連繫項據庫條門職稱賣買誰負責該暫"
)
_SIMPLIFIED = (
    "约产单号订签户额费态终开间时结销离网业务团队员经编价续赢输状数处营试测币种类阶级预计后动满评"
    "录联电话备注积报统购总标记认实际达进关闭丢无转缴账周历亿万设问题诉发维护体验选择来参与专节点"
    "拥权证检应对并误删复还请净税赠账区减岁龄扩讯资储连系项据库条门职称卖买谁负责该暂"
)
_TO_TRADITIONAL = str.maketrans(_SIMPLIFIED, _TRADITIONAL)
_LETTERS = str.maketrans(_TRADITIONAL + "İıё", _SIMPLIFIED + "iiе")


def plain_digits(text: str) -> str:
    """Return a text with full-width signs and the digits of other scripts as ASCII.

    Examples
    --------
    >>> from fitmodel.tables.scripts import plain_digits
    >>> plain_digits("１２，３００"), plain_digits("٢٠٢٤")
    ('12,300', '2024')
    """
    return text if text.isascii() else text.translate(_PLAIN_SIGNS)


def plain_letters(text: str) -> str:
    """Return a text with simplified Chinese signs, and one letter for i, ı and İ, and for е and ё.

    It is for comparison only: a Japanese text is changed too.

    Examples
    --------
    >>> from fitmodel.tables.scripts import plain_letters
    >>> plain_letters("簽約日期"), plain_letters("İptal")
    ('签约日期', 'iptal')
    """
    return text if text.isascii() else text.translate(_LETTERS)


def traditional(text: str) -> str:
    """Return a text in traditional Chinese signs, as `plain_letters` would read it back.

    Examples
    --------
    >>> from fitmodel.tables.scripts import traditional
    >>> traditional("输单")
    '輸單'
    """
    return text if text.isascii() else text.translate(_TO_TRADITIONAL)
