"""The wheel contains the complete package and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Names of the files in a wheel built from this source tree, without a network."""
    if find_spec("hatchling") is None:
        pytest.skip("hatchling, which builds the wheel, is not installed here (extra dev)")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603  our own interpreter
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        return file.name, set(archive.namelist())


def test_the_wheel_contains_exactly_the_files_of_the_package(wheel):
    _, names = wheel
    wanted = {
        path.relative_to(SOURCE).as_posix()
        for path in (SOURCE / "fitmodel").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if ".dist-info/" not in name} == wanted
    assert any(name.endswith(".j2") for name in wanted)


def test_the_metadata_name_the_licence_and_the_command(wheel):
    _, names = wheel
    beside = {name.split(".dist-info/")[1] for name in names if ".dist-info/" in name}
    assert beside == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_the_wheel_is_platform_independent(wheel):
    assert wheel[0].endswith("-py3-none-any.whl")
