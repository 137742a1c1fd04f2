"""Classical paths before a coherent network: a path turns an image into a vector that the circuit loads.

Regimes 2 and 3 of the paper take the Kronecker product of d such vectors. The circuit loads d vectors of N entries, and
the network works on $N^d$ amplitudes.

References:
    Rattew et al. (2025), Theorem 2 and Figure 1. https://arxiv.org/abs/2510.07195
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

from qla_jax.linalg.products import FULL, PrecisionLike, as_precision

STRIDE = 2
"""Factor by which each convolution of a path reduces both sides of an image."""


class ConvolutionalPath(nnx.Module):
    """Classical path of strided convolutions: from an image to a vector that a coherent network loads.

    Two 3 x 3 convolutions of stride 2 with ReLU are followed by one linear layer. For P pixels and a fixed N this
    takes O(P) operations.

    Args:
        shape: shape of an image, (channels, rows, columns).
        size: N, the number of entries of the vector.
        width: channels after each convolution.
        rngs: random streams of the parameters.
        precision: precision of the products, such as "tensorfloat32"; all bits of float32 unless given.

    Raises:
        ValueError: a precision that is none of JAX.

    Example:
        >>> path = ConvolutionalPath((1, 8, 8), 16, width=4, rngs=nnx.Rngs(0))
        >>> path(jnp.ones((5, 1, 8, 8))).shape
        (5, 16)

    References:
        Rattew et al. (2025), Theorem 2 and Figure 1. https://arxiv.org/abs/2510.07195
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        size: int,
        *,
        width: int = 16,
        rngs: nnx.Rngs,
        precision: PrecisionLike = FULL,
    ):
        precision = as_precision("precision", precision)
        channels, rows, columns = shape
        self.first = nnx.Conv(channels, width, (3, 3), strides=STRIDE, precision=precision, rngs=rngs)
        self.second = nnx.Conv(width, width, (3, 3), strides=STRIDE, precision=precision, rngs=rngs)
        places = -(-rows // STRIDE**2) * -(-columns // STRIDE**2)
        self.last = nnx.Linear(width * places, size, precision=precision, rngs=rngs)

    def __call__(self, images: Float[Array, "batch channel row column"]) -> Float[Array, "batch size"]:
        """Return the vector of each image, not normalized, shape (batch, size)."""
        x = jax.nn.relu(self.first(jnp.moveaxis(images, 1, -1)))
        x = jax.nn.relu(self.second(x))
        return self.last(x.reshape(len(x), -1))
