r"""Chebyshev polynomials across a gap: $T_k(y)$ with $y = (2x^2 - 1 - a^2)/(1 - a^2)$.

The variable y maps a <= |x| <= 1 to [-1, 1], and x = 0 to $-\frac12(\rho + \rho^{-1})$ with $\rho = (1 + a)/(1 - a)$.
There $|T_k|$ is about $\rho^k/2$. Of all polynomials bounded by one on both sides of the gap, $T_k(y)$ is the largest
in the middle of the gap.
"""

from typing import Any

import numpy as np

from qla_jax.polynomials.approximant import Library


def height(x: Any, a: Any) -> Any:
    """Return 1 + y, which is negative in the gap, to all digits also at the ends of the gap.

    Args:
        x: points in [-1, 1].
        a: half width of the gap.
    """
    return 2 * (x - a) * (x + a) / (1 - a * a)


def log_rho(lib: Library, a: Any) -> Any:
    r"""Return $\log\rho$ with $\rho = (1 + a)/(1 - a)$.

    Args:
        lib: array modules and precision.
        a: half width of the gap.
    """
    return 2 * lib.xp.arctanh(a)


def lag(lib: Library, x: Any, a: Any) -> Any:
    r"""Return $\delta$ with $\cosh(\log\rho - 2\delta) = -y$ for |x| < a, and zero elsewhere.

    The result is of the order of x^2 near 0 and is accurate to all digits there.

    Args:
        lib: array modules and precision.
        x: points in [-1, 1].
        a: half width of the gap.
    """
    xp = lib.xp
    inside = xp.abs(x) < a
    x = xp.where(inside, x, 0)
    return xp.arcsinh(x * x / (xp.sqrt((a - x) * (a + x)) + a * xp.sqrt((1 - x) * (1 + x))))


def angle(lib: Library, x: Any, sine: Any, a: Any) -> Any:
    r"""Return $\phi$ with $\cos\phi = -y$ for |x| > a, and zero elsewhere.

    Args:
        lib: array modules and precision.
        x: points in [-1, 1].
        sine: $\sqrt{1-x^2}$ to all digits.
        a: half width of the gap.
    """
    xp, rise = lib.xp, height(x, a)
    # 1 - y is tiny next to x = 1. The rounding errors of x and of an arc sine in it would be multiplied by n in n phi.
    fall = 2 * sine * sine / (1 - a * a)
    beyond, below = (xp.where(part > 0, part, 1) for part in (rise, fall))  # the square root has no derivative at 0
    half = xp.where(fall > 0, xp.arctan2(xp.sqrt(beyond), xp.sqrt(below)), np.pi / 2)
    return xp.where(rise > 0, 2 * half, 0)


def scaled_chebyshev(lib: Library, k: int, x: Any, sine: Any, a: Any) -> Any:
    r"""Return $(-1)^k\rho^{-k}T_k(y)$, a number between -1 and 1, by cos outside the gap and by cosh inside.

    Args:
        lib: array modules and precision.
        k: degree of the Chebyshev polynomial.
        x: points in [-1, 1].
        sine: $\sqrt{1-x^2}$ to all digits.
        a: half width of the gap.
    """
    xp, log, delta = lib.xp, log_rho(lib, a), lag(lib, x, a)
    grown = (xp.exp(-2 * k * delta) + xp.exp(-2 * k * (log - delta))) / 2
    return xp.where(xp.abs(x) < a, grown, xp.cos(k * angle(lib, x, sine, a)) * xp.exp(-k * log))
