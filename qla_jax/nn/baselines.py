"""Classical baselines of the quantum networks: plain Flax networks that return softmax probabilities.

A baseline has about as many parameters as the quantum network that it is compared with; `count_parameters` counts them.
"""

from collections.abc import Sequence
from itertools import pairwise

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

from qla_jax._checks import as_integers, require, require_kind
from qla_jax.linalg.products import FULL, PrecisionLike, as_precision
from qla_jax.nn._shapes import as_image_shape, as_images, as_rows, as_sizes


class PlainMLP(nnx.Module):
    """Multilayer perceptron: fully connected layers with ReLU between them, then softmax.

    Args:
        widths: entries of an input, widths of the hidden layers, number of classes.
        rngs: random streams of the parameters.
        precision: precision of the products, such as "tensorfloat32"; all bits of float32 unless given.

    Raises:
        ValueError: fewer than two widths, a width that is not an integer of at least 1, or a precision that is none of
            JAX.

    Example:
        >>> net = PlainMLP((4, 8, 3), rngs=nnx.Rngs(0))
        >>> net(jnp.ones((5, 2, 2))).shape
        (5, 3)

    References:
        Rumelhart, Hinton, Williams (1986), the multilayer perceptron. https://doi.org/10.1038/323533a0
    """

    def __init__(self, widths: Sequence[int], *, rngs: nnx.Rngs, precision: PrecisionLike = FULL):
        widths = as_integers("widths", widths, least=1)
        require(len(widths) >= 2, f"`widths` must be at least two, of inputs and outputs, but are {widths}.")
        self.size, precision = widths[0], as_precision("precision", precision)
        self.layers = nnx.List(
            [nnx.Linear(have, give, precision=precision, rngs=rngs) for have, give in pairwise(widths)]
        )

    def __call__(self, inputs: Float[Array, "batch ..."]) -> Float[Array, "batch outcomes"]:
        """Return the class probabilities of each input, shape (batch, outcomes). Inputs are flattened.

        Raises:
            ValueError: inputs without a batch axis, or whose number of entries is not the first width.
        """
        x = as_rows("inputs", inputs, size=self.size)
        for layer in self.layers[:-1]:
            x = jax.nn.relu(layer(x))
        return jax.nn.softmax(self.layers[-1](x))


class PlainCNN(nnx.Module):
    """Convolutional network: 3 x 3 convolutions with ReLU and skip connections, one linear layer, softmax.

    Args:
        channels: channels after each convolution.
        depth: number of convolutions; the first has no skip connection.
        shape: shape of an image, (channels, rows, columns).
        outcomes: number of classes.
        rngs: random streams of the parameters.
        precision: precision of the products, such as "tensorfloat32"; all bits of float32 unless given.

    Raises:
        ValueError: a size that is not an integer of at least 1, or a precision that is none of JAX.

    Example:
        >>> net = PlainCNN(4, 2, (1, 8, 8), 10, rngs=nnx.Rngs(0))
        >>> net(jnp.ones((5, 1, 8, 8))).shape
        (5, 10)

    References:
        He, Zhang, Ren, Sun (2016), skip connections. https://arxiv.org/abs/1512.03385
    """

    def __init__(
        self,
        channels: int,
        depth: int,
        shape: tuple[int, int, int],
        outcomes: int,
        *,
        rngs: nnx.Rngs,
        precision: PrecisionLike = FULL,
    ):
        channels, depth, outcomes = as_sizes(channels=channels, depth=depth, outcomes=outcomes)
        precision = as_precision("precision", precision)
        self.shape = shape = as_image_shape(shape)
        self.first = nnx.Conv(shape[0], channels, (3, 3), precision=precision, rngs=rngs)
        self.rest = nnx.List(
            [nnx.Conv(channels, channels, (3, 3), precision=precision, rngs=rngs) for _ in range(depth - 1)]
        )
        self.last = nnx.Linear(channels * shape[1] * shape[2], outcomes, precision=precision, rngs=rngs)

    def __call__(self, images: Float[Array, "batch channel row column"]) -> Float[Array, "batch outcomes"]:
        """Return the class probabilities of each image, shape (batch, outcomes).

        Raises:
            ValueError: images of another shape; entries that are not finite, unless the images are traced.
        """
        x = jax.nn.relu(self.first(jnp.moveaxis(as_images(images, self.shape), 1, -1)))
        for layer in self.rest:
            x = x + jax.nn.relu(layer(x))
        return jax.nn.softmax(self.last(x.reshape(len(x), -1)))


class PlainPatchCNN(nnx.Module):
    """Convolutional network on patches that do not overlap, the classical counterpart of a quanvolutional network.

    Each layer is a 2 x 2 convolution of stride 2 with ReLU, which halves the image, where a quanvolutional layer runs a
    circuit on each 2 x 2 patch. One linear layer and softmax follow.

    Args:
        channels: channels after each convolution.
        depth: number of convolutions.
        shape: shape of an image, (channels, rows, columns).
        outcomes: number of classes.
        rngs: random streams of the parameters.
        precision: precision of the products, such as "tensorfloat32"; all bits of float32 unless given.

    Raises:
        ValueError: a size that is not an integer of at least 1, more layers than the sides can be halved, or a
            precision that is none of JAX.

    Example:
        >>> net = PlainPatchCNN(4, 2, (1, 8, 8), 10, rngs=nnx.Rngs(0))
        >>> net(jnp.ones((5, 1, 8, 8))).shape
        (5, 10)

    References:
        Henderson, Shakya, Pradhan, Cook (2019), quanvolutional layers. https://arxiv.org/abs/1904.04767
    """

    def __init__(
        self,
        channels: int,
        depth: int,
        shape: tuple[int, int, int],
        outcomes: int,
        *,
        rngs: nnx.Rngs,
        precision: PrecisionLike = FULL,
    ):
        channels, depth, outcomes = as_sizes(channels=channels, depth=depth, outcomes=outcomes)
        precision = as_precision("precision", precision)
        self.shape = shape = as_image_shape(shape)
        left = min(shape[1:]) >> depth
        require(left >= 1, f"`depth` must leave a pixel of images of {shape[1:]}, but halves them {depth} times.")
        widths = [shape[0], *[channels] * depth]
        self.layers = nnx.List(
            [
                nnx.Conv(have, give, (2, 2), strides=2, padding="VALID", precision=precision, rngs=rngs)
                for have, give in pairwise(widths)
            ]
        )
        self.last = nnx.Linear(
            channels * (shape[1] >> depth) * (shape[2] >> depth), outcomes, precision=precision, rngs=rngs
        )

    def __call__(self, images: Float[Array, "batch channel row column"]) -> Float[Array, "batch outcomes"]:
        """Return the class probabilities of each image, shape (batch, outcomes).

        Raises:
            ValueError: images of another shape; entries that are not finite, unless the images are traced.
        """
        x = jnp.moveaxis(as_images(images, self.shape), 1, -1)
        for layer in self.layers:
            x = jax.nn.relu(layer(x))
        return jax.nn.softmax(self.last(x.reshape(len(x), -1)))


def count_parameters(model: nnx.Module) -> int:
    """Return the number of entries of all parameters of a module.

    Variables that are no `nnx.Param`, such as running statistics and frozen angles, do not count.

    Args:
        model: the module.

    Raises:
        TypeError: a model that is not an NNX module.

    Example:
        >>> count_parameters(PlainMLP((4, 3), rngs=nnx.Rngs(0)))  # a 4 x 3 kernel and 3 biases
        15

    References:
        Flax documentation, NNX variables. https://flax.readthedocs.io
    """
    require_kind("model", model, nnx.Module)
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))
