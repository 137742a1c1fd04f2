"""Two points of a curve of accuracy: the point from which on a share of its peak is kept, and its elbow.

Example:
    >>> cost_of_level([1.0, 10.0, 100.0], [0.2, 0.6, 1.0], 0.8)
    (31.62..., False)
    >>> elbow([1, 2, 3, 4, 5], [0.1, 0.1, 0.8, 0.9, 0.9])
    3
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from qla_jax._checks import require


def cost_of_level(costs: Sequence[float], accuracies: Sequence[float], level: float) -> tuple[float, bool]:
    """Return the cost from which on accuracies stay at a share of their peak, or above.

    Between settings of the curve the logarithm of the cost is interpolated linearly in the accuracy.

    Args:
        costs: costs, rising.
        accuracies: accuracy at each cost.
        level: share of the peak, in (0, 1].

    Returns:
        The cost, and whether the cheapest setting reaches the share already, so that the cost is an upper bound.

    Raises:
        ValueError: costs that do not rise or do not match, a level out of its range, or one that the most expensive
            setting does not reach, so that the curve does not determine the cost.
    """
    require(
        len(costs) == len(accuracies) > 0, f"`costs` must match {len(accuracies)} accuracies, but are {len(costs)}."
    )
    rising = all(a < b for a, b in pairwise(costs)) and costs[0] > 0
    require(rising, f"`costs` must be positive and rise, but are {list(costs)}.")
    require(0 < level <= 1, f"`level` must lie in (0, 1], but is {level}.")
    wanted = level * max(accuracies)
    below = [place for place, value in enumerate(accuracies) if value < wanted]
    if not below:
        return costs[0], True
    last = below[-1]
    require(last + 1 < len(costs), f"`accuracies` must end at {wanted:.4g} or above, but end at {accuracies[-1]:.4g}.")
    share = (wanted - accuracies[last]) / (accuracies[last + 1] - accuracies[last])
    return math.exp((1 - share) * math.log(costs[last]) + share * math.log(costs[last + 1])), False


def elbow(ranks: Sequence[int], accuracies: Sequence[float]) -> int | None:
    """Return the rank whose accuracy lies farthest above the chord from the first point of the curve to its last.

    Of several such ranks the first is returned. The result is None where no point is above the chord: a line or a curve
    that bends upward has no elbow.

    Args:
        ranks: ranks, rising.
        accuracies: accuracy at each rank.

    Raises:
        ValueError: fewer than three points, or lengths that differ.

    References:
        Satopaa, Albrecht, Irwin, Raghavan (2011), Finding a "kneedle" in a haystack, section III: the same distance.
        https://doi.org/10.1109/ICDCSW.2011.20
    """
    require(len(ranks) == len(accuracies), f"`accuracies` must be {len(ranks)} as `ranks`, but are {len(accuracies)}.")
    require(len(ranks) > 2, f"`ranks` must be at least 3, but are {len(ranks)}.")
    slope = (accuracies[-1] - accuracies[0]) / (ranks[-1] - ranks[0])
    heights = [a - accuracies[0] - slope * (r - ranks[0]) for r, a in zip(ranks, accuracies, strict=True)]
    top = max(heights[1:-1])
    return ranks[heights.index(top)] if top > ROUNDING else None


ROUNDING = 1e-9
"""Distance between an accuracy and the chord that counts as rounding."""
