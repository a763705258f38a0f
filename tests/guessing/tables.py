"""Tables as users have them, in several languages and in the formats of several vendors."""

from __future__ import annotations

import numpy as np
import pandas as pd

ROWS = 240
END = pd.Timestamp("2025-12-31")


def customers(seed: int = 0, rows: int = ROWS) -> pd.DataFrame:
    """Customers with the day they signed and, of about half, the day they left."""
    rng = np.random.default_rng(seed)
    signed = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 900, rows), "D")
    stayed = pd.to_timedelta(rng.exponential(420, rows).astype(int) + 1, "D")
    left = pd.Series(signed + stayed)
    return pd.DataFrame(
        {
            "key": [f"K{1000 + 7 * row}" for row in range(rows)],
            "signed": signed,
            "left": left.where(left <= END),
            "plan": rng.choice(["basic", "pro", "team"], rows),
            "seats": rng.integers(1, 90, rows),
        }
    )


def flag(gone: pd.Series, yes: str, no: str) -> np.ndarray:
    """The flag "left", written with any two words."""
    return np.where(gone, yes, no)
