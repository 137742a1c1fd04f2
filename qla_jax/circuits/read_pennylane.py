r"""Operators, tapes and functions of PennyLane as circuits here, with the global phase.

PennyLane's wires have the order here: the first one is the most significant qubit.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from qla_jax._checks import require
from qla_jax._extras import needs
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import inverted
from qla_jax.circuits.operations import Operation, Phase
from qla_jax.circuits.simulation import to_matrix
from qla_jax.circuits.standard import placed
from qla_jax.circuits.synthesis import MatrixGate

NAMES = {
    "PauliX": "x", "PauliY": "y", "PauliZ": "z", "Hadamard": "h", "S": "s", "T": "t", "SX": "sx", "SWAP": "swap",
    "RX": "rx", "RY": "ry", "RZ": "rz", "PhaseShift": "p", "U1": "p", "U2": "u2", "U3": "u",
}  # fmt: skip
"""Names of the gates of `STANDARD` by those of PennyLane."""
IDLE = ("Identity", "Barrier", "Snapshot", "WireCut")
"""Operators that leave every state as it is."""
COMPARED_WIRES = 6
"""Largest number of wires for which a decomposition is compared with the matrix of its operator."""
LOST = 1e-9
"""Distance from the matrix beyond which a decomposition is not used."""


def from_pennylane(circuit: Any, *, wires: Sequence[Any] | None = None) -> Circuit:
    """Return a circuit of PennyLane as a circuit of gates.

    Gates become the same gates, a `QubitUnitary` keeps its matrix, and other operators are read by their decomposition.
    A decomposition that differs from the operator's own matrix, such as one without its global phase, is not used for
    up to 6 wires; the matrix is taken.

    Args:
        circuit: operator, list of operators, tape, `QNode` or function of operators, without arguments. Measurements at
            its end are left out.
        wires: labels of PennyLane's wires in the order here; by default the order in which the circuit uses them.

    Returns:
        Circuit whose `to_matrix` is `qml.matrix(circuit, wire_order=wires)`, global phase included.

    Raises:
        ValueError: an operator that is not unitary or not known, or wires that are not named.
        MissingExtra: PennyLane is not installed.
    """
    with needs("peers", "`from_pennylane`"):
        qml = importlib.import_module("pennylane")
    operators = _operators(qml, circuit)
    used = list(qml.wires.Wires.all_wires([each.wires for each in operators]))
    named = used if wires is None else list(wires)
    missing = [wire for wire in used if wire not in named]
    require(not missing, f"`wires` must name every wire of the circuit, but not {missing}.")
    require(len(set(named)) == len(named), f"`wires` must be different, but are {named}.")
    place = {wire: number for number, wire in enumerate(named)}
    reader = _Reader(qml, place)
    return Circuit(len(named), tuple(part for each in operators for part in reader.operations(each)))


def _operators(qml: Any, circuit: Any) -> list[Any]:
    if isinstance(circuit, qml.operation.Operator):
        return [circuit]
    if isinstance(circuit, qml.QNode):
        circuit = qml.workflow.construct_tape(circuit)()
    elif callable(circuit):
        circuit = qml.tape.make_qscript(circuit)()
    found = list(getattr(circuit, "operations", circuit))
    odd = [each for each in found if not isinstance(each, qml.operation.Operator)]
    require(not odd, f"`circuit` must be unitary operators, but has {', '.join(type(each).__name__ for each in odd)}.")
    return found


class _Reader:
    """Reader of operators on wires that have places."""

    def __init__(self, qml: Any, place: dict[Any, int]) -> None:
        self.qml, self.place = qml, place

    def operations(self, foreign: Any) -> list[Operation]:
        """Return the operations of an operator."""
        ways: dict[Any, Callable] = {
            self.qml.ops.op_math.Controlled: self.controlled,
            self.qml.ops.op_math.Adjoint: lambda each: list(inverted(self.operations(each.base))),
            self.qml.ops.op_math.Pow: self.power,
            self.qml.GlobalPhase: lambda each: [Phase(-_number(each.parameters[0]))],  # of the opposite sign
            self.qml.QubitUnitary: self.matrix,
            self.qml.DiagonalQubitUnitary: self.matrix,
        }
        for kind, way in ways.items():
            if isinstance(foreign, kind):
                return way(foreign)
        if foreign.name in IDLE:
            return []
        if foreign.name in NAMES:
            return placed(NAMES[foreign.name], [_number(each) for each in foreign.parameters], self.wires(foreign))
        told = f"has {foreign.name}, which is none"
        require(foreign.has_decomposition or foreign.has_matrix, f"`circuit` must be unitary operators, but {told}.")
        return self.decomposed(foreign) if foreign.has_decomposition else self.matrix(foreign)

    def wires(self, foreign: Any) -> tuple[int, ...]:
        return tuple(self.place[wire] for wire in foreign.wires)

    def controlled(self, foreign: Any) -> list[Operation]:
        controls = tuple(self.place[wire] for wire in foreign.control_wires)
        values = tuple(int(value) for value in foreign.control_values)
        return [part.controlled(controls, values) for part in self.operations(foreign.base)]

    def power(self, foreign: Any) -> list[Operation]:
        if not float(foreign.z).is_integer():
            return self.matrix(foreign)
        parts = self.operations(foreign.base)
        return abs(int(foreign.z)) * (parts if foreign.z >= 0 else list(inverted(parts)))

    def matrix(self, foreign: Any) -> list[Operation]:
        return [MatrixGate(np.asarray(foreign.matrix()), self.wires(foreign))]

    def decomposed(self, foreign: Any) -> list[Operation]:
        parts = [part for each in foreign.decomposition() for part in self.operations(each)]
        wires = self.wires(foreign)
        known = not any(isinstance(each, jax.core.Tracer) for each in foreign.parameters)
        inside = all(wire in wires for part in parts for wire in part.wires)
        if known and inside and foreign.has_matrix and len(wires) <= COMPARED_WIRES:
            numbers: Any = {wire: number for number, wire in enumerate(wires)}
            own = Circuit(len(wires), tuple(part.moved(numbers) for part in parts))
            if np.abs(to_matrix(own) - np.asarray(foreign.matrix())).max() > LOST:
                return self.matrix(foreign)
        return parts


def _number(parameter: Any) -> Any:
    """Return a number, or an array of JAX as it is, which may be traced."""
    return parameter if isinstance(parameter, jax.Array) else float(parameter)
