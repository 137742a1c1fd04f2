"""Laws through measured counts by least squares, and where two of them meet.

Example:
    >>> law = power([2, 4, 8], [12, 48, 192])
    >>> round(law.exponent, 6), round(law.factor, 6), round(law.spread, 6)
    (2.0, 3.0, 0.0)
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

STEPS_PER_DOUBLING = 64
DOUBLINGS = 400
LAST = 3


class Power(NamedTuple):
    """factor * x^exponent.

    Attributes:
        exponent: over all points.
        factor: in front.
        end: the exponent of the last three points alone.
        spread: the largest deviation of a point, in units of it.
    """

    exponent: float
    factor: float
    end: float
    spread: float

    def __call__(self, x: float) -> float:
        return self.factor * x**self.exponent


class Affine(NamedTuple):
    """constant + slope * x, and `spread` as of `Power`."""

    constant: float
    slope: float
    spread: float

    def __call__(self, x: float) -> float:
        return self.constant + self.slope * x


def power(x: Sequence[float], y: Sequence[float]) -> Power:
    """Least squares of logarithms.

    Raises:
        ValueError: fewer than two points, or a number that is not positive.
    """
    logs, values = np.log(_positive(x, y))
    exponent, constant = np.polyfit(logs, values, 1)
    end = np.polyfit(logs[-LAST:], values[-LAST:], 1)[0]
    spread = np.abs(np.expm1(exponent * logs + constant - values)).max()
    return Power(float(exponent), math.exp(constant), float(end), float(spread))


def affine(x: Sequence[float], y: Sequence[float]) -> Affine:
    """Least squares of deviations relative to y.

    Raises:
        ValueError: what `power` raises.
    """
    places, values = _positive(x, y)
    table = np.stack([1 / values, places / values], axis=1)
    found = np.linalg.lstsq(table, np.ones_like(values))[0]
    return Affine(float(found[0]), float(found[1]), float(np.abs(table @ found - 1).max()))


def crossing(falls: Callable[[float], float], rises: Callable[[float], float]) -> float | None:
    """The smallest x from 2 on, to one in 64 of a doubling, at which the first is below the second; None: not found."""
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
