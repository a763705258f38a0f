"""What reading a table found that a person should know: a note, or a question to answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing found while a table was read.

    Attributes
    ----------
    code : str
        What kind it is: placeholder, missing_word, level_word, total_row, title_row, empty_row,
        encoding, sheet, currencies, units, date_order, number_form, date_form, unreadable.
    column : str
        Empty where it concerns the table.
    count : int
        Rows it concerns.
    example : str
        One of these rows and its value.
    message : str
        What was found, and what was made of it.
    remedy : str
        What to do where it is wrong.
    asks : bool
        Whether it must be answered before the table can be learned from.
    """

    code: str
    column: str
    count: int
    example: str
    message: str
    remedy: str
    asks: bool = False

    def __str__(self) -> str:
        column = f"{self.column}: " if self.column else ""
        example = f", for example {self.example}" if self.example else ""
        return f"{column}{self.message}{example}. Remedy: {self.remedy}"
