r"""Approximant of erf(scale x): the integral of the truncated Chebyshev series of a Gaussian.

$$P(x) = \frac{2m}{\sqrt\pi}\int_0^x \Big[g_0 + 2\sum_{j=1}^{J}(-1)^j g_j T_{2j}(t)\Big] dt,
\qquad g_j = e^{-m^2/2} I_j(m^2/2),$$
with the scale $m$ and $J = (k-1)/2$ for degree $k$. Since $|\int_0^x T_{2j}| \le \min(|x|, \frac12(\frac1{2j+1} +
\frac1{2j-1}))$, the tail $\sum_{j>J} g_j$ bounds the error both absolutely and relative to $|x|$. By the relative bound
the error of a whole vector is independent of its dimension: $\|P(x) - f(x)\| \le r\|x\|$.

References:
    Low, Chuang (2017), Corollary 4. https://arxiv.org/abs/1707.05391
    Rattew et al. (2025), Lemma B.19. https://arxiv.org/abs/2510.07195
"""

import math
from typing import Any

import numpy as np
from jax.typing import ArrayLike

from qla_jax.polynomials import chebyshev
from qla_jax.polynomials.approximant import ROUNDINGS, Library, Proven, approximant, positive
from qla_jax.polynomials.polynomial import Polynomial

TAIL_TERMS = 64


def erf(scale: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    r"""Return an odd polynomial that approximates $x \mapsto \mathrm{erf}(\text{scale}\cdot x)$ on [-1, 1].

    The result has a bound on its error relative to |x|, too.

    Args:
        scale: positive number; it may be traced if `degree` is given.
        degree: odd degree, given instead of `eps`.
        eps: absolute error; the smallest odd degree proven to reach it is used.

    Raises:
        ValueError: neither or both of degree and eps, an even degree, a scale that is not positive and finite or is
            traced with eps, or an eps that no degree reaches or below the rounding of the dtype (float32 where float64
            is needed).

    Example:
        >>> poly = erf(0.8, eps=1e-4)
        >>> poly.degree, bool(abs(poly(0.5) - jax.scipy.special.erf(0.4)) <= 1e-4)
        (7, True)

    References:
        Low, Chuang (2017), Corollary 4. https://arxiv.org/abs/1707.05391
    """
    return approximant(_erf, positive("scale", scale), parity="odd", degree=degree, eps=eps)


def _erf(lib: Library, degree: int, m: Any) -> Proven:
    # Chebyshev coefficients of the Gaussian come from samples, since JAX has no Bessel functions of higher order.
    # Sampling at `count` nodes aliases the coefficients above 2 * count - degree, which enters the error bound.
    half = (degree - 1) // 2
    count = 2 * degree + 64
    slope = 2 * m / math.sqrt(math.pi)

    def coeffs() -> Any:
        x = lib.array(chebyshev.nodes(count))
        gauss = chebyshev.interpolate(lib.xp.exp(-lib.xp.square(m * x)), 2 * half + 1)
        return slope * _integral(lib, gauss[::2])

    # Measured against 40 digits: errors are at most 1.9 of this unit, and at most 0.9 of it relative to |x|.
    rounding = ROUNDINGS * lib.epsilon * slope
    tails = _tails(lib, m, count - half)
    tail, folded = tails[half], tails[-1]
    j = half + 1
    return Proven(
        coeffs=coeffs,
        truncation=slope * (tail * (1 / (2 * j + 1) + 1 / (2 * j - 1)) + 2 * folded),
        rounding=2 * rounding,
        relative=slope * 2 * (tail + folded) + math.sqrt(degree + 1) * rounding,
        lipschitz=slope,
    )


def _integral(lib: Library, even: Any) -> Any:
    r"""Return all coefficients of the integral from 0 of a series in T_0, T_2, ....

    The rule is $\int_0 T_{2j} = \frac12\big(\frac{T_{2j+1}}{2j+1} - \frac{T_{2j-1}}{2j-1}\big)$, and $T_1$ for j = 0.
    """
    xp, j = lib.xp, np.arange(len(even))
    lower = even * lib.array(np.where(j, 1.0, 2.0))
    upper = xp.concatenate([even[1:], 0 * even[:1]])
    odd = (lower - upper) / lib.array(2.0 * (2 * j + 1))
    return xp.stack([0 * odd, odd], axis=1).reshape(-1)


def _tails(lib: Library, m: Any, count: int) -> Any:
    r"""Return upper bounds on $\sum_{j>J} e^{-z}I_j(z)$, $z = m^2/2$, for J = 0, ..., count - 1.

    The ratios satisfy $I_{j+1}/I_j \le z/(j + \frac12 + \sqrt{(j+\frac12)^2 + z^2})$, sharp for large z, and
    $I_{j+1}/I_j \le z/(j + \sqrt{(j + 2)^2 + z^2})$, sharp for large j. The power series gives
    $I_j(z) \le (z/2)^je^{z^2/4(j+1)}/j!$, sharp for small z. A geometric series bounds the terms beyond the last one.

    References:
        Amos (1974), Mathematics of Computation 28, 239.
    """
    xp, z = lib.xp, m * m / 2
    j = lib.array(np.arange(count + TAIL_TERMS))
    wide = j + 0.5 + xp.sqrt(xp.square(j + 0.5) + z * z)
    high = j + xp.sqrt(xp.square(j + 2) + z * z)
    ratios = z / xp.maximum(wide, high)
    logs = xp.log(lib.special.i0e(z)) + xp.cumsum(xp.log(ratios))  # logarithms of the bounds for order j + 1
    power = (j + 1) * xp.log(z / 2) - lib.special.gammaln(j + 2) + z * z / (4 * (j + 2)) - z
    terms = xp.exp(xp.minimum(logs, power))
    rest = terms[-1] * ratios[-1] / (1 - ratios[-1])
    return (xp.cumsum(terms[::-1])[::-1] + rest)[:count]
