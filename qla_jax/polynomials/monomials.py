r"""$x^p$ at a degree near $\sqrt{2p\log(2/\epsilon)}$: the Chebyshev series of a monomial is a binomial distribution.

$$x^p = 2^{1-p}\sum_{k \equiv p\,(2)}'\binom p{(p-k)/2}T_k(x),$$
the term k = 0 halved. All coefficients are positive: what truncation at degree d leaves is largest at x = 1, where it
is the sum of the coefficients above d, at most $2e^{-d^2/2p}$.

References:
    Sachdeva, Vishnoi (2014), Faster Algorithms via Approximation Theory, Section 3. https://doi.org/10.1561/0400000065
"""

import numpy as np

from qla_jax.polynomials.approximant import ROUNDINGS, Library, Proven, approximant
from qla_jax.polynomials.binomial import central_binomial
from qla_jax.polynomials.polynomial import Polynomial

MAX_POWER = 10_000_000


def monomial(power: int, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    """Approximation of x^power on [-1, 1] by a polynomial of lower degree, of the same parity and between -1 and 1.

    Args:
        power: an integer from 0 to 10^7.
        degree: at most the power and of its parity; or
        eps: the smallest such degree with at most this error (exactly the truncation's) is taken.

    Raises:
        ValueError: neither or both of degree and eps, a degree of the other parity or above the power, a power that is
            no such integer, an eps below rounding.
    """
    if not isinstance(power, int | np.integer) or isinstance(power, bool) or not 0 <= power <= MAX_POWER:
        raise ValueError(f"`power` must be an integer from 0 to {MAX_POWER}, but is {power}.")
    odd = int(power) % 2
    coeffs = np.zeros(power + 1)
    coeffs[odd::2] = _binomial_coeffs(int(power))
    tails = np.append(np.cumsum(coeffs[::-1])[::-1], 0)  # of the coefficients from k on
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
    """Chebyshev coefficients for k = power mod 2, +2, ..., power, from the middle outwards by ratios of neighbors."""
    lib = Library(np, None, np.dtype(float), float(np.finfo(float).eps))
    odd = power % 2
    k = np.arange(odd + 2, power + 1, 2)
    logs = np.cumsum(np.log((power - k + 2) / (power + k)))
    # binom(p, (p - 1)/2) 2^{-p} for odd p is the middle one for p + 1.
    first = central_binomial(lib, (power + odd) / 2)
    return np.concatenate([[first * (2 if odd else 1)], 2 * first * np.exp(logs)])
