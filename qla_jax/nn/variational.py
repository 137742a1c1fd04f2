"""Variational classifiers as Flax NNX modules: linear entanglement, and the quantum convolutional network.

Example:
    >>> QuantumClassifier(4, 2, depth=3, rngs=nnx.Rngs(0))(jnp.ones((5, 4))).shape
    (5, 2)
"""

import math

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

from qla_jax._checks import as_integer, as_real, require, require_kind
from qla_jax.nn._shapes import as_rows, as_sizes
from qla_jax.variational.ansatz import RY_CHAIN, Ansatz
from qla_jax.variational.classifier import classify
from qla_jax.variational.qcnn import qcnn, qcnn_angles_shape, qcnn_kept


class QuantumClassifier(nnx.Module):
    """Angle encoding, an ansatz over depth, a measured qubit for each class, softmax.

    Args:
        num_qubits: at least the entries of an input, and the classes.
        num_classes: measured qubits.
        depth: of the ansatz.
        ansatz: linear entanglement of RY unless given.
        spread: standard deviation of the first angles; uniform in [0, 2 pi) unless given.
        rngs: of the angles.
        dtype: of the angles.

    Raises:
        TypeError: `ansatz` is none.
        ValueError: sizes that are no integers of at least 1, or more classes than qubits.
    """

    def __init__(
        self,
        num_qubits: int,
        num_classes: int,
        *,
        depth: int = 1,
        ansatz: Ansatz = RY_CHAIN,
        spread: float | None = None,
        rngs: nnx.Rngs,
        dtype: jnp.dtype = jnp.float32,
    ):
        num_qubits, num_classes, depth = as_sizes(num_qubits=num_qubits, num_classes=num_classes, depth=depth)
        fits = num_classes <= num_qubits
        require(fits, f"`num_classes` must be at most {num_qubits}, the qubits, but is {num_classes}.")
        require_kind("ansatz", ansatz, Ansatz)
        spread = None if spread is None else as_real("spread", spread)
        shape = (depth, *ansatz.angles_shape(num_qubits))
        self.angles = nnx.Param(_drawn(rngs, shape, spread, dtype))
        self.ansatz = ansatz
        self.num_classes = num_classes

    def __call__(self, inputs: Float[Array, "batch ..."]) -> Float[Array, "batch num_classes"]:
        """Class probabilities.

        Raises:
            ValueError: no batch, or inputs with more entries than qubits.
        """

        def one(x: Array) -> Array:
            return classify(x, self.angles[...], num_classes=self.num_classes, ansatz=self.ansatz)

        return jax.nn.softmax(jax.vmap(one)(as_rows("inputs", inputs, most=self.angles.shape[2])))


class QuantumConvNet(nnx.Module):
    """A quantum convolutional network; a class for each kept qubit, softmax.

    Args:
        num_qubits: entries of an input.
        stages: of convolution and pooling, each halving the qubits.
        rngs: of the angles, uniform in [0, 2 pi).
        dtype: of the angles.

    Raises:
        ValueError: a stage with one qubit left.
    """

    def __init__(self, num_qubits: int, stages: int, *, rngs: nnx.Rngs, dtype: jnp.dtype = jnp.float32):
        self.num_qubits = as_integer("num_qubits", num_qubits, least=1)
        self.num_classes = len(qcnn_kept(self.num_qubits, stages))
        self.angles = nnx.Param(_drawn(rngs, qcnn_angles_shape(stages), None, dtype))

    def __call__(self, inputs: Float[Array, "batch ..."]) -> Float[Array, "batch num_classes"]:
        """Class probabilities.

        Raises:
            ValueError: no batch, or inputs with another number of entries than qubits.
        """
        rows = as_rows("inputs", inputs, size=self.num_qubits)
        return jax.nn.softmax(jax.vmap(lambda x: qcnn(x, self.angles[...]))(rows))


def _drawn(rngs: nnx.Rngs, shape: tuple[int, ...], spread: float | None, dtype: jnp.dtype) -> Array:
    if spread is None:
        return jax.random.uniform(rngs.params(), shape, dtype, 0, 2 * math.pi)
    return spread * jax.random.normal(rngs.params(), shape, dtype)
