"""The oldest versions that pyproject.toml allows are named, and older than those in use."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version


def test_every_dependency_has_one_lowest_version_and_it_is_allowed(lowest, third_party):
    floors = dict(line.split("==") for line in lowest.lowest())
    asked = [each for some in third_party.direct().values() for each in some]
    assert set(floors) == {each.name for each in asked}
    for each in asked:
        assert each.specifier.contains(floors[each.name]), each


def test_the_tested_versions_are_allowed(third_party, pins):
    for some in third_party.direct().values():
        for each in some:
            assert each.specifier.contains(pins[canonicalize_name(each.name)]), each


def test_no_lowest_version_is_newer_than_the_one_in_use(lowest, pins):
    for line in lowest.lowest():
        name, floor = line.split("==")
        assert Version(floor) <= Version(pins[canonicalize_name(name)]), name


@pytest.mark.parametrize("text", ["numpy", "numpy<3", "numpy==2.2"])
def test_a_dependency_without_a_lowest_version_is_refused(lowest, text):
    with pytest.raises(ValueError, match="say from which version on it works"):
        lowest._floor(Requirement(text))
