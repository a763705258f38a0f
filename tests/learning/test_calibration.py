"""A calibration map is nondecreasing, finite, and can be shifted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from fitmodel.learning.calibration import CalibrationMap, expit, logit


def test_expit_and_logit_are_inverse_and_finite():
    p = np.array([1e-9, 0.2, 0.5, 0.999])
    np.testing.assert_allclose(expit(logit(p)), p)
    np.testing.assert_allclose(logit(p), special.logit(p))
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()
    assert ((expit(np.array([-1e4, 1e4])) > 0) & (expit(np.array([-1e4, 1e4])) <= 1)).all()


def test_a_linear_map_is_linear_everywhere():
    line = CalibrationMap.linear(0.7, -0.2, "slope")
    raw = np.linspace(-30, 30, 61)
    np.testing.assert_allclose(line.log_odds(raw), 0.7 * raw - 0.2)
    np.testing.assert_allclose(CalibrationMap.identity().log_odds(raw), raw)


def test_a_shifted_map_adds_the_shift_to_all_log_odds():
    isotonic = CalibrationMap((-2.0, -1.0, 0.0), (-1.8, -1.3, 0.4), "isotonic")
    raw = np.linspace(-5, 5, 101)
    np.testing.assert_allclose(isotonic.shifted(0.6).log_odds(raw), isotonic.log_odds(raw) + 0.6)
    assert (np.diff(isotonic.probability(raw)) >= 0).all()


def test_a_map_is_rebuilt_from_its_json_form():
    isotonic = CalibrationMap((-2.0, -1.0, 0.0), (-1.8, -1.3, 0.4), "isotonic")
    assert CalibrationMap.from_dict(isotonic.to_dict()) == isotonic


@pytest.mark.parametrize(
    ("knots", "values", "message"),
    [
        ((0.0,), (0.0,), "two or more"),
        ((1.0, 0.0), (0.0, 1.0), "ascending knots"),
        ((0.0, 1.0), (1.0, 0.0), "rising values"),
        ((0.0, 1.0), (0.0, np.inf), "finite"),
    ],
)
def test_a_map_that_decreases_or_is_not_finite_is_refused(knots, values, message):
    with pytest.raises(ValueError, match=message):
        CalibrationMap(knots, values, "isotonic")
