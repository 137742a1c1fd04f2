"""Conversion of NumPy's polynomial objects, which would be misread if they were taken as arrays.

`np.poly1d` lists its coefficients in powers of x from the highest down. The classes of `numpy.polynomial` have their
own bases and domains. Taken as an array, each of them would be read as a Chebyshev series of another polynomial,
without any error.

Example:
    >>> series_of_numpy(np.poly1d([0.5, 0.0])).tolist(), powers_of_numpy(np.poly1d([0.5, 0.0])).tolist()
    ([0.0, 0.5], [0.0, 0.5])
    >>> series_of_numpy(np.polynomial.Legendre([0, 0, 1.0])).tolist()
    [0.25, 0.0, 0.75]
"""

from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev, Hermite, HermiteE, Laguerre, Legendre
from numpy.polynomial import Polynomial as PowerSeries

from qla_jax._checks import in_known_types

OF_DEFINITE_PARITY = (PowerSeries, Chebyshev, Legendre, Hermite, HermiteE)
"""Bases whose n-th term has the parity of n. The Laguerre basis has none."""


def series_of_numpy(poly: Any) -> Any:
    """Return the Chebyshev coefficients, lowest degree first, of a polynomial of NumPy; return all else unchanged.

    Arrays of NumPy are converted to dtypes that JAX supports.
    """
    return _in_basis(poly, Chebyshev)


def powers_of_numpy(poly: Any) -> Any:
    """Return the monomial coefficients, lowest degree first, of a polynomial of NumPy; return all else unchanged."""
    return _in_basis(poly, PowerSeries)


def _in_basis(poly: Any, basis: type) -> Any:
    if isinstance(poly, np.ndarray):
        return in_known_types(poly)
    if isinstance(poly, np.poly1d):
        poly = PowerSeries(poly.coeffs[::-1])
    if not isinstance(poly, (*OF_DEFINITE_PARITY, Laguerre)):
        return poly
    series: Any = poly
    coeffs: Any = np.array(series.convert(kind=basis, domain=[-1, 1]).coef)
    centred = not isinstance(poly, Laguerre) and np.sum(series.domain) == np.sum(series.window) == 0
    for start in (0, 1):  # coefficients of the other parity are rounding errors of the conversion
        if centred and not np.any(series.coef[start::2]):
            coeffs[start::2] = 0
    return coeffs
