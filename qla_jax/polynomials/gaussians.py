r"""Approximant of the Gaussian $e^{-(mx)^2}$ by its Chebyshev series.

$$e^{-(mx)^2} = e^{-m^2/2}\big[I_0(\tfrac{m^2}2) + 2\sum_{k\ge1}(-1)^kI_k(\tfrac{m^2}2)T_{2k}(x)\big]$$
On the ellipse of semi-axis $\sinh\eta$ the function is at most $e^{m^2\sinh^2\eta}$.

References:
    Low, Chuang (2017), Corollary 3. https://arxiv.org/abs/1707.05391
"""

import math

from jax.typing import ArrayLike

from qla_jax.polynomials.approximant import Library, Proven, approximant, positive
from qla_jax.polynomials.ellipse import ENTIRE, Target, truncation
from qla_jax.polynomials.polynomial import Polynomial


def gaussian(scale: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    r"""Return an even polynomial that approximates the Gaussian $x \mapsto e^{-(\text{scale}\cdot x)^2}$ on [-1, 1].

    Args:
        scale: positive number, 1/(sqrt(2) sigma) for a standard deviation sigma; it may be traced if `degree` is given.
        degree: even degree, given instead of `eps`.
        eps: absolute error; the smallest even degree proven to reach it is used.

    Raises:
        ValueError: neither or both of degree and eps, an odd degree, a scale that is not positive and finite or is
            traced with eps, or an eps below rounding.

    Example:
        >>> bool(abs(gaussian(3.0, eps=1e-6)(0.5) - jnp.exp(-2.25)) <= 1e-6)
        True

    References:
        Low, Chuang (2017), Corollary 3. https://arxiv.org/abs/1707.05391
    """
    return approximant(_gaussian, positive("scale", scale), parity="even", degree=degree, eps=eps)


def _gaussian(lib: Library, degree: int, scale: ArrayLike) -> Proven:
    xp, etas, slope = lib.xp, lib.array(ENTIRE), math.sqrt(2 / math.e) * scale
    target = Target(
        function=lambda x: xp.exp(-xp.square(scale * x)),
        etas=etas,
        log_bounds=xp.square(scale * xp.sinh(etas)),
        slope=slope,
        sup=1.0,
        lipschitz=slope,
    )
    return truncation(lib, degree, "even", target)
