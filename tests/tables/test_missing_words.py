"""NA is North America where the column says so, and nothing elsewhere."""

from __future__ import annotations

import pandas as pd
import pytest

from fitmodel.tables.missing_words import missing_words
from fitmodel.tables.tidying import tidy, tidy_with_findings
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
def test_a_word_is_a_level_where_nothing_is_written_otherwise_or_where_it_looks_like_one(
    cells: tuple[str | None, ...], levels: tuple[str, ...]
) -> None:
    result = missing_words(column(*cells))
    assert result.levels == levels
    kept = tidy(column(*cells).to_frame())["x"].dropna().tolist()
    assert kept == [cell for cell in cells if cell and (cell not in UNCLEAR_WORDS or levels)]


def test_the_contract_settles_it_for_all_columns_or_for_one() -> None:
    table = pd.DataFrame({"region": ["NA", "EU", "APAC"], "rival": ["NA", "small", "large"]})
    assert tidy(table)["region"].tolist() == ["NA", "EU", "APAC"]
    assert tidy(table, ["NA"]).isna().sum().tolist() == [1, 1]
    assert tidy(table, []).isna().sum().tolist() == [0, 0]
    assert tidy(table, {"rival": []}).isna().sum().tolist() == [0, 0]
    assert tidy(table, {"region": ["NA"]}).isna().sum().tolist() == [1, 1]


def test_what_was_decided_is_said_with_the_remedy() -> None:
    (finding,) = tidy_with_findings(pd.DataFrame({"region": ["NA", "EU", "APAC", "NA"]})).findings
    assert (finding.code, finding.column, finding.count) == ("level_word", "region", 2)
    assert 'missing = {"region" = ["NA"]}' in finding.remedy
    assert tidy_with_findings(pd.DataFrame({"region": ["NA", "EU"]}), []).findings == ()
