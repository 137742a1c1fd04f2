"""Polynomials of a piecewise function: the error of interpolation, and coefficients rounded to integers.

An index of so many bits names a segment; negative numbers have the upper half of its values. The domain consists of the
integers `low` to `high`. A segment that contains an end of the domain is interpolated only on the part inside, so the
function is never evaluated outside.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev as series
from numpy.polynomial import polynomial as monomials

from qla_jax._checks import require
from qla_jax.arithmetic.formats import Format
from qla_jax.polynomials import chebyshev

Derivative = Callable[[int, float, float], float]
"""Function from n and the low and high end of an interval to a bound on |f^(n)| there."""

ROUNDINGS = 64
"""Allowance for rounding of a coefficient, in units of float64 times the sum of the sizes of its terms."""


def _segments(format: Format, index: int, low: int, high: int) -> list[tuple[int, int, int]]:
    """Return, for each value of the index, the first integer of its segment and the part of it in the domain."""
    size = 1 << (format.bits - index)
    count = 1 << index
    found = []
    for i in range(count):
        first = (i - count if 2 * i >= count else i) * size
        found.append((first, max(first, low), min(first + size - 1, high)))
    return found


def approximation(format: Format, index: int, degree: int, derivative: Derivative, low: int, high: int) -> float:
    """Return an a priori bound on the interpolation error over the segments of the domain.

    Args:
        format: format of the argument.
        index: number of bits that name a segment.
        degree: degree of the polynomials.
        derivative: bound on the derivatives.
        low: least integer of the domain.
        high: largest integer of the domain.
    """
    n, worst = degree + 1, 0.0
    for _, start, end in _segments(format, index, low, high):
        if start < end:
            a, b = start * format.step, end * format.step
            bound = float(derivative(n, a, b))
            require(bound >= 0, f"`derivative` must not be negative or NaN, but is {bound} for n = {n} on [{a}, {b}].")
            worst = max(worst, bound * ((b - a) / 2) ** n / (2**degree * math.factorial(n)))
    return worst


def interpolants(
    function: Callable, format: Format, index: int, degree: int, working: int, low: int, high: int
) -> tuple[tuple[tuple[int, ...], ...], float]:
    """Return coefficients in t, rounded to integers, and a bound on the rounding of float64 in them.

    The half of the last rounding is part of the constant coefficient.

    Args:
        function: function to interpolate.
        format: format of the argument.
        index: number of bits that name a segment.
        degree: degree of the polynomials.
        working: number of fractional bits of the coefficients.
        low: least integer of the domain.
        high: largest integer of the domain.
    """
    rows, noise = [], 0.0
    size = 1 << (format.bits - index)
    nodes = np.asarray(chebyshev.nodes(degree + 1))
    half = 1 << (working - format.fraction - 1)
    for first, start, end in _segments(format, index, low, high):
        if start > end:
            rows.append((0,) * (degree + 1))
            continue
        middle, radius = (start + end) / 2, max((end - start) / 2, 0.5)
        points = (middle + radius * nodes) * format.step
        values: Any = np.asarray(function(np.clip(points, start * format.step, end * format.step)))
        require(values.dtype.kind in "iuf", f"`function` must give real numbers, but gives {values.dtype}.")
        fits = values.shape == points.shape
        require(fits, f"`function` must give as many values as points, {points.shape}, but gives {values.shape}.")
        values = values.astype(float)
        require(bool(np.isfinite(values).all()), f"`function` must be finite, but is not near {points[0]}.")
        of_s = series.cheb2poly(np.asarray(chebyshev.interpolate(values)))
        line = ((first - middle) / radius, size / radius)
        of_t = _composed(of_s, line)
        noise = max(noise, ROUNDINGS * 2.0**-53 * float(_composed(np.abs(of_s), np.abs(line)).sum()))
        rounded = [round(float(c) * (1 << working)) for c in of_t]
        rounded += [0] * (degree + 1 - len(rounded))  # NumPy drops leading coefficients that are exactly zero
        rows.append((rounded[0] + half, *rounded[1:]))
    return tuple(rows), noise


def _composed(outer: np.ndarray, line: Any) -> np.ndarray:
    total = np.zeros(1)
    for coefficient in outer[::-1]:
        total = monomials.polyadd(monomials.polymul(total, line), [coefficient])
    return np.pad(total, (0, max(len(outer) - len(total), 0)))[: len(outer)]
