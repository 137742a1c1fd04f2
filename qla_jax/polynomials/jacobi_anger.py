r"""Approximants of cos(tx) and sin(tx) by the Jacobi-Anger expansion.

$$\cos(tx) = J_0(t) + 2\sum_{k\ge1}(-1)^kJ_{2k}(t)T_{2k}(x),$$
$$\sin(tx) = 2\sum_{k\ge0}(-1)^kJ_{2k+1}(t)T_{2k+1}(x).$$
The coefficients are computed from samples, since JAX has no Bessel functions of higher order. On the ellipse of
semi-axis $\sinh\eta$ both functions are at most $\cosh(t\sinh\eta) \le e^{|t|\sinh\eta}$. The degree is
$\Theta(t + \log(1/\epsilon)/\log(e + \log(1/\epsilon)/t))$.

References:
    Gilyen, Su, Low, Wiebe (2018), Lemmas 57 and 59. https://arxiv.org/abs/1806.01838
"""

from collections.abc import Callable
from typing import Any

from jax.typing import ArrayLike

from qla_jax.polynomials.approximant import Library, Proven, approximant, finite
from qla_jax.polynomials.ellipse import ENTIRE, Target, truncation
from qla_jax.polynomials.polynomial import Polynomial


def cos(time: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    r"""Return an even polynomial that approximates $x \mapsto \cos(\text{time}\cdot x)$ on [-1, 1].

    Args:
        time: finite number; it may be traced if `degree` is given.
        degree: even degree, given instead of `eps`.
        eps: absolute error; the smallest even degree proven to reach it is used.

    Raises:
        ValueError: neither or both of degree and eps, an odd degree, a time that is not finite or is traced with eps,
            or an eps below rounding, which is about $|t|$ times that of the dtype.

    Example:
        >>> poly = cos(10.0, eps=1e-6)
        >>> poly.degree, bool(abs(poly(0.3) - jnp.cos(3.0)) <= 1e-6)
        (22, True)

    References:
        Gilyen, Su, Low, Wiebe (2018), Lemma 57. https://arxiv.org/abs/1806.01838
    """
    return approximant(_cos, finite("time", time), parity="even", degree=degree, eps=eps)


def sin(time: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    r"""Return an odd polynomial that approximates $x \mapsto \sin(\text{time}\cdot x)$ on [-1, 1].

    Args:
        time: finite number; it may be traced if `degree` is given.
        degree: odd degree, given instead of `eps`.
        eps: absolute error; the smallest odd degree proven to reach it is used.

    Raises:
        ValueError: neither or both of degree and eps, an even degree, a time that is not finite or is traced with eps,
            or an eps below rounding, which is about $|t|$ times that of the dtype.

    Example:
        >>> bool(abs(sin(10.0, eps=1e-6)(0.3) - jnp.sin(3.0)) <= 1e-6)
        True

    References:
        Gilyen, Su, Low, Wiebe (2018), Lemma 57. https://arxiv.org/abs/1806.01838
    """
    return approximant(_sin, finite("time", time), parity="odd", degree=degree, eps=eps)


def _cos(lib: Library, degree: int, time: Any) -> Proven:
    return truncation(lib, degree, "even", _wave(lib, lib.xp.cos, time))


def _sin(lib: Library, degree: int, time: Any) -> Proven:
    return truncation(lib, degree, "odd", _wave(lib, lib.xp.sin, time))


def _wave(lib: Library, wave: Callable, time: Any) -> Target:
    size = lib.xp.abs(time)
    return Target(
        function=lambda x: wave(time * x),
        etas=lib.array(ENTIRE),
        log_bounds=size * lib.xp.sinh(lib.array(ENTIRE)),
        slope=size,
        sup=1.0,
        lipschitz=size,
    )
