"""Rows of gates that circuits repeat: rotations on every qubit, then entangling gates.

Example:
    >>> RX_CHAIN.angles_shape(4), len(RX_CHAIN.gates(jnp.zeros((1, 4))))
    ((1, 4), 7)
"""

from collections.abc import Callable
from typing import NamedTuple

from jax import Array
from jaxtyping import Float

from qla_jax._checks import as_inexact, require, require_kind
from qla_jax.variational.circuit import ParametrizedCircuit, circuit, repeated
from qla_jax.variational.gates import cx, cz, rx, ry, rz
from qla_jax.variational.unitaries import ParametrizedGate, Turn

Rotation = Callable[[int, Array], Turn]
Entangler = Callable[[int], list[ParametrizedGate]]


class Ansatz(NamedTuple):
    """One depth unit of a circuit: rotations on all qubits, then entangling gates.

    Attributes:
        rotations: rotations applied to every qubit, one after the other: `(ry,)`, `(rz, ry, rz)`.
        entangle: function from a number of qubits to the gates that follow the rotations.
    """

    rotations: tuple[Rotation, ...]
    entangle: Entangler

    def angles_shape(self, num_qubits: int) -> tuple[int, int]:
        """Return the shape (rotation, qubit) of the angles of one depth unit."""
        return len(self.rotations), num_qubits

    def gates(self, angles: Float[Array, "rotation qubit"]) -> list[ParametrizedGate]:
        """Return the gates of one depth unit with these angles."""
        angles = as_inexact("angles", angles)
        require(angles.ndim == 2, f"`angles` must have shape (rotation, qubit), but has {angles.shape}.")
        num_qubits = angles.shape[1]
        turns: list[ParametrizedGate] = [
            rotate(qubit, row[qubit])
            for rotate, row in zip(self.rotations, angles, strict=True)
            for qubit in range(num_qubits)
        ]
        return turns + self.entangle(num_qubits)


def chain(num_qubits: int) -> list[ParametrizedGate]:
    """Return CX gates from each qubit to the next: linear entanglement."""
    return [cx(qubit, qubit + 1) for qubit in range(num_qubits - 1)]


def ring(num_qubits: int) -> list[ParametrizedGate]:
    """Return CX gates from each qubit to the next and from the last to the first."""
    return chain(num_qubits) + ([cx(num_qubits - 1, 0)] if num_qubits > 2 else [])


def cz_chain(num_qubits: int) -> list[ParametrizedGate]:
    """Return CZ gates between neighbors, which commute."""
    return [cz(qubit, qubit + 1) for qubit in range(num_qubits - 1)]


def no_entanglement(num_qubits: int) -> list[ParametrizedGate]:
    """Return no gates, for control experiments without entanglement."""
    return []


RX_CHAIN = Ansatz((rx,), chain)
"""Ansatz of the ResQuNN paper, equations (4) and (5)."""
RY_CHAIN = Ansatz((ry,), chain)
"""Real ansatz of the study that motivated the ResQuNN paper, and of that paper's postprocessing, equation (16)."""
STRONG_RING = Ansatz((rz, ry, rz), ring)
"""Ansatz with any rotation on every qubit and a ring of CX gates."""


def ansatz_circuit(angles: Float[Array, "depth rotation qubit"], ansatz: Ansatz = RY_CHAIN) -> ParametrizedCircuit:
    """Build a circuit that repeats an ansatz over the depth.

    Args:
        angles: angles of all depth units.
        ansatz: row of gates that is repeated.

    Raises:
        ValueError: angles of another rank, or of another number of rotations than the ansatz has.

    Example:
        >>> made = ansatz_circuit(jnp.zeros((2, 1, 3)))
        >>> made.num_qubits, made.num_gates  # two depth units of 3 RY and 2 CX
        (3, 10)
    """
    require_kind("ansatz", ansatz, Ansatz)
    angles = as_inexact("angles", angles)
    require(angles.ndim == 3, f"`angles` must have shape (depth, rotation, qubit), but has {angles.shape}.")
    wanted = len(ansatz.rotations)
    require(angles.shape[1] == wanted, f"`angles` must have {wanted} rotations a row, but has shape {angles.shape}.")
    return circuit(angles.shape[2], repeated(ansatz.gates, angles))
