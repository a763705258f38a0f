"""Opening of a bundle's folder, with a check of everything in it before use.

Only the standard library is used, because every service that scores imports this module. Nothing
here unpickles.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitmodel.bundle import manifest as manifests
from fitmodel.exceptions import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping

MANIFEST = "manifest.json"
SIGNATURE = "manifest.hmac"
CURRENT = "current"

_SIGNATURE_LIMIT = 200
_VERSION_LENGTH = 24


@dataclass(frozen=True)
class Bundle:
    """A bundle whose manifest has been checked; each file is checked when it is read."""

    path: Path
    manifest: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the model."""
        return str(self.manifest["name"])

    @property
    def version(self) -> str:
        """Version of the model: ``YYYYMMDD-HHMMSS-<8 hex digits of the content>``."""
        return str(self.manifest["version"])

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that can be read."""
        return tuple(self.manifest["files"])

    def read(self, file: str) -> bytes:
        """Return a file's content after checking it against the manifest.

        Raises
        ------
        BundleError
            If the manifest does not list the file, or has another size or digest for it.
        """
        stated = self.manifest["files"].get(file)
        if stated is None:
            raise BundleError(f"bundle {self.path} has no file {file!r}; it has {self.files}")
        content = _read_plain_file(self.path / file, limit=stated["size"])
        if len(content) != stated["size"] or manifests.digest(content) != stated["sha256"]:
            raise BundleError(
                f"{self.path / file} is not the file the manifest states: it was cut short or "
                f"changed. {manifests.REMEDY}"
            )
        return content


def open_bundle(path: Path | str) -> Bundle:
    """Return the bundle in a version's folder, or the current version in a model's folder.

    If FITMODEL_SIGNING_KEY is set, only a bundle signed with that key can be opened.

    Raises
    ------
    BundleError
        If there is no bundle; a file is missing, cut short, a symbolic link or not a plain file;
        or the manifest is damaged, not signed with the key, or of an unknown format.
    """
    path = Path(path)
    if _is_file(path / MANIFEST):
        return _open_folder(path)
    if _is_file(path / CURRENT):
        return _open_current(path)
    if waiting := [each for each in _versions(path) if _is_file(each / MANIFEST)]:
        raise BundleError(
            f"none of the {len(waiting)} model(s) at {path} is in use: training does not put a "
            "model without skill in use. Remedy: `fitmodel promote --force REASON`, or give a "
            f"version's own folder, of which {waiting[-1].name} is the newest"
        )
    raise BundleError(
        f"no bundle at {path}: neither {MANIFEST} nor {CURRENT} is there. "
        "Give models/<name> or models/<name>/<version>; `fitmodel train` writes one"
    )


def _versions(model_folder: Path) -> list[Path]:
    return sorted(each for each in model_folder.glob("*") if manifests.is_version(each.name))


def open_version(model_folder: Path, version: str) -> Bundle:
    """Return one version in a model's folder; raises `BundleError` as `open_bundle` does."""
    if not manifests.is_version(version):
        raise BundleError(f"{version!r} is not a version of a model below {model_folder}")
    path = model_folder / version
    if path.is_symlink():
        raise BundleError(f"{path} is a symbolic link; a version must be a folder of its own")
    if not _is_file(path / MANIFEST):
        raise BundleError(f"version {version} is not there below {model_folder}")
    bundle = _open_folder(path)
    if bundle.version != version:
        raise BundleError(f"{path} holds another version, {bundle.version}; do not rename versions")
    return bundle


def current_version(model_folder: Path) -> str | None:
    """Return the version in the file ``current``; None if it is absent or cannot be read."""
    if not _is_file(model_folder / CURRENT):
        return None
    try:
        text = _read_plain_file(model_folder / CURRENT, limit=_VERSION_LENGTH + 1)
    except BundleError:
        return None
    return text.decode("ascii", errors="replace").strip()


def _open_current(model_folder: Path) -> Bundle:
    text = _read_plain_file(model_folder / CURRENT, limit=_VERSION_LENGTH + 1)
    return open_version(model_folder, text.decode("ascii", errors="replace").strip())


def _open_folder(path: Path) -> Bundle:
    content = _read_plain_file(path / MANIFEST, limit=manifests.MANIFEST_LIMIT)
    if len(content) > manifests.MANIFEST_LIMIT:
        raise BundleError(f"{path / MANIFEST} is larger than {manifests.MANIFEST_LIMIT:,} bytes")
    manifests.check_signature(content, _signature(path))
    try:
        bundle = Bundle(path, manifests.read_manifest(content))
    except BundleError as error:
        raise BundleError(f"{path / MANIFEST}: {error}") from error
    for file, entry in bundle.manifest["files"].items():
        _check_size(path / file, entry["size"])
    return bundle


def _signature(path: Path) -> str | None:
    if not os.path.lexists(path / SIGNATURE):
        return None
    text = _read_plain_file(path / SIGNATURE, limit=_SIGNATURE_LIMIT)
    return text.decode("ascii", errors="replace").strip()


def _check_size(path: Path, size: int) -> None:
    try:
        result = path.lstat()
    except OSError as error:
        raise BundleError(
            f"{path} is missing although the manifest lists it: {error}. {manifests.REMEDY}"
        ) from error
    if not stat.S_ISREG(result.st_mode):
        raise BundleError(f"{path} is a symbolic link or no plain file; a bundle holds neither")
    if result.st_size != size:
        raise BundleError(
            f"{path} has {result.st_size:,} bytes and the manifest states {size:,}: the file was "
            f"changed or not copied completely. {manifests.REMEDY}"
        )


def _read_plain_file(path: Path, *, limit: int) -> bytes:
    """Return at most `limit` + 1 bytes of a file; refuse a symbolic link or a pipe."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    if not hasattr(os, "O_NOFOLLOW") and path.is_symlink():  # Windows
        raise BundleError(f"{path} is a symbolic link; a bundle holds none")
    try:
        with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BundleError(f"{path} is not a plain file; a bundle holds nothing else")
            return file.read(limit + 1)
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error}") from error


def _is_file(path: Path) -> bool:
    # lexists also finds a broken symbolic link, which is then refused with a clear error when read.
    return os.path.lexists(path) and not path.is_dir()
