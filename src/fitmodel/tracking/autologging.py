"""Keep MLflow's autologging out of fitmodel's own fits.

With ``mlflow.autolog()`` on, each of the many small fits inside of a training would become a run of
its own: dozens of runs that nobody asked for, and fifty times the time.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def without_autolog() -> Iterator[None]:
    """Switch autologging off inside; afterwards it is as it was."""
    if "mlflow" not in sys.modules:  # then nobody has switched it on
        yield
        return
    from mlflow.utils.autologging_utils import disable_autologging

    with disable_autologging():
        yield
