"""Classifiers whose class scores are expectation values, and the cross-entropy of scores.

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

from qla_jax._checks import as_inexact, as_integer, is_concrete, require
from qla_jax.variational.ansatz import RY_CHAIN, Ansatz, ansatz_circuit
from qla_jax.variational.circuit import run
from qla_jax.variational.observables import z_expectations
from qla_jax.variational.states import amplitude_state, angle_state

READOUT_QUBITS = 10
"""Qubits of the quantum readout: 10 qubits hold 28 x 28 features as amplitudes."""
READOUT_CLASSES = 4


def classify(
    x: Float[Array, " n"],
    angles: Float[Array, "depth rotation qubit"],
    *,
    num_classes: int,
    ansatz: Ansatz = RY_CHAIN,
) -> Float[Array, " num_classes"]:
    """Return the class scores of one input: RY(x_i) on qubit i, the ansatz over depth, and <Z> of the first qubits.

    Args:
        x: input in radians, at most as many entries as qubits.
        angles: angles of the ansatz.
        num_classes: number of classes, and of qubits that are measured.
        ansatz: row of gates that is repeated, by default RY and linear entanglement.

    Returns:
        Expectation values in [-1, 1], one for each class.

    Raises:
        ValueError: more entries or classes than qubits, or what `ansatz_circuit` raises.

    Example:
        >>> classify(jnp.array([0.0, jnp.pi, 0.0]), jnp.zeros((1, 1, 3)), num_classes=2).round(3).tolist()
        [1.0, -1.0]
    """
    made = ansatz_circuit(angles, ansatz)
    n, x = made.num_qubits, as_inexact("x", x)
    require(x.ndim == 1, f"`x` must have one axis, but has shape {x.shape}.")
    require(len(x) <= n, f"`x` must have at most {n} entries, one for each qubit, but has {len(x)}.")
    state = angle_state(jnp.pad(x, (0, n - len(x))))
    return z_expectations(run(made, state), _measured(num_classes, n))


def quantum_readout(
    features: Array, angles: Float[Array, "depth rotation qubit"], *, num_classes: int = READOUT_CLASSES
) -> Float[Array, " num_classes"]:
    """Return the class scores of one set of features, loaded as amplitudes, by RY on every qubit and a chain of CX.

    The paper has one depth unit on ten qubits for all sizes of features and does not say which four qubits are
    measured; here these are the last ones. Features that fill fewer amplitudes leave the first qubits in |0>: features
    of 7 x 7 leave four of ten. The chain of CX runs away from these qubits, so a measurement of them would not depend
    on the image. Features that are all zero have no state. Inside jit their scores are zero, and
    `amplitude_state(...).encodable` is False.

    Args:
        features: features of any shape.
        angles: angles of the circuit.
        num_classes: number of classes, and of qubits that are measured.

    Returns:
        Expectation values in [-1, 1], one for each class.

    Raises:
        ValueError: more features than amplitudes, zero features where that can be seen, or more classes than qubits.

    Example:
        >>> quantum_readout(jnp.ones((7, 7)), jnp.zeros((1, 1, 10))).round(3).tolist()
        [0.02, 0.02, 0.02, 0.02]
    """
    made = ansatz_circuit(angles, RY_CHAIN)
    state = amplitude_state(features, made.num_qubits).state
    n = made.num_qubits
    return z_expectations(run(made, state), range(n - len(_measured(num_classes, n)), n))


def cross_entropy(scores: Float[Array, " num_classes"], label: ArrayLike) -> Float[Array, ""]:
    """Return -log softmax(scores)[label], the cross-entropy of one input; use `jax.vmap` for batches.

    Where a label is traced, one out of range gives `inf`.

    Args:
        scores: scores of all classes.
        label: true class, an integer counted from 0.

    Raises:
        ValueError: scores of another rank, a label that is no integer without axes, or one out of range, where it can
            be seen.

    Example:
        >>> round(float(cross_entropy(jnp.array([0.0, 0.0]), 1)), 4)  # log 2
        0.6931
    """
    scores = as_inexact("scores", scores)
    require(scores.ndim == 1, f"`scores` must have one axis, of classes, but has shape {scores.shape}.")
    require(jnp.isrealobj(scores), f"`scores` must be real, but is {scores.dtype}.")
    label = require_labels(label, len(scores), shape=(), name="label")
    there = (label >= 0) & (label < len(scores))
    chosen = jnp.sum(jnp.where(jnp.arange(len(scores)) == label, jax.nn.log_softmax(scores), 0))
    return jnp.where(there, -chosen, jnp.inf)


def require_labels(
    labels: ArrayLike, num_classes: int, *, shape: tuple[int, ...] | None = None, name: str = "labels"
) -> Array:
    """Return labels as an array of integers.

    Args:
        labels: classes, counted from 0.
        num_classes: number of classes.
        shape: shape that the labels must have; by default any.
        name: name of the argument, for the error.

    Raises:
        ValueError: labels that are no integers, of another shape or, where they can be seen, out of range.
    """
    found = np.asarray(labels) if is_concrete(*jax.tree.leaves(labels)) else jnp.asarray(labels)
    require(jnp.issubdtype(found.dtype, jnp.integer), f"`{name}` must be integers, but are {found.dtype}.")
    require(shape in (None, found.shape), f"`{name}` must have shape {shape}, but has {found.shape}.")
    if isinstance(found, np.ndarray) and found.size:
        worst = int(found.min() if found.min() < 0 else found.max())
        require(0 <= worst < num_classes, f"`{name}` must lie between 0 and {num_classes - 1}, but one is {worst}.")
    # Integers of 8 or 16 bits could overflow in comparisons with the number of classes.
    return jnp.asarray(found, jnp.int32 if found.dtype.itemsize < 4 else None)


def _measured(num_classes: int, num_qubits: int) -> range:
    num_classes = as_integer("num_classes", num_classes)
    require(
        1 <= num_classes <= num_qubits,
        f"`num_classes` must lie between 1 and {num_qubits}, the qubits, but is {num_classes}.",
    )
    return range(num_classes)
