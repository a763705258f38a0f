"""Everything that is needed to train a model again: data, contract, versions, command."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from fitmodel.deals.contract import DealSpec
    from fitmodel.deals.reading import DealsRead

PACKAGES = ("fitmodel", "scikit-learn", "interpret-core", "numpy", "pandas", "scipy")


def reproduce_block(
    source: pd.DataFrame | str | Path | DealsRead,
    spec: DealSpec,
    deals_digest: str,
    n_deals: int,
    *,
    allow: tuple[str, ...] = (),
    estimator: str | None = None,
) -> dict[str, str]:
    """Return a description of everything on which a training depends.

    Parameters
    ----------
    source : DataFrame or path
        Deals as given to `train`; of a path only the file name is kept.
    spec : DealSpec
        Contract as given to `train`.
    deals_digest : str
        Digest of the deals that were read.
    n_deals : int
        Number of deals.
    allow : tuple of str
        Attributes that were allowed by name although the leakage audit refuses them.
    estimator : str, optional
        The user's own classifier, as text.

    Returns
    -------
    dict of str to str
        `deals`, `deals digest`, `contract digest`, `seed`, `versions`, `platform` and `command`.
        The same digests, versions and seed give the same model.
    """
    contract = json.dumps(spec.to_dict(), sort_keys=True, ensure_ascii=False, default=str)
    block = {
        "deals": f"{n_deals:,} as read",
        "deals digest": deals_digest,
        "contract digest": hashlib.sha256(contract.encode()).hexdigest()[:32],
        "seed": str(spec.learning.seed),
        "versions": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES),
        "platform": f"Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        "command": _command(source, allow, estimator),
    }
    return block if estimator is None else block | {"estimator": estimator}


def _command(
    source: pd.DataFrame | str | Path | DealsRead, allow: tuple[str, ...], estimator: str | None
) -> str:
    """Return the command, or the call in Python without a file or with the user's classifier."""
    if isinstance(source, (str, Path)) and estimator is None:
        allowed = (f"--allow {shlex.quote(name)}" for name in allow)
        return " ".join(["fitmodel train", shlex.quote(Path(source).name), *allowed])
    allow_argument = f", allow={allow!r}" if allow else ""
    estimator_argument = "" if estimator is None else ", estimator=estimator"
    return f"fitmodel.train(deals, spec{allow_argument}{estimator_argument})"
