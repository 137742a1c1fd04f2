r"""sign(x) outside a gap: $x\,Q(x^2)$ with $Q$ the truncated series of $s^{-1/2}$ on $[g^2, 1]$.

Its error falls like $(\frac{1-g}{1+g})^{d/2}$, the rate of the best polynomials; erf(kx) with the best k needs about
twice the degree. In the gap it stays between -1 and 1, up to rounding.

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
    """Odd approximation of the sign of x for gap <= |x| <= 1; |P| <= 1 + eps everywhere, up to rounding.

    Args:
        gap: between 0 and 1; may be traced when `degree` is given.
        degree: odd degree up to 20001; or
        eps: the smallest odd degree proven to have at most this error on the domain is taken, about log(1/eps)/gap.

    Raises:
        ValueError: neither or both of degree and eps, an even degree, a gap not between 0 and 1 or traced with eps, an
            eps below rounding, which is about 1/gap times that of the dtype.
    """
    return approximant(_sign, fraction("gap", gap), parity="odd", degree=degree, eps=eps, highest=POWER_DEGREE)


def _sign(lib: Library, degree: int, gap: Any) -> Proven:
    return odd_power(lib, degree, 0.0, gap)
