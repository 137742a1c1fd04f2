r"""Classifiers whose class scores are expectation values, and the loss on scores.

Example:
    >>> angles = jnp.zeros((1, 1, 3))
    >>> classify(jnp.array([0.0, jnp.pi, 0.0]), angles, num_classes=2).round(3)
    Array([ 1., -1.], dtype=...)

References:
    Kwak, Yun, Jung, Kim (2021), Quantum deep learning, figure 1: encoding, linear entanglement, expectation values.
    Kashif, Shafique (2024), equations (15) and (16): features as amplitudes. https://arxiv.org/abs/2402.09146
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from qla_jax._checks import is_concrete, require
from qla_jax.variational.ansatz import RY_CHAIN, Ansatz, ansatz_circuit
from qla_jax.variational.circuit import run
from qla_jax.variational.observables import z_expectations
from qla_jax.variational.states import amplitude_state, angle_state

READOUT_QUBITS = 10
"""Hold 28 x 28 features."""
READOUT_CLASSES = 4


def classify(
    x: Float[Array, " n"],
    angles: Float[Array, "depth rotation qubit"],
    *,
    num_classes: int,
    ansatz: Ansatz = RY_CHAIN,
) -> Float[Array, " num_classes"]:
    """Scores of one input: RY(x_i) on qubit i, the ansatz over depth, <Z> of the first qubits.

    Args:
        x: at most as many entries as qubits, in radians.
        angles: of the ansatz.
        num_classes: qubits that are measured.
        ansatz: linear entanglement unless given.

    Raises:
        ValueError: more entries or classes than qubits, or what `ansatz_circuit` raises.
    """
    made = ansatz_circuit(angles, ansatz)
    n = made.num_qubits
    require(len(x) <= n, f"`x` must have at most {n} entries, one for each qubit, but has {len(x)}.")
    state = angle_state(jnp.pad(x, (0, n - len(x))))
    return z_expectations(run(made, state), _measured(num_classes, n))


def quantum_readout(
    features: Array, angles: Float[Array, "depth rotation qubit"], *, num_classes: int = READOUT_CLASSES
) -> Float[Array, " num_classes"]:
    """Scores of one set of features, of any shape, loaded as amplitudes: RY on every qubit and a chain of CX.

    The paper has one depth unit on ten qubits for all sizes of features and does not say which four are measured: the
    last ones here. Features that fill fewer amplitudes leave the first qubits in |0>, 7 x 7 of them four of ten, and
    the chain of CX runs away from these: measured, they would know nothing of the image. Features that are all zero
    have no state; inside jit their scores are zero, `amplitude_state(...).encodable` tells.

    Raises:
        ValueError: more features than amplitudes, zero features where that can be seen, or more classes than qubits.
    """
    made = ansatz_circuit(angles, RY_CHAIN)
    state = amplitude_state(features, made.num_qubits).state
    n = made.num_qubits
    return z_expectations(run(made, state), range(n - len(_measured(num_classes, n)), n))


def cross_entropy(scores: Float[Array, " num_classes"], label: ArrayLike) -> Float[Array, ""]:
    """-log softmax(scores)[label]; `inf` for a label out of range where it cannot be seen.

    Raises:
        ValueError: a label out of range, where it can be seen.
    """
    label = require_labels(label, len(scores))
    there = (label >= 0) & (label < len(scores))
    chosen = jax.nn.log_softmax(scores)[jnp.clip(label, 0, len(scores) - 1)]
    return jnp.where(there, -chosen, jnp.inf)


def require_labels(labels: ArrayLike, num_classes: int) -> Array:
    """Labels as an array of integers.

    Raises:
        ValueError: labels that are no integers or, where they can be seen, out of range.
    """
    found = jnp.asarray(labels)
    require(jnp.issubdtype(found.dtype, jnp.integer), f"`labels` must be integers, but are {found.dtype}.")
    if is_concrete(found) and found.size:
        seen = np.asarray(found)
        worst = int(seen.min() if seen.min() < 0 else seen.max())
        require(0 <= worst < num_classes, f"`labels` must lie between 0 and {num_classes - 1}, but one is {worst}.")
    return found


def _measured(num_classes: int, num_qubits: int) -> range:
    require(
        1 <= num_classes <= num_qubits,
        f"`num_classes` must lie between 1 and {num_qubits}, the qubits, but is {num_classes}.",
    )
    return range(num_classes)
