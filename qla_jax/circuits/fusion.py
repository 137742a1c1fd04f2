r"""Fusion of neighboring gates to matrices on few wires, which a simulation applies in one pass over the state.

A gate joins the last block that touches one of its wires, as long as the block then has few wires: all later blocks act
on other wires and commute with the gate. Earlier blocks on its other wires join, too, where nothing follows on them.

Example:
    >>> from qla_jax.circuits import Gate
    >>> pairs = [Gate("x", wire, controls=(wire - 1,)) for wire in range(1, 8)]
    >>> [part.wires for part in fused(Circuit(8, tuple(pairs)), wires=3).operations]
    [(0, 1, 2), (2, 3, 4), (4, 5, 6), (6, 7)]

References:
    Haner, Steiger (2017), section 3.1, clusters of gates. https://arxiv.org/abs/1704.01127
"""

from dataclasses import replace

from qla_jax._checks import as_integer, is_concrete, require_kind
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import Composite, Under, Within
from qla_jax.circuits.operations import Elementary, Open, Operation
from qla_jax.circuits.select import Select
from qla_jax.circuits.simulation import AT_ONCE, to_matrix
from qla_jax.circuits.synthesis import MatrixGate

WIRES = 4
"""Wires of a block, unless given."""


class GateBlock:
    """Operations on few wires, gathered one after another.

    Attributes:
        number: place among the blocks of a circuit.
        closed: whether no other operation may join.
        parts: operations, first to last.
        wires: wires that they touch, as keys.
    """

    def __init__(self, number: int, *, closed: bool) -> None:
        self.number, self.closed = number, closed
        self.parts: list[Operation] = []
        self.wires: dict[int, None] = {}

    def take(self, other: "GateBlock") -> None:
        """Take the operations of a block on other wires, which is empty then."""
        self.parts += other.parts
        self.wires |= other.wires
        other.parts, other.wires = [], {}

    def operation(self) -> Operation:
        """Return the operations as one: a matrix where there are several."""
        if len(self.parts) == 1:
            return self.parts[0]
        wires = sorted(self.wires)
        places = [sum(wire > other for other in wires) for wire in range(max(wires, default=-1) + 1)]
        inner = [part.moved(places) for part in self.parts]
        return MatrixGate(to_matrix(Circuit(len(wires), tuple(inner))), tuple(wires), trusted=True)


def fused(circuit: Circuit, *, wires: int = WIRES) -> Circuit:
    """Return an equal circuit of matrices on few wires, to be simulated.

    Operations on more wires, and those whose angles are traced, stay as they are. A circuit that is called is fused
    once.

    Args:
        circuit: the circuit.
        wires: largest number of wires of a matrix.

    Raises:
        TypeError: `circuit` is not a circuit.
        ValueError: no wires.

    Example:
        >>> from qla_jax.circuits import Gate, to_matrix
        >>> circuit = Circuit(3, (Gate("h", 0), Gate("x", 1, controls=(0,)), Gate("t", 1), Gate("x", 2, controls=(1,))))
        >>> found = fused(circuit, wires=2)
        >>> len(found.operations), bool(abs(to_matrix(found) - to_matrix(circuit)).max() < 1e-12)
        (2, True)

    References:
        Haner, Steiger (2017). https://arxiv.org/abs/1704.01127
    """
    require_kind("circuit", circuit, Circuit)
    return _fused(circuit, as_integer("wires", wires, least=1), {})


class GateBlocks:
    """Blocks of a circuit, first to last, with the last one that touches each wire.

    Attributes:
        most: largest number of wires of a block.
        blocks: blocks, among them empty ones, whose operations stand in another block.
        last: block that touches each wire last.
    """

    def __init__(self, most: int) -> None:
        self.most, self.blocks, self.last = most, list[GateBlock](), dict[int, GateBlock]()

    def add(self, part: Operation, *, free: bool) -> None:
        """Add an operation, to a block or as its own.

        Args:
            part: the operation.
            free: whether it may be fused with others.
        """
        before = {block.number: block for wire in part.wires if (block := self.last.get(wire))}
        place = before[max(before)] if before else self.blocks[-1] if self.blocks else None
        if not free or place is None or not self._fits(place, part):
            place = GateBlock(len(self.blocks), closed=not free)
            self.blocks.append(place)
        changed = dict.fromkeys(part.wires)
        for other in before.values():
            # A block after which nothing touches its wires may move to the place of the operation.
            ends = all(self.last[wire] is other for wire in other.wires)
            if free and other is not place and ends and self._fits(other, *place.parts, part):
                changed |= other.wires
                place.take(other)
        place.parts.append(part)
        place.wires |= dict.fromkeys(part.wires)
        self.last.update(dict.fromkeys(changed, place))

    def _fits(self, block: GateBlock, *parts: Operation) -> bool:
        wires = {*block.wires, *(wire for part in parts for wire in part.wires)}
        return not block.closed and len(wires) <= self.most


def _fused(circuit: Circuit, most: int, done: dict[int, Circuit]) -> Circuit:
    if id(circuit) not in done:
        found, waiting = GateBlocks(most), list(reversed(circuit.operations))
        while waiting:
            part = waiting.pop()
            if len(part.wires) <= most:
                found.add(part, free=not _has_open(part))
            elif _is_divisible(part):
                waiting += reversed(part.parts() or ())
            else:
                found.add(_inside(part, most, done), free=False)
        kept = tuple(block.operation() for block in found.blocks if block.parts)
        done[id(circuit)] = replace(circuit, operations=kept)
    return done[id(circuit)]


def _is_divisible(part: Operation) -> bool:
    """Return whether the parts of an operation on many wires are to be fused with others."""
    inner = part.part if isinstance(part, Under) else part
    return isinstance(inner, Composite) and not isinstance(inner, (*AT_ONCE, Call))


def _inside(part: Operation, most: int, done: dict[int, Circuit]) -> Operation:
    """Return a call of a circuit as a call of the fused one."""
    if isinstance(part, Call):
        return replace(part, circuit=_fused(part.circuit, most, done))
    return part


def _has_open(part: Operation) -> bool:
    """Return whether an operation has an angle that is traced or stored elsewhere."""
    waiting: list[Operation] = [part]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Elementary):
            if isinstance(each.angle, Open) or not is_concrete(each.angle):
                return True
        elif isinstance(each, Under):
            waiting.append(each.part)
        elif isinstance(each, Call):
            waiting += each.circuit.operations
        elif isinstance(each, Within):
            waiting += (*each.compute, *each.middle)
        elif isinstance(each, Select):
            waiting += [inner for branch in each.branches for inner in branch]
    return False
