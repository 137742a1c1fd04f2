r"""Circuits of gates as encodings: the way back from `to_circuit`, and the way in from other packages.

A circuit on $a + n$ wires, the first $a$ of them ancillas, block-encodes $\alpha\langle 0|U|0\rangle$. The user states
how far that is from an ideal matrix. Neighboring gates without traced angles are simulated as one matrix on few wires.

A circuit of Qiskit, OpenQASM 3 or PennyLane first becomes a `Circuit` (`qla.circuits.from_qiskit` and the like), and a
`Circuit` becomes an encoding. `from_qiskit`, `from_openqasm3` and `from_pennylane` do both.

Example:
    >>> from qla_jax.circuits import Circuit, Gate
    >>> halves = Circuit(2, (Gate("ry", 0, 2 * np.pi / 3), Gate("x", 1)))
    >>> enc = from_circuit(halves, num_ancillas=1, alpha=4.0, eps=0.0)
    >>> block(enc).real.round(6).tolist()
    [[0.0, 2.0], [2.0, 0.0]]
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike

from qla_jax import circuits
from qla_jax._bounds import as_bound, as_subnormalization
from qla_jax._checks import as_inexact, as_integer, as_integers, is_concrete, measured, require, require_kind
from qla_jax._modes import common_dtype, default_promotion
from qla_jax.accounting.gates import Gates
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.counting import count
from qla_jax.circuits.operations import Operation
from qla_jax.circuits.parameters import Structure, without_angles
from qla_jax.circuits.simulation import simulate
from qla_jax.encodings.base import registers
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import Encoding, State
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.linalg.memory import require_fit

LEAK = 1e-6
"""Largest amplitude of padding that counts as zero."""


class _OfCircuit(Encoding, kw_only=True):
    """Encoding by a circuit of gates, with those angles as leaves that are arrays of JAX."""

    structure: Structure = struct.field(pytree_node=False)
    angles: tuple[Array, ...]

    def apply(self, state: State) -> State:
        return _simulated(self.structure.fused_with_angles(self.angles), state)

    def apply_adjoint(self, state: State) -> State:
        return _simulated(self.structure.fused_with_angles(self.angles).inverse(), state)

    @property
    def circuit(self) -> Circuit:
        """Circuit of gates."""
        return self.structure.with_angles(self.angles)

    def gates(self) -> Gates:
        """Return the gates of the circuit, where an angle that is an array of JAX counts as a rotation by any angle."""
        circuit = self.structure.circuit
        return replace(count(circuit), under=count(circuit.controlled()))

    def operations(self, parts: Sequence[Circuit]) -> tuple[Operation, ...]:
        return self.circuit.operations


class CircuitBlock(_OfCircuit, BlockEncoding, kw_only=True):
    """Block encoding by a given circuit of gates."""


class CircuitVector(_OfCircuit, VectorEncoding, kw_only=True):
    """Vector encoding by a given circuit of gates."""


def _simulated(circuit: Circuit, state: State) -> State:
    return simulate(circuit, state.reshape(-1)).reshape(state.shape)


@default_promotion
def from_circuit(circuit: Circuit, *, num_ancillas: int, alpha: ArrayLike, eps: ArrayLike) -> CircuitBlock:
    r"""Return the block encoding given by a circuit of gates: $\|A - \alpha\langle 0|U|0\rangle\| \le \epsilon$.

    The encoded matrix is $\alpha\langle 0|U|0\rangle$, and the caller states how far it may be from the ideal A. Angles
    that are arrays of JAX may be traced, batched and differentiated. `enc[:rows, :columns]` encodes a smaller matrix.

    Args:
        circuit: circuit whose first wires are the ancillas.
        num_ancillas: number a of ancilla qubits.
        alpha: subnormalization.
        eps: error of the encoded matrix, absolute in units of A. It is trusted, as A itself is not known here.

    Raises:
        TypeError: `circuit` is not a circuit.
        ValueError: more ancillas than wires, a negative bound, or an alpha that is not finite.

    Example:
        >>> from qla_jax.circuits import Circuit, Gate
        >>> def entry(angle):
        ...     turned = Circuit(2, (Gate("ry", 0, angle), Gate("z", 1)))
        ...     return block(from_circuit(turned, num_ancillas=1, alpha=2.0, eps=0.0))[1, 1].real
        >>> float(entry(0.0)), round(float(jax.grad(entry)(jnp.pi / 3)), 6)
        (-2.0, 0.5)

    References:
        Gilyen, Su, Low, Wiebe (2018), Definition 43. https://arxiv.org/abs/1806.01838
    """
    known = _known(circuit, num_ancillas, alpha, eps)
    size = 1 << known["num_qubits"]
    return CircuitBlock(**known, norm_bound=known["alpha"] + known["eps"], domain=(size,), codomain=(size,))


@default_promotion
def vector_from_circuit(
    circuit: Circuit, *, num_ancillas: int, alpha: ArrayLike, eps: ArrayLike, sizes: tuple[int, ...] | None = None
) -> CircuitVector:
    r"""Return the vector encoding given by a circuit of gates, with a stated error.

    The encoded vector is $\alpha\langle 0|U|0\rangle|0\rangle$. The caller states by `eps` how far it may be from the
    ideal x.

    Args:
        circuit: circuit whose first wires are the ancillas.
        num_ancillas: number a of ancilla qubits.
        alpha: subnormalization.
        eps: error of the encoded vector, absolute in units of x. It is trusted, as x itself is not known here.
        sizes: sizes of the registers of x, `(2^n,)` by default. Padding in them must have amplitude zero.

    Raises:
        TypeError: `circuit` is not a circuit.
        ValueError: more ancillas than wires, padding that is not zero, a negative bound, an alpha that is not finite,
            or a state that does not fit in memory.

    Example:
        >>> from qla_jax.circuits import Circuit, Gate
        >>> bell = Circuit(2, (Gate("h", 0), Gate("x", 1, controls=(0,))))
        >>> vector_from_circuit(bell, num_ancillas=0, alpha=2.0, eps=0.0).encoded.real.round(3).tolist()
        [1.414, 0.0, 0.0, 1.414]

    References:
        Rattew et al. (2025), Definition 3. https://arxiv.org/abs/2510.07195
    """
    known = _known(circuit, num_ancillas, alpha, eps)
    qubits = known["num_qubits"]
    sizes = (1 << qubits,) if sizes is None else as_integers("sizes", sizes, least=1)
    require(registers.num_qubits(sizes) <= qubits, f"`sizes` must fit in {qubits} qubits, but is {sizes}.")
    circuit = known["structure"].fused_with_angles(known["angles"])
    column = _first_column(circuit, known["angles"], known["alpha"], qubits)
    encoded = registers.extract(column, sizes)
    if is_concrete(column):
        leak = measured(lambda xp, a, b: xp.abs(a - b).max(), column, registers.embed(encoded, sizes, qubits))
        require(leak < LEAK, f"`sizes` must leave padding at amplitude zero, but {sizes} leaves {leak:.3g} outside.")
    return CircuitVector(**known, encoded=known["alpha"] * encoded, sizes=sizes)


def _known(circuit: Circuit, num_ancillas: int, alpha: ArrayLike, eps: ArrayLike) -> dict[str, Any]:
    """Return the checked fields that both kinds of encodings have."""
    require_kind("circuit", circuit, Circuit)
    num_ancillas = as_integer("num_ancillas", num_ancillas, least=0, most=circuit.num_wires)
    dtype = as_inexact("alpha", alpha).dtype
    alpha, unknown = as_subnormalization("alpha", alpha, dtype)
    structure, angles = without_angles(circuit)
    return {
        "alpha": alpha,
        "eps": as_bound("eps", eps, dtype) + unknown,
        "num_ancillas": num_ancillas,
        "num_qubits": circuit.num_wires - num_ancillas,
        "structure": structure,
        "angles": angles,
    }


def _first_column(circuit: Circuit, angles: tuple[Array, ...], alpha: Array, qubits: int) -> Array:
    """Return the flagged branch of a circuit that runs on |0>."""
    dtype = common_dtype(alpha.dtype, jnp.complex64)
    require_fit(circuit.num_wires - qubits, qubits, dtype)
    start = np.zeros(1 << circuit.num_wires, dtype)
    start[0] = 1
    # NumPy needs no compilation, where nothing is an array of JAX.
    return jnp.asarray(simulate(circuit, jnp.asarray(start) if angles else start)[: 1 << qubits])


def from_qiskit(
    circuit: Any, *, num_ancillas: int, alpha: ArrayLike, eps: ArrayLike, wires: Sequence[int] | None = None
) -> CircuitBlock:
    """Return the block encoding given by a `qiskit.QuantumCircuit`.

    The last qubits of Qiskit's circuit are the ancillas, since Qiskit counts from the least significant qubit; `wires`
    chooses others. `vector_from_circuit(qla.circuits.from_qiskit(circuit), ...)` is the vector encoding.

    Args:
        circuit: circuit of Qiskit without measurements, whose parameters all have numbers.
        num_ancillas: number of ancilla qubits.
        alpha: subnormalization.
        eps: error of the encoded matrix, absolute in units of A, which is trusted.
        wires: Qiskit's qubit for each wire, ancillas first; by default the last qubit comes first.

    Raises:
        TypeError: `circuit` is not a circuit of Qiskit.
        ValueError: an instruction that is not unitary or not known, or the conditions of `from_circuit`.
        MissingExtra: Qiskit is not installed.

    References:
        Gilyen, Su, Low, Wiebe (2018), Definition 43. https://arxiv.org/abs/1806.01838
    """
    found = circuits.from_qiskit(circuit, wires=wires)
    return from_circuit(found, num_ancillas=num_ancillas, alpha=alpha, eps=eps)


def from_openqasm3(text: str, *, num_ancillas: int, alpha: ArrayLike, eps: ArrayLike) -> CircuitBlock:
    """Return the block encoding given by an OpenQASM 3 text.

    The first qubits of the text are the ancillas. `vector_from_circuit(qla.circuits.from_openqasm3(text), ...)` is the
    vector encoding.

    Args:
        text: OpenQASM 3 without measurements and classical control.
        num_ancillas: number of ancilla qubits.
        alpha: subnormalization.
        eps: error of the encoded matrix, absolute in units of A, which is trusted.

    Raises:
        TypeError: `text` is not a string.
        ValueError: a statement that is no unitary gate, which is named with its line, or the conditions of
            `from_circuit`.

    Example:
        >>> enc = from_openqasm3("qubit[2] q; h q[0]; ctrl @ z q[0], q[1]; h q[0];", num_ancillas=1, alpha=1.0, eps=0.0)
        >>> block(enc).real.round(6).tolist()
        [[1.0, 0.0], [0.0, 0.0]]

    References:
        Cross et al. (2022), OpenQASM 3. https://arxiv.org/abs/2104.14722
    """
    return from_circuit(circuits.from_openqasm3(text), num_ancillas=num_ancillas, alpha=alpha, eps=eps)


def from_pennylane(
    circuit: Any, *, num_ancillas: int, alpha: ArrayLike, eps: ArrayLike, wires: Sequence[Any] | None = None
) -> CircuitBlock:
    """Return the block encoding given by an operator, a tape or a function of PennyLane.

    The first wires are the ancillas. `vector_from_circuit(qla.circuits.from_pennylane(circuit), ...)` is the vector
    encoding. Parameters that are arrays of JAX may be traced and differentiated.

    Args:
        circuit: operator, list of operators, tape, `QNode` or function of operators, without arguments.
        num_ancillas: number of ancilla qubits.
        alpha: subnormalization.
        eps: error of the encoded matrix, absolute in units of A, which is trusted.
        wires: labels of PennyLane's wires, ancillas first; by default in the order in which the circuit uses them.

    Raises:
        ValueError: an operator that is not unitary or not known, or the conditions of `from_circuit`.
        MissingExtra: PennyLane is not installed.

    References:
        Gilyen, Su, Low, Wiebe (2018), Definition 43. https://arxiv.org/abs/1806.01838
    """
    found = circuits.from_pennylane(circuit, wires=wires)
    return from_circuit(found, num_ancillas=num_ancillas, alpha=alpha, eps=eps)
