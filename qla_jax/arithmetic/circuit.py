r"""Circuits of arithmetic: circuits of `qla_jax.circuits` with named registers, built from gates on unnumbered wires.

Qubits have the order of the whole package: ancillas first, in a register called `work`, then the registers in their
order, each with its most significant bit first. A state of a circuit with registers of $b_1, b_2, \dots$ bits reshapes
to $(2^a, 2^{b_1}, 2^{b_2}, \dots)$, and its indices are the numbers in the registers.

Example:
    >>> from qla_jax.arithmetic.adders import gidney
    >>> from qla_jax.arithmetic.gates import wires
    >>> from qla_jax.circuits import count, draw
    >>> x, y = wires(2), wires(2)
    >>> adder = circuit(gidney(x, y), x=x, y=y)
    >>> int(adder.on_basis(x=3, y=2).registers["y"]), adder.num_ancillas, adder.num_qubits
    (1, 1, 4)
    >>> int((adder + adder.inverse()).on_basis(x=3, y=2).registers["y"])
    2
    >>> print(draw(adder))
    work0: ─AND─●───AND†──
    x0   : ─┼───┼─●─┼─────
    x1   : ─●───┼─┼─●────●
    y0   : ─┼───X─X─┼────┼
    y1   : ─●───────●────X
    >>> count(adder).toffoli
    1
"""

import math
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import as_tuple, require
from qla_jax.arithmetic import simulation
from qla_jax.arithmetic.gates import ARITY, Register, ReversibleGate
from qla_jax.circuits.basis import WORK, BasisRun, on_basis
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.operations import Gate, Operation
from qla_jax.circuits.standard import placed
from qla_jax.circuits.temporary import And


@dataclass(frozen=True, eq=False, repr=False)
class ReversibleCircuit(Circuit):
    """Circuit whose clean work qubits are the register `work`, in front of registers of numbers; built by `circuit`.

    Everything that takes a `Circuit` takes it: `qla.circuits` draws, counts and exports it.
    """

    @property
    def num_ancillas(self) -> int:
        """Number of qubits in the register `work`, |0> before and after."""
        return dict(self.registers).get(WORK, 0)

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the other registers."""
        return self.num_wires - self.num_ancillas

    def wires(self, name: str) -> tuple[int, ...]:
        """Return the qubits of a register, the least significant bit first."""
        end = 0
        for register, size in self.registers:
            end += size
            if register == name:
                return tuple(range(end - 1, end - size - 1, -1))
        names = ", ".join(name for name, _ in self._numbers)
        raise ValueError(f"`name` must be one of {names}, but is {name!r}.")

    @property
    def _numbers(self) -> tuple[tuple[str, int], ...]:
        return tuple(each for each in self.registers if each[0] != WORK)

    def __repr__(self) -> str:
        registers = ", ".join(f"{name}={size}" for name, size in self._numbers)
        return f"ReversibleCircuit({registers}, num_ancillas={self.num_ancillas}, operations={len(self.operations)})"

    def __add__(self, other: "ReversibleCircuit") -> "ReversibleCircuit":
        """Return the circuit that runs this one and then the other, with shared ancillas."""
        if not isinstance(other, ReversibleCircuit):
            return NotImplemented
        told = f"`other` must have the registers {self._numbers}, but has {other._numbers}."
        require(self._numbers == other._numbers, told)
        larger = max(self, other, key=lambda each: each.num_ancillas)
        calls = []
        for each in (self, other):
            names = [name for name, _ in each.registers]
            pairs = [pair for name in names for pair in zip(each.wires(name), larger.wires(name), strict=False)]
            calls.append(Call(each, tuple(there for _, there in sorted(pairs))))
        return replace(larger, operations=tuple(calls))

    def controlled(self, name: str = "control") -> "ReversibleCircuit":
        """Return the circuit under the control of one more qubit, which is the first of all.

        Args:
            name: name of the control, which is a register.

        Raises:
            ValueError: a register of this name.
        """
        require(name not in dict(self.registers), f"`name` must be new among the registers, but is {name!r}.")
        found = super().controlled()
        registers = ((name, 1), *self.registers)
        return ReversibleCircuit(found.num_wires, found.operations, found.name, registers)

    def on_basis(self, **values: ArrayLike) -> BasisRun:
        """Run the circuit on basis states, vectorized; see `qla.circuits.on_basis`."""
        return on_basis(self, **values)

    def on_state(
        self, state: Num[Array, "..."], *, turns: ArrayLike | None = None, outcomes: ArrayLike | None = None
    ) -> Num[Array, "..."]:
        """Run the circuit on a superposition; see `simulation.on_state`."""
        return simulation.on_state(self, state, turns, outcomes)


def circuit(gates: Iterable[ReversibleGate], **registers: Register) -> ReversibleCircuit:
    """Build a circuit: registers get the qubits of their wires, and ancillas are reused when they are free again.

    Args:
        gates: gates on any wires; wires outside of all registers become ancillas.
        registers: wires by name, the least significant bit first. The name `work` is that of the ancillas.

    Raises:
        ValueError: an unknown gate, a wrong number of wires, a wire twice in a gate or in two registers, or a register
            of the name `work`.

    Example:
        >>> from qla_jax.arithmetic.adders import gidney
        >>> from qla_jax.arithmetic.gates import wires
        >>> x, y = wires(4), wires(4)
        >>> circuit(gidney(x, y), x=x, y=y)
        ReversibleCircuit(x=4, y=4, num_ancillas=3, operations=21)
    """
    gates = list(as_tuple("gates", gates, ReversibleGate))
    odd = [gate for gate in gates if not ARITY.get(gate.name) == len(gate.wires) == len(set(gate.wires))]
    if odd:
        raise ValueError(f"`gates` must be gates of {', '.join(ARITY)} on distinct wires, but one is {odd[0]}.")
    named = [wire for register in registers.values() for wire in reversed(register)]
    require(len(named) == len(set(named)), f"`registers` must share no wire, but {tuple(registers)} do.")
    require(WORK not in registers, f"`registers` must not be called {WORK!r}, but one is.")
    place, ancillas = _allocate(gates, frozenset(named))
    place |= {wire: ancillas + i for i, wire in enumerate(named)}
    sizes = (((WORK, ancillas),) if ancillas else ()) + tuple((name, len(wires)) for name, wires in registers.items())
    return ReversibleCircuit(ancillas + len(named), tuple(_numbered(gates, place)), registers=sizes)


OPERATIONS: dict[str, Callable[..., Operation]] = {
    "X": lambda turns, target: Gate("x", target),
    "CX": lambda turns, control, target: Gate("x", target, controls=(control,)),
    "CCX": lambda turns, first, second, target: Gate("x", target, controls=(first, second)),
    "SWAP": lambda turns, first, second: placed("swap", (), (first, second))[0],
    "AND": lambda turns, first, second, target: And(first, second, target),
    "UNAND": lambda turns, first, second, target: And(first, second, target, erased=True),
    "H": lambda turns, target: Gate("h", target),
    "P": lambda turns, target: Gate("p", target, 2 * math.pi * turns),
    "CP": lambda turns, control, target: Gate("p", target, 2 * math.pi * turns, (control,)),
}
"""Operations of the gates, from their angles and wires."""


def _numbered(gates: list[ReversibleGate], place: dict[Hashable, int]) -> Iterable[Operation]:
    """Yield the operations of gates; equal gates on equal qubits are one object."""
    made: dict[Any, Operation] = {}
    for name, on, turns in gates:
        key = name, turns, *(place[wire] for wire in on)
        if key not in made:
            made[key] = OPERATIONS[name](*key[1:])
        yield made[key]


def _allocate(gates: list[ReversibleGate], named: frozenset[Hashable]) -> tuple[dict[Hashable, int], int]:
    """Assign a qubit to each ancilla wire from its first gate to its last, and return all of them with their number.

    A wire takes the qubit that has been free for longest, or a new one.
    """
    last = {wire: i for i, gate in enumerate(gates) for wire in gate.wires if wire not in named}
    place: dict[Hashable, int] = {}
    free: deque[int] = deque()
    count = 0
    for i, gate in enumerate(gates):
        for wire in gate.wires:
            if wire in last and wire not in place:
                place[wire] = free.popleft() if free else count
                count = max(count, place[wire] + 1)
        free.extend(place[wire] for wire in gate.wires if last.get(wire) == i)
    return place, count
