r"""Table 3 of the reference: printed accuracies and overheads, and a formula for the overheads.

The definition and the unit of the overhead are not legible there. All 36 numbers, rounded to three digits, agree with
$$\mathrm{QO} = r^2\,a\left(\mathrm{round}(2\pi/\epsilon) + b\right) \quad\text{and}\quad
\mathrm{QO} = K/\epsilon^2$$
for the decomposition at rank r along either side of the image, and for tomography. The constants are fitted: a and b to
the 30 numbers of the former, K to the six of the latter, each within the window that rounding leaves. So the formula
describes the table, and confirms no mechanism. The rounded term is the number of points of amplitude estimation to
$\epsilon$, but other forms with two constants fit as well. Forms without a fitted offset, $1/\epsilon$ among them, do
not fit.

At equal precision the two meet where $r^2\epsilon = K/2\pi a = 7.59$, up to b and the rounding.

Example:
    >>> [f"{chebyshev_overhead(30, eps):.3g}" for eps in (0.001, 0.04)], f"{tomography_overhead(0.004):.3g}"
    (['470', '11.9'], '247')
    >>> sum(agrees(entry) for entry in PRINTED), len(PRINTED), round(BREAK_EVEN, 2)
    (36, 36, 7.59)

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, Table 3. https://arxiv.org/abs/2402.18940
"""

import math
from typing import NamedTuple

from qla_jax._checks import require

SCALE = 8.3048e-5
"""Fitted constant a."""
OFFSET = 2.1
"""Fitted constant b; any value from 2.02 to 2.21 fits, with a matching a."""
TOMOGRAPHY = 3.959e-3
"""Fitted constant K; any value from 3.958e-3 to 3.9599e-3 fits."""
BREAK_EVEN = TOMOGRAPHY / (2 * math.pi * SCALE)
"""Square of the rank times the precision at which both cost the same."""
DIGITS = 3

RANKS = (10, 15, 20, 25, 30)
PRECISIONS = (0.001, 0.002, 0.004, 0.01, 0.02, 0.04)


class Printed(NamedTuple):
    """One cell of the table.

    Attributes:
        rank: rank of the decomposition, None for tomography.
        eps: sampling precision, relative to the norm of the state.
        accuracy: accuracy in percent.
        overhead: overhead in the unit of the table, which is unknown.
    """

    rank: int | None
    eps: float
    accuracy: float
    overhead: float


_ACCURACIES = {
    10: (56.96, 56.44, 56.80, 56.23, 55.68, 49.78),
    15: (65.72, 66.15, 66.81, 64.67, 64.39, 53.57),
    20: (70.88, 70.33, 70.54, 69.30, 67.85, 55.35),
    25: (72.90, 72.45, 72.16, 72.42, 70.12, 54.80),
    30: (74.75, 74.16, 74.49, 73.32, 70.47, 57.21),
    None: (75.23, 75.27, 73.47, 58.65, 22.76, 2.24),
}
_OVERHEADS = {
    10: (52.2, 26.1, 13.1, 5.23, 2.63, 1.32),
    15: (117, 58.8, 29.4, 11.8, 5.91, 2.97),
    20: (209, 104, 52.3, 20.9, 10.5, 5.29),
    25: (326, 163, 81.7, 32.7, 16.4, 8.26),
    30: (470, 235, 118, 47.1, 23.6, 11.9),
    None: (3960, 990, 247, 39.6, 9.90, 2.47),
}

PRINTED = tuple(
    Printed(rank, *cell)
    for rank in _OVERHEADS
    for cell in zip(PRECISIONS, _ACCURACIES[rank], _OVERHEADS[rank], strict=True)
)
"""All 36 cells of the table."""


def chebyshev_overhead(rank: int, eps: float) -> float:
    """Return the overhead of the decomposition, in the unit of the table.

    Args:
        rank: rank of the decomposition along either side of the image.
        eps: precision of a coefficient, relative to the norm of the state.

    Raises:
        ValueError: a rank below 1, or a precision that is not positive.
    """
    require(rank >= 1, f"`rank` must be at least 1, but is {rank}.")
    require(eps > 0, f"`eps` must be positive, but is {eps}.")
    return rank**2 * SCALE * (round(2 * math.pi / eps) + OFFSET)


def tomography_overhead(eps: float) -> float:
    """Return the overhead of tomography in the maximum norm, in the unit of the table.

    Raises:
        ValueError: a precision that is not positive.
    """
    require(eps > 0, f"`eps` must be positive, but is {eps}.")
    return TOMOGRAPHY / eps**2


def overhead(rank: int | None, eps: float) -> float:
    """Return the overhead of the decomposition, or of tomography, which has no rank.

    Args:
        rank: rank of the decomposition, None for tomography.
        eps: precision, relative to the norm of the state.
    """
    return tomography_overhead(eps) if rank is None else chebyshev_overhead(rank, eps)


def agrees(entry: Printed) -> bool:
    """Return whether the formula gives the printed overhead, rounded to three significant digits."""
    return float(f"{overhead(entry.rank, entry.eps):.{DIGITS}g}") == entry.overhead
