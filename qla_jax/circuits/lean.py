r"""Multiplexed rotations of fewer gates than their index has values.

An index wire on which no angle depends is left out. What is left is made of Clifford gates where it is a number of
quarter turns, and of controlled Clifford gates where it is a number of quarter turns for both values of one wire.

Example:
    >>> [part.name for part in lean_rotation(np.full(4, np.pi / 2), (0, 1), 2)]  # the same quarter turn for all values
    ['z', 'h']
    >>> [(part.name, part.controls) for part in lean_rotation(np.array([np.pi / 2, 0.0]), (0,), 1)]
    [('z', ()), ('h', ()), ('h', (0,)), ('z', (0,))]
    >>> [part.index for part in lean_rotation(np.array([0.3, 0.3, 0.7, 0.7]), (0, 1), 2)]
    [(0,)]
"""

import math
from collections.abc import Sequence

import numpy as np

from qla_jax.circuits.composites import MultiplexedRotation
from qla_jax.circuits.operations import Gate, Operation, Phase

EQUAL = 1e-12
"""Distance of angles in radians below which they are taken as equal."""
QUARTERS = ("", "zh", "zx", "-hz", "-", "-zh", "xz", "hz")
"""Rotations about Y by multiples of a quarter turn as gates, first to last, with a sign."""


def lean_rotation(angles: np.ndarray, index: Sequence[int], target: int) -> tuple[Operation, ...]:
    """Return a rotation about Y with an angle for each value of an index, in as few gates as the angles allow.

    Args:
        angles: angles, 2^k of them, the first index wire the most significant bit.
        index: k wires of the index.
        target: wire of the qubit that is rotated.
    """
    grid, kept = np.asarray(angles, float).reshape((2,) * len(index)), list[int]()
    for wire in index:
        place = len(kept)
        zero, one = np.take(grid, 0, axis=place), np.take(grid, 1, axis=place)
        if np.abs(zero - one).max() < EQUAL:
            grid = (zero + one) / 2
        else:
            kept.append(wire)
    turns = grid.reshape(-1) / (math.pi / 2)
    whole = np.rint(turns).astype(int)
    if len(kept) < 2 and np.abs(turns - whole).max() < EQUAL:
        first, *second = whole.tolist()
        turned = [part.controlled((kept[0],)) for each in second for part in _quarters(each - first, target)]
        return (*_quarters(first, target), *turned)
    return (MultiplexedRotation("y", grid.reshape(-1), tuple(kept), target),)


def _quarters(count: int, target: int) -> list[Gate | Phase]:
    return [Phase(math.pi) if name == "-" else Gate(name, target) for name in QUARTERS[count % 8]]
