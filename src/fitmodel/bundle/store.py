"""List bundles and load a pickled estimator; the names of reading and writing a bundle.

::

    models/<name>/current                 text: the version in use on this machine
    models/<name>/<version>/manifest.json what it is, and the digest of every file
                           /manifest.hmac only where FITMODEL_SIGNING_KEY was set
                           /scorer.json   and whatever else the writer put in

This module knows files, not learning, and needs the standard library only: it lies on the way
of every service that scores. Only `load_estimator` unpickles, and only when called by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitmodel.bundle import manifest as manifests
from fitmodel.bundle._writing import check_model_name, set_current, write_bundle
from fitmodel.bundle.reading import Bundle, current_version, open_bundle, open_version
from fitmodel.exceptions import BundleError

__all__ = [
    "Bundle",
    "ListedBundle",
    "check_model_name",
    "list_bundles",
    "load_estimator",
    "open_bundle",
    "set_current",
    "write_bundle",
]

WORKBENCH = "workbench.joblib"


@dataclass(frozen=True)
class ListedBundle:
    """One line of `list_bundles`: the bundle, or what is wrong with it."""

    name: str
    version: str
    path: Path
    is_current: bool
    bundle: Bundle | None
    problem: str | None


def load_estimator(source: Bundle | Path | str) -> Any:
    """Unpickle the fitted estimator: the only way in for a pickle, after its digest is checked.

    A pickle can run any code when it is loaded. Call this only for a bundle you or your team
    wrote; set FITMODEL_SIGNING_KEY to have that checked. Of an opened bundle the very manifest
    that was checked then is asked, whatever lies in the folder by now.

    Raises
    ------
    BundleError
        As `open_bundle` and `Bundle.read`, or when the packages here cannot read the estimator.
    """
    import io
    import pickle  # its errors only: what is loaded was digested first  # nosec B403

    import joblib

    bundle = source if isinstance(source, Bundle) else open_bundle(source)
    content = bundle.read(WORKBENCH)
    try:
        return joblib.load(io.BytesIO(content))
    except (
        pickle.UnpicklingError,
        ArithmeticError,
        AttributeError,
        EOFError,
        ImportError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise BundleError(
            f"the fitted estimator of {bundle.path} cannot be loaded here ({error}); it was "
            f"written with Python {bundle.manifest.get('python')} and "
            f"{bundle.manifest.get('packages')}. Install those, or train again"
        ) from error


def list_bundles(root: Path | str) -> tuple[ListedBundle, ...]:
    """List every version below ``root``, by name and then newest first, damaged ones too."""
    listed: list[ListedBundle] = []
    for home in sorted(_folders(Path(root))):
        current = current_version(home)
        versions = (path for path in _folders(home) if manifests.is_version(path.name))
        listed.extend(_list_one(path, current) for path in sorted(versions, reverse=True))
    return tuple(listed)


def _list_one(path: Path, current: str | None) -> ListedBundle:
    bundle, problem = None, None
    try:
        bundle = open_version(path.parent, path.name)
    except BundleError as error:
        problem = str(error)
    return ListedBundle(
        path.parent.name, path.name, path, path.name == current, bundle=bundle, problem=problem
    )


def _folders(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    return [folder for folder in path.iterdir() if folder.is_dir() and folder.name[0] != "."]
