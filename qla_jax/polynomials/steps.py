r"""Step and rectangle, from erf: sharp edges smoothed over a gap, outside of which the error is proven.

$\frac12[1 + \mathrm{erf}(k(x - t))]$ differs from the step at t by $\frac12\mathrm{erfc}(k|x - t|)$. The scale k is the
one at which this is as large, at the ends of the gap, as what degree d leaves of erf: with $u = d/m$, $m = k^2$, the
coefficients fall like $e^{-(m/2)F(u)}$, $F(u) = u\,\mathrm{asinh}\,u + 1 - \sqrt{1 + u^2}$, so that $F(u) = 2g^2$.
On the ellipse of semi-axis $\sinh\eta$, $|\mathrm{erf}(kz)| \le 1 + \mathrm{erfi}(k\sinh\eta) \le 1 + 0.611\,
e^{k^2\sinh^2\eta}$ (0.611 bounds $2/\sqrt\pi$ times the maximum of Dawson's integral).

References:
    Low, Chuang (2017), Corollaries 4 to 6. https://arxiv.org/abs/1707.05391
    Gilyen, Su, Low, Wiebe (2018), Lemma 29 (rectangle). https://arxiv.org/abs/1806.01838
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
    """0 for x <= threshold - gap and 1 for x >= threshold + gap; of mixed parity, between 0 and 1 up to the error.

    Args:
        threshold: the edge; with the gap inside [-1, 1]. May be traced when `degree` is given.
        gap: half of the transition's width.
        degree: the degree; or
        eps: the smallest degree proven to have at most this error on the domain is taken, about 2/gap log(1/eps).

    Raises:
        ValueError: neither or both of degree and eps, an edge that does not fit in [-1, 1], a gap that is not positive,
            a traced parameter with eps, an eps below rounding.
    """
    finite("threshold", threshold), positive("gap", gap)
    _require_inside("threshold", threshold, gap, low=-1.0)
    return approximant(_step, threshold, gap, parity="none", degree=degree, eps=eps)


def rectangle(edge: ArrayLike, gap: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    """1 for |x| <= edge - gap and 0 for |x| >= edge + gap, even, between 0 and 1 up to the error: a window.

    Arguments and errors as for `step`; the degree is even, edge - gap positive.
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
    # Inside, the sum of two convex tails is largest at |x| = edge - gap.
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
    u = 2 * gap  # the limit of small gaps, from where Newton's steps converge: F is convex
    for _ in range(NEWTON_STEPS):
        u = u - (u * xp.arcsinh(u) + 1 - xp.sqrt(1 + u * u) - 2 * gap * gap) / xp.arcsinh(u)
    return xp.sqrt((degree + 1) / u)
