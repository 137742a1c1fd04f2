r"""Circuits: operations on numbered wires, as immutable values.

Wire 0 is the most significant qubit, so that the unitary of a circuit has the same order of rows as `qla.unitary`.
Operations may be calls of other circuits, which are shared: a circuit of 10^4 calls of one part holds the part once.

Example:
    >>> from qla_jax.circuits import Gate
    >>> bell = Circuit(2, (Gate("h", 0), Gate("x", 1, controls=(0,))))
    >>> [gate.name for gate in bell.inverse().elementary()]
    ['x', 'h']
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from qla_jax._checks import as_integer, require, require_kind
from qla_jax.circuits.composites import Composite, Under, each_once, inverted, parts_once
from qla_jax.circuits.operations import Elementary, Operation, require_disjoint
from qla_jax.circuits.temporary import And, BasisStep, step_of


@dataclass(frozen=True, eq=False)
class Circuit:
    """Circuit on numbered wires.

    Attributes:
        num_wires: number of wires.
        operations: operations, first to last.
        name: name in drawings and exports.
        registers: names and sizes of registers, which divide the wires in order.
    """

    num_wires: int
    operations: tuple[Operation, ...] = ()
    name: str = "circuit"
    registers: tuple[tuple[str, int], ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "num_wires", as_integer("num_wires", self.num_wires, least=0))
        object.__setattr__(self, "operations", tuple(self.operations))
        for part in parts_once(self.operations):
            require_kind("operations", part, Operation)
            outside = [wire for wire in part.wires if not 0 <= wire < self.num_wires]
            require(not outside, f"`operations` must use wires below {self.num_wires}, but one uses {outside}.")
        total = sum(size for _, size in self.registers)
        fits = not self.registers or total == self.num_wires
        require(fits, f"`registers` must have {self.num_wires} wires in all, but have {total}.")

    def inverse(self) -> "Circuit":
        """Return the inverse circuit."""
        return replace(self, operations=(Call(self, tuple(range(self.num_wires)), True),))

    def controlled(self) -> "Circuit":
        """Return the circuit under one control, a new wire 0 in front."""
        call = Call(self, tuple(range(1, self.num_wires + 1))).controlled((0,))
        return Circuit(self.num_wires + 1, (call,), f"controlled {self.name}")

    def directed(self, inverse: bool) -> tuple[Operation, ...]:
        """Return the operations of the circuit, or those of its inverse.

        Args:
            inverse: whether those of the inverse are returned.
        """
        return self._inverted if inverse else self.operations

    # Kept, so that the inverse calls of one circuit share their operations, too.
    @cached_property
    def _inverted(self) -> tuple[Operation, ...]:
        return inverted(self.operations)

    def elementary(self) -> Iterator[Elementary]:
        """Yield the elementary operations one by one; no list of them is held."""
        for part in self.opened():
            assert isinstance(part, Elementary)
            yield part

    def opened(self, *kept: type[Operation]) -> Iterator[Operation]:
        """Yield operations one by one, with composite ones opened until their parts are elementary.

        Args:
            kept: classes that are not opened, with or without controls.
        """
        # A stack in place of recursion, as calls may be nested deeper than Python's recursion allows.
        waiting = list(reversed(self.operations))
        closed = cache(lambda kind: issubclass(kind, (Elementary, *kept)))
        while waiting:
            part = waiting.pop()
            if closed(type(part)) or (isinstance(part, Under) and closed(type(part.part))):
                yield part
            else:
                waiting += reversed(part.parts() or ())

    # Kept, so that the runs of one circuit share them.
    @cached_property
    def steps(self) -> tuple[BasisStep, ...]:
        """Flips of a circuit that permutes basis states.

        Raises:
            ValueError: an operation that does not.
        """
        parts = list(self.opened(And))
        known = {id(part): step_of(part) for part in parts_once(parts)}
        found = tuple(step for part in parts if (step := known[id(part)]))
        if len(found) < len(parts):
            part = next(part for part in parts if not known[id(part)])
            name = getattr(part, "name", type(part).__name__).upper()
            raise ValueError(f"`circuit` must permute basis states, but has a gate {name}.")
        return found


@dataclass(frozen=True, eq=False)
class Call(Composite):
    """Call of a circuit, or of its inverse. Calls of one circuit share it.

    Attributes:
        circuit: the circuit.
        on: wire for each wire of the circuit.
        inverted: whether its inverse runs.
    """

    circuit: "Circuit"
    on: tuple[int, ...]
    inverted: bool = False

    def __post_init__(self) -> None:
        require_disjoint((), self.on)
        count = self.circuit.num_wires
        require(len(self.on) == count, f"`on` must name {count} wires of the circuit, but names {len(self.on)}.")

    @property
    def wires(self) -> tuple[int, ...]:
        return self.on

    def inverse(self) -> "Call":
        return replace(self, inverted=not self.inverted)

    def moved(self, places: Sequence[int]) -> "Call":
        return replace(self, on=tuple(places[wire] for wire in self.on))

    def parts(self) -> Sequence[Operation]:
        parts = self.circuit.directed(self.inverted)
        return parts if self.on == tuple(range(len(self.on))) else each_once(lambda part: part.moved(self.on), parts)
