"""Pseudonymous ids: keyed hashes; the same id and salt give the same text."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fitmodel.exceptions import SpecError

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec


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
    hashed = [hashed_id(str(number).removesuffix(".0"), salt) for number in deals[column]]
    return deals.assign(**{column: hashed})
