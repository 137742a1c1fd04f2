r"""One at 0 and as small as can be outside a gap: $R(x) = T_\ell(y(x^2))/T_\ell(y(0))$, of degree $2\ell$.

On gap <= |x| <= 1 its largest value is exactly $1/|T_\ell(y(0))| = 2/(\rho^\ell + \rho^{-\ell})$, $\rho =
\frac{1+g}{1-g}$, and no even polynomial with R(0) = 1 has a smaller one; everywhere |R| <= 1.

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
    """Even polynomial with value 1 at 0, at most the error for gap <= |x| <= 1, and |P| <= 1 everywhere.

    Args:
        gap: between 0 and 1; may be traced when `degree` is given.
        degree: even degree; or
        eps: the smallest even degree with at most this error is taken, about log(2/eps)/gap.

    Raises:
        ValueError: neither or both of degree and eps, an odd degree, a gap not between 0 and 1 or traced with eps, an
            eps below rounding.
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
