"""Classical paths in front of a coherent network: each turns an image into a vector that a circuit loads explicitly.

Regimes 2 and 3 of the paper take the Kronecker product of d such vectors: N entries each are loaded, and the network
works on $N^d$ amplitudes.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

STRIDE = 2


class ConvolutionalPath(nnx.Module):
    """Strided 3 x 3 convolutions with ReLU between them, then one linear layer: O(N) operations for N pixels.

    Args:
        shape: of the images, (channel, row, column).
        size: N, entries of the vector.
        width: channels in between.
        rngs: of the parameters.
    """

    def __init__(self, shape: tuple[int, int, int], size: int, *, width: int = 16, rngs: nnx.Rngs):
        channels, rows, columns = shape
        self.first = nnx.Conv(channels, width, (3, 3), strides=STRIDE, rngs=rngs)
        self.second = nnx.Conv(width, width, (3, 3), strides=STRIDE, rngs=rngs)
        places = -(-rows // STRIDE**2) * -(-columns // STRIDE**2)
        self.last = nnx.Linear(width * places, size, rngs=rngs)

    def __call__(self, images: Float[Array, "batch channel row column"]) -> Float[Array, "batch size"]:
        """The vectors, not normalized."""
        x = jax.nn.relu(self.first(jnp.moveaxis(images, 1, -1)))
        x = jax.nn.relu(self.second(x))
        return self.last(x.reshape(len(x), -1))
