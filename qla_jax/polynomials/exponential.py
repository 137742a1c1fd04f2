r"""Exponentials: $e^{-\beta x}$ and its shift $e^{-\beta(1+x)}$, which is bounded by one.

$$e^{-\beta x} = I_0(\beta) + 2\sum_{k\ge1}(-1)^kI_k(\beta)T_k(x)$$
On the ellipse of semi-axis $\cosh\eta$ it is at most $e^{|\beta|\cosh\eta}$. The degree is about
$\sqrt{2\beta\log(1/\epsilon)}$ for the shifted one: Gibbs states and imaginary time at a square root of the cost.

References:
    Sachdeva, Vishnoi (2014), Faster Algorithms via Approximation Theory, Section 4. https://doi.org/10.1561/0400000065
"""

from typing import Any

from jax.typing import ArrayLike

from qla_jax.polynomials.approximant import Library, Proven, approximant, finite, parameter
from qla_jax.polynomials.ellipse import ENTIRE, Target, truncation
from qla_jax.polynomials.polynomial import Polynomial


def exp(beta: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    r"""Approximation of $x \mapsto e^{-\beta x}$ on [-1, 1], of mixed parity and of size up to $e^{|\beta|}$.

    Args:
        beta: any finite number; may be traced when `degree` is given.
        degree: the degree; or
        eps: the smallest degree proven to have at most this (absolute) error is taken.

    Raises:
        ValueError: neither or both of degree and eps, a beta that is not finite, is traced with eps or overflows, an
            eps below rounding, which is about $|\beta|e^{|\beta|}$ times that of the dtype.
    """
    return approximant(_exp, finite("beta", beta), parity="none", degree=degree, eps=eps)


def exp_decay(beta: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    r"""Approximation of $x \mapsto e^{-\beta(1 + x)}$ on [-1, 1], between 0 and 1; as `exp`, for beta >= 0."""
    beta = parameter("beta", beta, "finite and not negative", lambda v: 0 <= v < float("inf"))
    return approximant(_exp_decay, beta, parity="none", degree=degree, eps=eps)


def _exp(lib: Library, degree: int, beta: Any) -> Proven:
    xp, size, etas = lib.xp, lib.xp.abs(beta), lib.array(ENTIRE)
    target = Target(
        function=lambda x: xp.exp(-beta * x),
        etas=etas,
        log_bounds=size * xp.cosh(etas),
        slope=size * xp.exp(size),
        sup=xp.exp(size),
    )
    return truncation(lib, degree, "none", target)


def _exp_decay(lib: Library, degree: int, beta: Any) -> Proven:
    xp, etas = lib.xp, lib.array(ENTIRE)
    target = Target(
        function=lambda x: xp.exp(-beta * (1 + x)),
        etas=etas,
        log_bounds=2 * beta * xp.square(xp.sinh(etas / 2)),  # beta (cosh eta - 1)
        slope=beta,
        sup=1.0,
    )
    return truncation(lib, degree, "none", target)
