r"""Approximants of monomials $x^p$ at a degree near $\sqrt{2p\log(2/\epsilon)}$.

The Chebyshev series of a monomial is a binomial distribution,
$$x^p = 2^{1-p}\sum_{k \equiv p\,(2)}'\binom p{(p-k)/2}T_k(x),$$
with the term k = 0 halved. All coefficients are positive. The truncation error at degree d is hence largest at x = 1,
where it is the sum of the coefficients above d, at most $2e^{-d^2/2p}$.

References:
    Sachdeva, Vishnoi (2014), Faster Algorithms via Approximation Theory, Section 3. https://doi.org/10.1561/0400000065
"""

import numpy as np

from qla_jax.polynomials.approximant import ROUNDINGS, Library, Proven, approximant
from qla_jax.polynomials.binomial import central_binomial
from qla_jax.polynomials.polynomial import Polynomial

MAX_POWER = 10_000_000


def monomial(power: int, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    """Return a polynomial of lower degree that approximates x^power on [-1, 1], with values between -1 and 1.

    The polynomial has the parity of the power.

    Args:
        power: integer from 0 to 10^7.
        degree: degree of the parity of the power, at most the power, given instead of `eps`.
        eps: absolute error; the smallest such degree whose truncation error is at most eps is used.

    Raises:
        ValueError: neither or both of degree and eps, a degree of the other parity or above the power, a power that is
            no such integer, or an eps below rounding.

    Example:
        >>> poly = monomial(1000, eps=1e-3)
        >>> poly.degree < 150, bool(abs(poly(0.999) - 0.999**1000) <= 1e-3)
        (True, True)

    References:
        Sachdeva, Vishnoi (2014), Section 3. https://doi.org/10.1561/0400000065
    """
    if not isinstance(power, int | np.integer) or isinstance(power, bool) or not 0 <= power <= MAX_POWER:
        raise ValueError(f"`power` must be an integer from 0 to {MAX_POWER}, but is {power}.")
    odd = int(power) % 2
    coeffs = np.zeros(power + 1)
    coeffs[odd::2] = _binomial_coeffs(int(power))
    tails = np.append(np.cumsum(coeffs[::-1])[::-1], 0)  # sums of the coefficients from k on, smallest terms first
    slopes = np.append(np.cumsum((np.arange(power + 1) * coeffs)[::-1])[::-1], 0)

    def build(lib: Library, degree: int) -> Proven:
        rounding = 8 * ROUNDINGS * lib.epsilon
        return Proven(
            coeffs=lambda: coeffs[: degree + 1],
            truncation=tails[degree + 1],
            rounding=rounding,
            relative=slopes[degree + 1] + degree * rounding if odd else np.inf,
            sup=1.0,
        )

    return approximant(build, parity="odd" if odd else "even", degree=degree, eps=eps, highest=int(power))


def _binomial_coeffs(power: int) -> np.ndarray:
    """Return the Chebyshev coefficients for k = power mod 2, +2, ..., power, by ratios of adjacent ones."""
    lib = Library(np, None, np.dtype(float), float(np.finfo(float).eps))
    odd = power % 2
    k = np.arange(odd + 2, power + 1, 2)
    logs = np.cumsum(np.log((power - k + 2) / (power + k)))
    # For odd p, binom(p, (p - 1)/2) 2^{-p} is the central value for p + 1.
    first = central_binomial(lib, (power + odd) / 2)
    return np.concatenate([[first * (2 if odd else 1)], 2 * first * np.exp(logs)])
