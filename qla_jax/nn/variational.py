"""Variational classifiers as Flax NNX modules: a circuit with an ansatz, and the quantum convolutional network.

References:
    Kwak, Yun, Jung, Kim (2021), Quantum deep learning, section II.B.1 and figure 1.
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
    """Variational classifier: angle encoding of the input, repeated units of an ansatz, one measured qubit per class.

    Entry i of an input is the angle in radians of an RY rotation of qubit i. Class probabilities are the softmax of the
    expectation values of Z of the first qubits.

    Args:
        num_qubits: number of qubits, at least the number of entries of an input and of classes.
        num_classes: number of classes, which is the number of measured qubits.
        depth: number of units of the ansatz.
        ansatz: ansatz of one unit; RY rotations with linear entanglement unless given.
        spread: standard deviation of normally distributed initial angles; uniform in [0, 2 pi) unless given.
        rngs: random streams of the angles.
        dtype: precision of the angles.

    Raises:
        TypeError: an `ansatz` of another kind.
        ValueError: a size that is not an integer of at least 1, or more classes than qubits.

    Example:
        >>> net = QuantumClassifier(4, 2, depth=3, rngs=nnx.Rngs(0))
        >>> net(jnp.ones((5, 4))).shape
        (5, 2)

    References:
        Kwak, Yun, Jung, Kim (2021), Quantum deep learning, figure 1.
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
        """Return the class probabilities of each input, shape (batch, num_classes). Inputs are flattened.

        Raises:
            ValueError: inputs without a batch axis, or with more entries than qubits.
        """

        def one(x: Array) -> Array:
            return classify(x, self.angles[...], num_classes=self.num_classes, ansatz=self.ansatz)

        return jax.nn.softmax(jax.vmap(one)(as_rows("inputs", inputs, most=self.angles.shape[2])))


class QuantumConvNet(nnx.Module):
    """Quantum convolutional network: stages of convolution and pooling on angle-encoded inputs, then softmax.

    Each stage halves the number of qubits. Each qubit that is left after the last stage stands for one class.

    Args:
        num_qubits: number of qubits, which is the number of entries of an input.
        stages: number of stages.
        rngs: random streams of the angles, uniform in [0, 2 pi).
        dtype: precision of the angles.

    Raises:
        ValueError: more stages than the qubits can be halved.

    Example:
        >>> net = QuantumConvNet(4, stages=1, rngs=nnx.Rngs(0))
        >>> net(jnp.ones((5, 4))).shape
        (5, 2)

    References:
        Cong, Choi, Lukin (2019), Quantum convolutional neural networks. https://arxiv.org/abs/1810.03787
        Hur, Kim, Park (2022), the pooling gate. https://arxiv.org/abs/2108.00661
    """

    def __init__(self, num_qubits: int, stages: int, *, rngs: nnx.Rngs, dtype: jnp.dtype = jnp.float32):
        self.num_qubits = as_integer("num_qubits", num_qubits, least=1)
        self.num_classes = len(qcnn_kept(self.num_qubits, stages))
        self.angles = nnx.Param(_drawn(rngs, qcnn_angles_shape(stages), None, dtype))

    def __call__(self, inputs: Float[Array, "batch ..."]) -> Float[Array, "batch num_classes"]:
        """Return the class probabilities of each input, shape (batch, classes). Inputs are flattened.

        Raises:
            ValueError: inputs without a batch axis, or whose number of entries is not the number of qubits.
        """
        rows = as_rows("inputs", inputs, size=self.num_qubits)
        return jax.nn.softmax(jax.vmap(lambda x: qcnn(x, self.angles[...]))(rows))


def _drawn(rngs: nnx.Rngs, shape: tuple[int, ...], spread: float | None, dtype: jnp.dtype) -> Array:
    if spread is None:
        return jax.random.uniform(rngs.params(), shape, dtype, 0, 2 * math.pi)
    return spread * jax.random.normal(rngs.params(), shape, dtype)
