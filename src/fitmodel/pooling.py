"""Transfer from other models: reading the contract's prior, and pooling several models.

bundles of companies -> contributions by level, with their variances -> pooled -> parent.json
[learning] prior     -> a bundle or a pooled parent                  -> the contract with it
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from fitmodel.exceptions import BundleError, SpecError
from fitmodel.learning.parents import Parent, parent_from_dict, pool
from fitmodel.learning.stages import check_learning
from fitmodel.loading import load
from fitmodel.tables.atomic import write_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from fitmodel.deals.contract import DealSpec

PARENT_FILE = "parent.json"


def read_parent(path: str | Path) -> Parent:
    """Read the contributions by level of a model's bundle, or of pooled models.

    Parameters
    ----------
    path : path
        Folder of a bundle, folder of a model name, registry URI, or folder that `pool_models`
        wrote.

    Raises
    ------
    BundleError
        If there is no such model, or it is damaged.
    """
    file = Path(path) / PARENT_FILE
    if not file.is_file():
        return Parent.of_scorecard(load(path).scorecard)
    try:
        data = json.loads(file.read_bytes())
    except ValueError as error:
        raise BundleError(f"{file} is not JSON: {error}") from error
    return parent_from_dict(data)


def with_prior(spec: DealSpec, deals: pd.DataFrame) -> DealSpec:
    """Return the contract with the model of its `[learning] prior`; unchanged without a prior.

    A prior that the contract already contains is not read again.

    Raises
    ------
    BundleError
        If the prior is not a model.
    SpecError
        If `[learning.expect]` names a level that no attribute of the deals has.
    """
    check_learning(spec, deals)
    if spec.learning.prior is None or spec.learning.parent is not None:
        return spec
    try:
        parent = read_parent(spec.learning.prior)
    except BundleError as error:
        raise BundleError(f"[learning] prior: {error}") from error
    return spec.model_copy(update={"learning": spec.learning.with_parent(parent)})


def pool_models(models: Sequence[str | Path], output: str | Path) -> Path:
    """Pool models of several companies into a parent, which can be the prior of other models.

    Parameters
    ----------
    models : sequence of path
        Two or more bundles, or parents that were pooled before.
    output : path
        Folder to write; it contains numbers by level, and no rows of deals.

    Returns
    -------
    Path
        The folder written.

    Raises
    ------
    SpecError
        If fewer than two models are given, or one of them twice: its deals would count twice.
    BundleError
        If one of the models cannot be read.
    """
    if len(models) < 2:  # noqa: PLR2004 - one company is not a pool
        raise SpecError("pooling needs two models or more. Remedy: name their folders")
    parents = [read_parent(path) for path in models]
    for index, parent in enumerate(parents):
        if parent in parents[:index]:
            first = models[parents.index(parent)]
            raise SpecError(
                f"{first} and {models[index]} are the same model, so its deals would count twice. "
                "Remedy: name each company's model once"
            )
    parent = pool(parents)
    content = json.dumps(parent.to_dict(), ensure_ascii=False, allow_nan=False)
    write_folder(Path(output), {PARENT_FILE: content})
    return Path(output)
