"""Ids of deals: one spelling of each, and hashed ones that name nobody."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING

from fitmodel.exceptions import SpecError

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec


_WHOLE = re.compile(r"([+-]?\d+)\.0+")
_INVISIBLE = str.maketrans("", "", "\ufeff\u200b\u200c\u200d\u2060")


def clean_id(number: object) -> str:
    """
    Return one spelling of an id, however a table or a form holds it.

    Spaces around it and invisible characters are left out, wide digits become plain ones, and a
    whole number that a table holds as 1234.0 is 1234. Upper and lower case stay: some systems give
    ids that differ in nothing else (see `loose_id`).

    Examples
    --------
    >>> clean_id(" D-17 "), clean_id(1234.0)
    ('D-17', '1234')
    """
    text = unicodedata.normalize("NFKC", str(number)).translate(_INVISIBLE)
    text = " ".join(text.split())
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def loose_id(number: object) -> str:
    """Return an id without its case: only where one id has it do two spellings mean the same."""
    return clean_id(number).casefold()


def hashed_id(number: str, salt: str) -> str:
    """Keyed BLAKE2 digest of an id, as hexadecimal text."""
    key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    return hashlib.blake2b(number.encode(), key=key, digest_size=16).hexdigest()


def hash_ids(deals: pd.DataFrame, spec: DealSpec, salt: str | None) -> pd.DataFrame:
    """Deals with their ids hashed; a whole number reads alike however the table holds it.

    Raises
    ------
    SpecError
        If there is no salt, or the contract names no id.
    """
    if not salt:
        raise SpecError(
            "hashing ids needs a salt, else anybody could hash them too. Remedy: --salt, or "
            "FITMODEL_LOG_SALT in the environment."
        )
    column = spec.deals.id
    if column is None:
        raise SpecError('the contract names no id to hash. Remedy: id = "COLUMN" under [deals].')
    hashed = [hashed_id(clean_id(number), salt) for number in deals[column]]
    return deals.assign(**{column: hashed})
