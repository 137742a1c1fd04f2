r"""Approximants of $e^{-\beta x}$ and of $e^{-\beta(1+x)}$, which is bounded by one.

$$e^{-\beta x} = I_0(\beta) + 2\sum_{k\ge1}(-1)^kI_k(\beta)T_k(x)$$
On the ellipse of semi-axis $\cosh\eta$ the function is at most $e^{|\beta|\cosh\eta}$. The degree for
$e^{-\beta(1+x)}$ is about $\sqrt{2\beta\log(1/\epsilon)}$, so that Gibbs states and imaginary time evolution cost a
square root of $\beta$.

References:
    Sachdeva, Vishnoi (2014), Faster Algorithms via Approximation Theory, Section 4. https://doi.org/10.1561/0400000065
"""

from typing import Any

from jax.typing import ArrayLike

from qla_jax.polynomials.approximant import Library, Proven, approximant, finite, parameter
from qla_jax.polynomials.ellipse import ENTIRE, Target, truncation
from qla_jax.polynomials.polynomial import Polynomial


def exp(beta: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    r"""Return a polynomial that approximates $x \mapsto e^{-\beta x}$ on [-1, 1], with values up to $e^{|\beta|}$.

    Args:
        beta: finite number; it may be traced if `degree` is given.
        degree: degree, given instead of `eps`.
        eps: absolute error; the smallest degree proven to reach it is used.

    Raises:
        ValueError: neither or both of degree and eps, a beta that is not finite, is traced with eps or overflows, or an
            eps below rounding, which is about $|\beta|e^{|\beta|}$ times that of the dtype.

    Example:
        >>> bool(abs(exp(1.0, eps=1e-8)(0.5) - jnp.exp(-0.5)) <= 1e-8)
        True

    References:
        Sachdeva, Vishnoi (2014), Section 4. https://doi.org/10.1561/0400000065
    """
    return approximant(_exp, finite("beta", beta), parity="none", degree=degree, eps=eps)


def exp_decay(beta: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    r"""Return a polynomial that approximates $x \mapsto e^{-\beta(1 + x)}$ on [-1, 1], a function between 0 and 1.

    Args:
        beta: finite number, not negative; it may be traced if `degree` is given.
        degree: degree, given instead of `eps`.
        eps: absolute error; the smallest degree proven to reach it is used, about sqrt(2 beta log(1/eps)).

    Raises:
        ValueError: neither or both of degree and eps, a beta that is negative, not finite or traced with eps, or an eps
            below rounding.

    Example:
        >>> poly = exp_decay(100.0, eps=1e-6)
        >>> poly.degree < 100, bool(abs(poly(-1.0) - 1) <= 1e-6)
        (True, True)

    References:
        Sachdeva, Vishnoi (2014), Section 4. https://doi.org/10.1561/0400000065
    """
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
