r"""SELECT: one of several lists of operations, chosen by the value of an index.

Unary iteration walks the binary tree of the values once. The qubit of a node tells whether the index begins with the
bits of the node, so that each operation needs a single control.

Example:
    >>> from qla_jax.circuits import Gate
    >>> chosen = Select((0, 1), (0, 2, 3), ((), (Gate("x", 2),), (Gate("z", 2),)))
    >>> [(gate.name, gate.values) for gate in chosen.parts()]
    [('x', (1, 0)), ('z', (1, 1))]

References:
    Babbush et al. (2018), section III A. https://arxiv.org/abs/1805.03662
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from qla_jax._checks import as_integers, as_tuple, require
from qla_jax.circuits.composites import Composite, inverted
from qla_jax.circuits.operations import Operation, require_disjoint


@dataclass(frozen=True)
class Select(Composite):
    """Operations for some values of an index; for all other values nothing happens.

    Attributes:
        index: wires of the index, the most significant first.
        numbers: values of the index, rising.
        branches: operations for each of these values, first to last.
        depths: number of leading wires of the index on which each branch depends, all of them by default; a branch of
            fewer wires runs for all values that begin with the same bits as its number.
    """

    index: tuple[int, ...]
    numbers: tuple[int, ...]
    branches: tuple[tuple[Operation, ...], ...]
    depths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", tuple(self.index))
        object.__setattr__(self, "numbers", as_integers("numbers", self.numbers))
        object.__setattr__(self, "branches", tuple(as_tuple("branches", each, Operation) for each in self.branches))
        depths = as_integers("depths", self.depths) or (len(self.index),) * len(self.numbers)
        object.__setattr__(self, "depths", depths)
        rising = list(self.numbers) == sorted(set(self.numbers))
        fits = rising and all(0 <= number < 1 << len(self.index) for number in self.numbers)
        require(fits, f"`numbers` must rise from 0 to below {1 << len(self.index)}, but are {self.numbers}.")
        told = f"`branches` must be {len(self.numbers)}, one for each number, but are {len(self.branches)}."
        require(len(self.branches) == len(self.numbers), told)
        blocks = list(zip(self.numbers, self.depths, strict=False))
        whole = len(self.depths) == len(self.numbers) and all(0 <= depth <= len(self.index) for depth in self.depths)
        whole = whole and all(number % self._size(depth) == 0 for number, depth in blocks)
        apart = whole and all(first + self._size(depth) <= second for (first, depth), (second, _) in pairwise(blocks))
        require(apart, f"`depths` must divide the values into blocks that do not overlap, but are {self.depths}.")
        require_disjoint(self._targets, self.index)

    @property
    def wires(self) -> tuple[int, ...]:
        return (*self.index, *self._targets)

    @property
    def _targets(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(wire for branch in self.branches for part in branch for wire in part.wires))

    def inverse(self) -> "Select":
        return replace(self, branches=tuple(inverted(branch) for branch in self.branches))

    def moved(self, places: Sequence[int]) -> "Select":
        branches = tuple(tuple(part.moved(places) for part in branch) for branch in self.branches)
        return Select(tuple(places[wire] for wire in self.index), self.numbers, branches, self.depths)

    def parts(self) -> list[Operation]:
        """Return the operations, each under its wires of the index: the list has no wires for unary iteration."""
        return [
            part.controlled(self.index[:depth], bits_of(number, len(self.index))[:depth])
            for number, branch, depth in zip(self.numbers, self.branches, self.depths, strict=True)
            for part in branch
        ]

    def _size(self, depth: int) -> int:
        return 1 << len(self.index) - depth


def bits_of(number: int, count: int) -> tuple[int, ...]:
    """Return the bits of a number, the most significant first.

    Args:
        number: number below 2^count.
        count: number of bits.
    """
    return tuple(number >> place & 1 for place in reversed(range(count)))
