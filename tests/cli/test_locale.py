"""Commands in a locale that cannot write the names of files."""

from __future__ import annotations

import os
import subprocess
import sys


def test_a_name_that_the_locale_cannot_write_is_a_plain_error(tmp_path) -> None:
    folder = tmp_path / "销售 团队"
    folder.mkdir()
    (folder / "mlflow.db").touch()
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "fitmodel", "models"],
        cwd=folder,
        env=os.environ | ascii_only,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert b"Error: a name of a file or folder cannot be written in the encoding" in done.stderr
    assert b"Remedy: set the environment variable PYTHONUTF8=1" in done.stderr
    assert b"Traceback" not in done.stderr
