"""Parametrized circuits as circuits of gates, which are counted, drawn and exported.

Example:
    >>> from qla_jax.circuits import count, draw
    >>> from qla_jax.variational import circuit, cx, hadamard, ry
    >>> bell = gate_circuit(circuit(2, [hadamard(0), cx(0, 1), ry(1, 0.5)]))
    >>> [(gate.name, gate.wires) for gate in bell.elementary()], count(bell).rotations
    ([('h', (0,)), ('x', (0, 1)), ('ry', (1,))], 1)
"""

from collections.abc import Iterator
from functools import singledispatch

import jax
import numpy as np
from jax import Array

from qla_jax._checks import is_concrete, require, require_kind
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.operations import Gate, Operation
from qla_jax.circuits.synthesis import MatrixGate
from qla_jax.variational.circuit import ParametrizedCircuit
from qla_jax.variational.layers import GateLayer
from qla_jax.variational.unitaries import CX, CZ, RX, RY, RZ, ControlledTurn, Hadamard, ParametrizedGate


def gate_circuit(circuit: ParametrizedCircuit, *, name: str = "circuit") -> Circuit:
    """Return a parametrized circuit as a circuit of gates, with the same unitary and the same order of qubits.

    Rotations about X, Y and Z keep their angles, which may be traced. Gates that are given by a matrix, such as blocks
    of two qubits, are synthesized from it where elementary gates are asked for.

    Args:
        circuit: circuit of layers; a layer that repeats becomes as many rows of gates.
        name: name in drawings and exports.

    Raises:
        TypeError: `circuit` is not a parametrized circuit.
        ValueError: a gate by a matrix that is traced.

    Example:
        >>> import qla_jax.circuits as circuits
        >>> from qla_jax.variational import ansatz_circuit
        >>> circuits.count(gate_circuit(ansatz_circuit(jnp.ones((3, 1, 2))))).rotations  # three layers of two qubits
        6
    """
    require_kind("circuit", circuit, ParametrizedCircuit)
    operations = tuple(_operation(gate) for layer in circuit.layers for gate in _rows(layer))
    return Circuit(circuit.num_qubits, operations, name)


def _rows(layer: GateLayer) -> Iterator[ParametrizedGate]:
    for row in range(layer.repeats):
        yield from jax.tree.map(lambda leaf, row=row: leaf[row], layer.gates)


@singledispatch
def _operation(gate: ParametrizedGate) -> Operation:
    """Return a gate as an operation of a circuit, by its matrix unless its class is known."""
    kind = type(gate).__name__
    told = f"`circuit` must have concrete matrices to become gates, but a gate of class {kind} is traced."
    require(is_concrete(*jax.tree.leaves(gate)), told)
    return MatrixGate(np.asarray(gate.matrix()), gate.wires)


def _angle(angle: Array) -> Array | float:
    return float(angle) if is_concrete(angle) else angle


@_operation.register(RX)
@_operation.register(RY)
@_operation.register(RZ)
def _(gate: RX | RY | RZ) -> Operation:
    return Gate(type(gate).__name__.lower(), gate.wires[0], _angle(gate.angle))


@_operation.register
def _(gate: ControlledTurn) -> Operation:
    return _operation(gate.turn).controlled(gate.wires[:1])


@_operation.register
def _(gate: Hadamard) -> Operation:
    return Gate("h", gate.wires[0])


@_operation.register(CX)
@_operation.register(CZ)
def _(gate: CX | CZ) -> Operation:
    control, target = gate.wires
    return Gate("x" if isinstance(gate, CX) else "z", target, controls=(control,))
