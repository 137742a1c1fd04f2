"""The exponent of a power law with a confidence interval, by ordinary least squares of logarithms.

Example:
    >>> found = log_slope([1, 2, 4, 8], [3, 6.1, 11.9, 24])
    >>> round(found.exponent, 2), found.low < 1 < found.high, found.verdict
    (1.0, True, 'undecided')
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from qla_jax._checks import require

CONFIDENCE = 0.95


class Slope(NamedTuple):
    """factor * x^exponent.

    Attributes:
        exponent: by least squares.
        low: lower end of its interval, by quantiles of Student's t: errors of the logarithms are taken as independent,
            normal and of one size.
        high: upper end.
        factor: in front.
        points: how many.
    """

    exponent: float
    low: float
    high: float
    factor: float
    points: int

    @property
    def verdict(self) -> str:
        """Sublinear or not, if the interval says so."""
        return "sublinear" if self.high < 1 else "not sublinear" if self.low > 1 else "undecided"


def log_slope(x: Sequence[float], y: Sequence[float], confidence: float = CONFIDENCE) -> Slope:
    """The law through the points.

    Raises:
        ValueError: fewer than three points, lengths that differ, all x alike, numbers that are not positive, a
            confidence outside of (0, 1).
    """
    require(0 < confidence < 1, f"`confidence` must lie between 0 and 1, but is {confidence}.")
    require(len(x) == len(y), f"`y` must have as many points as `x` = {len(x)}, but has {len(y)}.")
    require(len(x) > 2, f"`x` must have at least 3 points, but has {len(x)}.")
    require(min(*x, *y) > 0, f"`x` and `y` must be positive, but one number is {min(*x, *y)}.")
    require(len(set(x)) > 1, f"`x` must have different points, but all are {x[0]}.")
    law = stats.linregress(np.log(x), np.log(y))
    reach = float(stats.t.ppf((1 + confidence) / 2, len(x) - 2)) * float(law.stderr)
    exponent = float(law.slope)
    return Slope(exponent, exponent - reach, exponent + reach, float(np.exp(law.intercept)), len(x))
