"""Parts of the model card: silenced checks, groups that are off, what to train it again with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fitmodel.reports._markdown import Markdown, code, sentence, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fitmodel.deals.contract import DealSpec


def silenced(spec: DealSpec) -> Markdown:
    """Checks that the contract silences, each with its reason."""
    rows = list(spec.checks.ignore.items())
    return table(("Check", "Silenced because"), rows) if rows else Markdown("")


def reproduce(block: Mapping[str, str]) -> Markdown:
    """What to have and to type to train the model again."""
    rows = [
        (name, code(value) if name == "command" else sentence(value))
        for name, value in block.items()
    ]
    return table(("To train it again", ""), rows) if rows else Markdown("")
