r"""Optimal filter polynomial: $R(x) = T_\ell(y(x^2))/T_\ell(y(0))$ of degree $2\ell$ with R(0) = 1.

On gap <= |x| <= 1 the largest value of |R| is exactly $1/|T_\ell(y(0))| = 2/(\rho^\ell + \rho^{-\ell})$ with $\rho =
\frac{1+g}{1-g}$. No even polynomial with R(0) = 1 has a smaller largest value there. Everywhere |R| <= 1.

References:
    Lin, Tong (2020), Lemma 2. https://arxiv.org/abs/1910.14596
"""

from typing import Any

import numpy as np
from jax.typing import ArrayLike

from qla_jax.polynomials import chebyshev
from qla_jax.polynomials.approximant import ROUNDINGS, Library, Proven, approximant, fraction
from qla_jax.polynomials.gap import log_rho, scaled_chebyshev
from qla_jax.polynomials.polynomial import Polynomial


def eigenstate_filter(gap: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    """Return the even polynomial with value 1 at 0 that is smallest for gap <= |x| <= 1.

    The polynomial satisfies |P| <= 1 everywhere, and |P| <= eps for gap <= |x| <= 1.

    Args:
        gap: number between 0 and 1; it may be traced if `degree` is given.
        degree: even degree, given instead of `eps`.
        eps: largest absolute value outside the gap; the smallest even degree that reaches it is used, about
            log(2/eps)/gap.

    Raises:
        ValueError: neither or both of degree and eps, an odd degree, a gap outside (0, 1) or traced with eps, or an eps
            below rounding.

    Example:
        >>> poly = eigenstate_filter(0.2, eps=1e-3)
        >>> bool(jnp.allclose(poly(0.0), 1)), bool(abs(poly(0.3)) <= 1e-3)
        (True, True)

    References:
        Lin, Tong (2020), Lemma 2. https://arxiv.org/abs/1910.14596
    """
    return approximant(_eigenstate_filter, fraction("gap", gap), parity="even", degree=degree, eps=eps)


def _eigenstate_filter(lib: Library, degree: int, gap: Any) -> Proven:
    xp, half = lib.xp, degree // 2
    log = log_rho(lib, gap)
    middle = (1 + xp.exp(-2 * half * log)) / 2  # |T(y(0))| rho^-l

    def coeffs() -> Any:
        x, sine = (lib.array(part(degree + 1)[: half + 1]) for part in (chebyshev.nodes, chebyshev.node_sines))
        values = scaled_chebyshev(lib, half, x, sine, gap) / middle
        series = chebyshev.interpolate(xp.concatenate([values, values[:half][::-1]]))
        return xp.where(np.arange(degree + 1) % 2 == 0, series, 0)

    return Proven(
        coeffs=coeffs,
        truncation=xp.exp(-half * log) / middle,
        rounding=ROUNDINGS * lib.epsilon * (1 + degree),
        sup=1.0,
        domain=((-1.0, -gap), (0.0, 0.0), (gap, 1.0)),
    )
