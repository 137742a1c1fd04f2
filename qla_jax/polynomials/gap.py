r"""Chebyshev polynomials across a gap: $T_k(y)$ with $y = (2x^2 - 1 - a^2)/(1 - a^2)$.

y maps a <= |x| <= 1 to [-1, 1] and x = 0 to $-\frac12(\rho + \rho^{-1})$, $\rho = (1 + a)/(1 - a)$, where $|T_k|$ is
about $\rho^k/2$: of all polynomials bounded by one on both sides of the gap the largest in its middle.
"""

from typing import Any

import numpy as np

from qla_jax.polynomials.approximant import Library


def height(x: Any, a: Any) -> Any:
    """1 + y, negative in the gap, with its digits at the ends of the gap."""
    return 2 * (x - a) * (x + a) / (1 - a * a)


def log_rho(lib: Library, a: Any) -> Any:
    r"""$\log\rho$."""
    return 2 * lib.xp.arctanh(a)


def lag(lib: Library, x: Any, a: Any) -> Any:
    r"""$\delta$ with $\cosh(\log\rho - 2\delta) = -y$ for |x| < a, zero elsewhere; small like x^2, digits kept."""
    xp = lib.xp
    inside = xp.abs(x) < a
    x = xp.where(inside, x, 0)
    return xp.arcsinh(x * x / (xp.sqrt((a - x) * (a + x)) + a * xp.sqrt((1 - x) * (1 + x))))


def angle(lib: Library, x: Any, sine: Any, a: Any) -> Any:
    r"""$\phi$ with $\cos\phi = -y$ for |x| > a, zero elsewhere; `sine` is $\sqrt{1-x^2}$ with all its digits."""
    xp, rise = lib.xp, height(x, a)
    # 1 - y. Next to x = 1 it is tiny, and what an arc sine or the rounding of x do to it n angles multiply.
    fall = 2 * sine * sine / (1 - a * a)
    beyond, below = (xp.where(part > 0, part, 1) for part in (rise, fall))  # the square root has no derivative at 0
    half = xp.where(fall > 0, xp.arctan2(xp.sqrt(beyond), xp.sqrt(below)), np.pi / 2)
    return xp.where(rise > 0, 2 * half, 0)


def scaled_chebyshev(lib: Library, k: int, x: Any, sine: Any, a: Any) -> Any:
    r"""$(-1)^k\rho^{-k}T_k(y)$, between -1 and 1: $\cos k\phi$ outside the gap, cosh inside."""
    xp, log, delta = lib.xp, log_rho(lib, a), lag(lib, x, a)
    grown = (xp.exp(-2 * k * delta) + xp.exp(-2 * k * (log - delta))) / 2
    return xp.where(xp.abs(x) < a, grown, xp.cos(k * angle(lib, x, sine, a)) * xp.exp(-k * log))
