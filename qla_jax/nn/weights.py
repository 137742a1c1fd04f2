"""Trainable weights of a `CoherentResNet`: parameters that become matrices of norm at most 1.

In each call a parameter is divided by a certified bound on its spectral norm; gradients pass through the bound.

References:
    Rattew et al. (2025), Lemmas 5, 6 and C.1. https://arxiv.org/abs/2510.07195
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

from qla_jax._checks import as_image, as_integer, as_real, require
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.matrices.convolution import Convolution, block_encode_convolution
from qla_jax.encodings.matrices.dense import Dense, block_encode
from qla_jax.linalg.norms import convolution_norm_bound, spectral_norm_bound
from qla_jax.linalg.products import FULL, PrecisionLike, as_precision
from qla_jax.meshes import BATCH, divided, shards, whole
from qla_jax.networks.residual import LIPSCHITZ
from qla_jax.networks.terminal import TAU

Products = TypeVar("Products", Dense, Convolution)


class Weight(nnx.Module, ABC):
    """Base class of the weights of a block: parameters that become the block encoding of a matrix of norm at most 1."""

    @abstractmethod
    def encoding(self) -> BlockEncoding:
        """Return the block encoding of the normalized weight, rebuilt from the parameters."""

    @abstractmethod
    def skip_bound(self) -> Array:
        r"""Return a certified bound on $\|1 + LW\|$ with the activation's Lipschitz constant L; it sharpens errors."""


def encodings_of(weights: Sequence[Weight]) -> list[BlockEncoding]:
    """Return the block encodings of the normalized weights.

    In a training on a mesh, weights of equal build are normalized on different devices: the bounds on their norms take
    most of a step otherwise, since every device computes all of them.

    Args:
        weights: weights of a network.
    """
    if shards(BATCH) == 1:
        return [weight.encoding() for weight in weights]
    found: dict[int, BlockEncoding] = {}
    split = [nnx.split(weight) for weight in weights]
    shapes = [jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), state) for _, state in split]
    for first, (graph, _) in enumerate(split):
        alike = [i for i, (other, _) in enumerate(split) if other == graph and shapes[i] == shapes[first]]
        if first == alike[0]:
            found |= zip(alike, _encoded_apart(graph, [split[i][1] for i in alike]), strict=True)
    return [found[i] for i in range(len(weights))]


def _encoded_apart(graph: Any, states: list[Any]) -> list[BlockEncoding]:
    """Return the encodings of weights of one build, each computed on one device and then given to all."""
    filled = [states[min(i, len(states) - 1)] for i in range(-(-len(states) // shards(BATCH)) * shards(BATCH))]
    # Whole before divided: values are then cut, and their derivatives gathered, instead of sent layer by layer.
    stacked = jax.tree.map(lambda *leaves: divided(whole(jnp.stack(leaves), BATCH), 0, BATCH), *filled)
    encoded = jax.vmap(lambda state: nnx.merge(graph, state).encoding())(stacked)
    encoded = jax.tree.map(lambda leaf: whole(leaf, BATCH), encoded)
    return [jax.tree.map(lambda leaf, i=i: leaf[i], encoded) for i in range(len(states))]


def multiplied_in(enc: Products, precision: jax.lax.Precision) -> Products:
    """Return an encoding whose encoded view multiplies in some precision; with less than all bits `eps` is `inf`.

    Args:
        enc: encoding of a stored matrix or of a convolution.
        precision: precision of the products.
    """
    if precision == FULL:
        return enc
    return enc.replace(precision=precision, eps=jnp.full_like(enc.eps, jnp.inf))


class DenseWeight(Weight):
    """Dense N x N weight of a block, divided by a certified bound on its spectral norm.

    The weight starts near minus the identity. A block then nearly cancels the linear part of its input and keeps the
    cubic part, and training does not stop at the best linear map, where a random start ends. The price is a small norm
    N before normalization.

    Args:
        size: N, the number of rows and columns.
        rngs: random streams of the parameters.
        noise: size of the random part of the start, relative to the identity.
        dtype: precision of the parameters.
        precision: precision of the products with the weight in the encoded view, such as "tensorfloat32". With less
            than all bits of float32, the default, no error is bounded and every `eps` is `inf`.

    Raises:
        ValueError: a size that is not an integer of at least 1, or a precision that is none of JAX.

    Example:
        >>> enc = DenseWeight(4, rngs=nnx.Rngs(0)).encoding()
        >>> enc.shape, float(enc.alpha)
        ((4, 4), 1.0)

    References:
        Rattew et al. (2025), Lemma 6. https://arxiv.org/abs/2510.07195
    """

    def __init__(
        self,
        size: int,
        *,
        rngs: nnx.Rngs,
        noise: float = 0.03,
        dtype: jnp.dtype = jnp.float32,
        precision: PrecisionLike = FULL,
    ):
        self.precision = as_precision("precision", precision)
        size = as_integer("size", size, least=1)
        draw = jax.random.normal(rngs.params(), (size, size), dtype)
        self.kernel = nnx.Param(noise / math.sqrt(size) * draw - jnp.eye(size, dtype=dtype))

    def encoding(self) -> Dense:
        """Return the block encoding of the normalized weight by a unitary dilation, with subnormalization 1."""
        kernel = self.kernel[...]
        enc = block_encode(kernel / spectral_norm_bound(kernel), alpha=jnp.ones((), kernel.dtype))
        return multiplied_in(enc, self.precision)

    def skip_bound(self) -> Array:
        matrix = self.encoding().matrix
        return spectral_norm_bound(jnp.eye(len(matrix), dtype=matrix.dtype) + LIPSCHITZ * matrix)


class ConvolutionWeight(Weight):
    """Multi-filter 2D convolution weight of a block, divided by a certified bound on its spectral norm.

    The numbers of input and output channels are equal. The weight starts near minus the identity, which keeps the cubic
    part of a block's input.

    Args:
        channels: number of input channels, and of output channels.
        image: rows and columns of the image.
        rngs: random streams of the parameters.
        size: rows and columns of the kernel.
        noise: size of the random part of the start, relative to the identity.
        dtype: precision of the parameters.
        precision: precision of the products with the weight in the encoded view, such as "tensorfloat32". With less
            than all bits of float32, the default, no error is bounded and every `eps` is `inf`.

    Raises:
        ValueError: a size that is not an integer of at least 1, a kernel that reaches over the image, or a precision
            that is none of JAX.

    Example:
        >>> ConvolutionWeight(2, (4, 4), rngs=nnx.Rngs(0)).encoding().shape
        (32, 32)

    References:
        Rattew et al. (2025), Lemma 5. https://arxiv.org/abs/2510.07195
    """

    def __init__(
        self,
        channels: int,
        image: tuple[int, int],
        *,
        rngs: nnx.Rngs,
        size: int = 3,
        noise: float = 0.03,
        dtype: jnp.dtype = jnp.float32,
        precision: PrecisionLike = FULL,
    ):
        self.precision = as_precision("precision", precision)
        channels, size = as_integer("channels", channels, least=1), as_integer("size", size, least=1)
        self.image = as_image("image", image)
        reach = size // 2
        require(reach < min(image) or reach == 0, f"`size` must not reach over the image {image}, but is {size}.")
        draw = jax.random.normal(rngs.params(), (channels, channels, size, size), dtype)
        middle = (size - 1) // 2
        start = noise / math.sqrt(channels * size**2) * draw
        self.kernel = nnx.Param(start.at[:, :, middle, middle].add(-jnp.eye(channels, dtype=dtype)))

    def encoding(self) -> Convolution:
        """Return the block encoding of the normalized convolution (Lemma 5), with a norm bound of 1."""
        kernel = self.kernel[...]
        enc = block_encode_convolution(kernel / convolution_norm_bound(kernel, self.image), self.image)
        # The kernel was divided by a certified bound on its norm, which is 1 at most up to rounding.
        return multiplied_in(enc.replace(norm_bound=jnp.ones_like(enc.alpha)), self.precision)

    def skip_bound(self) -> Array:
        kernel = LIPSCHITZ * self.encoding().kernel
        middle = (kernel.shape[-1] - 1) // 2
        kernel = kernel.at[:, :, middle, middle].add(jnp.eye(len(kernel), dtype=kernel.dtype))
        return convolution_norm_bound(kernel, self.image)


class TerminalWeight(nnx.Module):
    r"""Dense matrix W and skip weight $\tau$ of a terminal block, $\tau\psi + (1 - \tau)W|\psi|^2$ normalized.

    The matrix is divided by a certified bound on its spectral norm, and starts near minus the identity.

    Args:
        size: number of rows and columns of W, the entries of the state.
        rngs: random streams of the parameters.
        tau: weight of the skip connection, between 0.5 and 1.
        noise: size of the random part of the start, relative to the identity.
        dtype: precision of the parameters.

    Raises:
        ValueError: a size that is not an integer of at least 1, or `tau` out of range.

    Example:
        >>> matrix = TerminalWeight(4, rngs=nnx.Rngs(0)).matrix()
        >>> bool(jnp.linalg.norm(matrix, 2) <= 1)
        True

    References:
        Rattew et al. (2025), Lemma C.1. https://arxiv.org/abs/2510.07195
    """

    def __init__(
        self, size: int, *, rngs: nnx.Rngs, tau: float = TAU, noise: float = 0.03, dtype: jnp.dtype = jnp.float32
    ):
        size = as_integer("size", size, least=1)
        require(0.5 < as_real("tau", tau) < 1, f"`tau` must lie between 0.5 and 1, but is {tau}.")
        draw = jax.random.normal(rngs.params(), (size, size), dtype)
        self.kernel = nnx.Param(noise / math.sqrt(size) * draw - jnp.eye(size, dtype=dtype))
        self.tau = tau

    def matrix(self) -> Float[Array, "n n"]:
        """Return the matrix W, whose spectral norm is at most 1."""
        kernel = self.kernel[...]
        return kernel / spectral_norm_bound(kernel)
