r"""Circuits of Qiskit as circuits here, with the global phase.

Qiskit numbers its qubits from the least significant one: qubit n - 1 - k of n becomes wire k, so that the unitary here
is the matrix of `qiskit.quantum_info.Operator`. Instructions with a definition become calls, which are shared.
"""

import importlib
from collections.abc import Sequence
from typing import Any

from qla_jax._checks import as_integers, require, require_kind
from qla_jax._extras import needs
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import inverted
from qla_jax.circuits.operations import Operation, Phase
from qla_jax.circuits.standard import STANDARD, placed
from qla_jax.circuits.synthesis import MatrixGate

IDLE = ("barrier", "delay", "id")
"""Instructions that leave every state as it is."""


def from_qiskit(circuit: Any, *, wires: Sequence[int] | None = None) -> Circuit:
    """Return a `qiskit.QuantumCircuit` as a circuit of gates.

    Gates of Qiskit's library become the same gates, others are read by their definition, and a `UnitaryGate` keeps its
    matrix.

    Args:
        circuit: circuit of Qiskit without measurements, whose parameters all have numbers.
        wires: Qiskit's qubit for each wire, the most significant one first; by default the last qubit comes first.

    Returns:
        Circuit whose `to_matrix` is the matrix of Qiskit's `Operator`, global phase included.

    Raises:
        TypeError: `circuit` is not a circuit of Qiskit.
        ValueError: an instruction that is not unitary or not known, or a parameter without a number.
        MissingExtra: Qiskit is not installed.
    """
    with needs("peers", "`from_qiskit`"):
        qiskit = importlib.import_module("qiskit")
    require_kind("circuit", circuit, qiskit.QuantumCircuit)
    count = circuit.num_qubits
    chosen = tuple(reversed(range(count))) if wires is None else as_integers("wires", wires)
    fits = sorted(chosen) == list(range(count))
    require(fits, f"`wires` must name each of {count} qubits once, but is {chosen}.")
    return _Reader(qiskit).circuit(circuit, chosen)


class _Reader:
    """Reader that keeps the circuit of each definition, so that a gate used often is read once."""

    def __init__(self, qiskit: Any) -> None:
        self.kinds, self.library = qiskit.circuit, qiskit.circuit.library
        # The definition is kept, too: the number of an object that is gone may belong to another one.
        self.read: dict[int, tuple[Any, Circuit]] = {}

    def circuit(self, foreign: Any, order: Sequence[int]) -> Circuit:
        place = {foreign.qubits[qubit]: wire for wire, qubit in enumerate(order)}
        found: list[Operation] = [Phase(_number(foreign.global_phase))] if foreign.global_phase else []
        for instruction in foreign.data:
            told = f"has {instruction.operation.name} with classical bits"
            require(not instruction.clbits, f"`circuit` must be unitary, but {told}.")
            found += self.operations(instruction.operation, [place[qubit] for qubit in instruction.qubits])
        return Circuit(foreign.num_qubits, tuple(found), foreign.name)

    def operations(self, foreign: Any, wires: list[int]) -> list[Operation]:
        """Return the operations of an instruction on the wires of its qubits."""
        if isinstance(foreign, self.kinds.AnnotatedOperation):
            return self.annotated(foreign, wires)
        if isinstance(foreign, self.kinds.ControlledGate):
            return self.controlled(foreign, wires)
        if foreign.name in IDLE:
            return []
        if isinstance(foreign, self.library.GlobalPhaseGate):
            return [Phase(_number(foreign.params[0]))]
        if isinstance(foreign, self.library.UnitaryGate):
            return [MatrixGate(foreign.to_matrix(), tuple(reversed(wires)))]
        # By the name only in the library: a gate of a user may have any name.
        if foreign.name in STANDARD and foreign.base_class.__module__.startswith("qiskit.circuit.library"):
            return placed(foreign.name, [_number(each) for each in foreign.params], wires)
        definition = getattr(foreign, "definition", None)
        if definition is not None:
            if id(definition) not in self.read:
                reverse = tuple(reversed(range(definition.num_qubits)))
                self.read[id(definition)] = definition, self.circuit(definition, reverse)
            return [Call(self.read[id(definition)][1], tuple(reversed(wires)))]
        if hasattr(foreign, "__array__"):
            return [MatrixGate(foreign.to_matrix(), tuple(reversed(wires)))]
        raise ValueError(f"`circuit` must be unitary gates, but has {foreign.name}, a {type(foreign).__name__}.")

    def controlled(self, foreign: Any, wires: list[int]) -> list[Operation]:
        count = foreign.num_ctrl_qubits
        controls, rest = tuple(wires[:count]), wires[count:]
        values = tuple(foreign.ctrl_state >> place & 1 for place in range(count))
        parts = self.operations(foreign.base_gate, rest)
        if isinstance(foreign, self.library.CUGate):  # the fourth parameter is a phase that the base gate has not
            parts = [Phase(_number(foreign.params[3])), *parts]
        return [part.controlled(controls, values) for part in parts]

    def annotated(self, foreign: Any, wires: list[int]) -> list[Operation]:
        """Return the operations of a gate under modifiers, the first of which is the innermost."""
        counts = [getattr(each, "num_ctrl_qubits", 0) for each in foreign.modifiers]
        controls, rest = wires[: sum(counts)], wires[sum(counts) :]
        parts = self.operations(foreign.base_op, rest)
        for modifier, count in zip(foreign.modifiers, counts, strict=True):
            if isinstance(modifier, self.kinds.ControlModifier):
                own, controls = tuple(controls[len(controls) - count :]), controls[: len(controls) - count]
                values = tuple(modifier.ctrl_state >> place & 1 for place in range(count))
                parts = [part.controlled(own, values) for part in parts]
            elif isinstance(modifier, self.kinds.InverseModifier):
                parts = list(inverted(parts))
            else:
                power = float(modifier.power)
                require(power.is_integer(), f"`circuit` must have integer powers of gates, but has {power}.")
                parts = abs(int(power)) * (parts if power >= 0 else list(inverted(parts)))
        return parts


def _number(parameter: Any) -> float:
    try:
        return float(parameter)
    except TypeError:
        told = f"must have a number for each parameter, but {parameter} has none"
        raise ValueError(f"`circuit` {told}.") from None
