r"""Approximants of tanh and softplus, which are analytic in a strip around the real line.

tanh(kx) has poles at $\pm i\pi/2k$; for $|y| < \pi/2$, $|\tanh(x + iy)|^2 = \frac{\sinh^2x + \sin^2y}{\sinh^2x +
\cos^2y} \le \max(1, \tan^2y)$. Softplus $\frac1k\log(1 + e^{kx})$ has branch points at $\pm i\pi/k$; for $|y| < \pi$,
$|1 + e^{x+iy}|$ is at most $1 + e^x$ and at least 1 ($|y| \le \pi/2$) or $\sin|y|$, and the argument is at most $|y|$.
"""

import math

from jax.typing import ArrayLike

from qla_jax.polynomials.approximant import Library, Proven, approximant, positive
from qla_jax.polynomials.ellipse import FRACTIONS, Target, truncation
from qla_jax.polynomials.polynomial import Polynomial


def tanh(scale: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    r"""Return an odd polynomial that approximates $x \mapsto \tanh(\text{scale}\cdot x)$ on [-1, 1].

    Args:
        scale: positive number; it may be traced if `degree` is given.
        degree: odd degree, given instead of `eps`.
        eps: absolute error; the smallest odd degree proven to reach it is used, about 2/pi scale log(1/eps).

    Raises:
        ValueError: neither or both of degree and eps, an even degree, a scale that is not positive and finite or is
            traced with eps, or an eps below rounding.

    Example:
        >>> poly = tanh(2.0, eps=1e-6)
        >>> bool(abs(poly(0.3) - jnp.tanh(0.6)) <= 1e-6), bool(poly.error_bound <= 1e-6)
        (True, True)
    """
    return approximant(_tanh, positive("scale", scale), parity="odd", degree=degree, eps=eps)


def softplus(scale: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    r"""Return a polynomial that approximates softplus, $\log(1 + e^{\text{scale}\cdot x})/\text{scale}$, on [-1, 1].

    Softplus is a smooth ReLU: it exceeds max(x, 0) by at most log(2)/scale. The polynomial has mixed parity.

    Args:
        scale: positive number; it may be traced if `degree` is given.
        degree: degree, given instead of `eps`.
        eps: absolute error; the smallest degree proven to reach it is used.

    Raises:
        ValueError: neither or both of degree and eps, a scale that is not positive and finite or is traced with eps, or
            an eps below rounding.

    Example:
        >>> bool(abs(softplus(4.0, eps=1e-4)(0.5) - jnp.log(1 + jnp.exp(2.0)) / 4) <= 1e-4)
        True
    """
    return approximant(_softplus, positive("scale", scale), parity="none", degree=degree, eps=eps)


def _tanh(lib: Library, degree: int, scale: ArrayLike) -> Proven:
    xp = lib.xp
    etas = xp.arcsinh(math.pi / (2 * scale)) * lib.array(FRACTIONS)
    target = Target(
        function=lambda x: xp.tanh(scale * x),
        etas=etas,
        log_bounds=xp.maximum(0, xp.log(xp.tan(scale * xp.sinh(etas)))),
        slope=scale,
        sup=1.0,
        lipschitz=scale,
    )
    return truncation(lib, degree, "odd", target)


def _softplus(lib: Library, degree: int, scale: ArrayLike) -> Proven:
    xp = lib.xp
    etas = xp.arcsinh(math.pi / scale) * lib.array(FRACTIONS)
    y = scale * xp.sinh(etas)
    above = xp.logaddexp(0.0 * etas, scale * xp.cosh(etas))
    below = -xp.log(xp.sin(xp.maximum(y, math.pi / 2)))
    target = Target(
        function=lambda x: xp.logaddexp(0.0 * x, scale * x) / scale,
        etas=etas,
        log_bounds=xp.log((xp.maximum(above, below) + y) / scale),
        slope=1.0,
        sup=xp.logaddexp(0.0 * etas, scale + 0.0 * etas)[0] / scale,
        lipschitz=1.0,
    )
    return truncation(lib, degree, "none", target)
