"""Old names of modules and classes still work, for programs and for pickles in old bundles."""

from __future__ import annotations

import pickle
from importlib import import_module

import pytest

from fitmodel import _old_names

OLD_MODULES = sorted(_old_names.MODULES)
PICKLED = (
    ("fitmodel.learning.book", "Book"),
    ("fitmodel.learning.scorecard", "Evidence"),
    ("fitmodel.learning.calibration", "CalibrationMap"),
    ("fitmodel.learning.classifier", "ProspectFitClassifier"),
    ("fitmodel.learning.columns", "CategoryColumn"),
    ("fitmodel.learning.columns", "NumberColumn"),
    ("fitmodel.learning.encoding", "EncodingOptions"),
)
"""Classes that an estimator pickled by 0.1.0 names and that are still there."""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", OLD_MODULES)
def test_an_old_module_name_gives_the_same_names(name):
    module = import_module(name)

    for home in _old_names.MODULES[name]:
        defined = vars(import_module(home))
        functions = [item for item, value in defined.items() if callable(value)]
        assert getattr(module, functions[0]) is defined[functions[0]]
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        _ = module.no_such_name


@pytest.mark.parametrize("name", OLD_MODULES)
def test_no_old_name_hides_an_existing_module(name):
    assert all(home not in _old_names.MODULES for home in _old_names.MODULES[name])


@pytest.mark.parametrize(("old", "new"), sorted(_old_names.NAMES.items()))
def test_an_old_class_or_function_has_one_new_name(old, new):
    homes = {home for result in _old_names.MODULES.values() for home in result}

    assert old != new
    assert any(hasattr(import_module(home), new) for home in homes)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("module", "name"), PICKLED)
def test_a_class_in_an_old_pickle_is_found(module, name):
    # a pickle that holds the class itself, as protocol 0 writes it
    result = pickle.loads(f"c{module}\n{name}\n.".encode())  # noqa: S301 - written here

    assert isinstance(result, type)
    assert result.__name__ == _old_names.NAMES.get(name, name)


def test_an_unknown_module_is_an_import_error():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        import_module("fitmodel.learning.no_such_module")
