"""An id is one text whatever its type in the table, and its digest does not reveal it."""

from __future__ import annotations

import pandas as pd
import pytest

from fitmodel.deals.contract import DealSpec
from fitmodel.deals.roles import clean_id, hash_ids, hashed_id, loose_id
from fitmodel.exceptions import SpecError

SPEC = DealSpec(
    deals={"id": "deal", "closed_on": "c", "churned_on": "l", "observed_until": "2025-12-31"}
)


@pytest.mark.parametrize(
    ("written", "clean"),
    [(" D-17 ", "D-17"), (1234.0, "1234"), (1234, "1234"), ("1234.00", "1234"), ("-7.0", "-7"),
     ("12.5", "12.5"), ("D  17", "D 17"), ("\ufeffD17\u200b", "D17"), ("\uff11\uff12", "12"),
     ("D17.0", "D17.0"), ("d-17", "d-17")],
)  # fmt: skip
def test_an_id_has_one_spelling(written: object, clean: str) -> None:
    assert clean_id(written) == clean
    assert loose_id(written) == clean.casefold()


def test_a_digest_depends_on_the_id_and_on_the_salt() -> None:
    digests = {hashed_id(number, salt) for number in ("D-1", "D-2") for salt in ("a", "b")}

    assert len(digests) == 4
    assert hashed_id("D-1", "a") == hashed_id("D-1", "a")
    assert all(len(each) == 32 and "D-1" not in each for each in digests)


def test_hashed_ids_are_equal_whether_the_ids_are_integers_or_floats() -> None:
    whole, broken = (
        pd.DataFrame({"deal": numbers, "seats": [1, 2]}) for numbers in ([7, 8], [7.0, 8.0])
    )
    hashed = hash_ids(whole, SPEC, "salt")

    pd.testing.assert_frame_equal(hashed, hash_ids(broken, SPEC, "salt"))
    assert hashed["deal"].tolist() == [hashed_id("7", "salt"), hashed_id("8", "salt")]
    assert whole["deal"].tolist() == [7, 8]


def test_an_empty_id_stays_empty() -> None:
    """With one hash for all of them, customers without an id would become one customer."""
    hashed = hash_ids(pd.DataFrame({"deal": ["D1", None, None, "D2"]}), SPEC, "salt")

    assert hashed["deal"].isna().tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("spec", "salt", "message"),
    [
        (SPEC, None, "needs a salt"),
        (SPEC, "", "needs a salt"),
        (SPEC.replace(deals={"id": None}), "s", "has no id to hash"),
    ],
)
def test_without_a_salt_or_an_id_nothing_is_hashed(spec, salt, message) -> None:
    with pytest.raises(SpecError, match=message):
        hash_ids(pd.DataFrame({"deal": [1]}), spec, salt)
