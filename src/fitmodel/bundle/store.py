"""Listing and writing of bundles, and loading of a pickled estimator.

::

    models/<name>/current                 text: the version in use on this machine
    models/<name>/<version>/manifest.json metadata, and the digest of every file
                           /manifest.hmac only if FITMODEL_SIGNING_KEY was set
                           /scorer.json   and any other files from the writer

This module handles only files, not learning, and needs only the standard library, because every
service that scores imports it. Only `load_estimator` unpickles, and only if called explicitly.
"""

from __future__ import annotations

import contextlib
import errno
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitmodel.bundle import manifest as manifests
from fitmodel.bundle.reading import (
    CURRENT,
    MANIFEST,
    SIGNATURE,
    Bundle,
    current_version,
    open_bundle,
    open_version,
)
from fitmodel.exceptions import BundleError
from fitmodel.tables import atomic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ESTIMATOR_FILE = "estimator.joblib"
OLD_ESTIMATOR_FILE = "workbench.joblib"  # its name in bundles of older versions


@dataclass(frozen=True)
class ListedBundle:
    """One line of `list_bundles`: the bundle, or the problem why it cannot be opened."""

    name: str
    version: str
    path: Path
    is_current: bool
    bundle: Bundle | None
    problem: str | None


def load_estimator(source: Bundle | Path | str) -> Any:
    """Return the fitted estimator of a bundle, unpickled after its digest was checked.

    A pickle can run any code when it is loaded. Call this only for a bundle that you or your team
    wrote; with FITMODEL_SIGNING_KEY set, this is checked. For a bundle that is already open, the
    digest comes from the manifest that was checked when it was opened, even if the files in the
    folder have changed since.

    Raises
    ------
    BundleError
        As raised by `open_bundle` and `Bundle.read`, or if the installed packages cannot read the
        estimator.
    """
    import io
    import pickle  # only for its errors: the digest is checked before loading  # nosec B403

    import joblib

    bundle = source if isinstance(source, Bundle) else open_bundle(source)
    is_old = OLD_ESTIMATOR_FILE in bundle.files and ESTIMATOR_FILE not in bundle.files
    content = bundle.read(OLD_ESTIMATOR_FILE if is_old else ESTIMATOR_FILE)
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
    """Return every version below ``root``, also damaged ones, by name and then newest first."""
    listed: list[ListedBundle] = []
    for model_folder in sorted(_folders(Path(root))):
        current = current_version(model_folder)
        versions = (path for path in _folders(model_folder) if manifests.is_version(path.name))
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


_NAME_LIMIT = 100
_NOT_IN_NAMES = frozenset('/\\:*?"<>|')


def write_bundle(
    root: Path,
    name: str,
    *,
    files: Mapping[str, bytes],
    manifest: Mapping[str, Any],
    make_current: bool = True,
) -> Path:
    """Write a new version of a model, make it current in one atomic step, and return its folder.

    Parameters
    ----------
    root
        Folder of all models; it is created if absent.
    name
        Name of the model, which is a folder below ``root``.
    files
        From plain file name to content.
    manifest
        The caller's own fields of the manifest: spec, metrics, training period, run id, ...
    make_current
        Whether ``current`` points at the new version afterwards.

    Returns
    -------
    Path
        The new folder ``root/name/version``.

    Raises
    ------
    BundleError
        If a name is not allowed, or the disk cannot be written (full, read-only). Then, as after
        Ctrl-C, earlier versions and ``current`` are unchanged.
    """
    check_model_name(name)
    manifests.check_fields(manifest)
    _check_files(files)
    with _disk_errors(f"bundle {name!r} could not be written below {root}"):
        model_folder = Path(root) / name
        model_folder.mkdir(parents=True, exist_ok=True)
        atomic.sync_folder(model_folder.parent)
        with atomic.workspace(model_folder) as draft_folder:
            return _write_version(
                model_folder, draft_folder, files, manifest, make_current=make_current
            )


def set_current(root: Path | str, name: str, version: str) -> None:
    """Make a version current, in one atomic step, after checking that it can be opened.

    Raises
    ------
    BundleError
        If there is no such version or it cannot be opened; ``current`` then is unchanged.
    """
    check_model_name(name)
    model_folder = Path(root) / name
    open_version(model_folder, version)
    with (
        _disk_errors(f"{model_folder / CURRENT} could not be moved"),
        atomic.workspace(model_folder) as draft_folder,
    ):
        atomic.write_file(draft_folder / CURRENT, f"{version}\n".encode())
        _replace_current(model_folder, draft_folder)


def check_model_name(name: str) -> None:
    """Refuse a name that is not a plain folder name on every operating system."""
    bad = set(name) & _NOT_IN_NAMES
    if (
        bad
        or not name.isprintable()
        or name.strip() != name
        or name.startswith(".")
        or name.endswith(".")
        or not 0 < len(name.encode()) <= _NAME_LIMIT
    ):
        raise BundleError(
            f"{name!r} cannot name a model: use 1 to {_NAME_LIMIT} bytes without any of "
            f"{' '.join(sorted(_NOT_IN_NAMES))} and without a dot or space at its ends"
        )


def _write_version(
    model_folder: Path,
    draft_folder: Path,
    files: Mapping[str, bytes],
    caller_fields: Mapping[str, Any],
    *,
    make_current: bool,
) -> Path:
    content = draft_folder / "version"
    content.mkdir()
    for file, data in files.items():
        atomic.write_file(content / file, data)
    for version, created_at in _versions(files):
        manifest = manifests.make_manifest(
            caller_fields,
            name=model_folder.name,
            version=version,
            created_at=created_at,
            files=files,
        )
        _write_manifest(content, manifest)
        # ``current`` is written to the disk before the version appears. Only renames follow, and
        # they need no disk space.
        _rewrite(draft_folder / CURRENT, f"{version}\n".encode())
        if _rename_unless_taken(content, model_folder / version):
            break
    if make_current:
        _replace_current(model_folder, draft_folder)
    return model_folder / version


def _versions(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    # If two writers have the same content in the same second, the later one uses the next second.
    listing = "\n".join(f"{file} {manifests.digest(files[file])}" for file in sorted(files))
    content = manifests.digest(listing.encode())[:8]
    moment = datetime.now(UTC)
    while True:
        yield f"{moment:%Y%m%d-%H%M%S}-{content}", moment.isoformat()
        moment += timedelta(seconds=1)


def _rewrite(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    atomic.write_file(path, content)


def _write_manifest(folder: Path, manifest: bytes) -> None:
    _rewrite(folder / MANIFEST, manifest)
    signature = manifests.sign(manifest)
    if signature is not None:
        _rewrite(folder / SIGNATURE, signature.encode())
    atomic.sync_folder(folder)


def _rename_unless_taken(source: Path, target: Path) -> bool:
    try:
        source.rename(target)
    except OSError as error:
        if error.errno in {errno.EEXIST, errno.ENOTEMPTY}:
            return False
        raise
    atomic.sync_folder(target.parent)
    return True


def _replace_current(model_folder: Path, draft_folder: Path) -> None:
    (draft_folder / CURRENT).replace(model_folder / CURRENT)
    atomic.sync_folder(model_folder)


def _check_files(files: Mapping[str, bytes]) -> None:
    if len(files) > manifests.FILE_COUNT_LIMIT:
        raise BundleError(
            f"a bundle has at most {manifests.FILE_COUNT_LIMIT} files, not {len(files)}"
        )
    for file, content in files.items():
        manifests.check_file_name(file)
        if file in {MANIFEST, SIGNATURE}:
            raise BundleError(f"{file} is written by the bundle itself; leave it out of the files")
        if len(content) > manifests.file_limit(file):
            raise BundleError(
                f"{file} has {len(content):,} bytes; such a file of a bundle has at most "
                f"{manifests.file_limit(file):,}"
            )


@contextlib.contextmanager
def _disk_errors(failure: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BundleError(
            f"{failure}: {error}. Earlier versions and `{CURRENT}` are what they were; free some "
            "space or choose another folder and run it again"
        ) from error
