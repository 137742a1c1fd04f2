r"""Operations in a row, some of which run only for values of an index from a number on, as in sums of powers.

A work qubit tells whether the index has not yet been passed. It is set by two comparisons and toggled whenever the
number rises, by unary iteration that advances between the operations, so that each conditional operation has one
control. A list of operations without work qubits has the bits of the index instead.

Example:
    >>> from qla_jax.circuits import Circuit, Gate, to_matrix
    >>> turn, back = (Gate("s", 2),), (Gate("sdg", 2),)
    >>> flip = (Gate("x", 2),)
    >>> steps = Staircase((0, 1), 3, (turn, flip, back, flip), (None, 1, None, 2))
    >>> [(gate.name, gate.controls, gate.values) for gate in steps.parts() if gate.name == "x"]
    [('x', (0, 1), (0, 1)), ('x', (0, 1), (1, 0)), ('x', (0, 1), (1, 0))]
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from qla_jax._checks import as_integer, as_tuple, require
from qla_jax.circuits.composites import Composite, inverted
from qla_jax.circuits.operations import Operation, require_disjoint
from qla_jax.circuits.select import bits_of


@dataclass(frozen=True)
class Staircase(Composite):
    """Groups of operations, some of which run only for values of an index between a number and a bound.

    Without the conditional groups the others have to cancel, as calls of a circuit and of its inverse do: a control of
    the whole reaches the conditional groups alone.

    Attributes:
        index: wires of the index, the most significant first.
        bound: number below which the values of the index lie for which a conditional group runs.
        groups: groups of operations, first to last.
        least: least value of the index for which each group runs, rising or falling in steps of 0 or 1; None for groups
            that run for all values.
    """

    index: tuple[int, ...]
    bound: int
    groups: tuple[tuple[Operation, ...], ...]
    least: tuple[int | None, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "bound", as_integer("bound", self.bound, least=0, most=1 << len(self.index)))
        object.__setattr__(self, "groups", tuple(as_tuple("groups", each, Operation) for each in self.groups))
        told = f"`least` must be {len(self.groups)}, one for each group, but are {len(self.least)}."
        require(len(self.least) == len(self.groups), told)
        numbers = [number for number in self.least if number is not None]
        jumps = {second - first for first, second in pairwise(numbers)}
        even = jumps <= {0, 1} or jumps <= {0, -1}
        fits = even and all(0 <= number < self.bound for number in numbers)
        require(fits, f"`least` must rise or fall by 0 or 1 within 0 to {self.bound - 1}, but are {numbers}.")
        require_disjoint(self._targets, self.index)

    @property
    def wires(self) -> tuple[int, ...]:
        return (*self.index, *self._targets)

    @property
    def _targets(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(wire for group in self.groups for part in group for wire in part.wires))

    @property
    def first(self) -> int:
        """Least value of the index for which any conditional group runs, the bound if there is none."""
        return min((number for number in self.least if number is not None), default=self.bound)

    def inverse(self) -> "Staircase":
        groups = tuple(inverted(group) for group in reversed(self.groups))
        return replace(self, groups=groups, least=self.least[::-1])

    def moved(self, places: Sequence[int]) -> "Staircase":
        groups = tuple(tuple(part.moved(places) for part in group) for group in self.groups)
        return replace(self, index=tuple(places[wire] for wire in self.index), groups=groups)

    def parts(self) -> list[Operation]:
        return self.parts_under((), ())

    def parts_under(self, wires: tuple[int, ...], values: tuple[int, ...]) -> list[Operation]:
        """Return the operations, where those of conditional groups have the controls and bits of the index."""
        found: list[Operation] = []
        for group, least in zip(self.groups, self.least, strict=True):
            if least is None:
                found += group
                continue
            for number, depth in blocks_between(least, self.bound, len(self.index)):
                controls = (*wires, *self.index[:depth])
                held = (*values, *bits_of(number, len(self.index))[:depth])
                found += [part.controlled(controls, held) for part in group]
        return found


def blocks_between(first: int, bound: int, bits: int) -> Iterator[tuple[int, int]]:
    """Yield numbers from the first one to below the bound as blocks: a number, and how many leading bits it shares.

    Args:
        first: first number.
        bound: number after the last one, at most 2^bits.
        bits: number of bits.
    """
    while first < bound:
        free = min((first & -first).bit_length() - 1 if first else bits, (bound - first).bit_length() - 1)
        yield first, bits - free
        first += 1 << free
