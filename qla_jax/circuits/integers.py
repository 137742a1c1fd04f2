r"""Additions to a register, and NOT gates where registers lie on one side of a bound.

A circuit has no work qubits, so that the gates of both are NOT gates under many controls. `count` knows better: it
counts Gidney's adder and temporary ANDs on clean work qubits, which measurements undo.

Example:
    >>> [(gate.target, gate.controls) for gate in Add((0, 1), (1,)).parts()]  # the carry, then the lowest bit
    [(0, (1,)), (1, ())]
    >>> beyond = Flip(0, (Bound((1, 2), 3),))  # where the register is at least 3
    >>> [(gate.controls, gate.values) for gate in beyond.parts()]
    [((1, 2), (1, 1))]

References:
    Gidney (2018), Halving the cost of quantum addition. https://arxiv.org/abs/1709.06648
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

from qla_jax._checks import as_integer, as_integers, as_tuple, require
from qla_jax.circuits.composites import Composite
from qla_jax.circuits.operations import Gate, Operation, require_disjoint
from qla_jax.circuits.select import bits_of


@dataclass(frozen=True)
class Add(Composite):
    """Addition to a register, modulo its size, of a number for each value of an index.

    Attributes:
        on: wires of the register, the most significant first.
        amounts: numbers, $2^k$ of them; negative ones are subtracted.
        index: k wires of the index, the most significant first.
    """

    on: tuple[int, ...]
    amounts: tuple[int, ...]
    index: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "amounts", as_integers("amounts", self.amounts))
        require_disjoint((), self.wires)
        size = 1 << len(self.index)
        told = f"`amounts` must be {size}, one for each value of the index, but are {len(self.amounts)}."
        require(len(self.amounts) == size, told)

    @property
    def wires(self) -> tuple[int, ...]:
        return (*self.index, *self.on)

    def inverse(self) -> "Add":
        return replace(self, amounts=tuple(-amount for amount in self.amounts))

    def moved(self, places: Sequence[int]) -> "Add":
        on, index = (tuple(places[wire] for wire in wires) for wires in (self.on, self.index))
        return Add(on, self.amounts, index)

    def parts(self) -> list[Operation]:
        """Return additions of powers of two: a NOT gate of each bit under all lower ones and bits of the index."""
        steps = self._by_bits()
        if steps is None:
            values = [bits_of(value, len(self.index)) for value in range(len(self.amounts))]
            steps = [(amount, self.index, bits) for amount, bits in zip(self.amounts, values, strict=True)]
        return [gate for amount, wires, values in steps for gate in self._constant(amount, wires, values)]

    def _by_bits(self) -> list[tuple[int, tuple[int, ...], tuple[int, ...]]] | None:
        """Return one number for each bit of the index, and one without, if the amounts are sums of these."""
        size, first = 1 << len(self.on), self.amounts[0]
        places = [1 << bit for bit in reversed(range(len(self.index)))]
        weights = [self.amounts[place] - first for place in places]
        for value, amount in enumerate(self.amounts):
            known = sum(weight for weight, place in zip(weights, places, strict=True) if value & place)
            if (first + known - amount) % size:
                return None
        single = [(weight, (wire,), (1,)) for weight, wire in zip(weights, self.index, strict=True)]
        return [(first, (), ()), *single]

    def _constant(self, amount: int, controls: tuple[int, ...], values: tuple[int, ...]) -> list[Operation]:
        found: list[Operation] = []
        rest, bits = amount % (1 << len(self.on)), len(self.on)
        for place in range(bits):
            if not rest >> place & 1:
                continue
            # Two neighboring ones become a step down and a carry: 0111 is 1000 - 0001.
            up = not rest >> place & 2 or place == bits - 1
            rest += -(1 << place) if up else 1 << place
            on = self.on[: bits - place]
            for at, wire in enumerate(on):
                lower = on[at + 1 :]
                found.append(Gate("x", wire, None, (*controls, *lower), (*values, *(int(up),) * len(lower))))
        return found


class Bound(NamedTuple):
    """Bound of a register.

    Attributes:
        wires: wires of the register, the most significant first.
        bound: the bound.
        below: whether the register is to be smaller than the bound; otherwise it is to be at least the bound.
    """

    wires: tuple[int, ...]
    bound: int
    below: bool = False

    @property
    def depth(self) -> int | None:
        """Number of bits that have to be looked at; None where no value fits."""
        size = 1 << len(self.wires)
        if not 0 < self.bound < size:
            return 0 if (self.bound >= size) == self.below else None
        return len(self.wires) - (self.bound & -self.bound).bit_length() + 1

    def blocks(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Return prefixes of the register, wires and their values, one of which each fitting value has."""
        if not self.depth:
            return [] if self.depth is None else [((), ())]
        bits = bits_of(self.bound, len(self.wires))[: self.depth]
        # Below 1011 are 0***, 100* and 1010; from 1011 on are 11** and 1011 itself.
        leaves = [place for place, bit in enumerate(bits) if bit == self.below]
        found = [(self.wires[: place + 1], (*bits[:place], 1 - bits[place])) for place in leaves]
        return found if self.below else [*found, (self.wires[: self.depth], bits)]


@dataclass(frozen=True)
class Flip(Composite):
    """NOT gate of a wire where every one of some registers lies on its side of a bound.

    Attributes:
        target: the wire.
        bounds: bounds of the registers, which do not overlap.
    """

    target: int
    bounds: tuple[Bound, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "bounds", as_tuple("bounds", self.bounds, Bound))
        for each in self.bounds:
            as_integer("bound", each.bound)
        require_disjoint((), self.wires)

    @property
    def wires(self) -> tuple[int, ...]:
        return (*(wire for bound in self.bounds for wire in bound.wires), self.target)

    def inverse(self) -> "Flip":
        return self

    def moved(self, places: Sequence[int]) -> "Flip":
        bounds = (bound._replace(wires=tuple(places[wire] for wire in bound.wires)) for bound in self.bounds)
        return Flip(places[self.target], tuple(bounds))

    def parts(self) -> list[Operation]:
        """Return one NOT gate for each combination of prefixes."""
        found: list[Operation] = []
        for blocks in product(*(bound.blocks() for bound in self.bounds)):
            controls, values = (tuple(each for block in blocks for each in block[side]) for side in (0, 1))
            found.append(Gate("x", self.target, controls=controls, values=values))
        return found
