"""NA is a level (North America) if the other values suggest it, and missing otherwise."""

from __future__ import annotations

import pandas as pd
import pytest

from fitmodel.tables.tidying import missing_words, tidy, tidy_with_findings
from fitmodel.tables.vocabulary import UNCLEAR_WORDS


def column(*cells: str | None) -> pd.Series:
    return pd.Series(cells, name="x", dtype="str")


@pytest.mark.parametrize(
    ("cells", "levels"),
    [
        (("NA", "EU", "APAC"), ("NA",)),
        (("None", "Acme", "Globex"), ("None",)),
        (("NA", "north", None), ("NA",)),
        (("n/a", "basic", None), ("n/a",)),
        (("NULL", "a", None, "b"), ("NULL",)),
        (("NULL", "EU", "US"), ()),
        (("NA", "small", "large"), ()),
        (("None", "smb", "mid"), ()),
        (("NA", "1,200", "900", None), ()),
        (("NA", "2024-01-05", None), ()),
        (("N/A", "yes", "no", None), ()),
        (("NA", None, None), ()),
    ],
)
def test_an_unclear_word_is_a_level_if_missing_is_written_otherwise_or_it_looks_like_a_level(
    cells: tuple[str | None, ...], levels: tuple[str, ...]
) -> None:
    result = missing_words(column(*cells))
    assert result.levels == levels
    kept = tidy(column(*cells).to_frame())["x"].dropna().tolist()
    assert kept == [cell for cell in cells if cell and (cell not in UNCLEAR_WORDS or levels)]


def test_the_contract_decides_for_all_columns_or_for_one() -> None:
    table = pd.DataFrame({"region": ["NA", "EU", "APAC"], "rival": ["NA", "small", "large"]})
    assert tidy(table)["region"].tolist() == ["NA", "EU", "APAC"]
    assert tidy(table, ["NA"]).isna().sum().tolist() == [1, 1]
    assert tidy(table, []).isna().sum().tolist() == [0, 0]
    assert tidy(table, {"rival": []}).isna().sum().tolist() == [0, 0]
    assert tidy(table, {"region": ["NA"]}).isna().sum().tolist() == [1, 1]


def test_the_decision_is_reported_with_the_remedy() -> None:
    (finding,) = tidy_with_findings(pd.DataFrame({"region": ["NA", "EU", "APAC", "NA"]})).findings
    assert (finding.code, finding.column, finding.count) == ("level_word", "region", 2)
    assert 'missing = {"region" = ["NA"]}' in finding.remedy
    assert tidy_with_findings(pd.DataFrame({"region": ["NA", "EU"]}), []).findings == ()


@pytest.mark.parametrize(
    ("others", "levels"),
    [
        (["51-200", "201-500"], ()),  # numbers followed by text
        (["$5x", "$9x"], ()),
        (["<5 users", ">9 users"], ()),
        (["a51", "b20"], ()),
        (["Q 51", "Q 20"], ("NA",)),
        (["small", "large"], ("NA",)),
    ],
)
def test_among_texts_that_begin_with_numbers_an_unclear_word_is_missing(
    others: list[str], levels: tuple[str, ...]
) -> None:
    assert missing_words(column("NA", *others, None)).levels == levels


@pytest.mark.parametrize(("numbers", "texts", "levels"), [(19, 1, ()), (18, 1, ("NA",))])
def test_an_unclear_word_is_missing_if_95_percent_of_the_values_are_numbers(
    numbers, texts, levels
) -> None:
    cells = [str(number) for number in range(numbers)] + [f"text {n}" for n in range(texts)]
    assert missing_words(column("NA", *cells, None)).levels == levels


@pytest.mark.parametrize(("codes", "levels"), [(2, ("NA",)), (1, ())])
def test_an_unclear_word_is_a_level_if_more_than_half_of_the_levels_are_written_like_it(
    codes, levels
) -> None:
    cells = [*["EU", "US"][:codes], "north"]
    assert missing_words(column("NA", *cells)).levels == levels
    assert missing_words(column("NA", "EU", "north")).levels == ()


def test_each_decision_has_a_reason_and_counts_its_rows() -> None:
    values = column("NA", "EU", "APAC", "NA", "None")
    words = missing_words(values)
    assert (words.levels, words.missing, words.beside_levels) == (("NA",), ("None",), True)
    assert words.why == "it is written like the other levels"
    kept, gone = words.finding(values), words.finding_of_missing(values)
    assert (kept.code, kept.count, gone.code, gone.count) == ("level_word", 2, "missing_word", 1)
    assert "'None' in 1 row(s) is read as a missing value, not as a level" in gone.message
    assert gone.remedy == 'if it is a level, [attributes] missing = {"x" = []}'
    settled = missing_words(values, frozenset({"None"}))
    assert (settled.levels, settled.missing) == (("NA",), ("None",))
    assert missing_words(column("EU", None)) == missing_words(column())
