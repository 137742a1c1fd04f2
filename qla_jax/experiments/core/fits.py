"""Laws through measured points by least squares, and the point where two laws meet.

Example:
    >>> law = power([2, 4, 8], [12, 48, 192])
    >>> round(law.exponent, 6), round(law.factor, 6), round(law.spread, 6)
    (2.0, 3.0, 0.0)
    >>> found = log_slope([1, 2, 4, 8], [3, 6.1, 11.9, 24])
    >>> round(found.exponent, 2), found.low < 1 < found.high, found.verdict
    (1.0, True, 'undecided')
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from qla_jax._checks import require

STEPS_PER_DOUBLING = 64
DOUBLINGS = 400
LAST = 3
CONFIDENCE = 0.95


class Power(NamedTuple):
    """Power law factor * x^exponent.

    Attributes:
        exponent: exponent over all points.
        factor: factor of the power.
        end: exponent of the last three points alone.
        spread: largest deviation of a point, relative to its value.
    """

    exponent: float
    factor: float
    end: float
    spread: float

    def __call__(self, x: float) -> float:
        return self.factor * x**self.exponent


class Affine(NamedTuple):
    """Law constant + slope * x; `spread` is the largest relative deviation of a point."""

    constant: float
    slope: float
    spread: float

    def __call__(self, x: float) -> float:
        return self.constant + self.slope * x


class Slope(NamedTuple):
    """Power law factor * x^exponent with a confidence interval of its exponent.

    Attributes:
        exponent: exponent by least squares.
        low: lower end of its interval, by quantiles of Student's t: errors of the logarithms are taken as independent,
            normal and of one size.
        high: upper end of its interval.
        factor: factor of the power.
        points: number of points.
    """

    exponent: float
    low: float
    high: float
    factor: float
    points: int

    @property
    def verdict(self) -> str:
        """Verdict whether the growth is sublinear, if the interval decides it."""
        return "sublinear" if self.high < 1 else "not sublinear" if self.low > 1 else "undecided"


def power(x: Sequence[float], y: Sequence[float]) -> Power:
    """Return the power law by least squares of logarithms.

    Args:
        x: places, positive.
        y: values, positive.

    Raises:
        ValueError: fewer than two points, or a number that is not positive.
    """
    logs, values = np.log(_positive(x, y))
    exponent, constant = np.polyfit(logs, values, 1)
    end = np.polyfit(logs[-LAST:], values[-LAST:], 1)[0]
    spread = np.abs(np.expm1(exponent * logs + constant - values)).max()
    return Power(float(exponent), math.exp(constant), float(end), float(spread))


def affine(x: Sequence[float], y: Sequence[float]) -> Affine:
    """Return the affine law by least squares of deviations relative to y.

    Args:
        x: places, positive.
        y: values, positive.

    Raises:
        ValueError: what `power` raises.
    """
    places, values = _positive(x, y)
    table = np.stack([1 / values, places / values], axis=1)
    found = np.linalg.lstsq(table, np.ones_like(values))[0]
    return Affine(float(found[0]), float(found[1]), float(np.abs(table @ found - 1).max()))


def log_slope(x: Sequence[float], y: Sequence[float]) -> Slope:
    """Return the power law with an interval of 95 percent, by ordinary least squares of logarithms.

    Args:
        x: places, positive.
        y: values, positive.

    Raises:
        ValueError: fewer than three points, lengths that differ, all x alike, numbers that are not positive.
    """
    require(len(x) == len(y), f"`y` must have as many points as `x` = {len(x)}, but has {len(y)}.")
    require(len(x) > 2, f"`x` must have at least 3 points, but has {len(x)}.")
    require(min(*x, *y) > 0, f"`x` and `y` must be positive, but one number is {min(*x, *y)}.")
    require(len(set(x)) > 1, f"`x` must have different points, but all are {x[0]}.")
    law = stats.linregress(np.log(x), np.log(y))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(x) - 2)) * float(law.stderr)
    exponent = float(law.slope)
    return Slope(exponent, exponent - reach, exponent + reach, float(np.exp(law.intercept)), len(x))


def crossing(falls: Callable[[float], float], rises: Callable[[float], float]) -> float | None:
    """Return the smallest x from 2 on at which the first law is below the second, to 1/64 of a doubling, or None.

    Args:
        falls: law that is larger at small x.
        rises: law that is larger at large x.
    """
    for step in range(STEPS_PER_DOUBLING, STEPS_PER_DOUBLING * DOUBLINGS):
        x = 2.0 ** (step / STEPS_PER_DOUBLING)
        if falls(x) < rises(x):
            return x
    return None


def _positive(x: Sequence[float], y: Sequence[float]) -> np.ndarray:
    points = np.asarray([[float(value) for value in x], [float(value) for value in y]])
    if points.shape[1] < 2 or not (points > 0).all():
        raise ValueError(f"points must be two or more, all positive, but are {points.T.tolist()}.")
    return points
