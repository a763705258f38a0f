"""The champions before the present one, oldest first, kept on the version that is in use.

Each version that becomes champion is given the whole list in a tag. One tag with only the version
before would not do: a version that is promoted twice has two versions before it, and rollbacks
would go in a circle.
"""

from __future__ import annotations

from typing import Any

PREVIOUS_TAG = "fitmodel.previous_champion"
HISTORY_TAG = "fitmodel.champions_before"

MAX_CHAMPIONS = 500  # a store may refuse a tag of more than 5,000 characters


def champions_before(client: Any, name: str, champion: int) -> list[int]:
    """Return the versions that were champion before this one became it, oldest first."""
    tags = client.get_model_version(name, str(champion)).tags
    if HISTORY_TAG in tags:
        return [int(version) for version in tags[HISTORY_TAG].split(",") if version]
    return _linked(client, name, champion)


def history_tag(versions: list[int]) -> dict[str, str]:
    """Return the tag that records the champions before, for the version that becomes champion."""
    return {HISTORY_TAG: ",".join(map(str, versions[-MAX_CHAMPIONS:]))}


def _linked(client: Any, name: str, champion: int) -> list[int]:
    """Return the champions before, as fitmodel 0.1.0 recorded them: each version's last one.

    Where a version comes a second time the record ends: what was before its earlier promotion
    was overwritten by its later one.
    """
    newest_first = [champion]
    while newest_first[-1] not in newest_first[:-1]:
        tags = client.get_model_version(name, str(newest_first[-1])).tags
        if PREVIOUS_TAG not in tags:
            break
        newest_first.append(int(tags[PREVIOUS_TAG]))
    return newest_first[:0:-1]
