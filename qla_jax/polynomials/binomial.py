r"""Central value of the binomial distribution, $2^{-2b}\binom{2b}{b}$, to machine precision."""

import math
from typing import Any

from qla_jax.polynomials.approximant import Library

SHIFT = 16
STIRLING = (-1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432)


def central_binomial(lib: Library, b: Any) -> Any:
    r"""Return $2^{-2b}\binom{2b}{b} = \Gamma(b + \frac12)/(\sqrt\pi\,\Gamma(b + 1))$ for b >= 0.

    Args:
        lib: array modules and precision.
        b: number, not negative.
    """
    # Stirling's series at b + 16, and the recurrence back to b. A difference of two logarithms of factorials would lose
    # as many digits as the logarithms have before the decimal point.
    shifted = b + SHIFT
    series = sum(c / shifted ** (2 * k + 1) for k, c in enumerate(STIRLING))
    value = lib.xp.exp(series) / lib.xp.sqrt(math.pi * shifted)
    for i in range(SHIFT, 0, -1):
        value = value * (b + i) / (b + i - 0.5)
    return value
