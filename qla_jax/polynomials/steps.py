r"""Approximants of step and rectangle by erf, with edges smoothed over a gap and a proven error outside the gap.

$\frac12[1 + \mathrm{erf}(k(x - t))]$ differs from the step at t by $\frac12\mathrm{erfc}(k|x - t|)$. The scale k is
chosen such that this error at the ends of the gap equals the truncation error of erf at degree d: with $u = d/m$ and
$m = k^2$ the coefficients fall like $e^{-(m/2)F(u)}$, $F(u) = u\,\mathrm{asinh}\,u + 1 - \sqrt{1 + u^2}$, so that
$F(u) = 2g^2$. On the ellipse of semi-axis $\sinh\eta$, $|\mathrm{erf}(kz)| \le 1 + \mathrm{erfi}(k\sinh\eta) \le 1 +
0.611\,e^{k^2\sinh^2\eta}$, where 0.611 bounds $2/\sqrt\pi$ times the maximum of Dawson's integral.

References:
    Low, Chuang (2017), Corollaries 4 to 6. https://arxiv.org/abs/1707.05391
    Gilyen, Su, Low, Wiebe (2018), Lemma 29, the rectangle. https://arxiv.org/abs/1806.01838
"""

import math
from typing import Any

from jax.typing import ArrayLike

from qla_jax.polynomials.approximant import Library, Proven, approximant, finite, positive
from qla_jax.polynomials.ellipse import ENTIRE, Target, truncation
from qla_jax.polynomials.polynomial import Polynomial

ERFI = 0.611
NEWTON_STEPS = 8


def step(threshold: ArrayLike, gap: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    """Return a polynomial that approximates 0 for x <= threshold - gap and 1 for x >= threshold + gap.

    The polynomial has mixed parity and is between 0 and 1 up to the error.

    Args:
        threshold: edge of the step, inside [-1, 1] with the gap on both sides; it may be traced if `degree` is given.
        gap: half of the width of the transition.
        degree: degree, given instead of `eps`.
        eps: absolute error on the domain; the smallest degree proven to reach it is used, about 2/gap log(1/eps).

    Raises:
        ValueError: neither or both of degree and eps, an edge that does not fit in [-1, 1], a gap that is not positive,
            a traced parameter with eps, or an eps below rounding.

    Example:
        >>> poly = step(0.2, 0.1, eps=1e-3)
        >>> bool(abs(poly(0.05)) <= 1e-3), bool(abs(poly(0.4) - 1) <= 1e-3)
        (True, True)

    References:
        Low, Chuang (2017), Corollaries 4 to 6. https://arxiv.org/abs/1707.05391
    """
    finite("threshold", threshold), positive("gap", gap)
    _require_inside("threshold", threshold, gap, low=-1.0)
    return approximant(_step, threshold, gap, parity="none", degree=degree, eps=eps)


def rectangle(edge: ArrayLike, gap: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    """Return an even polynomial that approximates 1 for |x| <= edge - gap and 0 for |x| >= edge + gap, a window.

    The polynomial is between 0 and 1 up to the error.

    Args:
        edge: edge of the window, with edge - gap positive and edge + gap below 1; it may be traced if `degree` is
            given.
        gap: half of the width of the transition.
        degree: even degree, given instead of `eps`.
        eps: absolute error on the domain; the smallest even degree proven to reach it is used, about 2/gap log(1/eps).

    Raises:
        ValueError: neither or both of degree and eps, an odd degree, an edge that does not fit, a gap that is not
            positive, a traced parameter with eps, or an eps below rounding.

    Example:
        >>> poly = rectangle(0.5, 0.1, eps=1e-3)
        >>> bool(abs(poly(0.3) - 1) <= 1e-3), bool(abs(poly(-0.7)) <= 1e-3)
        (True, True)

    References:
        Gilyen, Su, Low, Wiebe (2018), Lemma 29. https://arxiv.org/abs/1806.01838
    """
    positive("edge", edge), positive("gap", gap)
    _require_inside("edge", edge, gap, low=0.0)
    return approximant(_rectangle, edge, gap, parity="even", degree=degree, eps=eps)


def _require_inside(name: str, edge: ArrayLike, gap: ArrayLike, low: float) -> None:
    try:
        inside = low < float(edge) - float(gap) and float(edge) + float(gap) < 1  # type: ignore[arg-type]
    except TypeError:  # traced
        return
    if not inside:
        raise ValueError(f"`{name}` must lie in ({low:g}, 1) with `gap` on both sides, but is {edge} with gap {gap}.")


def _step(lib: Library, degree: int, threshold: Any, gap: Any) -> Proven:
    k, erf = _scale(lib, degree, gap), lib.special.erf
    target = _smooth(
        lib,
        k,
        function=lambda x: (1 + erf(k * (x - threshold))) / 2,
        edges=1,
        remainder=lib.special.erfc(k * gap) / 2,
        domain=((-1.0, threshold - gap), (threshold + gap, 1.0)),
    )
    return truncation(lib, degree, "none", target)


def _rectangle(lib: Library, degree: int, edge: Any, gap: Any) -> Proven:
    # Inside the window the sum of two convex tails is largest at |x| = edge - gap.
    k, erf, erfc = _scale(lib, degree, gap), lib.special.erf, lib.special.erfc
    target = _smooth(
        lib,
        k,
        function=lambda x: (erf(k * (x + edge)) - erf(k * (x - edge))) / 2,
        edges=2,
        remainder=(erfc(k * gap) + erfc(k * (2 * edge - gap))) / 2,
        domain=((-1.0, -edge - gap), (gap - edge, edge - gap), (edge + gap, 1.0)),
    )
    return truncation(lib, degree, "even", target)


def _smooth(lib: Library, k: Any, function: Any, edges: int, remainder: Any, domain: Any) -> Target:
    xp, etas = lib.xp, lib.array(ENTIRE)
    growth = math.log(edges * ERFI / 2) + xp.square(k * xp.sinh(etas))
    return Target(
        function=function,
        etas=etas,
        log_bounds=xp.logaddexp(0.0 * growth, growth),
        slope=edges * k / math.sqrt(math.pi),
        sup=1.0,
        remainder=remainder,
        domain=domain,
    )


def _scale(lib: Library, degree: int, gap: Any) -> Any:
    xp = lib.xp
    u = 2 * gap  # the limit of small gaps; Newton's steps converge from there because F is convex
    for _ in range(NEWTON_STEPS):
        u = u - (u * xp.arcsinh(u) + 1 - xp.sqrt(1 + u * u) - 2 * gap * gap) / xp.arcsinh(u)
    return xp.sqrt((degree + 1) / u)
