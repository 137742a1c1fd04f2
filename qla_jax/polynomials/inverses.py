r"""Approximants of 1/x outside [-1/kappa, 1/kappa]: the optimal polynomial, and that of Childs, Kothari and Somma.

**Optimal.** With $a = 1/\kappa$, $y = (2x^2 - 1 - a^2)/(1 - a^2)$, $r = (1 - a)/(1 + a)$, $L_n = T_n + rT_{n-1}$,
$$P_{2n-1}(x) = \frac{1 - L_n(y)/L_n(y_0)}x, \qquad y_0 = y(0) = -\frac{1 + a^2}{1 - a^2}.$$
At $y = \cos\theta$, $|L_n| = |\mathrm{Re}\,e^{i(n-1)\theta}(e^{i\theta} + r)| \le |e^{i\theta} + r| = 2|x|/(1 + a)$,
with equality n + 1 times, and $|L_n(y_0)| = (r^{-n} - r^{2-n})/2$. Hence the error on the domain is exactly
$r^n(1 + a)/a$, and no polynomial of this degree has a smaller one.

**Childs, Kothari, Somma.** The truncated series of $(1 - (1 - x^2)^b)/x$ is
$P(x) = 4\sum_{j=0}^{D}(-1)^jw_jT_{2j+1}(x)$ with $w_j = \sum_{i>j}p_i$ and $p_i = 2^{-2b}\binom{2b}{b+i}$. The error is
at most $\kappa(1 - \kappa^{-2})^b + 4\sum_{j>D}w_j$. Here b is $\kappa(D + 1)$ rounded down, for which both terms
decrease equally fast.

References:
    Sunderhauf, Nemeth, Walayat, Patterson, Berntson (2025), Theorem 1. https://arxiv.org/abs/2507.15537
    Childs, Kothari, Somma (2017), Lemmas 17 to 19. https://arxiv.org/abs/1511.02306
"""

from typing import Any

import numpy as np
from jax.typing import ArrayLike

from qla_jax.polynomials import chebyshev
from qla_jax.polynomials.approximant import ROUNDINGS, Library, Proven, approximant, parameter
from qla_jax.polynomials.binomial import central_binomial
from qla_jax.polynomials.gap import angle, lag, log_rho
from qla_jax.polynomials.polynomial import Polynomial


def inverse(kappa: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    r"""Return the best odd polynomial for 1/x on 1/kappa <= |x| <= 1, with error $\kappa(1+a)r^n$ at degree 2n - 1.

    Here $a = 1/\kappa$ and $r = (1 - a)/(1 + a)$. The polynomial is not rescaled. The largest value, in the gap, is
    about kappa times the logarithm of kappa/eps, and `sup_bound` bounds it. `poly.scaled(1 / poly.sup_bound)` is
    bounded by one and approximates 1/(sup_bound x).

    Args:
        kappa: number above 1; it may be traced if `degree` is given.
        degree: odd degree, given instead of `eps`.
        eps: absolute error; the smallest odd degree that reaches it is used, about kappa log(kappa/eps).

    Raises:
        ValueError: neither or both of degree and eps, an even degree, a kappa not above 1 or traced with eps, or an eps
            below rounding, which is about kappa times that of the dtype.

    Example:
        >>> poly = inverse(4.0, eps=0.01)
        >>> bounded = poly.scaled(1 / poly.sup_bound)
        >>> bool(abs(bounded(0.5) * poly.sup_bound - 2) <= 0.01)
        True

    References:
        Sunderhauf, Nemeth, Walayat, Patterson, Berntson (2025), Theorem 1. https://arxiv.org/abs/2507.15537
    """
    return approximant(_inverse, _above_one(kappa), parity="odd", degree=degree, eps=eps)


def inverse_cks(kappa: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    r"""Return the odd polynomial of Childs, Kothari and Somma for 1/x on 1/kappa <= |x| <= 1.

    The degree is about twice that of the optimal polynomial `inverse`. The coefficients depend on kappa only by the
    integer b, so that their derivative in kappa is zero.

    Args:
        kappa: number above 1; it may be traced if `degree` is given.
        degree: odd degree, given instead of `eps`.
        eps: absolute error; the smallest odd degree proven to reach it is used.

    Raises:
        ValueError: neither or both of degree and eps, an even degree, a kappa not above 1 or traced with eps, or an eps
            below rounding.

    Example:
        >>> inverse_cks(4.0, eps=0.01).degree, inverse(4.0, eps=0.01).degree
        (49, 25)

    References:
        Childs, Kothari, Somma (2017), Lemmas 17 to 19. https://arxiv.org/abs/1511.02306
    """
    return approximant(_inverse_cks, _above_one(kappa), parity="odd", degree=degree, eps=eps)


def _above_one(kappa: ArrayLike) -> ArrayLike:
    return parameter("kappa", kappa, "above 1 and finite", lambda v: 1 < v < np.inf)


def _inverse(lib: Library, degree: int, kappa: Any) -> Proven:
    xp, n, a = lib.xp, (degree + 1) // 2, 1 / kappa

    def coeffs() -> Any:
        x, sine = (lib.array(part(2 * n)[:n]) for part in (chebyshev.nodes, chebyshev.node_sines))
        values = (1 - _residual(lib, n, x, sine, a)) / x
        series = chebyshev.interpolate(xp.concatenate([values, -values[::-1]]))
        return xp.where(np.arange(2 * n) % 2 == 1, series, 0)

    return Proven(
        coeffs=coeffs,
        truncation=(1 + kappa) * xp.exp(-n * log_rho(lib, a)),
        rounding=ROUNDINGS * lib.epsilon * (kappa + degree),
        domain=((-1.0, -a), (a, 1.0)),
    )


def _residual(lib: Library, n: int, x: Any, sine: Any, a: Any) -> Any:
    r"""Return $L_n(y)/L_n(y_0) = 1 - xP(x)$."""
    # In the gap the quotient is computed as a sum of positive terms, without cancellation.
    xp, log = lib.xp, log_rho(lib, a)
    phi, delta = angle(lib, x, sine, a), lag(lib, x, a)
    wave = 2 * xp.exp(-n * log) * (xp.cos(n * phi) - xp.exp(-log) * xp.cos((n - 1) * phi))
    grown = -xp.exp(-2 * n * delta) * xp.expm1(-2 * (log - delta))
    grown = grown + xp.exp(-2 * n * log + 2 * (n - 1) * delta) * xp.expm1(2 * delta)
    return xp.where(x < a, grown, wave) / -xp.expm1(-2 * log)


def _inverse_cks(lib: Library, degree: int, kappa: Any) -> Proven:
    xp, last, a = lib.xp, (degree - 1) // 2, 1 / kappa
    b = xp.floor(kappa * (last + 1))
    i = lib.array(np.arange(1, last + 3))
    # Above i = b all p_i are zero, which the ratio of adjacent ones produces.
    p_zero = central_binomial(lib, b)
    p = p_zero * xp.exp(xp.cumsum(xp.log(xp.maximum(b - i + 1, 1e-30) / (b + i))))
    weights = (1 - p_zero) / 2 - xp.concatenate([0 * p[:1], xp.cumsum(p[:last])])
    signs = lib.array((-1.0) ** np.arange(last + 1))

    def coeffs() -> Any:
        pairs = xp.stack([0 * weights, 4 * signs * weights], axis=1)
        return pairs.reshape(-1)

    ratio = xp.maximum(b - last - 2, 0) / (b + last + 3)
    tail = 4 * p[last + 1] / xp.square(1 - ratio)
    return Proven(
        coeffs=coeffs,
        truncation=kappa * xp.exp(b * xp.log1p(-a * a)) + tail,
        rounding=ROUNDINGS * lib.epsilon * (kappa + last),
        domain=((-1.0, -a), (a, 1.0)),
    )
