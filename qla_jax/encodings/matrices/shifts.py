r"""Shifts of a position in an image by the tap of a kernel, with a flag for positions that leave the image.

The shift is an adder of one more bit, whose top bit is the flag. Where the image is smaller than its register, the flag
also flips on padding, before a shift down and after a shift up: padding is then flagged, and so is what enters it.

Example:
    >>> shifted(np.zeros(4, int), np.arange(4), np.full(4, 1), 3, 4)  # an image of three pixels, and padding
    (array([0, 0, 1, 1]), array([1, 2, 3, 0]))
    >>> [type(part).__name__ for part in shift_operations((0, 1), 2, (3, 4), (1, 0, -1), 3)]
    ['Flip', 'Add', 'Flip']

References:
    Rattew et al. (2025), Lemmas B.14 to B.17. https://arxiv.org/abs/2510.07195
"""

from collections.abc import Sequence

import numpy as np

from qla_jax.circuits.integers import Add, Bound, Flip
from qla_jax.circuits.operations import Operation


def continued(shifts: Sequence[int], size: int) -> tuple[int, ...]:
    """Return the shift of each value of a tap register, in the steps of those of the kernel.

    Taps beyond the kernel have no weight. Shifts in even steps need no lookup.

    Args:
        shifts: shifts of the taps of the kernel, in steps of -1 or 1.
        size: number of values of the register.
    """
    step = shifts[-1] - shifts[-2] if len(shifts) > 1 else 0
    return tuple(shifts[0] + step * tap for tap in range(size))


def shifted(
    flag: np.ndarray, position: np.ndarray, amount: np.ndarray, length: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return flag and position after a shift; a shift by -m inverts a shift by m.

    Args:
        flag: 0 or 1.
        position: positions from 0 to size - 1.
        amount: shifts.
        length: number of positions in the image.
        size: number of positions in the register.
    """
    flag = flag ^ ((position >= length) & (amount < 0))
    total = flag * size + position + amount
    flag, position = total // size % 2, total % size
    return flag ^ ((position >= length) & (amount > 0)), position


def shift_operations(
    tap: tuple[int, ...], flag: int, position: tuple[int, ...], shifts: Sequence[int], length: int
) -> list[Operation]:
    """Return the operations of `shifted` by the shift of a tap.

    Args:
        tap: wires of the tap register.
        flag: wire of the flag.
        position: wires of the position.
        shifts: shifts of the taps, which fall from the first one or rise from 0.
        length: number of positions in the image.
    """
    add = Add((flag, *position), continued(shifts, 1 << len(tap)), tap)
    first, falling = shifts[0], shifts[1] < shifts[0]
    up, down = (Bound(tap, first, below=True), Bound(tap, first + 1)) if falling else (Bound(tap, 1), None)
    before, after = ([Flip(flag, (side, Bound(position, length)))] if side else [] for side in (down, up))
    # A full register has no padding, and a kernel whose first shift is 0 none up.
    return [part for part in (*before, add, *after) if part.parts()]
