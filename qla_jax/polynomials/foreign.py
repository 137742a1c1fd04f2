"""Conversion of NumPy's polynomials and of functions to polynomials of this package.

Example:
    >>> as_chebyshev(np.polynomial.Polynomial([0, 0, 1.0])).tolist(), as_chebyshev(np.sin).parity
    ([0.5, 0.0, 0.5], 'odd')
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from qla_jax.polynomials.interpolation import PROBES, interpolant
from qla_jax.polynomials.numpy_series import series_of_numpy
from qla_jax.polynomials.polynomial import Polynomial


def as_chebyshev(poly: Any) -> Any:
    """Return a polynomial of NumPy as Chebyshev coefficients, a function as its `interpolant`, and all else unchanged.

    Args:
        poly: polynomial of NumPy, function of a NumPy vector, or any other object. The `error_bound` of an interpolated
            function is infinite.
    """
    poly = series_of_numpy(poly)
    if callable(poly) and not isinstance(poly, Polynomial | jax.Array):
        return interpolant(poly, parity=_parity(poly))
    return poly


def _parity(function: Callable) -> str:
    values, mirrored = np.asarray(function(PROBES)), np.asarray(function(-PROBES))
    if values.shape != PROBES.shape or mirrored.shape != PROBES.shape:
        return "none"  # `interpolant` raises the error for values of another shape
    allowed = 100 * np.finfo(float).eps * np.abs(values).max()
    if np.abs(values - mirrored).max() <= allowed:
        return "even"
    return "odd" if np.abs(values + mirrored).max() <= allowed else "none"
