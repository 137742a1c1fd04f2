r"""Approximant of sign(x) outside a gap: $x\,Q(x^2)$ with the truncated series $Q$ of $s^{-1/2}$ on $[g^2, 1]$.

The error falls like $(\frac{1-g}{1+g})^{d/2}$, the rate of the best polynomials; erf(kx) with the best k needs about
twice the degree. In the gap the polynomial is between -1 and 1, up to rounding.

References:
    Eremenko, Yuditskii (2007), Uniform approximation of sgn x by polynomials and entire functions, Theorem 1.
    https://arxiv.org/abs/math/0604324
"""

from typing import Any

from jax.typing import ArrayLike

from qla_jax.polynomials.approximant import Library, Proven, approximant, fraction
from qla_jax.polynomials.polynomial import Polynomial
from qla_jax.polynomials.powers import POWER_DEGREE, odd_power


def sign(gap: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    """Return an odd polynomial that approximates the sign of x on gap <= |x| <= 1.

    The polynomial satisfies |P| <= 1 + eps everywhere on [-1, 1], up to rounding.

    Args:
        gap: number between 0 and 1; it may be traced if `degree` is given.
        degree: odd degree up to 20001, given instead of `eps`.
        eps: absolute error on the domain; the smallest odd degree proven to reach it is used, about log(1/eps)/gap.

    Raises:
        ValueError: neither or both of degree and eps, an even degree, a gap outside (0, 1) or traced with eps, or an
            eps below rounding, which is about 1/gap times that of the dtype.

    Example:
        >>> poly = sign(0.1, eps=1e-3)
        >>> bool(abs(poly(0.2) - 1) <= 1e-3), bool(abs(poly(-0.5) + 1) <= 1e-3)
        (True, True)

    References:
        Eremenko, Yuditskii (2007), Theorem 1. https://arxiv.org/abs/math/0604324
    """
    return approximant(_sign, fraction("gap", gap), parity="odd", degree=degree, eps=eps, highest=POWER_DEGREE)


def _sign(lib: Library, degree: int, gap: Any) -> Proven:
    return odd_power(lib, degree, 0.0, gap)
