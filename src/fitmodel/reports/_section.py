"""One section of the sales page: values for its template and tables to write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Section:
    """One part of a page.

    Parameters
    ----------
    template : str
        Name of the partial template in ``templates/``.
    values : dict
        What the partial reads as ``values``; `id` and `title` are always there.
    tables : dict of str to DataFrame
        File name to table, to be written as CSV beside the page.
    """

    template: str
    values: dict[str, Any]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
