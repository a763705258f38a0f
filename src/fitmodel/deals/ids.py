"""Ids of deals: one spelling per id, and hashed ids."""

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
    Return one spelling of an id, whatever form a table or a web form has it in.

    Outer spaces and invisible characters are removed, full-width digits become ordinary ones, and
    the float 1234.0 becomes 1234. Upper and lower case are kept, since in some systems ids differ
    in nothing else (see `loose_id`).

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
    """Return an id in lower case, for a comparison that ignores case.

    Two ids that are equal only this way are the same deal only if no third id is equal to them.
    """
    return clean_id(number).casefold()


def hashed_id(number: str, salt: str) -> str:
    """Return the keyed BLAKE2 digest of an id as hexadecimal text."""
    key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    return hashlib.blake2b(number.encode(), key=key, digest_size=16).hexdigest()


def hash_ids(deals: pd.DataFrame, spec: DealSpec, salt: str | None) -> pd.DataFrame:
    """Return the deals with hashed ids; the ids are first brought into one spelling.

    Raises
    ------
    SpecError
        If there is no salt, or the contract has no id column.
    """
    if not salt:
        raise SpecError(
            "hashing ids needs a salt: without one, anybody could compute the same hashes. Remedy: "
            "--salt, or FITMODEL_LOG_SALT in the environment."
        )
    column = spec.deals.id
    if column is None:
        raise SpecError('the contract has no id to hash. Remedy: id = "COLUMN" under [deals].')
    hashed = [hashed_id(clean_id(number), salt) for number in deals[column]]
    return deals.assign(**{column: hashed})
