"""Plain Flax networks of like size: the honest baselines of the coherent ones. They return softmax probabilities."""

from collections.abc import Sequence
from itertools import pairwise

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

from qla_jax._checks import as_integers, require, require_kind
from qla_jax.nn._shapes import as_image_shape, as_images, as_rows, as_sizes


class PlainMLP(nnx.Module):
    """Fully connected layers with ReLU on the flattened input.

    Raises:
        ValueError: fewer than two widths, or one that is no integer of at least 1.
    """

    def __init__(self, widths: Sequence[int], *, rngs: nnx.Rngs):
        widths = as_integers("widths", widths, least=1)
        require(len(widths) >= 2, f"`widths` must be at least two, of inputs and outputs, but are {widths}.")
        self.size = widths[0]
        self.layers = nnx.List([nnx.Linear(have, give, rngs=rngs) for have, give in pairwise(widths)])

    def __call__(self, inputs: Float[Array, "batch ..."]) -> Float[Array, "batch outcomes"]:
        """Class probabilities.

        Raises:
            ValueError: no batch, or inputs with another number of entries than the first width.
        """
        x = as_rows("inputs", inputs, size=self.size)
        for layer in self.layers[:-1]:
            x = jax.nn.relu(layer(x))
        return jax.nn.softmax(self.layers[-1](x))


class PlainCNN(nnx.Module):
    """3 x 3 convolutions with ReLU and skip connections, then one linear layer.

    Raises:
        ValueError: sizes that are no integers of at least 1.
    """

    def __init__(self, channels: int, depth: int, shape: tuple[int, int, int], outcomes: int, *, rngs: nnx.Rngs):
        channels, depth, outcomes = as_sizes(channels=channels, depth=depth, outcomes=outcomes)
        self.shape = shape = as_image_shape(shape)
        self.first = nnx.Conv(shape[0], channels, (3, 3), rngs=rngs)
        self.rest = nnx.List([nnx.Conv(channels, channels, (3, 3), rngs=rngs) for _ in range(depth - 1)])
        self.last = nnx.Linear(channels * shape[1] * shape[2], outcomes, rngs=rngs)

    def __call__(self, images: Float[Array, "batch channel row column"]) -> Float[Array, "batch outcomes"]:
        """Class probabilities.

        Raises:
            ValueError: images of another shape or, where it can be seen, not finite.
        """
        x = jax.nn.relu(self.first(jnp.moveaxis(as_images(images, self.shape), 1, -1)))
        for layer in self.rest:
            x = x + jax.nn.relu(layer(x))
        return jax.nn.softmax(self.last(x.reshape(len(x), -1)))


class PlainPatchCNN(nnx.Module):
    """Convolutions on patches that do not overlap, each halving the image, with ReLU; then one linear layer.

    What quanvolutional layers of 2 x 2 patches are without a circuit.

    Raises:
        ValueError: sizes that are no integers of at least 1, or an image that is halved more often than it can be.
    """

    def __init__(self, channels: int, depth: int, shape: tuple[int, int, int], outcomes: int, *, rngs: nnx.Rngs):
        channels, depth, outcomes = as_sizes(channels=channels, depth=depth, outcomes=outcomes)
        self.shape = shape = as_image_shape(shape)
        left = min(shape[1:]) >> depth
        require(left >= 1, f"`depth` must leave a pixel of images of {shape[1:]}, but halves them {depth} times.")
        widths = [shape[0], *[channels] * depth]
        self.layers = nnx.List(
            [nnx.Conv(have, give, (2, 2), strides=2, padding="VALID", rngs=rngs) for have, give in pairwise(widths)]
        )
        self.last = nnx.Linear(channels * (shape[1] >> depth) * (shape[2] >> depth), outcomes, rngs=rngs)

    def __call__(self, images: Float[Array, "batch channel row column"]) -> Float[Array, "batch outcomes"]:
        """Class probabilities.

        Raises:
            ValueError: images of another shape or, where it can be seen, not finite.
        """
        x = jnp.moveaxis(as_images(images, self.shape), 1, -1)
        for layer in self.layers:
            x = jax.nn.relu(layer(x))
        return jax.nn.softmax(self.last(x.reshape(len(x), -1)))


def count_parameters(model: nnx.Module) -> int:
    """Entries of all parameters."""
    require_kind("model", model, nnx.Module)
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))
