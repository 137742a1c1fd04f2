r"""Circuits for other packages: Qiskit, PennyLane and Cirq, with the global phase.

Qiskit numbers its qubits from the least significant one: wire k of n becomes qubit n - 1 - k, so that the matrix of
`qiskit.quantum_info.Operator` is the unitary here. PennyLane's wires and Cirq's qubits have the order here.

No package is a dependency: each is imported by its own function.
"""

import cmath
import importlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

from qla_jax._checks import require_kind
from qla_jax._extras import needs
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import Under
from qla_jax.circuits.operations import Elementary, Gate, Operation, Phase


def to_qiskit(circuit: Circuit) -> Any:
    """Return a circuit as a `qiskit.QuantumCircuit`; circuits that are called become gates, made once.

    Args:
        circuit: the circuit, with concrete angles.

    Returns:
        Circuit whose `Operator` is `to_matrix(circuit)`, global phase included.

    Raises:
        TypeError: `circuit` is not a circuit.
        MissingExtra: Qiskit is not installed.
    """
    require_kind("circuit", circuit, Circuit)
    with needs("peers", "`to_qiskit`"):
        qiskit = importlib.import_module("qiskit")
    return _QiskitBuilder(qiskit).circuit(circuit)


class _QiskitBuilder:
    """Builder that makes the gate of each called circuit once."""

    def __init__(self, qiskit: Any) -> None:
        self.qiskit = qiskit
        self.gates: dict[tuple[int, bool], Any] = {}

    def circuit(self, circuit: Circuit) -> Any:
        found = self.qiskit.QuantumCircuit(circuit.num_wires, name=circuit.name)
        last = circuit.num_wires - 1
        for part, controls, values, targets in _pieces(circuit.operations):
            if isinstance(part, Phase) and not controls:
                found.global_phase += part.number()
                continue
            gate, controls, values, targets = self._gate(part, controls, values, targets)
            if controls:  # Qiskit reads the state of controls from the last one
                gate = gate.control(len(controls), ctrl_state="".join(map(str, reversed(values))))
            # Qiskit's first qubit is the least significant one, within a gate as well.
            found.append(gate, [last - wire for wire in (*controls, *reversed(targets))])
        return found

    def _gate(self, part: Operation, controls: tuple, values: tuple, targets: tuple) -> tuple[Any, tuple, tuple, tuple]:
        library = self.qiskit.circuit.library
        if isinstance(part, Phase):  # the phase of one control is a gate on it, between flips if its value is 0
            if values[-1]:
                return library.PhaseGate(part.number()), controls[:-1], values[:-1], controls[-1:]
            flipped = self.qiskit.QuantumCircuit(1)
            flipped.x(0)
            flipped.p(part.number(), 0)
            flipped.x(0)
            return flipped.to_gate(), controls[:-1], values[:-1], controls[-1:]
        if isinstance(part, Gate):
            named = {"sdg": "Sdg", "tdg": "Tdg", "p": "Phase"}.get(part.name, part.name.upper())
            kind = getattr(library, f"{named}Gate")
            return kind() if part.angle is None else kind(part.number()), controls, values, targets
        assert isinstance(part, Call)
        key = id(part.circuit), part.inverted
        if key not in self.gates:
            made = self.circuit(part.circuit).to_gate()
            self.gates[key] = made.inverse() if part.inverted else made
        return self.gates[key], controls, values, targets


def to_pennylane(circuit: Circuit, wires: Sequence[Any] | None = None) -> list[Any]:
    """Return a circuit as a list of PennyLane operations, first to last.

    Args:
        circuit: the circuit, with concrete angles.
        wires: PennyLane's wires in the order here; 0, 1, ... by default.

    Returns:
        Operations whose product is `to_matrix(circuit)`, global phase included. `qml.apply` applies them one by one,
        and `qml.prod(qml.Identity(wires), *operations[::-1])` makes one operation of them. Without the identity on all
        wires, PennyLane 0.45.1 computes a wrong matrix where factors fall into groups without a common wire.

    Raises:
        TypeError: `circuit` is not a circuit.
        MissingExtra: PennyLane is not installed.
    """
    require_kind("circuit", circuit, Circuit)
    with needs("peers", "`to_pennylane`"):
        qml = importlib.import_module("pennylane")
    named = list(range(circuit.num_wires)) if wires is None else list(wires)
    kinds = {"x": qml.PauliX, "y": qml.PauliY, "z": qml.PauliZ, "h": qml.Hadamard, "s": qml.S, "t": qml.T,
             "rx": qml.RX, "ry": qml.RY, "rz": qml.RZ, "p": qml.PhaseShift}  # fmt: skip
    found = []
    for part in circuit.elementary():
        if isinstance(part, Phase):
            # PennyLane's global phase has the opposite sign: GlobalPhase(t) multiplies by exp(-i t).
            made = qml.GlobalPhase(-part.number(), wires=named[:0])
        else:
            assert isinstance(part, Gate)
            place = [named[part.target]]
            base = kinds[part.name.removesuffix("dg")]
            made = base(wires=place) if part.angle is None else base(part.number(), wires=place)
            made = qml.adjoint(made) if part.name.endswith("dg") else made
        if part.controls:
            made = qml.ctrl(made, [named[wire] for wire in part.controls], control_values=list(part.values))
        found.append(made)
    return found


def to_cirq(circuit: Circuit, qubits: Sequence[Any] | None = None) -> Any:
    """Return a circuit as a `cirq.Circuit` of gates under controls.

    Args:
        circuit: the circuit, with concrete angles.
        qubits: Cirq's qubits in the order here; `cirq.LineQubit.range(n)` by default.

    Returns:
        Circuit whose `unitary(qubit_order=qubits, qubits_that_should_be_present=qubits)` is `to_matrix(circuit)`,
        global phase included. Cirq leaves out qubits without gates, unless they are named.

    Raises:
        TypeError: `circuit` is not a circuit.
        MissingExtra: Cirq is not installed.
    """
    require_kind("circuit", circuit, Circuit)
    with needs("peers", "`to_cirq`"):
        cirq = importlib.import_module("cirq")
    named = cirq.LineQubit.range(circuit.num_wires) if qubits is None else list(qubits)
    fixed = {"x": cirq.X, "y": cirq.Y, "z": cirq.Z, "h": cirq.H, "s": cirq.S, "sdg": cirq.S**-1, "t": cirq.T,
             "tdg": cirq.T**-1}  # fmt: skip
    turning = {"rx": cirq.rx, "ry": cirq.ry, "rz": cirq.rz, "p": lambda angle: cirq.ZPowGate(exponent=angle / math.pi)}
    found = []
    for part in circuit.elementary():
        if isinstance(part, Phase):
            made = cirq.GlobalPhaseGate(cmath.exp(1j * part.number())).on()
        else:
            assert isinstance(part, Gate)
            gate = fixed[part.name] if part.angle is None else turning[part.name](part.number())
            made = gate.on(named[part.target])
        if part.controls:
            made = made.controlled_by(*(named[wire] for wire in part.controls), control_values=part.values)
        found.append(made)
    return cirq.Circuit(found)


def _pieces(operations: Sequence[Operation]) -> Iterator[tuple[Operation, tuple, tuple, tuple]]:
    """Yield elementary operations and calls, each with its controls, their values and its targets."""
    waiting = list(reversed(operations))
    while waiting:
        part = waiting.pop()
        inner = part.part if isinstance(part, Under) else part
        if isinstance(part, Elementary):
            yield part, part.controls, part.values, (part.target,) if isinstance(part, Gate) else ()
        elif isinstance(inner, Call) and inner.circuit.operations:
            under = (part.controls, part.values) if isinstance(part, Under) else ((), ())
            yield inner, *under, inner.on
        else:
            waiting += reversed(part.parts() or ())
