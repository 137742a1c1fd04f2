r"""Immutable circuits: lists of gates on named registers, which run on basis states or on superpositions.

Qubits have the order of the whole package: ancillas first, then the registers in their order, each with its most
significant bit first. A state of a circuit with registers of $b_1, b_2, \dots$ bits reshapes to
$(2^a, 2^{b_1}, 2^{b_2}, \dots)$, and its indices are the numbers in the registers.

Example:
    >>> from qla_jax.arithmetic.adders import gidney
    >>> x, y = wires(4), wires(4)
    >>> adder = circuit(gidney(x, y), x=x, y=y)
    >>> int(adder.on_basis(x=3, y=14).registers["y"]), adder.num_ancillas, adder.num_qubits
    (1, 3, 8)
    >>> int((adder + adder.inverse()).on_basis(x=3, y=14).registers["y"])
    14
"""

from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import as_tuple, require
from qla_jax.arithmetic import gates as writing
from qla_jax.arithmetic import simulation
from qla_jax.arithmetic.gates import ARITY, Register, ReversibleGate, wires


@dataclass(frozen=True)
class ReversibleCircuit:
    """Circuit of gates on numbered qubits, built by `circuit`.

    Attributes:
        gates: gates in order; wires are numbers of qubits.
        sizes: names and bits of the registers, in order.
        num_ancillas: number of qubits before the registers, |0> before and after.
    """

    gates: tuple[ReversibleGate, ...]
    sizes: tuple[tuple[str, int], ...]
    num_ancillas: int

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the registers, without ancillas."""
        return sum(size for _, size in self.sizes)

    @property
    def width(self) -> int:
        """Number of all qubits."""
        return self.num_ancillas + self.num_qubits

    def wires(self, name: str) -> tuple[int, ...]:
        """Return the qubits of a register, the least significant bit first."""
        end = self.num_ancillas
        for register, size in self.sizes:
            end += size
            if register == name:
                return tuple(range(end - 1, end - size - 1, -1))
        raise ValueError(f"`name` must be one of {', '.join(name for name, _ in self.sizes)}, but is {name!r}.")

    def __repr__(self) -> str:
        registers = ", ".join(f"{name}={size}" for name, size in self.sizes)
        return f"ReversibleCircuit({registers}, num_ancillas={self.num_ancillas}, gates={len(self.gates)})"

    def inverse(self) -> "ReversibleCircuit":
        """Return the inverse circuit, on the same qubits."""
        return ReversibleCircuit(tuple(writing.inverse(self.gates)), self.sizes, self.num_ancillas)

    def __add__(self, other: "ReversibleCircuit") -> "ReversibleCircuit":
        """Return the circuit that runs this one and then the other, with shared ancillas."""
        if not isinstance(other, ReversibleCircuit):
            return NotImplemented
        require(self.sizes == other.sizes, f"`other` must have the registers {self.sizes}, but has {other.sizes}.")
        ancillas = max(self.num_ancillas, other.num_ancillas)
        return ReversibleCircuit((*self._placed(ancillas), *other._placed(ancillas)), self.sizes, ancillas)

    def controlled(self, name: str = "control") -> "ReversibleCircuit":
        """Return the circuit under the control of one more qubit, which is its first register."""
        registers = {register: self.wires(register) for register, _ in self.sizes}
        require(name not in registers, f"`name` must be new among the registers, but is {name!r}.")
        (control,) = wires(1)
        return circuit(writing.controlled(control, self.gates), **{name: (control,)}, **registers)

    def on_basis(self, **values: ArrayLike) -> simulation.BasisRun:
        """Run the circuit on basis states, vectorized; see `simulation.on_basis`."""
        return simulation.on_basis(self, values)

    def on_state(
        self, state: Num[Array, "..."], *, turns: ArrayLike | None = None, outcomes: ArrayLike | None = None
    ) -> Num[Array, "..."]:
        """Run the circuit on a superposition; see `simulation.on_state`."""
        return simulation.on_state(self, state, turns, outcomes)

    def _placed(self, ancillas: int) -> Iterable[ReversibleGate]:
        by = ancillas - self.num_ancillas
        for gate in self.gates:
            yield gate._replace(wires=tuple(w if w < self.num_ancillas else w + by for w in gate.wires))


def circuit(gates: Iterable[ReversibleGate], **registers: Register) -> ReversibleCircuit:
    """Build a circuit: registers get the qubits of their wires, and ancillas are reused when they are free again.

    Args:
        gates: gates on any wires; wires outside of all registers become ancillas.
        registers: wires by name, the least significant bit first.

    Raises:
        ValueError: an unknown gate, a wrong number of wires, a wire twice in a gate or in two registers.

    Example:
        >>> from qla_jax.arithmetic.adders import gidney
        >>> x, y = wires(4), wires(4)
        >>> circuit(gidney(x, y), x=x, y=y)
        ReversibleCircuit(x=4, y=4, num_ancillas=3, gates=21)
    """
    gates = list(as_tuple("gates", gates, ReversibleGate))
    for gate in gates:
        fits = ARITY.get(gate.name) == len(gate.wires) == len(set(gate.wires))
        require(fits, f"`gates` must be gates of {', '.join(ARITY)} on distinct wires, but one is {gate}.")
    named = [wire for register in registers.values() for wire in reversed(register)]
    require(len(named) == len(set(named)), f"`registers` must share no wire, but {tuple(registers)} do.")
    place, ancillas = _allocate(gates, frozenset(named))
    place |= {wire: ancillas + i for i, wire in enumerate(named)}
    numbered = tuple(gate._replace(wires=tuple(place[wire] for wire in gate.wires)) for gate in gates)
    return ReversibleCircuit(numbered, tuple((name, len(register)) for name, register in registers.items()), ancillas)


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
