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

from qla_jax._checks import as_inexact, as_integer, is_concrete, require
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
    n, x = made.num_qubits, as_inexact("x", x)
    require(x.ndim == 1, f"`x` must have one axis, but has shape {x.shape}.")
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
    """-log softmax(scores)[label]; `inf` for a label out of range where it cannot be seen. Batches take `jax.vmap`.

    Raises:
        ValueError: scores of another rank, a label that is no integer without axes, or one out of range, where it can
            be seen.
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
        num_classes: how many classes there are.
        shape: shape that the labels must have; any unless given.
        name: the argument's name, for the error.

    Raises:
        ValueError: labels that are no integers, of another shape or, where they can be seen, out of range.
    """
    found = np.asarray(labels) if is_concrete(*jax.tree.leaves(labels)) else jnp.asarray(labels)
    require(jnp.issubdtype(found.dtype, jnp.integer), f"`{name}` must be integers, but are {found.dtype}.")
    require(shape in (None, found.shape), f"`{name}` must have shape {shape}, but has {found.shape}.")
    if isinstance(found, np.ndarray) and found.size:
        worst = int(found.min() if found.min() < 0 else found.max())
        require(0 <= worst < num_classes, f"`{name}` must lie between 0 and {num_classes - 1}, but one is {worst}.")
    # Narrow ones could not be compared with the number of classes.
    return jnp.asarray(found, jnp.int32 if found.dtype.itemsize < 4 else None)


def _measured(num_classes: int, num_qubits: int) -> range:
    num_classes = as_integer("num_classes", num_classes)
    require(
        1 <= num_classes <= num_qubits,
        f"`num_classes` must lie between 1 and {num_qubits}, the qubits, but is {num_classes}.",
    )
    return range(num_classes)
