"""Write the benchmarks' tables into the pages, from benchmarks/results.

Run: python docs/benchmark_tables.py

A page has a table between `<!-- table: NAME -->` and `<!-- end of table -->`; the names are those
of `TABLES` in benchmarks/_tables.py. A test holds that the pages are as this command writes them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
BENCHMARKS = DOCS.parent / "benchmarks"
BLOCK = re.compile(r"(<!-- table: ([\w, ]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def with_tables(page: str) -> str:
    """Return the text of a page with its tables as the results say."""
    sys.path.append(str(BENCHMARKS))
    from _tables import stored

    def write(block: re.Match[str]) -> str:
        return f"{block[1]}\n{stored(BENCHMARKS / 'results', block[2])}\n\n{block[3]}"

    return BLOCK.sub(write, page)


def main() -> None:
    """Rewrite the pages whose tables differ, and name them."""
    for path in sorted(DOCS.rglob("*.md")):
        old = path.read_text(encoding="utf-8")
        new = with_tables(old)
        if new != old:
            path.write_text(new, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(DOCS)}\n")


if __name__ == "__main__":
    main()
