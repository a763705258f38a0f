"""Today's usual ways to learn a probability from a table, untuned by hand, on the same columns."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from _needs import has
from _own_python import OUTCOME, PACKAGES, WEIGHT, predict, why_absent
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

if TYPE_CHECKING:
    from collections.abc import Callable

    from fitmodel.deals.outcomes import LabelledDeals

TEXT = ["object", "string", "category", "bool"]
MAX_CATEGORIES = 250  # what HistGradientBoosting can hold as one category


def as_categories(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Text as categories that training has seen; everything else as numbers."""
    train, test = train.copy(), test.copy()
    for name in train.select_dtypes(TEXT).columns:
        levels = pd.Index(train[name].dropna().astype(str).unique())
        for frame in (train, test):
            text = frame[name].astype(str).where(frame[name].notna())
            frame[name] = pd.Categorical(text, levels)
    return train, test


def logistic(train: LabelledDeals, test: pd.DataFrame) -> np.ndarray:
    """Scikit-learn's logistic regression behind a one-hot encoder and a scaler."""
    known, asked = as_categories(train.attributes, test)
    columns = make_column_transformer(
        (
            OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5),
            make_column_selector(dtype_include="category"),
        ),
        (
            make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
            make_column_selector(dtype_exclude="category"),
        ),
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=2_000))
    model.fit(known, train.early_churn, logisticregression__sample_weight=train.weight)
    return model.predict_proba(asked)[:, 1]


def hist_gradient_boosting(train: LabelledDeals, test: pd.DataFrame) -> np.ndarray:
    """Scikit-learn's histogram gradient boosting at its defaults; too many levels as codes."""
    known, asked = as_categories(train.attributes, test)
    for name in known.select_dtypes("category").columns:
        if len(known[name].cat.categories) > MAX_CATEGORIES:
            known[name], asked[name] = known[name].cat.codes, asked[name].cat.codes
    model = HistGradientBoostingClassifier(random_state=0)
    model.fit(known, train.early_churn, sample_weight=train.weight)
    return model.predict_proba(asked)[:, 1]


def lightgbm(train: LabelledDeals, test: pd.DataFrame) -> np.ndarray:
    """LightGBM at its defaults."""
    from lightgbm import LGBMClassifier

    known, asked = as_categories(train.attributes, test)
    model = LGBMClassifier(random_state=0, n_jobs=1, verbose=-1)
    model.fit(known, train.early_churn, sample_weight=train.weight)
    return np.asarray(model.predict_proba(asked))[:, 1]


def catboost(train: LabelledDeals, test: pd.DataFrame) -> np.ndarray:
    """CatBoost at its defaults."""
    from catboost import CatBoostClassifier

    known, asked = as_categories(train.attributes, test)
    text = list(known.select_dtypes("category").columns)
    for frame in (known, asked):
        frame[text] = frame[text].astype(object).fillna("missing").astype(str)
    model = CatBoostClassifier(
        cat_features=text, random_seed=0, thread_count=1, verbose=False, allow_writing_files=False
    )
    model.fit(known, train.early_churn, sample_weight=train.weight)
    return model.predict_proba(asked)[:, 1]


def explainable_boosting(train: LabelledDeals, test: pd.DataFrame) -> np.ndarray:
    """Interpret's explainable boosting machine at its defaults."""
    from interpret.glassbox import ExplainableBoostingClassifier

    known, asked = as_categories(train.attributes, test)
    text = list(known.select_dtypes("category").columns)
    known[text], asked[text] = known[text].astype(object), asked[text].astype(object)
    model = ExplainableBoostingClassifier(n_jobs=1, random_state=0)
    model.fit(known, train.early_churn.astype(int), sample_weight=train.weight)
    return model.predict_proba(asked)[:, 1]


def flaml(train: LabelledDeals, test: pd.DataFrame, *, budget: float) -> np.ndarray:
    """FLAML's search for the best log loss within a budget of seconds."""
    from flaml import AutoML

    known, asked = as_categories(train.attributes, test)
    search = AutoML()
    search.fit(
        known,
        train.early_churn.astype(int),
        task="classification",
        metric="log_loss",
        time_budget=budget,
        sample_weight=train.weight,
        n_jobs=1,
        seed=0,
        verbose=0,
        estimator_list=["lgbm", "rf", "extra_tree", "lrl1", "histgb"],
    )
    return search.predict_proba(asked)[:, 1]


def elsewhere(train: LabelledDeals, test: pd.DataFrame, *, name: str, seconds: float) -> np.ndarray:
    """A learner that has a Python of its own."""
    known, asked = as_categories(train.attributes, test)
    known[OUTCOME], known[WEIGHT] = train.early_churn.astype(int), train.weight
    return predict(name, known, asked, seconds=seconds)


def peers(
    budget: float, limit: float = 90.0
) -> dict[str, Callable[[LabelledDeals, pd.DataFrame], Any]]:
    """Peers whose package is installed, by name; those that are absent are printed.

    FLAML runs only with a budget.

    `limit` is AutoGluon's, in seconds.
    """
    ways: dict[str, tuple[str, Any]] = {
        "logistic": ("sklearn", logistic),
        "HistGradientBoosting": ("sklearn", hist_gradient_boosting),
        "LightGBM": ("lightgbm", lightgbm),
        "CatBoost": ("catboost", catboost),
        "EBM": ("interpret", explainable_boosting),
    }
    if budget > 0:
        ways["FLAML"] = ("flaml", lambda train, test: flaml(train, test, budget=budget))
    here = {name: way for name, (package, way) in ways.items() if has(package, name)}
    absent = {name: why for name in PACKAGES if (why := why_absent(name))}
    for name, why in absent.items():
        print(f"{name} is left out: {why}")
    there = {
        name: partial(elsewhere, name=name, seconds=limit)
        for name in PACKAGES
        if name not in absent
    }
    return here | there
