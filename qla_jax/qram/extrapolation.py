r"""Extrapolation of infidelities to larger memories, by a quadratic in n for each word length and then a line in k.

Each word length has its own quadratic by weighted least squares. At a wanted n the quadratics give one value per word
length, with an error from the fit's covariance. A weighted line through these values gives the value at a wanted k.
Every number is linear in the data, whose standard errors are taken as known from the shots rather than from residuals.
So errors propagate exactly, and the band at confidence c is $\pm z_{(1+c)/2}$ standard errors, pointwise. If the law
holds, the band covers the truth with probability c. The comparison of `chi_squared` with its degrees of freedom shows
whether the data contradict the law. Arithmetic runs on the host in float64.

The paper states a higher fidelity for its second memory than for its first, and says that infidelity grows with the
length of words. Both can hold only if the second memory had the shorter words. Here longer words have larger
infidelity.

Example:
    >>> from qla_jax.qram.scheduling import site_count
    >>> n, k = [2, 3, 4, 5], [1, 2, 3]
    >>> table = [[site_count(a, b) * 1e-5 for a in n] for b in k]
    >>> found = extrapolate(n, k, table, [[1e-6] * 4] * 3, address_bits=20, word_bits=64)
    >>> round(found.value / 1e-5), site_count(20, 64)
    (7182, 7182)

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, appendix F. https://arxiv.org/abs/2402.18940
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from qla_jax._checks import as_inexact, as_integer, as_integers, as_real, require


class Fit(NamedTuple):
    """Polynomial fitted by weighted least squares.

    Attributes:
        coefficients: monomial coefficients, from low to high degree.
        covariance: covariance matrix of the coefficients.
        chi_squared: weighted sum of squared residuals.
        freedom: number of points minus number of coefficients.
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    chi_squared: float
    freedom: int

    def at(self, x: float) -> tuple[float, float]:
        """Return the value at x and its standard error."""
        row = x ** np.arange(len(self.coefficients))
        return float(row @ self.coefficients), float(np.sqrt(row @ self.covariance @ row))

    @property
    def p_value(self) -> float:
        """Probability of a worse fit if the law holds; 1 where there are no degrees of freedom."""
        return float(special.gammaincc(self.freedom / 2, self.chi_squared / 2)) if self.freedom else 1.0


class Extrapolated(NamedTuple):
    """Extrapolated value with its confidence band.

    Attributes:
        value: value at the wanted sizes.
        standard_error: standard error of the value, propagated from the data.
        low: lower end of the band; not cut at 0 or 1.
        high: upper end of the band.
        by_length: quadratics in n, one for each word length.
        line: line in k at the wanted n.
    """

    value: float
    standard_error: float
    low: float
    high: float
    by_length: tuple[Fit, ...]
    line: Fit


def polynomial_fit(x: Sequence[float], y: Sequence[float], errors: Sequence[float], degree: int) -> Fit:
    """Fit a polynomial by least squares with weights 1/errors^2.

    Args:
        x: points, at least degree + 1 different ones.
        y: values at the points.
        errors: standard errors of the values, positive.
        degree: degree of the polynomial.

    Raises:
        ValueError: lengths that differ, too few points, an entry that is not finite, or an error that is not positive.
    """
    named = (("x", x), ("y", y), ("errors", errors))
    places, values, widths = (np.asarray(as_inexact(name, part), np.float64) for name, part in named)
    same = places.shape == values.shape == widths.shape and places.ndim == 1
    shapes = f"{places.shape}, {values.shape} and {widths.shape}"
    require(same, f"`x`, `y` and `errors` must have one axis of equal length, but have shapes {shapes}.")
    different = len(np.unique(places))
    require(different > degree, f"`x` must have at least {degree + 1} different points, but has {different}.")
    for name, part in (("x", places), ("y", values), ("errors", widths)):
        require(bool(np.isfinite(part).all()), f"`{name}` must be finite, but is {part.tolist()}.")
    require(bool((widths > 0).all()), f"`errors` must be positive, but one is {widths.min()}.")
    rows = np.vander(places, degree + 1, increasing=True) / widths[:, None]
    q, r = np.linalg.qr(rows)
    back = np.linalg.solve(r, q.T)
    coefficients = back @ (values / widths)
    left = float(np.sum((values / widths - rows @ coefficients) ** 2))
    return Fit(coefficients, back @ back.T, left, len(places) - degree - 1)


def extrapolate(
    address_sizes: Sequence[int],
    word_lengths: Sequence[int],
    table: Sequence[Sequence[float]],
    errors: Sequence[Sequence[float]],
    *,
    address_bits: int,
    word_bits: int,
    confidence: float = 0.95,
) -> Extrapolated:
    """Extrapolate a table of infidelities to a larger memory by quadratics in n and a line in k.

    Args:
        address_sizes: simulated n, at least three.
        word_lengths: simulated k, at least two.
        table: infidelities, a row for each k and a column for each n.
        errors: standard errors of the infidelities, positive.
        address_bits: n to extrapolate to.
        word_bits: k to extrapolate to, such as 32 or 64.
        confidence: confidence of the band, between 0 and 1.

    Raises:
        ValueError: a table of another shape, a size that is no integer of at least 1, a confidence outside of (0, 1),
            or what `polynomial_fit` raises.

    Example:
        >>> n, k = [2, 3, 4, 5], [1, 2, 3]
        >>> table = [[1e-5 * (a * a + a * b) for a in n] for b in k]
        >>> found = extrapolate(n, k, table, [[1e-6] * 4] * 3, address_bits=20, word_bits=64)
        >>> round(found.value / 1e-5)  # 20 * 20 + 20 * 64
        1680
    """
    confidence = as_real("confidence", confidence)
    require(0 < confidence < 1, f"`confidence` must lie between 0 and 1, but is {confidence}.")
    address_bits, word_bits = as_integer("address_bits", address_bits, 1), as_integer("word_bits", word_bits, 1)
    address_sizes = as_integers("address_sizes", address_sizes, least=1)
    word_lengths = as_integers("word_lengths", word_lengths, least=1)
    shape = (len(word_lengths), len(address_sizes))
    for name, part in (("table", table), ("errors", errors)):
        require(np.shape(part) == shape, f"`{name}` must have shape {shape}, but has {np.shape(part)}.")
    fits = tuple(polynomial_fit(address_sizes, *row, degree=2) for row in zip(table, errors, strict=True))
    values, widths = zip(*(fit.at(address_bits) for fit in fits), strict=True)
    line = polynomial_fit(word_lengths, values, widths, degree=1)
    value, error = line.at(word_bits)
    reach = float(special.ndtri((1 + confidence) / 2)) * error
    return Extrapolated(value, error, value - reach, value + reach, fits, line)
