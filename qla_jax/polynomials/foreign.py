"""What stands for a polynomial without being one of this package: NumPy's polynomials, and functions.

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
    """Return a polynomial in this package's terms.

    Args:
        poly: a polynomial of NumPy, whose Chebyshev coefficients are returned; a function of a NumPy vector, of which
            the `interpolant` is, its `error_bound` infinite. Anything else comes back as it is.
    """
    poly = series_of_numpy(poly)
    if callable(poly) and not isinstance(poly, Polynomial | jax.Array):
        return interpolant(poly, parity=_parity(poly))
    return poly


def _parity(function: Callable) -> str:
    values, mirrored = np.asarray(function(PROBES)), np.asarray(function(-PROBES))
    if values.shape != PROBES.shape or mirrored.shape != PROBES.shape:
        return "none"  # refused by `interpolant`, in its words
    allowed = 100 * np.finfo(float).eps * np.abs(values).max()
    if np.abs(values - mirrored).max() <= allowed:
        return "even"
    return "odd" if np.abs(values + mirrored).max() <= allowed else "none"
